/*
 * source_dir.c - making and freeing a source of live files: roots, options.
 */
#include "engine/source_dir.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "engine/source_dir_internal.h"

#define PLACES_OPEN 128u

/* ---- paths ---- */

/* Takes the last component off; the root stays. */
static void chop(struct buf *b)
{
    while (b->len > 1 && b->data[b->len - 1] != '/') {
        b->len--;
    }
    if (b->len > 1) {
        b->len--;
    }
}

/* What a link's ".." means is not what its name says: asks the system. */
static int resolve(struct buf *b)
{
    buf_put_u8(b, 0);
    if (buf_error(b) != 0) {
        return err_nomem();
    }
    char real[PATH_MAX];
    if (realpath((const char *)b->data, real) == NULL) {
        return err_os(errno, "could not resolve %s", (const char *)b->data);
    }
    buf_clear(b);
    buf_put(b, real, strlen(real));
    return buf_error(b);
}

static int add_component(struct buf *b, const char *name, size_t len)
{
    if (len == 0 || (len == 1 && name[0] == '.')) {
        return 0;
    }
    if (len == 2 && name[0] == '.' && name[1] == '.') {
        int rc = resolve(b);
        chop(b);
        return rc;
    }
    if (b->len > 1) {
        buf_put_u8(b, '/');
    }
    buf_put(b, name, len);
    return buf_error(b);
}

static int add_components(struct buf *b, const char *path)
{
    int rc = 0;
    while (rc == 0 && *path != '\0') {
        size_t len = strcspn(path, "/");
        rc = add_component(b, path, len);
        path += len;
        path += strspn(path, "/");
    }
    return rc;
}

int source_dir_clean(const char *path, char **out_path)
{
    if (*path == '\0') {
        return err_raise(HF_EUSAGE, "the empty path is no path");
    }
    struct buf b;
    buf_init(&b);
    buf_put_u8(&b, '/');
    int rc = buf_error(&b);
    if (rc == 0 && *path != '/') {
        char here[PATH_MAX];
        if (getcwd(here, sizeof(here)) == NULL) {
            rc = err_os(errno, "could not tell the current folder");
        } else {
            rc = add_components(&b, here);
        }
    }
    if (rc == 0) {
        rc = add_components(&b, path);
    }
    buf_put_u8(&b, 0);
    if (rc == 0) {
        rc = buf_error(&b);
    }
    if (rc == 0) {
        *out_path = (char *)buf_take(&b, NULL);
    }
    buf_release(&b);
    return rc;
}

/* ---- roots ---- */

static int by_path(const void *a, const void *b)
{
    const char *x = *(char *const *)a;
    const char *y = *(char *const *)b;
    return node_path_compare(x, strlen(x), y, strlen(y));
}

static int check_path(const char *path)
{
    size_t len = strlen(path);
    bool clean = path[0] == '/' && (len == 1 || path[len - 1] != '/');
    for (const char *p = path; clean && len > 1 && *p != '\0';) {
        size_t part = strcspn(++p, "/");
        clean = part > 0 && !(part == 1 && p[0] == '.') &&
                !(part == 2 && p[0] == '.' && p[1] == '.');
        p += part;
    }
    return clean ? 0 : err_raise(HF_EUSAGE, "'%s' is not an absolute, clean path", path);
}

/*
 * That a root exists is asked before anything is written: if none does, that is the caller's
 * mistake. Those too long to ask about in one piece, or not permitted, pass.
 */
static int check_root(const char *path)
{
    struct stat st;
    int rc = check_path(path);
    if (rc == 0 && lstat(path, &st) != 0 && errno != ENAMETOOLONG && errno != EACCES) {
        rc = err_os(errno, "could not find %s", path);
    }
    return rc;
}

/* Copies the roots, sorts them, and drops those within another. */
static int set_roots(struct source_dir *s, const struct source_dir_options *o)
{
    if (o->root_count == 0) {
        return err_raise(HF_EUSAGE, "no path was given");
    }
    s->roots = mem_array(o->root_count, sizeof(char *));
    s->absent = mem_array(o->root_count, sizeof(char *));
    if (s->roots == NULL || s->absent == NULL) {
        return err_nomem();
    }
    for (size_t i = o->root_count; i-- > 0;) { /* so that of several the first one is named */
        int rc = check_root(o->roots[i]);
        if (rc != 0 && rc != HF_EABSENT) {
            return rc;
        }
        char *copy = mem_strdup(o->roots[i]);
        if (copy == NULL) {
            return err_nomem();
        }
        if (rc == 0) {
            s->roots[s->root_count++] = copy;
        } else {
            s->absent[s->absent_count++] = copy;
        }
    }
    if (s->root_count == 0) {
        return HF_EABSENT;
    }
    err_clear();
    qsort(s->roots, s->root_count, sizeof(char *), by_path);
    size_t kept = 1;
    for (size_t i = 1; i < s->root_count; i++) {
        const char *last = s->roots[kept - 1];
        char *root = s->roots[i];
        if (node_path_within(last, strlen(last), root, strlen(root))) {
            mem_free(root);
        } else {
            s->roots[kept++] = root;
        }
    }
    s->root_count = kept;
    return 0;
}

static int set_strip(struct source_dir *s, const struct source_dir_options *o)
{
    const char *strip = o->strip_prefix != NULL ? o->strip_prefix : "/";
    int rc = check_path(strip);
    if (rc != 0) {
        return err_add(rc, "the prefix to strip");
    }
    for (size_t i = 0; i < s->root_count; i++) {
        if (!node_path_within(strip, strlen(strip), s->roots[i], strlen(s->roots[i]))) {
            return err_raise(HF_EUSAGE, "%s does not lie below %s, the prefix to strip",
                             s->roots[i], strip);
        }
    }
    s->strip = mem_strdup(strcmp(strip, "/") == 0 ? "" : strip);
    if (s->strip == NULL) {
        return err_nomem();
    }
    s->strip_len = strlen(s->strip);
    struct stat st;
    if (s->strip_len > 0 && stat(s->strip, &st) == 0 && !S_ISDIR(st.st_mode)) {
        return err_raise(HF_EUSAGE, "%s, the prefix to strip, is not a folder", strip);
    }
    return 0;
}

static int set_never(struct source_dir *s, const struct source_dir_options *o)
{
    s->never = mem_array(o->never_count + 1, sizeof(*s->never));
    if (s->never == NULL) {
        return err_nomem();
    }
    for (size_t i = 0; i < o->never_count; i++) {
        struct stat st;
        if (stat(o->never[i], &st) == 0) { /* what is absent is never met */
            s->never[s->never_count++] = (struct source_dir_id){ st.st_dev, st.st_ino };
        }
    }
    return 0;
}

/* ---- life ---- */

static void hold(struct source *base, struct source_place *place)
{
    (void)base;
    place_hold((struct place *)(void *)place);
}

static void drop(struct source *base, struct source_place *place)
{
    (void)base;
    place_drop((struct place *)(void *)place);
}

static void free_source(struct source *base)
{
    struct source_dir *s = (struct source_dir *)base;
    source_dir_leave_all(s);
    for (size_t i = 0; i < s->root_count; i++) {
        mem_free(s->roots[i]);
    }
    for (size_t i = 0; i < s->absent_count; i++) {
        mem_free(s->absent[i]);
    }
    mem_free(s->roots);
    mem_free(s->absent);
    mem_free(s->strip);
    mem_free(s->never);
    mem_free(s->frames);
    listing_release(&s->listing);
    buf_release(&s->path);
    place_set_free(s->places);
    names_free(s->names);
    mem_free(s);
}

static const struct source_ops ops = {
    .rewind = source_dir_rewind,
    .next = source_dir_next,
    .hold = hold,
    .drop = drop,
    .open = source_dir_open,
    .stat = source_dir_stat,
    .read = source_dir_read,
    .extent = source_dir_extent,
    .detail = source_dir_detail,
    .close = source_dir_close,
    .free = free_source,
};

int source_dir_new(const struct source_dir_options *options, struct source **out_source)
{
    struct source_dir *s = mem_zalloc(sizeof(*s));
    if (s == NULL) {
        return err_nomem();
    }
    s->base.ops = &ops;
    s->options = *options;
    listing_init(&s->listing);
    buf_init(&s->path);
    int rc = set_roots(s, options);
    if (rc == 0) {
        rc = set_strip(s, options);
    }
    if (rc == 0) {
        rc = set_never(s, options);
    }
    if (rc == 0) {
        rc = names_new(&s->names);
    }
    if (rc == 0) {
        rc = place_set_new(PLACES_OPEN, &s->places);
    }
    if (rc != 0) {
        free_source(&s->base);
        return rc;
    }
    *out_source = &s->base;
    return 0;
}
