/*
 * signals.h - being asked to stop.
 *
 * SIGINT, SIGTERM and SIGHUP set a flag that long work polls, and interrupt system calls; the work
 * then ends cleanly by itself. A second one ends the program at once, which is always safe: nothing
 * that was published depends on an orderly end. SIGPIPE is ignored (see out.h).
 */
#ifndef HF_APP_SIGNALS_H
#define HF_APP_SIGNALS_H

#include <signal.h>

void signals_install(void);
/* The signal that came, or 0. */
const volatile sig_atomic_t *signals_flag(void);
/* HF_EINTERRUPTED becomes HF_ETERMINATED where that is what it was; other codes stay. */
int signals_name(int code);
/* 0, or HF_EINTERRUPTED or HF_ETERMINATED with a trail. */
int signals_check(void);

#endif
