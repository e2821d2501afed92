/*
 * selector.c - parsing of selectors: a table of words before a colon, and three forms without one.
 */
#include "engine/selector.h"

#include <stdbool.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"
#include "engine/source_dir.h"

#define SELECTOR_FORMS                                                                             \
    "latest, latest~N, an id of 6 or more digits, at:TIME, before:TIME, #NUMBER, "                 \
    "tag:T, job:J, host:H or path:P"

static const char *const field_names[SELECTOR_FIELDS] = {
    [SELECTOR_TAG] = "tag",
    [SELECTOR_JOB] = "job",
    [SELECTOR_HOST] = "host",
    [SELECTOR_PATH] = "path",
};

const char *selector_field_name(enum selector_field field)
{
    return field_names[field];
}

static void start_asked(struct buf *b, const struct selector *s)
{
    if (strcmp(s->asked, "all") != 0) {
        buf_put(b, s->asked, strlen(s->asked));
        buf_put_u8(b, ',');
    }
}

/* Adds "WORD:VALUE" to what the user asked for. */
static int note_asked(struct selector *s, const char *word, const char *value)
{
    struct buf b;

    buf_init(&b);
    start_asked(&b, s);
    buf_printf(&b, "%s:%s", word, value);
    buf_put_u8(&b, 0);
    if (buf_error(&b) != 0) {
        buf_release(&b);
        return err_nomem();
    }
    mem_free(s->asked);
    s->asked = (char *)buf_take(&b, NULL);
    return 0;
}

/* Paths become what snapshots hold: absolute, and without what changes nothing. */
static int copy_value(enum selector_field field, const char *value, char **out_copy)
{
    if (field == SELECTOR_PATH) {
        return source_dir_clean(value, out_copy);
    }
    *out_copy = mem_strdup(value);
    return *out_copy == NULL ? err_nomem() : 0;
}

static int append_filter(struct selector *s, enum selector_field field, const char *value)
{
    size_t capacity = s->filter_count;
    char *copy;
    int rc;

    if (value[0] == '\0') {
        return err_raise(HF_EUSAGE, "the %s to look for is empty", field_names[field]);
    }
    rc = mem_grow(&s->filters, &capacity, s->filter_count + 1, sizeof *s->filters);
    if (rc != 0) {
        return err_nomem();
    }
    rc = copy_value(field, value, &copy);
    if (rc != 0) {
        return rc;
    }
    s->filters[s->filter_count].field = field;
    s->filters[s->filter_count].value = copy;
    s->filter_count++;
    return 0;
}

/* A second position is refused: nobody could say which of the two is meant. */
static int claim_position(struct selector *s, enum selector_position position)
{
    if (s->position != SELECTOR_ALL) {
        return err_raise(HF_EUSAGE, "\"%s\" already names a position; only one is possible",
                         s->asked);
    }
    s->position = position;
    return 0;
}

/*
 * A well-formed time in a year that nanoseconds since 1970 do not reach is as far away as can be
 * said: it is before the first point or in the future, and no less a time for that.
 */
static bool is_far_time(const char *text, int64_t now_ns, int64_t *out_ns)
{
    bool dated = strspn(text, "0123456789") == 4 && text[4] == '-';
    bool far = false;
    char *copy;

    /* Within reach a time is refused for what it is: clocks never showed it, or showed it twice. */
    if (!dated || (strncmp(text, "1677", 4) > 0 && strncmp(text, "2262", 4) < 0)) {
        return false;
    }
    copy = mem_strdup(text);
    if (copy != NULL) {
        memcpy(copy, "2000", 4);
        far = text_parse_time(copy, now_ns, out_ns) == 0;
        *out_ns = strncmp(text, "2000", 4) > 0 ? INT64_MAX : INT64_MIN;
    }
    mem_free(copy);
    return far;
}

static int parse_time(const char *text, int64_t now_ns, int64_t *out_ns)
{
    struct err_trail trail;
    int rc = text_parse_time(text, now_ns, out_ns);

    if (rc != HF_EUSAGE) {
        return rc;
    }
    err_take(&trail);
    if (is_far_time(text, now_ns, out_ns)) {
        err_clear();
        return 0;
    }
    err_give(&trail);
    return rc;
}

static int take_time(struct selector *s, enum selector_position position, const char *text,
                     int64_t now_ns)
{
    int rc = claim_position(s, position);

    return rc != 0 ? rc : parse_time(text, now_ns, &s->time_ns);
}

static int take_latest(struct selector *s, const char *rest)
{
    int rc = claim_position(s, SELECTOR_LATEST);

    if (rc != 0 || rest[0] == '\0') {
        return rc;
    }
    return text_parse_u64(rest + 1, UINT32_MAX, &s->n);
}

static int take_id(struct selector *s, const char *digits, size_t len)
{
    int rc = claim_position(s, SELECTOR_ID);

    if (rc != 0) {
        return rc;
    }
    if (len < SELECTOR_ID_MIN || len > SELECTOR_ID_MAX) {
        return err_raise(HF_EUSAGE, "the id \"%s\" has %zu digits, and %d to %d are needed", digits,
                         len, SELECTOR_ID_MIN, SELECTOR_ID_MAX);
    }
    for (size_t i = 0; i < len; i++) {
        char c = digits[i];

        s->id[i] = c >= 'A' && c <= 'F' ? (char)(c - 'A' + 'a') : c;
    }
    s->id[len] = '\0';
    return 0;
}

static int unknown_part(const char *part)
{
    err_raise(HF_EUSAGE, "\"%s\" does not name a snapshot", part);
    err_hint("a selector is one or more of %s, joined by commas", SELECTOR_FORMS);
    return HF_EUSAGE;
}

/* WORD:VALUE. */
static int take_pair(struct selector *s, const char *part, const char *colon, int64_t now_ns)
{
    size_t len = (size_t)(colon - part);

    if (len == 2 && memcmp(part, "at", len) == 0) {
        return take_time(s, SELECTOR_AT, colon + 1, now_ns);
    }
    if (len == 6 && memcmp(part, "before", len) == 0) {
        return take_time(s, SELECTOR_BEFORE, colon + 1, now_ns);
    }
    for (int f = 0; f < SELECTOR_FIELDS; f++) {
        if (strlen(field_names[f]) == len && memcmp(part, field_names[f], len) == 0) {
            return append_filter(s, (enum selector_field)f, colon + 1);
        }
    }
    return unknown_part(part);
}

static int take_part(struct selector *s, const char *part, int64_t now_ns)
{
    const char *colon = strchr(part, ':');
    size_t hex = strspn(part, "0123456789abcdefABCDEF");

    if (colon != NULL) {
        return take_pair(s, part, colon, now_ns);
    }
    if (strncmp(part, "latest", 6) == 0 && (part[6] == '\0' || part[6] == '~')) {
        return take_latest(s, part + 6);
    }
    if (part[0] == '#') {
        int rc = claim_position(s, SELECTOR_NUMBER);

        return rc != 0 ? rc : text_parse_u64(part + 1, UINT64_MAX, &s->n);
    }
    if (hex > 0 && part[hex] == '\0') {
        return take_id(s, part, hex);
    }
    return unknown_part(part);
}

int selector_init(struct selector *out)
{
    memset(out, 0, sizeof *out);
    out->asked = mem_strdup("all");
    return out->asked == NULL ? err_nomem() : 0;
}

void selector_release(struct selector *s)
{
    for (size_t i = 0; i < s->filter_count; i++) {
        mem_free(s->filters[i].value);
    }
    mem_free(s->filters);
    mem_free(s->asked);
    memset(s, 0, sizeof *s);
}

/* Splits `copy` at its commas and takes each part. */
static int take_parts(struct selector *s, char *copy, int64_t now_ns)
{
    char *part = copy;
    int rc = 0;

    while (rc == 0 && part != NULL) {
        char *comma = strchr(part, ',');

        if (comma != NULL) {
            *comma = '\0';
        }
        rc = take_part(s, part, now_ns);
        part = comma == NULL ? NULL : comma + 1;
    }
    return rc;
}

int selector_parse(const char *text, int64_t now_ns, struct selector *out)
{
    char *copy = mem_strdup(text);
    int rc = 0;

    memset(out, 0, sizeof *out);
    out->asked = mem_strdup(text);
    if (copy == NULL || out->asked == NULL) {
        rc = err_nomem();
    }
    if (rc == 0) {
        rc = take_parts(out, copy, now_ns);
    }
    mem_free(copy);
    if (rc != 0) {
        selector_release(out);
    }
    return rc;
}

int selector_add_filter(struct selector *s, enum selector_field field, const char *value)
{
    int rc = append_filter(s, field, value);

    return rc != 0 ? rc : note_asked(s, field_names[field], value);
}

int selector_set_at(struct selector *s, const char *time_text, int64_t now_ns)
{
    int rc = take_time(s, SELECTOR_AT, time_text, now_ns);

    return rc != 0 ? rc : note_asked(s, "at", time_text);
}
