/*
 * retag.c - see retag.h.
 */
#include "engine/retag.h"

#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"
#include "format/entry.h"
#include "store/run.h"

static bool holds(char *const *tags, size_t count, const char *tag)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(tags[i], tag) == 0) {
            return true;
        }
    }
    return false;
}

int retag_apply(const struct commit *c, const struct retag_change *change, char ***out_tags,
                size_t *out_count)
{
    char **tags = mem_array(c->tag_count + change->add_count + 1, sizeof *tags);
    size_t count = 0;

    if (tags == NULL) {
        return err_nomem();
    }
    for (size_t i = 0; !change->replace && i < c->tag_count; i++) {
        if (!holds(change->remove, change->remove_count, c->tags[i])) {
            tags[count++] = c->tags[i];
        }
    }
    for (size_t i = 0; i < change->add_count; i++) {
        if (!holds(tags, count, change->add[i])) {
            tags[count++] = change->add[i];
        }
    }
    *out_tags = tags;
    *out_count = count;
    return 0;
}

struct wish {
    struct repo *repo;
    const uint8_t *id;
    const struct retag_change *change;
    bool nothing;
};

static bool same_tags(const struct commit *c, char *const *tags, size_t count)
{
    bool same = c->tag_count == count;

    for (size_t i = 0; same && i < count; i++) {
        same = strcmp(c->tags[i], tags[i]) == 0;
    }
    return same;
}

static int build(void *context, const struct catalog *catalog, const uint8_t uuid[16],
                 struct buf *body)
{
    struct wish *w = context;
    const struct catalog_snapshot *s = catalog_find_snapshot(catalog, w->id);
    char **tags = NULL;
    size_t count = 0;
    struct buf plain;
    int rc;

    if (s == NULL) {
        return err_raise(HF_ENO_POINT, "there is no such snapshot");
    }
    buf_init(&plain);
    rc = retag_apply(&s->commit, w->change, &tags, &count);
    w->nothing = rc == 0 && same_tags(&s->commit, tags, count);
    if (w->nothing) {
        rc = err_raise(HF_ECHANGED, "the tags are as they shall be");
    }
    if (rc == 0) {
        rc = commit_tags_encode(w->id, tags, count, &plain);
    }
    if (rc == 0) {
        rc = entry_put_sealed(body, ENTRY_EVENT, ENTRY_EVENT_TAG, repo_keys(w->repo),
                              repo_id(w->repo), uuid, repo_env(w->repo)->rnd, plain.data,
                              plain.len);
    }
    mem_free(tags);
    buf_release(&plain);
    return rc;
}

int retag_publish(struct repo *r, const uint8_t id[16], const struct retag_change *change,
                  uint64_t *out_number)
{
    struct wish w = { r, id, change, false };
    const struct run_entry entry = { build, &w };
    uint8_t entry_id[16];
    int rc = run_publish(r, &entry, entry_id, out_number);

    if (rc == HF_ECHANGED && w.nothing) {
        *out_number = 0;
        err_clear();
        return 0;
    }
    return rc;
}
