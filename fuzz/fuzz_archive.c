/*
 * fuzz_archive.c - any bytes as an archive: whatever comes out of it has names that make a tree.
 */
#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "engine/archive_lib.h"
#include "engine/archive_names.h"

#define MOST_ENTRIES 1000
#define MOST_BYTES (4u << 20) /* a bomb is no finding */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct input {
    const uint8_t *data;
    size_t size, at;
};

static int on_read(void *context, const void **out_data, size_t *out_len)
{
    struct input *in = context;
    size_t left = in->size - in->at;
    *out_data = in->data + in->at;
    *out_len = left < 700 ? left : 700;
    in->at += *out_len;
    return 0;
}

static int on_seek(void *context, int64_t offset, int whence, int64_t *out_position)
{
    struct input *in = context;
    int64_t to = 0;
    if (__builtin_add_overflow(offset, whence == 2 ? (int64_t)in->size : 0, &to) || to < 0 ||
        to > (int64_t)in->size) {
        return err_raise(HF_EIO, "there is nothing there");
    }
    in->at = (size_t)to;
    *out_position = to;
    return 0;
}

static int read_content(struct archive_lib_reader *r, uint64_t *budget)
{
    const void *data = NULL;
    size_t len = 0;
    uint64_t offset = 0;
    int rc = 0;
    while ((rc = archive_lib_reader_data(r, &data, &len, &offset)) == 1) {
        uint64_t cost = len + 1;
        if (cost > *budget) {
            return 1;
        }
        *budget -= cost;
    }
    return rc;
}

static void check_path(const struct buf *path)
{
    const char *text = (const char *)path->data;
    assert(path->len > 0 && text[0] == '/' && strlen(text) == path->len);
    assert(strstr(text, "//") == NULL && strstr(text, "/../") == NULL &&
           strstr(text, "/./") == NULL);
}

static int take(struct archive_names *names, struct archive_lib_in *in, uint64_t inode,
                struct buf *path)
{
    enum archive_names_verdict verdict;
    const char *why = NULL;
    bool absolute = false;
    int rc = archive_names_clean(in->node.path, 0, path, &absolute, &verdict, &why);
    if (rc != 0 || verdict != ARCHIVE_NAMES_GOOD) {
        return rc;
    }
    check_path(path);
    return archive_names_add(names, (const char *)path->data, path->len,
                             in->node.type == NODE_DIR ? 0 : inode, &why);
}

/* Of a cpio with a name of gigabytes libarchive asks for as much memory before it looks. */
static bool asks_for_too_much(const uint8_t *data, size_t size)
{
    for (size_t i = 0; i + 110 <= size; i++) {
        bool newc = memcmp(data + i, "07070", 5) == 0 && (data[i + 5] == '1' || data[i + 5] == '2');
        if (newc && memcmp(data + i + 94, "000", 3) != 0) {
            return true;
        }
    }
    return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t key[32];
    struct input input = { data, size, 0 };
    const struct archive_lib_source source = { on_read, on_seek, &input, false };
    struct archive_lib_reader *r = NULL;
    struct archive_names *names = NULL;
    struct archive_lib_in in;
    struct buf path;
    uint64_t budget = MOST_BYTES;
    if (asks_for_too_much(data, size)) {
        return 0;
    }
    buf_init(&path);
    int rc = archive_lib_reader_new(&source, &r);
    if (rc == 0) {
        rc = archive_names_new(key, &names);
    }
    for (uint64_t i = 1; rc == 0 && i <= MOST_ENTRIES; i++) {
        rc = archive_lib_reader_next(r, &in);
        if (rc != 1) {
            break;
        }
        rc = take(names, &in, i, &path);
        if (rc == 0) {
            rc = read_content(r, &budget);
        }
    }
    err_clear();
    archive_names_free(names);
    archive_lib_reader_free(r);
    buf_release(&path);
    return 0;
}
