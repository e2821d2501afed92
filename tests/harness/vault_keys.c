/*
 * vault_keys.c - see vault_keys.h.
 */
#include "harness/vault_keys.h"

#include "base/err.h"
#include "store/repo_keys.h"

/* The way that a client of now is let in by: that one if it may be, else another. */
static int way_in(struct vault *v, unsigned first, unsigned *out_way)
{
    int rc = HF_EKEY;

    for (unsigned i = 0; rc == HF_EKEY && i < VAULT_WAYS; i++) {
        *out_way = (first + i) % VAULT_WAYS;
        rc = vault_open_by(&v->env, *out_way, &v->repo);
    }
    return rc;
}

typedef int (*change_fn)(struct vault *v, const struct repo_key_wish *w);

struct author {
    const char *client;
    unsigned by;
};
static const struct author owner = { "a", 0 };

static int change(struct simdisk *d, const struct author *author, const char *name, unsigned way,
                  change_fn fn)
{
    struct repo_key_wish wish = { .name = name,
                                  .kind = KEYCHANGE_KEY_FILE,
                                  .unlock = vault_way(way) };
    unsigned by = 0;
    struct vault v;
    int rc = vault_enter(&v, simdisk_client(d, author->client));

    if (rc == 0) {
        rc = way_in(&v, author->by, &by);
    }
    if (rc == 0) {
        wish.current = vault_way(by);
        rc = fn(&v, &wish);
    }
    vault_leave(&v);
    return rc;
}

static int do_add(struct vault *v, const struct repo_key_wish *w)
{
    uint64_t number;

    return repo_keys_add(v->repo, w, &number);
}

static int do_replace(struct vault *v, const struct repo_key_wish *w)
{
    uint64_t number;

    return repo_keys_replace(v->repo, w, &number);
}

static int do_remove(struct vault *v, const struct repo_key_wish *w)
{
    uint64_t number;

    return repo_keys_remove(v->repo, w->name, &number);
}

int vault_key_add(struct simdisk *d, const char *name, unsigned way)
{
    int rc = change(d, &owner, name, way, do_add);

    if (rc == 0) {
        simclient_note(simdisk_client(d, "a"), "way %u valid", way);
    }
    return rc;
}

int vault_key_replace(struct simdisk *d, const char *name, unsigned way, unsigned old)
{
    int rc;

    simclient_note(simdisk_client(d, "a"), "way %u going", old);
    rc = change(d, &owner, name, way, do_replace);
    if (rc == 0) {
        simclient_note(simdisk_client(d, "a"), "way %u valid", way);
        simclient_note(simdisk_client(d, "a"), "way %u removed", old);
    }
    return rc;
}

int vault_key_remove(struct simdisk *d, const char *client, unsigned by, const char *name,
                     unsigned way)
{
    const struct author author = { client, by };
    int rc;

    simclient_note(simdisk_client(d, client), "way %u going", way);
    rc = change(d, &author, name, way, do_remove);
    if (rc == 0) {
        simclient_note(simdisk_client(d, client), "way %u removed", way);
    }
    return rc;
}

/* --- the oracle --- */

static bool noted(const struct simdisk *d, unsigned way, const char *what)
{
    return simdisk_noted(d, "way %u %s", way, what);
}

static bool must_open(const struct simdisk *d, unsigned way)
{
    bool begun = way == 0 ? simdisk_noted(d, "made") : noted(d, way, "valid");

    return begun && !noted(d, way, "going");
}

/* Its files too: who copies the repository later shall not find them. */
static int verify_list(const struct simdisk *d, struct repo *r)
{
    struct repo_key_list l;
    int rc = repo_keys_list(r, &l);
    bool removed = false;

    for (unsigned way = 0; way < VAULT_WAYS; way++) {
        removed = removed || noted(d, way, "removed");
    }
    for (size_t i = 0; rc == 0 && i < l.count; i++) {
        enum repo_key_state s = l.list[i].state;

        if (s != REPO_KEY_OK && s != REPO_KEY_UNKNOWN && s != REPO_KEY_REMOVED) {
            rc = err_raise(HF_EFAIL, "keys/%s: %s", l.list[i].file, repo_keys_state_name(s));
        } else if (s == REPO_KEY_REMOVED && removed) {
            rc = err_raise(HF_EFAIL, "keys/%s was removed and is there", l.list[i].file);
        }
    }
    repo_keys_release(&l);
    return rc;
}

static int verify_way(struct simdisk *d, const struct repo_env *env, unsigned way, bool *out_opens)
{
    struct repo *r = NULL;
    int rc = vault_open_by(env, way, &r);

    *out_opens = rc == 0;
    if (rc == HF_EKEY && must_open(d, way)) {
        return err_add(HF_EFAIL, "way %u does not open", way);
    }
    if (rc == HF_EKEY) {
        err_clear();
        return 0;
    }
    if (rc == 0 && noted(d, way, "removed")) {
        rc = err_raise(HF_EFAIL, "way %u was removed and opens", way);
    }
    if (rc == 0) {
        rc = verify_list(d, r);
    }
    repo_close(r);
    return rc;
}

int vault_verify_keys(struct simdisk *d)
{
    struct simclient *client = simdisk_client(d, "verifier");
    struct repo_env env = { .fs = simclient_fs(client, "repo"),
                            .clock = simclient_clock(client),
                            .rnd = simclient_rnd(client) };
    bool any = false;
    int rc = 0;

    for (unsigned way = 0; rc == 0 && way < VAULT_WAYS; way++) {
        bool opens = false;

        rc = verify_way(d, &env, way, &opens);
        any = any || opens;
    }
    if (rc == 0 && !any) {
        rc = err_raise(HF_EFAIL, "there is no way in");
    }
    fs_close_fs(env.fs);
    return rc == 0 ? vault_verify(d) : rc;
}
