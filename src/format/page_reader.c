/*
 * page_reader.c - a page becomes entries again.
 *
 * The bytes may be anything. What is accepted is exactly what a builder writes: keys in order
 * and front-coded as far as they go, no field where leaving it out says the same, nothing left
 * over. So a page that is accepted encodes to the same bytes again, and no path in it can leave
 * its tree.
 */
#include <assert.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "format/page_internal.h"

/* What "as before" refers to: the inherited fields of the last entry. */
struct before {
    enum node_type type;
    uint32_t mode, uid, gid;
    const char *user, *group;
    size_t user_len, group_len;
    int64_t mtime_ns;
    uint64_t dev;
};

struct page_reader {
    enum page_kind kind;
    uint8_t level;
    uint64_t count, read;
    struct cursor c;
    size_t entries_at; /* where the entries begin */
    size_t first_key_len;
    struct buf key;  /* of the last entry, or its reference's id */
    struct buf path; /* of the last entry (leaf), and a NUL */
    struct before before;
    struct node_ref refs[NODE_INLINE_REFS];
    struct node_xattr *xattrs;
    size_t xattr_cap;
};

int page_reader_new(struct page_reader **out_reader)
{
    struct page_reader *r = mem_zalloc(sizeof *r);
    if (r == NULL) {
        return err_nomem();
    }
    if (buf_reserve(&r->key, 256) != 0 || buf_reserve(&r->path, 256) != 0) {
        page_reader_free(r);
        return err_nomem();
    }
    *out_reader = r;
    return 0;
}

void page_reader_free(struct page_reader *r)
{
    if (r == NULL) {
        return;
    }
    buf_release(&r->key);
    buf_release(&r->path);
    mem_free(r->xattrs);
    mem_free(r);
}

enum page_kind page_reader_kind(const struct page_reader *r)
{
    return r->kind;
}

uint8_t page_reader_level(const struct page_reader *r)
{
    return r->level;
}

uint64_t page_reader_count(const struct page_reader *r)
{
    return r->count;
}

size_t page_reader_offset(const struct page_reader *r)
{
    return r->c.pos;
}

static int damaged(const struct page_reader *r, const char *what)
{
    return err_raise(HF_EDAMAGE, "manifest page: entry %llu: %s", (unsigned long long)r->read,
                     what);
}

static bool level_fits(enum page_kind kind, uint8_t level)
{
    switch (kind) {
    case PAGE_LEAF:
        return level == 0;
    case PAGE_INDEX:
        return level > 0 && level <= PAGE_LEVEL_LIMIT;
    case PAGE_LIST:
        return level < PAGE_DEPTH_LIMIT;
    }
    return false;
}

int page_reader_open(struct page_reader *r, const void *data, size_t len)
{
    cursor_init(&r->c, data, len);
    uint8_t kind = cursor_u8(&r->c);
    uint8_t version = cursor_u8(&r->c);
    uint8_t level = cursor_u8(&r->c);
    uint8_t zero = cursor_u8(&r->c);
    uint64_t count = cursor_varint(&r->c);
    r->kind = (enum page_kind)kind;
    r->level = level;
    r->count = 0;
    r->read = 0;
    r->entries_at = r->c.pos;
    r->first_key_len = 0;
    r->key.len = 0;
    r->path.len = 0;
    r->before = (struct before){ .type = NODE_FILE, .user = "", .group = "" };
    if (cursor_failed(&r->c) || len > PAGE_LIMIT_BYTES) {
        return err_raise(HF_EDAMAGE, "manifest page: %zu bytes can't be one", len);
    }
    if (version != PAGE_VERSION && kind >= PAGE_LEAF && kind <= PAGE_LIST) {
        return err_raise(HF_ENEWER, "manifest page: version %u is not known", version);
    }
    if (!level_fits(r->kind, level) || zero != 0) {
        return err_raise(HF_EDAMAGE, "manifest page: its header is not one");
    }
    if (count == 0 || count > cursor_left(&r->c) || (kind == PAGE_LIST && count > PAGE_LIST_MAX)) {
        return err_raise(HF_EDAMAGE, "manifest page: impossible number of entries");
    }
    r->count = count;
    return 0;
}

/* 1: there is another entry of this kind; 0: the end. */
static int begin_entry(struct page_reader *r, enum page_kind kind)
{
    if (r->kind != kind) {
        return err_raise(HF_EDAMAGE, "manifest page: it is of another kind than expected");
    }
    if (r->read < r->count) {
        return 1;
    }
    return r->count > 0 && cursor_done(&r->c) ? 0 : damaged(r, "bytes are left over");
}

/*
 * Reads a front-coded key. Since the shared part must be as long as it can be, the first byte
 * after it decides the order.
 */
static int read_key(struct page_reader *r, size_t *out_shared)
{
    size_t rest_len;
    uint64_t shared = cursor_varint(&r->c);
    const uint8_t *rest = cursor_bytes(&r->c, PAGE_KEY_LIMIT, &rest_len);
    if (cursor_failed(&r->c)) {
        return damaged(r, "its key is cut short");
    }
    if (shared > r->key.len || shared + rest_len >= PAGE_KEY_LIMIT) {
        return damaged(r, "its key has an impossible length");
    }
    bool follows = r->read == 0 ||
                   (rest_len > 0 && (shared == r->key.len || r->key.data[shared] < rest[0]));
    if (!follows) {
        return damaged(r, "its key is out of order");
    }
    r->key.len = (size_t)shared;
    buf_put(&r->key, rest, rest_len);
    if (r->read == 0) {
        r->first_key_len = r->key.len;
    }
    *out_shared = (size_t)shared;
    return buf_error(&r->key);
}

static int read_path(struct page_reader *r)
{
    size_t shared;
    int rc = read_key(r, &shared);
    if (rc != 0) {
        return rc;
    }
    size_t key_len = r->key.len;
    r->path.len = shared + 1;
    rc = buf_reserve(&r->path, key_len - shared + 1);
    if (rc != 0) {
        return rc;
    }
    char *path = (char *)r->path.data;
    bool slash = false;
    path[0] = '/';
    for (size_t i = shared; i < key_len; i++) {
        uint8_t byte = r->key.data[i];
        slash |= byte == '/';
        path[i + 1] = byte == 0 ? '/' : (char)byte;
    }
    path[key_len + 1] = '\0';
    r->path.len = key_len + 1;
    if (slash || !page_path_tail_ok(path, shared + 1, key_len + 1)) {
        return damaged(r, "its path has an impossible name in it");
    }
    return 0;
}

static uint32_t varint_u32(struct cursor *c, bool *bad)
{
    uint64_t v = cursor_varint(c);
    *bad |= v > UINT32_MAX;
    return (uint32_t)v;
}

static int64_t wrapping_sum(int64_t a, int64_t b)
{
    return (int64_t)((uint64_t)a + (uint64_t)b);
}

/* A name that is a user's or group's; one may not hold a NUL. */
static const char *read_text(struct cursor *c, size_t *out_len, bool *bad)
{
    const uint8_t *text = cursor_bytes(c, SIZE_MAX, out_len);
    if (text == NULL || *out_len == 0) {
        *out_len = 0;
        return "";
    }
    *bad |= memchr(text, 0, *out_len) != NULL;
    return (const char *)text;
}

static bool same_text(const char *a, size_t a_len, const char *b, size_t b_len)
{
    return a_len == b_len && memcmp(a, b, a_len) == 0;
}

static void inherit(const struct before *b, struct node *n)
{
    n->type = b->type;
    n->mode = b->mode;
    n->uid = b->uid;
    n->gid = b->gid;
    n->user = b->user;
    n->user_len = b->user_len;
    n->group = b->group;
    n->group_len = b->group_len;
    n->mtime_ns = b->mtime_ns;
    n->dev = b->dev;
}

static void bequeath(const struct node *n, struct before *b)
{
    b->type = n->type;
    b->mode = n->mode;
    b->uid = n->uid;
    b->gid = n->gid;
    b->user = n->user;
    b->user_len = n->user_len;
    b->group = n->group;
    b->group_len = n->group_len;
    b->mtime_ns = n->mtime_ns;
    b->dev = n->dev;
}

/* The fields that are as before unless present. *bad: one is present that need not be. */
static void read_inherited(struct page_reader *r, uint32_t f, struct node *n, bool *bad)
{
    struct cursor *c = &r->c;
    const struct before *was = &r->before;
    inherit(was, n);
    if (f & PAGE_HAS_TYPE) {
        n->type = (enum node_type)cursor_u8(c);
        *bad |= n->type == was->type || n->type < NODE_FILE || n->type > NODE_SOCKET;
    }
    if (f & PAGE_HAS_MODE) {
        n->mode = varint_u32(c, bad);
        *bad |= n->mode == was->mode || n->mode > 07777;
    }
    if (f & PAGE_HAS_OWNER) {
        n->uid = varint_u32(c, bad);
        n->gid = varint_u32(c, bad);
        *bad |= n->uid == was->uid && n->gid == was->gid;
    }
    if (f & PAGE_HAS_OWNER_NAMES) {
        n->user = read_text(c, &n->user_len, bad);
        n->group = read_text(c, &n->group_len, bad);
        *bad |= same_text(n->user, n->user_len, was->user, was->user_len) &&
                same_text(n->group, n->group_len, was->group, was->group_len);
    }
    if (f & PAGE_HAS_MTIME) {
        n->mtime_ns = wrapping_sum(was->mtime_ns, cursor_svarint(c));
        *bad |= n->mtime_ns == was->mtime_ns;
    }
    n->ctime_ns = n->mtime_ns;
    if (f & PAGE_HAS_CTIME) {
        n->ctime_ns = wrapping_sum(n->mtime_ns, cursor_svarint(c));
        *bad |= n->ctime_ns == n->mtime_ns;
    }
    if (f & PAGE_HAS_DEV) {
        n->dev = cursor_varint(c);
        *bad |= n->dev == was->dev;
    }
    bequeath(n, &r->before);
}

/* A number that is left out when it is `without`. */
static uint64_t read_own_number(struct cursor *c, uint32_t present, uint64_t without, bool *bad)
{
    if (!present) {
        return without;
    }
    uint64_t v = cursor_varint(c);
    *bad |= v <= without;
    return v;
}

static void read_own(struct page_reader *r, uint32_t f, struct node *n, bool *bad)
{
    struct cursor *c = &r->c;
    n->ino = read_own_number(c, f & PAGE_HAS_INO, 0, bad);
    n->size = read_own_number(c, f & PAGE_HAS_SIZE, 0, bad);
    n->links = read_own_number(c, f & PAGE_HAS_LINKS, 1, bad);
    n->rdev = read_own_number(c, f & PAGE_HAS_RDEV, 0, bad);
    n->target = "";
    n->target_len = 0;
    if (f & PAGE_HAS_TARGET) {
        n->target = read_text(c, &n->target_len, bad);
        *bad |= n->target_len == 0;
    }
    uint64_t flags = read_own_number(c, f & PAGE_HAS_FLAGS, 0, bad);
    *bad |= flags > UINT32_MAX;
    n->flags = (uint32_t)flags;
}

static void read_ref(struct cursor *c, uint8_t depth, struct node_ref *out, bool *bad)
{
    uint64_t v = cursor_varint(c);
    out->len = v >> 1;
    out->hole = (v & 1) != 0;
    if (out->hole) {
        memset(out->id, 0, sizeof out->id);
    } else {
        cursor_copy(c, out->id, sizeof out->id);
    }
    *bad |= !page_ref_ok(out, depth);
}

static void read_content(struct page_reader *r, uint32_t f, struct node *n, bool *bad)
{
    n->content_depth = 0;
    n->refs = NULL;
    n->ref_count = 0;
    if (!(f & PAGE_HAS_CONTENT)) {
        return;
    }
    n->content_depth = cursor_u8(&r->c);
    uint64_t count = cursor_varint(&r->c);
    if (count == 0 || count > NODE_INLINE_REFS || n->content_depth > PAGE_DEPTH_LIMIT) {
        *bad = true;
        return;
    }
    for (size_t i = 0; i < count; i++) {
        read_ref(&r->c, n->content_depth, &r->refs[i], bad);
    }
    n->refs = r->refs;
    n->ref_count = (size_t)count;
}

static int read_xattrs(struct page_reader *r, uint32_t f, struct node *n, bool *bad)
{
    *bad |= (f & PAGE_HAS_XATTRS) && (f & PAGE_HAS_XATTR_CHUNK);
    n->xattrs = NULL;
    n->xattr_count = 0;
    n->xattrs_chunked = (f & PAGE_HAS_XATTR_CHUNK) != 0;
    n->xattr_ref = (struct node_ref){ .len = 0 };
    if (f & PAGE_HAS_XATTRS) {
        int rc = page_xattrs_read(&r->c, &r->xattrs, &r->xattr_cap, &n->xattr_count);
        if (rc != 0) {
            return err_add(rc, "manifest page: entry %llu", (unsigned long long)r->read);
        }
        n->xattrs = r->xattrs;
    }
    if (n->xattrs_chunked) {
        cursor_copy(&r->c, n->xattr_ref.id, sizeof n->xattr_ref.id);
        n->xattr_ref.len = cursor_varint(&r->c);
    }
    return 0;
}

int page_reader_next_node(struct page_reader *r, struct node *out)
{
    int rc = begin_entry(r, PAGE_LEAF);
    if (rc != 1) {
        return rc;
    }
    rc = read_path(r);
    if (rc != 0) {
        return rc;
    }
    uint64_t fields = cursor_varint(&r->c);
    if (fields >= PAGE_FIELDS_END) {
        return err_raise(HF_ENEWER, "manifest page: entry %llu has fields that are not known",
                         (unsigned long long)r->read);
    }
    uint32_t f = (uint32_t)fields;
    bool bad = false;
    out->path = (const char *)r->path.data;
    out->path_len = r->path.len;
    read_inherited(r, f, out, &bad);
    read_own(r, f, out, &bad);
    rc = read_xattrs(r, f, out, &bad);
    if (rc != 0) {
        return rc;
    }
    read_content(r, f, out, &bad);
    out->remarks = f & PAGE_HAS_REMARKS ? cursor_u8(&r->c) : 0;
    bad |= (f & PAGE_HAS_REMARKS) && out->remarks == 0;
    if (cursor_failed(&r->c)) {
        return damaged(r, "it is cut short");
    }
    if (bad) {
        return damaged(r, "its fields are not as a writer writes them");
    }
    r->read++;
    return 1;
}

int page_reader_next_child(struct page_reader *r, struct page_child *out)
{
    size_t shared;
    int rc = begin_entry(r, PAGE_INDEX);
    if (rc != 1) {
        return rc;
    }
    rc = read_key(r, &shared);
    if (rc != 0) {
        return rc;
    }
    out->key = r->key.data;
    out->key_len = r->key.len;
    cursor_copy(&r->c, out->id, sizeof out->id);
    out->page_len = cursor_varint(&r->c);
    out->entries = cursor_varint(&r->c);
    out->bytes = cursor_varint(&r->c);
    if (cursor_failed(&r->c)) {
        return damaged(r, "it is cut short");
    }
    r->read++;
    return 1;
}

int page_reader_next_ref(struct page_reader *r, struct node_ref *out)
{
    int rc = begin_entry(r, PAGE_LIST);
    if (rc != 1) {
        return rc;
    }
    bool bad = false;
    read_ref(&r->c, r->level, out, &bad);
    if (cursor_failed(&r->c)) {
        return damaged(r, "it is cut short");
    }
    if (bad) {
        return damaged(r, "it is an impossible reference");
    }
    r->key.len = 0;
    buf_put(&r->key, out->id, sizeof out->id);
    r->read++;
    return 1;
}

bool page_reader_ended(const struct page_reader *r, const uint8_t boundary_key[16])
{
    assert(r->read == r->count);
    size_t weight = r->c.pos - r->entries_at - r->first_key_len;
    return page_rule_ends(r->kind, boundary_key, r->count, weight, r->key.data, r->key.len);
}
