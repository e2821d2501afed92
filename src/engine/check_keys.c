/*
 * check_keys.c - the part of a check that looks at key files: whole copies, of this repository.
 */
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "engine/check_internal.h"
#include "format/keyfile.h"

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

int check_keys(struct check *c)
{
    return fs_list(c->fs, "keys", see_key, c);
}
