/*
 * journal_publish.c - the one act of coordination and acknowledgement.
 *
 * An entry is written to tmp/ with the seal for the next number, synced, and given its name if
 * that name is free. Whoever loses the race looks at what has come and tries the number after.
 * A failure of the renaming itself says nothing about whether it happened (an error may follow
 * success, and a request may land late), so the name is read back and the entry's UUID decides.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "store/journal.h"
#include "store/journal_internal.h"

#define RENAME_TRIES 3
#define TMP_PATH_BYTES (4 + 2 * UUID_BYTES + 1)
#define ENTRY_PATH_BYTES (8 + ENTRY_NAME_BYTES)

/* Creates a file under tmp/ by a fresh name, writes and syncs it. */
static int write_tmp(struct journal *j, const struct buf *file, char path[TMP_PATH_BYTES])
{
    uint8_t uuid[UUID_BYTES];
    struct fs_file *f = NULL;
    int rc = rnd_uuid(j->o.rnd, uuid);

    if (rc < 0) {
        return rc;
    }
    memcpy(path, "tmp/", 5);
    text_hex(uuid, sizeof uuid, path + 4);
    rc = fs_create(j->o.fs, path, 0400, &f);
    if (rc < 0) {
        return rc;
    }
    rc = fs_pwrite(f, file->data, file->len, 0);
    if (rc == 0) {
        rc = fs_sync(f, "journal.entry");
    }
    if (rc == 0) {
        rc = fs_close(&f);
    }
    if (rc < 0) {
        struct err_trail cause;

        err_take(&cause);
        (void)fs_close(&f);
        (void)fs_unlink(j->o.fs, path);
        err_give(&cause);
    }
    return rc;
}

/* The reserve exists for this moment: a full disk must not keep an entry from being published. */
static bool give_up_reserve(struct journal *j)
{
    struct err_trail cause;
    bool gone;

    err_take(&cause);
    gone = fs_unlink(j->o.fs, "reserve") == 0;
    err_give(&cause);
    if (gone) {
        log_write(LOG_LEVEL_WARN, "the disk is full: the reserve was given up for the journal");
    }
    return gone;
}

static int write_tmp_even_if_full(struct journal *j, const struct buf *file,
                                  char path[TMP_PATH_BYTES])
{
    int rc = write_tmp(j, file, path);

    if (rc == HF_ENOSPC && give_up_reserve(j)) {
        rc = write_tmp(j, file, path);
    }
    return rc;
}

enum holder { NOBODY, OURS, SOMEBODY_ELSES };

/* Whose entry has this number? */
static int who_holds(struct journal *j, uint64_t number, const uint8_t uuid[16],
                     enum holder *out_holder)
{
    struct journal_entry e;
    uint8_t *memory = NULL;
    int rc = journal_read(j, number, &e, &memory);

    if (rc == HF_EABSENT) {
        *out_holder = NOBODY;
        return 0;
    }
    if (rc < 0) {
        return err_add(rc, "could not read back entry %" PRIu64, number);
    }
    *out_holder = memcmp(e.seal.uuid, uuid, 16) == 0 ? OURS : SOMEBODY_ELSES;
    mem_free(memory);
    return 0;
}

/*
 * Gives the file its name in the journal. 0 with OURS or SOMEBODY_ELSES; HF_EUNKNOWN when nobody
 * holds the number after the last try: then a request of ours may still land there.
 */
static int take_name(struct journal *j, uint64_t number, const uint8_t uuid[16],
                     const struct buf *file, char tmp[TMP_PATH_BYTES], enum holder *out_holder)
{
    char path[ENTRY_PATH_BYTES] = "journal/";
    bool certain = true; /* no renaming has failed in a way that leaves its outcome open */

    entry_name(number, path + 8);
    for (int tries = 0; tries < RENAME_TRIES; tries++) {
        struct err_trail cause;
        int rc = fs_rename_new(j->o.fs, tmp, path);

        if (rc == 0) {
            *out_holder = OURS;
            return 0;
        }
        certain = certain && (rc == HF_EEXISTS || rc == HF_EABSENT);
        err_take(&cause);
        rc = who_holds(j, number, uuid, out_holder);
        if (rc < 0) {
            return rc == HF_EDAMAGE && certain ? rc : HF_EUNKNOWN;
        }
        if (*out_holder == SOMEBODY_ELSES && certain) {
            (void)fs_unlink(j->o.fs, tmp);
        }
        if (*out_holder != NOBODY) {
            err_clear();
            return 0;
        }
        err_give(&cause);
        j->cause = cause.code;
        if (cause.code == HF_ENOSPC) {
            (void)give_up_reserve(j); /* a name needs room in its folder */
        } else if (cause.code == HF_EABSENT) {
            /* Our temporary file was cleaned away while we slept: write it anew. */
            rc = write_tmp_even_if_full(j, file, tmp);
            if (rc < 0) {
                return certain ? rc : err_add(HF_EUNKNOWN, "entry %" PRIu64, number);
            }
        }
    }
    return err_add(HF_EUNKNOWN, "could not learn whether entry %" PRIu64 " was published", number);
}

static int create_head(struct journal *j)
{
    char path[5 + ENTRY_HEAD_BYTES] = "head/";
    struct fs_file *f = NULL;
    int rc;

    entry_head_name(j->at.number, j->at.hash, path + 5);
    rc = fs_create(j->o.fs, path, 0400, &f);
    if (rc == HF_ENOSPC && give_up_reserve(j)) {
        rc = fs_create(j->o.fs, path, 0400, &f);
    }
    if (rc == HF_EEXISTS) {
        return 0;
    }
    return rc < 0 ? rc : fs_close(&f);
}

/* Raises the head to the view, whose entries we have synced. Lower names go only after the sync. */
static int raise_head(struct journal *j)
{
    struct journal_position head;
    int rc = journal_head_scan(j, &head, 0);

    if (rc < 0) {
        return rc;
    }
    if (head.number < j->at.number) {
        rc = create_head(j);
        if (rc < 0) {
            return rc;
        }
        head = j->at;
    }
    rc = fs_sync_dir(j->o.fs, "head", "journal.head");
    if (rc < 0) {
        return rc;
    }
    j->settled = j->at.number;
    if (journal_head_scan(j, &head, head.number) < 0) {
        log_write(LOG_LEVEL_DEBUG, "old names stay in head/: %s", err_last()->text);
        err_clear(); /* they are lower bounds that hold; the next raise removes them */
    }
    return 0;
}

/*
 * What is published next will name the tip as its predecessor: an entry above the head may still be
 * in no one's sync, and vanish with the power, so it is made durable first.
 */
int journal_settle(struct journal *j)
{
    int rc;

    if (journal_settled(j)) {
        return 0;
    }
    rc = fs_sync_dir(j->o.fs, "journal", "journal.settle");
    if (rc == 0) {
        j->settled = j->at.number;
    }
    return rc;
}

static int seal_draft(struct journal *j, const struct journal_draft *draft, const struct buf *body,
                      struct buf *file)
{
    struct entry_seal seal = { .number = j->at.number + 1, .time_ns = clock_wall(j->o.clock) };
    uint8_t bytes[ENTRY_SEAL_BYTES];

    memcpy(seal.repo_id, j->o.repo_id, sizeof seal.repo_id);
    memcpy(seal.uuid, draft->uuid, sizeof seal.uuid);
    memcpy(seal.previous, j->at.hash, sizeof seal.previous);
    memcpy(seal.author, j->author, sizeof seal.author);
    if (seal.number > ENTRY_MAX_NUMBER || body->len > ENTRY_MAX_BODY) {
        return err_raise(HF_ELIMIT, "an entry of %zu bytes, or its number, is beyond the format",
                         body->len);
    }
    entry_seal_encode(&seal, body->data, body->len, j->o.keys, bytes);
    buf_clear(file);
    buf_put(file, body->data, body->len);
    buf_put(file, bytes, sizeof bytes);
    return buf_error(file);
}

static int check_item(const struct entry_view *item)
{
    struct entry_adopt adopt;
    struct entry_init init;
    const uint8_t *uuids;
    uint64_t view;
    size_t count;

    switch (item->type) {
    case ENTRY_ADOPT:
        return entry_get_adopt(item, &adopt);
    case ENTRY_INIT:
        return entry_get_init(item, &init);
    case ENTRY_FORGET:
    case ENTRY_UNFORGET:
    case ENTRY_CONDEMN:
        return entry_get_list(item, &view, &uuids, &count);
    default:
        return 0;
    }
}

/* What readers do not take would end the journal for ever: it is read before it gets its name. */
static int check_readable(const struct buf *file)
{
    struct entry_seal seal;
    struct entry_walk walk;
    struct entry_view item;
    const uint8_t *body;
    size_t body_len;
    int rc = entry_decode(file->data, file->len, &seal, &body, &body_len);

    if (rc == 0) {
        entry_walk_init(&walk, body, body_len);
        while ((rc = entry_walk_next(&walk, &item)) > 0) {
            rc = check_item(&item);
            if (rc < 0) {
                break;
            }
        }
    }
    return rc < 0 ? err_add(HF_EFAIL, "an entry that nobody could read") : 0;
}

/* The entry has its name: make that durable, believe it, and say so in head/. */
static int acknowledge(struct journal *j, const struct buf *file)
{
    struct journal_entry e = { .file = file->data, .file_len = file->len };
    int rc = fs_sync_dir(j->o.fs, "journal", "journal.publish");

    if (rc == 0) {
        rc = entry_decode(file->data, file->len, &e.seal, &e.body, &e.body_len);
    }
    if (rc == 0) {
        entry_seal_hash(file->data + file->len - ENTRY_SEAL_BYTES, e.seal_hash);
        rc = journal_accept(j, &e, false);
    }
    if (rc == 0) {
        rc = raise_head(j);
    }
    if (rc < 0) {
        j->cause = rc;
        rc = err_add(HF_EUNKNOWN, "an entry was published, but not made safe");
    }
    return rc;
}

/* One attempt at the number after the view. *out_done: published; else somebody else was first. */
static int attempt(struct journal *j, const struct journal_draft *draft, bool *out_done)
{
    struct buf body;
    struct buf file;
    char tmp[TMP_PATH_BYTES];
    enum holder holder = NOBODY;
    int rc;

    *out_done = false;
    buf_init(&body);
    buf_init(&file);
    rc = draft->validate(draft->context, &body);
    if (rc == 0) {
        rc = buf_error(&body);
    }
    if (rc == 0) {
        rc = seal_draft(j, draft, &body, &file);
    }
    if (rc == 0) {
        rc = check_readable(&file);
    }
    if (rc == 0) {
        rc = write_tmp_even_if_full(j, &file, tmp);
    }
    if (rc == 0) {
        rc = take_name(j, j->at.number + 1, draft->uuid, &file, tmp, &holder);
    }
    if (rc == 0 && holder == OURS) {
        rc = acknowledge(j, &file);
        *out_done = rc == 0;
    }
    buf_release(&file);
    buf_release(&body);
    return rc;
}

int journal_publish(struct journal *j, const struct journal_draft *draft)
{
    bool done = false;

    if (!j->o.keys) {
        return err_raise(HF_EDENIED, "this journal was opened for reading");
    }
    if (j->damaged) {
        err_raise(HF_EDAMAGE, "this journal was found to be damaged");
        return err_hint("a damaged journal takes no new entries: see `holdfast check`");
    }
    while (!done) {
        int rc = journal_follow(j);

        if (rc == 0) {
            rc = journal_settle(j);
        }
        if (rc == 0) {
            rc = attempt(j, draft, &done);
        }
        if (rc == HF_EDAMAGE) {
            err_hint("a damaged journal takes no new entries: see `holdfast check`");
        }
        if (rc < 0) {
            return rc;
        }
    }
    return 0;
}

int journal_create(struct journal *j, const struct journal_draft *draft)
{
    bool done = false;
    int rc = attempt(j, draft, &done);

    if (rc == 0 && !done) {
        rc = err_raise(HF_EEXISTS, "somebody else is making a repository there");
    } else if (rc == HF_EUNKNOWN && j->cause < 0) {
        rc = err_add(j->cause, "entry 1"); /* nothing takes what is there for a repository */
    }
    return rc;
}
