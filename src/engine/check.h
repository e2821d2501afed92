/*
 * check.h - is what the journal promises really there?
 *
 * Trusts no cache: every entry, signature and link of the chain is read again, every segment's
 * frame is held against what the journal adopted, and every live snapshot is walked to see that
 * each chunk it needs has a home. Reading all data (or a part) decodes blocks and computes ids
 * anew; a scrub compares sums without keys. What is wrong is named, with the snapshots and paths
 * that it costs. Nothing is written.
 */
#ifndef HF_ENGINE_CHECK_H
#define HF_ENGINE_CHECK_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

#include "store/repo.h"

struct check_options {
    bool read_data;
    /*
     * Of the segments, by bytes; 1 or more: all. A part is what evidence in the journal says was
     * verified longest ago, or a random one as long as there is no evidence and none will be.
     */
    double read_fraction;
    bool recorded; /* what is found will be evidence */
    uint64_t seed; /* which part, among those that are as good as each other */
    bool scrub;
    size_t threads; /* 0: one a core; 1: everything in the calling thread */
    const volatile sig_atomic_t *cancel;
};

struct check_progress {
    uint64_t segments, segments_expected;
    uint64_t bytes, bytes_expected; /* to be read of data */
    uint64_t snapshots, snapshots_expected;
};

struct check_damage {
    const char
        *kind; /* "key" "head" "entry" "journal" "segment" "block" "page" "chunk" "roll" "file" */
    const char *object; /* what it is: a name in the repository, or a path of a snapshot */
    const char *message;
    const uint8_t *snapshot; /* id [16] if it is something that a snapshot needs, else NULL */
    const char *path;        /* the file of that snapshot that it costs, or NULL */
    size_t path_len;
};

struct check_events {
    void *context;
    void (*progress)(void *context, const struct check_progress *p);
    void (*damage)(void *context, const struct check_damage *d);
    void (*note)(void *context, const char *message); /* worth knowing, no damage */
    /* All data of this segment were read and are right; ordinals come in rising order. */
    void (*verified)(void *context, uint32_t ordinal);
};

struct check_result {
    uint64_t entries, segments, chunks, snapshots;
    uint64_t bytes_read;
    uint64_t damage;  /* how many were reported */
    uint64_t orphans; /* files in segments/ that no entry adopts: left by crashes and races */
    int64_t duration_ns;
};

/* r was opened REPO_TOLERANT. 0, HF_EDAMAGE, or why it could not be told. events may be NULL. */
int check_run(struct repo *r, const struct check_options *options,
              const struct check_events *events, struct check_result *out_result);

#endif
