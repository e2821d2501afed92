/*
 * main_points.c - a repository with many points in time, to look at and to measure.
 *
 *     holdfast-points DIR POINTS [LANES]
 *
 * Makes DIR/repo and its key file DIR/key (a memory file system makes that quick), with a point
 * every five minutes up to now, dealt out to so many jobs and hosts, the later ones more seldom;
 * some of them ended long ago. The same arguments make the same points.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/pool.h"
#include "format/cipher.h"
#include "io/fs_posix.h"
#include "store/run.h"

#define INTERVAL_NS ((int64_t)300 * NS_PER_S)
#define LANES_MAX 64

static const uint8_t secret[KEYFILE_SECRET_BYTES] = { 1, 2, 3 };
static const struct keyfile_unlock unlock_by_secret = { .secret = secret };

static void must(int rc, const char *what)
{
    if (rc < 0) {
        fprintf(stderr, "%s: %s\n", what, err_last()->text);
        exit(1);
    }
}

static void write_key(const char *path)
{
    struct buf b;
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

    buf_init(&b);
    keyfile_put_text(&b, secret);
    if (fd < 0 || write(fd, b.data, b.len) != (ssize_t)b.len || close(fd) != 0) {
        perror(path);
        exit(1);
    }
    buf_release(&b);
}

struct maker {
    struct repo *repo;
    struct pool *pool;
    struct cipher_id *ids;
    struct rnd rnd;
    uint64_t points, lanes;
    int64_t now_ns;
};

/* Which lane the i-th point belongs to: each one has half as many as the one before it, or none. */
static uint64_t lane_of(struct maker *m, uint64_t i)
{
    uint64_t lane = 0;

    while (lane + 1 < m->lanes && rnd_below(&m->rnd, 2) == 0) {
        lane++;
    }
    return lane % 4 == 2 && i > m->points - m->points / 4 ? 0 : lane;
}

static void make_point(struct maker *m, uint64_t i)
{
    struct run_options options = { .pool = m->pool };
    uint64_t lane = lane_of(m, i), number;
    char job[16], host[16], path[] = "/srv", *paths[] = { path };
    struct commit c = {
        .job = job, .host = host, .paths = paths, .path_count = 1, .flags = COMMIT_COMPLETE
    };
    struct run *run = NULL;
    uint8_t data[64] = { 0 }, id[16];
    bool is_new;

    snprintf(job, sizeof job, "job%u", (unsigned)(lane % LANES_MAX));
    snprintf(host, sizeof host, "host%u", (unsigned)(lane % 3));
    c.end_ns = m->now_ns - (int64_t)(m->points - i) * INTERVAL_NS +
               (int64_t)rnd_below(&m->rnd, 60) * NS_PER_S;
    c.begin_ns = c.end_ns - 10 * NS_PER_S;
    c.counts.files = 1000 + i % 100;
    c.counts.bytes = c.counts.files << 16;
    memcpy(data, &i, sizeof i);
    must(run_begin(m->repo, &options, &run), "begin");
    must(cipher_id_of(m->ids, data, sizeof data, c.root), "id");
    must(run_add(run, SEGMENT_DATA, c.root, data, sizeof data, &is_new), "add");
    must(run_commit(&run, &c, id, &number), "commit");
}

static void make_all(struct maker *m, const struct repo_env *env)
{
    struct repo_params params;
    uint8_t id[16];

    repo_default_params(&params);
    must(repo_init(env, &params, &unlock_by_secret, "main", id), "init");
    must(repo_open(env, &unlock_by_secret, REPO_STRICT, &m->repo), "open");
    must(pool_new(0, &m->pool), "pool");
    must(cipher_id_new(repo_keys(m->repo)->chunk_id_key, &m->ids), "ids");
    rnd_init_seeded(&m->rnd, 1);
    for (uint64_t i = 0; i < m->points; i++) {
        make_point(m, i);
    }
    cipher_id_free(m->ids);
    pool_free(m->pool);
    repo_close(m->repo);
}

int main(int argc, char **argv)
{
    struct repo_env env = { .clock = clock_system(), .rnd = rnd_system() };
    struct maker m = { .lanes = 1 };
    char path[4096];

    if (argc != 3 && argc != 4) {
        fprintf(stderr, "holdfast-points DIR POINTS [LANES]\n");
        return 2;
    }
    m.points = strtoull(argv[2], NULL, 10);
    m.lanes = argc == 4 ? strtoull(argv[3], NULL, 10) : 1;
    m.now_ns = clock_wall(env.clock);
    snprintf(path, sizeof path, "%s/key", argv[1]);
    write_key(path);
    snprintf(path, sizeof path, "%s/repo", argv[1]);
    must(fs_posix_make(path, 0700, &env.fs), path);
    make_all(&m, &env);
    fs_close_fs(env.fs);
    return 0;
}
