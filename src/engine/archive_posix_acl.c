/*
 * archive_posix_acl.c - see archive_posix_acl.h.
 */
#include "engine/archive_posix_acl.h"

#include <stdlib.h>

#include "base/err.h"
#include "base/mem.h"

#define VERSION 2u
#define NO_ID UINT32_MAX
#define HEADER_BYTES 4u
#define ENTRY_BYTES 8u

void archive_posix_acl_release(struct archive_posix_acl *a)
{
    mem_free(a->entries);
    *a = (struct archive_posix_acl){ 0 };
}

void archive_posix_acl_clear(struct archive_posix_acl *a)
{
    a->count = 0;
}

int archive_posix_acl_add(struct archive_posix_acl *a, const struct archive_posix_acl_entry *e)
{
    if (a->count >= ARCHIVE_POSIX_ACL_MOST) {
        return err_raise(HF_ELIMIT, "an ACL has more than %u entries", ARCHIVE_POSIX_ACL_MOST);
    }
    if (mem_grow(&a->entries, &a->cap, a->count + 1, sizeof(*a->entries)) != 0) {
        return err_nomem();
    }
    a->entries[a->count++] = *e;
    return 0;
}

const struct archive_posix_acl_entry *archive_posix_acl_find(const struct archive_posix_acl *a,
                                                             enum archive_posix_acl_tag tag)
{
    for (size_t i = 0; i < a->count; i++) {
        if (a->entries[i].tag == tag) {
            return &a->entries[i];
        }
    }
    return NULL;
}

static bool known_tag(unsigned tag)
{
    return tag != 0 && tag <= ARCHIVE_POSIX_ACL_OTHER && (tag & (tag - 1)) == 0;
}

static bool has_id(enum archive_posix_acl_tag tag)
{
    return tag == ARCHIVE_POSIX_ACL_USER || tag == ARCHIVE_POSIX_ACL_GROUP;
}

int archive_posix_acl_decode(const void *value, size_t len, struct archive_posix_acl *a,
                             bool *out_valid)
{
    const uint8_t *p = value;
    archive_posix_acl_clear(a);
    *out_valid = len >= HEADER_BYTES && (len - HEADER_BYTES) % ENTRY_BYTES == 0 &&
                 (len - HEADER_BYTES) / ENTRY_BYTES <= ARCHIVE_POSIX_ACL_MOST &&
                 le_get32(p) == VERSION;
    for (size_t at = HEADER_BYTES; *out_valid && at < len; at += ENTRY_BYTES) {
        unsigned tag = le_get16(p + at);
        struct archive_posix_acl_entry e = { (enum archive_posix_acl_tag)tag, le_get16(p + at + 2),
                                             le_get32(p + at + 4) };
        *out_valid = known_tag(tag) && e.perm <= 7;
        int rc = *out_valid ? archive_posix_acl_add(a, &e) : 0;
        if (rc != 0) {
            return rc;
        }
    }
    return 0;
}

static int compare(const void *x, const void *y)
{
    const struct archive_posix_acl_entry *a = x;
    const struct archive_posix_acl_entry *b = y;
    if (a->tag != b->tag) {
        return a->tag < b->tag ? -1 : 1;
    }
    return a->id < b->id ? -1 : a->id > b->id ? 1 : 0;
}

int archive_posix_acl_encode(struct archive_posix_acl *a, struct buf *out)
{
    if (a->count > 1) {
        qsort(a->entries, a->count, sizeof(*a->entries), compare);
    }
    buf_put_u32(out, VERSION);
    for (size_t i = 0; i < a->count; i++) {
        const struct archive_posix_acl_entry *e = &a->entries[i];
        buf_put_u16(out, (uint16_t)e->tag);
        buf_put_u16(out, (uint16_t)e->perm);
        buf_put_u32(out, has_id(e->tag) ? e->id : NO_ID);
    }
    return buf_error(out);
}
