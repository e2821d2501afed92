/*
 * signals.h - being asked to stop.
 *
 * SIGINT, SIGTERM and SIGHUP set a flag that long work polls, and interrupt system calls; the work
 * then ends cleanly by itself. A second one ends the program at once, which is always safe: nothing
 * that was published depends on an orderly end. SIGPIPE is ignored (see out.h). The same flag ends
 * work whose time is up.
 */
#ifndef HF_APP_SIGNALS_H
#define HF_APP_SIGNALS_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

void signals_install(void);
/* The signal that came, or 0. */
const volatile sig_atomic_t *signals_flag(void);
/* HF_EINTERRUPTED becomes HF_ETERMINATED where that is what it was; other codes stay. */
int signals_name(int code);
/*
 * From that time on the flag is SIGALRM, and a wait is interrupted every few seconds. Each call
 * begins anew, as if no time had been up; 0 sets no limit.
 */
void signals_expire_in(int64_t ns);
bool signals_expired(void);
/*
 * While somebody keeps a log that may be rotated, SIGHUP asks for it to be opened again, and for
 * nothing else. Taking it says whether one came since.
 */
void signals_keep_hangup(bool keep);
bool signals_take_hangup(void);
/* 0, or HF_EINTERRUPTED or HF_ETERMINATED with a trail. */
int signals_check(void);

#endif
