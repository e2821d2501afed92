/*
 * progress.h - how far long work has come.
 *
 * On a terminal one line of standard error that is rewritten, at most ten times a second; under
 * --json a line on standard output, at most once a second; otherwise nothing. What else is printed
 * goes between: app.c clears the line first.
 */
#ifndef HF_APP_PROGRESS_H
#define HF_APP_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct app;

struct progress {
    bool on_terminal;
    bool as_json;
    bool shown;   /* a line stands on the terminal */
    size_t width; /* its columns */
    int64_t started_ns;
    int64_t drawn_ns; /* 0: never */
};

struct progress_state {
    uint64_t files, bytes;
    uint64_t files_expected, bytes_expected; /* 0: unknown */
    uint64_t errors;
    const char *path;
    size_t path_len;
};

/* Begins: finds out where to show it. */
void progress_start(struct app *app);
void progress_update(struct app *app, const struct progress_state *state);
/* Takes the line off the terminal; what is printed next begins at the left. Under app's lock. */
void progress_clear(struct app *app);
/* Ends: nothing is shown any more. */
void progress_stop(struct app *app);

#endif
