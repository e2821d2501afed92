/*
 * logfile.h - the log of a job's run: a file that may be rotated, and the tail of what was said.
 *
 * A line is text ("TIME LEVEL JOB RUN MESSAGE") or JSON with the same facts, written by one call,
 * so that several jobs may share a file. The file is opened again after SIGHUP, and as soon as its
 * name leads to another one: it can be renamed away at any time. Its tail is kept in memory, with
 * or without a file. One thread at a time.
 */
#ifndef HF_APP_LOGFILE_H
#define HF_APP_LOGFILE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/log.h"

#define LOGFILE_TAIL_BYTES ((size_t)10000) /* what services for pings keep */

struct logfile;

struct logfile_line {
    int64_t time_ns;
    enum log_level level;
    const char *run; /* its id */
    const char *message;
};

/* path NULL: only the tail is kept. job is borrowed. A file that can't be opened is an error. */
int logfile_open(const char *path, bool json, const char *job, struct logfile **out_log);
void logfile_line(struct logfile *l, const struct logfile_line *line);
/* Appends the last lines, as text, each whole. */
void logfile_tail(const struct logfile *l, struct buf *out);
/* 0, or the first failure to write it. */
int logfile_error(const struct logfile *l);
void logfile_close(struct logfile *l); /* accepts NULL */

/* "error", "warn", "info", "debug". */
const char *logfile_level_name(enum log_level level);
/* A line of JSON with these facts; job NULL: without one. */
void logfile_put_json(struct buf *b, const struct logfile_line *line, const char *job);

#endif
