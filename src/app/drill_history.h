/*
 * drill_history.h - the kinds of drills, and the drills that are on record.
 */
#ifndef HF_APP_DRILL_HISTORY_H
#define HF_APP_DRILL_HISTORY_H

#include "app/app.h"

/* "drill list". */
int drill_history_kinds(struct app *app);
/*
 * "drill history": oldest first; of one kind, if its name is given. Evidence that can't be believed
 * is warned of, and makes it HF_EDAMAGE.
 */
int drill_history_show(struct app *app, const char *kind);

#endif
