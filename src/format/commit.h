/*
 * commit.h - what a snapshot says about itself: the plaintext of a COMMIT or PARTIAL item.
 *
 * Format: "COMMIT plaintext" in docs/format.md. The id of a commit is the UUID of its entry.
 */
#ifndef HF_FORMAT_COMMIT_H
#define HF_FORMAT_COMMIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

#define COMMIT_MAX_LIST 65536u
#define COMMIT_MAX_TEXT (1u << 20)

enum commit_class { COMMIT_FUZZY = 0, COMMIT_CRASH = 1, COMMIT_APP = 2 };
enum commit_flag {
    COMMIT_COMPLETE = 1, /* it was not made inside a gap */
    COMMIT_ASSERTED = 2,
    COMMIT_IMPORTED = 4,
    COMMIT_CLOSES_GAPS = 8, /* with its end ends what open gaps of its job and host it began in */
};

struct commit_counts {
    uint64_t files, dirs, others, bytes;
    uint64_t files_new, files_changed, files_unmodified;
    uint64_t bytes_new;    /* of chunks not stored before, plain */
    uint64_t bytes_stored; /* what the segments of this commit take */
    uint64_t errors, unstable;
};

struct commit {
    enum commit_class class;
    uint8_t flags;
    char *job, *host, *user; /* never NULL in a decoded commit */
    char **paths;
    size_t path_count;
    char **tags;
    size_t tag_count;
    int64_t begin_ns, end_ns;
    uint8_t parent[16]; /* zeros: none */
    uint8_t root[32];   /* zeros: nothing in it */
    struct commit_counts counts;
    char *tool;
};

int commit_encode(const struct commit *c, struct buf *out);
/* Fresh memory throughout, freed by commit_release. HF_EDAMAGE, HF_ENEWER. */
int commit_decode(const void *plain, size_t len, struct commit *out);
int commit_copy(const struct commit *from, struct commit *out);
void commit_release(struct commit *c);
/* Replaces the tags by copies of these. */
int commit_set_tags(struct commit *c, char *const *tags, size_t count);
const char *commit_class_name(enum commit_class class);

/* EVENT TAG: which commit, and its tags from now on. */
int commit_tags_encode(const uint8_t commit[16], char *const *tags, size_t count, struct buf *out);
/* The tags become c->tags; c's other fields are untouched. */
int commit_tags_decode(const void *plain, size_t len, uint8_t out_commit[16], struct commit *c);

#endif
