/*
 * check_journal.c - the parts of a check that concern keys, entries and the head.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "engine/check_internal.h"
#include "format/keyfile.h"

/* Keys: whole copies, of this repository */

static void inspect_key(struct check *c, const char *object, const uint8_t *data, size_t len)
{
    struct keyfile_info info;
    int rc = keyfile_inspect(data, len, &info);

    if (rc < 0) {
        check_report(c, "key", object, NULL);
    } else if (info.copy_damaged[0] || info.copy_damaged[1]) {
        check_report(c, "key", object, "one of its two copies is damaged; the other still opens");
    } else if (memcmp(info.repo_id, repo_id(c->repo), 16) != 0 ||
               memcmp(info.admin_public, repo_keys(c->repo)->sign_public, 32) != 0) {
        check_report(c, "key", object, "it belongs to another repository");
    }
}

static int see_key(void *context, const char *name)
{
    struct check *c = context;
    char path[5 + 256];
    uint8_t *data = NULL;
    size_t len = 0;
    int rc;

    snprintf(path, sizeof path, "keys/%s", name);
    rc = fs_read_file(c->fs, path, 2 * (size_t)KEYFILE_BYTES, &data, &len);
    if (rc == 0) {
        inspect_key(c, path, data, len);
    } else if (rc == HF_EDAMAGE) {
        check_report(c, "key", path, NULL);
        rc = 0;
    }
    mem_free(data);
    return rc;
}

int check_keys(struct check *c)
{
    return fs_list(c->fs, "keys", see_key, c);
}

/* The journal */

struct listing {
    struct check *check;
    uint64_t beyond; /* the highest number above the tip */
    uint64_t tip;
};

static int see_entry(void *context, const char *name)
{
    struct listing *l = context;
    char path[8 + 256];
    uint64_t number;

    snprintf(path, sizeof path, "journal/%s", name);
    if (!entry_parse_name(name, &number)) {
        check_report(l->check, "file", path, "it is not the name of an entry");
    } else if (number > l->tip && number > l->beyond) {
        l->beyond = number;
    }
    return 0;
}

static int apply(void *context, const struct journal_entry *e)
{
    struct check *c = context;
    int rc = catalog_apply(c->catalog, e);

    c->result->entries += rc == 0;
    return rc;
}

static int new_journal(struct check *c, struct journal **out)
{
    const struct repo_env *env = repo_env(c->repo);
    struct journal_options o = { .fs = c->fs,
                                 .clock = env->clock,
                                 .rnd = env->rnd,
                                 .observe = apply,
                                 .context = c,
                                 .verify_all = true };

    memcpy(o.repo_id, repo_id(c->repo), sizeof o.repo_id);
    memcpy(o.admin_public, repo_keys(c->repo)->sign_public, sizeof o.admin_public);
    return journal_new(&o, out);
}

/* Behind the entry that broke the chain others may stand: they can't be believed, but are named. */
static int look_beyond(struct check *c, struct journal *j)
{
    struct listing l = { .check = c, .tip = journal_at(j)->number };
    char object[64];
    char message[128];
    int rc = fs_list(c->fs, "journal", see_entry, &l);

    if (rc == HF_EABSENT) {
        check_report(c, "journal", "journal/", "the folder is missing");
        return 0;
    }
    if (rc == 0 && l.beyond > l.tip) {
        snprintf(object, sizeof object, "journal/%012" PRIu64, l.tip + 1);
        snprintf(message, sizeof message,
                 "entries up to %" PRIu64 " stand behind it and can't be followed", l.beyond);
        check_report(c, "entry", object, message);
    }
    return rc;
}

int check_journal(struct check *c)
{
    struct journal *j = NULL;
    char object[64];
    int rc = new_journal(c, &j);

    if (rc == 0) {
        rc = journal_follow(j);
        if (rc == HF_EDAMAGE) {
            snprintf(object, sizeof object, "journal/%012" PRIu64, journal_at(j)->number + 1);
            check_report(c, "entry", object, NULL);
            rc = 0;
        }
    }
    if (rc == 0) {
        rc = look_beyond(c, j);
    }
    journal_free(j);
    return rc;
}
