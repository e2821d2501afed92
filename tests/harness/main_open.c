/*
 * main_open.c - how long opening takes, and what it reads: a generated journal, opened cold and
 * warm.
 *
 *     holdfast-open DIR COMMITS ENTRIES
 *
 * Makes a repository in DIR/repo (a memory file system makes that quick) with so many commits of
 * one segment each and so many entries without data, and prints what opening it costs without a
 * cache, with roll-ups, and with a warm cache. Bytes are counted by the kernel (rchar of
 * /proc/self/io).
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/pool.h"
#include "io/fs_posix.h"
#include "format/roll.h"
#include "store/rollup.h"
#include "store/run.h"

static const uint8_t secret[KEYFILE_SECRET_BYTES] = { 1, 2, 3 };
static const struct keyfile_unlock unlock = { .secret = secret };

static void must(int rc, const char *what)
{
    if (rc < 0) {
        fprintf(stderr, "%s: %s\n", what, err_last()->text);
        exit(1);
    }
}

static uint64_t bytes_read(void)
{
    FILE *f = fopen("/proc/self/io", "r");
    uint64_t n = 0;

    if (f) {
        if (fscanf(f, "rchar: %" SCNu64, &n) != 1) {
            n = 0;
        }
        fclose(f);
    }
    return n;
}

static void commit_one(struct repo *r, struct pool *pool, struct cipher_id *ids, uint64_t number)
{
    struct run_options options = { .pool = pool };
    struct commit c = { .job = (char[]){ "default" }, .host = (char[]){ "host" } };
    struct run *run = NULL;
    uint8_t data[64] = { 0 };
    uint8_t id[16];
    bool is_new;

    memcpy(data, &number, sizeof number);
    must(run_begin(r, &options, &run), "begin");
    must(cipher_id_of(ids, data, sizeof data, c.root), "id");
    must(run_add(run, SEGMENT_DATA, c.root, data, sizeof data, &is_new), "add");
    must(run_commit(&run, &c, id, &number), "commit");
}

static int build_nothing(void *context, const struct catalog *catalog, const uint8_t uuid[16],
                         struct buf *body)
{
    static const uint8_t nobody[1][16] = { { 1 } };

    (void)context;
    (void)catalog;
    (void)uuid;
    entry_put_forget(body, false, 0, nobody, 1);
    return buf_error(body);
}

static void generate(const struct repo_env *env, uint64_t commits, uint64_t entries)
{
    struct run_entry nothing = { .build = build_nothing };
    struct repo_params params;
    struct cipher_id *ids = NULL;
    struct pool *pool = NULL;
    struct repo *r = NULL;
    uint8_t id[16];
    uint64_t number;

    repo_default_params(&params);
    must(repo_init(env, &params, &unlock, "main", id), "init");
    must(repo_open(env, &unlock, REPO_STRICT, &r), "open");
    must(pool_new(0, &pool), "pool");
    must(cipher_id_new(repo_keys(r)->chunk_id_key, &ids), "ids");
    for (uint64_t i = 0; i < commits; i++) {
        commit_one(r, pool, ids, i);
    }
    for (uint64_t i = 0; i < entries; i++) {
        must(run_publish(r, &nothing, id, &number), "publish");
    }
    cipher_id_free(ids);
    pool_free(pool);
    repo_close(r);
}

static void open_once(const struct repo_env *env, const char *how)
{
    struct repo *r = NULL;
    struct index *index = NULL;
    uint64_t read_before = bytes_read();
    int64_t began = clock_monotonic(env->clock);

    must(repo_open(env, &unlock, REPO_STRICT, &r), "open");
    must(repo_index(r, &index), "index");
    printf("%-22s %8.1f ms  %10" PRIu64 " bytes read  %" PRIu64 " entries  %zu segments\n", how,
           (double)(clock_monotonic(env->clock) - began) / 1e6, bytes_read() - read_before,
           catalog_entry_count(repo_catalog(r)), catalog_segment_count(repo_catalog(r)));
    repo_save_cache(r);
    repo_close(r);
}

static void roll_up(const struct repo_env *env)
{
    struct rollup_result result;
    struct repo *r = NULL;

    must(repo_open(env, &unlock, REPO_STRICT, &r), "open");
    must(rollup_run(r, ROLL_SMALL, &result), "roll up");
    printf("rolled up %" PRIu64 " entries into %" PRIu64 " files\n", result.entries, result.rolls);
    repo_close(r);
}

static struct fs *folder(const char *dir, const char *name)
{
    char path[4096];
    struct fs *fs = NULL;

    snprintf(path, sizeof path, "%s/%s", dir, name);
    must(fs_posix_make(path, 0700, &fs), path);
    return fs;
}

int main(int argc, char **argv)
{
    struct repo_env env = { .clock = clock_system(), .rnd = rnd_system() };
    struct fs *cache;

    if (argc != 4) {
        fprintf(stderr, "holdfast-open DIR COMMITS ENTRIES\n");
        return 2;
    }
    env.fs = folder(argv[1], "repo");
    cache = folder(argv[1], "cache");
    generate(&env, strtoull(argv[2], NULL, 10), strtoull(argv[3], NULL, 10));
    open_once(&env, "cold");
    roll_up(&env);
    open_once(&env, "cold, rolled up");
    env.cache = cache;
    open_once(&env, "cold, making a cache");
    open_once(&env, "warm");
    fs_close_fs(env.fs);
    fs_close_fs(cache);
    return 0;
}
