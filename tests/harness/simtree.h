/*
 * simtree.h - a tree of folders and files as a value: cheap to copy, cheap to compare.
 *
 * It is what a simulated disk shows, what would be left of it after a crash, and everything
 * between. It knows nothing of durability. Nodes have numbers, as inodes do: a name refers to a
 * number, two names may refer to the same file, and a file without a name still has its number. A
 * copy has the same numbers.
 *
 * Copies share their nodes, and nodes their content, by counting references; whoever changes one
 * makes its own first. So copying a tree costs a few nanoseconds a node, whatever its files hold.
 */
#ifndef HF_HARNESS_SIMTREE_H
#define HF_HARNESS_SIMTREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "harness/simbytes.h"

/* A name in a folder, shared by all copies of that folder. */
struct simname {
    uint32_t refs;
    uint64_t hash;
    size_t len;
    char text[];
};

struct simentry {
    struct simname *name;
    uint32_t ino;
};

struct simnode {
    uint32_t refs;
    bool is_dir;
    uint32_t mode;
    int64_t mtime_ns;
    struct simbytes *content; /* of a file */
    struct simentry *entries; /* of a folder, ordered by hash: as good as in no order */
    size_t count, capacity;
};

#define SIMTREE_ROOT 1u

struct simtree {
    struct simnode **nodes; /* by number; NULL where there is none */
    uint32_t count, capacity;
};

void simtree_init(struct simtree *t); /* an empty root folder */
void simtree_copy(struct simtree *out_copy, const struct simtree *t);
void simtree_release(struct simtree *t);

/* Puts a node that no name refers to yet at a number that is free. */
void simtree_add(struct simtree *t, uint32_t ino, bool is_dir, uint32_t mode, int64_t mtime_ns);
/* Forgets all nodes that cannot be reached from the root. */
void simtree_prune(struct simtree *t);

const struct simnode *simtree_node(const struct simtree *t, uint32_t ino);
/* The node, for changing it: no other tree sees what is done to it. */
struct simnode *simtree_edit(struct simtree *t, uint32_t ino);
/* Gives a file this content, which it shares. */
void simtree_set_content(struct simtree *t, uint32_t ino, struct simbytes *content);

/* The number that a name in a folder refers to, 0 if there is none; and to make it refer to one. */
uint32_t simtree_lookup(const struct simtree *t, uint32_t dir, const char *name, size_t len);
void simtree_set(struct simtree *t, uint32_t dir, const char *name, size_t len, uint32_t ino);

/* Where a path leads: to a name (not NUL-terminated) in a folder, which may refer to nothing. */
struct simplace {
    uint32_t dir; /* 0 for the root itself */
    uint32_t ino; /* 0 if nothing has that name */
    const char *name;
    size_t len;
};

/* 0, or ENOENT or ENOTDIR if a folder on the way is absent or none. "" is the root. */
int simtree_resolve(const struct simtree *t, const char *path, struct simplace *out_place);

/* The same for two trees if and only if (but for luck) paths, modes and contents are the same. */
uint64_t simtree_hash(const struct simtree *t);

/* Visits all but the root in the order of their paths; a non-zero return ends it. */
typedef int (*simtree_fn)(void *context, const char *path, const struct simnode *node);
int simtree_each(const struct simtree *t, simtree_fn each, void *context);

/* Marks in `seen` (indexed by number, as long as t->count) what can be reached from the root. */
void simtree_reach(const struct simtree *t, bool *seen);

#endif
