/*
 * archive_names.c - see archive_names.h.
 *
 * Names are known by keyed hashes alone, so that each takes little memory: that of a path is made
 * of the hash of the folder and the last component, so that a path costs no more than its length.
 */
#include "engine/archive_names.h"

#include <string.h>

#include "base/err.h"
#include "base/map.h"
#include "base/mem.h"
#include "format/cipher.h"
#include "format/page.h"

#define MOST_PARTS 65536u /* what a name costs is in proportion to it; a bomb it should not be */

struct key { /* of the root: zeros */
    uint8_t hash[16];
};

enum kind { FOLDER = 1, FOLDER_IN_USE, OTHER };

struct name { /* small: there may be millions */
    uint64_t inode_and_kind;
};

static enum kind kind_of(const struct name *n)
{
    return (enum kind)(n->inode_and_kind & 3);
}

static void set(struct name *n, enum kind kind, uint64_t inode)
{
    n->inode_and_kind = inode << 2 | kind;
}

struct archive_names {
    struct cipher_id *hash;
    struct map *map;       /* struct key -> struct name */
    struct buf parent;     /* of the last name that was added: known to be a folder in use */
    struct key parent_key; /* its hash */
    struct buf scratch;
};

int archive_names_new(const uint8_t key[32], struct archive_names **out_names)
{
    struct archive_names *n = mem_zalloc(sizeof(*n));
    if (n == NULL) {
        return err_nomem();
    }
    buf_init(&n->parent);
    buf_init(&n->scratch);
    int rc = cipher_id_new(key, &n->hash);
    if (rc == 0) {
        rc = map_new(sizeof(struct key), sizeof(struct name), 0, &n->map);
    }
    if (rc != 0) {
        archive_names_free(n);
        return rc;
    }
    *out_names = n;
    return 0;
}

void archive_names_free(struct archive_names *n)
{
    if (n == NULL) {
        return;
    }
    cipher_id_free(n->hash);
    map_free(n->map);
    buf_release(&n->parent);
    buf_release(&n->scratch);
    mem_free(n);
}

/* ---- cleaning ---- */

static bool is_dots(const char *part, size_t len, size_t dots)
{
    return len == dots && memcmp(part, "..", len) == 0;
}

int archive_names_clean(const char *name, unsigned strip, struct buf *out, bool *out_absolute,
                        enum archive_names_verdict *out_verdict, const char **out_why)
{
    size_t parts = 0;
    buf_clear(out);
    *out_absolute = name[0] == '/';
    *out_verdict = ARCHIVE_NAMES_BAD;
    *out_why = "it has no name";
    if (name[0] == '\0') {
        return 0;
    }
    *out_why = "its name has \"..\" in it";
    for (const char *p = name; *p != '\0';) {
        size_t len = strcspn(p, "/");
        if (is_dots(p, len, 2)) {
            return 0;
        }
        if (len > 0 && !is_dots(p, len, 1) && ++parts > strip) {
            buf_put_u8(out, '/');
            buf_put(out, p, len);
        }
        p += len + (p[len] == '/' ? 1 : 0);
    }
    *out_why = "its name is too long, or leads too deep";
    if (out->len > PAGE_KEY_LIMIT || parts > MOST_PARTS) {
        return 0;
    }
    *out_why = NULL;
    *out_verdict = out->len > 0 || strip == 0 ? ARCHIVE_NAMES_GOOD : ARCHIVE_NAMES_NONE;
    if (out->len == 0) {
        buf_put_u8(out, '/');
    }
    return buf_text(out) != NULL ? buf_error(out) : HF_ENOMEM;
}

/* ---- what is there ---- */

/* The hash of a name in a folder; out may be the folder's. */
static int hash_name(struct archive_names *n, const struct key *folder, const char *name,
                     size_t len, struct key *out)
{
    uint8_t whole[CIPHER_ID_BYTES] = { 0 };
    buf_clear(&n->scratch);
    buf_put(&n->scratch, folder->hash, sizeof(folder->hash));
    buf_put(&n->scratch, name, len);
    int rc = buf_error(&n->scratch);
    if (rc == 0) {
        rc = cipher_id_of(n->hash, n->scratch.data, n->scratch.len, whole);
    }
    memcpy(out->hash, whole, sizeof(out->hash));
    return rc;
}

/* The end of the component that begins behind the slash at `at`. */
static size_t part_end(const char *path, size_t at, size_t len)
{
    const char *slash = memchr(path + at + 1, '/', len - at - 1);
    return slash != NULL ? (size_t)(slash - path) : len;
}

static int hash_path(struct archive_names *n, const char *path, size_t len, struct key *out)
{
    int rc = 0;
    memset(out, 0, sizeof(*out));
    for (size_t at = 0; rc == 0 && len > 1 && at < len;) {
        size_t end = part_end(path, at, len);
        rc = hash_name(n, out, path + at + 1, end - at - 1, out);
        at = end;
    }
    return rc;
}

static int enter_folder(struct archive_names *n, const struct key *key, const char **out_why)
{
    void *slot = NULL;
    bool fresh = false;
    int rc = map_put(n->map, key, &slot, &fresh);
    if (rc != 0) {
        return rc;
    }
    struct name *name = slot;
    if (!fresh && kind_of(name) == OTHER) {
        *out_why = "its name leads through something that is not a folder";
    } else {
        set(name, FOLDER_IN_USE, 0);
    }
    return 0;
}

/* Every folder above is one, or becomes one, and has something in it. */
static int enter_folders(struct archive_names *n, const char *path, size_t parent_len,
                         const char **out_why)
{
    struct key key = { { 0 } };
    if (parent_len == n->parent.len && memcmp(path, n->parent.data, parent_len) == 0) {
        return 0;
    }
    int rc = enter_folder(n, &key, out_why);
    for (size_t at = 0; rc == 0 && *out_why == NULL && parent_len > 1 && at < parent_len;) {
        size_t end = part_end(path, at, parent_len);
        rc = hash_name(n, &key, path + at + 1, end - at - 1, &key);
        if (rc == 0) {
            rc = enter_folder(n, &key, out_why);
        }
        at = end;
    }
    if (rc != 0 || *out_why != NULL) {
        return rc;
    }
    n->parent_key = key;
    buf_clear(&n->parent);
    buf_put(&n->parent, path, parent_len);
    return buf_error(&n->parent);
}

/* "/a/b" is in "/a", and "/a" in "/"; the top is in nothing. */
static size_t parent_len_of(const char *path, size_t len)
{
    while (len > 1 && path[len - 1] != '/') {
        len--;
    }
    return len > 1 ? len - 1 : len;
}

int archive_names_add(struct archive_names *n, const char *path, size_t len, uint64_t inode,
                      const char **out_why)
{
    struct key key = { { 0 } };
    void *slot = NULL;
    bool fresh = false;
    *out_why = NULL;
    if (len == 1 && inode != 0) {
        *out_why = "only a folder can be the root";
        return 0;
    }
    size_t parent_len = parent_len_of(path, len);
    int rc = len > 1 ? enter_folders(n, path, parent_len, out_why) : 0;
    if (rc != 0 || *out_why != NULL) {
        return rc;
    }
    if (len > 1) {
        size_t at = parent_len > 1 ? parent_len + 1 : 1;
        rc = hash_name(n, &n->parent_key, path + at, len - at, &key);
    }
    if (rc == 0) {
        rc = map_put(n->map, &key, &slot, &fresh);
    }
    if (rc != 0) {
        return rc;
    }
    struct name *name = slot;
    if (inode != 0 && !fresh && kind_of(name) == FOLDER_IN_USE) {
        *out_why = "there is a folder of this name, with something in it";
        return 0;
    }
    if (inode != 0) {
        set(name, OTHER, inode);
    } else if (kind_of(name) != FOLDER_IN_USE) {
        set(name, FOLDER, 0);
    }
    return 0;
}

int archive_names_find(struct archive_names *n, const char *path, size_t len, uint64_t *out_inode)
{
    struct key key;
    int rc = hash_path(n, path, len, &key);
    const struct name *name = rc == 0 ? map_get(n->map, &key) : NULL;
    *out_inode = name != NULL ? name->inode_and_kind >> 2 : 0;
    return rc;
}
