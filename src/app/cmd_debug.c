/*
 * cmd_debug.c - looking at the bytes of a repository's files.
 *
 * What a file is, its own bytes say; what it is called and where it lies is not asked, so that a
 * file from a rescue disk is described as well. Keys are used if there are some, and missed by
 * nobody if not: what can't be decrypted is said to be sealed.
 */
#include <inttypes.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>

#include "app/app.h"
#include "app/commands.h"
#include "app/session.h"
#include "app/slurp.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"
#include "format/entry.h"
#include "format/keyfile.h"
#include "format/keysheet.h"
#include "format/roll.h"
#include "format/segment.h"

#define FILE_MAX ((size_t)5 << 30)

typedef int (*describe_fn)(const void *data, size_t len, const struct keyring *keys,
                           struct buf *out);

static int describe_key(const void *data, size_t len, const struct keyring *keys, struct buf *out)
{
    (void)keys;
    return keyfile_describe(data, len, out);
}

static int describe_roll(const void *data, size_t len, const struct keyring *keys, struct buf *out)
{
    (void)keys;
    return roll_describe(data, len, out);
}

/* Caches are nobody's truth; their owner checks them, and makes them anew when in doubt. */
static int describe_cache(const void *data, size_t len, const struct keyring *keys, struct buf *out)
{
    (void)data;
    (void)keys;
    buf_printf(out, "cache of %zu bytes: it can be deleted at any time and is then made anew\n",
               len);
    return buf_error(out);
}

static int describe_memory(const void *data, size_t len, const struct keyring *keys,
                           struct buf *out)
{
    const uint8_t *bytes = data;
    char hash[65];

    (void)keys;
    if (len != 64) {
        return err_raise(HF_EDAMAGE, "a state file has 64 bytes, this one %zu", len);
    }
    buf_printf(out, "client's memory: it knew entry %" PRIu64 " with the seal hash %s\n",
               le_get64(bytes + 16), text_hex(bytes + 24, 32, hash));
    return buf_error(out);
}

static int describe_text(const void *data, size_t len, const struct keyring *keys, struct buf *out)
{
    (void)keys;
    buf_put(out, data, len);
    return buf_error(out);
}

/* The user's own key file: all but the secret may be shown. */
static int describe_key_text(const void *data, size_t len, const struct keyring *keys,
                             struct buf *out)
{
    uint8_t secret[KEYFILE_SECRET_BYTES];
    int rc = keyfile_parse_text(data, len, secret);

    (void)keys;
    mem_wipe(secret, sizeof secret);
    if (rc == 0) {
        buf_printf(out, "key file, whole; its secret is not shown\n");
    }
    return rc;
}

struct kind {
    const char *name;
    const char *magic;
    size_t magic_len;
    bool at_seal; /* the magic stands where an entry's seal begins, not at the beginning */
    describe_fn describe;
};

static const struct kind kinds[] = {
    { "segment", "HFSEGMNT", 8, false, segment_describe },
    { "wrapped key", "HFKEYWRP", 8, false, describe_key },
    { "roll-up", "HFROLLUP", 8, false, describe_roll },
    { "cached view", "HFVIEW", 6, false, describe_cache },
    { "cached index run", "HFIDXRUN", 8, false, describe_cache },
    { "client's memory", "HFMEMORY", 8, false, describe_memory },
    { "hint", "holdfast repository\n", 20, false, describe_text },
    { "journal entry", "HFSEAL", 6, true, entry_describe },
};

static const struct kind *find_kind(const struct buf *b)
{
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        size_t at = kinds[i].at_seal && b->len >= ENTRY_SEAL_BYTES ? b->len - ENTRY_SEAL_BYTES : 0;

        if (b->len - at >= kinds[i].magic_len &&
            memcmp(b->data + at, kinds[i].magic, kinds[i].magic_len) == 0) {
            return &kinds[i];
        }
    }
    return NULL;
}

/* Comments may stand before the line that tells a key file; a recovery sheet is one as well. */
static bool is_key_text(const struct buf *b)
{
    static const char line[] = "holdfast-key 1";

    return b->len < 4096 && (memmem(b->data, b->len, line, sizeof line - 1) != NULL ||
                             keysheet_seems((const char *)b->data, b->len));
}

/* A head says all in its name. */
static bool describe_head(const char *path, struct buf *out)
{
    char *copy = mem_strdup(path);
    uint64_t number;
    uint8_t hash[32];
    char hex[65];
    bool is_head = copy != NULL && entry_parse_head(basename(copy), &number, hash);

    if (is_head) {
        buf_printf(
            out, "head: the journal has at least %" PRIu64 " entries; that one's seal hash is %s\n",
            number, text_hex(hash, sizeof hash, hex));
    }
    mem_free(copy);
    return is_head;
}

static int describe(const char *path, const struct buf *file, const struct keyring *keys,
                    const char **out_kind, struct buf *out)
{
    static const struct kind key_text = { "key file", NULL, 0, false, describe_key_text };
    const struct kind *kind = find_kind(file);

    if (kind == NULL && is_key_text(file)) {
        kind = &key_text;
    }
    *out_kind = kind == NULL ? NULL : kind->name;
    if (kind != NULL) {
        return kind->describe(file->data, file->len, keys, out);
    }
    if (file->len == 0 && describe_head(path, out)) {
        *out_kind = "head";
        return buf_error(out);
    }
    return err_raise(HF_EFAIL, "it is of no kind that holdfast knows");
}

/* Whether the user gave us something that may open the repository, so that nothing needs asking. */
static bool keys_are_given(const struct app *app)
{
    static const char *const variables[] = { "HOLDFAST_PASSWORD", "HOLDFAST_PASSWORD_FILE",
                                             "HOLDFAST_PASSWORD_COMMAND" };
    bool given = app->options.key_file != NULL || app->options.password_file != NULL ||
                 app->options.password_fd.given;

    for (size_t i = 0; i < sizeof variables / sizeof variables[0]; i++) {
        const char *value = getenv(variables[i]);

        given = given || (value != NULL && value[0] != '\0');
    }
    return given && (app->options.repo != NULL || getenv("HOLDFAST_REPOSITORY") != NULL);
}

static void print(struct app *app, const char *kind, struct buf *text)
{
    if (app->options.json) {
        json_document(&app->json, "debug");
        json_text(&app->json, "kind", kind);
        json_text(&app->json, "text", buf_text(text));
        json_end_object(&app->json);
    } else {
        out_put(&app->out, text->data, text->len);
    }
}

static int dump(struct app *app, const char *path)
{
    struct session s = { 0 };
    const struct keyring *keys = NULL;
    const char *kind = NULL;
    struct buf file, text;
    int rc;

    buf_init(&file);
    buf_init(&text);
    rc = slurp_file(path, FILE_MAX, &file);
    if (rc == 0 && keys_are_given(app)) {
        if (session_open(app, REPO_TOLERANT, &s) == 0) {
            keys = repo_keys(s.repo);
        } else {
            app_warn(app, "what is sealed stays so: %s", err_last()->text);
        }
    }
    if (rc == 0) {
        rc = describe(path, &file, keys, &kind, &text);
    }
    /* Damage is described as well: what there is to say is said before the error. */
    if (kind != NULL && text.len > 0) {
        print(app, kind, &text);
    }
    if (rc != 0) {
        rc = err_add(rc, "could not describe %s", path);
    }
    session_close(&s);
    buf_release(&file);
    buf_release(&text);
    return rc;
}

static int run(struct app *app, const void *values, const struct option_operands *operands)
{
    (void)values;
    if (strcmp(operands->items[0], "dump") == 0) {
        return dump(app, operands->items[1]);
    }
    err_raise(HF_EUSAGE, "could not understand \"debug %s\": there is \"debug dump\" only",
              operands->items[0]);
    err_hint("\"holdfast help debug\" explains it");
    return HF_EUSAGE;
}

static const struct option options[] = { { .name = NULL } };
static const char *const synopsis[] = { "dump FILE", NULL };
static const char *const about[] = {
    "Says what a file of a repository is and what stands in it, byte by byte: a segment, a journal "
    "entry, a wrapped key, a roll-up, a head, a cache. The kind is told by the content.",
    "With --repo and a key, what is sealed is opened where that key can; without, everything else "
    "is shown all the same.",
    NULL,
};
static const struct command_text exits[] = {
    { "4", "the file is damaged; what can be told is printed" },
    { NULL, NULL },
};
static const struct command_text examples[] = {
    { "holdfast debug dump $HOLDFAST_REPOSITORY/journal/000000000001", "the first entry" },
    { NULL, NULL },
};

const struct command cmd_debug = {
    .name = "debug",
    .group = COMMAND_OTHER,
    .summary = "describe a file of a repository",
    .synopsis = synopsis,
    .about = about,
    .options = options,
    .exits = exits,
    .examples = examples,
    .operands_min = 2,
    .operands_max = 2,
    .local = true,
    .run = run,
};
