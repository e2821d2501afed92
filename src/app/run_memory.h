/*
 * run_memory.h - what is remembered of a job's runs, so that a failure does not make it forgotten.
 *
 * It lies in the state folder (job-NAME.last), replaced as a whole after each run. The file is
 * text: the time of the last success, and a line "WORD TIME EXIT" for each other thing, in
 * nanoseconds since 1970.
 */
#ifndef HF_APP_RUN_MEMORY_H
#define HF_APP_RUN_MEMORY_H

#include <stdint.h>

struct run_memory_event {
    int64_t ns; /* when it ended; 0: it is not known of any */
    int exit;
};

struct run_memory {
    int64_t success_ns; /* 0: none is known */
    struct run_memory_event run, check, drill;
};

/* Zeros if there was none, or nothing is known. */
void run_memory_load(const char *folder, const char *job, struct run_memory *out);
int run_memory_save(const char *folder, const char *job, const struct run_memory *m);

#endif
