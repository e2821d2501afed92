/*
 * process.h - a shell command under limits: of time, of output, and of what it leaves behind.
 *
 * The command runs in a session of its own, without our terminal, and has nothing to read. When it
 * ends, when its time is up, and when this program ends, however that happens, all that it has
 * started is killed, also what has made itself a daemon: nothing of it outlives process_run. Only
 * what can't be killed within five seconds does, since it waits for a disk that does not answer, or
 * has become another user's. All that it writes is read, and the beginning and the end are kept.
 * May be called from any thread.
 */
#ifndef HF_IO_PROCESS_H
#define HF_IO_PROCESS_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

#define PROCESS_KEEP_BYTES (32u << 10)

struct process_request {
    const char *command;               /* for /bin/sh -c */
    const char *const *environment;    /* "NAME=VALUE", all of it; NULL-terminated; NULL: ours,
                                          without its secrets */
    const char *folder;                /* where it runs; NULL: where we are */
    int64_t timeout_ns;                /* 0: it may take as long as it likes */
    size_t keep;                       /* bytes of output: so many first, so many last; 0:
                                          PROCESS_KEEP_BYTES */
    const volatile sig_atomic_t *stop; /* kills it when this is not 0; or NULL */
};

struct process_result {
    bool timed_out;
    int exit_status;   /* 0 to 255; -1: it did not exit, but */
    int signal;        /* was killed by this one */
    size_t left_over;  /* processes that were still there when it had ended by itself */
    struct buf output; /* standard output and error, in the order in which they were written, with
                          a line that says so where the middle is left out */
    int64_t duration_ns;
};

/*
 * Runs it to its end, whatever that is: that it failed is a result. HF_EFAIL: it could not be
 * started; HF_EINTERRUPTED. Release *out in either case.
 */
int process_run(const struct process_request *q, struct process_result *out);
void process_release(struct process_result *r);
/* How it ended, as a shell tells it: its exit status, or 128 and the signal. */
int process_status(const struct process_result *r);
/* Whether "NAME=VALUE" holds a password of ours: what a command that is none of ours is not given.
 */
bool process_is_secret(const char *variable);

/*
 * How many processes, we ourselves aside, run a program of that name: the kernel's name of it (its
 * file's, or what it calls itself), or the last part of its first argument. What has ended but was
 * not buried doesn't run. HF_EIO and its like where /proc can't be read.
 */
int process_find(const char *name, size_t *out_count);

#endif
