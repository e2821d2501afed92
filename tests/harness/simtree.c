/*
 * simtree.c - trees as values.
 */
#include "harness/simtree.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "harness/simmem.h"

/* --- names and nodes ------------------------------------------------------------------------- */

static struct simname *new_name(const char *text, size_t len, uint64_t hash)
{
    struct simname *n = simmem_alloc(sizeof *n + len + 1);
    n->refs = 1;
    n->hash = hash;
    n->len = len;
    memcpy(n->text, text, len);
    return n;
}

static void unref_name(struct simname *n)
{
    if (--n->refs == 0) {
        simmem_free(n);
    }
}

static void unref_node(struct simnode *n)
{
    if (n == NULL || --n->refs > 0) {
        return;
    }
    for (size_t i = 0; i < n->count; i++) {
        unref_name(n->entries[i].name);
    }
    simmem_free(n->entries);
    simbytes_unref(n->content);
    simmem_free(n);
}

static struct simnode *clone_node(const struct simnode *n)
{
    struct simnode *own = simmem_dup(n, sizeof *n);
    own->refs = 1;
    simbytes_ref(own->content);
    own->capacity = n->count;
    own->entries = NULL;
    if (n->count > 0) {
        own->entries = simmem_dup(n->entries, n->count * sizeof *n->entries);
    }
    for (size_t i = 0; i < n->count; i++) {
        own->entries[i].name->refs++;
    }
    return own;
}

/* --- trees ----------------------------------------------------------------------------------- */

void simtree_init(struct simtree *t)
{
    *t = (struct simtree){ 0 };
    simtree_add(t, SIMTREE_ROOT, true, 0755, 0);
}

void simtree_copy(struct simtree *out_copy, const struct simtree *t)
{
    out_copy->nodes = simmem_dup(t->nodes, t->count * sizeof *t->nodes);
    out_copy->count = out_copy->capacity = t->count;
    for (uint32_t i = 0; i < t->count; i++) {
        if (t->nodes[i] != NULL) {
            t->nodes[i]->refs++;
        }
    }
}

void simtree_release(struct simtree *t)
{
    for (uint32_t i = 0; i < t->count; i++) {
        unref_node(t->nodes[i]);
    }
    simmem_free(t->nodes);
    *t = (struct simtree){ 0 };
}

void simtree_add(struct simtree *t, uint32_t ino, bool is_dir, uint32_t mode, int64_t mtime_ns)
{
    if (ino < t->count && t->nodes[ino] != NULL) {
        simmem_die("node %u is there already", ino);
    }
    size_t capacity = t->capacity;
    simmem_grow(&t->nodes, &capacity, (size_t)ino + 1, sizeof *t->nodes);
    t->capacity = (uint32_t)capacity;
    if (ino >= t->count) {
        t->count = ino + 1;
    }
    struct simnode *n = simmem_alloc(sizeof *n);
    n->refs = 1;
    n->is_dir = is_dir;
    n->mode = mode;
    n->mtime_ns = mtime_ns;
    t->nodes[ino] = n;
}

static void reach_from(const struct simtree *t, uint32_t dir, bool *seen)
{
    seen[dir] = true;
    const struct simnode *n = t->nodes[dir];
    for (size_t i = 0; i < n->count; i++) {
        uint32_t ino = n->entries[i].ino;
        if (t->nodes[ino]->is_dir) {
            reach_from(t, ino, seen);
        } else {
            seen[ino] = true;
        }
    }
}

void simtree_reach(const struct simtree *t, bool *seen)
{
    memset(seen, 0, t->count * sizeof *seen);
    reach_from(t, SIMTREE_ROOT, seen);
}

void simtree_prune(struct simtree *t)
{
    bool *seen = simmem_alloc(t->count * sizeof *seen);
    simtree_reach(t, seen);
    for (uint32_t i = 0; i < t->count; i++) {
        if (seen[i]) {
            continue;
        }
        unref_node(t->nodes[i]);
        t->nodes[i] = NULL;
    }
    simmem_free(seen);
}

const struct simnode *simtree_node(const struct simtree *t, uint32_t ino)
{
    return ino < t->count ? t->nodes[ino] : NULL;
}

struct simnode *simtree_edit(struct simtree *t, uint32_t ino)
{
    struct simnode *n = t->nodes[ino];
    if (n->refs > 1) {
        struct simnode *own = clone_node(n);
        unref_node(n);
        t->nodes[ino] = own;
    }
    return t->nodes[ino];
}

void simtree_set_content(struct simtree *t, uint32_t ino, struct simbytes *content)
{
    struct simnode *n = simtree_edit(t, ino);
    simbytes_ref(content);
    simbytes_unref(n->content);
    n->content = content;
}

/* Where a name stands among the entries of a folder, or should. */
static size_t entry_position(const struct simnode *n, const char *name, size_t len, uint64_t hash,
                             bool *out_found)
{
    size_t low = 0, high = n->count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        const struct simname *at = n->entries[middle].name;
        int order = at->hash < hash ? -1 : at->hash > hash;
        if (order == 0 && at->len != len) {
            order = at->len < len ? -1 : 1;
        }
        if (order == 0) {
            order = memcmp(at->text, name, len);
        }
        if (order == 0) {
            *out_found = true;
            return middle;
        }
        if (order < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    *out_found = false;
    return low;
}

uint32_t simtree_lookup(const struct simtree *t, uint32_t dir, const char *name, size_t len)
{
    const struct simnode *n = t->nodes[dir];
    bool found;
    size_t at = entry_position(n, name, len, simmem_hash(name, len), &found);
    return found ? n->entries[at].ino : 0;
}

void simtree_set(struct simtree *t, uint32_t dir, const char *name, size_t len, uint32_t ino)
{
    struct simnode *n = simtree_edit(t, dir);
    uint64_t hash = simmem_hash(name, len);
    bool found;
    size_t at = entry_position(n, name, len, hash, &found);
    if (found && ino != 0) {
        n->entries[at].ino = ino;
    } else if (found) {
        unref_name(n->entries[at].name);
        n->count--;
        memmove(&n->entries[at], &n->entries[at + 1], (n->count - at) * sizeof *n->entries);
    } else if (ino != 0) {
        simmem_grow(&n->entries, &n->capacity, n->count + 1, sizeof *n->entries);
        memmove(&n->entries[at + 1], &n->entries[at], (n->count - at) * sizeof *n->entries);
        n->entries[at] = (struct simentry){ new_name(name, len, hash), ino };
        n->count++;
    }
}

int simtree_resolve(const struct simtree *t, const char *path, struct simplace *out_place)
{
    *out_place = (struct simplace){ .ino = SIMTREE_ROOT, .name = path };
    while (*path != '\0') {
        if (out_place->ino == 0) {
            return ENOENT;
        }
        if (!t->nodes[out_place->ino]->is_dir) {
            return ENOTDIR;
        }
        size_t len = strcspn(path, "/");
        uint32_t dir = out_place->ino;
        *out_place = (struct simplace){ dir, simtree_lookup(t, dir, path, len), path, len };
        path += len;
        path += *path == '/';
    }
    return 0;
}

/* --- comparing and walking ------------------------------------------------------------------- */

/* A sum, since the order of the entries is no matter. */
static uint64_t hash_folder(const struct simtree *t, uint32_t dir, uint64_t path_hash)
{
    const struct simnode *n = t->nodes[dir];
    uint64_t sum = 0;
    for (size_t i = 0; i < n->count; i++) {
        const struct simnode *child = t->nodes[n->entries[i].ino];
        uint64_t place = simmem_mix(path_hash, n->entries[i].name->hash);
        if (child->is_dir) {
            sum += simmem_mix(place, child->mode | 1u << 31) +
                   hash_folder(t, n->entries[i].ino, place);
        } else {
            sum += simmem_mix(place, simbytes_hash(child->content) ^ child->mode);
        }
    }
    return sum;
}

uint64_t simtree_hash(const struct simtree *t)
{
    return hash_folder(t, SIMTREE_ROOT, 0);
}

static int by_text(const void *a, const void *b)
{
    const struct simentry *x = a, *y = b;
    return strcmp(x->name->text, y->name->text);
}

static int walk_folder(const struct simtree *t, uint32_t dir, const char *prefix, simtree_fn each,
                       void *context)
{
    const struct simnode *n = t->nodes[dir];
    struct simentry *sorted = simmem_dup(n->entries, n->count * sizeof *n->entries);
    if (n->count > 0) {
        qsort(sorted, n->count, sizeof *sorted, by_text);
    }
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < n->count; i++) {
        const struct simnode *child = t->nodes[sorted[i].ino];
        char *path = simmem_join(prefix, sorted[i].name->text);
        rc = each(context, path, child);
        if (rc == 0 && child->is_dir) {
            rc = walk_folder(t, sorted[i].ino, path, each, context);
        }
        simmem_free(path);
    }
    simmem_free(sorted);
    return rc;
}

int simtree_each(const struct simtree *t, simtree_fn each, void *context)
{
    return walk_folder(t, SIMTREE_ROOT, "", each, context);
}
