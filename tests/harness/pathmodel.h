/*
 * pathmodel.h - a sorted list of paths with versions: what a manifest should hold.
 *
 * An entry's node is made of its path and version alone, so two entries with the same version
 * are unchanged. Versions divisible by fat_every give nodes of fat_bytes, so that a few thousand
 * entries make a manifest of several levels.
 */
#ifndef HF_HARNESS_PATHMODEL_H
#define HF_HARNESS_PATHMODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/rnd.h"
#include "engine/manifest_builder.h"
#include "format/node.h"
#include "harness/mempages.h"

struct pathmodel_entry {
    char *path;
    size_t len;
    uint64_t version;
};

struct pathmodel {
    struct pathmodel_entry *entries;
    size_t count, capacity;
    uint32_t fat_every; /* 0: no node is fat */
    uint32_t fat_bytes;
};

void pathmodel_release(struct pathmodel *m);
/* These end the program when memory is out: they are for tests. */
void pathmodel_put(struct pathmodel *m, const char *path, uint64_t version);
void pathmodel_remove(struct pathmodel *m, size_t index);
void pathmodel_copy(const struct pathmodel *from, struct pathmodel *to);
/* Appends count files of one folder, and the folder; must sort behind what is there. */
void pathmodel_fill(struct pathmodel *m, const char *folder, size_t count);
/* A random path of a random tree. */
void pathmodel_random_path(struct rnd *r, char out[200]);

/* The first entry at or after path. */
size_t pathmodel_seek(const struct pathmodel *m, const char *path);
/* Behind the last entry below entries[index], itself included. */
size_t pathmodel_subtree_end(const struct pathmodel *m, size_t index);

/*
 * The node of an entry; it borrows from the model and from static memory until the next call but
 * seven.
 */
struct node pathmodel_node(const struct pathmodel *m, size_t index);
bool pathmodel_is(const struct pathmodel *m, size_t index, const struct node *n);

/* The manifest built node by node. */
int pathmodel_build(const struct pathmodel *m, struct pagestore *pages, const uint8_t key[16],
                    uint8_t out_root[32], struct manifest_totals *out_totals);

#endif
