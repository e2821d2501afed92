/*
 * keyfile_text.c - the key file as its owner holds it: text that survives printing and typing.
 *
 * Comments, empty lines and blanks at the end of lines are tolerated; all else must be as it was
 * written. Messages name the line and never quote it, since it may hold the secret.
 */
#include <inttypes.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"
#include "format/crc.h"
#include "format/keyfile.h"
#include "format/keysheet.h"

#define TEXT_FIRST "holdfast-key "
#define TEXT_VERSION "1"
#define CHECK_BYTES 4

void keyfile_put_text(struct buf *b, const uint8_t secret[KEYFILE_SECRET_BYTES])
{
    char hex[2 * KEYFILE_SECRET_BYTES + 1];

    /* All at once, so that the buffer doesn't move and leave a secret behind. */
    (void)buf_reserve(b, 512);
    buf_printf(b, "# The key file of a holdfast repository: who has it can read and forge its "
                  "backups.\n"
                  "# Keep it secret, and keep a copy elsewhere: without it nothing can be "
                  "restored.\n");
    text_hex(secret, KEYFILE_SECRET_BYTES, hex);
    buf_printf(b, TEXT_FIRST TEXT_VERSION "\nsecret: %s\ncheck: %08" PRIx32 "\n", hex,
               crc_32c(secret, KEYFILE_SECRET_BYTES));
    mem_wipe(hex, sizeof hex);
}

struct lines {
    const char *text;
    size_t len, pos;
    unsigned number;  /* of the line read last */
    const char *line; /* without its end and blanks before that */
    size_t line_len;
};

/* The next line that is neither empty nor a comment. */
static bool next_line(struct lines *l)
{
    while (l->pos < l->len) {
        const char *start = l->text + l->pos;
        const char *end = memchr(start, '\n', l->len - l->pos);
        size_t len = end ? (size_t)(end - start) : l->len - l->pos;

        l->pos += len + (end ? 1 : 0);
        l->number++;
        while (len > 0 &&
               (start[len - 1] == ' ' || start[len - 1] == '\t' || start[len - 1] == '\r')) {
            len--;
        }
        if (len == 0 || start[0] == '#') {
            continue;
        }
        l->line = start;
        l->line_len = len;
        return true;
    }
    return false;
}

/* Never quotes the line: it may hold a secret. */
static int line_error(const struct lines *l, const char *what)
{
    return err_raise(HF_EKEY_DAMAGED, "line %u: %s", l->number, what);
}

static int get_version(struct lines *l)
{
    const size_t first = sizeof TEXT_FIRST - 1;
    int rc;

    if (!next_line(l)) {
        return err_raise(HF_EKEY_DAMAGED, "it holds no key, only comments or nothing at all");
    }
    if (l->line_len <= first || memcmp(l->line, TEXT_FIRST, first) != 0) {
        return line_error(l, "'" TEXT_FIRST TEXT_VERSION "' was expected: this is not a key file");
    }
    if (l->line_len == first + 1 && l->line[first] == TEXT_VERSION[0]) {
        return 0;
    }
    rc = err_raise(HF_ENEWER, "line %u: a key file of a version that this program does not know",
                   l->number);
    err_hint("install a newer holdfast");
    return rc;
}

/* A line of a name, a colon, blanks and exactly `count` bytes in hex. */
static int get_field(struct lines *l, const char *name, size_t count, uint8_t *out)
{
    size_t name_len = strlen(name);
    const char *value;
    size_t len;

    if (!next_line(l)) {
        return err_raise(HF_EKEY_DAMAGED, "it ends after line %u: '%s:' is missing", l->number,
                         name);
    }
    if (l->line_len <= name_len || memcmp(l->line, name, name_len) != 0 ||
        l->line[name_len] != ':') {
        return err_raise(HF_EKEY_DAMAGED, "line %u: '%s: ' and %zu hex digits were expected",
                         l->number, name, 2 * count);
    }
    value = l->line + name_len + 1;
    len = l->line_len - name_len - 1;
    while (len > 0 && *value == ' ') {
        value++;
        len--;
    }
    for (size_t i = 0; i < len; i++) {
        if (!memchr("0123456789abcdefABCDEF", value[i], 22)) {
            return err_raise(HF_EKEY_DAMAGED,
                             "line %u: character %zu after '%s:' is not a hex digit", l->number,
                             i + 1, name);
        }
    }
    if (len != 2 * count || !text_unhex(value, len, out)) {
        return err_raise(HF_EKEY_DAMAGED, "line %u: %zu hex digits after '%s:', not %zu", l->number,
                         len, name, 2 * count);
    }
    return 0;
}

int keyfile_parse_text(const char *text, size_t len, uint8_t out_secret[KEYFILE_SECRET_BYTES])
{
    struct lines l = { .text = text, .len = len };
    uint8_t secret[KEYFILE_SECRET_BYTES] = { 0 }, check[CHECK_BYTES] = { 0 };
    uint32_t crc;
    int rc;

    if (keysheet_seems(text, len)) {
        return keysheet_parse(text, len, out_secret);
    }
    rc = get_version(&l);
    if (rc == 0) {
        rc = get_field(&l, "secret", sizeof secret, secret);
    }
    if (rc == 0) {
        rc = get_field(&l, "check", sizeof check, check);
    }
    if (rc != 0) {
        goto done;
    }
    crc = crc_32c(secret, sizeof secret);
    if (crc != ((uint32_t)check[0] << 24 | (uint32_t)check[1] << 16 | (uint32_t)check[2] << 8 |
                check[3])) {
        rc = line_error(&l, "the check does not fit the secret: some digit of either is wrong");
    } else if (next_line(&l)) {
        rc = line_error(&l, "nothing may follow the check");
    } else {
        memcpy(out_secret, secret, sizeof secret);
    }
done:
    mem_wipe(secret, sizeof secret);
    return rc;
}
