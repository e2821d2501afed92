/*
 * whoami.c - see whoami.h.
 */
#include "app/whoami.h"

#include <string.h>
#include <unistd.h>

#include "engine/names.h"

int whoami_find(struct whoami *out)
{
    struct names *names;
    const char *user;
    size_t len;
    int rc = names_new(&names);

    memset(out, 0, sizeof *out);
    if (rc != 0) {
        return rc;
    }
    user = names_of(names, NAMES_USER, (uint32_t)geteuid(), &len);
    if (len < sizeof out->user) {
        memcpy(out->user, user, len);
    }
    names_free(names);
    if (gethostname(out->host, sizeof out->host - 1) != 0) {
        out->host[0] = '\0';
    }
    return 0;
}
