/*
 * schedule_cron.h - a calendar expression of systemd.time(7) as the five fields of a crontab.
 *
 * cron knows less: no seconds, no years, no days counted from the end of a month, no time zone. And
 * where days of the month and of the week are both given, cron takes either and systemd both. What
 * would mean something else is refused.
 */
#ifndef HF_APP_SCHEDULE_CRON_H
#define HF_APP_SCHEDULE_CRON_H

#include "base/buf.h"

/* Appends "MINUTE HOUR DAY MONTH WEEKDAY". HF_EUSAGE. */
int schedule_cron_fields(const char *calendar, struct buf *out);

#endif
