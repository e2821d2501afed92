/*
 * child.h - running what the user told us to: hooks, password commands, commands that write a
 * stream.
 *
 * A child gets the signals and the umask that this program was started with. When we are asked to
 * stop while waiting for a child, it is told to terminate, and waited for. One that has a limit is
 * a process group of its own: when its time is up, or we are asked to stop, it and all its
 * descendants are told to terminate, and killed if they don't.
 */
#ifndef HF_APP_CHILD_H
#define HF_APP_CHILD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"

struct child {
    const char *what; /* for messages: "the command pg_dump" */
    pid_t pid;        /* 0: none */
    int out_fd;       /* the reading end of its standard output, or -1 */
    int64_t limit_ns; /* as its options say */
};

struct child_options {
    const char *what;
    const char *const *argv;        /* NULL-terminated; argv[0] is looked for in PATH */
    const char *const *environment; /* "NAME=VALUE" beside ours; NULL-terminated, or NULL */
    bool capture;                   /* standard output to out_fd; else to our standard error */
    bool no_input;                  /* standard input is /dev/null */
    bool no_secrets;                /* it does not get what holds a password of ours */
    int64_t limit_ns;               /* how long it may take; 0: as long as it wants */
    mode_t umask;
};

int child_start(const struct child_options *options, struct child *out);
/* Waits. 0 if it exited with 0; HF_EFAIL says how it ended. Closes out_fd. */
int child_finish(struct child *c);
/* Tells it to terminate, and waits; nothing if there is none. */
void child_stop(struct child *c);

/* Runs a shell command line to its end; `out`, if not NULL, gets what it writes, up to max bytes.
 */
int child_shell(const struct child_options *options, const char *command, struct buf *out,
                size_t max);

#endif
