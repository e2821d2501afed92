/*
 * rollup.c - making roll-ups. See rollup.h, and "Roll-up" in docs/format.md.
 *
 * The order: write the roll-up under tmp/, sync, give it its name unless somebody else has, sync
 * rolls/; read it back and compare each entry with the journal's own; only then empty the single
 * files, by renaming an empty file over each. A crash in between leaves entries that are in both
 * places, or a roll-up that nobody needs yet: both are fine, and the next run goes on.
 */
#include "store/rollup.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"
#include "format/roll.h"
#include "store/repo_internal.h"

#define ROLL_MAX_FILE ((size_t)1 << 30)
#define NAME_TRIES 3
#define TMP_BYTES (4 + 2 * UUID_BYTES + 1)
#define ENTRY_PATH_BYTES (8 + ENTRY_NAME_BYTES)
#define ROLL_PATH_BYTES (6 + ROLL_NAME_BYTES)

static int tmp_name(struct repo *r, char out[TMP_BYTES])
{
    uint8_t uuid[UUID_BYTES];
    int rc = rnd_uuid(r->env.rnd, uuid);

    memcpy(out, "tmp/", 5);
    text_hex(uuid, sizeof uuid, out + 4);
    return rc;
}

static int write_tmp(struct repo *r, const void *data, size_t len, const char *site,
                     char path[TMP_BYTES])
{
    struct fs_file *f = NULL;
    int rc = tmp_name(r, path);

    if (rc == 0) {
        rc = fs_create(r->env.fs, path, 0400, &f);
    }
    if (rc < 0) {
        return rc;
    }
    if (len > 0) {
        rc = fs_pwrite(f, data, len, 0);
    }
    if (rc == 0 && site) {
        rc = fs_sync(f, site);
    }
    if (rc == 0) {
        return fs_close(&f);
    }
    (void)fs_close(&f);
    return rc;
}

/* The entries first .. last as they stand in the journal, checked one by one. */
static int gather(struct repo *r, uint64_t first, uint64_t last, struct buf *entries,
                  uint32_t *lengths)
{
    for (uint64_t n = first; n <= last; n++) {
        struct journal_entry e;
        uint8_t *memory = NULL;
        int rc = journal_read(r->journal, n, &e, &memory);

        if (rc < 0) {
            return rc;
        }
        buf_put(entries, e.file, e.file_len);
        lengths[n - first] = (uint32_t)e.file_len;
        mem_free(memory);
    }
    return buf_error(entries);
}

/* A temporary file that slept too long may have been cleaned away: then it is written anew. */
static int give_name(struct repo *r, const struct buf *bytes, const char *path,
                     int (*rename)(struct fs *fs, const char *from, const char *to),
                     char tmp[TMP_BYTES])
{
    const char *site = bytes->len > 0 ? "roll.data" : NULL;
    int rc = HF_EABSENT;

    for (int tries = 0; rc == HF_EABSENT && tries < NAME_TRIES; tries++) {
        rc = write_tmp(r, bytes->data, bytes->len, site, tmp);
        if (rc == 0) {
            rc = rename(r->env.fs, tmp, path);
        }
    }
    if (rc == 0) {
        err_clear();
    }
    return rc;
}

static int name_roll(struct repo *r, const struct buf *bytes, const char *path)
{
    char tmp[TMP_BYTES];
    int rc = give_name(r, bytes, path, fs_rename_new, tmp);

    if (rc == HF_EEXISTS) {
        (void)fs_unlink(r->env.fs, tmp);
        err_clear();
        rc = 0; /* somebody else was first; what it holds is compared below */
    }
    return rc == 0 ? fs_sync_dir(r->env.fs, "rolls", "roll.name") : rc;
}

/* What has that name must be what we would have written. */
static int prove_roll(struct repo *r, const struct buf *bytes, const char *path)
{
    uint8_t *data = NULL;
    size_t len = 0;
    int rc = fs_read_file(r->env.fs, path, ROLL_MAX_FILE, &data, &len);

    if (rc == 0 && (len != bytes->len || memcmp(data, bytes->data, len) != 0)) {
        rc = err_raise(HF_EDAMAGE, "%s does not hold the entries of its name", path);
    }
    mem_free(data);
    return rc;
}

static int make_roll(struct repo *r, uint64_t first, uint64_t last)
{
    uint32_t *lengths = mem_array((size_t)(last - first + 1), sizeof *lengths);
    char path[ROLL_PATH_BYTES] = "rolls/";
    struct buf entries;
    struct buf bytes;
    int rc;

    roll_name(first, last, path + 6);
    buf_init(&entries);
    buf_init(&bytes);
    rc = lengths ? gather(r, first, last, &entries, lengths) : err_nomem();
    if (rc == 0) {
        rc = roll_encode(r->id, first, lengths, (uint32_t)(last - first + 1), entries.data,
                         entries.len, &bytes);
    }
    if (rc == 0) {
        rc = name_roll(r, &bytes, path);
    }
    if (rc == 0) {
        rc = prove_roll(r, &bytes, path);
    }
    buf_release(&bytes);
    buf_release(&entries);
    mem_free(lengths);
    return rc;
}

static int empty_entry(struct repo *r, uint64_t number, bool *out_emptied)
{
    static const struct buf nothing;
    char path[ENTRY_PATH_BYTES] = "journal/";
    char tmp[TMP_BYTES];
    struct fs_stat st;
    int rc;

    entry_name(number, path + 8);
    rc = fs_stat(r->env.fs, path, &st);
    *out_emptied = rc == 0 && st.size > 0;
    if (!*out_emptied) {
        return rc;
    }
    return give_name(r, &nothing, path, fs_rename_over, tmp);
}

static int empty_entries(struct repo *r, uint64_t first, uint64_t last, uint64_t *count)
{
    for (uint64_t n = first; n <= last; n++) {
        bool emptied;
        int rc = empty_entry(r, n, &emptied);

        if (rc < 0) {
            return rc;
        }
        *count += emptied;
    }
    return 0;
}

/* Whether any single entry of the range still has its bytes: then there is work to do. */
static int is_due(struct repo *r, uint64_t first, uint64_t last, bool *out_due)
{
    char path[ENTRY_PATH_BYTES] = "journal/";
    struct fs_stat st;

    *out_due = false;
    for (uint64_t n = last; n >= first && !*out_due; n--) {
        int rc;

        entry_name(n, path + 8);
        rc = fs_stat(r->env.fs, path, &st);
        if (rc < 0) {
            return rc;
        }
        *out_due = st.size > 0;
    }
    return 0;
}

int rollup_run(struct repo *r, uint32_t size, struct rollup_result *out_result)
{
    struct journal_position head;
    int rc = repo_may_write(r);

    memset(out_result, 0, sizeof *out_result);
    if (rc == 0) {
        rc = journal_head(r->journal, &head);
    }
    for (uint64_t last = size; rc == 0 && last <= head.number; last += size) {
        uint64_t first = last - size + 1;
        bool due;

        rc = is_due(r, first, last, &due);
        if (rc == 0 && due) {
            rc = make_roll(r, first, last);
            out_result->rolls += rc == 0;
        }
        if (rc == 0 && due) {
            rc = empty_entries(r, first, last, &out_result->entries);
        }
    }
    return rc;
}
