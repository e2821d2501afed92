/*
 * evidence.c - the plaintext of EVENT EVIDENCE: see evidence.h.
 *
 * The plaintext is authentic when it comes here, but that proves only that a key holder wrote it:
 * counts are checked against what is left before anything is allocated for them.
 */
#include "format/evidence.h"

#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "format/commit.h"

#define VERSION 0
#define MAX_SPANS (1u << 20)

static const struct {
    enum evidence_kind kind;
    const char *name;
} kinds[] = {
    { EVIDENCE_SAMPLE, "sample" },   { EVIDENCE_FULL, "full" },       { EVIDENCE_PITR, "pitr" },
    { EVIDENCE_PROBE, "probe" },     { EVIDENCE_LIVE, "live" },       { EVIDENCE_COLD, "cold" },
    { EVIDENCE_FAULT, "fault" },     { EVIDENCE_RUNBOOK, "runbook" }, { EVIDENCE_CHECK, "check" },
    { EVIDENCE_SIGNOFF, "signoff" },
};
#define KINDS (sizeof kinds / sizeof kinds[0])

const char *evidence_kind_name(enum evidence_kind kind)
{
    for (size_t i = 0; i < KINDS; i++) {
        if (kinds[i].kind == kind) {
            return kinds[i].name;
        }
    }
    return "unknown";
}

enum evidence_kind evidence_kind_parse(const char *name)
{
    for (size_t i = 0; i < KINDS; i++) {
        if (strcmp(kinds[i].name, name) == 0) {
            return kinds[i].kind;
        }
    }
    return (enum evidence_kind)0;
}

bool evidence_is_drill(enum evidence_kind kind)
{
    return kind >= EVIDENCE_SAMPLE && kind <= EVIDENCE_RUNBOOK;
}

/* --- memory --- */

void evidence_init(struct evidence *e)
{
    memset(e, 0, sizeof *e);
}

static void free_texts(struct evidence_text *texts, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        mem_free(texts[i].name);
        mem_free(texts[i].value);
    }
    mem_free(texts);
}

void evidence_release(struct evidence *e)
{
    mem_free(e->host);
    mem_free(e->user);
    mem_free(e->tool);
    for (size_t i = 0; i < e->number_count; i++) {
        mem_free(e->numbers[i].name);
    }
    mem_free(e->numbers);
    free_texts(e->texts, e->text_count);
    free_texts(e->mismatches, e->mismatch_count);
    mem_free(e->verified);
    evidence_init(e);
}

/* Room for one more in a list that only grows: its capacity is the next power of two. */
static int make_room(void *list, size_t count, size_t item_bytes)
{
    size_t cap = count;

    if ((count & (count - 1)) != 0) {
        return 0; /* the power of two above holds one more */
    }
    return mem_grow(list, &cap, count == 0 ? 1 : 2 * count, item_bytes);
}

static int copy_text(const char *text, char **out)
{
    char *copy = mem_strdup(text ? text : "");

    if (copy == NULL) {
        return err_nomem();
    }
    mem_free(*out);
    *out = copy;
    return 0;
}

int evidence_set_origin(struct evidence *e, const char *host, const char *user, const char *tool)
{
    int rc = copy_text(host, &e->host);

    if (rc == 0) {
        rc = copy_text(user, &e->user);
    }
    return rc == 0 ? copy_text(tool, &e->tool) : rc;
}

static int add_text(struct evidence_text **list, size_t *count, const char *name, const char *value)
{
    struct evidence_text t = { 0 };
    int rc = make_room(list, *count, sizeof t);

    if (rc == 0) {
        rc = copy_text(name, &t.name);
    }
    if (rc == 0) {
        rc = copy_text(value, &t.value);
    }
    if (rc != 0) {
        mem_free(t.name);
        return rc;
    }
    (*list)[(*count)++] = t;
    return 0;
}

int evidence_add_number(struct evidence *e, const char *name, int64_t value)
{
    struct evidence_number n = { .value = value };
    int rc = make_room(&e->numbers, e->number_count, sizeof n);

    if (rc == 0) {
        rc = copy_text(name, &n.name);
    }
    if (rc == 0) {
        e->numbers[e->number_count++] = n;
    }
    return rc;
}

int evidence_add_text(struct evidence *e, const char *name, const char *value)
{
    return add_text(&e->texts, &e->text_count, name, value);
}

int evidence_add_mismatch(struct evidence *e, const char *what, const char *why)
{
    e->mismatch_total++;
    if (e->mismatch_count >= EVIDENCE_MAX_MISMATCHES) {
        return 0;
    }
    return add_text(&e->mismatches, &e->mismatch_count, what, why);
}

int evidence_add_verified(struct evidence *e, uint32_t ordinal)
{
    struct evidence_span *last = e->verified_count > 0 ? &e->verified[e->verified_count - 1] : NULL;
    int rc;

    if (last != NULL && last->first + last->count == ordinal) {
        last->count++;
        return 0;
    }
    rc = make_room(&e->verified, e->verified_count, sizeof *e->verified);
    if (rc == 0) {
        e->verified[e->verified_count++] = (struct evidence_span){ ordinal, 1 };
    }
    return rc;
}

bool evidence_number(const struct evidence *e, const char *name, int64_t *out)
{
    for (size_t i = 0; i < e->number_count; i++) {
        if (strcmp(e->numbers[i].name, name) == 0) {
            *out = e->numbers[i].value;
            return true;
        }
    }
    return false;
}

const char *evidence_text(const struct evidence *e, const char *name)
{
    for (size_t i = 0; i < e->text_count; i++) {
        if (strcmp(e->texts[i].name, name) == 0) {
            return e->texts[i].value;
        }
    }
    return NULL;
}

/* --- encoding --- */

static int put_text(struct buf *out, const char *text)
{
    if (text != NULL && strlen(text) > COMMIT_MAX_TEXT) {
        return err_raise(HF_ELIMIT, "evidence: a text is longer than 1 MiB");
    }
    buf_put_text(out, text);
    return 0;
}

static int put_texts(struct buf *out, const struct evidence_text *texts, size_t count)
{
    int rc = 0;

    buf_put_varint(out, count);
    for (size_t i = 0; rc == 0 && i < count; i++) {
        rc = put_text(out, texts[i].name);
        if (rc == 0) {
            rc = put_text(out, texts[i].value);
        }
    }
    return rc;
}

static int put_numbers(struct buf *out, const struct evidence *e)
{
    int rc = 0;

    buf_put_varint(out, e->number_count);
    for (size_t i = 0; rc == 0 && i < e->number_count; i++) {
        rc = put_text(out, e->numbers[i].name);
        buf_put_svarint(out, e->numbers[i].value);
    }
    return rc;
}

/* Each span by its distance from the end of the one before. */
static void put_spans(struct buf *out, const struct evidence *e)
{
    uint32_t end = 0;

    buf_put_varint(out, e->verified_count);
    for (size_t i = 0; i < e->verified_count; i++) {
        buf_put_varint(out, e->verified[i].first - end);
        buf_put_varint(out, e->verified[i].count);
        end = e->verified[i].first + e->verified[i].count;
    }
}

int evidence_encode(const struct evidence *e, struct buf *out)
{
    int rc;

    if (e->number_count > EVIDENCE_MAX_FACTS || e->text_count > EVIDENCE_MAX_FACTS ||
        e->verified_count > MAX_SPANS) {
        return err_raise(HF_ELIMIT, "evidence: it has too many facts");
    }
    buf_put_u8(out, VERSION);
    buf_put_u8(out, (uint8_t)e->kind);
    buf_put_u8(out, e->passed);
    buf_put_i64(out, e->begin_ns);
    buf_put_i64(out, e->end_ns);
    buf_put_u64(out, e->seed);
    buf_put(out, e->snapshot, sizeof e->snapshot);
    buf_put(out, e->key, sizeof e->key);
    buf_put(out, e->tool_hash, sizeof e->tool_hash);
    buf_put(out, e->policy_hash, sizeof e->policy_hash);
    rc = put_text(out, e->host);
    if (rc == 0) {
        rc = put_text(out, e->user);
    }
    if (rc == 0) {
        rc = put_text(out, e->tool);
    }
    if (rc == 0) {
        rc = put_numbers(out, e);
    }
    if (rc == 0) {
        rc = put_texts(out, e->texts, e->text_count);
    }
    if (rc == 0) {
        put_spans(out, e);
        buf_put_varint(out, e->mismatch_total);
        rc = put_texts(out, e->mismatches, e->mismatch_count);
    }
    return rc == 0 ? buf_error(out) : rc;
}

/* --- decoding --- */

static int damaged(const struct cursor *in, const char *what)
{
    return err_raise(HF_EDAMAGE, "evidence: %s (offset %zu)", what, in->pos);
}

static int get_text(struct cursor *in, char **out)
{
    *out = cursor_text(in, COMMIT_MAX_TEXT);
    if (*out != NULL) {
        return 0;
    }
    return cursor_failed(in) ? damaged(in, "a text does not end, is too long or has a zero byte")
                             : HF_ENOMEM;
}

static int get_count(struct cursor *in, size_t max, size_t *out)
{
    uint64_t n = cursor_varint(in);

    if (cursor_failed(in) || n > max) {
        return damaged(in, "a list is cut short, or too long");
    }
    *out = (size_t)n;
    return 0;
}

static int get_numbers(struct cursor *in, struct evidence *e)
{
    size_t count = 0;
    int rc = get_count(in, EVIDENCE_MAX_FACTS, &count);

    for (size_t i = 0; rc == 0 && i < count; i++) {
        rc = make_room(&e->numbers, e->number_count, sizeof *e->numbers);
        if (rc == 0) {
            e->numbers[e->number_count] = (struct evidence_number){ 0 };
            rc = get_text(in, &e->numbers[e->number_count++].name);
        }
        if (rc == 0) {
            e->numbers[i].value = cursor_svarint(in);
        }
    }
    return rc;
}

static int get_texts(struct cursor *in, size_t max, struct evidence_text **list, size_t *out_count)
{
    size_t count = 0;
    int rc = get_count(in, max, &count);

    for (size_t i = 0; rc == 0 && i < count; i++) {
        rc = make_room(list, *out_count, sizeof **list);
        if (rc == 0) {
            (*list)[*out_count] = (struct evidence_text){ 0 };
            rc = get_text(in, &(*list)[(*out_count)++].name);
        }
        if (rc == 0) {
            rc = get_text(in, &(*list)[i].value);
        }
    }
    return rc;
}

static int get_spans(struct cursor *in, struct evidence *e)
{
    uint64_t end = 0;
    size_t count = 0;
    int rc = get_count(in, MAX_SPANS, &count);

    for (size_t i = 0; rc == 0 && i < count; i++) {
        uint64_t skip = cursor_varint(in), n = cursor_varint(in);

        if (cursor_failed(in) || n == 0 || n > UINT32_MAX || skip > UINT32_MAX ||
            (i > 0 && skip == 0) || end + skip + n > UINT32_MAX) {
            return damaged(in, "a span of segments is none");
        }
        rc = make_room(&e->verified, e->verified_count, sizeof *e->verified);
        if (rc == 0) {
            e->verified[e->verified_count++] = (struct evidence_span){ (uint32_t)(end + skip),
                                                                       (uint32_t)n };
            end += skip + n;
        }
    }
    return rc;
}

static int get_head(struct cursor *in, struct evidence *e)
{
    unsigned version = cursor_u8(in), kind = cursor_u8(in), passed = cursor_u8(in);

    if (cursor_failed(in) || kind == 0) {
        return damaged(in, "it is cut short, or of no kind");
    }
    if (version != VERSION) {
        err_raise(HF_ENEWER, "evidence: its version %u is not known", version);
        return err_hint("install a newer holdfast");
    }
    if (passed > 1) {
        return damaged(in, "it neither passed nor failed");
    }
    e->kind = (enum evidence_kind)kind;
    e->passed = passed == 1;
    e->begin_ns = cursor_i64(in);
    e->end_ns = cursor_i64(in);
    e->seed = cursor_u64(in);
    cursor_copy(in, e->snapshot, sizeof e->snapshot);
    cursor_copy(in, e->key, sizeof e->key);
    cursor_copy(in, e->tool_hash, sizeof e->tool_hash);
    cursor_copy(in, e->policy_hash, sizeof e->policy_hash);
    return cursor_failed(in) ? damaged(in, "it is cut short") : 0;
}

static int get_all(struct cursor *in, struct evidence *e)
{
    int rc = get_head(in, e);

    if (rc == 0) {
        rc = get_text(in, &e->host);
    }
    if (rc == 0) {
        rc = get_text(in, &e->user);
    }
    if (rc == 0) {
        rc = get_text(in, &e->tool);
    }
    if (rc == 0) {
        rc = get_numbers(in, e);
    }
    if (rc == 0) {
        rc = get_texts(in, EVIDENCE_MAX_FACTS, &e->texts, &e->text_count);
    }
    if (rc == 0) {
        rc = get_spans(in, e);
    }
    if (rc == 0) {
        e->mismatch_total = cursor_varint(in);
        rc = get_texts(in, EVIDENCE_MAX_MISMATCHES, &e->mismatches, &e->mismatch_count);
    }
    if (rc == 0 && e->mismatch_total < e->mismatch_count) {
        rc = damaged(in, "it counts fewer mismatches than it names");
    }
    if (rc == 0 && !cursor_done(in)) {
        rc = damaged(in, "something follows its end");
    }
    return rc;
}

int evidence_decode(const void *plain, size_t len, struct evidence *out)
{
    struct cursor in;
    int rc;

    evidence_init(out);
    cursor_init(&in, plain, len);
    rc = get_all(&in, out);
    if (rc != 0) {
        evidence_release(out);
    }
    return rc;
}
