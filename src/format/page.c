/*
 * page.c - what a key is, and the rule where a page ends.
 *
 * The rule looks at nothing but the page itself, so the same entries make the same pages whatever
 * their history. The first key of a page is not weighed: below a very deep folder every page
 * begins with a key of many KiB, and if that alone could fill a page there would be pages of one
 * entry on every level, and no level would be smaller than the one below it.
 */
#include "format/page.h"

#include <string.h>

#include "format/nacl.h"
#include "format/page_internal.h"

bool page_rule_ends(enum page_kind kind, const uint8_t boundary_key[16], uint64_t count,
                    size_t weight, const uint8_t *mixed, size_t mixed_len)
{
    bool may, must;
    if (kind == PAGE_LIST) {
        may = count >= PAGE_LIST_MIN;
        must = count >= PAGE_LIST_MAX;
    } else {
        may = weight >= PAGE_MIN_BYTES;
        must = weight >= PAGE_MAX_BYTES;
    }
    return must || (may && (nacl_siphash(boundary_key, mixed, mixed_len) & PAGE_MIX_MASK) == 0);
}

bool page_path_tail_ok(const char *path, size_t from, size_t len)
{
    if (len == 0 || path[0] != '/') {
        return false;
    }
    if (len == 1) {
        return true;
    }
    /* Back to where the name begins; one of three bytes and more is neither "." nor "..". */
    size_t start = from > 0 ? from : 1;
    for (int back = 0; back < 3 && path[start - 1] != '/'; back++) {
        start--;
    }
    for (;;) {
        const char *slash = memchr(path + start, '/', len - start);
        size_t name_len = slash != NULL ? (size_t)(slash - path) - start : len - start;
        bool dots = name_len <= 2 && memcmp(path + start, "..", name_len) == 0;
        if (dots) {
            return false; /* the empty name as well */
        }
        if (slash == NULL) {
            return true;
        }
        start += name_len + 1;
    }
}

bool page_ref_ok(const struct node_ref *ref, uint8_t depth)
{
    return ref->len > 0 && ref->len <= INT64_MAX && !(ref->hole && depth > 0);
}

size_t page_key_of_path(const char *path, size_t path_len, uint8_t *out_key)
{
    for (size_t i = 1; i < path_len; i++) {
        out_key[i - 1] = path[i] == '/' ? 0 : (uint8_t)path[i];
    }
    return path_len > 0 ? path_len - 1 : 0;
}

size_t page_path_of_key(const uint8_t *key, size_t key_len, char *out_path)
{
    out_path[0] = '/';
    for (size_t i = 0; i < key_len; i++) {
        out_path[i + 1] = key[i] == 0 ? '/' : (char)key[i];
    }
    return key_len + 1;
}

size_t page_separator(const uint8_t *before, size_t before_len, const uint8_t *key, size_t key_len)
{
    size_t shorter = before_len < key_len ? before_len : key_len;
    size_t shared = 0;
    while (shared < shorter && before[shared] == key[shared]) {
        shared++;
    }
    return shared < key_len ? shared + 1 : key_len;
}
