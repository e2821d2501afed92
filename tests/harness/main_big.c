/*
 * main_big.c - a prune of very many chunks: how much memory and time it takes.
 *
 *     holdfast-big DIR CHUNKS [MOST_MIB]
 *     holdfast-big --chunks DIR CHUNKS
 *
 * Makes a repository in DIR/repo whose chunks are as small as they may be, and backs up one file of
 * about so many of them, then the same file without every eighth part, so that something is dead in
 * every segment. Forgets the first and prunes, copying nearly all there is; then prunes once more.
 * Each step is a process of its own whose memory is measured: all that is resident at once, and of
 * it what is its own and not a file's. Exits with 1 if all of a prune's is more than MOST_MIB.
 *
 * With --chunks it makes a repository with the default parameters that has adopted so many chunks,
 * of no file, and the key file DIR/key: for tests/bench/scaling.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/err.h"
#include "engine/backup.h"
#include "engine/collect.h"
#include "engine/forget.h"
#include "engine/source_stdin.h"
#include "format/cipher.h"
#include "io/fs_posix.h"
#include "store/run.h"

#define CHUNK_MIN 64
#define CHUNK_AVG 96
#define CHUNK_MAX 192
#define PART_BYTES (1u << 16)

static const uint8_t secret[KEYFILE_SECRET_BYTES] = { 1, 2, 3 };
static const struct keyfile_unlock unlock = { .secret = secret };
static struct repo_env env;
static uint64_t chunks;

static void must(int rc, const char *what)
{
    if (rc < 0) {
        fprintf(stderr, "%s: %s\n", what, err_last()->text);
        exit(1);
    }
}

static struct repo *open_repo(void)
{
    struct repo *r = NULL;

    must(repo_open(&env, &unlock, REPO_STRICT, &r), "open");
    return r;
}

static void close_repo(struct repo *r)
{
    repo_save_cache(r);
    repo_close(r);
}

static void init(bool small_chunks)
{
    struct repo_params params;
    uint8_t id[16];

    repo_default_params(&params);
    if (small_chunks) {
        params.chunks = (struct chunker_params){ CHUNK_MIN, CHUNK_AVG, CHUNK_MAX, CHUNK_AVG };
    }
    must(repo_init(&env, &params, &unlock, "main", id), "init");
}

static void step_init(void)
{
    init(true);
}

/* Chunks as an unfinished backup leaves them: adopted, and part of nothing. */
static void step_chunks(void)
{
    char job[] = "generated", host[] = "nowhere";
    const struct commit so_far = { .job = job, .host = host };
    struct run_options o = { .partial_bytes = UINT64_MAX };
    struct cipher_id *ids = NULL;
    struct run *x = NULL;
    struct repo *r;
    struct rnd rnd;

    init(false);
    r = open_repo();
    rnd_init_seeded(&rnd, 1);
    must(pool_new(pool_cores() - 1, &o.pool), "pool");
    must(cipher_id_new(repo_keys(r)->chunk_id_key, &ids), "hash");
    must(run_begin(r, &o, &x), "run");
    for (uint64_t i = 0; i < chunks; i++) {
        uint8_t data[CHUNK_AVG], id[CIPHER_ID_BYTES];
        bool is_new;

        must(rnd_bytes(&rnd, data, sizeof data), "randomness");
        must(cipher_id_of(ids, data, sizeof data, id), "hash");
        must(run_add(x, SEGMENT_DATA, id, data, sizeof data, &is_new), "chunk");
        if (run_partial_due(x) || i + 1 == chunks) {
            must(run_partial(x, &so_far), "adopt");
        }
    }
    run_abort(x);
    cipher_id_free(ids);
    pool_free(o.pool);
    close_repo(r);
}

/* What the file holds, into a pipe; each part from a seed of its own. */
static void write_stream(int fd, bool with_gaps)
{
    static uint8_t part[PART_BYTES];
    uint64_t parts = chunks * CHUNK_AVG / PART_BYTES + 1;

    for (uint64_t i = 0; i < parts; i++) {
        struct rnd r;

        if (with_gaps && i % 8 == 7) {
            continue;
        }
        rnd_init_seeded(&r, i);
        must(rnd_bytes(&r, part, sizeof part), "randomness");
        for (size_t done = 0; done < sizeof part;) {
            ssize_t n = write(fd, part + done, sizeof part - done);

            if (n < 0) {
                exit(1);
            }
            done += (size_t)n;
        }
    }
}

static void back_up(bool with_gaps)
{
    char *paths[] = { (char[]){ "/stream" } };
    struct backup_options o = { .paths = paths, .path_count = 1 };
    struct source_stdin_options from = { .name = "stream", .clock = env.clock };
    struct backup_result result;
    struct source *source = NULL;
    struct repo *r;
    int ends[2];
    pid_t writer;

    if (pipe(ends) < 0 || (writer = fork()) < 0) {
        exit(1);
    }
    if (writer == 0) {
        close(ends[0]);
        write_stream(ends[1], with_gaps);
        _exit(0);
    }
    close(ends[1]);
    from.fd = ends[0];
    r = open_repo();
    must(source_stdin_new(&from, &source), "stream");
    must(backup_run(r, &o, source, NULL, &result), "backup");
    printf("    %" PRIu64 " bytes, %" PRIu64 " new, %" PRIu64 " stored\n", result.counts.bytes,
           result.counts.bytes_new, result.counts.bytes_stored);
    source_free(source);
    waitpid(writer, NULL, 0);
    close_repo(r);
}

static void step_first(void)
{
    back_up(false);
}

static void step_second(void)
{
    back_up(true);
}

static void step_forget(void)
{
    struct repo *r = open_repo();
    uint8_t id[1][16];
    uint64_t number;

    for (size_t i = 0; i < catalog_snapshot_count(repo_catalog(r)); i++) {
        const struct catalog_snapshot *s = catalog_snapshot(repo_catalog(r), i);

        if (!s->partial) {
            memcpy(id[0], s->id, 16);
            must(forget_publish(r, (const uint8_t(*)[16])id, 1, &number), "forget");
            break;
        }
    }
    close_repo(r);
}

static void step_prune(void)
{
    struct repo *r = open_repo();
    struct collect_options o;
    struct prune_result result;

    collect_options_init(&o);
    o.now = true;
    o.max_unused = 0;
    must(collect_run(r, &o, &result), "prune");
    printf("    %" PRIu64 " segments of %" PRIu64 " bytes before, %" PRIu64 " needed; %" PRIu64
           " read, %" PRIu64 " copied, %" PRIu64 " removed; %" PRIu64 " segments after\n",
           result.segments_before, result.bytes_before, result.bytes_alive, result.bytes_read,
           result.bytes_copied, result.bytes_removed, result.segments_after);
    close_repo(r);
}

/* The most that a process has of memory of its own, as of now. */
static uint64_t own_kib(pid_t pid)
{
    char path[64], line[256];
    uint64_t kib = 0;
    FILE *f;

    snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
    f = fopen(path, "r");
    while (f && fgets(line, sizeof line, f)) {
        if (sscanf(line, "RssAnon: %" SCNu64, &kib) == 1) {
            break;
        }
    }
    if (f) {
        fclose(f);
    }
    return kib;
}

/* Runs a step in a process of its own; returns the peak of its memory in KiB. */
static uint64_t measure(const char *what, void (*step)(void))
{
    int64_t began = clock_monotonic(clock_system());
    struct rusage usage;
    uint64_t own = 0;
    int status;
    pid_t pid;

    fflush(stdout);
    pid = fork();
    if (pid == 0) {
        step();
        exit(0);
    }
    while (wait4(pid, &status, WNOHANG, &usage) == 0) {
        uint64_t now = own_kib(pid);

        own = now > own ? now : own;
        usleep(20000);
    }
    if (status != 0) {
        fprintf(stderr, "%s failed\n", what);
        exit(1);
    }
    printf("%-18s %7.1f s   peak %5ld MiB, of its own %5" PRIu64 " MiB\n", what,
           (double)(clock_monotonic(clock_system()) - began) / 1e9, usage.ru_maxrss / 1024,
           own / 1024);
    return (uint64_t)usage.ru_maxrss;
}

static struct fs *folder(const char *dir, const char *name)
{
    char path[4096];
    struct fs *fs = NULL;

    snprintf(path, sizeof path, "%s/%s", dir, name);
    must(fs_posix_make(path, 0700, &fs), path);
    return fs;
}

/* The secret as a user would hold it. */
static void write_key(const char *dir)
{
    struct buf text;
    char path[4096];
    FILE *f;

    buf_init(&text);
    keyfile_put_text(&text, secret);
    snprintf(path, sizeof path, "%s/key", dir);
    f = fopen(path, "w");
    if (!f || fwrite(text.data, 1, text.len, f) != text.len || fclose(f) != 0) {
        perror(path);
        exit(1);
    }
    buf_release(&text);
}

int main(int argc, char **argv)
{
    bool only_chunks = argc == 4 && strcmp(argv[1], "--chunks") == 0;
    uint64_t most_kib, copying, idle;

    argv += only_chunks;
    argc -= only_chunks;
    if (argc != 3 && argc != 4) {
        fprintf(stderr, "holdfast-big [--chunks] DIR CHUNKS [MOST_MIB]\n");
        return 2;
    }
    chunks = strtoull(argv[2], NULL, 10);
    most_kib = argc == 4 ? strtoull(argv[3], NULL, 10) * 1024 : UINT64_MAX;
    env = (struct repo_env){ .fs = folder(argv[1], "repo"),
                             .cache = folder(argv[1], "cache"),
                             .clock = clock_system(),
                             .rnd = rnd_system() };
    if (only_chunks) {
        write_key(argv[1]);
        measure("chunks", step_chunks);
        return 0;
    }
    measure("init", step_init);
    measure("backup", step_first);
    measure("without an eighth", step_second);
    measure("forget", step_forget);
    copying = measure("prune", step_prune);
    idle = measure("prune again", step_prune);
    return copying > most_kib || idle > most_kib;
}
