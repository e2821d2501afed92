/*
 * pathmodel.c - see pathmodel.h.
 */
#include "harness/pathmodel.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"

#define AT_ONCE 8 /* nodes that may be in use at the same time */
#define MAX_FAT (256u << 10)

void pathmodel_release(struct pathmodel *m)
{
    for (size_t i = 0; i < m->count; i++) {
        mem_free(m->entries[i].path);
    }
    mem_free(m->entries);
    *m = (struct pathmodel){ .fat_every = m->fat_every, .fat_bytes = m->fat_bytes };
}

static void insert(struct pathmodel *m, size_t at, const char *path, uint64_t version)
{
    int rc = mem_grow(&m->entries, &m->capacity, m->count + 1, sizeof *m->entries);
    assert(rc == 0);
    memmove(&m->entries[at + 1], &m->entries[at], (m->count - at) * sizeof *m->entries);
    m->entries[at] = (struct pathmodel_entry){ mem_strdup(path), strlen(path), version };
    assert(m->entries[at].path != NULL);
    m->count++;
}

size_t pathmodel_seek(const struct pathmodel *m, const char *path)
{
    size_t low = 0, high = m->count, len = strlen(path);
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct pathmodel_entry *e = &m->entries[middle];
        if (node_path_compare(e->path, e->len, path, len) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

size_t pathmodel_subtree_end(const struct pathmodel *m, size_t index)
{
    const struct pathmodel_entry *top = &m->entries[index];
    while (index < m->count &&
           node_path_within(top->path, top->len, m->entries[index].path, m->entries[index].len)) {
        index++;
    }
    return index;
}

void pathmodel_put(struct pathmodel *m, const char *path, uint64_t version)
{
    size_t at = pathmodel_seek(m, path);
    if (at < m->count && strcmp(m->entries[at].path, path) == 0) {
        m->entries[at].version = version;
    } else {
        insert(m, at, path, version);
    }
}

void pathmodel_remove(struct pathmodel *m, size_t index)
{
    mem_free(m->entries[index].path);
    m->count--;
    memmove(&m->entries[index], &m->entries[index + 1], (m->count - index) * sizeof *m->entries);
}

void pathmodel_copy(const struct pathmodel *from, struct pathmodel *to)
{
    pathmodel_release(to);
    to->fat_every = from->fat_every;
    to->fat_bytes = from->fat_bytes;
    for (size_t i = 0; i < from->count; i++) {
        insert(to, i, from->entries[i].path, from->entries[i].version);
    }
}

void pathmodel_fill(struct pathmodel *m, const char *folder, size_t count)
{
    char path[300];
    insert(m, m->count, folder, 1);
    for (size_t i = 0; i < count; i++) {
        snprintf(path, sizeof path, "%s/file-%07zu.dat", strcmp(folder, "/") == 0 ? "" : folder, i);
        insert(m, m->count, path, i * 3 + 1);
    }
}

void pathmodel_random_path(struct rnd *r, char out[200])
{
    static const char *const names[] = {
        "a", "b", "etc", "etc.d", "lib-1", "lib", "lib 2", "x\xff",
    };
    size_t len = 0;
    uint64_t depth = 1 + rnd_below(r, 4);
    for (uint64_t i = 0; i < depth; i++) {
        len += (size_t)snprintf(out + len, 200 - len, "/%s", names[rnd_below(r, 8)]);
    }
    if (rnd_below(r, 8) != 0) {
        snprintf(out + len, 200 - len, "/file-%llu", (unsigned long long)rnd_below(r, 4000));
    }
}

struct node pathmodel_node(const struct pathmodel *m, size_t index)
{
    static char fat[MAX_FAT];
    static struct node_ref refs[AT_ONCE];
    static struct node_xattr xattrs[AT_ONCE];
    static unsigned turn;
    const struct pathmodel_entry *e = &m->entries[index];
    uint64_t v = e->version;
    turn = (turn + 1) % AT_ONCE;
    struct node n = {
        .path = e->path,
        .path_len = e->len,
        .type = v % 11 == 0 ? NODE_DIR : NODE_FILE,
        .mode = v % 5 == 0 ? 0755 : 0644,
        .uid = (uint32_t)(v % 3),
        .gid = 100,
        .user = "root",
        .user_len = 4,
        .group = "",
        .mtime_ns = 1700000000000000000 + (int64_t)v,
        .ctime_ns = 1700000000000000000 + (int64_t)(v % 7 == 0 ? v + 1 : v),
        .dev = 2049,
        .ino = v + 1000,
        .links = 1,
        .size = v % 100000,
    };
    if (n.type == NODE_FILE && n.size > 0) {
        refs[turn] = (struct node_ref){ .len = n.size };
        memcpy(refs[turn].id, &v, sizeof v);
        n.refs = &refs[turn];
        n.ref_count = 1;
    }
    if (m->fat_every > 0 && v % m->fat_every == 0) {
        xattrs[turn] = (struct node_xattr){ "user.fat", fat, 8, m->fat_bytes };
        n.xattrs = &xattrs[turn];
        n.xattr_count = 1;
    }
    return n;
}

bool pathmodel_is(const struct pathmodel *m, size_t index, const struct node *n)
{
    struct node want = pathmodel_node(m, index);
    return n->path_len == want.path_len && memcmp(n->path, want.path, want.path_len) == 0 &&
           node_same_content(n, &want) && node_same_metadata(n, &want) && n->ino == want.ino &&
           n->ctime_ns == want.ctime_ns;
}

int pathmodel_build(const struct pathmodel *m, struct pagestore *pages, const uint8_t key[16],
                    uint8_t out_root[32], struct manifest_totals *out_totals)
{
    struct manifest_builder *b;
    int rc = manifest_builder_new(pages, key, &b);
    if (rc != 0) {
        return rc;
    }
    for (size_t i = 0; rc == 0 && i < m->count; i++) {
        struct node n = pathmodel_node(m, i);
        rc = manifest_builder_add(b, &n);
    }
    if (rc == 0) {
        rc = manifest_builder_finish(b, out_root, out_totals);
    }
    manifest_builder_free(b);
    return rc;
}
