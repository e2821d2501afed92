/*
 * pipeline.h - from nodes in path order to chunks in a run and entries in a manifest.
 *
 * The caller walks and says of each thing, in path order: it is as it was (keep), here it is
 * (put), or it has to be read (read). Files are read, cut and hashed by the pool's workers -
 * small ones in units of about a MiB, a large one as a chain of pieces, each of which reads,
 * cuts, lets the next one begin and then hashes - while everything is stored and written down by
 * the calling thread, strictly in the order given. So the result does not depend on the workers,
 * and with a pool of none all happens in the calling thread.
 *
 * Content in memory is bounded by the budget, and all buffers are used again.
 */
#ifndef HF_ENGINE_PIPELINE_H
#define HF_ENGINE_PIPELINE_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/pool.h"
#include "engine/manifest_update.h"
#include "engine/source.h"
#include "store/run.h"

struct pipeline;

struct pipeline_options { /* all borrowed */
    struct repo *repo;
    struct run *run;
    struct pool *pool;
    struct source *source;
    struct pagestore *pages; /* for list pages of large files */
    struct manifest_update *update;
    struct commit_counts *counts; /* counted up, but for what the run knows */
    uint64_t budget_bytes;
    const volatile sig_atomic_t *cancel; /* or NULL */
    /* One thing could not be backed up, or not as it should be; it has been counted. */
    source_report_fn warn;
    /*
     * Now and then, while something goes on: what was stored last. A non-zero return ends the
     * run.
     */
    int (*tick)(void *context, const char *path, size_t path_len);
    void *context;
};

struct pipeline_was { /* what the parent knows of a file that is to be read */
    bool known;       /* it was a file there too */
    bool paged;       /* and cut like a page-structured one */
    uint64_t digest;  /* pipeline_digest of its node */
};

int pipeline_new(const struct pipeline_options *options, struct pipeline **out_pipeline);
/* Gives up what is under way. Accepts NULL. */
void pipeline_free(struct pipeline *p);

/* This entry of the old manifest stays as it is; its file counts as unmodified. */
int pipeline_keep(struct pipeline *p, struct manifest_leaf *leaf, uint32_t index,
                  const struct node *n);
/*
 * A node that is complete; `known`: it is a file whose content the parent had. Its user and group
 * names outlive the pipeline (they are the source's); all else is copied.
 */
int pipeline_put(struct pipeline *p, const struct node *n, bool known);
/* A file whose content is to be read. */
int pipeline_read(struct pipeline *p, const struct source_entry *e, const struct pipeline_was *was);
/* All that was given is stored and written down. */
int pipeline_drain(struct pipeline *p);

/* Content done so far, and content read from the source. */
uint64_t pipeline_bytes_done(const struct pipeline *p);
uint64_t pipeline_bytes_read(const struct pipeline *p);

/* A fingerprint of what `diff` would compare: content, mode, owner, mtime, attributes. */
uint64_t pipeline_digest(const struct node *n);

#endif
