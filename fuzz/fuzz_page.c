/*
 * fuzz_page.c - any bytes as a manifest page: what the reader accepts, the builder writes again.
 *
 * A page has one encoding only, so decoding and encoding must lead back to the same bytes; all else
 * must be refused. The description of a page must cope with anything as well.
 */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "format/nacl.h"
#include "format/page.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* 1: an entry went through; 0: the end; negative: the reader refuses. */
static int pass_on(struct page_reader *r, struct page_builder *b)
{
    struct node n;
    struct page_child c;
    struct node_ref ref;
    bool ends;
    int rc, put = 0;
    switch (page_reader_kind(r)) {
    case PAGE_LEAF:
        rc = page_reader_next_node(r, &n);
        if (rc == 1) {
            put = page_builder_add_node(b, &n, &ends);
        }
        break;
    case PAGE_INDEX:
        rc = page_reader_next_child(r, &c);
        if (rc == 1) {
            put = page_builder_add_child(b, &c, &ends);
        }
        break;
    default:
        rc = page_reader_next_ref(r, &ref);
        if (rc == 1) {
            put = page_builder_add_ref(b, &ref, &ends);
        }
        break;
    }
    assert(put == 0);
    return rc;
}

static void read_page(struct page_reader *r, const uint8_t *data, size_t size)
{
    static const uint8_t key[16];
    struct page_builder *b = NULL;
    const uint8_t *again;
    size_t again_len;
    if (page_reader_open(r, data, size) != 0) {
        return;
    }
    int rc = page_builder_new(page_reader_kind(r), page_reader_level(r), key, &b);
    assert(rc == 0);
    do {
        rc = pass_on(r, b);
    } while (rc == 1);
    if (rc == 0) {
        rc = page_builder_finish(b, &again, &again_len);
        assert(rc == 0 && again_len == size && memcmp(again, data, size) == 0);
        (void)page_reader_ended(r, key);
    }
    page_builder_free(b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct page_reader *r = NULL;
    struct node_xattr *xattrs;
    struct buf text;
    size_t count;
    int rc = nacl_init();
    assert(rc == 0);
    rc = page_reader_new(&r);
    assert(rc == 0);
    read_page(r, data, size);
    page_reader_free(r);
    buf_init(&text);
    page_describe(data, size, &text);
    buf_release(&text);
    if (page_xattrs_decode(data, size, &xattrs, &count) == 0) {
        mem_free(xattrs);
    }
    return 0;
}
