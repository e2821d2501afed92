/*
 * repo.h - a repository as everybody else sees it: open, read, and (through run.h) write.
 *
 * Opening follows the journal to its tip and brings catalogue and index up to date, from the cache
 * where that vouches for the same chain. Nothing but the caches and the client's memory of its last
 * position is written by reading. A repo serves one thread, but for repo_reader, which each worker
 * has its own of.
 */
#ifndef HF_STORE_REPO_H
#define HF_STORE_REPO_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/rnd.h"
#include "format/chunker.h"
#include "format/codec.h"
#include "format/keyfile.h"
#include "format/keyring.h"
#include "io/fs.h"
#include "store/catalog.h"
#include "store/index.h"
#include "store/journal.h"

struct repo;

struct repo_env {     /* what a repository lives in; all borrowed and outliving it */
    struct fs *fs;    /* the repository's folder */
    struct fs *cache; /* a folder of its own for this repository, or NULL */
    struct fs *state; /* the client's memory, shared by its repositories, or NULL */
    const struct clock *clock;
    struct rnd *rnd;
};

struct repo_params { /* what init fixes; repo_default_params fills all */
    enum codec_kind codec;
    int level;
    uint64_t segment_target;
    struct chunker_params chunks;
};

void repo_default_params(struct repo_params *out);

/*
 * Makes a repository in env->fs, which must be empty or hold a half-made one (which is then
 * finished or refused with what to remove). HF_EEXISTS if there is one; HF_EUNSUPPORTED on a
 * file system without an atomic create-if-absent. `key_name` names the first file in keys/.
 */
int repo_init(const struct repo_env *env, const struct repo_params *params,
              const struct keyfile_unlock *unlock, const char *key_name, uint8_t out_repo_id[16]);

/*
 * HF_ENO_REPO, HF_EDAMAGE (journal entries but no `holdfast` file), HF_ENEWER. Reads the hint file
 * only: what can be told without a key.
 */
int repo_probe(struct fs *fs, uint8_t out_repo_id[16]);

enum repo_damage_policy {
    REPO_STRICT,   /* a damaged journal is an error */
    REPO_TOLERANT, /* opens as far as the journal goes; repo_damage says what is wrong */
};

/* HF_EKEY, HF_EKEY_DAMAGED, and what repo_probe says. */
int repo_open(const struct repo_env *env, const struct keyfile_unlock *unlock,
              enum repo_damage_policy policy, struct repo **out_repo);
void repo_close(struct repo *r);

/* What is wrong with the journal, or NULL. */
const struct err_trail *repo_damage(const struct repo *r);

/* Follows the journal again; catalogue and index go along. */
int repo_refresh(struct repo *r);
/* Saves the caches if they have changed; failure is logged, not an error. */
void repo_save_cache(struct repo *r);

const uint8_t *repo_id(const struct repo *r);
const struct repo_env *repo_env(const struct repo *r);
const struct keyring *repo_keys(const struct repo *r);
const struct repo_params *repo_params(const struct repo *r);
const struct chunker *repo_chunker(const struct repo *r);
const struct catalog *repo_catalog(const struct repo *r);
struct journal *repo_journal(struct repo *r);
/* The index, brought up to date from footers if need be. */
int repo_index(struct repo *r, struct index **out_index);
/* How many chunks there are in segments that are not condemned. */
int repo_chunk_count(struct repo *r, uint64_t *out_count);

/*
 * A reader: fetches chunks by id, verified. Keeps the last few decoded blocks. Each serves one
 * thread; several may be used at once as long as nobody refreshes or writes to the repo.
 */
struct repo_reader;

int repo_reader_new(struct repo *r, size_t cached_blocks, struct repo_reader **out_reader);
void repo_reader_free(struct repo_reader *rd);
/* The chunk's bytes, borrowed until the next call. HF_EDAMAGE with what is missing or wrong. */
int repo_reader_chunk(struct repo_reader *rd, const uint8_t id[32], const uint8_t **out_data,
                      size_t *out_len);

/* For reading in storage order: where a chunk is (HF_EDAMAGE if it has no home) ... */
int repo_locate(struct repo *r, const uint8_t id[32], struct index_home *out_home);
/* ... and a whole block, decoded; slots are verified one by one by repo_reader_slot. */
int repo_reader_block(struct repo_reader *rd, uint32_t segment, uint64_t position);
int repo_reader_slot(struct repo_reader *rd, uint32_t slot, const uint8_t id[32],
                     const uint8_t **out_data, size_t *out_len);
uint64_t repo_reader_bytes_read(const struct repo_reader *rd);

#endif
