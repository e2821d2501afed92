/*
 * session.h - an opened repository with all that it lives in, as the command line names them.
 */
#ifndef HF_APP_SESSION_H
#define HF_APP_SESSION_H

#include "app/app.h"
#include "app/secret.h"
#include "store/repo.h"

struct session {
    struct app *app;
    struct repo_env env;
    struct repo *repo;
    struct secret secret;
    char *path;       /* of the repository, absolute */
    char *cache_root; /* absolute, or NULL without a cache */
    char *state_root; /* absolute, or NULL where none could be had */
    uint8_t id[16];
};

/*
 * Finds the repository's folder, opens its key, and opens it. HF_EUSAGE if none was named. In a
 * tolerant session a damaged journal is warned of; see repo_damage. Close it in either case.
 */
int session_open(struct app *app, enum repo_damage_policy policy, struct session *s);
/* The same without keys or journal: env and id only, for what needs no more. */
int session_locate(struct app *app, struct session *s);
/* For init: the secret, then the folder, which is made; env without caches. Nothing is opened. */
int session_prepare(struct app *app, struct session *s);
void session_close(struct session *s);

/* The repository's path as an absolute one; HF_EUSAGE if none was named. Fresh memory. */
int session_path(const struct app *app, char **out_path);

#endif
