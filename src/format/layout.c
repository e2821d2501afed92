/*
 * layout.c - tables of fields: see layout.h.
 */
#include "format/layout.h"

#include <inttypes.h>
#include <string.h>

#include "base/err.h"
#include "base/text.h"
#include "format/crc.h"

static uint64_t get_number(const struct layout_field *f, const uint8_t *data)
{
    const uint8_t *p = data + f->at;

    switch (f->size) {
    case 1:
        return p[0];
    case 2:
        return le_get16(p);
    case 4:
        return le_get32(p);
    default:
        return le_get64(p);
    }
}

static bool is_zero(const uint8_t *p, size_t len)
{
    uint8_t any = 0;

    for (size_t i = 0; i < len; i++) {
        any = (uint8_t)(any | p[i]);
    }
    return any == 0;
}

static struct verdict judge(const struct layout *l, const struct layout_field *f,
                            const uint8_t *data)
{
    const uint8_t *p = data + f->at;

    switch (f->kind) {
    case LAYOUT_MAGIC:
        return verdict_of(memcmp(p, l->magic, f->size) == 0, "is not what it must be");
    case LAYOUT_CRC:
        return verdict_of(le_get32(p) == crc_32c(data, f->at), "does not match");
    case LAYOUT_VERSION:
        if (le_get16(p) != 0) {
            return verdict_newer("is one that this program does not know");
        }
        break;
    case LAYOUT_FLAGS:
        if (!is_zero(p, f->size)) {
            return verdict_newer("say something that this program does not know");
        }
        break;
    case LAYOUT_ZERO:
        return verdict_of(is_zero(p, f->size), "is not zero");
    case LAYOUT_NUMBER:
    case LAYOUT_UNITS:
    case LAYOUT_TIME:
    case LAYOUT_HEX:
        break;
    }
    return f->check != NULL ? f->check(data) : verdict_fine();
}

static int raise_field(const struct layout *l, const struct layout_field *f, struct verdict v)
{
    int rc = err_raise(v.code, "%s: %s %s (offset %u)", l->what, f->name, v.why, (unsigned)f->at);

    if (rc == HF_ENEWER) {
        err_hint("install a newer holdfast");
    }
    return rc;
}

int layout_raise(const struct layout *l, int code, size_t at, const char *text)
{
    return err_raise(code, "%s: %s (offset %zu)", l->what, text, at);
}

static bool is_frame(const struct layout_field *f)
{
    return f->kind == LAYOUT_MAGIC || f->kind == LAYOUT_CRC;
}

int layout_check(const struct layout *l, const void *data, size_t len)
{
    if (len < l->size) {
        return err_raise(HF_EDAMAGE, "%s: %zu bytes where %zu belong", l->what, len, l->size);
    }
    for (int pass = 0; pass < 2; pass++) {
        for (size_t i = 0; i < l->count; i++) {
            const struct layout_field *f = &l->fields[i];
            struct verdict v;

            if (is_frame(f) != (pass == 0)) {
                continue;
            }
            v = judge(l, f, data);
            if (v.code != 0) {
                return raise_field(l, f, v);
            }
        }
    }
    return 0;
}

static void describe_number(const struct layout_field *f, const uint8_t *data, uint64_t offset,
                            struct verdict v, struct describe *d)
{
    uint64_t value = get_number(f, data);
    char size[TEXT_SIZE_BYTES];

    if (f->kind == LAYOUT_UNITS) {
        describe_field(d, offset, f->name, v, "%" PRIu64 " (%" PRIu64 " x 8)", value * 8, value);
    } else if (f->meaning != NULL) {
        describe_field(d, offset, f->name, v, "%" PRIu64 " (%s)", value, f->meaning(value));
    } else if (value >= 10000) {
        describe_field(d, offset, f->name, v, "%" PRIu64 " (%s)", value, text_count(value, size));
    } else {
        describe_field(d, offset, f->name, v, "%" PRIu64, value);
    }
}

static void describe_one(const struct layout_field *f, const uint8_t *data, uint64_t offset,
                         struct verdict v, struct describe *d)
{
    const uint8_t *p = data + f->at;
    char time[TEXT_TIME_BYTES];

    switch (f->kind) {
    case LAYOUT_MAGIC:
        if (v.code == 0) {
            describe_text(d, offset, f->name, p, f->size);
        } else {
            describe_hex(d, offset, f->name, v, p, f->size);
        }
        break;
    case LAYOUT_CRC:
        describe_field(d, offset, f->name, v, "%08" PRIx32, le_get32(p));
        break;
    case LAYOUT_ZERO:
        if (v.code == 0) {
            describe_field(d, offset, f->name, v, "%u bytes of zeros", (unsigned)f->size);
        } else {
            describe_hex(d, offset, f->name, v, p, f->size);
        }
        break;
    case LAYOUT_HEX:
        describe_hex(d, offset, f->name, v, p, f->size);
        break;
    case LAYOUT_TIME:
        describe_field(d, offset, f->name, v, "%s", text_time_utc((int64_t)le_get64(p), time));
        break;
    case LAYOUT_VERSION:
    case LAYOUT_FLAGS:
    case LAYOUT_NUMBER:
    case LAYOUT_UNITS:
        describe_number(f, data, offset, v, d);
        break;
    }
}

void layout_describe(const struct layout *l, const uint8_t *data, uint64_t offset,
                     struct describe *d)
{
    for (size_t i = 0; i < l->count; i++) {
        const struct layout_field *f = &l->fields[i];

        describe_one(f, data, offset + f->at, judge(l, f, data), d);
    }
}

void layout_finish(const struct layout *l, uint8_t *data)
{
    for (size_t i = 0; i < l->count; i++) {
        const struct layout_field *f = &l->fields[i];

        if (f->kind == LAYOUT_MAGIC) {
            memcpy(data + f->at, l->magic, f->size);
        } else if (f->kind == LAYOUT_CRC) {
            le_put32(data + f->at, crc_32c(data, f->at));
        }
    }
}
