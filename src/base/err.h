/*
 * err.h - error codes, and the trail that explains them.
 *
 * A function that can fail returns 0 or a negative HF_E* code. Where a failure is detected, the
 * thread's trail is begun (err_raise, err_os); each caller that knows more adds what it was
 * trying to do (err_add). The top prints the trail once, as one sentence:
 *
 *     could not back up /srv: could not write segments/5f..: No space left on device
 *
 * The trail belongs to the thread and is bounded: neither allocates, so it works when memory is
 * gone. What does not fit is cut and marked by "...", the outermost first: the cause stays. A pool
 * worker hands its trail over with its result (err_take, err_give).
 */
#ifndef HF_BASE_ERR_H
#define HF_BASE_ERR_H

#include <stdbool.h>
#include <stddef.h>

enum {
    HF_OK = 0,
    HF_E_FIRST_ = -1000,
#define ERR(symbol, status, name, text) HF_E##symbol,
#include "base/err.def"
#undef ERR
    HF_E_END_
};

#define ERR_TRAIL_BYTES 2048
#define ERR_HINT_BYTES 512

struct err_trail {
    int code;                   /* 0: nothing went wrong */
    char text[ERR_TRAIL_BYTES]; /* the sentence so far */
    char hint[ERR_HINT_BYTES];  /* what to do next, or empty */
};

/* Begins this thread's trail anew with the cause, and returns code. */
int err_raise(int code, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/*
 * Begins the trail with a system error: "WHAT: No such file or directory". Returns the code that
 * stands for errnum (HF_ENOSPC for ENOSPC, EDQUOT; HF_EABSENT for ENOENT; HF_EEXISTS for EEXIST;
 * HF_EACCESS for EACCES, EPERM, EROFS; HF_ENOMEM for ENOMEM; HF_EFILES for EMFILE, ENFILE, which
 * say nothing about what was to be opened; otherwise HF_EIO).
 */
int err_os(int errnum, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Puts "WHAT: " before the trail and returns code, which may differ from the cause's. */
int err_add(int code, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/*
 * Says what to do next, of the trail begun before, and returns its code: `return err_hint(...);`.
 * The hint set first stands, since it is nearest to the cause.
 */
int err_hint(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Out of memory, for `return err_nomem();`. */
int err_nomem(void);

void err_clear(void);
const struct err_trail *err_last(void);

/* Moves this thread's trail out, so that nothing is left; and puts another's in its place. */
void err_take(struct err_trail *out_trail);
void err_give(const struct err_trail *trail);

/* The table: exit status, code string and class text of an error code. 0 is "ok"; a number that is
 * no code counts as HF_EFAIL. */
int err_exit_status(int code);
const char *err_code_name(int code);
const char *err_code_text(int code);

#endif
