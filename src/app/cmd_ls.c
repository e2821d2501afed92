/*
 * cmd_ls.c - what is in a snapshot.
 */
#include <string.h>

#include "app/app.h"
#include "app/browse.h"
#include "app/commands.h"
#include "app/select.h"
#include "app/signals.h"
#include "base/err.h"
#include "base/mem.h"
#include "engine/forget_look.h"
#include "engine/manifest_cursor.h"
#include "engine/repopages.h"

struct ls_values {
    struct select_filters filters;
    bool long_form;
    bool recursive;
};

struct listing_job {
    struct app *app;
    const struct ls_values *values;
    struct manifest_cursor *cursor;
    uint64_t damaged;
};

static void put(struct listing_job *b, const struct node *n)
{
    if (b->app->options.json) {
        browse_put_json(&b->app->json, n);
    } else {
        browse_put_line(&b->app->out, n, b->values->long_form);
    }
}

/* Everything below a folder, the cursor being on it; only what is directly in it unless recursive.
 */
static int list_folder(struct listing_job *b, const char *path)
{
    size_t len = strlen(path);
    int rc = 0;

    while (rc == 0 && !out_gone(&b->app->out)) {
        struct node n;
        int interrupted = signals_check();

        if (interrupted != 0) {
            return interrupted;
        }
        rc = manifest_cursor_next(b->cursor, &n);
        if (rc == 1 && node_path_within(path, len, n.path, n.path_len)) {
            put(b, &n);
            rc = b->values->recursive ? 0 : manifest_cursor_skip_subtree(b->cursor);
        } else if (rc >= 0) {
            return 0;
        }
        rc = browse_pass_damage(b->cursor, rc, &b->damaged);
    }
    return rc;
}

static int list(struct listing_job *b, const char *path)
{
    struct node n;
    int rc;

    /* A snapshot of nothing has not even a root. */
    if (strcmp(path, "/") == 0 && manifest_cursor_find(b->cursor, path, 1, &n) == 0) {
        return 0;
    }
    rc = browse_find(b->cursor, path, &n);
    if (rc != 0) {
        return rc;
    }
    if (n.type == NODE_DIR) {
        return list_folder(b, path);
    }
    put(b, &n);
    return 0;
}

static int list_snapshot(struct listing_job *b, struct repo *repo,
                         const struct catalog_snapshot *snapshot, const char *path)
{
    struct pagestore *pages = NULL;
    int rc = repopages_new(repo, NULL, &pages);

    if (rc == 0) {
        rc = manifest_cursor_open(pages, snapshot->commit.root, &b->cursor);
    }
    if (rc == 0 && b->app->options.json) {
        json_document(&b->app->json, "ls");
        json_hex(&b->app->json, "snapshot_id", snapshot->id, sizeof snapshot->id);
        json_array(&b->app->json, "entries");
    }
    if (rc == 0) {
        rc = list(b, path);
        if (b->app->options.json) {
            json_end_array(&b->app->json);
            json_end_object(&b->app->json);
        }
    }
    manifest_cursor_close(b->cursor);
    repopages_free(pages);
    rc = rc != 0 ? rc : browse_check_damage(b->damaged);
    return forget_look_explain(repo, snapshot->id, rc);
}

static int run(struct app *app, const void *values, const struct option_operands *operands)
{
    struct listing_job b = { .app = app, .values = values };
    struct timeline_resolution found;
    struct select_view v = { 0 };
    char *path = NULL;
    int rc = browse_path(operands->count > 1 ? operands->items[1] : "/", &path);

    if (rc == 0) {
        rc = select_open(app, REPO_TOLERANT, &b.values->filters, operands->items, 1, NULL, &v);
    }
    if (rc == 0) {
        rc = select_point(&v, 0, &found);
    }
    if (rc == 0) {
        rc = list_snapshot(&b, v.session.repo, found.found->snapshot, path);
    }
    mem_free(path);
    select_close(&v);
    return rc != 0 ? err_add(rc, "could not list files") : 0;
}

static const struct option options[] = {
    { "long", 'l', OPTION_FLAG, NULL, "with mode, owner, group, size and time",
      offsetof(struct ls_values, long_form), NULL },
    { "recursive", 'R', OPTION_FLAG, NULL, "with all that is below",
      offsetof(struct ls_values, recursive), NULL },
    SELECT_FILTER_ROWS(struct ls_values, filters),
    { .name = NULL },
};
static const char *const synopsis[] = { "SELECTOR [PATH] [-l] [-R]", NULL };
static const char *const about[] = {
    "Lists what is in a folder of a snapshot (without PATH: in /), or a file. Paths are as they "
    "were stored. \"holdfast help snapshots\" explains SELECTORs.",
    NULL,
};
static const struct command_text exits[] = {
    { "1", "it failed, or there is no such path; the nearest one is named" },
    { "7", "no such point, or not unique" },
    { NULL, NULL },
};
static const struct command_text examples[] = {
    { "holdfast ls latest ~/documents", "what is in a folder" },
    { "holdfast ls latest -lR", "everything, with all there is to know" },
    { "holdfast ls latest~1 --json", "for scripts" },
    { NULL, NULL },
};

const struct command cmd_ls = {
    .name = "ls",
    .group = COMMAND_LOOK,
    .summary = "list files of a snapshot",
    .synopsis = synopsis,
    .about = about,
    .options = options,
    .exits = exits,
    .examples = examples,
    .values_size = sizeof(struct ls_values),
    .operands_min = 1,
    .operands_max = 2,
    .run = run,
};
