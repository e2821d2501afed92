/*
 * rotlook.h - two ways to find out what damage has done to a copy of the repository of rotkit.h.
 *
 * rot_check is the program's own answer: it opens without cache and memory and checks. rot_restore
 * is the truth: it restores every snapshot and compares each file with what was backed up. The
 * first must name all that the second finds lost, and nothing else.
 */
#ifndef HF_CRASH_ROTLOOK_H
#define HF_CRASH_ROTLOOK_H

#include "crash/rotkit.h"

#include "engine/check.h"
#include "engine/restore.h"
#include "harness/target_mem.h"

/* --- what check says -------------------------------------------------------------------------- */

enum rot_look { ROT_STRUCTURE = 0, ROT_READ_DATA = 1, ROT_SCRUB = 2 };

struct rot_finding {
    char kind[16];
    char object[160];
    bool costs; /* snapshot and path say what */
    uint8_t snapshot[16];
    char path[ROT_PATH]; /* empty: not known which */
};

struct rot_report {
    int rc;      /* of opening or of the check */
    bool opened; /* else `text` is all there is */
    char text[ERR_TRAIL_BYTES];
    char hint[ERR_HINT_BYTES];
    char note[512]; /* the last one */
    struct check_result result;
    struct rot_finding *list;
    size_t count, cap;
};

static inline void rot_on_damage(void *context, const struct check_damage *d)
{
    struct rot_report *out = context;
    struct rot_finding *f;

    if (mem_grow(&out->list, &out->cap, out->count + 1, sizeof *out->list) != 0) {
        abort();
    }
    f = &out->list[out->count++];
    memset(f, 0, sizeof *f);
    snprintf(f->kind, sizeof f->kind, "%s", d->kind);
    snprintf(f->object, sizeof f->object, "%s", d->object);
    if (d->snapshot) {
        f->costs = true;
        memcpy(f->snapshot, d->snapshot, sizeof f->snapshot);
        snprintf(f->path, sizeof f->path, "%.*s", (int)d->path_len, d->path ? d->path : "");
    }
}

static inline void rot_on_note(void *context, const char *message)
{
    struct rot_report *out = context;

    snprintf(out->note, sizeof out->note, "%s", message);
}

/* The environment of somebody who has never seen the repository; `remembers`: of client "a". */
static inline struct repo_env rot_env(struct simdisk *d, bool remembers)
{
    struct simclient *c = simdisk_client(d, remembers ? "a" : "checker");
    struct repo_env env = { .fs = simclient_fs(c, "repo"),
                            .clock = simclient_clock(c),
                            .rnd = simclient_rnd(c) };

    if (remembers) {
        env.state = simclient_fs(c, "state-a");
    }
    return env;
}

static inline void rot_leave(struct repo_env *env, struct repo *repo)
{
    repo_close(repo);
    fs_close_fs(env->fs);
    fs_close_fs(env->state);
}

static inline void rot_check_as(struct simdisk *d, bool remembers, unsigned look,
                                struct rot_report *out)
{
    const struct check_events events = { .context = out,
                                         .damage = rot_on_damage,
                                         .note = rot_on_note };
    const struct check_options o = { .read_data = (look & ROT_READ_DATA) != 0,
                                     .read_fraction = 1,
                                     .scrub = (look & ROT_SCRUB) != 0,
                                     .threads = 1 };
    struct repo_env env = rot_env(d, remembers);
    struct repo *repo = NULL;

    memset(out, 0, sizeof *out);
    err_clear();
    out->rc = repo_open(&env, &kit_unlock, REPO_TOLERANT, &repo);
    out->opened = out->rc == 0;
    if (out->opened) {
        out->rc = check_run(repo, &o, &events, &out->result);
    }
    snprintf(out->text, sizeof out->text, "%s", err_last()->text);
    snprintf(out->hint, sizeof out->hint, "%s", err_last()->hint);
    rot_leave(&env, repo);
}

static inline void rot_check(struct simdisk *d, unsigned look, struct rot_report *out)
{
    rot_check_as(d, false, look, out);
}

static inline void rot_release(struct rot_report *r)
{
    mem_free(r->list);
    memset(r, 0, sizeof *r);
}

static inline void rot_print(const struct rot_report *r)
{
    char id[33];

    print_error("  %s: %s\n", err_code_name(r->rc), r->text);
    for (size_t i = 0; i < r->count; i++) {
        const struct rot_finding *f = &r->list[i];

        print_error("  %s %s %s %s\n", f->kind, f->object,
                    f->costs ? text_hex(f->snapshot, 16, id) : "", f->path);
    }
}

static inline bool rot_names(const struct rot_report *r, const char *object)
{
    for (size_t i = 0; i < r->count; i++) {
        if (strcmp(r->list[i].object, object) == 0) {
            return true;
        }
    }
    return false;
}

/* Whether any file but this one is named: what is whole must not be accused. */
static inline bool rot_accuses(const struct rot_report *r, const char *but)
{
    for (size_t i = 0; i < r->count; i++) {
        const struct rot_finding *f = &r->list[i];

        if (!f->costs && strcmp(f->object, but) != 0) {
            return true;
        }
    }
    return false;
}

/* Damage was found, and it is that of this file; where nothing opens, the error says this text. */
static inline bool rot_told(const struct rot_report *r, const char *object, const char *text)
{
    if (!r->opened) {
        return (r->rc == HF_EDAMAGE || r->rc == HF_EKEY_DAMAGED) && strstr(r->text, text);
    }
    return r->rc == HF_EDAMAGE && r->result.damage == r->count && rot_names(r, object) &&
           !rot_accuses(r, object);
}

/* Whoever doesn't ask for a damaged history gets the whole one or none. */
static inline bool rot_strict_is_honest(const struct rot *r, struct simdisk *d)
{
    struct repo_env env = rot_env(d, false);
    struct repo *repo = NULL;
    size_t seen = 0;
    int rc = repo_open(&env, &kit_unlock, REPO_STRICT, &repo);

    for (size_t i = 0; rc == 0 && i < r->point_count; i++) {
        seen += catalog_find_snapshot(repo_catalog(repo), r->points[i].id) != NULL;
    }
    rot_leave(&env, repo);
    err_clear();
    return rc != 0 || seen == r->point_count;
}

/* --- what a restore brings back --------------------------------------------------------------- */

struct rot_losses {
    struct rot_finding *list; /* costs; path empty: the whole snapshot, or an unknown part of it */
    size_t count, cap;
    const struct rot_point *at;
    size_t missing; /* snapshots that are not listed any more */
};

static inline void rot_on_error(void *context, const char *path, size_t path_len, int code,
                                const char *message)
{
    struct rot_losses *out = context;
    struct rot_finding *f;

    if (mem_grow(&out->list, &out->cap, out->count + 1, sizeof *out->list) != 0) {
        abort();
    }
    f = &out->list[out->count++];
    memset(f, 0, sizeof *f);
    f->costs = true;
    memcpy(f->snapshot, out->at->id, sizeof f->snapshot);
    snprintf(f->kind, sizeof f->kind, "%s", err_code_name(code));
    snprintf(f->object, sizeof f->object, "%.*s", (int)sizeof f->object - 1, message);
    /* A page was lost: the path is the last one before it, those below it are unknown. */
    if (!strstr(message, "entries that follow are lost")) {
        snprintf(f->path, sizeof f->path, "%.*s", (int)path_len, path);
    }
}

static inline bool rot_has(const struct rot_finding *list, size_t count, const uint8_t id[16],
                           const char *path)
{
    for (size_t i = 0; i < count; i++) {
        if (list[i].costs && memcmp(list[i].snapshot, id, 16) == 0 &&
            (!path || strcmp(list[i].path, path) == 0)) {
            return true;
        }
    }
    return false;
}

/* Is this file of the target what was backed up? */
static inline bool rot_same(struct target *t, const struct rot_file *f)
{
    struct target_mem_thing thing;
    uint8_t *expected = kit_bytes(f->seed, f->len);
    bool same = target_mem_find(t, f->path, &thing) && thing.type == NODE_FILE &&
                thing.len == f->len && (f->len == 0 || memcmp(thing.data, expected, f->len) == 0);

    mem_free(expected);
    return same;
}

/* Of each point: each file is either right or told as lost. */
static inline void rot_restore_point(struct repo *repo, const struct rot_point *p,
                                     struct rot_losses *out)
{
    const struct catalog_snapshot *s = catalog_find_snapshot(repo_catalog(repo), p->id);
    const struct restore_options o = { .threads = 1 };
    const struct restore_events events = { .context = out, .error = rot_on_error };
    struct target *t = target_mem_new();
    struct restore_result result;
    size_t told = out->count;
    int rc;

    if (!s) {
        out->missing++;
        target_free(t);
        return;
    }
    out->at = p;
    rc = restore_run(repo, s, &o, t, &events, &result);
    if (rc != 0 && out->count == told) {
        rot_on_error(out, "", 0, rc, err_last()->text);
    }
    assert_true((rc == 0) == (out->count == told));
    for (size_t i = 0; i < p->count; i++) {
        const struct rot_file *f = &p->files[i];
        struct target_mem_thing thing;
        bool named = rot_has(out->list + told, out->count - told, p->id, f->path);
        bool unnamed = rot_has(out->list + told, out->count - told, p->id, "") &&
                       !target_mem_find(t, f->path, &thing);

        if (!named && !unnamed && !rot_same(t, f)) {
            fail_msg("%s was not restored as it was, and nothing said so", f->path);
        }
    }
    target_free(t);
}

static inline void rot_restore(const struct rot *r, struct simdisk *d, struct rot_losses *out)
{
    struct repo_env env = rot_env(d, false);
    struct repo *repo = NULL;

    memset(out, 0, sizeof *out);
    ok(repo_open(&env, &kit_unlock, REPO_TOLERANT, &repo));
    for (size_t i = 0; i < r->point_count; i++) {
        if (!r->points[i].forgotten) {
            rot_restore_point(repo, &r->points[i], out);
        }
    }
    rot_leave(&env, repo);
    err_clear();
}

/* --- both together ---------------------------------------------------------------------------- */

/* What check must say of this disk: damage of these objects (the second may be NULL), no other. */
static inline void rot_expect(const struct rot *r, struct simdisk *d, unsigned look,
                              const char *object, const char *other, const char *text)
{
    struct rot_report report;
    bool named;

    rot_check(d, look, &report);
    named = report.opened ? report.rc == HF_EDAMAGE && rot_names(&report, object) &&
                                (!other || rot_names(&report, other))
                          : (report.rc == HF_EDAMAGE || report.rc == HF_EKEY_DAMAGED) && text &&
                                strstr(report.text, text);
    for (size_t i = 0; i < report.count; i++) {
        const struct rot_finding *f = &report.list[i];

        named = named && (f->costs || strcmp(f->object, object) == 0 ||
                          (other && strcmp(f->object, other) == 0));
    }
    if (!named) {
        rot_print(&report);
        fail_msg("%s is not told as it should be", object);
    }
    rot_release(&report);
    if (!rot_strict_is_honest(r, d)) {
        fail_msg("%s makes a shorter history", object);
    }
}

/* No damage, all of it restores, whoever looks. */
static inline void rot_expect_whole(const struct rot *r, struct simdisk *d)
{
    struct rot_report report;
    struct rot_losses losses;

    rot_check(d, ROT_READ_DATA | ROT_SCRUB, &report);
    if (report.rc != 0 || report.count != 0) {
        rot_print(&report);
        fail_msg("damage where there is none");
    }
    rot_release(&report);
    assert_true(rot_strict_is_honest(r, d));
    rot_restore(r, d, &losses);
    assert_int_equal(losses.count, 0);
    assert_int_equal(losses.missing, 0);
    mem_free(losses.list);
}

/* What an opening says of a file without which nothing opens; NULL: it must open. */
static inline const char *rot_text_of(const char *path)
{
    if (strcmp(path, "repo/holdfast") == 0) {
        return "holdfast";
    }
    if (strncmp(path, "repo/keys/", 10) == 0) {
        return "keys";
    }
    return strcmp(path, "repo/journal/000000000001") == 0 ? "entry 1" : NULL;
}

/*
 * The snapshots and paths that check names are those that a restore can't bring back. A path that
 * is not known (a page of names is lost) is answered by the snapshot alone, on both sides. Returns
 * how many they are.
 */
static inline size_t rot_costs_agree(const struct rot *r, struct simdisk *d, unsigned look)
{
    struct rot_report report;
    struct rot_losses losses;
    size_t count;

    rot_check(d, look, &report);
    rot_restore(r, d, &losses);
    assert_int_equal(losses.missing, 0);
    for (size_t i = 0; i < losses.count; i++) {
        const struct rot_finding *f = &losses.list[i];

        if (!rot_has(report.list, report.count, f->snapshot, f->path)) {
            rot_print(&report);
            fail_msg("'%s' can't be restored (%s), and check does not say so", f->path, f->object);
        }
    }
    for (size_t i = 0; i < report.count; i++) {
        const struct rot_finding *f = &report.list[i];

        if (f->costs && !rot_has(losses.list, losses.count, f->snapshot, f->path)) {
            fail_msg("'%s' can be restored, and check says that it can't", f->path);
        }
    }
    count = losses.count;
    mem_free(losses.list);
    rot_release(&report);
    return count;
}

#endif
