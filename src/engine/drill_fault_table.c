/*
 * drill_fault_table.c - the table of damage, and how each of it is done.
 *
 * What is done is what disks, people and power cuts do. A file is damaged as a new one in the copy,
 * so that nothing can reach the original through it.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "engine/drill_fault.h"
#include "format/entry.h"
#include "format/keyfile.h"
#include "format/segment.h"

#define PIECE_BYTES (1u << 20)
#define TEMPORARY "tmp/damaged"
#define ROOM_BYTES (512u << 10) /* of a disk that is nearly full */
#define NONE UINT64_MAX
#define FILE_MODE 0400

struct edit {
    const char *from; /* the file that the content is taken from */
    uint64_t cut;     /* so much of it; NONE: all */
    uint64_t flip[2]; /* one bit in each of these bytes; NONE: in none */
    bool zeros;       /* nothing but zeros, as many as there are bytes */
};

static const struct edit no_edit = { NULL, NONE, { NONE, NONE }, false };

/* --- what is done to files --- */

static void edit_piece(const struct edit *e, uint8_t *piece, size_t len, uint64_t at)
{
    if (e->zeros) {
        memset(piece, 0, len);
    }
    for (size_t i = 0; i < 2; i++) {
        if (e->flip[i] != NONE && e->flip[i] >= at && e->flip[i] - at < len) {
            piece[e->flip[i] - at] ^= 0x10;
        }
    }
}

static int copy_edited(const struct edit *e, struct fs_file *from, struct fs_file *to)
{
    uint8_t *piece = mem_alloc(PIECE_BYTES);
    size_t got = 0;
    uint64_t at = 0;
    int rc = piece != NULL ? 0 : err_nomem();

    while (rc == 0 && at < e->cut) {
        uint64_t left = e->cut - at;

        rc = fs_pread(from, piece, left < PIECE_BYTES ? (size_t)left : PIECE_BYTES, at, &got);
        if (rc != 0 || got == 0) {
            break;
        }
        edit_piece(e, piece, got, at);
        rc = fs_pwrite(to, piece, got, at);
        at += got;
    }
    mem_free(piece);
    return rc;
}

static int rewrite(struct fault_bench *b, const char *path, const struct edit *e)
{
    struct fs_file *from = NULL, *to = NULL;
    int rc = fs_open(b->copy, e->from != NULL ? e->from : path, &from);
    int closed;

    if (rc == 0) {
        rc = fs_create(b->copy, TEMPORARY, FILE_MODE, &to);
    }
    if (rc == 0) {
        rc = copy_edited(e, from, to);
    }
    (void)fs_close(&from);
    closed = fs_close(&to);
    rc = rc != 0 ? rc : closed;
    return rc == 0 ? fs_rename_over(b->copy, TEMPORARY, path) : rc;
}

static int flip(struct fault_bench *b, const char *path, uint64_t at)
{
    struct edit e = no_edit;

    e.flip[0] = at;
    return rewrite(b, path, &e);
}

static int cut(struct fault_bench *b, const char *path, uint64_t len)
{
    struct edit e = no_edit;

    e.cut = len;
    return rewrite(b, path, &e);
}

static int put(struct fault_bench *b, const char *path, const char *text)
{
    struct fs_file *f = NULL;
    int rc = fs_create(b->copy, path, 0600, &f);
    int closed;

    if (rc == 0 && text[0] != '\0') {
        rc = fs_pwrite(f, text, strlen(text), 0);
    }
    closed = fs_close(&f);
    return rc != 0 ? rc : closed;
}

/* Does the same to each file of a folder. */
struct each {
    struct fault_bench *b;
    const char *folder;
    const struct edit *edit; /* NULL: it is removed */
    char (*names)[FAULT_PATH_BYTES];
    size_t count, cap;
};

static int gather_name(void *context, const char *name)
{
    struct each *x = context;
    int rc = mem_grow(&x->names, &x->cap, x->count + 1, sizeof *x->names);

    if (rc == 0) {
        snprintf(x->names[x->count++], FAULT_PATH_BYTES, "%s/%.100s", x->folder, name);
    }
    return rc;
}

static int to_each(struct fault_bench *b, const char *folder, const struct edit *edit)
{
    struct each x = { .b = b, .folder = folder, .edit = edit };
    int rc = fs_list(b->copy, folder, gather_name, &x);

    for (size_t i = 0; rc == 0 && i < x.count; i++) {
        rc = edit != NULL ? rewrite(b, x.names[i], edit) : fs_unlink(b->copy, x.names[i]);
    }
    mem_free(x.names);
    return rc;
}

/* --- segments --- */

static int aim_at_segment(struct fault_bench *b)
{
    memcpy(b->object, b->victim.segment, sizeof b->object);
    return 0;
}

static int segment_deleted(struct fault_bench *b)
{
    aim_at_segment(b);
    return fs_unlink(b->copy, b->victim.segment);
}

static int segment_header_flipped(struct fault_bench *b)
{
    aim_at_segment(b);
    return flip(b, b->victim.segment, rnd_below(&b->d->rnd, SEGMENT_HEADER_BYTES));
}

static int segment_data_flipped(struct fault_bench *b)
{
    const struct fault_victim *v = &b->victim;

    aim_at_segment(b);
    return flip(b, v->segment,
                v->position + SEGMENT_RECORD_HEADER_BYTES + rnd_below(&b->d->rnd, v->payload_len));
}

static int segment_footer_flipped(struct fault_bench *b)
{
    aim_at_segment(b);
    return flip(b, b->victim.segment, b->victim.footer + SEGMENT_RECORD_HEADER_BYTES);
}

static int segment_trailer_flipped(struct fault_bench *b)
{
    aim_at_segment(b);
    return flip(b, b->victim.segment,
                b->victim.segment_len - 1 - rnd_below(&b->d->rnd, SEGMENT_TRAILER_BYTES));
}

static int segment_cut(struct fault_bench *b)
{
    aim_at_segment(b);
    return cut(b, b->victim.segment, b->victim.segment_len / 2);
}

static int segment_zeroed(struct fault_bench *b)
{
    struct edit e = no_edit;

    aim_at_segment(b);
    e.zeros = true;
    return rewrite(b, b->victim.segment, &e);
}

struct other {
    struct fault_bench *b;
    char path[FAULT_PATH_BYTES];
};

static int see_other(void *context, const char *name)
{
    struct other *x = context;

    if (strcmp(x->b->victim.segment + 9, name) != 0) {
        snprintf(x->path, sizeof x->path, "segments/%.100s", name);
    }
    return 0;
}

/* By a whole one of the same repository, which a backup has just made if there was no other. */
static int segment_replaced(struct fault_bench *b)
{
    struct other x = { .b = b };
    struct edit e = no_edit;
    int rc = drill_fault_grow(b);

    aim_at_segment(b);
    if (rc == 0) {
        rc = fs_list(b->copy, "segments", see_other, &x);
    }
    e.from = x.path;
    return rc == 0 ? rewrite(b, b->victim.segment, &e) : rc;
}

/* --- the journal --- */

static void entry_path(uint64_t number, char out[FAULT_PATH_BYTES])
{
    char name[ENTRY_NAME_BYTES];

    entry_name(number, name);
    snprintf(out, FAULT_PATH_BYTES, "journal/%s", name);
}

static int see_head(void *context, const char *name)
{
    uint64_t *highest = context, number;
    uint8_t hash[32];

    if (entry_parse_head(name, &number, hash) && number > *highest) {
        *highest = number;
    }
    return 0;
}

/* The newest entry that the head covers, as a file of its own: see prune's roll-ups. */
static int aim_at_newest(struct fault_bench *b, uint64_t *out_number, uint64_t *out_len)
{
    struct fs_stat st;
    int rc;

    *out_number = 0;
    rc = fs_list(b->copy, "head", see_head, out_number);
    if (rc == 0) {
        entry_path(*out_number, b->object);
        rc = fs_stat(b->copy, b->object, &st);
    }
    *out_len = rc == 0 ? st.size : 0;
    return rc;
}

/* Entries that were rolled up are empty files: a new one isn't. */
static int aim_at_file(struct fault_bench *b, uint64_t *out_number, uint64_t *out_len)
{
    int rc = aim_at_newest(b, out_number, out_len);

    if (rc == 0 && *out_len == 0) {
        rc = drill_fault_grow(b);
        if (rc == 0) {
            rc = aim_at_newest(b, out_number, out_len);
        }
    }
    return rc;
}

static int entry_torn(struct fault_bench *b)
{
    uint64_t number, len;
    int rc = aim_at_file(b, &number, &len);

    return rc == 0 ? cut(b, b->object, len / 2) : rc;
}

static int entry_lost(struct fault_bench *b)
{
    uint64_t number, len;
    int rc = aim_at_newest(b, &number, &len);

    return rc == 0 ? fs_unlink(b->copy, b->object) : rc;
}

/* The newest one but those that stand in a roll-up, where a single bit is another fault. */
static int commit_flipped(struct fault_bench *b)
{
    const struct catalog *c = repo_catalog(b->d->repo);
    uint64_t number = 0, len = 0;
    struct fs_stat st = { .size = 0 };
    int rc = 0;

    for (size_t i = 0; i < catalog_snapshot_count(c); i++) {
        number = catalog_snapshot(c, i)->number;
    }
    entry_path(number, b->object);
    rc = fs_stat(b->copy, b->object, &st);
    len = st.size;
    if (rc == 0 && len == 0) {
        rc = aim_at_file(b, &number, &len);
    }
    if (rc == 0 && len <= ENTRY_SEAL_BYTES) {
        return err_raise(HF_EDAMAGE, "%s is too short to be an entry", b->object);
    }
    return rc == 0 ? flip(b, b->object, rnd_below(&b->d->rnd, len - ENTRY_SEAL_BYTES)) : rc;
}

static int seal_flipped(struct fault_bench *b)
{
    uint64_t number, len;
    int rc = aim_at_file(b, &number, &len);

    return rc == 0 ? flip(b, b->object, len - 1 - rnd_below(&b->d->rnd, 64)) : rc;
}

/* Where there are but two entries, a backup makes a third one first. */
static int middle_lost(struct fault_bench *b)
{
    uint64_t number, len;
    int rc = aim_at_newest(b, &number, &len);

    if (rc == 0 && number < 3) {
        rc = drill_fault_grow(b);
        number = 3;
    }
    entry_path(number / 2 + 1, b->object);
    return rc == 0 ? fs_unlink(b->copy, b->object) : rc;
}

static int head_lost(struct fault_bench *b)
{
    snprintf(b->object, sizeof b->object, "head/");
    return to_each(b, "head", NULL);
}

static int head_unreadable(struct fault_bench *b)
{
    snprintf(b->object, sizeof b->object, "head/not-a-head");
    return put(b, b->object, "");
}

/* A client that has seen the copy when it was longer. */
static int rolled_back(struct fault_bench *b)
{
    char *path = NULL;
    int rc = drill_scratch_make(b->d->scratch, "memory", &path);

    if (rc == 0) {
        rc = drill_fault_remember(b, path);
    }
    mem_free(path);
    if (rc == 0) {
        rc = drill_fault_grow(b);
    }
    return rc == 0 ? fs_overlay_undo(b->copy) : rc;
}

/* --- keys and the rest --- */

static int hint_lost(struct fault_bench *b)
{
    snprintf(b->object, sizeof b->object, "holdfast");
    return fs_unlink(b->copy, "holdfast");
}

static int hint_flipped(struct fault_bench *b)
{
    snprintf(b->object, sizeof b->object, "holdfast");
    return flip(b, "holdfast", 3);
}

static int key_half(struct fault_bench *b)
{
    struct edit e = no_edit;

    e.flip[0] = rnd_below(&b->d->rnd, KEYFILE_COPY_BYTES);
    return to_each(b, "keys", &e);
}

static int key_damaged(struct fault_bench *b)
{
    struct edit e = no_edit;

    e.flip[0] = rnd_below(&b->d->rnd, KEYFILE_COPY_BYTES);
    e.flip[1] = KEYFILE_COPY_BYTES + rnd_below(&b->d->rnd, KEYFILE_COPY_BYTES);
    return to_each(b, "keys", &e);
}

static int keys_lost(struct fault_bench *b)
{
    return to_each(b, "keys", NULL);
}

static int nothing(struct fault_bench *b)
{
    (void)b;
    return 0;
}

static int leftovers(struct fault_bench *b)
{
    int rc = put(b, "tmp/0123456789abcdef0123456789abcdef", "half a segment");

    return rc == 0 ? put(b, "segments/00000000000000000000000000000001", "never adopted") : rc;
}

/* --- media --- */

static int disk_full(struct fault_bench *b)
{
    atomic_store(&b->rules.room_bytes, ROOM_BYTES);
    return 0;
}

static int segment_unreadable(struct fault_bench *b)
{
    aim_at_segment(b);
    b->rules.unreadable = b->victim.segment;
    return 0;
}

static int disk_read_only(struct fault_bench *b)
{
    b->rules.unwritable = "tmp/";
    return 0;
}

static int sync_fails(struct fault_bench *b)
{
    b->rules.unsyncable = "tmp/";
    return 0;
}

/* --- the table --- */

#define ALL_READERS (FAULT_CHECK | FAULT_RESTORE)
#define LOSES (FAULT_NAMES_OBJECT | FAULT_NAMES_VICTIM)
#define NOBODY_WRITES (FAULT_OPEN | FAULT_CHECK | FAULT_BACKUP)

const struct drill_fault_row drill_fault_table[] = {
    { "none", "nothing is done", 0, FAULT_OPEN | FAULT_CHECK, FAULT_NAMES_NOTHING, false, nothing },
    { "segment-deleted", "the segment that a file needs is deleted", HF_EDAMAGE, ALL_READERS, LOSES,
      false, segment_deleted },
    { "segment-header-flipped", "a bit flips in its header", HF_EDAMAGE, ALL_READERS, LOSES, false,
      segment_header_flipped },
    { "segment-data-flipped", "a bit flips in the data of a file", HF_EDAMAGE, FAULT_RESTORE,
      LOSES | FAULT_NAMES_CERTAIN, false, segment_data_flipped },
    { "segment-footer-flipped", "a bit flips in its table of contents", HF_EDAMAGE, ALL_READERS,
      LOSES, false, segment_footer_flipped },
    { "segment-trailer-flipped", "a bit flips in its trailer", HF_EDAMAGE, ALL_READERS, LOSES,
      false, segment_trailer_flipped },
    { "segment-cut", "its second half is lost", HF_EDAMAGE, ALL_READERS, LOSES, false,
      segment_cut },
    { "segment-zeroed", "it is overwritten with zeros", HF_EDAMAGE, ALL_READERS, LOSES, false,
      segment_zeroed },
    { "segment-replaced", "another segment is put in its place", HF_EDAMAGE, ALL_READERS, LOSES,
      false, segment_replaced },
    { "segment-unreadable", "the disk can't read it any more", HF_EDAMAGE, ALL_READERS, LOSES, true,
      segment_unreadable },
    { "entry-torn", "the newest entry of the journal is cut in half", HF_EDAMAGE, NOBODY_WRITES,
      FAULT_NAMES_OBJECT, false, entry_torn },
    { "entry-lost", "the newest entry is lost", HF_EDAMAGE, NOBODY_WRITES, FAULT_NAMES_OBJECT,
      false, entry_lost },
    { "commit-flipped", "a bit flips in the newest snapshot's entry", HF_EDAMAGE, NOBODY_WRITES,
      FAULT_NAMES_OBJECT, false, commit_flipped },
    { "seal-flipped", "a bit flips in the signature of the newest entry", HF_EDAMAGE, NOBODY_WRITES,
      FAULT_NAMES_OBJECT, false, seal_flipped },
    { "entry-middle-lost", "an entry in the middle is lost", HF_EDAMAGE, FAULT_CHECK,
      FAULT_NAMES_OBJECT, false, middle_lost },
    { "head-lost", "the mark of how far the journal had come is lost", HF_EDAMAGE, NOBODY_WRITES,
      FAULT_NAMES_OBJECT, false, head_lost },
    { "head-damaged", "the mark is not one any more", HF_EDAMAGE, NOBODY_WRITES, FAULT_NAMES_OBJECT,
      false, head_unreadable },
    { "rolled-back", "an older copy of the repository is put in its place", HF_EDAMAGE,
      NOBODY_WRITES, FAULT_NAMES_NOTHING, false, rolled_back },
    { "hint-lost", "the file `holdfast` is lost", HF_EDAMAGE, FAULT_OPEN, FAULT_NAMES_OBJECT, false,
      hint_lost },
    { "hint-flipped", "a bit flips in it", HF_EDAMAGE, FAULT_OPEN, FAULT_NAMES_OBJECT, false,
      hint_flipped },
    { "key-half", "one of the two copies in each key file is damaged", 0,
      FAULT_OPEN | FAULT_RESTORE, FAULT_NAMES_NOTHING, false, key_half },
    { "key-damaged", "both copies in each key file are", HF_EKEY_DAMAGED, FAULT_OPEN,
      FAULT_NAMES_NOTHING, false, key_damaged },
    { "keys-lost", "all key files are lost", HF_EKEY_DAMAGED, FAULT_OPEN, FAULT_NAMES_NOTHING,
      false, keys_lost },
    { "leftovers", "what a killed backup leaves lies about", 0, FAULT_OPEN | ALL_READERS,
      FAULT_NAMES_NOTHING, false, leftovers },
    { "disk-full", "the disk is full while backing up", HF_ENOSPC, FAULT_BACKUP,
      FAULT_NAMES_NOTHING, true, disk_full },
    { "disk-read-only", "writing fails while backing up", HF_EIO, FAULT_BACKUP, FAULT_NAMES_NOTHING,
      true, disk_read_only },
    { "sync-fails", "what was written does not reach the disk", HF_EIO, FAULT_BACKUP,
      FAULT_NAMES_NOTHING, true, sync_fails },
};
const size_t drill_fault_rows = sizeof drill_fault_table / sizeof drill_fault_table[0];
