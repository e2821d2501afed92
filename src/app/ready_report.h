/*
 * ready_report.h - what came of judging a policy, in the forms that people and programs read.
 */
#ifndef HF_APP_READY_REPORT_H
#define HF_APP_READY_REPORT_H

#include "app/json.h"
#include "app/out.h"
#include "engine/ready.h"

/* For a terminal, or a log. */
void ready_report_print(struct out *out, struct ready_result *r, bool colours);
/* The document of docs/schema/ready.json. */
void ready_report_json(struct json *j, struct ready_result *r);
/* Prometheus' exposition format: holdfast_ready, holdfast_gate_state{gate=...}, ... */
void ready_report_metrics(struct buf *b, struct ready_result *r);
/* HF_EUSAGE: no form is known by that name's ending; beside those of report.h there is .prom. */
int ready_report_accepts(const char *path);
/* Writes one, in the form that its name asks for; it appears whole or not at all. */
int ready_report_write(const char *path, struct ready_result *r);
int ready_report_write_metrics(const char *path, struct ready_result *r);

#endif
