/*
 * page_builder.c - entries become a page.
 *
 * Entries are encoded as they come, behind room for the largest header, whose length depends on the
 * number of entries: it is written right before them when the page is finished. Nothing is
 * allocated per entry: buffers keep their memory from page to page.
 */
#include <assert.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "format/page_internal.h"

#define HEAD_ROOM (PAGE_HEADER_BYTES + 10u) /* 10: the longest varint */

/* What "as before" refers to: the inherited fields of the last entry. */
struct before {
    enum node_type type;
    uint32_t mode, uid, gid;
    int64_t mtime_ns;
    uint64_t dev;
};

struct page_builder {
    enum page_kind kind;
    uint8_t level;
    uint8_t boundary_key[16];
    struct buf page; /* HEAD_ROOM, then the entries */
    size_t count;
    size_t first_key_len;
    struct buf key;  /* of the last entry */
    struct buf path; /* of the last entry (leaf) */
    struct before before;
    struct buf user, group; /* of the last entry */
};

int page_builder_new(enum page_kind kind, uint8_t level, const uint8_t boundary_key[16],
                     struct page_builder **out_builder)
{
    struct page_builder *b = mem_zalloc(sizeof *b);
    if (b == NULL) {
        return err_nomem();
    }
    b->kind = kind;
    b->level = level;
    memcpy(b->boundary_key, boundary_key, sizeof b->boundary_key);
    page_builder_reset(b);
    int rc = buf_reserve(&b->page, PAGE_MAX_BYTES + PAGE_MAX_BYTES / 4);
    if (rc == 0) {
        rc = buf_reserve(&b->key, 256);
    }
    if (rc != 0) {
        page_builder_free(b);
        return rc;
    }
    *out_builder = b;
    return 0;
}

void page_builder_free(struct page_builder *b)
{
    if (b == NULL) {
        return;
    }
    buf_release(&b->page);
    buf_release(&b->key);
    buf_release(&b->path);
    buf_release(&b->user);
    buf_release(&b->group);
    mem_free(b);
}

void page_builder_reset(struct page_builder *b)
{
    buf_clear(&b->page);
    buf_put_zeros(&b->page, HEAD_ROOM);
    b->count = 0;
    b->first_key_len = 0;
    buf_clear(&b->key);
    buf_clear(&b->path);
    b->before = (struct before){ .type = NODE_FILE };
    buf_clear(&b->user);
    buf_clear(&b->group);
}

size_t page_builder_count(const struct page_builder *b)
{
    return b->count;
}

/* Counts the entry just encoded and asks the rule. */
static int end_entry(struct page_builder *b, const uint8_t *mixed, size_t mixed_len, bool *out_ends)
{
    int rc = buf_error(&b->page);
    if (rc != 0) {
        return rc;
    }
    b->count++;
    size_t weight = b->page.len - HEAD_ROOM - b->first_key_len;
    *out_ends = page_rule_ends(b->kind, b->boundary_key, b->count, weight, mixed, mixed_len);
    return 0;
}

/* Cuts what is kept of the last key to what the next shares with it, and appends the rest. */
static int extend_last(struct buf *last, size_t shared, const void *rest, size_t rest_len)
{
    last->len = shared;
    buf_put(last, rest, rest_len);
    return buf_error(last);
}

static size_t shared_prefix(const uint8_t *a, size_t a_len, const uint8_t *b, size_t b_len)
{
    size_t shorter = a_len < b_len ? a_len : b_len;
    size_t i = 0;
    while (i + sizeof(uint64_t) <= shorter) {
        uint64_t x, y;
        memcpy(&x, a + i, sizeof x);
        memcpy(&y, b + i, sizeof y);
        if (x != y) {
            break;
        }
        i += sizeof(uint64_t);
    }
    while (i < shorter && a[i] == b[i]) {
        i++;
    }
    return i;
}

static uint8_t key_byte(char c)
{
    return c == '/' ? 0 : (uint8_t)c;
}

/* Whether n can be an entry; *out_shared is how much of its path is that of the entry before. */
static int check_path(const struct page_builder *b, const struct node *n, size_t *out_shared)
{
    size_t shared = shared_prefix(b->path.data, b->path.len, (const uint8_t *)n->path, n->path_len);
    if (n->path_len > PAGE_KEY_LIMIT) {
        return err_raise(HF_ELIMIT, "a path of %zu bytes is too long", n->path_len);
    }
    if (memchr(n->path + shared, 0, n->path_len - shared) != NULL ||
        !page_path_tail_ok(n->path, shared, n->path_len)) {
        return err_raise(HF_EFAIL, "%.*s is not a plain absolute path", (int)n->path_len, n->path);
    }
    bool follows = b->count == 0 || (shared < n->path_len && (shared == b->path.len ||
                                                              key_byte((char)b->path.data[shared]) <
                                                                  key_byte(n->path[shared])));
    if (!follows) {
        return err_raise(HF_EFAIL, "%.*s is out of order", (int)n->path_len, n->path);
    }
    *out_shared = shared;
    return 0;
}

static bool texts_fit(const struct node *n)
{
    size_t total = n->path_len;
    bool over = __builtin_add_overflow(total, n->user_len, &total) ||
                __builtin_add_overflow(total, n->group_len, &total) ||
                __builtin_add_overflow(total, n->target_len, &total);
    for (size_t i = 0; !over && !n->xattrs_chunked && i < n->xattr_count; i++) {
        over = __builtin_add_overflow(total, n->xattrs[i].name_len + 20, &total) ||
               __builtin_add_overflow(total, n->xattrs[i].value_len, &total);
    }
    return !over && total <= PAGE_ENTRY_LIMIT;
}

static int check_node(const struct node *n)
{
    if (!texts_fit(n)) {
        return err_raise(HF_ELIMIT, "%.*s has too much metadata", (int)n->path_len, n->path);
    }
    bool ok = n->type >= NODE_FILE && n->type <= NODE_SOCKET && n->mode <= 07777 &&
              n->ref_count <= NODE_INLINE_REFS && n->content_depth <= PAGE_DEPTH_LIMIT &&
              (n->ref_count > 0 || n->content_depth == 0);
    for (size_t i = 0; ok && i < n->ref_count; i++) {
        ok = page_ref_ok(&n->refs[i], n->content_depth);
    }
    if (ok && !n->xattrs_chunked) {
        ok = page_xattrs_ok(n->xattrs, n->xattr_count);
    }
    if (ok && n->target_len > 0) {
        ok = memchr(n->target, 0, n->target_len) == NULL;
    }
    if (!ok) {
        return err_raise(HF_EFAIL, "%.*s has impossible metadata", (int)n->path_len, n->path);
    }
    return 0;
}

static bool same_name(const struct buf *before, const char *name, size_t len)
{
    return before->len == len && (len == 0 || memcmp(before->data, name, len) == 0);
}

static uint32_t fields_of(const struct page_builder *b, const struct node *n)
{
    const struct before *before = &b->before;
    uint32_t f = 0;
    if (n->type != before->type) {
        f |= PAGE_HAS_TYPE;
    }
    if (n->mode != before->mode) {
        f |= PAGE_HAS_MODE;
    }
    if (n->uid != before->uid || n->gid != before->gid) {
        f |= PAGE_HAS_OWNER;
    }
    if (!same_name(&b->user, n->user, n->user_len) ||
        !same_name(&b->group, n->group, n->group_len)) {
        f |= PAGE_HAS_OWNER_NAMES;
    }
    if (n->mtime_ns != before->mtime_ns) {
        f |= PAGE_HAS_MTIME;
    }
    if (n->ctime_ns != n->mtime_ns) {
        f |= PAGE_HAS_CTIME;
    }
    if (n->dev != before->dev) {
        f |= PAGE_HAS_DEV;
    }
    if (n->ino != 0) {
        f |= PAGE_HAS_INO;
    }
    if (n->size != 0) {
        f |= PAGE_HAS_SIZE;
    }
    if (n->links > 1) {
        f |= PAGE_HAS_LINKS;
    }
    if (n->rdev != 0) {
        f |= PAGE_HAS_RDEV;
    }
    if (n->target_len > 0) {
        f |= PAGE_HAS_TARGET;
    }
    if (n->flags != 0) {
        f |= PAGE_HAS_FLAGS;
    }
    if (n->xattrs_chunked) {
        f |= PAGE_HAS_XATTR_CHUNK;
    } else if (n->xattr_count > 0) {
        f |= PAGE_HAS_XATTRS;
    }
    if (n->ref_count > 0) {
        f |= PAGE_HAS_CONTENT;
    }
    if (n->remarks != 0) {
        f |= PAGE_HAS_REMARKS;
    }
    return f;
}

/* Times may lie anywhere in 64 bits: differences wrap around, and so do sums. */
static int64_t wrapping_difference(int64_t a, int64_t b)
{
    return (int64_t)((uint64_t)a - (uint64_t)b);
}

/* The fields that are left out where the entry before has the same. */
static void put_inherited(struct page_builder *b, const struct node *n, uint32_t f)
{
    struct buf *out = &b->page;
    if (f & PAGE_HAS_TYPE) {
        buf_put_u8(out, (uint8_t)n->type);
    }
    if (f & PAGE_HAS_MODE) {
        buf_put_varint(out, n->mode);
    }
    if (f & PAGE_HAS_OWNER) {
        buf_put_varint(out, n->uid);
        buf_put_varint(out, n->gid);
    }
    if (f & PAGE_HAS_OWNER_NAMES) {
        buf_put_bytes(out, n->user, n->user_len);
        buf_put_bytes(out, n->group, n->group_len);
    }
    if (f & PAGE_HAS_MTIME) {
        buf_put_svarint(out, wrapping_difference(n->mtime_ns, b->before.mtime_ns));
    }
    if (f & PAGE_HAS_CTIME) {
        buf_put_svarint(out, wrapping_difference(n->ctime_ns, n->mtime_ns));
    }
    if (f & PAGE_HAS_DEV) {
        buf_put_varint(out, n->dev);
    }
}

static void put_ref(struct buf *out, const struct node_ref *ref)
{
    buf_put_varint(out, ref->len << 1 | (ref->hole ? 1 : 0));
    if (!ref->hole) {
        buf_put(out, ref->id, NODE_ID_BYTES);
    }
}

static void put_own(struct buf *out, const struct node *n, uint32_t f)
{
    if (f & PAGE_HAS_INO) {
        buf_put_varint(out, n->ino);
    }
    if (f & PAGE_HAS_SIZE) {
        buf_put_varint(out, n->size);
    }
    if (f & PAGE_HAS_LINKS) {
        buf_put_varint(out, n->links);
    }
    if (f & PAGE_HAS_RDEV) {
        buf_put_varint(out, n->rdev);
    }
    if (f & PAGE_HAS_TARGET) {
        buf_put_bytes(out, n->target, n->target_len);
    }
    if (f & PAGE_HAS_FLAGS) {
        buf_put_varint(out, n->flags);
    }
    if (f & PAGE_HAS_XATTRS) {
        page_xattrs_put(out, n->xattrs, n->xattr_count);
    }
    if (f & PAGE_HAS_XATTR_CHUNK) {
        buf_put(out, n->xattr_ref.id, NODE_ID_BYTES);
        buf_put_varint(out, n->xattr_ref.len);
    }
    if (f & PAGE_HAS_CONTENT) {
        buf_put_u8(out, n->content_depth);
        buf_put_varint(out, n->ref_count);
        for (size_t i = 0; i < n->ref_count; i++) {
            put_ref(out, &n->refs[i]);
        }
    }
    if (f & PAGE_HAS_REMARKS) {
        buf_put_u8(out, n->remarks);
    }
}

static int remember(struct page_builder *b, const struct node *n, uint32_t f)
{
    b->before.type = n->type;
    b->before.mode = n->mode;
    b->before.uid = n->uid;
    b->before.gid = n->gid;
    b->before.mtime_ns = n->mtime_ns;
    b->before.dev = n->dev;
    if (!(f & PAGE_HAS_OWNER_NAMES)) {
        return 0;
    }
    int rc = extend_last(&b->user, 0, n->user, n->user_len);
    return rc != 0 ? rc : extend_last(&b->group, 0, n->group, n->group_len);
}

/* Keeps path and key of the entry for the next one, which is likely to share most of them. */
static int remember_path(struct page_builder *b, const struct node *n, size_t shared)
{
    int rc = extend_last(&b->path, shared, n->path + shared, n->path_len - shared);
    if (rc != 0) {
        return rc;
    }
    size_t from = shared > 0 ? shared - 1 : 0; /* a key is its path without the first byte */
    b->key.len = from;
    rc = buf_reserve(&b->key, n->path_len - 1 - from);
    if (rc != 0) {
        return rc;
    }
    for (size_t i = from; i + 1 < n->path_len; i++) {
        b->key.data[i] = key_byte(n->path[i + 1]);
    }
    b->key.len = n->path_len - 1;
    return 0;
}

static void put_key(struct page_builder *b, size_t shared)
{
    if (b->count == 0) {
        b->first_key_len = b->key.len;
    }
    buf_put_varint(&b->page, shared);
    buf_put_bytes(&b->page, b->key.data + shared, b->key.len - shared);
}

int page_builder_add_node(struct page_builder *b, const struct node *n, bool *out_ends)
{
    assert(b->kind == PAGE_LEAF);
    size_t shared = 0;
    int rc = check_path(b, n, &shared);
    if (rc == 0) {
        rc = check_node(n);
    }
    if (rc == 0) {
        rc = remember_path(b, n, shared);
    }
    if (rc != 0) {
        return rc;
    }
    put_key(b, shared > 0 ? shared - 1 : 0);
    uint32_t f = fields_of(b, n);
    buf_put_varint(&b->page, f);
    put_inherited(b, n, f);
    put_own(&b->page, n, f);
    rc = remember(b, n, f);
    return rc != 0 ? rc : end_entry(b, b->key.data, b->key.len, out_ends);
}

int page_builder_add_child(struct page_builder *b, const struct page_child *c, bool *out_ends)
{
    assert(b->kind == PAGE_INDEX);
    size_t shared = shared_prefix(b->key.data, b->key.len, c->key, c->key_len);
    if (c->key_len >= PAGE_KEY_LIMIT) {
        return err_raise(HF_ELIMIT, "a separator of %zu bytes is too long", c->key_len);
    }
    if (b->count > 0 &&
        (shared == c->key_len || (shared < b->key.len && b->key.data[shared] > c->key[shared]))) {
        return err_raise(HF_EFAIL, "separators are out of order");
    }
    const uint8_t *rest = c->key_len > 0 ? c->key + shared : NULL; /* key may be NULL */
    int rc = extend_last(&b->key, shared, rest, c->key_len - shared);
    if (rc != 0) {
        return rc;
    }
    put_key(b, shared);
    buf_put(&b->page, c->id, sizeof c->id);
    buf_put_varint(&b->page, c->page_len);
    buf_put_varint(&b->page, c->entries);
    buf_put_varint(&b->page, c->bytes);
    return end_entry(b, b->key.data, b->key.len, out_ends);
}

int page_builder_add_ref(struct page_builder *b, const struct node_ref *r, bool *out_ends)
{
    assert(b->kind == PAGE_LIST);
    static const uint8_t no_id[NODE_ID_BYTES];
    if (!page_ref_ok(r, b->level)) {
        return err_raise(HF_EFAIL, "an impossible reference");
    }
    put_ref(&b->page, r);
    return end_entry(b, r->hole ? no_id : r->id, NODE_ID_BYTES, out_ends);
}

int page_builder_finish(struct page_builder *b, const uint8_t **out_data, size_t *out_len)
{
    assert(b->count > 0);
    int rc = buf_error(&b->page);
    if (rc != 0) {
        return rc;
    }
    uint8_t head[HEAD_ROOM] = { (uint8_t)b->kind, PAGE_VERSION, b->level, 0 };
    size_t head_len = PAGE_HEADER_BYTES;
    uint64_t left = b->count;
    for (; left >= 0x80; left >>= 7) {
        head[head_len++] = (uint8_t)(left | 0x80);
    }
    head[head_len++] = (uint8_t)left;
    uint8_t *start = b->page.data + HEAD_ROOM - head_len;
    memcpy(start, head, head_len);
    *out_data = start;
    *out_len = head_len + (b->page.len - HEAD_ROOM);
    return 0;
}
