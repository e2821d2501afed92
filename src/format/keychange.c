/*
 * keychange.c - the plaintext of a KEY entry, and the names of the files it speaks of.
 */
#include "format/keychange.h"

#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"

#define VERSION 0
#define MAX_WAYS 1024u
#define MAX_GENERATION 99999999u
#define NAME_CHARACTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"

_Static_assert(KEYCHANGE_NAME_MAX + 10 < KEYCHANGE_FILE_BYTES, "room for a generation");

/* --- names --- */

static size_t name_length(const char *text)
{
    return strspn(text, NAME_CHARACTERS);
}

bool keychange_name_valid(const char *name)
{
    size_t len = name_length(name);

    return len > 0 && len <= KEYCHANGE_NAME_MAX && name[len] == '\0';
}

void keychange_file(const char *name, unsigned generation, char out[KEYCHANGE_FILE_BYTES])
{
    if (generation < 2) {
        snprintf(out, KEYCHANGE_FILE_BYTES, "%s", name);
    } else {
        snprintf(out, KEYCHANGE_FILE_BYTES, "%s.%u", name, generation);
    }
}

/* 2 and above, without leading zeros; 0 if it is none. */
static unsigned parse_generation(const char *text)
{
    unsigned n = 0;

    for (const char *p = text; *p; p++) {
        if (*p < '0' || *p > '9' || n > MAX_GENERATION / 10) {
            return 0;
        }
        n = 10 * n + (unsigned)(*p - '0');
    }
    return text[0] == '0' || n < 2 ? 0 : n;
}

bool keychange_parse_file(const char *file, char out_name[KEYCHANGE_NAME_MAX + 1],
                          unsigned *out_generation)
{
    size_t len = name_length(file);

    if (len == 0 || len > KEYCHANGE_NAME_MAX || (file[len] != '\0' && file[len] != '.')) {
        return false;
    }
    *out_generation = file[len] == '\0' ? 1 : parse_generation(file + len + 1);
    memcpy(out_name, file, len);
    out_name[len] = '\0';
    return *out_generation > 0;
}

const char *keychange_kind_name(enum keychange_kind kind)
{
    switch (kind) {
    case KEYCHANGE_PASSWORD:
        return "password";
    case KEYCHANGE_KEY_FILE:
        return "key file";
    case KEYCHANGE_RECOVERY:
        return "recovery sheet";
    }
    return "unknown";
}

/* --- encoding --- */

static void put_way(struct buf *out, const struct keychange_way *w)
{
    buf_put_text(out, w->file);
    buf_put_u8(out, (uint8_t)w->kind);
    buf_put(out, w->fingerprint, sizeof w->fingerprint);
}

static void put_ways(struct buf *out, const struct keychange_way *ways, size_t count)
{
    buf_put_varint(out, count);
    for (size_t i = 0; i < count; i++) {
        put_way(out, &ways[i]);
    }
}

int keychange_encode(const struct keychange *c, struct buf *out)
{
    if (c->added_count > MAX_WAYS || c->removed_count > MAX_WAYS) {
        return err_raise(HF_ELIMIT, "one change of keys is about %u of them at most", MAX_WAYS);
    }
    buf_put_u8(out, VERSION);
    put_way(out, &c->by);
    put_ways(out, c->added, c->added_count);
    put_ways(out, c->removed, c->removed_count);
    return buf_error(out);
}

/* --- decoding --- */

static int damaged(const struct cursor *in, const char *what)
{
    return err_raise(HF_EDAMAGE, "change of keys: %s (offset %zu)", what, in->pos);
}

static int get_way(struct cursor *in, struct keychange_way *out)
{
    char name[KEYCHANGE_NAME_MAX + 1];
    unsigned generation;
    size_t len = 0;
    const uint8_t *text = cursor_bytes(in, KEYCHANGE_FILE_BYTES - 1, &len);

    memset(out, 0, sizeof *out);
    if (text == NULL) {
        return damaged(in, "the name of a file is cut short");
    }
    memcpy(out->file, text, len);
    if (strlen(out->file) != len || !keychange_parse_file(out->file, name, &generation)) {
        return damaged(in, "no key's file is called so");
    }
    out->kind = (enum keychange_kind)cursor_u8(in);
    cursor_copy(in, out->fingerprint, sizeof out->fingerprint);
    if (cursor_failed(in)) {
        return damaged(in, "a way in is cut short");
    }
    if (out->kind == 0) {
        return damaged(in, "the kind of a way in is 0");
    }
    if (out->kind > KEYCHANGE_RECOVERY) {
        err_raise(HF_ENEWER, "change of keys: a way in is of kind %d, which is not known",
                  (int)out->kind);
        err_hint("install a newer holdfast");
        return HF_ENEWER;
    }
    return 0;
}

static int get_ways(struct cursor *in, struct keychange_way **out_ways, size_t *out_count)
{
    uint64_t count = cursor_varint(in);
    int rc = 0;

    if (cursor_failed(in) || count > MAX_WAYS || count > cursor_left(in)) {
        return damaged(in, "there are not as many ways in as it says");
    }
    if (count == 0) {
        return 0;
    }
    *out_ways = mem_array((size_t)count, sizeof **out_ways);
    if (*out_ways == NULL) {
        return err_nomem();
    }
    *out_count = (size_t)count;
    for (size_t i = 0; rc == 0 && i < count; i++) {
        rc = get_way(in, &(*out_ways)[i]);
    }
    return rc;
}

static int get_change(struct cursor *in, struct keychange *out)
{
    int rc;

    if (cursor_u8(in) != VERSION) {
        err_raise(HF_ENEWER, "change of keys: its version is not known");
        err_hint("install a newer holdfast");
        return HF_ENEWER;
    }
    rc = get_way(in, &out->by);
    if (rc == 0) {
        rc = get_ways(in, &out->added, &out->added_count);
    }
    if (rc == 0) {
        rc = get_ways(in, &out->removed, &out->removed_count);
    }
    if (rc == 0 && !cursor_done(in)) {
        rc = damaged(in, "something follows its end");
    }
    return rc;
}

int keychange_decode(const void *plain, size_t len, struct keychange *out)
{
    struct cursor in;
    int rc;

    memset(out, 0, sizeof *out);
    cursor_init(&in, plain, len);
    rc = len == 0 ? damaged(&in, "it is empty") : get_change(&in, out);
    if (rc != 0) {
        keychange_release(out);
    }
    return rc;
}

void keychange_release(struct keychange *c)
{
    mem_free(c->added);
    mem_free(c->removed);
    memset(c, 0, sizeof *c);
}
