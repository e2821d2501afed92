/*
 * json.c - see json.h.
 */
#include "app/json.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"

void json_init(struct json *j, struct out *out)
{
    memset(j, 0, sizeof *j);
    j->out = out;
}

static void put_quoted(struct json *j, const void *data, size_t len)
{
    out_put(j->out, "\"", 1);
    out_encoded(j->out, text_put_json, data, len);
    out_put(j->out, "\"", 1);
}

/* What stands before a value: a comma unless it is the first, and its key. */
static void begin_value(struct json *j, const char *key)
{
    uint32_t bit = 1u << j->depth;

    if (j->depth > 0 && (j->begun & bit) != 0) {
        out_put(j->out, ",", 1);
    }
    j->begun |= bit;
    if (key != NULL) {
        put_quoted(j, key, strlen(key));
        out_put(j->out, ":", 1);
    }
}

static void end_value(struct json *j)
{
    if (j->depth == 0) {
        out_put(j->out, "\n", 1);
    }
}

static void open_level(struct json *j, const char *key, const char *bracket)
{
    begin_value(j, key);
    out_text(j->out, bracket);
    assert(j->depth + 1 < JSON_MAX_DEPTH);
    j->depth++;
    j->begun &= ~(1u << j->depth);
}

static void close_level(struct json *j, const char *bracket)
{
    assert(j->depth > 0);
    j->depth--;
    out_text(j->out, bracket);
    end_value(j);
}

void json_document(struct json *j, const char *name)
{
    json_object(j, NULL);
    begin_value(j, "schema");
    out_printf(j->out, "\"holdfast/%s/1\"", name);
}

void json_object(struct json *j, const char *key)
{
    open_level(j, key, "{");
}

void json_end_object(struct json *j)
{
    close_level(j, "}");
}

void json_array(struct json *j, const char *key)
{
    open_level(j, key, "[");
}

void json_end_array(struct json *j)
{
    close_level(j, "]");
}

void json_text(struct json *j, const char *key, const char *text)
{
    if (text == NULL) {
        json_null(j, key);
        return;
    }
    begin_value(j, key);
    put_quoted(j, text, strlen(text));
    end_value(j);
}

static void put_base64(struct json *j, const char *key, const void *data, size_t len)
{
    struct buf b;

    buf_init(&b);
    out_printf(j->out, ",\"%s_b64\":\"", key);
    text_put_base64(&b, data, len);
    if (buf_error(&b) != 0) {
        j->out->pending.error = b.error;
    }
    out_put(j->out, b.data, b.len);
    out_put(j->out, "\"", 1);
    buf_release(&b);
}

void json_name(struct json *j, const char *key, const void *data, size_t len)
{
    begin_value(j, key);
    put_quoted(j, data, len);
    if (!text_is_utf8(data, len)) {
        put_base64(j, key, data, len);
    }
}

void json_number(struct json *j, const char *key, uint64_t n)
{
    begin_value(j, key);
    out_printf(j->out, "%" PRIu64, n);
    end_value(j);
}

void json_bool(struct json *j, const char *key, bool value)
{
    begin_value(j, key);
    out_text(j->out, value ? "true" : "false");
    end_value(j);
}

void json_null(struct json *j, const char *key)
{
    begin_value(j, key);
    out_text(j->out, "null");
    end_value(j);
}

void json_hex(struct json *j, const char *key, const void *data, size_t len)
{
    static const char digits[] = "0123456789abcdef";
    const uint8_t *bytes = data;

    begin_value(j, key);
    out_put(j->out, "\"", 1);
    for (size_t i = 0; i < len; i++) {
        char pair[2] = { digits[bytes[i] >> 4], digits[bytes[i] & 15] };

        out_put(j->out, pair, 2);
    }
    out_put(j->out, "\"", 1);
    end_value(j);
}

void json_time(struct json *j, const char *key, int64_t ns)
{
    char text[TEXT_TIME_BYTES];

    json_text(j, key, text_time_utc(ns, text));
}

void json_seconds(struct json *j, const char *key, int64_t ns)
{
    uint64_t size = ns < 0 ? 0 - (uint64_t)ns : (uint64_t)ns;

    begin_value(j, key);
    out_printf(j->out, "%s%" PRIu64 ".%09" PRIu64, ns < 0 ? "-" : "", size / (uint64_t)NS_PER_S,
               size % (uint64_t)NS_PER_S);
    end_value(j);
}
