/*
 * cmd_diff.c - what differs between two snapshots.
 */
#include <inttypes.h>
#include <string.h>

#include "app/app.h"
#include "app/browse.h"
#include "app/commands.h"
#include "app/select.h"
#include "app/signals.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "engine/manifest_diff.h"
#include "engine/repopages.h"

struct diff_values {
    struct select_filters filters;
};

enum change {
    CHANGE_ADDED,
    CHANGE_REMOVED,
    CHANGE_MODIFIED,
    CHANGE_METADATA,
    CHANGE_TYPE,
    CHANGES
};

static const struct {
    const char *name; /* for scripts */
    const char *mark; /* for people */
} changes[CHANGES] = {
    [CHANGE_ADDED] = { "added", "+" },       [CHANGE_REMOVED] = { "removed", "-" },
    [CHANGE_MODIFIED] = { "modified", "M" }, [CHANGE_METADATA] = { "metadata", "U" },
    [CHANGE_TYPE] = { "type", "T" },
};

struct comparison {
    struct app *app;
    uint64_t counts[CHANGES];
    uint64_t bytes_added, bytes_removed; /* of files that came, went or changed */
    uint64_t damaged;
};

/* What kind of change it is; false for one that is not worth a line. */
static bool classify(const struct node *was, const struct node *is, enum change *out)
{
    struct node same_time;

    if (was == NULL || is == NULL) {
        *out = was == NULL ? CHANGE_ADDED : CHANGE_REMOVED;
        return true;
    }
    *out = was->type != is->type         ? CHANGE_TYPE
           : !node_same_content(was, is) ? CHANGE_MODIFIED
                                         : CHANGE_METADATA;
    if (*out != CHANGE_METADATA) {
        return true;
    }
    /* A folder's time tells of a change in it, which has a line of its own. */
    same_time = *was;
    if (is->type == NODE_DIR) {
        same_time.mtime_ns = is->mtime_ns;
    }
    return !node_same_metadata(&same_time, is);
}

static void count(struct comparison *c, enum change change, const struct node *was,
                  const struct node *is)
{
    c->counts[change]++;
    if (change == CHANGE_METADATA) {
        return;
    }
    if (is != NULL && is->type == NODE_FILE) {
        c->bytes_added += is->size;
    }
    if (was != NULL && was->type == NODE_FILE) {
        c->bytes_removed += was->size;
    }
}

static int on_change(void *context, const struct node *was, const struct node *is)
{
    struct comparison *c = context;
    const struct node *n = is != NULL ? is : was;
    struct json *j = &c->app->json;
    enum change change;

    if (!classify(was, is, &change)) {
        return signals_check();
    }
    count(c, change, was, is);
    if (c->app->options.json) {
        json_object(j, NULL);
        json_name(j, "path", n->path, n->path_len);
        json_text(j, "change", changes[change].name);
        json_end_object(j);
    } else {
        out_printf(&c->app->out, "%s  ", changes[change].mark);
        out_shown(&c->app->out, n->path, n->path_len);
        out_text(&c->app->out, "\n");
    }
    return signals_check();
}

static int on_damage(void *context, int code, const uint8_t page_id[PAGESTORE_ID_BYTES])
{
    struct comparison *c = context;

    (void)page_id;
    if (code != HF_EDAMAGE) {
        return code;
    }
    log_write(LOG_LEVEL_WARN, "a part can't be compared: %s", err_last()->text);
    c->damaged++;
    return 0;
}

static int compare(struct comparison *c, struct repo *repo, const struct catalog_snapshot *was,
                   const struct catalog_snapshot *is, const char *below)
{
    struct manifest_diff_options o = { .damaged = on_damage, .context = c };
    struct pagestore *was_pages = NULL, *is_pages = NULL;
    uint64_t pages_read;
    int rc = repopages_new(repo, NULL, &was_pages);

    if (below != NULL) {
        o.below = below;
        o.below_len = strlen(below);
    }
    if (rc == 0) {
        rc = repopages_new(repo, NULL, &is_pages);
    }
    if (rc == 0) {
        rc = manifest_diff(was_pages, was->commit.root, is_pages, is->commit.root, &o, on_change,
                           &pages_read);
    }
    repopages_free(was_pages);
    repopages_free(is_pages);
    return rc;
}

static void put_summary_json(const struct comparison *c)
{
    struct json *j = &c->app->json;

    json_object(j, "summary");
    for (int i = 0; i < CHANGES; i++) {
        json_number(j, changes[i].name, c->counts[i]);
    }
    json_number(j, "bytes_added", c->bytes_added);
    json_number(j, "bytes_removed", c->bytes_removed);
    json_end_object(j);
}

static void note_summary(const struct comparison *c)
{
    char added[TEXT_SIZE_BYTES], removed[TEXT_SIZE_BYTES];
    const uint64_t *n = c->counts;

    app_note(c->app,
             "%" PRIu64 " added, %" PRIu64 " removed, %" PRIu64 " modified, %" PRIu64
             " with other metadata, %" PRIu64 " of another type; %s of files came, %s went",
             n[CHANGE_ADDED], n[CHANGE_REMOVED], n[CHANGE_MODIFIED], n[CHANGE_METADATA],
             n[CHANGE_TYPE], text_size(c->bytes_added, added),
             text_size(c->bytes_removed, removed));
}

static int compare_points(struct comparison *c, struct select_view *v, const char *below)
{
    struct timeline_resolution was, is;
    struct json *j = &c->app->json;
    int rc = select_point(v, 0, &was);

    if (rc == 0) {
        rc = select_point(v, 1, &is);
    }
    if (rc != 0) {
        return rc;
    }
    if (c->app->options.json) {
        json_document(j, "diff");
        json_hex(j, "a", was.found->snapshot->id, 16);
        json_hex(j, "b", is.found->snapshot->id, 16);
        json_array(j, "changes");
    }
    rc = compare(c, v->session.repo, was.found->snapshot, is.found->snapshot, below);
    if (c->app->options.json) {
        json_end_array(j);
        put_summary_json(c);
        json_end_object(j);
    } else if (rc == 0) {
        note_summary(c);
    }
    return rc;
}

static int run(struct app *app, const void *values, const struct option_operands *operands)
{
    const struct diff_values *o = values;
    struct comparison c = { .app = app };
    struct select_view v = { 0 };
    char *below = NULL;
    int rc = 0;

    if (operands->count > 2) {
        rc = browse_path(operands->items[2], &below);
    }
    if (rc == 0) {
        rc = select_open(app, REPO_TOLERANT, &o->filters, operands->items, 2, NULL, &v);
    }
    if (rc == 0) {
        rc = compare_points(&c, &v, below);
    }
    if (rc == 0) {
        rc = browse_check_damage(c.damaged);
    }
    mem_free(below);
    select_close(&v);
    return rc != 0 ? err_add(rc, "could not compare") : 0;
}

static const struct option options[] = {
    SELECT_FILTER_ROWS(struct diff_values, filters),
    { .name = NULL },
};
static const char *const synopsis[] = { "A B [PATH]", NULL };
static const char *const about[] = {
    "Prints what differs between the snapshots that two SELECTORs mean: + added, - removed, M "
    "content modified, U only metadata differ (mode, owner, times, attributes), T of another type. "
    "With PATH, only below it. Only what differs is read, so it is fast however large they are.",
    NULL,
};
static const struct command_text exits[] = {
    { "0", "compared, whether they differ or not" },
    { "7", "no such point, or not unique" },
    { NULL, NULL },
};
static const struct command_text examples[] = {
    { "holdfast diff latest~1 latest", "what the last backup brought" },
    { "holdfast diff latest~1 latest ~/documents --json", "below a folder, for scripts" },
    { NULL, NULL },
};

const struct command cmd_diff = {
    .name = "diff",
    .group = COMMAND_LOOK,
    .summary = "compare two snapshots",
    .synopsis = synopsis,
    .about = about,
    .options = options,
    .exits = exits,
    .examples = examples,
    .values_size = sizeof(struct diff_values),
    .operands_min = 2,
    .operands_max = 3,
    .run = run,
};
