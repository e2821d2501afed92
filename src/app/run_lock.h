/*
 * run_lock.h - a job runs once at a time.
 *
 * The lock is a file in the state folder, job-NAME.lock, held by flock: it ends with the process,
 * however that ends. What the file says is only for messages; the file stays.
 */
#ifndef HF_APP_RUN_LOCK_H
#define HF_APP_RUN_LOCK_H

#include <stdbool.h>

/* HF_EHELD says which process has it. *out_fd is to be released. */
int run_lock_take(const char *folder, const char *job, int *out_fd);
/* Whether somebody has it; nothing is made, and nobody kept from taking it. */
bool run_lock_is_held(const char *folder, const char *job);
void run_lock_release(int fd);

#endif
