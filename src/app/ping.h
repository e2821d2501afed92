/*
 * ping.h - a service in the web is told how a job goes, and notices when it is told nothing.
 *
 * The conventions are those of healthchecks.io: URL/start when it begins, URL when all was done,
 * URL/fail when it was not; `rid` is the id of the run; the body is the end of its log. What stands
 * behind the host of the URL is as good as a password there, and never told in a message.
 */
#ifndef HF_APP_PING_H
#define HF_APP_PING_H

#include <signal.h>

#include "base/buf.h"

enum ping_event { PING_START, PING_SUCCESS, PING_FAILURE };

struct ping {
    const char *url;
    const char *run;                   /* its id: 32 hex digits */
    const struct buf *body;            /* or NULL */
    const volatile sig_atomic_t *stop; /* gives up when this is not 0; or NULL */
};

/* Bounded in time. HF_EFAIL says what went wrong, also with an answer that is no 2xx. */
int ping_send(const struct ping *p, enum ping_event event);

/* Appends the URL that is asked for. */
void ping_put_url(struct buf *b, const char *url, const char *run, enum ping_event event);

#endif
