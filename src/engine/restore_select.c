/*
 * restore_select.c - see restore_select.h.
 *
 * Two ways through the manifest. If all includes are plain paths, each is sought: first the
 * folders above it that were not yielded yet, then all at and below it. Else everything is read,
 * but for what is below an excluded folder.
 */
#include "engine/restore_select.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "engine/manifest_cursor.h"
#include "engine/nearest.h"

struct restore_select {
    struct restore_select_options o;
    struct manifest_cursor *cursor;
    const char **wanted; /* plain paths in order, none within another; NULL: read all */
    size_t wanted_count;
    size_t at;          /* of wanted */
    size_t above;       /* bytes of wanted[at] whose folders were yielded; SIZE_MAX: done */
    const char *before; /* the path that was wanted last */
    char *inside;       /* the included folder that we are in, or NULL */
    size_t inside_len, inside_cap;
    bool is_inside;
    bool *matched; /* by include */
    char *last;    /* the last path seen, for reports */
    size_t last_len, last_cap;
};

/* ---- life ---- */

static int by_path(const void *a, const void *b)
{
    const char *x = *(const char *const *)a;
    const char *y = *(const char *const *)b;
    return node_path_compare(x, strlen(x), y, strlen(y));
}

/* Collects the includes if all of them are plain paths. */
static int collect_wanted(struct restore_select *s)
{
    size_t count = exclude_count(s->o.include);
    for (size_t i = 0; i < count; i++) {
        if (exclude_literal(s->o.include, i) == NULL) {
            return 0;
        }
    }
    if (count == 0) {
        return 0;
    }
    s->wanted = mem_array(count, sizeof(*s->wanted));
    if (s->wanted == NULL) {
        return err_nomem();
    }
    for (size_t i = 0; i < count; i++) {
        s->wanted[i] = exclude_literal(s->o.include, i);
    }
    qsort(s->wanted, count, sizeof(*s->wanted), by_path);
    for (size_t i = 0; i < count; i++) {
        const char *last = s->wanted_count > 0 ? s->wanted[s->wanted_count - 1] : NULL;
        if (last == NULL ||
            !node_path_within(last, strlen(last), s->wanted[i], strlen(s->wanted[i]))) {
            s->wanted[s->wanted_count++] = s->wanted[i];
        }
    }
    return 0;
}

/* Adds to the trail's hint what is there under the most similar name. */
static int hint_nearest(struct restore_select *s, const char *path)
{
    const char *slash = strrchr(path, '/');
    size_t dir_len = slash == path ? 1 : (size_t)(slash - path);
    struct nearest n;
    struct node node;
    char *best = NULL;
    nearest_init(&n, slash + 1);
    int rc = manifest_cursor_find(s->cursor, path, dir_len, &node);
    while (rc == 1) {
        rc = manifest_cursor_next(s->cursor, &node);
        if (rc != 1 || !node_path_within(path, dir_len, node.path, node.path_len)) {
            break;
        }
        const char *name = (const char *)memrchr(node.path, '/', node.path_len) + 1;
        char *text = mem_dup(name, (size_t)(node.path + node.path_len - name) + 1);
        if (text == NULL) {
            return err_nomem();
        }
        text[node.path + node.path_len - name] = '\0';
        const char *was = n.best;
        nearest_offer(&n, text);
        char *drop = n.best != was ? best : text;
        if (n.best != was) {
            best = text;
        }
        mem_free(drop);
        if (node.type == NODE_DIR) {
            rc = manifest_cursor_skip_subtree(s->cursor) == 0 ? 1 : 0;
        }
    }
    err_raise(HF_EABSENT, "%s is not in the snapshot", path);
    if (best != NULL) {
        err_hint("there is %.*s%s%s", (int)dir_len, path, dir_len > 1 ? "/" : "", best);
    }
    mem_free(best);
    return HF_EABSENT;
}

/* Each plain include must be there. */
static int check_includes(struct restore_select *s)
{
    for (size_t i = 0; i < exclude_count(s->o.include); i++) {
        const char *path = exclude_literal(s->o.include, i);
        struct node node;
        if (path == NULL) {
            continue;
        }
        int rc = manifest_cursor_find(s->cursor, path, strlen(path), &node);
        if (rc == 0) {
            return hint_nearest(s, path);
        }
        /* What can't be read is told when its turn comes. */
        if (rc < 0 && rc != HF_EDAMAGE) {
            return rc;
        }
        s->matched[i] = true;
    }
    err_clear();
    return 0;
}

int restore_select_open(const struct restore_select_options *options,
                        struct restore_select **out_select)
{
    struct restore_select *s = mem_zalloc(sizeof(*s));
    if (s == NULL) {
        return err_nomem();
    }
    s->o = *options;
    s->matched = mem_array(exclude_count(options->include) + 1, sizeof(bool));
    int rc = s->matched != NULL ? 0 : err_nomem();
    if (rc == 0) {
        rc = manifest_cursor_open(options->pages, options->root, &s->cursor);
    }
    if (rc == 0) {
        rc = collect_wanted(s);
    }
    if (rc == 0) {
        rc = check_includes(s);
    }
    if (rc == 0) {
        rc = manifest_cursor_seek(s->cursor, "/", 1);
    }
    if (rc == HF_EDAMAGE && s->cursor != NULL) {
        rc = 0; /* next goes on behind it */
    }
    if (rc != 0) {
        restore_select_close(s);
        return rc;
    }
    *out_select = s;
    return 0;
}

void restore_select_close(struct restore_select *s)
{
    if (s == NULL) {
        return;
    }
    manifest_cursor_close(s->cursor);
    mem_free(s->wanted);
    mem_free(s->matched);
    mem_free(s->inside);
    mem_free(s->last);
    mem_free(s);
}

/* ---- reading ---- */

static int keep_text(char **text, size_t *len, size_t *cap, const char *from, size_t from_len)
{
    if (mem_grow(text, cap, from_len + 1, 1) != 0) {
        return err_nomem();
    }
    memcpy(*text, from, from_len);
    (*text)[from_len] = '\0';
    *len = from_len;
    return 0;
}

/* The cursor's next node, past pages that can't be read. */
static int read_node(struct restore_select *s, struct node *out)
{
    for (;;) {
        int rc = manifest_cursor_next(s->cursor, out);
        if (rc == 1) {
            return keep_text(&s->last, &s->last_len, &s->last_cap, out->path, out->path_len) == 0
                       ? 1
                       : HF_ENOMEM;
        }
        if (rc != HF_EDAMAGE && rc != HF_ENEWER) {
            return rc;
        }
        struct manifest_loss loss;
        rc = manifest_cursor_skip_page(s->cursor, &loss);
        if (rc != 0) {
            return rc;
        }
        const char *path = s->last != NULL ? s->last : "/";
        s->o.lost(s->o.context, path, strlen(path), loss.entries - loss.entries_read);
    }
}

static void note_matches(struct restore_select *s, const struct node *n)
{
    for (size_t i = 0; i < exclude_count(s->o.include); i++) {
        if (!s->matched[i]) {
            s->matched[i] = exclude_hits(s->o.include, i, n->path, n->path_len,
                                         n->type == NODE_DIR);
        }
    }
}

/* Whether an include wants the node: it, or a folder that it is in. */
static int is_included(struct restore_select *s, const struct node *n, bool *out)
{
    *out = true;
    if (exclude_count(s->o.include) == 0) {
        return 0;
    }
    note_matches(s, n);
    if (s->is_inside && node_path_within(s->inside, s->inside_len, n->path, n->path_len)) {
        return 0;
    }
    s->is_inside = false;
    *out = exclude_matches(s->o.include, n->path, n->path_len, n->type == NODE_DIR);
    if (!*out || n->type != NODE_DIR) {
        return 0;
    }
    s->is_inside = true;
    return keep_text(&s->inside, &s->inside_len, &s->inside_cap, n->path, n->path_len);
}

/* 1: yield it, 0: not this one. */
static int judge(struct restore_select *s, struct node *n, bool *out_selected)
{
    if (exclude_matches(s->o.exclude, n->path, n->path_len, n->type == NODE_DIR)) {
        int rc = n->type == NODE_DIR ? manifest_cursor_skip_subtree(s->cursor) : 0;
        return rc == HF_EDAMAGE ? 0 : rc; /* next says what is wrong */
    }
    int rc = is_included(s, n, out_selected);
    if (rc != 0) {
        return rc;
    }
    return *out_selected || n->type == NODE_DIR;
}

static int next_of_all(struct restore_select *s, struct node *out, bool *out_selected)
{
    int rc = 0;
    do {
        rc = read_node(s, out);
        if (rc != 1) {
            return rc;
        }
        rc = judge(s, out, out_selected);
    } while (rc == 0);
    return rc;
}

/* ---- the way along plain paths ---- */

static size_t common_folders(const char *a, const char *b)
{
    size_t at = 0;
    for (size_t i = 0; a[i] == b[i] || a[i] == '\0' || b[i] == '\0'; i++) {
        bool a_ends = a[i] == '\0' || a[i] == '/';
        bool b_ends = b[i] == '\0' || b[i] == '/';
        if (a_ends && b_ends) {
            at = i;
        }
        if (a[i] == '\0' || b[i] == '\0') {
            break;
        }
    }
    return at;
}

/* The next folder above the wanted path: its length, or 0 if the path itself is next. */
static size_t next_above(const struct restore_select *s, const char *path)
{
    if (s->above == 0 && s->before == NULL && path[1] != '\0') {
        return 1; /* "/" comes before everything */
    }
    const char *slash = strchr(path + s->above + 1, '/');
    return slash != NULL ? (size_t)(slash - path) : 0;
}

/* Yields one folder on the way to the wanted path. 1 or, where it can't be had, 0. */
static int yield_above(struct restore_select *s, const char *path, size_t len, struct node *out)
{
    s->above = len == 1 ? 0 : len;
    if (len == 1) {
        s->before = "/";
    }
    int rc = manifest_cursor_find(s->cursor, path, len, out);
    if (rc == HF_EDAMAGE || rc == HF_ENEWER) {
        rc = 0; /* its folders are made up */
    }
    if (rc == 1 && exclude_matches(s->o.exclude, out->path, out->path_len, true)) {
        s->above = SIZE_MAX;
        s->before = path;
        s->at++; /* excluded with all below it */
        rc = 0;
    }
    return rc;
}

static int begin_wanted(struct restore_select *s, const char *path)
{
    s->above = SIZE_MAX;
    int rc = manifest_cursor_seek(s->cursor, path, strlen(path));
    return rc == HF_EDAMAGE || rc == HF_ENEWER ? 0 : rc;
}

static int next_of_wanted(struct restore_select *s, struct node *out, bool *out_selected)
{
    while (s->at < s->wanted_count) {
        const char *path = s->wanted[s->at];
        if (s->above != SIZE_MAX) {
            size_t len = next_above(s, path);
            *out_selected = false;
            int rc = len > 0 ? yield_above(s, path, len, out) : begin_wanted(s, path);
            if (rc != 0) {
                return rc;
            }
            continue;
        }
        int rc = read_node(s, out);
        bool within = rc == 1 && node_path_within(path, strlen(path), out->path, out->path_len);
        if (within) {
            rc = judge(s, out, out_selected);
        }
        if (rc < 0 || (within && rc == 1)) {
            return rc;
        }
        if (within) {
            continue;
        }
        s->before = path;
        if (++s->at < s->wanted_count) {
            s->above = common_folders(path, s->wanted[s->at]);
        }
    }
    return 0;
}

int restore_select_next(struct restore_select *s, struct node *out, bool *out_selected)
{
    return s->wanted != NULL ? next_of_wanted(s, out, out_selected)
                             : next_of_all(s, out, out_selected);
}

int restore_select_unmatched(const struct restore_select *s)
{
    for (size_t i = 0; i < exclude_count(s->o.include); i++) {
        if (!s->matched[i]) {
            return err_raise(HF_EABSENT, "nothing in the snapshot matches '%s'",
                             exclude_pattern(s->o.include, i));
        }
    }
    return 0;
}
