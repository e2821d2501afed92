/*
 * test_api.c - the public library: handles, versions of structs, errors, cancelling, silence.
 */
/* tsan */
/* valgrind */
#include <dirent.h>
#include <fcntl.h>
#include <glob.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"
#include "harness/realtree.h"
#include "holdfast.h"

struct scene { /* a folder with a tree, and an open repository beside it */
    char dir[96];
    char repo[160], key[160], tree[160], out[160];
    struct holdfast_repository where;
    struct holdfast *h;
    int problems, logs, progress;
    char problem[512], code[64], object[256];
    bool cancel, cancel_when_logging, call_back;
    enum holdfast_status called_back;
};

static void on_problem(void *context, const struct holdfast_problem *p)
{
    struct scene *s = context;

    s->problems++;
    snprintf(s->problem, sizeof s->problem, "%s", p->message);
    snprintf(s->code, sizeof s->code, "%s", p->code);
    snprintf(s->object, sizeof s->object, "%s", p->object != NULL ? p->object : "");
}

static void on_progress(void *context, const struct holdfast_progress *p)
{
    struct scene *s = context;

    (void)p;
    s->progress++;
    if (s->cancel) {
        holdfast_cancel(s->h);
    }
    if (s->call_back) {
        s->called_back = holdfast_check(s->h, NULL, NULL);
    }
}

static void on_log(void *context, enum holdfast_log_level level, const char *message)
{
    struct scene *s = context;

    (void)level;
    s->logs += message[0] != '\0';
    if (s->cancel_when_logging) {
        holdfast_cancel(s->h);
    }
}

static void write_file(const char *folder, const char *name, const char *text)
{
    char path[256];
    FILE *f;

    snprintf(path, sizeof path, "%s/%s", folder, name);
    f = fopen(path, "w");
    assert_non_null(f);
    assert_int_equal(fputs(text, f) >= 0, 1);
    assert_int_equal(fclose(f), 0);
}

static void set_up_paths(struct scene *s)
{
    const char *tmp = getenv("TMPDIR");

    memset(s, 0, sizeof *s);
    snprintf(s->dir, sizeof s->dir, "%s/holdfast-api-XXXXXX", tmp != NULL ? tmp : "/tmp");
    assert_non_null(mkdtemp(s->dir));
    snprintf(s->repo, sizeof s->repo, "%s/repo", s->dir);
    snprintf(s->key, sizeof s->key, "%s/key", s->dir);
    snprintf(s->tree, sizeof s->tree, "%s/tree", s->dir);
    snprintf(s->out, sizeof s->out, "%s/out", s->dir);
    assert_int_equal(mkdir(s->tree, 0700), 0);
    write_file(s->tree, "a", "the first file");
    write_file(s->tree, "b", "the second file");
    s->where = (struct holdfast_repository){
        .size = sizeof s->where, .path = s->repo, .key_file = s->key, .threads = 2
    };
}

static void set_events(struct scene *s)
{
    const struct holdfast_events events = { .size = sizeof events,
                                            .context = s,
                                            .progress = on_progress,
                                            .problem = on_problem,
                                            .log = on_log };

    assert_int_equal(holdfast_set_events(s->h, &events), HOLDFAST_OK);
}

static int set_up(void **state)
{
    struct scene *s = mem_alloc(sizeof *s);

    assert_non_null(s);
    set_up_paths(s);
    s->h = holdfast_new();
    assert_non_null(s->h);
    set_events(s);
    assert_int_equal(holdfast_init(s->h, &s->where), HOLDFAST_OK);
    *state = s;
    return 0;
}

static int tear_down(void **state)
{
    struct scene *s = *state;

    holdfast_close(s->h);
    realtree_remove(s->dir);
    mem_free(s);
    return 0;
}

static enum holdfast_status back_up(struct scene *s, struct holdfast_backup_result *out)
{
    const char *paths[] = { s->tree };
    const struct holdfast_backup_options o = { .size = sizeof o, .paths = paths, .path_count = 1 };

    return holdfast_backup(s->h, &o, out);
}

static enum holdfast_status restore(struct scene *s, const char *selector,
                                    struct holdfast_restore_result *out)
{
    const struct holdfast_restore_options o = {
        .size = sizeof o, .target = s->out, .selector = selector, .verify = true
    };

    return holdfast_restore(s->h, &o, out);
}

static const char *code(const struct scene *s)
{
    return holdfast_last_error(s->h)->code;
}

/* The first file of a folder of the repository, by its whole path. */
static void find_file(const struct scene *s, const char *folder, char *out, size_t size)
{
    char path[256];
    struct dirent *e;
    DIR *d;

    snprintf(path, sizeof path, "%s/%s", s->repo, folder);
    d = opendir(path);
    assert_non_null(d);
    while ((e = readdir(d)) != NULL && e->d_name[0] == '.') {
    }
    assert_non_null(e);
    assert_true((size_t)snprintf(out, size, "%s/%s", path, e->d_name) < size);
    closedir(d);
}

static void flip(const char *path, off_t offset)
{
    uint8_t byte;
    int fd;

    assert_int_equal(chmod(path, 0600), 0);
    fd = open(path, O_RDWR);
    assert_true(fd >= 0);
    assert_int_equal(pread(fd, &byte, 1, offset), 1);
    byte ^= 1;
    assert_int_equal(pwrite(fd, &byte, 1, offset), 1);
    close(fd);
}

static void test_api_version_is_that_of_the_header(void **state)
{
    (void)state;
    assert_string_equal(holdfast_version(), HOLDFAST_VERSION);
}

static void test_api_makes_a_key_file_and_opens_with_it(void **state)
{
    struct scene *s = *state;
    struct stat st;

    assert_int_equal(stat(s->key, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(holdfast_open(s->h, &s->where), HOLDFAST_OK);
    assert_int_equal(holdfast_last_error(s->h)->status, HOLDFAST_OK);
    assert_string_equal(code(s), "ok");
    assert_string_equal(holdfast_last_error(s->h)->message, "");
    assert_null(holdfast_last_error(s->h)->hint);
}

static void test_api_init_refuses_an_existing_repository(void **state)
{
    struct scene *s = *state;

    assert_int_equal(holdfast_init(s->h, &s->where), HOLDFAST_FAILED);
    assert_string_equal(code(s), "exists");
}

static void test_api_init_takes_an_existing_key_file(void **state)
{
    struct scene *s = *state;
    char path[200];

    snprintf(path, sizeof path, "%s/another", s->dir);
    s->where.path = path;
    s->where.codec = "zlib:3";
    assert_int_equal(holdfast_init(s->h, &s->where), HOLDFAST_OK);
    s->where.codec = "nonsense";
    s->where.path = s->out;
    assert_int_equal(holdfast_init(s->h, &s->where), HOLDFAST_USAGE);
}

static void test_api_opens_with_a_password_and_refuses_another(void **state)
{
    struct scene *s = *state;
    char path[200];

    snprintf(path, sizeof path, "%s/another", s->dir);
    s->where.path = path;
    s->where.key_file = NULL;
    s->where.password = "correct horse";
    assert_int_equal(holdfast_init(s->h, &s->where), HOLDFAST_OK);
    s->where.password = "battery staple";
    assert_int_equal(holdfast_open(s->h, &s->where), HOLDFAST_WRONG_KEY);
    assert_string_equal(code(s), "wrong_key");
    assert_int_equal(back_up(s, NULL), HOLDFAST_USAGE); /* nothing is open now */
    s->where.password = "correct horse";
    assert_int_equal(holdfast_open(s->h, &s->where), HOLDFAST_OK);
    assert_int_equal(back_up(s, NULL), HOLDFAST_OK);
    s->where.password = "";
    assert_int_equal(holdfast_open(s->h, &s->where), HOLDFAST_WRONG_KEY);
}

static void test_api_says_what_keeps_it_from_opening(void **state)
{
    struct scene *s = *state;

    s->where.path = s->tree;
    assert_int_equal(holdfast_open(s->h, &s->where), HOLDFAST_NO_REPOSITORY);
    s->where.path = s->out;
    assert_int_equal(holdfast_open(s->h, &s->where), HOLDFAST_NO_REPOSITORY);
    s->where.path = NULL;
    assert_int_equal(holdfast_open(s->h, &s->where), HOLDFAST_USAGE);
    s->where.path = s->repo;
    s->where.password = "both";
    assert_int_equal(holdfast_open(s->h, &s->where), HOLDFAST_USAGE);
    s->where.password = NULL;
    s->where.key_file = s->out;
    assert_int_equal(holdfast_open(s->h, &s->where), HOLDFAST_WRONG_KEY);
    write_file(s->tree, "long", "");
    assert_int_equal(truncate(s->key, 100000), 0);
    s->where.key_file = s->key;
    assert_int_equal(holdfast_open(s->h, &s->where), HOLDFAST_WRONG_KEY);
    assert_string_equal(code(s), "key_damaged");
}

struct listed {
    int count;
    struct scene *s;
    uint64_t last;
};

static int on_point(void *context, const struct holdfast_point *p)
{
    struct listed *l = context;

    l->count++;
    l->last = p->number;
    assert_int_equal(strlen(p->id), 32);
    assert_string_equal(p->job, "default");
    assert_string_equal(p->consistency, "fuzzy");
    assert_int_equal(p->path_count, 1);
    assert_string_equal(p->paths[0], l->s->tree);
    assert_int_equal(p->files, 2);
    assert_true(p->complete && !p->forgotten && p->end_ns >= p->begin_ns);
    return 0;
}

static int stop_at_once(void *context, const struct holdfast_point *p)
{
    (void)p;
    ++*(int *)context;
    return 1;
}

static void test_api_backs_up_lists_and_restores(void **state)
{
    struct scene *s = *state;
    struct listed l = { .s = s };
    struct holdfast_backup_result b = { .size = sizeof b };
    struct holdfast_restore_result r = { .size = sizeof r };
    const struct holdfast_list_options o = { .size = sizeof o, .context = &l, .point = on_point };

    assert_int_equal(back_up(s, &b), HOLDFAST_OK);
    assert_true(b.published);
    assert_int_equal(strlen(b.id), 32);
    assert_int_equal(b.files, 2);
    assert_int_equal(b.files_new, 2);
    assert_int_equal(b.errors, 0);
    assert_true(b.number > 1 && b.bytes_stored > 0 && b.time_ns > 0);
    assert_int_equal(holdfast_list(s->h, &o), HOLDFAST_OK);
    assert_int_equal(l.count, 1);
    assert_int_equal(l.last, b.number);

    assert_int_equal(restore(s, NULL, &r), HOLDFAST_OK);
    assert_string_equal(r.id, b.id);
    assert_int_equal(r.number, b.number);
    assert_int_equal(r.time_ns, b.time_ns);
    assert_false(r.by_time);
    assert_int_equal(r.files, 2);
    assert_true(r.bytes_verified > 0);
    assert_true(s->progress > 0);
    assert_int_equal(s->problems, 0);
}

static void test_api_list_ends_when_it_is_told_to_and_may_be_empty(void **state)
{
    struct scene *s = *state;
    int calls = 0;
    struct holdfast_list_options o = { .size = sizeof o, .context = &calls };

    assert_int_equal(holdfast_list(s->h, &o), HOLDFAST_USAGE);
    o.point = stop_at_once;
    assert_int_equal(holdfast_list(s->h, &o), HOLDFAST_OK);
    assert_int_equal(calls, 0);
    assert_int_equal(back_up(s, NULL), HOLDFAST_OK);
    assert_int_equal(back_up(s, NULL), HOLDFAST_OK);
    o.selector = "job:default";
    o.forgotten = true;
    assert_int_equal(holdfast_list(s->h, &o), HOLDFAST_OK);
    assert_int_equal(calls, 1);
    o.selector = "job:";
    assert_int_equal(holdfast_list(s->h, &o), HOLDFAST_USAGE);
}

static void test_api_restores_as_of_a_time_and_says_which(void **state)
{
    struct scene *s = *state;
    struct holdfast_backup_result first = { .size = sizeof first };
    struct holdfast_backup_result second = { .size = sizeof second };
    struct holdfast_restore_result r = { .size = sizeof r };

    assert_int_equal(back_up(s, &first), HOLDFAST_OK);
    assert_int_equal(back_up(s, &second), HOLDFAST_OK);
    assert_int_equal(restore(s, "at:now", &r), HOLDFAST_OK);
    assert_true(r.by_time && r.asked_ns >= r.time_ns);
    assert_string_equal(r.id, second.id);
    assert_int_equal(r.next_ns, 0);
    assert_int_equal(restore(s, "latest~1", &r), HOLDFAST_OK);
    assert_string_equal(r.id, first.id);
    assert_int_equal(r.next_ns, second.time_ns);
    assert_int_equal(restore(s, "at:2001-01-01", &r), HOLDFAST_NO_POINT);
    assert_string_equal(r.id, "");
    assert_int_equal(restore(s, "at:nonsense", &r), HOLDFAST_USAGE);
}

static void test_api_restores_parts_and_removes_what_is_too_much(void **state)
{
    struct scene *s = *state;
    const char *includes[] = { "b" }, *excludes[] = { "a" };
    struct holdfast_restore_result r = { .size = sizeof r };
    struct holdfast_restore_options o = { .size = sizeof o,
                                          .target = s->out,
                                          .includes = includes,
                                          .include_count = 1,
                                          .excludes = excludes,
                                          .exclude_count = 1,
                                          .overwrite = HOLDFAST_ALWAYS };

    assert_int_equal(back_up(s, NULL), HOLDFAST_OK);
    assert_int_equal(holdfast_restore(s->h, &o, &r), HOLDFAST_OK);
    assert_int_equal(r.files, 1);
    includes[0] = "/there is none";
    assert_int_equal(holdfast_restore(s->h, &o, NULL), HOLDFAST_FAILED);
    o.include_count = 0;
    o.overwrite = (enum holdfast_overwrite)7;
    assert_int_equal(holdfast_restore(s->h, &o, NULL), HOLDFAST_USAGE);
    o.overwrite = HOLDFAST_NEVER;
    o.target = NULL;
    assert_int_equal(holdfast_restore(s->h, &o, NULL), HOLDFAST_USAGE);
    o.target = "/";
    o.delete_extras = true;
    assert_int_equal(holdfast_restore(s->h, &o, NULL), HOLDFAST_USAGE);
    assert_int_equal(back_up(s, NULL), HOLDFAST_OK); /* the handle is as good as before */
}

static void test_api_backup_takes_all_its_options(void **state)
{
    struct scene *s = *state;
    const char *paths[] = { s->tree }, *tags[] = { "one", "two" }, *excludes[] = { "b" };
    struct holdfast_backup_result r = { .size = sizeof r };
    struct holdfast_backup_options o = { .size = sizeof o,
                                         .paths = paths,
                                         .path_count = 1,
                                         .job = "web",
                                         .host = "elsewhere",
                                         .tags = tags,
                                         .tag_count = 2,
                                         .excludes = excludes,
                                         .exclude_count = 1,
                                         .consistency = "app",
                                         .skip_if_unchanged = true };

    assert_int_equal(holdfast_backup(s->h, &o, &r), HOLDFAST_OK);
    assert_int_equal(r.files, 1);
    assert_int_equal(holdfast_backup(s->h, &o, &r), HOLDFAST_OK);
    assert_true(r.unchanged && !r.published);
    assert_string_equal(r.id, "");
    assert_int_equal(restore(s, "job:web,host:elsewhere,tag:two", NULL), HOLDFAST_OK);
    o.consistency = "fuzzy";
    assert_int_equal(holdfast_backup(s->h, &o, &r), HOLDFAST_OK);
}

static void test_api_backup_refuses_what_makes_no_sense(void **state)
{
    struct scene *s = *state;
    const char *paths[] = { s->tree }, *tags[] = { "a,b" }, *excludes[] = { "[" };
    struct holdfast_backup_options o = { .size = sizeof o };

    assert_int_equal(holdfast_backup(s->h, NULL, NULL), HOLDFAST_USAGE);
    assert_int_equal(holdfast_backup(s->h, &o, NULL), HOLDFAST_USAGE);
    o.paths = paths;
    o.path_count = 100000;
    assert_int_equal(holdfast_backup(s->h, &o, NULL), HOLDFAST_FAILED);
    o.path_count = 1;
    o.job = "";
    assert_int_equal(holdfast_backup(s->h, &o, NULL), HOLDFAST_USAGE);
    o.job = NULL;
    o.host = "a,b";
    assert_int_equal(holdfast_backup(s->h, &o, NULL), HOLDFAST_USAGE);
    o.host = NULL;
    o.tags = tags;
    o.tag_count = 1;
    assert_int_equal(holdfast_backup(s->h, &o, NULL), HOLDFAST_USAGE);
    o.tag_count = 0;
    o.consistency = "sure";
    assert_int_equal(holdfast_backup(s->h, &o, NULL), HOLDFAST_USAGE);
    o.consistency = NULL;
    o.excludes = excludes;
    o.exclude_count = 1;
    assert_int_equal(holdfast_backup(s->h, &o, NULL), HOLDFAST_USAGE);
    o.exclude_count = 0;
    paths[0] = s->out;
    assert_int_equal(holdfast_backup(s->h, &o, NULL), HOLDFAST_FAILED);
    assert_string_equal(code(s), "absent");
}

static void test_api_tells_of_what_is_not_in_a_backup(void **state)
{
    struct scene *s = *state;
    const char *paths[] = { s->tree, s->out }; /* the second one is not there */
    const struct holdfast_backup_options o = { .size = sizeof o, .paths = paths, .path_count = 2 };
    struct holdfast_backup_result r = { .size = sizeof r };

    assert_int_equal(holdfast_backup(s->h, &o, &r), HOLDFAST_INCOMPLETE);
    assert_true(r.published);
    assert_int_equal(r.errors, 1);
    assert_int_equal(s->problems, 1);
    assert_string_equal(s->code, "absent");
}

static void test_api_never_backs_up_the_repository_and_its_cache(void **state)
{
    struct scene *s = *state;
    const char *paths[] = { s->dir };
    char cache[200], path[400];
    const struct holdfast_backup_options o = { .size = sizeof o, .paths = paths, .path_count = 1 };
    struct stat st;

    snprintf(cache, sizeof cache, "%s/cache", s->dir);
    s->where.cache_dir = cache;
    assert_int_equal(holdfast_open(s->h, &s->where), HOLDFAST_OK);
    assert_int_equal(holdfast_backup(s->h, &o, NULL), HOLDFAST_OK);
    assert_int_equal(restore(s, NULL, NULL), HOLDFAST_OK);
    snprintf(path, sizeof path, "%s%s/b", s->out, s->tree);
    assert_int_equal(stat(path, &st), 0);
    snprintf(path, sizeof path, "%s%s/journal", s->out, s->repo);
    assert_int_not_equal(stat(path, &st), 0);
    snprintf(path, sizeof path, "%s%s/CACHEDIR.TAG", s->out, cache);
    assert_int_not_equal(stat(path, &st), 0);
}

static void test_api_check_names_what_is_damaged(void **state)
{
    struct scene *s = *state;
    struct holdfast_check_options o = { .size = sizeof o, .read_data = true };
    struct holdfast_check_result r = { .size = sizeof r };
    struct holdfast_restore_result restored = { .size = sizeof restored };
    char segment[512], large[20001];

    for (size_t i = 0; i < sizeof large - 1; i++) { /* a block of its own, before the pages */
        large[i] = (char)('a' + i * i % 7919 % 26);
    }
    large[sizeof large - 1] = '\0';
    write_file(s->tree, "large", large);
    assert_int_equal(back_up(s, NULL), HOLDFAST_OK);
    assert_int_equal(holdfast_check(s->h, &o, &r), HOLDFAST_OK);
    assert_int_equal(r.snapshots, 1);
    assert_true(r.entries >= 2 && r.chunks > 0 && r.bytes_read > 0 && r.damage == 0);
    o.read_percent = 101.0;
    assert_int_equal(holdfast_check(s->h, &o, &r), HOLDFAST_USAGE);
    o.read_percent = 100.0;
    o.scrub = true;

    find_file(s, "segments", segment, sizeof segment);
    flip(segment, 300);
    s->problems = 0;
    assert_int_equal(holdfast_check(s->h, &o, &r), HOLDFAST_DAMAGED);
    assert_int_equal(r.damage, s->problems);
    assert_string_equal(s->code, "damaged");
    assert_int_equal(holdfast_open(s->h, &s->where), HOLDFAST_OK);
    assert_int_equal(restore(s, NULL, &restored), HOLDFAST_DAMAGED);
    assert_true(restored.errors > 0);
    assert_true(holdfast_last_error(s->h)->message[0] != '\0');
}

static void test_api_reads_what_stands_of_a_damaged_journal_and_writes_nothing(void **state)
{
    struct scene *s = *state;
    struct holdfast_backup_result b = { .size = sizeof b };
    struct listed l = { .s = s };
    const struct holdfast_list_options o = { .size = sizeof o, .context = &l, .point = on_point };
    char entry[512], name[64];

    assert_int_equal(back_up(s, &b), HOLDFAST_OK);
    assert_int_equal(back_up(s, NULL), HOLDFAST_OK);
    snprintf(entry, sizeof entry, "%s/journal/%012llu", s->repo, (unsigned long long)b.number + 1);
    assert_int_equal(unlink(entry), 0);
    s->problems = s->logs = 0;
    assert_int_equal(holdfast_open(s->h, &s->where), HOLDFAST_OK);
    assert_int_equal(s->problems, 1);
    assert_string_equal(s->object, "journal");
    assert_true(s->logs > 0);
    assert_int_equal(holdfast_list(s->h, &o), HOLDFAST_DAMAGED);
    assert_int_equal(l.count, 1);
    assert_int_equal(back_up(s, &b), HOLDFAST_DAMAGED);
    assert_false(b.published);
    assert_int_equal(restore(s, NULL, NULL), HOLDFAST_DAMAGED);
    assert_non_null(strstr(holdfast_last_error(s->h)->hint, "#"));
    snprintf(name, sizeof name, "#%llu", (unsigned long long)l.last);
    assert_int_equal(restore(s, name, NULL), HOLDFAST_OK);
}

static void test_api_notices_a_repository_that_was_set_back(void **state)
{
    struct scene *s = *state;
    char places[2][200], entry[512], head[512];
    struct holdfast_backup_result b = { .size = sizeof b };

    snprintf(places[0], sizeof places[0], "%s/state", s->dir);
    snprintf(places[1], sizeof places[1], "%s/cache", s->dir);
    s->where.state_dir = places[0];
    s->where.cache_dir = places[1];
    assert_int_equal(holdfast_open(s->h, &s->where), HOLDFAST_OK);
    assert_int_equal(back_up(s, NULL), HOLDFAST_OK);
    assert_int_equal(back_up(s, &b), HOLDFAST_OK);
    snprintf(entry, sizeof entry, "%s/journal/%012llu", s->repo, (unsigned long long)b.number);
    assert_int_equal(unlink(entry), 0);
    find_file(s, "head", head, sizeof head);
    assert_int_equal(unlink(head), 0);
    s->problems = 0;
    assert_int_equal(holdfast_open(s->h, &s->where), HOLDFAST_OK);
    assert_int_equal(s->problems, 1);
}

static void test_api_drill_restores_measures_and_records(void **state)
{
    struct scene *s = *state;
    struct holdfast_drill_options o = { .size = sizeof o, .kind = "full", .scratch = s->dir };
    struct holdfast_drill_result r = { .size = sizeof r };
    struct holdfast_backup_result b = { .size = sizeof b };

    assert_int_equal(back_up(s, &b), HOLDFAST_OK);
    assert_int_equal(holdfast_drill(s->h, &o, &r), HOLDFAST_OK);
    assert_true(r.passed);
    assert_string_equal(r.id, b.id);
    assert_int_equal(r.files, 2);
    assert_int_equal(r.mismatches, 0);
    assert_true(r.total_ns > 0 && r.open_ns > 0 && r.seed != 0);
    assert_int_equal(strlen(r.evidence), 32);
    o.no_evidence = true;
    o.seed = 7;
    o.kind = "pitr";
    o.selector = "job:default";
    assert_int_equal(holdfast_drill(s->h, &o, &r), HOLDFAST_OK);
    assert_string_equal(r.evidence, "");
    assert_int_equal(r.seed, 7);
    assert_int_equal(s->problems, 0);
}

static void test_api_drill_of_damage_fails_and_tells(void **state)
{
    struct scene *s = *state;
    const struct holdfast_drill_options o = { .size = sizeof o, .kind = "full", .scratch = s->dir };
    struct holdfast_drill_result r = { .size = sizeof r };
    char segment[512];

    assert_int_equal(back_up(s, NULL), HOLDFAST_OK);
    find_file(s, "segments", segment, sizeof segment);
    flip(segment, 300);
    assert_int_equal(holdfast_drill(s->h, &o, &r), HOLDFAST_DRILL_FAILED);
    assert_false(r.passed);
    assert_true(r.mismatches > 0 && (uint64_t)s->problems == r.mismatches);
}

static void test_api_drill_refuses_what_makes_no_sense(void **state)
{
    struct scene *s = *state;
    struct holdfast_drill_options o = { .size = sizeof o, .kind = "full" };
    struct holdfast_drill_result unsized = { 0 }, r = { .size = sizeof r };

    assert_int_equal(holdfast_drill(s->h, &o, &unsized), HOLDFAST_USAGE);
    assert_int_equal(holdfast_drill(s->h, NULL, NULL), HOLDFAST_USAGE);
    assert_int_equal(holdfast_drill(s->h, &o, NULL), HOLDFAST_USAGE); /* no scratch folder */
    o.scratch = s->dir;
    assert_int_equal(holdfast_drill(s->h, &o, &r), HOLDFAST_NO_POINT);
    assert_int_equal(r.open_ns, -1); /* nothing was measured */
    assert_int_equal(r.newest_age_ns, -1);
    o.sample_percent = -1;
    assert_int_equal(holdfast_drill(s->h, &o, NULL), HOLDFAST_USAGE);
    o.sample_percent = 0;
    o.kind = "probe";
    assert_int_equal(holdfast_drill(s->h, &o, NULL), HOLDFAST_USAGE);
    o.kind = "pitr";
    o.selector = "latest";
    assert_int_equal(holdfast_drill(s->h, &o, NULL), HOLDFAST_USAGE);
    o.selector = NULL;
    o.scratch = s->out; /* which is not there */
    assert_int_equal(back_up(s, NULL), HOLDFAST_OK);
    assert_int_equal(holdfast_drill(s->h, &o, NULL), HOLDFAST_FAILED);
}

static void test_api_cancel_ends_the_operation_and_only_that(void **state)
{
    struct scene *s = *state;
    struct holdfast_backup_result b = { .size = sizeof b };

    for (int i = 0; i < 600; i++) { /* progress is told every so many files */
        char name[32];

        snprintf(name, sizeof name, "file-%d", i);
        write_file(s->tree, name, name);
    }
    s->cancel = true;
    assert_int_equal(back_up(s, &b), HOLDFAST_INTERRUPTED);
    assert_string_equal(code(s), "interrupted");
    assert_false(b.published);
    s->cancel = false;
    assert_int_equal(back_up(s, &b), HOLDFAST_OK);
    holdfast_cancel(s->h); /* nothing is under way: the next one */
    assert_int_equal(restore(s, NULL, NULL), HOLDFAST_INTERRUPTED);
    assert_int_equal(restore(s, NULL, NULL), HOLDFAST_OK);
    holdfast_cancel(s->h);
    assert_int_equal(holdfast_open(s->h, &s->where), HOLDFAST_INTERRUPTED);
    assert_int_equal(holdfast_open(s->h, &s->where), HOLDFAST_OK);
}

/* What is told on the way is that the cache is of no use. */
static void test_api_cancel_ends_opening(void **state)
{
    struct scene *s = *state;
    char cache[128], view[200];
    glob_t found;

    snprintf(cache, sizeof cache, "%s/cache", s->dir);
    snprintf(view, sizeof view, "%s/*/view", cache);
    s->where.cache_dir = cache;
    assert_int_equal(holdfast_open(s->h, &s->where), HOLDFAST_OK);
    assert_int_equal(back_up(s, NULL), HOLDFAST_OK);
    assert_int_equal(glob(view, 0, NULL, &found), 0);
    assert_int_equal(truncate(found.gl_pathv[0], 10), 0);
    globfree(&found);
    s->cancel_when_logging = true;
    assert_int_equal(holdfast_open(s->h, &s->where), HOLDFAST_INTERRUPTED);
    s->cancel_when_logging = false;
    assert_int_equal(back_up(s, NULL), HOLDFAST_USAGE); /* nothing is open */
    assert_int_equal(holdfast_open(s->h, &s->where), HOLDFAST_OK);
}

static void test_api_refuses_calls_from_a_callback(void **state)
{
    struct scene *s = *state;

    s->call_back = true;
    assert_int_equal(back_up(s, NULL), HOLDFAST_OK);
    assert_int_equal(s->called_back, HOLDFAST_USAGE);
}

/* As a program would have it that was built with an earlier, or a later, holdfast.h. */
static void test_api_understands_structs_of_other_versions(void **state)
{
    struct scene *s = *state;
    const char *paths[] = { s->tree };
    struct {
        struct holdfast_backup_options o;
        uint64_t later;
    } grown = { .o = { .size = sizeof grown, .paths = paths, .path_count = 1 } };
    struct {
        struct holdfast_backup_result r;
        uint64_t later, beyond;
    } result = { .r = { .size = sizeof result - sizeof(uint64_t) }, .later = 7, .beyond = 7 };
    struct holdfast_backup_options early = { .size = offsetof(struct holdfast_backup_options, job),
                                             .paths = paths,
                                             .path_count = 1,
                                             .job = "not looked at" };

    assert_int_equal(holdfast_backup(s->h, &grown.o, &result.r), HOLDFAST_OK);
    assert_true(result.r.published);
    assert_int_equal(result.later, 0);
    assert_int_equal(result.beyond, 7);
    grown.later = 1;
    assert_int_equal(holdfast_backup(s->h, &grown.o, NULL), HOLDFAST_FAILED);
    assert_string_equal(code(s), "unsupported");

    result.r = (struct holdfast_backup_result){
        .size = offsetof(struct holdfast_backup_result, number), .number = 7
    };
    assert_int_equal(holdfast_backup(s->h, &early, &result.r), HOLDFAST_OK);
    assert_int_equal(strlen(result.r.id), 32);
    assert_int_equal(result.r.number, 7);
    assert_int_equal(restore(s, "job:default,latest", NULL), HOLDFAST_OK);
}

static void test_api_wants_the_size_of_every_struct(void **state)
{
    struct scene *s = *state;
    struct holdfast_events events = { 0 };
    struct holdfast_backup_result b = { 0 };
    struct holdfast_restore_result r = { 0 };
    struct holdfast_check_result c = { 0 };
    struct holdfast_list_options l = { 0 };

    assert_int_equal(holdfast_set_events(s->h, &events), HOLDFAST_USAGE);
    assert_int_equal(back_up(s, &b), HOLDFAST_USAGE);
    assert_int_equal(restore(s, NULL, &r), HOLDFAST_USAGE);
    assert_int_equal(holdfast_check(s->h, NULL, &c), HOLDFAST_USAGE);
    assert_int_equal(holdfast_list(s->h, &l), HOLDFAST_USAGE);
    s->where.size = 0;
    assert_int_equal(holdfast_open(s->h, &s->where), HOLDFAST_USAGE);
    assert_non_null(strstr(holdfast_last_error(s->h)->message, "size"));
}

static void test_api_without_a_repository_does_nothing(void **state)
{
    struct scene *s = *state;
    struct holdfast *fresh = holdfast_new();

    assert_non_null(fresh);
    holdfast_close(s->h);
    s->h = fresh;
    assert_string_equal(code(s), "ok");
    assert_int_equal(back_up(s, NULL), HOLDFAST_USAGE);
    assert_int_equal(holdfast_check(s->h, NULL, NULL), HOLDFAST_USAGE);
    holdfast_close(NULL);
}

/* Both standard streams go to a file meanwhile: nothing must be in it. */
static void test_api_is_silent_whatever_happens(void **state)
{
    struct scene *s = *state;
    int fd, before[2];
    char path[200], segment[512];
    struct stat st;

    snprintf(path, sizeof path, "%s/said", s->dir);
    fd = open(path, O_CREAT | O_RDWR, 0600);
    assert_true(fd >= 0);
    fflush(NULL);
    for (int i = 0; i < 2; i++) {
        before[i] = dup(i + 1);
        dup2(fd, i + 1);
    }
    (void)holdfast_set_events(s->h, NULL);
    (void)back_up(s, NULL);
    (void)restore(s, NULL, NULL);
    (void)restore(s, "at:2001-01-01", NULL);
    find_file(s, "segments", segment, sizeof segment);
    flip(segment, 300);
    (void)holdfast_check(s->h, NULL, NULL);
    (void)holdfast_open(s->h, &s->where);
    (void)restore(s, NULL, NULL);
    s->where.key_file = NULL;
    (void)holdfast_open(s->h, &s->where);
    fflush(NULL);
    for (int i = 0; i < 2; i++) {
        dup2(before[i], i + 1);
        close(before[i]);
    }
    assert_int_equal(fstat(fd, &st), 0);
    close(fd);
    assert_int_equal(st.st_size, 0);
}

static void *fail_again_and_again(void *context)
{
    struct scene *s = context;

    for (int i = 0; i < 3; i++) {
        (void)restore(s, "#77777", NULL);
    }
    return NULL;
}

static void *work_again_and_again(void *context)
{
    struct scene *s = context;

    for (int i = 0; i < 3; i++) {
        if (back_up(s, NULL) != HOLDFAST_OK || restore(s, NULL, NULL) != HOLDFAST_OK ||
            holdfast_check(s->h, NULL, NULL) != HOLDFAST_OK) {
            break;
        }
    }
    return NULL;
}

static void test_api_of_two_handles_in_two_threads_has_two_of_everything(void **state)
{
    struct scene *s = *state;
    struct scene other = *s;
    pthread_t threads[2];

    other.h = holdfast_new();
    assert_non_null(other.h);
    set_events(&other);
    assert_int_equal(back_up(s, NULL), HOLDFAST_OK);
    assert_int_equal(holdfast_open(other.h, &other.where), HOLDFAST_OK);
    assert_int_equal(pthread_create(&threads[0], NULL, work_again_and_again, s), 0);
    assert_int_equal(pthread_create(&threads[1], NULL, fail_again_and_again, &other), 0);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    assert_string_equal(holdfast_last_error(s->h)->message, "");
    assert_int_equal(holdfast_last_error(other.h)->status, HOLDFAST_NO_POINT);
    assert_non_null(strstr(holdfast_last_error(other.h)->message, "77777"));
    holdfast_close(other.h);
}

/* Each of the first allocations of an operation is refused once. */
static void test_api_survives_the_want_of_memory(void **state)
{
    struct scene *s = *state;

    assert_int_equal(back_up(s, NULL), HOLDFAST_OK);
    s->where.threads = 1;
    for (uint64_t n = 1; n < 40; n++) {
        enum holdfast_status status;

        mem_fail_at(n, 0);
        status = holdfast_open(s->h, &s->where);
        if (status == HOLDFAST_OK) {
            status = back_up(s, NULL);
        }
        mem_fail_at(0, 0);
        if (status != HOLDFAST_OK) {
            assert_string_equal(code(s), "out_of_memory");
        }
    }
    assert_int_equal(holdfast_open(s->h, &s->where), HOLDFAST_OK);
    assert_int_equal(restore(s, NULL, NULL), HOLDFAST_OK);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_api_version_is_that_of_the_header),
        TEST(test_api_makes_a_key_file_and_opens_with_it),
        TEST(test_api_init_refuses_an_existing_repository),
        TEST(test_api_init_takes_an_existing_key_file),
        TEST(test_api_opens_with_a_password_and_refuses_another),
        TEST(test_api_says_what_keeps_it_from_opening),
        TEST(test_api_backs_up_lists_and_restores),
        TEST(test_api_list_ends_when_it_is_told_to_and_may_be_empty),
        TEST(test_api_restores_as_of_a_time_and_says_which),
        TEST(test_api_restores_parts_and_removes_what_is_too_much),
        TEST(test_api_backup_takes_all_its_options),
        TEST(test_api_backup_refuses_what_makes_no_sense),
        TEST(test_api_tells_of_what_is_not_in_a_backup),
        TEST(test_api_never_backs_up_the_repository_and_its_cache),
        TEST(test_api_check_names_what_is_damaged),
        TEST(test_api_reads_what_stands_of_a_damaged_journal_and_writes_nothing),
        TEST(test_api_notices_a_repository_that_was_set_back),
        TEST(test_api_drill_restores_measures_and_records),
        TEST(test_api_drill_of_damage_fails_and_tells),
        TEST(test_api_drill_refuses_what_makes_no_sense),
        TEST(test_api_cancel_ends_the_operation_and_only_that),
        TEST(test_api_cancel_ends_opening),
        TEST(test_api_refuses_calls_from_a_callback),
        TEST(test_api_understands_structs_of_other_versions),
        TEST(test_api_wants_the_size_of_every_struct),
        TEST(test_api_without_a_repository_does_nothing),
        TEST(test_api_is_silent_whatever_happens),
        TEST(test_api_of_two_handles_in_two_threads_has_two_of_everything),
        TEST(test_api_survives_the_want_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
