/*
 * check_keys.c - the part of a check that looks at key files: whole copies, of this repository, and
 * those that the journal says there are. What a change of keys left behind that did not finish is
 * no damage, and is told as a note.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "engine/check_internal.h"
#include "format/keyfile.h"
#include "store/repo_keys.h"

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
    } else if (rc == HF_EDAMAGE || rc == HF_EIO) {
        check_report(c, "key", path, NULL);
        rc = 0;
    } else if (rc == HF_EABSENT) {
        rc = 0; /* it was removed meanwhile */
    }
    mem_free(data);
    return rc;
}

static void compare_with_journal(struct check *c, const struct repo_key *k)
{
    char path[5 + 256], what[96];

    snprintf(path, sizeof path, "keys/%s", k->file);
    switch (k->state) {
    case REPO_KEY_MISSING:
        snprintf(what, sizeof what, "it is missing; entry %" PRIu64 " added it", k->entry);
        check_report(c, "key", path, what);
        break;
    case REPO_KEY_REPLACED:
        check_note(c, "%s: it holds another key than its name says", path);
        break;
    case REPO_KEY_UNKNOWN:
        check_note(c, "%s: the journal does not know it, since adding it did not finish", path);
        break;
    case REPO_KEY_REMOVED:
        check_note(c, "%s: the journal says that it is removed, but its file is still there", path);
        break;
    case REPO_KEY_OK:
    case REPO_KEY_HALF:
    case REPO_KEY_DAMAGED:
    case REPO_KEY_FOREIGN: /* told by see_key */
        break;
    }
}

int check_keys(struct check *c)
{
    struct repo_key_list l = { 0 };
    int rc = fs_list(c->fs, "keys", see_key, c);

    if (rc == 0) {
        rc = repo_keys_list(c->repo, &l);
    }
    for (size_t i = 0; rc == 0 && i < l.count; i++) {
        compare_with_journal(c, &l.list[i]);
    }
    repo_keys_release(&l);
    return rc;
}
