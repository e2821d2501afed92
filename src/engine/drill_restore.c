/*
 * drill_restore.c - the step that nearly all kinds of drills consist of: restoring a snapshot, or
 * a part of it that is left to chance, and reading it back.
 */
#include <inttypes.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/text.h"
#include "engine/drill_internal.h"
#include "engine/repopages.h"
#include "engine/restore_select.h"
#include "engine/target_dir.h"
#include "format/xxh.h"

#define SEEN_SEED 0x9e3779b97f4a7c15u
#define LEAST_FILES 100u /* of a sample, unless somebody says how many */

struct step {
    struct drill *d;
    struct repo *repo;
    uint8_t id[16]; /* of the snapshot, whose record moves when the journal is read anew */
    double fraction;
    struct exclude *include; /* the files that were chosen; NULL: all */
    uint64_t bytes;          /* what they hold */
    struct map *wrong;       /* hashes of the paths that are known to be wrong */
    int rc;                  /* of telling */
};

static const struct catalog_snapshot *find(const struct step *s)
{
    return catalog_find_snapshot(repo_catalog(s->repo), s->id);
}

/* ---- what is wrong ---- */

/* A file that could not be restored is not there either: it is told once. */
static bool is_known(struct step *s, const char *path, size_t len)
{
    uint64_t hash = xxh_64(path, len);
    bool fresh = true;
    int rc = map_put(s->wrong, &hash, NULL, &fresh);

    s->rc = s->rc != 0 ? s->rc : rc;
    return !fresh;
}

static void on_error(void *context, const char *path, size_t len, int code, const char *message)
{
    struct step *s = context;
    struct buf why;
    int rc;

    (void)code;
    if (is_known(s, path, len)) {
        return;
    }
    buf_init(&why);
    if ((s->d->kind->traits & DRILL_OF_A_POINT) == 0) { /* there are several */
        buf_printf(&why, "in #%" PRIu64 ": ", find(s)->number);
    }
    buf_printf(&why, "%s", message);
    rc = drill_mismatch(s->d, path, len, buf_text(&why));
    s->rc = s->rc != 0 ? s->rc : rc;
    buf_release(&why);
}

static void on_loss(void *context, const char *path, size_t len, const char *what, const char *why)
{
    struct step *s = context;
    struct buf text;

    s->d->result->losses++;
    buf_init(&text);
    buf_printf(&text, "%s was not restored in the scratch folder: %s", what, why);
    drill_note(s->d, path, len, buf_text(&text));
    buf_release(&text);
}

static void on_progress(void *context, const struct restore_progress *p)
{
    struct step *s = context;

    if (s->d->events != NULL && s->d->events->progress != NULL) {
        s->d->events->progress(s->d->events->context, p);
    }
}

/* ---- choosing ---- */

static void on_lost(void *context, const char *path, size_t len, uint64_t entries)
{
    struct step *s = context;
    struct buf why;

    buf_init(&why);
    buf_printf(&why, "%llu entries that follow are lost: %s", (unsigned long long)entries,
               err_last()->text);
    on_error(s, path, len, HF_EDAMAGE, buf_text(&why));
    buf_release(&why);
    err_clear();
}

/* The path as a pattern that matches it and nothing else. */
static int choose(struct step *s, const struct node *n)
{
    struct buf pattern;
    int rc;

    buf_init(&pattern);
    for (size_t i = 0; i < n->path_len; i++) {
        if (strchr("*?[]\\!# ", n->path[i]) != NULL) {
            buf_put_u8(&pattern, '\\');
        }
        buf_put_u8(&pattern, (uint8_t)n->path[i]);
    }
    rc = buf_error(&pattern);
    if (rc == 0) {
        rc = exclude_add(s->include, buf_text(&pattern));
    }
    s->bytes += n->size;
    buf_release(&pattern);
    return rc;
}

/* How many files of so many; without a word of the user's never so few that they say nothing. */
static uint64_t wanted(const struct step *s, uint64_t files)
{
    double share = ceil((double)files * s->fraction);
    uint64_t n = share < 1 ? 1 : (uint64_t)share;

    if (s->d->o->fraction == 0 && n < LEAST_FILES) {
        n = LEAST_FILES;
    }
    return n < files ? n : files;
}

/* Each file with the same chance, in one pass: so many of those that are still to come. */
static int choose_files(struct step *s, struct restore_select *walk)
{
    uint64_t left = find(s)->commit.counts.files, want = wanted(s, left);
    struct node n;
    bool selected;
    int rc;

    while ((rc = restore_select_next(walk, &n, &selected)) == 1) {
        if (n.type != NODE_FILE) {
            continue;
        }
        if (want > 0 && left > 0 && rnd_below(&s->d->rnd, left) < want) {
            want--;
            rc = choose(s, &n);
        } else {
            rc = 0;
        }
        left -= left > 0 ? 1 : 0;
        rc = rc != 0 ? rc : drill_cancelled(s->d);
        if (rc != 0) {
            return rc;
        }
    }
    return rc;
}

static int plan(struct step *s)
{
    struct pagestore *pages = NULL;
    struct restore_select *walk = NULL;
    struct restore_select_options o = { .root = find(s)->commit.root,
                                        .lost = on_lost,
                                        .context = s };
    int rc;

    drill_phase(s->d, "choosing files");
    rc = exclude_new(&s->include);
    if (rc == 0) {
        rc = repopages_new(s->repo, NULL, &pages);
    }
    o.pages = pages;
    if (rc == 0) {
        rc = restore_select_open(&o, &walk);
    }
    if (rc == 0) {
        rc = choose_files(s, walk);
    }
    restore_select_close(walk);
    repopages_free(pages);
    return rc;
}

/* ---- restoring and comparing ---- */

static int check_space(const struct step *s)
{
    char need[TEXT_SIZE_BYTES], most[TEXT_SIZE_BYTES];
    uint64_t most_bytes = s->d->o->max_space;

    if (most_bytes == 0 || s->bytes <= most_bytes) {
        return 0;
    }
    err_raise(HF_ENOSPC, "%s are to be restored, and the drill may use %s of the scratch folder",
              text_size(s->bytes, need), text_size(most_bytes, most));
    return err_hint("give it more by --max-space, or drill a sample");
}

/* What is wrong with the backup is told by name; what keeps the drill from going on is an error. */
static int judge(struct step *s, int rc, const char *what)
{
    bool told = rc == HF_EDAMAGE || rc == HF_EPARTIAL;

    if (s->rc != 0) {
        return s->rc;
    }
    if (told && s->d->result->mismatch_total == 0 && rc == HF_EDAMAGE) {
        return drill_mismatch(s->d, what, strlen(what), err_last()->text);
    }
    if (told) {
        err_clear();
        return 0;
    }
    return rc;
}

static void add_time(int64_t *to, int64_t ns)
{
    *to = *to == DRILL_UNKNOWN_NS ? ns : *to + ns;
}

static void note_firsts(struct drill *d, const struct restore_result *r, int64_t before_ns)
{
    if (d->result->rto.first_byte_ns == DRILL_UNKNOWN_NS && r->first_byte_ns >= 0) {
        d->result->rto.first_byte_ns = before_ns + r->first_byte_ns;
    }
    if (d->result->rto.first_file_ns == DRILL_UNKNOWN_NS && r->first_file_ns >= 0) {
        d->result->rto.first_file_ns = before_ns + r->first_file_ns;
    }
}

static int restore_it(struct step *s, const struct restore_options *o, struct target *target)
{
    const struct restore_events events = {
        .context = s, .progress = on_progress, .error = on_error, .loss = on_loss
    };
    struct drill *d = s->d;
    int64_t open_ns = d->result->rto.open_ns == DRILL_UNKNOWN_NS ? 0 : d->result->rto.open_ns;
    int64_t begin = clock_monotonic(d->clock);
    struct restore_result result;
    int rc;

    drill_phase(d, "restoring");
    rc = restore_run(s->repo, find(s), o, target, &events, &result);
    note_firsts(d, &result, open_ns);
    add_time(&d->result->rto.restore_ns, clock_monotonic(d->clock) - begin);
    return judge(s, rc, "the snapshot");
}

static int compare_it(struct step *s, const struct restore_options *o, struct target *target)
{
    const struct restore_events events = { .context = s,
                                           .progress = on_progress,
                                           .error = on_error };
    struct drill *d = s->d;
    int64_t begin = clock_monotonic(d->clock);
    struct restore_result result;
    int rc;

    drill_phase(d, "comparing");
    rc = restore_verify(s->repo, find(s), o, target, &events, &result);
    add_time(&d->result->rto.verify_ns, clock_monotonic(d->clock) - begin);
    d->result->files += result.files;
    d->result->bytes += result.bytes_verified;
    return judge(s, rc, "the snapshot");
}

/* It is the repository that is drilled, and not the disk under the scratch folder. */
static void leave_cached(struct target *t, struct target_file *f)
{
    (void)t;
    (void)f;
}

static int run_in(struct step *s, const char *folder)
{
    struct restore_options o = { .include = s->include,
                                 .threads = s->d->o->threads,
                                 .cancel = s->d->o->cancel };
    struct target_dir_options where = { .path = folder, .no_owner = geteuid() != 0 };
    struct target *target = NULL;
    struct target_ops ops;
    int rc = target_dir_new(&where, &target);

    if (rc == 0) {
        ops = *target->ops;
        ops.uncache = leave_cached;
        target->ops = &ops;
        rc = restore_it(s, &o, target);
    }
    if (rc == 0) {
        rc = compare_it(s, &o, target);
    }
    target_free(target);
    return rc == 0 ? 0 : err_add(rc, "could not restore to %s", folder);
}

int drill_restore(struct drill *d, struct repo *repo, const struct catalog_snapshot *snapshot,
                  double fraction, const char *name)
{
    struct step s = { .d = d, .repo = repo, .fraction = fraction };
    char *folder = NULL;
    int rc = map_new(sizeof(uint64_t), 1, SEEN_SEED, &s.wrong);

    memcpy(s.id, snapshot->id, sizeof s.id);
    exclude_free(d->chosen);
    d->chosen = NULL;
    if (rc == 0 && fraction < 1 && snapshot->commit.counts.files > 0) {
        rc = judge(&s, plan(&s), "the snapshot");
    } else {
        s.bytes = snapshot->commit.counts.bytes;
    }
    if (rc == 0) {
        rc = check_space(&s);
    }
    if (rc == 0) {
        rc = drill_scratch_make(d->scratch, name, &folder);
    }
    if (rc == 0) {
        rc = run_in(&s, folder);
    }
    mem_free(folder);
    d->chosen = s.include;
    map_free(s.wrong);
    return rc;
}
