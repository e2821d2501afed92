/*
 * cmd_find.c - where in a snapshot is it?
 */
#include <inttypes.h>

#include "app/app.h"
#include "app/browse.h"
#include "app/commands.h"
#include "app/select.h"
#include "app/signals.h"
#include "base/err.h"
#include "engine/exclude.h"
#include "engine/manifest_cursor.h"
#include "engine/repopages.h"

struct find_values {
    struct select_filters filters;
    bool long_form;
};

struct search {
    struct app *app;
    const struct find_values *values;
    struct exclude *patterns;
    struct manifest_cursor *cursor;
    uint64_t damaged;
};

/* The last of several operands is a SELECTOR if it can be one. */
static bool last_is_selector(const struct app *app, const struct option_operands *operands)
{
    struct selector s;

    if (operands->count < 2) {
        return false;
    }
    if (selector_parse(operands->items[operands->count - 1], clock_wall(app->clock), &s) != 0) {
        err_clear();
        return false;
    }
    selector_release(&s);
    return true;
}

static int search(struct search *b)
{
    int rc = 0;

    while (rc == 0 && !out_gone(&b->app->out)) {
        struct node n;
        int interrupted = signals_check();

        if (interrupted != 0) {
            return interrupted;
        }
        rc = manifest_cursor_next(b->cursor, &n);
        if (rc == 0) {
            return 0;
        }
        if (rc == 1) {
            rc = 0;
            if (!exclude_matches(b->patterns, n.path, n.path_len, n.type == NODE_DIR)) {
                continue;
            }
            if (b->app->options.json) {
                browse_put_json(&b->app->json, &n);
            } else {
                browse_put_line(&b->app->out, &n, b->values->long_form);
            }
        }
        rc = browse_pass_damage(b->cursor, rc, &b->damaged);
    }
    return rc;
}

static int search_snapshot(struct search *b, struct repo *repo,
                           const struct catalog_snapshot *snapshot)
{
    struct json *j = &b->app->json;
    struct pagestore *pages = NULL;
    int rc = repopages_new(repo, NULL, &pages);

    if (rc == 0) {
        rc = manifest_cursor_open(pages, snapshot->commit.root, &b->cursor);
    }
    if (rc == 0 && b->app->options.json) {
        json_document(j, "find");
        json_hex(j, "snapshot_id", snapshot->id, sizeof snapshot->id);
        json_array(j, "entries");
    }
    if (rc == 0) {
        rc = search(b);
        if (b->app->options.json) {
            json_end_array(j);
            json_end_object(j);
        }
    }
    manifest_cursor_close(b->cursor);
    repopages_free(pages);
    return rc != 0 ? rc : browse_check_damage(b->damaged);
}

static int run(struct app *app, const void *values, const struct option_operands *operands)
{
    struct search b = { .app = app, .values = values };
    size_t selectors = last_is_selector(app, operands) ? 1 : 0;
    size_t patterns = operands->count - selectors;
    struct timeline_resolution found;
    struct select_view v = { 0 };
    int rc = exclude_new(&b.patterns);

    for (size_t i = 0; rc == 0 && i < patterns; i++) {
        rc = exclude_add(b.patterns, operands->items[i]);
    }
    if (rc == 0) {
        rc = select_open(app, REPO_TOLERANT, &b.values->filters, operands->items + patterns,
                         selectors, NULL, &v);
    }
    if (rc == 0) {
        rc = select_point(&v, 0, &found);
    }
    if (rc == 0) {
        rc = search_snapshot(&b, v.session.repo, found.found->snapshot);
    }
    exclude_free(b.patterns);
    select_close(&v);
    return rc != 0 ? err_add(rc, "could not search") : 0;
}

static const struct option options[] = {
    { "long", 'l', OPTION_FLAG, NULL, "with mode, owner, group, size and time",
      offsetof(struct find_values, long_form), NULL },
    SELECT_FILTER_ROWS(struct find_values, filters),
    { .name = NULL },
};
static const char *const synopsis[] = { "PATTERN... [SELECTOR] [-l]", NULL };
static const char *const about[] = {
    "Prints the paths of a snapshot (the latest, unless the last argument is a SELECTOR) that "
    "match any of the patterns: a name with * ? [a-z] at any depth, parts of a path (etc/*.conf), "
    "or a path from the root (/home/*/.ssh/**). \"holdfast help snapshots\" explains SELECTORs.",
    NULL,
};
static const struct command_text exits[] = {
    { "0", "searched, even if nothing matches" },
    { "7", "no such point, or not unique" },
    { NULL, NULL },
};
static const struct command_text examples[] = {
    { "holdfast find '*.txt'", "all text files of the latest snapshot" },
    { "holdfast find -l '*.txt' '*.md' latest~1", "text and Markdown in the one before it" },
    { NULL, NULL },
};

const struct command cmd_find = {
    .name = "find",
    .group = COMMAND_LOOK,
    .summary = "search a snapshot for names",
    .synopsis = synopsis,
    .about = about,
    .options = options,
    .exits = exits,
    .examples = examples,
    .values_size = sizeof(struct find_values),
    .operands_min = 1,
    .operands_max = COMMAND_MANY,
    .run = run,
};
