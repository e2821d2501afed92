/*
 * view.c - saving and loading the cached view. See view.h.
 *
 * The file: magic "HFVIEW\0\3" [8] · repository id [16] · u64 number · seal hash [32] · varint
 * segments indexed · bytes catalogue · bytes list of index runs · blake2b of all before [32].
 */
#include "store/view.h"

#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"
#include "format/nacl.h"

#define VIEW_MAX_BYTES ((size_t)1 << 30)

static const uint8_t magic[8] = { 'H', 'F', 'V', 'I', 'E', 'W', 0, 4 };

static int parse(const uint8_t *data, size_t len, const struct keyring *keys,
                 const uint8_t repo_id[16], struct index *index, struct view *out)
{
    struct cursor in;
    uint8_t hash[NACL_HASH_BYTES];
    uint8_t head[24];
    const uint8_t *catalog;
    const uint8_t *runs;
    size_t catalog_len;
    size_t runs_len;
    int rc;

    if (len < sizeof hash) {
        return err_raise(HF_EDAMAGE, "the cached view is cut short");
    }
    nacl_hash(data, len - sizeof hash, hash);
    if (memcmp(hash, data + len - sizeof hash, sizeof hash) != 0) {
        return err_raise(HF_EDAMAGE, "the cached view is not what was written");
    }
    cursor_init(&in, data, len - sizeof hash);
    cursor_copy(&in, head, sizeof head);
    if (memcmp(head, magic, 8) != 0 || memcmp(head + 8, repo_id, 16) != 0) {
        return err_raise(HF_EDAMAGE, "the cached view is of another repository or version");
    }
    out->position.number = cursor_u64(&in);
    cursor_copy(&in, out->position.hash, sizeof out->position.hash);
    out->indexed = (uint32_t)cursor_varint(&in);
    catalog = cursor_bytes(&in, len, &catalog_len);
    runs = cursor_bytes(&in, len, &runs_len);
    if (!catalog || !runs || !cursor_done(&in)) {
        return err_raise(HF_EDAMAGE, "the cached view is not whole");
    }
    rc = index_load(index, runs, runs_len);
    if (rc < 0) {
        return rc;
    }
    rc = catalog_load(catalog, catalog_len, keys, repo_id, &out->catalog);
    if (rc < 0) {
        index_clear(index);
    }
    return rc;
}

int view_load(struct fs *cache, const struct keyring *keys, const uint8_t repo_id[16],
              struct index *index, struct view *out_view)
{
    uint8_t *data = NULL;
    size_t len = 0;
    int rc = fs_read_file(cache, "view", VIEW_MAX_BYTES, &data, &len);

    memset(out_view, 0, sizeof *out_view);
    if (rc == 0) {
        rc = parse(data, len, keys, repo_id, index, out_view);
    }
    mem_free(data);
    return rc;
}

static int encode(struct index *index, const uint8_t repo_id[16], const struct view *view,
                  struct buf *out)
{
    uint8_t hash[NACL_HASH_BYTES];
    struct buf part;
    int rc;

    buf_init(&part);
    buf_put(out, magic, sizeof magic);
    buf_put(out, repo_id, 16);
    buf_put_u64(out, view->position.number);
    buf_put(out, view->position.hash, sizeof view->position.hash);
    buf_put_varint(out, view->indexed);
    rc = catalog_save(view->catalog, &part);
    buf_put_bytes(out, part.data, part.len);
    buf_clear(&part);
    if (rc == 0) {
        rc = index_save(index, &part);
    }
    buf_put_bytes(out, part.data, part.len);
    nacl_hash(out->data, out->len, hash);
    buf_put(out, hash, sizeof hash);
    buf_release(&part);
    return rc < 0 ? rc : buf_error(out);
}

static int write_file(struct fs *cache, struct rnd *rnd, const struct buf *bytes)
{
    struct fs_file *f = NULL;
    uint8_t uuid[UUID_BYTES];
    char tmp[5 + 2 * UUID_BYTES + 1] = "view-";
    int rc = rnd_uuid(rnd, uuid);

    if (rc < 0) {
        return rc;
    }
    text_hex(uuid, sizeof uuid, tmp + 5);
    rc = fs_create(cache, tmp, 0600, &f);
    if (rc < 0) {
        return rc;
    }
    rc = fs_pwrite(f, bytes->data, bytes->len, 0);
    if (rc == 0) {
        rc = fs_close(&f);
    }
    if (rc == 0) {
        rc = fs_rename_over(cache, tmp, "view");
    }
    if (rc < 0) {
        struct err_trail cause;

        err_take(&cause);
        (void)fs_close(&f);
        (void)fs_unlink(cache, tmp);
        err_give(&cause);
    }
    return rc;
}

int view_save(struct fs *cache, struct rnd *rnd, struct index *index, const struct view *view)
{
    const struct entry_init *init = catalog_init_entry(view->catalog);
    struct buf bytes;
    int rc;

    if (!init) {
        return err_raise(HF_EFAIL, "there is no catalogue to save");
    }
    buf_init(&bytes);
    rc = encode(index, init->repo_id, view, &bytes);
    if (rc == 0) {
        rc = write_file(cache, rnd, &bytes);
    }
    buf_release(&bytes);
    return rc;
}
