/*
 * names.c - two small caches in front of the system's user database, one for each direction.
 */
#include "engine/names.h"

#include <errno.h>
#include <grp.h>
#include <pthread.h>
#include <pwd.h>
#include <string.h>

#include "base/err.h"
#include "base/map.h"
#include "base/mem.h"

#define NAMES_MAX 256u              /* bytes of a name that is looked up */
#define NAMES_LOOKUP_MAX (1u << 20) /* memory for one entry of the database */

struct found {
    bool known;
    uint32_t id;
};

struct names {
    pthread_mutex_t lock;
    struct map *by_id[NAMES_KINDS];   /* u32 -> char * (fresh), NULL for none */
    struct map *by_name[NAMES_KINDS]; /* a name padded with zeros -> struct found */
    char *scratch;
    size_t scratch_len;
};

int names_new(struct names **out_names)
{
    struct names *n = mem_zalloc(sizeof(*n));
    if (n == NULL) {
        return err_nomem();
    }
    pthread_mutex_init(&n->lock, NULL);
    int rc = 0;
    for (int k = 0; rc == 0 && k < NAMES_KINDS; k++) {
        rc = map_new(sizeof(uint32_t), sizeof(char *), 0, &n->by_id[k]);
        if (rc == 0) {
            rc = map_new(NAMES_MAX, sizeof(struct found), 0, &n->by_name[k]);
        }
    }
    if (rc != 0) {
        names_free(n);
        return rc;
    }
    *out_names = n;
    return 0;
}

void names_free(struct names *n)
{
    if (n == NULL) {
        return;
    }
    for (int k = 0; k < NAMES_KINDS; k++) {
        size_t at = 0;
        const void *key;
        void *value;
        while (n->by_id[k] != NULL && map_next(n->by_id[k], &at, &key, &value)) {
            mem_free(*(char **)value);
        }
        map_free(n->by_id[k]);
        map_free(n->by_name[k]);
    }
    mem_free(n->scratch);
    pthread_mutex_destroy(&n->lock);
    mem_free(n);
}

/* More room for the database's answer. False: no more can be had. */
static bool grow_scratch(struct names *n)
{
    size_t want = n->scratch_len == 0 ? 4096 : 2 * n->scratch_len;
    char *more = want <= NAMES_LOOKUP_MAX ? mem_realloc(n->scratch, want) : NULL;
    if (more == NULL) {
        return false;
    }
    n->scratch = more;
    n->scratch_len = want;
    return true;
}

/* Asks the system: by id if name is NULL, else by name. */
static bool ask(struct names *n, enum names_kind kind, const char *name, uint32_t *io_id,
                const char **out_name)
{
    for (int rc = ERANGE; rc == ERANGE;) {
        if (n->scratch_len == 0 && !grow_scratch(n)) {
            return false;
        }
        struct passwd pw, *pw_found = NULL;
        struct group gr, *gr_found = NULL;
        if (kind == NAMES_USER) {
            rc = name != NULL ? getpwnam_r(name, &pw, n->scratch, n->scratch_len, &pw_found)
                              : getpwuid_r(*io_id, &pw, n->scratch, n->scratch_len, &pw_found);
        } else {
            rc = name != NULL ? getgrnam_r(name, &gr, n->scratch, n->scratch_len, &gr_found)
                              : getgrgid_r(*io_id, &gr, n->scratch, n->scratch_len, &gr_found);
        }
        if (pw_found != NULL) {
            *io_id = pw.pw_uid;
            *out_name = pw.pw_name;
            return true;
        }
        if (gr_found != NULL) {
            *io_id = gr.gr_gid;
            *out_name = gr.gr_name;
            return true;
        }
        if (rc == ERANGE && !grow_scratch(n)) {
            return false;
        }
    }
    return false;
}

const char *names_of(struct names *n, enum names_kind kind, uint32_t id, size_t *out_len)
{
    const char *answer = NULL;
    void *slot = NULL;
    bool fresh = false;
    pthread_mutex_lock(&n->lock);
    if (map_put(n->by_id[kind], &id, &slot, &fresh) != 0) {
        err_clear();
    } else {
        const char *name = NULL;
        uint32_t asked = id;
        if (fresh) {
            *(char **)slot = ask(n, kind, NULL, &asked, &name) ? mem_strdup(name) : NULL;
        }
        answer = *(char **)slot;
    }
    pthread_mutex_unlock(&n->lock);
    if (answer == NULL) {
        answer = "";
    }
    *out_len = strlen(answer);
    return answer;
}

bool names_find(struct names *n, enum names_kind kind, const char *name, size_t len,
                uint32_t *out_id)
{
    char key[NAMES_MAX] = { 0 };
    if (len == 0 || len >= sizeof(key) || memchr(name, '\0', len) != NULL) {
        return false;
    }
    memcpy(key, name, len);
    struct found answer = { 0 };
    void *slot = NULL;
    bool fresh = false;
    pthread_mutex_lock(&n->lock);
    if (map_put(n->by_name[kind], key, &slot, &fresh) != 0) {
        err_clear();
    } else {
        struct found *f = slot;
        const char *seen = NULL;
        if (fresh) {
            f->known = ask(n, kind, key, &f->id, &seen);
        }
        answer = *f;
    }
    pthread_mutex_unlock(&n->lock);
    *out_id = answer.id;
    return answer.known;
}
