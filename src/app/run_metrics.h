/*
 * run_metrics.h - what is known of a job's runs, told to Prometheus.
 *
 * The metrics are a text file in Prometheus' exposition format, replaced as a whole after each run,
 * for the textfile collector of its node exporter.
 */
#ifndef HF_APP_RUN_METRICS_H
#define HF_APP_RUN_METRICS_H

#include "app/app.h"
#include "app/run_memory.h"
#include "app/run_step.h"

struct run_facts {
    const char *job;
    int code; /* of the whole */
    int64_t end_ns, duration_ns;
    const struct run_memory *memory;
    int64_t stale_after_ns; /* 0: nobody said */
    const struct app_made *made;
    const struct run_step *steps; /* [RUN_STEPS] */
};

int run_metrics_write(const char *path, const struct run_facts *facts);

#endif
