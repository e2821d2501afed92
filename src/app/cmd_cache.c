/*
 * cmd_cache.c - what this client keeps outside the repository.
 */
#include <inttypes.h>
#include <string.h>

#include "app/app.h"
#include "app/commands.h"
#include "app/session.h"
#include "base/err.h"
#include "base/text.h"
#include "store/memory.h"

struct sizes {
    struct fs *fs;
    uint64_t files, bytes;
};

static int add_size(void *context, const char *name)
{
    struct sizes *s = context;
    struct fs_stat st;
    int rc = fs_stat(s->fs, name, &st);

    if (rc == 0 && !st.is_dir) {
        s->files++;
        s->bytes += st.size;
    }
    return rc == HF_EABSENT ? 0 : rc; /* another run may have dropped it */
}

static void print_info(struct app *app, const struct session *s, const struct sizes *cache,
                       const struct journal_position *known)
{
    struct json *j = &app->json;
    char size[TEXT_SIZE_BYTES], id[33];

    if (app->options.json) {
        json_document(j, "cache");
        json_hex(j, "repository_id", s->id, sizeof s->id);
        json_text(j, "cache", s->cache_root);
        json_number(j, "files", cache->files);
        json_number(j, "bytes", cache->bytes);
        json_text(j, "state", s->state_root);
        json_number(j, "last_seen", known->number);
        json_end_object(j);
        return;
    }
    out_printf(&app->out, "repository %s\n", text_hex(s->id, sizeof s->id, id));
    out_printf(&app->out, "cache: %s, %" PRIu64 " files, %s\n",
               s->cache_root != NULL ? s->cache_root : "none", cache->files,
               text_size(cache->bytes, size));
    out_printf(&app->out, "state: %s; the last entry seen is %" PRIu64 "\n",
               s->state_root != NULL ? s->state_root : "none", known->number);
}

static int info(struct app *app, struct session *s)
{
    struct journal_position known = { 0 };
    struct sizes cache = { .fs = s->env.cache };
    int rc = 0;

    if (s->env.cache != NULL) {
        rc = fs_list(s->env.cache, "", add_size, &cache);
    }
    if (rc == 0 && s->env.state != NULL) {
        rc = memory_load(s->env.state, s->id, s->env.fs->label, &known);
    }
    if (rc == 0) {
        print_info(app, s, &cache, &known);
    }
    return rc;
}

static int accept_rollback(struct app *app, struct session *s)
{
    int rc;

    if (s->env.state == NULL) {
        return err_raise(HF_EABSENT, "there is no state folder");
    }
    rc = memory_forget(s->env.state, s->id, s->env.fs->label);
    if (rc == 0 && app->options.json) {
        json_document(&app->json, "cache");
        json_hex(&app->json, "repository_id", s->id, sizeof s->id);
        json_bool(&app->json, "accepted", true);
        json_end_object(&app->json);
    } else if (rc == 0) {
        app_note(app, "the repository is taken for what it is now");
    }
    return rc;
}

static int run(struct app *app, const void *values, const struct option_operands *operands)
{
    const char *what = operands->items[0];
    int (*act)(struct app *, struct session *) = strcmp(what, "info") == 0 ? info
                                                 : strcmp(what, "accept-rollback") == 0
                                                     ? accept_rollback
                                                     : NULL;
    struct session s;
    int rc;

    (void)values;
    if (act == NULL) {
        err_raise(HF_EUSAGE,
                  "could not understand \"cache %s\": there are \"cache info\" and "
                  "\"cache accept-rollback\"",
                  what);
        err_hint("\"holdfast help cache\" explains them");
        return HF_EUSAGE;
    }
    rc = session_locate(app, &s);
    if (rc == 0) {
        rc = act(app, &s);
    }
    session_close(&s);
    return rc != 0 ? err_add(rc, "could not do \"cache %s\"", what) : 0;
}

static const struct option options[] = { { .name = NULL } };
static const char *const synopsis[] = { "info", "accept-rollback", NULL };
static const char *const about[] = {
    "info: where this client keeps its cache of the repository (which can be deleted at any time) "
    "and its state: the last entry of the journal that it has seen, by which it notices that a "
    "repository was set back to an older copy, or replaced.",
    "accept-rollback: forgets what was seen last, because the repository was set back on purpose.",
    NULL,
};
static const struct command_text exits[] = { { NULL, NULL } };
static const struct command_text examples[] = {
    { "holdfast cache info", "where things are" },
    { "holdfast cache accept-rollback", "after restoring the repository itself from a copy" },
    { NULL, NULL },
};

const struct command cmd_cache = {
    .name = "cache",
    .group = COMMAND_CARE,
    .summary = "show or correct what this client remembers",
    .synopsis = synopsis,
    .about = about,
    .options = options,
    .exits = exits,
    .examples = examples,
    .operands_min = 1,
    .operands_max = 1,
    .run = run,
};
