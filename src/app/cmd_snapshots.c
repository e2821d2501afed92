/*
 * cmd_snapshots.c - the points in time that there are.
 */
#include <string.h>

#include "app/app.h"
#include "app/commands.h"
#include "app/select.h"
#include "app/snapshots_graph.h"
#include "app/snapshots_table.h"
#include "app/term.h"
#include "base/clock.h"
#include "base/err.h"

struct snapshots_values {
    struct select_filters filters;
    bool all;
    bool graph;
};

static void put_json(struct json *j, const struct timeline_point *p)
{
    static const uint8_t none[16];
    const struct catalog_snapshot *s = p->snapshot;
    const struct commit *c = &s->commit;

    json_object(j, NULL);
    json_hex(j, "id", s->id, sizeof s->id);
    json_number(j, "number", s->number);
    json_time(j, "time", c->end_ns);
    json_time(j, "begin", c->begin_ns);
    json_time(j, "end", c->end_ns);
    json_text(j, "job", c->job);
    json_text(j, "host", c->host);
    json_text(j, "user", c->user);
    select_put_paths(j, c->paths, c->path_count);
    select_put_texts(j, "tags", c->tags, c->tag_count);
    json_text(j, "class", commit_class_name(c->class));
    json_bool(j, "class_asserted", (c->flags & COMMIT_ASSERTED) != 0);
    if (memcmp(c->parent, none, sizeof none) == 0) {
        json_null(j, "parent");
    } else {
        json_hex(j, "parent", c->parent, sizeof c->parent);
    }
    json_number(j, "files", c->counts.files);
    json_number(j, "bytes", c->counts.bytes);
    json_number(j, "files_new", c->counts.files_new);
    json_number(j, "files_changed", c->counts.files_changed);
    json_number(j, "bytes_new", c->counts.bytes_new);
    json_number(j, "bytes_stored", c->counts.bytes_stored);
    json_bool(j, "complete", (c->flags & COMMIT_COMPLETE) != 0);
    json_bool(j, "forgotten", s->forgotten_by != 0);
    json_bool(j, "clock_flag", p->clock_flag);
    json_text(j, "tool", c->tool);
    json_end_object(j);
}

static void put_gap(struct json *j, const struct catalog_gap *g)
{
    json_object(j, NULL);
    json_number(j, "number", g->number);
    json_text(j, "job", g->job);
    json_text(j, "host", g->host);
    json_time(j, "begin", g->begin_ns);
    if (g->closed_by == 0) {
        json_null(j, "end");
    } else {
        json_time(j, "end", g->end_ns);
    }
    json_text(j, "reason", gapevent_reason_name(g->reason));
    json_end_object(j);
}

static void print_json(struct app *app, const struct timeline_list *l,
                       const struct timeline_gap_list *gaps)
{
    json_document(&app->json, "snapshots");
    json_array(&app->json, "snapshots");
    for (size_t i = 0; i < l->count && !out_gone(&app->out); i++) {
        put_json(&app->json, l->points[i]);
    }
    json_end_array(&app->json);
    json_array(&app->json, "gaps");
    for (size_t i = 0; i < gaps->count && !out_gone(&app->out); i++) {
        put_gap(&app->json, gaps->gaps[i].gap->gap);
    }
    json_end_array(&app->json);
    json_end_object(&app->json);
}

/* For people */

static int print_graph(struct app *app, const struct timeline_list *l,
                       const struct timeline_gap_list *gaps)
{
    bool live = term_is_live(app->out.fd);
    const struct snapshots_graph_style style = {
        .columns = term_columns(app->out.fd),
        .rows = live ? term_rows(app->out.fd) : 0,
        .unicode = term_has_unicode(),
        .colours = term_has_colours(app->out.fd),
        .now_ns = clock_wall(app->clock),
    };
    struct buf b;
    int rc;

    buf_init(&b);
    rc = snapshots_graph_draw(l, gaps, &style, &b);
    out_put(&app->out, b.data, b.len);
    buf_release(&b);
    return rc;
}

static int print_all(struct app *app, const struct timeline_list *l,
                     const struct timeline_gap_list *gaps, bool graph)
{
    if (app->options.json) {
        print_json(app, l, gaps);
        return 0;
    }
    if (l->count == 0) {
        app_note(app, "there is no such snapshot");
        return 0;
    }
    if (graph) {
        return print_graph(app, l, gaps);
    }
    snapshots_table_print(app, l, gaps);
    return 0;
}

/* What is listed of a damaged journal is what stands; that it may not be all is the news. */
static int note_damage(const struct select_view *v)
{
    const struct err_trail *damage = repo_damage(v->session.repo);

    if (damage == NULL) {
        return 0;
    }
    err_give(damage);
    return err_add(HF_EDAMAGE, "could not list all snapshots, only those that stand");
}

static int run(struct app *app, const void *values, const struct option_operands *operands)
{
    const struct snapshots_values *o = values;
    struct timeline_list list = { 0 };
    struct timeline_gap_list gaps = { 0 };
    struct select_view v = { 0 };
    int rc = 0;

    if (o->graph && app->options.json) {
        rc = err_raise(HF_EUSAGE, "--graph is for people, and --json for scripts");
    }
    if (rc == 0) {
        rc = select_open(app, REPO_TOLERANT, &o->filters, operands->items, operands->count, NULL,
                         &v);
    }

    if (rc == 0) {
        rc = timeline_select(v.timeline, v.selectors, v.count,
                             o->all ? TIMELINE_ANY : TIMELINE_LIVE, true, &list);
    }
    if (rc == 0) {
        rc = timeline_list_gaps(v.timeline, &list, &gaps);
    }
    if (rc == 0) {
        rc = print_all(app, &list, &gaps, o->graph);
    }
    if (rc == 0) {
        rc = note_damage(&v);
    } else {
        rc = err_add(rc, "could not list snapshots");
    }
    timeline_list_release(&list);
    timeline_gap_list_release(&gaps);
    select_close(&v);
    return rc;
}

static const struct option options[] = {
    SELECT_FILTER_ROWS(struct snapshots_values, filters),
    { "all", 0, OPTION_FLAG, NULL, "forgotten ones as well", offsetof(struct snapshots_values, all),
      NULL },
    { "graph", 0, OPTION_FLAG, NULL, "draw when points were made, a lane for each job and host",
      offsetof(struct snapshots_values, graph), NULL },
    { .name = NULL },
};
static const char *const synopsis[] = {
    "[SELECTOR...] [--job J] [--host H] [--tag T] [--path P] [--all] [--graph]", NULL
};
static const char *const about[] = {
    "Lists the points in time of the repository, oldest first. The last point is what \"latest\" "
    "means, the one above it latest~1, and so on.",
    "A SELECTOR is filters (tag:T, job:J, host:H, path:P) and at most one position (latest, "
    "latest~N, an id of 6 or more digits, at:TIME, before:TIME, #NUMBER), joined by commas: "
    "job:web,host:a,latest~1. Several are a union. TIME is RFC 3339, \"YYYY-MM-DD HH:MM:SS\" in "
    "local time, now, or -3h.",
    "\"added\" is what the repository grew by. A class with a question mark was asserted, not "
    "proved by a hook. \"clock\" marks points whose clock had gone back, \"future\" those whose "
    "clock is ahead of this one. On a terminal that is too narrow, some columns are left out.",
    "A line without id is a gap: from its time on, for as long as the note says, changes of its "
    "job and host may have been missed. No time inside it means a point, and points made inside it "
    "are \"incomplete\": at:TIME and before:TIME pass over them.",
    "--graph draws a lane for each job and host: time runs from the first point to now, and the "
    "higher a column, the more points it has.",
    NULL,
};
static const struct command_text exits[] = {
    { "0", "listed, even if there is none" },
    { "4", "the journal is damaged; listed is what stands" },
    { "7", "a position that means no point, or several" },
    { NULL, NULL },
};
static const struct command_text examples[] = {
    { "holdfast snapshots", "all points" },
    { "holdfast snapshots job:default,latest", "the newest of a job" },
    { "holdfast snapshots --graph", "how often, and since when not" },
    { "holdfast snapshots --json --all", "for scripts, with those that were forgotten" },
    { NULL, NULL },
};

const struct command cmd_snapshots = {
    .name = "snapshots",
    .group = COMMAND_EVERYDAY,
    .summary = "list points in time",
    .synopsis = synopsis,
    .about = about,
    .options = options,
    .exits = exits,
    .examples = examples,
    .values_size = sizeof(struct snapshots_values),
    .operands_max = COMMAND_MANY,
    .run = run,
};
