/*
 * main_gaps.c - gaps, for tests of the command line: what watches files would publish.
 *
 *     holdfast-gaps REPOSITORY KEY open JOB HOST REASON BEGIN      prints the gap's id
 *     holdfast-gaps REPOSITORY KEY close ID END
 *     holdfast-gaps REPOSITORY KEY commit JOB HOST BEGIN           an empty snapshot that closes
 *                                                                  gaps, made from BEGIN to now
 *
 * KEY is a key file; REASON the number that an event has, 1 to 4.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/pool.h"
#include "base/text.h"
#include "engine/gap.h"
#include "io/fs_posix.h"
#include "store/run.h"

static void must(int rc, const char *what)
{
    if (rc < 0) {
        fprintf(stderr, "%s: %s\n", what, err_last()->text);
        exit(1);
    }
}

static void open_repo(const struct repo_env *env, const char *key, struct repo **out)
{
    static uint8_t secret[KEYFILE_SECRET_BYTES];
    const struct keyfile_unlock unlock = { .secret = secret };
    char text[4096];
    size_t len;
    FILE *f = fopen(key, "rb");

    if (f == NULL) {
        perror(key);
        exit(1);
    }
    len = fread(text, 1, sizeof text, f);
    fclose(f);
    must(keyfile_parse_text(text, len, secret), key);
    must(repo_open(env, &unlock, REPO_STRICT, out), "open");
}

static int64_t time_of(const char *text)
{
    int64_t ns = 0;

    must(text_parse_time(text, clock_wall(clock_system()), &ns), text);
    return ns;
}

static void open_gap(struct repo *r, char **args)
{
    const struct gap_begin begin = { .job = args[0],
                                     .host = args[1],
                                     .reason = (enum gapevent_reason)strtoul(args[2], NULL, 10),
                                     .begin_ns = time_of(args[3]) };
    uint64_t number;
    uint8_t id[16];
    char hex[33];

    must(gap_open(r, &begin, id, &number), "open a gap");
    printf("%s\n", text_hex(id, sizeof id, hex));
}

static void close_gap(struct repo *r, char **args)
{
    uint64_t number;
    uint8_t id[16];

    if (strlen(args[0]) != 32 || !text_unhex(args[0], 32, id)) {
        fprintf(stderr, "%s is no id\n", args[0]);
        exit(2);
    }
    must(gap_close(r, id, time_of(args[1]), &number), "close a gap");
}

static void commit(struct repo *r, char **args)
{
    struct commit c = { .job = args[0],
                        .host = args[1],
                        .flags = COMMIT_COMPLETE | COMMIT_CLOSES_GAPS,
                        .begin_ns = time_of(args[2]),
                        .end_ns = clock_wall(clock_system()) };
    struct run_options options = { .pool = NULL };
    struct run *run = NULL;
    uint64_t number;
    uint8_t id[16];
    char hex[33];

    must(pool_new(0, &options.pool), "pool");
    must(run_begin(r, &options, &run), "begin");
    must(run_commit(&run, &c, id, &number), "commit");
    pool_free(options.pool);
    printf("%s\n", text_hex(id, sizeof id, hex));
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        int operands;
        void (*act)(struct repo *r, char **args);
    } acts[] = { { "open", 4, open_gap }, { "close", 2, close_gap }, { "commit", 3, commit } };
    struct repo_env env = { .clock = clock_system(), .rnd = rnd_system() };
    struct repo *r = NULL;
    size_t act = 0;

    while (argc > 3 && act < 3 &&
           (strcmp(argv[3], acts[act].name) != 0 || argc != 4 + acts[act].operands)) {
        act++;
    }
    if (argc <= 3 || act == 3) {
        fprintf(stderr, "holdfast-gaps REPOSITORY KEY open|close|commit ...\n");
        return 2;
    }
    must(fs_posix_open(argv[1], &env.fs), argv[1]);
    open_repo(&env, argv[2], &r);
    acts[act].act(r, argv + 4);
    repo_close(r);
    fs_close_fs(env.fs);
    return 0;
}
