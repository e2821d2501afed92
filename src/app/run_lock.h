/*
 * run_lock.h - a job runs once at a time.
 *
 * The lock is a file in the state folder, job-NAME.lock, held by flock: it ends with the process,
 * however that ends. What the file says is only for messages; the file stays.
 */
#ifndef HF_APP_RUN_LOCK_H
#define HF_APP_RUN_LOCK_H

/* HF_EHELD says which process has it. *out_fd is to be released. */
int run_lock_take(const char *folder, const char *job, int *out_fd);
void run_lock_release(int fd);

#endif
