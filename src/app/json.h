/*
 * json.h - JSON as it is written: no tree, only commas, nesting and escapes kept right.
 *
 * Members of an object are given with their key, elements of an array with key NULL. Each complete
 * top-level value ends with a newline, so a run of them is JSON lines. Text is UTF-8 by force (bad
 * bytes become U+FFFD); names that may be any bytes go through json_name, which adds them as base64
 * beside the lossy text. Errors stay in the out.
 */
#ifndef HF_APP_JSON_H
#define HF_APP_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "app/out.h"

#define JSON_MAX_DEPTH 32

struct json {
    struct out *out;
    unsigned depth;
    uint32_t begun; /* bit d: something stands at depth d already */
};

void json_init(struct json *j, struct out *out);

/* {"schema": "holdfast/NAME/1", ... */
void json_document(struct json *j, const char *name);
void json_object(struct json *j, const char *key);
void json_end_object(struct json *j);
void json_array(struct json *j, const char *key);
void json_end_array(struct json *j);

void json_text(struct json *j, const char *key, const char *text); /* NULL: null */
/* "KEY": text, and "KEY_b64": the bytes, where they are not UTF-8. Members of objects only. */
void json_name(struct json *j, const char *key, const void *data, size_t len);
void json_number(struct json *j, const char *key, uint64_t n);
void json_bool(struct json *j, const char *key, bool value);
void json_null(struct json *j, const char *key);
void json_hex(struct json *j, const char *key, const void *data, size_t len);
void json_time(struct json *j, const char *key, int64_t ns);    /* RFC 3339, UTC, nanoseconds */
void json_seconds(struct json *j, const char *key, int64_t ns); /* 12.345678900 */

#endif
