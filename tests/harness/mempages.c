/*
 * mempages.c - see mempages.h.
 */
#include "harness/mempages.h"

#include <string.h>

#include "base/err.h"
#include "base/map.h"
#include "base/mem.h"
#include "format/nacl.h"

struct stored {
    uint8_t *data;
    size_t len;
};

static int store(struct mempages *m, const uint8_t id[32], const void *data, size_t len)
{
    void *value;
    bool is_new;
    uint8_t *copy = mem_dup(data, len);
    if (copy == NULL) {
        return err_nomem();
    }
    int rc = map_put(m->map, id, &value, &is_new);
    if (rc != 0) {
        mem_free(copy);
        return rc;
    }
    struct stored *s = value;
    if (!is_new) {
        mem_free(s->data);
    }
    *s = (struct stored){ .data = copy, .len = len };
    return 0;
}

static int put(struct pagestore *p, const void *page, size_t len, uint8_t out_id[32])
{
    struct mempages *m = p->context;
    m->puts++;
    if (m->fail_put_at > 0 && --m->fail_put_at == 0) {
        return err_raise(HF_ENOSPC, "no space for a page");
    }
    nacl_hash(page, len, out_id);
    if (map_get(m->map, out_id) != NULL) {
        return 0;
    }
    m->fresh++;
    m->fresh_bytes += len;
    return store(m, out_id, page, len);
}

static int get(struct pagestore *p, const uint8_t id[32], struct buf *out)
{
    struct mempages *m = p->context;
    m->gets++;
    if (m->refuse_gets) {
        return err_raise(HF_EIO, "the disk does not answer");
    }
    const struct stored *s = map_get(m->map, id);
    if (s == NULL) {
        return err_raise(HF_EDAMAGE, "it is not there");
    }
    buf_clear(out);
    buf_put(out, s->data, s->len);
    return buf_error(out);
}

int mempages_open(struct mempages *m)
{
    *m = (struct mempages){ .pages = { .put = put, .get = get, .context = m } };
    return map_new(32, sizeof(struct stored), 1, &m->map);
}

void mempages_close(struct mempages *m)
{
    size_t position = 0;
    const void *key;
    void *value;
    if (m->map == NULL) {
        return;
    }
    while (map_next(m->map, &position, &key, &value)) {
        mem_free(((struct stored *)value)->data);
    }
    map_free(m->map);
    m->map = NULL;
}

void mempages_lose(struct mempages *m, const uint8_t id[32])
{
    struct stored *s = map_get(m->map, id);
    if (s == NULL) {
        return;
    }
    mem_free(s->data);
    map_remove(m->map, id);
}

int mempages_replace(struct mempages *m, const uint8_t id[32], const void *data, size_t len)
{
    return store(m, id, data, len);
}

const uint8_t *mempages_find(const struct mempages *m, const uint8_t id[32], size_t *out_len)
{
    const struct stored *s = map_get(m->map, id);
    if (s == NULL) {
        return NULL;
    }
    *out_len = s->len;
    return s->data;
}

void mempages_reset_counts(struct mempages *m)
{
    m->puts = m->fresh = m->fresh_bytes = m->gets = 0;
}
