/*
 * check_internal.h - what the parts of check share.
 *
 * check.c runs them in this order: check_keys (key files), check_journal (entries, chain, heads,
 * and through check_rolls the roll-ups), check_segments (frames, and data if asked for; builds the
 * index of what is good), check_reach (snapshots).
 */
#ifndef HF_ENGINE_CHECK_INTERNAL_H
#define HF_ENGINE_CHECK_INTERNAL_H

#include "base/err.h"
#include "base/map.h"
#include "base/pool.h"
#include "engine/check.h"
#include "store/index.h"

struct check {
    struct repo *repo;
    struct fs *fs;
    const struct check_options *options;
    const struct check_events *events;
    struct check_result *result;
    struct check_progress progress;
    struct pool *pool;
    struct catalog *catalog; /* from the journal, read anew */
    struct index *index;     /* of chunks whose segments (and data, if read) are good */
    uint8_t *chosen;         /* by ordinal, during check_segments: its data are read */
    bool journal_broken;     /* there may be entries that could not be followed */
};

/* Reports; the trail of the thread is the message when message is NULL, and is cleared. */
void check_report(struct check *c, const char *kind, const char *object, const char *message);
void check_report_loss(struct check *c, const char *kind, const char *object, const char *message,
                       const uint8_t snapshot[16], const char *path, size_t path_len);
void check_note(struct check *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Tells the progress; HF_EINTERRUPTED when cancelled. */
int check_tick(struct check *c);

/*
 * A prune may go on meanwhile. Whether it has condemned this segment since the journal was read;
 * what was needed of it is then in segments that this check does not know.
 */
bool check_was_pruned(struct check *c, const uint8_t uuid[16]);

int check_keys(struct check *c);
int check_journal(struct check *c);
int check_segments(struct check *c);
int check_choose(struct check *c); /* fills c->chosen */
int check_reach(struct check *c);

struct check_roll {
    uint64_t first, last;
};

struct check_rolls {
    struct check_roll *list;
    size_t count, cap;
};

/* The names in rolls/; and, once the journal has been followed, the files of these names. */
int check_rolls_list(struct check *c, struct check_rolls *out);
int check_rolls(struct check *c, struct journal *j, const struct check_rolls *rolls);
void check_rolls_release(struct check_rolls *rolls);

#endif
