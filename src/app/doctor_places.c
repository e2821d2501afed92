/*
 * doctor_places.c - see doctor.h: repositories, and the folders of this client.
 */
#include "app/doctor.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/places.h"
#include "app/session.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"

#define DAY_NS (86400 * NS_PER_S)
#define CACHE_OLD_DAYS 90
#define SLOW_SYNC_NS (NS_PER_S / 2)
#define QUICK_SYNC_NS INT64_C(20000) /* no disk is that quick */

/* What is left of writing that was cut short; prune takes it away. */

struct leftovers {
    struct fs *fs;
    const char *folder;
    int64_t before_ns;
    size_t count, old;
    uint64_t bytes;
};

static int count_leftover(void *context, const char *name)
{
    struct leftovers *l = context;
    struct fs_stat st;
    char path[300];

    snprintf(path, sizeof path, "%s%.255s", l->folder, name);
    if (fs_stat(l->fs, path, &st) == 0 && !st.is_dir) {
        l->count++;
        l->bytes += st.size;
        l->old += st.mtime_ns < l->before_ns ? 1 : 0;
    }
    return 0;
}

static void look_at_leftovers(struct doctor *d, struct session *s, const char *name)
{
    const struct doctor_about about = { "leftovers", name, NULL };
    const struct doctor_about prune = { "leftovers", name, "\"holdfast prune\" takes them away" };
    struct leftovers l = { .fs = s->env.fs,
                           .folder = "tmp/",
                           .before_ns = clock_wall(d->app->clock) - DAY_NS };
    char size[TEXT_SIZE_BYTES];

    if (fs_list(s->env.fs, "tmp", count_leftover, &l) != 0) {
        doctor_say(d, DOCTOR_FAIL, &about, "%s", err_last()->text);
        return;
    }
    doctor_say(d, l.old > 0 ? DOCTOR_WARN : DOCTOR_OK, l.old > 0 ? &prune : &about,
               "%zu unfinished files in tmp/, %s; %zu are older than a day", l.count,
               text_size(l.bytes, size), l.old);
}

/* Whether a file of its can be read past the system's cache. */
static void look_at_direct(struct doctor *d, const struct session *s, const char *name)
{
    const struct doctor_about about = { "capabilities", name, NULL };
    struct buf path;
    int fd;

    buf_init(&path);
    buf_printf(&path, "%s/holdfast", s->path);
    fd = open(buf_text(&path), O_RDONLY | O_DIRECT | O_CLOEXEC);
    doctor_say(d, DOCTOR_OK, &about, "reading past the cache of the system (O_DIRECT): %s",
               fd >= 0 ? "yes" : "no");
    if (fd >= 0) {
        close(fd);
    }
    buf_release(&path);
}

/* Makes a file in tmp/, synced; how long the sync took. */
static int make_probe(struct doctor *d, struct fs *fs, const char *path, int64_t *out_sync_ns)
{
    static const char data[4096];
    struct fs_file *f = NULL;
    int64_t begin;
    int rc = fs_create(fs, path, 0600, &f);

    if (rc == 0) {
        rc = fs_pwrite(f, data, sizeof data, 0);
    }
    begin = clock_monotonic(d->app->clock);
    if (rc == 0) {
        rc = fs_sync(f, "doctor.probe");
    }
    *out_sync_ns = clock_monotonic(d->app->clock) - begin;
    if (rc == 0) {
        rc = fs_close(&f);
    }
    (void)fs_close(&f);
    return rc;
}

static void say_sync(struct doctor *d, const char *name, int64_t ns)
{
    const struct doctor_about about = { "capabilities", name, NULL };
    const struct doctor_about quick = {
        "capabilities", name,
        "see that no cache without a battery, and no mount option, lies about it"
    };
    const struct doctor_about slow = { "capabilities", name, "backups wait for this disk" };
    char shown[TEXT_SIZE_BYTES];
    bool odd = ns < QUICK_SYNC_NS || ns > SLOW_SYNC_NS;

    doctor_say(d, odd ? DOCTOR_WARN : DOCTOR_OK,
               ns < QUICK_SYNC_NS  ? &quick
               : ns > SLOW_SYNC_NS ? &slow
                                   : &about,
               "a sync of 4 KiB took %s%s", text_duration(ns, shown),
               ns < QUICK_SYNC_NS ? ": less than any disk needs" : "");
}

/* What every publication relies on, as init tries it. */
static void probe(struct doctor *d, struct session *s, const char *name)
{
    const struct doctor_about about = { "capabilities", name, NULL };
    const struct doctor_about bad = {
        "capabilities", name, "a repository can't live on this file system: copy it to another"
    };
    struct fs *fs = s->env.fs;
    char a[64], b[64];
    int64_t first = 0, second = 0;
    int rc, over;

    snprintf(a, sizeof a, "tmp/doctor-%ld-a", (long)getpid());
    snprintf(b, sizeof b, "tmp/doctor-%ld-b", (long)getpid());
    rc = make_probe(d, fs, a, &first);
    if (rc == 0) {
        rc = make_probe(d, fs, b, &second);
    }
    over = rc == 0 ? fs_rename_new(fs, a, b) : 0;
    if (rc != 0) {
        doctor_say(d, DOCTOR_FAIL, &about, "could not make a file in tmp/: %s", err_last()->text);
    } else if (over != HF_EEXISTS) {
        doctor_say(d, DOCTOR_FAIL, &bad, "a name that is taken is not refused: %s",
                   over == 0 ? "it was replaced" : err_last()->text);
    } else {
        doctor_say(d, DOCTOR_OK, &about, "renaming without replacing works");
        say_sync(d, name, second > first ? second : first);
    }
    (void)fs_unlink(fs, a);
    (void)fs_unlink(fs, b);
    err_clear();
}

/* Whether this clock lies behind those of who wrote the newest entries. */
static void look_at_times(struct doctor *d, struct session *s, const char *name)
{
    const struct doctor_about about = { "clock", name, NULL };
    const struct doctor_about behind = { "clock", name,
                                         "set the clock of this machine, or of the one that was "
                                         "ahead" };
    const struct catalog *c = repo_catalog(s->repo);
    int64_t newest = 0, now = clock_wall(d->app->clock);
    char shown[TEXT_SIZE_BYTES];

    for (size_t i = 0; i < catalog_snapshot_count(c); i++) {
        int64_t at = catalog_snapshot(c, i)->published_ns;

        newest = at > newest ? at : newest;
    }
    if (newest > now) {
        doctor_say(d, DOCTOR_WARN, &behind, "the newest entry is %s ahead of this clock",
                   text_duration(newest - now, shown));
    } else if (newest > 0) {
        doctor_say(d, DOCTOR_OK, &about, "the newest entry is %s old",
                   text_duration(now - newest, shown));
    }
}

static void look_inside(struct doctor *d, struct session *s, const char *name, int rc)
{
    const struct doctor_about about = { "repository", name, NULL };
    const struct doctor_about damaged = { "repository", name,
                                          "\"holdfast check\" says what of it" };
    const struct doctor_about closed = { "repository", name,
                                         "see --key-file, --password-file, or "
                                         "the key of the job" };

    if (rc != 0) {
        doctor_say(d, DOCTOR_FAIL, rc == HF_EDAMAGE ? &damaged : &closed, "%s", err_last()->text);
        return;
    }
    if (repo_damage(s->repo) != NULL) {
        doctor_say(d, DOCTOR_FAIL, &damaged, "%s", repo_damage(s->repo)->text);
    } else {
        doctor_say(d, DOCTOR_OK, &about, "its journal is whole: %" PRIu64 " entries",
                   catalog_entry_count(repo_catalog(s->repo)));
    }
    look_at_times(d, s, name);
}

void doctor_repository(struct doctor *d, const char *name)
{
    const struct doctor_about none = { "repository", name, "\"holdfast init\" makes one" };
    struct session s;
    int rc = session_locate(d->app, &s);

    if (rc != 0) {
        doctor_say(d, DOCTOR_FAIL, &none, "%s", err_last()->text);
        session_close(&s);
        return;
    }
    doctor_folder(d, "repository", s.path);
    look_at_leftovers(d, &s, name);
    look_at_direct(d, &s, name);
    if (d->probe) {
        probe(d, &s, name);
    }
    session_close(&s);
    rc = session_open(d->app, REPO_TOLERANT, &s);
    look_inside(d, &s, name, rc);
    session_close(&s);
    err_clear();
}

/* The folders of this client */

static void add_files(const char *path, uint64_t *bytes)
{
    DIR *dir = opendir(path);
    struct dirent *e;

    while (dir != NULL && (e = readdir(dir)) != NULL) {
        struct stat st;

        if (fstatat(dirfd(dir), e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode)) {
            *bytes += (uint64_t)st.st_size;
        }
    }
    if (dir != NULL) {
        closedir(dir);
    }
}

/* One folder a repository; it is touched whenever something in it is replaced. */
static void look_at_cache(struct doctor *d, const char *root)
{
    const struct doctor_about about = { "cache", root, NULL };
    const struct doctor_about old = { "cache", root,
                                      "remove the folders of repositories that are "
                                      "gone: a cache can be deleted at any time" };
    int64_t now_s = clock_wall(d->app->clock) / NS_PER_S;
    DIR *dir = opendir(root);
    struct dirent *e;
    size_t count = 0, unused = 0;
    uint64_t bytes = 0;
    char size[TEXT_SIZE_BYTES];

    while (dir != NULL && (e = readdir(dir)) != NULL) {
        struct buf path;
        struct stat st;

        if (e->d_name[0] == '.' || fstatat(dirfd(dir), e->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0 ||
            !S_ISDIR(st.st_mode)) {
            continue;
        }
        buf_init(&path);
        buf_printf(&path, "%s/%s", root, e->d_name);
        add_files(buf_text(&path), &bytes);
        buf_release(&path);
        count++;
        unused += now_s - st.st_mtime > (int64_t)CACHE_OLD_DAYS * 86400 ? 1 : 0;
    }
    if (dir == NULL) {
        return;
    }
    closedir(dir);
    doctor_say(d, unused > 0 ? DOCTOR_WARN : DOCTOR_OK, unused > 0 ? &old : &about,
               "%s; folders of repositories: %zu; of these, unchanged for %d days: %zu",
               text_size(bytes, size), count, CACHE_OLD_DAYS, unused);
}

void doctor_places(struct doctor *d)
{
    const struct doctor_about nowhere = { "places", NULL,
                                          "set HOME, HOLDFAST_CACHE_DIR and "
                                          "HOLDFAST_STATE_DIR" };
    const char *named = d->app->options.repo != NULL ? d->app->options.repo
                                                     : getenv("HOLDFAST_REPOSITORY");
    char *cache = NULL, *state = NULL;

    if (places_cache(d->app, &cache) != 0 || places_state(d->app, &state) != 0) {
        doctor_say(d, DOCTOR_FAIL, &nowhere, "%s", err_last()->text);
    } else {
        doctor_folder(d, "cache", cache);
        look_at_cache(d, cache);
        doctor_folder(d, "state", state);
    }
    err_clear();
    mem_free(cache);
    mem_free(state);
    if (named != NULL && named[0] != '\0') {
        doctor_repository(d, named);
    }
}
