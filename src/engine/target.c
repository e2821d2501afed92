/*
 * target.c - what all targets share.
 */
#include "engine/target.h"

#include <limits.h>
#include <string.h>

#include "base/err.h"

void target_free(struct target *t)
{
    if (t != NULL) {
        t->ops->free(t);
    }
}

int target_check_name(const char *name, size_t len)
{
    if (len == 0 || (len == 1 && name[0] == '.') ||
        (len == 2 && name[0] == '.' && name[1] == '.')) {
        return err_raise(HF_EDAMAGE, "'%.*s' is no name for a file", (int)len, name);
    }
    if (len > NAME_MAX) {
        return err_raise(HF_EDAMAGE, "a name is longer than any file system allows");
    }
    if (memchr(name, '/', len) != NULL || memchr(name, '\0', len) != NULL) {
        return err_raise(HF_EDAMAGE, "a name has a slash or a NUL in it");
    }
    return 0;
}
