/*
 * run_metrics.h - what is known of a job's runs: remembered for the next one, told to Prometheus.
 *
 * The metrics are a text file in Prometheus' exposition format, replaced as a whole after each run,
 * for the textfile collector of its node exporter. When a run last succeeded is kept in the state
 * folder (job-NAME.last), so that a failure does not make it forgotten.
 */
#ifndef HF_APP_RUN_METRICS_H
#define HF_APP_RUN_METRICS_H

#include "app/app.h"
#include "app/run_step.h"

struct run_facts {
    const char *job;
    int code; /* of the whole */
    int64_t end_ns, duration_ns;
    int64_t success_ns;     /* the last one; 0: none is known */
    int64_t stale_after_ns; /* 0: nobody said */
    const struct app_made *made;
    const struct run_step *steps; /* [RUN_STEPS] */
};

/* 0 in *out_ns if there was none, or nothing is known. */
void run_metrics_recall(const char *folder, const char *job, int64_t *out_ns);
int run_metrics_remember(const char *folder, const char *job, int64_t ns);

int run_metrics_write(const char *path, const struct run_facts *facts);

#endif
