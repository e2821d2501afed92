/*
 * commit.c - the plaintext of COMMIT, PARTIAL and EVENT TAG: see commit.h.
 *
 * The plaintext is authentic when it comes here, but that proves only that a key holder wrote it:
 * every length and count is checked against what is left before anything is allocated for it.
 */
#include "format/commit.h"

#include <inttypes.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"

#define VERSION 0
#define ALL_FLAGS (COMMIT_COMPLETE | COMMIT_ASSERTED | COMMIT_IMPORTED | COMMIT_CLOSES_GAPS)

/* The counts in the order in which they are stored. */
static const size_t count_places[] = {
    offsetof(struct commit_counts, files),
    offsetof(struct commit_counts, dirs),
    offsetof(struct commit_counts, others),
    offsetof(struct commit_counts, bytes),
    offsetof(struct commit_counts, files_new),
    offsetof(struct commit_counts, files_changed),
    offsetof(struct commit_counts, files_unmodified),
    offsetof(struct commit_counts, bytes_new),
    offsetof(struct commit_counts, bytes_stored),
    offsetof(struct commit_counts, errors),
    offsetof(struct commit_counts, unstable),
};
#define COUNTS (sizeof count_places / sizeof count_places[0])

const char *commit_class_name(enum commit_class class)
{
    switch (class) {
    case COMMIT_FUZZY:
        return "fuzzy";
    case COMMIT_CRASH:
        return "crash";
    case COMMIT_APP:
        return "app";
    }
    return "unknown";
}

/* --- writing --- */

static int put_text(struct buf *out, const char *text, const char *name)
{
    if (text != NULL && strlen(text) > COMMIT_MAX_TEXT) {
        return err_raise(HF_ELIMIT, "commit: %s is longer than 1 MiB", name);
    }
    buf_put_text(out, text);
    return 0;
}

static int put_list(struct buf *out, char *const *texts, size_t count, const char *name)
{
    int rc = 0;

    if (count > COMMIT_MAX_LIST) {
        return err_raise(HF_ELIMIT, "commit: %zu %s are too many (at most %u)", count, name,
                         COMMIT_MAX_LIST);
    }
    buf_put_varint(out, count);
    for (size_t i = 0; rc == 0 && i < count; i++) {
        rc = put_text(out, texts[i], name);
    }
    return rc;
}

static void put_numbers(struct buf *out, const struct commit *c)
{
    buf_put_i64(out, c->begin_ns);
    buf_put_i64(out, c->end_ns);
    buf_put(out, c->parent, sizeof c->parent);
    buf_put(out, c->root, sizeof c->root);
    for (size_t i = 0; i < COUNTS; i++) {
        uint64_t n;

        memcpy(&n, (const char *)&c->counts + count_places[i], sizeof n);
        buf_put_varint(out, n);
    }
}

int commit_encode(const struct commit *c, struct buf *out)
{
    int rc;

    buf_put_u8(out, VERSION);
    buf_put_u8(out, (uint8_t)c->class);
    buf_put_u8(out, c->flags);
    rc = put_text(out, c->job, "job");
    if (rc == 0) {
        rc = put_text(out, c->host, "host");
    }
    if (rc == 0) {
        rc = put_text(out, c->user, "user");
    }
    if (rc == 0) {
        rc = put_list(out, c->paths, c->path_count, "paths");
    }
    if (rc == 0) {
        rc = put_list(out, c->tags, c->tag_count, "tags");
    }
    if (rc != 0) {
        return rc;
    }
    put_numbers(out, c);
    rc = put_text(out, c->tool, "tool version");
    return rc != 0 ? rc : buf_error(out);
}

/* --- reading --- */

static int damaged(size_t at, const char *name, const char *why)
{
    return err_raise(HF_EDAMAGE, "commit: %s %s (offset %zu)", name, why, at);
}

static int newer(size_t at, const char *name, unsigned value)
{
    err_raise(HF_ENEWER, "commit: %s %u is one that this program does not know (offset %zu)", name,
              value, at);
    err_hint("install a newer holdfast");
    return HF_ENEWER;
}

static int get_text(struct cursor *c, const char *name, char **out_text)
{
    size_t at = c->pos;
    size_t len = 0;
    const uint8_t *bytes = cursor_bytes(c, COMMIT_MAX_TEXT, &len);
    char *text;

    if (cursor_failed(c)) {
        return damaged(at, name, "does not end, or is too long");
    }
    if (len > 0 && memchr(bytes, 0, len) != NULL) {
        return damaged(at, name, "contains a zero byte");
    }
    text = mem_alloc(len + 1);
    if (text == NULL) {
        return err_nomem();
    }
    if (len > 0) {
        memcpy(text, bytes, len);
    }
    text[len] = 0;
    *out_text = text;
    return 0;
}

static void free_list(char **texts, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        mem_free(texts[i]);
    }
    mem_free(texts);
}

static int get_list(struct cursor *c, const char *name, char ***out_texts, size_t *out_count)
{
    size_t at = c->pos;
    uint64_t count = cursor_varint(c);
    char **texts;

    if (cursor_failed(c) || count > COMMIT_MAX_LIST || count > cursor_left(c)) {
        return damaged(at, name, "are more than there can be");
    }
    texts = mem_array((size_t)count, sizeof *texts);
    if (texts == NULL) {
        return err_nomem();
    }
    for (size_t i = 0; i < count; i++) {
        int rc = get_text(c, name, &texts[i]);

        if (rc != 0) {
            free_list(texts, (size_t)count);
            return rc;
        }
    }
    *out_texts = texts;
    *out_count = (size_t)count;
    return 0;
}

static int get_head(struct cursor *c, struct commit *out)
{
    uint8_t version = cursor_u8(c);
    uint8_t class = cursor_u8(c);

    out->flags = cursor_u8(c);
    if (cursor_failed(c)) {
        return damaged(0, "head", "is cut off");
    }
    if (version != VERSION) {
        return newer(0, "version", version);
    }
    if (class > COMMIT_APP) {
        return newer(1, "class", class);
    }
    if ((out->flags & ~ALL_FLAGS) != 0) {
        return newer(2, "flags", out->flags);
    }
    out->class = (enum commit_class) class;
    return 0;
}

static int get_numbers(struct cursor *c, struct commit *out)
{
    size_t at = c->pos;

    out->begin_ns = cursor_i64(c);
    out->end_ns = cursor_i64(c);
    cursor_copy(c, out->parent, sizeof out->parent);
    cursor_copy(c, out->root, sizeof out->root);
    for (size_t i = 0; i < COUNTS; i++) {
        uint64_t n = cursor_varint(c);

        memcpy((char *)&out->counts + count_places[i], &n, sizeof n);
    }
    return cursor_failed(c) ? damaged(at, "times, roots and counts", "are cut off or not canonical")
                            : 0;
}

static int get_all(struct cursor *c, struct commit *out)
{
    int rc = get_head(c, out);

    if (rc == 0) {
        rc = get_text(c, "job", &out->job);
    }
    if (rc == 0) {
        rc = get_text(c, "host", &out->host);
    }
    if (rc == 0) {
        rc = get_text(c, "user", &out->user);
    }
    if (rc == 0) {
        rc = get_list(c, "paths", &out->paths, &out->path_count);
    }
    if (rc == 0) {
        rc = get_list(c, "tags", &out->tags, &out->tag_count);
    }
    if (rc == 0) {
        rc = get_numbers(c, out);
    }
    if (rc == 0) {
        rc = get_text(c, "tool version", &out->tool);
    }
    if (rc == 0 && !cursor_done(c)) {
        rc = damaged(c->pos, "end", "is not where it must be");
    }
    return rc;
}

int commit_decode(const void *plain, size_t len, struct commit *out)
{
    struct cursor c;
    int rc;

    memset(out, 0, sizeof *out);
    cursor_init(&c, plain, len);
    rc = get_all(&c, out);
    if (rc != 0) {
        commit_release(out);
    }
    return rc;
}

/* --- copies --- */

static int copy_text(const char *from, char **out)
{
    *out = mem_strdup(from == NULL ? "" : from);
    return *out == NULL ? err_nomem() : 0;
}

static int copy_list(char *const *from, size_t count, char ***out, size_t *out_count)
{
    char **texts = mem_array(count, sizeof *texts);

    if (texts == NULL) {
        return err_nomem();
    }
    for (size_t i = 0; i < count; i++) {
        int rc = copy_text(from[i], &texts[i]);

        if (rc != 0) {
            free_list(texts, count);
            return rc;
        }
    }
    *out = texts;
    *out_count = count;
    return 0;
}

static int copy_all(const struct commit *from, struct commit *out)
{
    int rc = copy_text(from->job, &out->job);

    if (rc == 0) {
        rc = copy_text(from->host, &out->host);
    }
    if (rc == 0) {
        rc = copy_text(from->user, &out->user);
    }
    if (rc == 0) {
        rc = copy_text(from->tool, &out->tool);
    }
    if (rc == 0) {
        rc = copy_list(from->paths, from->path_count, &out->paths, &out->path_count);
    }
    if (rc == 0) {
        rc = copy_list(from->tags, from->tag_count, &out->tags, &out->tag_count);
    }
    return rc;
}

int commit_copy(const struct commit *from, struct commit *out)
{
    int rc;

    *out = *from;
    out->job = out->host = out->user = out->tool = NULL;
    out->paths = out->tags = NULL;
    out->path_count = out->tag_count = 0;
    rc = copy_all(from, out);
    if (rc != 0) {
        commit_release(out);
    }
    return rc;
}

void commit_release(struct commit *c)
{
    mem_free(c->job);
    mem_free(c->host);
    mem_free(c->user);
    mem_free(c->tool);
    free_list(c->paths, c->path_count);
    free_list(c->tags, c->tag_count);
    memset(c, 0, sizeof *c);
}

int commit_set_tags(struct commit *c, char *const *tags, size_t count)
{
    char **copies = NULL;
    size_t copied = 0;
    int rc = copy_list(tags, count, &copies, &copied);

    if (rc != 0) {
        return rc;
    }
    free_list(c->tags, c->tag_count);
    c->tags = copies;
    c->tag_count = copied;
    return 0;
}

/* --- EVENT TAG --- */

int commit_tags_encode(const uint8_t commit[16], char *const *tags, size_t count, struct buf *out)
{
    int rc;

    buf_put(out, commit, 16);
    rc = put_list(out, tags, count, "tags");
    return rc != 0 ? rc : buf_error(out);
}

int commit_tags_decode(const void *plain, size_t len, uint8_t out_commit[16], struct commit *c)
{
    struct cursor cursor;
    char **tags = NULL;
    size_t count = 0;
    int rc;

    cursor_init(&cursor, plain, len);
    cursor_copy(&cursor, out_commit, 16);
    rc = get_list(&cursor, "tags", &tags, &count);
    if (rc != 0) {
        return rc;
    }
    if (!cursor_done(&cursor)) {
        free_list(tags, count);
        return damaged(cursor.pos, "end", "of a change of tags is not where it must be");
    }
    free_list(c->tags, c->tag_count);
    c->tags = tags;
    c->tag_count = count;
    return 0;
}
