/*
 * repo_internal.h - what the files repo*.c and run.c share.
 */
#ifndef HF_STORE_REPO_INTERNAL_H
#define HF_STORE_REPO_INTERNAL_H

#include <pthread.h>

#include "base/err.h"
#include "format/keychange.h"
#include "format/segment.h"
#include "store/repo.h"
#include "store/segreader.h"

#define REPO_FORMAT_VERSION 0
#define REPO_OPEN_SEGMENTS 64
#define REPO_HINT_BYTES 128
#define REPO_TARGET_MIN SEGMENT_HEADER_BYTES /* of params.segment_target */
#define REPO_TARGET_MAX (SEGMENT_MAX_BYTES / 2)

struct repo_open_segment {
    uint32_t ordinal;
    unsigned users;
    uint64_t last_use;
    struct segreader *reader; /* NULL: the place is free */
};

struct repo {
    struct repo_env env;
    uint8_t id[16];
    struct keyring *keys;
    struct keychange_way way; /* the file in keys/ that opened it */
    struct repo_params params;
    enum cipher_kind cipher;
    struct chunker *chunker;
    struct journal *journal;
    struct catalog *catalog;
    pthread_rwlock_t index_lock; /* of index, indexed, builds, unread: readers may rebuild it */
    struct index *index;
    uint32_t indexed;              /* segments below this ordinal are in the index */
    uint64_t builds;               /* how often it was begun anew because it was damaged */
    struct journal_position saved; /* what the cached view stands for */
    struct err_trail *damage;      /* of the journal; NULL: none found */
    struct err_trail *unread;      /* of the first segment whose footer can't be read, or NULL */
    pthread_mutex_t lock;          /* of what follows */
    bool publishing;               /* the view is at a tip that an entry is made for */
    struct repo_open_segment open[REPO_OPEN_SEGMENTS];
    uint64_t uses;
};

/* Whether this program may write: a journal that is whole, a format whose features it knows. */
int repo_may_write(const struct repo *r);

/*
 * A new file, whole or not at all; site NULL: nothing depends on it after a crash, and it is not
 * synced.
 */
int repo_write_file(struct fs *fs, const char *path, uint32_t mode, const void *data, size_t len,
                    const char *site);

/* The text of the file `holdfast`. */
void repo_hint_text(const uint8_t repo_id[16], char out[REPO_HINT_BYTES]);

/* Room for an entry on a full disk. HF_EEXISTS if it is there. */
int repo_write_reserve(struct fs *fs);

/* A segment, open for reading; any thread. Each get has its put. */
int repo_segment_get(struct repo *r, uint32_t ordinal, struct segreader **out_reader);
void repo_segment_put(struct repo *r, uint32_t ordinal);
/* Closes those that are condemned and not in use: the space of a file that is open is not free. */
void repo_segment_drop_condemned(struct repo *r);

/* Puts what a footer says into the index. */
int repo_index_footer(struct repo *r, uint32_t ordinal, const struct segment_footer *f);

/* After a prune: an index of which most is dead is built anew. */
int repo_index_renew(struct repo *r);

/* Takes a segment's footer from its file. */
int repo_index_segment(struct repo *r, uint32_t ordinal);
/*
 * index_get and index_each_home, any thread: the index is brought up to date, and built anew if its
 * cache is damaged. HF_EABSENT has no trail; `each` must not return HF_EDAMAGE.
 */
int repo_index_get(struct repo *r, const uint8_t id[32], struct index_home *out_home);
int repo_index_each_home(struct repo *r, const uint8_t id[32],
                         int (*each)(void *context, const struct index_home *home), void *context);

/* journal_publish; meanwhile nobody moves the view. */
int repo_publish(struct repo *r, const struct journal_draft *draft);

/*
 * Something is not where the view says: perhaps a prune has moved it since. Any thread; `seen` is
 * what repo_tip was before. Follows the journal if nobody has since. *out_moved: it has something
 * new, look again. HF_ECHANGED while an entry is being published, whose view must stand still.
 */
uint64_t repo_tip(struct repo *r);
int repo_look_again(struct repo *r, uint64_t seen, bool *out_moved);

/* Remembers and caches the view, as far as it is known to be durable. */
void repo_remember(struct repo *r);

#endif
