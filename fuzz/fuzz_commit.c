/*
 * fuzz_commit.c - any bytes as the plaintext of a COMMIT and of an EVENT TAG. What decodes has that
 * one encoding.
 */
#include "base/buf.h"
#include "format/commit.h"
#include "fuzz_format.h"

static void check_commit(const struct commit *c, const uint8_t *data, size_t size)
{
    struct commit copy;
    struct buf b;

    buf_init(&b);
    fuzz_require(c->job != NULL && c->host != NULL && c->user != NULL && c->tool != NULL);
    fuzz_require(commit_copy(c, &copy) == 0);
    fuzz_require(commit_encode(&copy, &b) == 0);
    fuzz_require(b.len == size && memcmp(b.data, data, size) == 0);
    commit_release(&copy);
    buf_release(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t id[16];
    struct commit c;
    struct buf b;

    if (commit_decode(data, size, &c) == 0) {
        check_commit(&c, data, size);
        commit_release(&c);
    }
    memset(&c, 0, sizeof c);
    if (commit_tags_decode(data, size, id, &c) == 0) {
        buf_init(&b);
        fuzz_require(commit_tags_encode(id, c.tags, c.tag_count, &b) == 0);
        fuzz_require(b.len == size && memcmp(b.data, data, size) == 0);
        buf_release(&b);
    }
    commit_release(&c);
    return 0;
}
