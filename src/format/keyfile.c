/*
 * keyfile.c - wraps: two copies of a table of fields around one sealed secret. The text form of a
 * user's key file is in keyfile_text.c.
 *
 * A copy is whole if, and only if, its magic and its checksum hold and all its fields are allowed.
 * The checksum needs no secret, so rot and a wrong password are told apart before a password is
 * tried; the seal covers bytes 0-103, so whoever forges a copy with a fresh checksum gets
 * "wrong password", never another master. Every version will keep magic, version and checksum in
 * their places, so that an old program can say "newer" rather than "damaged".
 */
#include "format/keyfile.h"

#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "format/layout.h"
#include "format/nacl.h"
#include "format/verdict.h"

#define AT_KIND 10
#define AT_PASSES 12
#define AT_MEMORY 16
#define AT_REPO 24
#define AT_SALT 40
#define AT_ADMIN 72
#define AT_NONCE 104
#define AT_SEALED 128
#define AT_CHECKSUM 224
#define SALT_BYTES 32
#define MASTER_BYTES 32
#define PLAIN_BYTES 64
#define SEALED_BYTES (PLAIN_BYTES + NACL_TAG_BYTES)

#define MAX_PASSES 64u
#define MAX_MEMORY_KIB (1u << 20)
#define MIN_MEMORY_KIB 8u
#define CHOSEN_PASSES 16 /* at most, though more may be read */
#define WANTED_NS INT64_C(250000000)

_Static_assert(AT_NONCE + NACL_NONCE_BYTES == AT_SEALED, "nonce ends where the seal begins");
_Static_assert(AT_CHECKSUM + NACL_HASH_BYTES == KEYFILE_COPY_BYTES, "the checksum comes last");
_Static_assert(NACL_HASH_BYTES == KEYFILE_FINGERPRINT_BYTES, "and is the fingerprint");

/* --- the fields of a copy --- */

static const char *kind_meaning(uint64_t kind)
{
    switch (kind) {
    case KEYFILE_PASSWORD:
        return "password";
    case KEYFILE_SECRET:
        return "key file";
    default:
        return "unknown";
    }
}

static struct verdict check_kind(const uint8_t *copy)
{
    if (copy[AT_KIND] == 0) {
        return verdict_of(false, "is 0");
    }
    if (copy[AT_KIND] > KEYFILE_SECRET) {
        return verdict_newer("is one that this program does not know");
    }
    return verdict_fine();
}

/* Only a password costs anything, and nobody else's file decides how much of this machine. */
static struct verdict check_cost(const uint8_t *copy, uint32_t value, uint32_t least, uint32_t most)
{
    if (copy[AT_KIND] != KEYFILE_PASSWORD) {
        return verdict_of(value == 0, "is not zero");
    }
    if (value < least) {
        return verdict_of(false, "is less than Argon2 takes");
    }
    return verdict_of(value <= most, "is more than this program is willing to spend");
}

static struct verdict check_passes(const uint8_t *copy)
{
    return check_cost(copy, le_get32(copy + AT_PASSES), 1, MAX_PASSES);
}

static struct verdict check_memory(const uint8_t *copy)
{
    return check_cost(copy, le_get32(copy + AT_MEMORY), MIN_MEMORY_KIB, MAX_MEMORY_KIB);
}

static struct verdict check_checksum(const uint8_t *copy)
{
    uint8_t hash[NACL_HASH_BYTES];

    nacl_hash(copy, AT_CHECKSUM, hash);
    return verdict_of(memcmp(hash, copy + AT_CHECKSUM, sizeof hash) == 0, "does not match");
}

static const struct layout_field copy_fields[] = {
    { 0, 8, LAYOUT_MAGIC, "magic", NULL, NULL },
    { 8, 2, LAYOUT_VERSION, "version", NULL, NULL },
    { AT_KIND, 1, LAYOUT_NUMBER, "kind", kind_meaning, check_kind },
    { 11, 1, LAYOUT_ZERO, "reserved", NULL, NULL },
    { AT_PASSES, 4, LAYOUT_NUMBER, "Argon2 passes", NULL, check_passes },
    { AT_MEMORY, 4, LAYOUT_NUMBER, "Argon2 memory, KiB", NULL, check_memory },
    { 20, 4, LAYOUT_ZERO, "reserved", NULL, NULL },
    { AT_REPO, 16, LAYOUT_HEX, "repository", NULL, NULL },
    { AT_SALT, SALT_BYTES, LAYOUT_HEX, "salt", NULL, NULL },
    { AT_ADMIN, 32, LAYOUT_HEX, "admin public key", NULL, NULL },
    { AT_NONCE, NACL_NONCE_BYTES, LAYOUT_HEX, "nonce", NULL, NULL },
    { AT_SEALED, SEALED_BYTES, LAYOUT_HEX, "sealed master", NULL, NULL },
    { 208, 16, LAYOUT_ZERO, "reserved", NULL, NULL },
    { AT_CHECKSUM, NACL_HASH_BYTES, LAYOUT_HEX, "checksum", NULL, check_checksum },
};

static const struct layout copy_layout = {
    .what = "key",
    .size = KEYFILE_COPY_BYTES,
    .magic = "HFKEYWRP",
    .fields = copy_fields,
    .count = LAYOUT_COUNT(copy_fields),
};

/* --- reading the two copies --- */

#define WHY_BYTES 160

struct copy {
    const uint8_t *bytes; /* NULL if they are not all there */
    int code;             /* 0: it is whole; else what is wrong with it, and why */
    char why[WHY_BYTES];
};

struct wrap {
    struct copy copies[2];
    bool cut; /* not of the length of a key: to be mended, though a copy may be whole */
};

static int check_copy(const uint8_t *bytes)
{
    const struct layout_field *magic = &copy_fields[0];

    /* Before layout_check, since a version or kind that has rotten is not a newer one. */
    if (memcmp(bytes, copy_layout.magic, magic->size) == 0 && check_checksum(bytes).code != 0) {
        return layout_raise(&copy_layout, HF_EDAMAGE, AT_CHECKSUM, "checksum does not match");
    }
    return layout_check(&copy_layout, bytes, KEYFILE_COPY_BYTES);
}

static void read_copy(const uint8_t *bytes, size_t len, struct copy *c)
{
    *c = (struct copy){ .code = HF_EDAMAGE };
    if (len < KEYFILE_COPY_BYTES) {
        snprintf(c->why, sizeof c->why, "%zu bytes where %d belong", len, KEYFILE_COPY_BYTES);
        return;
    }
    c->bytes = bytes;
    c->code = check_copy(bytes);
    if (c->code != 0) {
        snprintf(c->why, sizeof c->why, "%.*s", WHY_BYTES - 1, err_last()->text);
    }
}

static int no_whole_copy(const struct wrap *w)
{
    for (int i = 0; i < 2; i++) {
        if (w->copies[i].code != HF_ENEWER) {
            continue;
        }
        err_raise(HF_ENEWER, "%s", w->copies[i].why);
        err_hint("install a newer holdfast");
        return HF_ENEWER;
    }
    err_raise(HF_EKEY_DAMAGED,
              "damaged: neither of its two copies is whole (first: %s; second: %s)",
              w->copies[0].why, w->copies[1].why);
    err_hint("this says nothing about the password: use another key of the repository's keys/, "
             "or put this file back from a copy of the repository");
    return HF_EKEY_DAMAGED;
}

/* Fails when there is no whole copy. *w borrows data. */
static int read_wrap(const void *data, size_t len, struct wrap *w)
{
    const uint8_t *bytes = data;

    read_copy(bytes, len, &w->copies[0]);
    if (len > KEYFILE_COPY_BYTES) {
        read_copy(bytes + KEYFILE_COPY_BYTES, len - KEYFILE_COPY_BYTES, &w->copies[1]);
    } else {
        read_copy(NULL, 0, &w->copies[1]);
    }
    w->cut = len != KEYFILE_BYTES;
    if (w->copies[0].code != 0 && w->copies[1].code != 0) {
        return no_whole_copy(w);
    }
    err_clear();
    return 0;
}

static bool copies_differ(const struct wrap *w)
{
    return w->copies[0].code == 0 && w->copies[1].code == 0 &&
           memcmp(w->copies[0].bytes, w->copies[1].bytes, KEYFILE_COPY_BYTES) != 0;
}

/* What copy `from` says, it being whole. Of two that differ the other one is taken to be wrong. */
static void fill_info(const struct wrap *w, int from, struct keyfile_info *out)
{
    const uint8_t *p = w->copies[from].bytes;
    int other = 1 - from;

    memset(out, 0, sizeof *out);
    out->kind = (enum keyfile_kind)p[AT_KIND];
    memcpy(out->repo_id, p + AT_REPO, sizeof out->repo_id);
    memcpy(out->admin_public, p + AT_ADMIN, sizeof out->admin_public);
    out->passes = le_get32(p + AT_PASSES);
    out->memory_kib = le_get32(p + AT_MEMORY);
    memcpy(out->fingerprint, p + AT_CHECKSUM, sizeof out->fingerprint);
    out->copy_damaged[other] = w->copies[other].code != 0 || copies_differ(w);
    if (w->cut) {
        out->copy_damaged[1] = true;
    }
}

static int first_whole(const struct wrap *w)
{
    return w->copies[0].code == 0 ? 0 : 1;
}

int keyfile_inspect(const void *data, size_t len, struct keyfile_info *out_info)
{
    struct wrap w;
    int rc = read_wrap(data, len, &w);

    if (rc != 0) {
        return rc;
    }
    fill_info(&w, first_whole(&w), out_info);
    return 0;
}

/* --- wrapping and unwrapping --- */

/* The wrapping key for a copy whose fields up to the salt are set. */
static int wrapping_key(const uint8_t *copy, const struct keyfile_unlock *how,
                        uint8_t out[NACL_KEY_BYTES])
{
    uint8_t context[16 + SALT_BYTES];

    if (copy[AT_KIND] == KEYFILE_PASSWORD) {
        return nacl_password_key(how->password, how->password_len, copy + AT_SALT,
                                 le_get32(copy + AT_PASSES), le_get32(copy + AT_MEMORY), out);
    }
    memcpy(context, copy + AT_REPO, 16);
    memcpy(context + 16, copy + AT_SALT, SALT_BYTES);
    nacl_derive(how->secret, "wrap", context, sizeof context, out);
    return 0;
}

static int check_how(const struct keyfile_unlock *how)
{
    if ((how->password != NULL) == (how->secret != NULL)) {
        return err_raise(HF_EUSAGE, "a key takes either a password or a key file");
    }
    if (how->passes > MAX_PASSES || how->memory_kib > MAX_MEMORY_KIB) {
        return err_raise(HF_EUSAGE, "Argon2 costs may be up to %u passes and %u KiB", MAX_PASSES,
                         MAX_MEMORY_KIB);
    }
    return 0;
}

uint32_t keyfile_passes_for(int64_t default_ns)
{
    int64_t passes = default_ns > 0 ? KEYFILE_DEFAULT_PASSES * WANTED_NS / default_ns : 0;

    if (passes < KEYFILE_DEFAULT_PASSES) {
        return KEYFILE_DEFAULT_PASSES;
    }
    return passes > CHOSEN_PASSES ? CHOSEN_PASSES : (uint32_t)passes;
}

static void put_costs(uint8_t *copy, const struct keyfile_unlock *how)
{
    le_put32(copy + AT_PASSES, how->passes ? how->passes : KEYFILE_DEFAULT_PASSES);
    le_put32(copy + AT_MEMORY, how->memory_kib ? how->memory_kib : KEYFILE_DEFAULT_MEMORY_KIB);
}

int keyfile_wrap(const uint8_t master[32], const uint8_t repo_id[16],
                 const uint8_t admin_public[32], const struct keyfile_unlock *how, struct rnd *rnd,
                 uint8_t out[KEYFILE_BYTES])
{
    uint8_t key[NACL_KEY_BYTES], plain[PLAIN_BYTES] = { 0 };
    int rc = check_how(how);

    if (rc != 0) {
        return rc;
    }
    memset(out, 0, KEYFILE_BYTES);
    layout_finish(&copy_layout, out);
    out[AT_KIND] = how->password ? KEYFILE_PASSWORD : KEYFILE_SECRET;
    if (how->password) {
        put_costs(out, how);
    }
    memcpy(out + AT_REPO, repo_id, 16);
    memcpy(out + AT_ADMIN, admin_public, 32);
    rc = rnd_bytes(rnd, out + AT_SALT, SALT_BYTES);
    if (rc == 0) {
        rc = rnd_bytes(rnd, out + AT_NONCE, NACL_NONCE_BYTES);
    }
    if (rc == 0) {
        rc = wrapping_key(out, how, key);
    }
    if (rc != 0) {
        return rc;
    }

    memcpy(plain, master, MASTER_BYTES);
    nacl_encrypt(key, out + AT_NONCE, out, AT_NONCE, plain, sizeof plain, out + AT_SEALED);
    mem_wipe(plain, sizeof plain);
    mem_wipe(key, sizeof key);
    nacl_hash(out, AT_CHECKSUM, out + AT_CHECKSUM);
    memcpy(out + KEYFILE_COPY_BYTES, out, KEYFILE_COPY_BYTES);
    return 0;
}

static int wrong_kind(enum keyfile_kind kind)
{
    int rc;

    if (kind == KEYFILE_PASSWORD) {
        rc = err_raise(HF_EKEY, "it is opened by a password, not by a key file");
        err_hint("give the password instead of the key file");
    } else {
        rc = err_raise(HF_EKEY, "it is opened by a key file, not by a password");
        err_hint("give the key file instead of the password: --key-file F");
    }
    return rc;
}

static int wrong_unlock(enum keyfile_kind kind)
{
    int rc;

    if (kind == KEYFILE_PASSWORD) {
        rc = err_raise(HF_EKEY, "wrong password");
        err_hint("the key itself is undamaged: look at caps lock, the keyboard's layout, stray "
                 "blanks, and whether the password is that of this repository");
    } else {
        rc = err_raise(HF_EKEY, "wrong key file");
        err_hint("the key itself is undamaged: the key file belongs to another key or another "
                 "repository");
    }
    return rc;
}

static bool all_zero(const uint8_t *p, size_t len)
{
    uint8_t any = 0;

    for (size_t i = 0; i < len; i++) {
        any |= p[i];
    }
    return any == 0;
}

static int open_copy(const uint8_t *copy, const struct keyfile_unlock *how, uint8_t out_master[32])
{
    enum keyfile_kind kind = (enum keyfile_kind)copy[AT_KIND];
    uint8_t key[NACL_KEY_BYTES], plain[PLAIN_BYTES];
    int rc;

    if ((kind == KEYFILE_PASSWORD) != (how->password != NULL)) {
        return wrong_kind(kind);
    }
    rc = wrapping_key(copy, how, key);
    if (rc != 0) {
        return rc;
    }
    if (!nacl_decrypt(key, copy + AT_NONCE, copy, AT_NONCE, copy + AT_SEALED, SEALED_BYTES,
                      plain)) {
        rc = wrong_unlock(kind);
    } else if (!all_zero(plain + MASTER_BYTES, sizeof plain - MASTER_BYTES)) {
        rc = err_raise(HF_EKEY_DAMAGED, "damaged: what is sealed in it is not a master secret");
    } else {
        memcpy(out_master, plain, MASTER_BYTES);
    }
    mem_wipe(plain, sizeof plain);
    mem_wipe(key, sizeof key);
    return rc;
}

int keyfile_unwrap(const void *data, size_t len, const struct keyfile_unlock *how,
                   uint8_t out_master[32], struct keyfile_info *out_info)
{
    struct wrap w;
    int used;
    int rc = check_how(how);

    if (rc == 0) {
        rc = read_wrap(data, len, &w);
    }
    if (rc != 0) {
        return rc;
    }
    used = first_whole(&w);
    rc = open_copy(w.copies[used].bytes, how, out_master);
    if (rc == HF_EKEY && copies_differ(&w)) {
        used = 1;
        rc = open_copy(w.copies[used].bytes, how, out_master);
    }
    if (rc != 0) {
        return rc;
    }
    fill_info(&w, used, out_info);
    return 0;
}

int keyfile_describe(const void *data, size_t len, struct buf *out)
{
    struct describe d;

    describe_begin(&d, out, len);
    for (size_t i = 0; i < 2; i++) {
        size_t at = i * KEYFILE_COPY_BYTES;
        size_t left = len > at ? len - at : 0;

        describe_title(&d, "%s copy of the wrapped key", i == 0 ? "first" : "second");
        if (left < KEYFILE_COPY_BYTES) {
            describe_field(&d, at, "length", verdict_of(false, "is too short"), "%zu", left);
        } else {
            layout_describe(&copy_layout, (const uint8_t *)data + at, at, &d);
        }
    }
    if (len > KEYFILE_BYTES) {
        describe_field(&d, KEYFILE_BYTES, "rest", verdict_of(false, "does not belong here"),
                       "%zu bytes", len - KEYFILE_BYTES);
    }
    return describe_end(&d, "key");
}
