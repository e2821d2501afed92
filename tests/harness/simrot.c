/*
 * simrot.c - damage to what a simulated disk holds.
 */
#include "harness/simrot.h"

#include <string.h>

#include "harness/simdisk_internal.h"
#include "harness/simmem.h"

struct visit {
    const char *prefix;
    simrot_fn each;
    void *context;
};

static int visit_node(void *context, const char *path, const struct simnode *node)
{
    const struct visit *v = context;
    if (node->is_dir || strncmp(path, v->prefix, strlen(v->prefix)) != 0) {
        return 0;
    }
    return v->each(v->context, path, simbytes_len(node->content));
}

int simrot_each(const struct simdisk *d, const char *prefix, simrot_fn each, void *context)
{
    struct visit v = { prefix, each, context };
    return simtree_each(&d->tree, visit_node, &v);
}

static bool find(const struct simdisk *d, const char *path, struct simplace *out_place)
{
    return simtree_resolve(&d->tree, path, out_place) == 0 && out_place->ino != 0 &&
           !d->tree.nodes[out_place->ino]->is_dir;
}

static struct simplace must_find(const struct simdisk *d, const char *path)
{
    struct simplace at;
    if (!find(d, path, &at)) {
        simmem_die("there is no file %s to damage", path);
    }
    return at;
}

/* A reference to what the file holds. */
static struct simbytes *content_of(const struct simdisk *d, const char *path)
{
    return simbytes_ref(d->tree.nodes[must_find(d, path).ino]->content);
}

/* The reference becomes the disk's. */
static void set_content(struct simdisk *d, const char *path, struct simbytes *content)
{
    uint32_t ino = must_find(d, path).ino;
    d->used += simbytes_len(content);
    d->used -= simbytes_len(d->tree.nodes[ino]->content);
    simtree_set_content(&d->tree, ino, content);
    simbytes_unref(content);
    simdisk_settle(d);
}

const uint8_t *simrot_look(const struct simdisk *d, const char *path, size_t *out_len)
{
    struct simplace at;
    *out_len = 0;
    if (!find(d, path, &at)) {
        return NULL;
    }
    const struct simbytes *b = d->tree.nodes[at.ino]->content;
    *out_len = simbytes_len(b);
    return b == NULL ? (const uint8_t *)"" : b->data;
}

void simrot_flip(struct simdisk *d, const char *path, uint64_t bit)
{
    struct simbytes *b = content_of(d, path);
    if (bit / 8 >= simbytes_len(b)) {
        simmem_die("%s has no bit %llu", path, (unsigned long long)bit);
    }
    uint8_t flipped = (uint8_t)(b->data[bit / 8] ^ (1u << (bit % 8)));
    simbytes_write(&b, bit / 8, &flipped, 1);
    set_content(d, path, b);
}

void simrot_zero(struct simdisk *d, const char *path, size_t offset, size_t len)
{
    struct simbytes *b = content_of(d, path);
    if (offset + len > simbytes_len(b)) {
        simmem_die("%s has no %zu bytes at %zu", path, len, offset);
    }
    uint8_t *zeros = simmem_alloc(len);
    simbytes_write(&b, offset, zeros, len);
    simmem_free(zeros);
    set_content(d, path, b);
}

void simrot_cut(struct simdisk *d, const char *path, size_t len)
{
    struct simbytes *b = content_of(d, path);
    simbytes_resize(&b, len);
    set_content(d, path, b);
}

void simrot_delete(struct simdisk *d, const char *path)
{
    struct simplace at = must_find(d, path);
    simtree_set(&d->tree, at.dir, at.name, at.len, 0);
    simdisk_link(d, at.ino, -1);
    simdisk_settle(d);
}

void simrot_swap(struct simdisk *d, const char *a, const char *b)
{
    struct simbytes *of_a = content_of(d, a), *of_b = content_of(d, b);
    set_content(d, a, of_b);
    set_content(d, b, of_a);
}

void simrot_replace(struct simdisk *d, const char *path, const void *data, size_t len)
{
    struct simplace at;
    if (simtree_resolve(&d->tree, path, &at) != 0 || at.dir == 0) {
        simmem_die("there is no folder for %s", path);
    }
    if (at.ino == 0) {
        uint32_t ino = d->tree.count;
        simtree_add(&d->tree, ino, false, 0644, d->now_ns);
        simtree_set(&d->tree, at.dir, at.name, at.len, ino);
        simdisk_link(d, ino, 1);
    }
    set_content(d, path, simbytes_new(data, len));
}
