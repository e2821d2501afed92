/*
 * app.h - the program's one context: options for every command, where results and talk go.
 *
 * Results go to `out` (or, as JSON, through `json`), all else to standard error through app_note,
 * app_warn and the log. A command returns its error code with the trail set; the app prints it
 * once, as one sentence with its hint, and turns it into the exit status. Only this room prints,
 * parses arguments or exits.
 */
#ifndef HF_APP_APP_H
#define HF_APP_APP_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "app/command.h"
#include "app/json.h"
#include "app/option.h"
#include "app/out.h"
#include "app/progress.h"
#include "base/clock.h"
#include "base/rnd.h"

struct app_options { /* what every command takes: app_option_table */
    const char *repo;
    const char *password_file;
    struct option_number password_fd;
    const char *key_file;
    const char *cache_dir;
    const char *config;
    bool no_cache;
    bool quiet;
    unsigned verbose;
    bool json;
    bool no_progress;
    const char *log_format;
    bool help;
    bool version;
};

struct logfile;

struct app_made { /* the snapshot that a backup has published */
    bool any;
    uint8_t id[16];
    uint64_t files, bytes, bytes_stored;
};

struct app {
    struct app_options options;
    struct out out;           /* standard output */
    struct out err;           /* standard error; under `lock` */
    struct json json;         /* on out */
    struct progress progress; /* under `lock` */
    pthread_mutex_t lock;     /* the log's sink is called from any thread */
    const struct clock *clock;
    struct rnd *rnd;
    const struct command *command;
    struct app_made made; /* the last one */
    mode_t umask_before;  /* for what others run on our behalf */
    char run_id[2 * UUID_BYTES + 1];
    bool journal;          /* standard error is read by systemd's journal */
    int64_t hook_limit_ns; /* how long a hook may take; 0: as long as it wants */
    struct logfile *log;   /* of the job that is run, or NULL; under `lock` */
};

extern const struct option app_option_table[];

/* Does what the command line says; returns the exit status. */
int app_run(int argc, char **argv);

/* Runs a command with its arguments, as a part of another one. */
int app_step(struct app *app, const struct command *c, char *const *argv, size_t argc);

/* Talk for people: not under -q or --json. */
void app_note(struct app *app, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void app_warn(struct app *app, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* One JSON line {"type": ..., "path": ..., "code": ..., "message": ...} on standard output. */
void app_event(struct app *app, const char *type, const char *path, size_t path_len,
               const char *code, const char *message);

/* Of two outcomes the one that decides the exit status: 130/143, 4, 28, 3, 1. */
int app_worse(int a, int b);

#endif
