/*
 * cmd_snapshots.c - the points in time that there are.
 */
#include <inttypes.h>
#include <string.h>

#include "app/app.h"
#include "app/commands.h"
#include "app/select.h"
#include "app/table.h"
#include "base/err.h"
#include "base/text.h"

struct snapshots_values {
    struct select_filters filters;
    bool all;
};

static void put_texts(struct json *j, const char *key, char *const *texts, size_t count)
{
    json_array(j, key);
    for (size_t i = 0; i < count; i++) {
        json_text(j, NULL, texts[i]);
    }
    json_end_array(j);
}

/* Paths that are not UTF-8 stand as base64 in an array of their own, in their places. */
static void put_paths(struct json *j, const struct commit *c)
{
    bool plain = true;

    put_texts(j, "paths", c->paths, c->path_count);
    for (size_t i = 0; i < c->path_count; i++) {
        plain = plain && text_is_utf8(c->paths[i], strlen(c->paths[i]));
    }
    if (plain) {
        return;
    }
    json_array(j, "paths_b64");
    for (size_t i = 0; i < c->path_count; i++) {
        struct buf b;

        buf_init(&b);
        text_put_base64(&b, c->paths[i], strlen(c->paths[i]));
        json_text(j, NULL, buf_text(&b));
        buf_release(&b);
    }
    json_end_array(j);
}

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
    put_paths(j, c);
    put_texts(j, "tags", c->tags, c->tag_count);
    json_text(j, "class", commit_class_name(c->class));
    json_bool(j, "class_asserted", (c->flags & COMMIT_ASSERTED) != 0);
    if (memcmp(c->parent, none, sizeof none) == 0) {
        json_null(j, "parent");
    } else {
        json_hex(j, "parent", c->parent, sizeof c->parent);
    }
    json_number(j, "files", c->counts.files);
    json_number(j, "bytes", c->counts.bytes);
    json_bool(j, "complete", (c->flags & COMMIT_COMPLETE) != 0);
    json_bool(j, "forgotten", s->forgotten_by != 0);
    json_bool(j, "clock_flag", p->clock_flag);
    json_text(j, "tool", c->tool);
    json_end_object(j);
}

static void print_json(struct app *app, const struct timeline_list *l)
{
    json_document(&app->json, "snapshots");
    json_array(&app->json, "snapshots");
    for (size_t i = 0; i < l->count && !out_gone(&app->out); i++) {
        put_json(&app->json, l->points[i]);
    }
    json_end_array(&app->json);
    json_end_object(&app->json);
}

/* Several texts in one cell. */
static void list_cell(struct table *t, char *const *texts, size_t count)
{
    struct buf b;

    buf_init(&b);
    for (size_t i = 0; i < count; i++) {
        if (i > 0) {
            buf_put_u8(&b, ',');
        }
        buf_put(&b, texts[i], strlen(texts[i]));
    }
    table_name(t, b.data, b.len);
    buf_release(&b);
}

/* What is not as usual with a point. */
static void remark_cell(struct table *t, const struct timeline_point *p)
{
    const char *forgotten = p->snapshot->forgotten_by != 0 ? "forgotten " : "";
    const char *clock = p->clock_flag ? "clock " : "";
    const char *partly = (p->snapshot->commit.flags & COMMIT_COMPLETE) == 0 ? "incomplete " : "";

    table_cell(t, "%s%s%s", forgotten, clock, partly);
}

static void add_row(struct table *t, const struct timeline_point *p)
{
    const struct commit *c = &p->snapshot->commit;
    char id[33], when[TEXT_TIME_BYTES], size[TEXT_SIZE_BYTES], count[TEXT_SIZE_BYTES];

    text_hex(p->snapshot->id, 16, id);
    table_cell(t, "%" PRIu64, p->snapshot->number);
    table_cell(t, "%.*s", SELECT_ID_SHOWN, id);
    table_cell(t, "%s", text_time_local(c->end_ns, when));
    table_name(t, c->job, strlen(c->job));
    table_name(t, c->host, strlen(c->host));
    table_cell(t, "%s%s", commit_class_name(c->class),
               (c->flags & COMMIT_ASSERTED) != 0 ? "?" : "");
    table_cell(t, "%s", text_count(c->counts.files, count));
    table_cell(t, "%s", text_size(c->counts.bytes, size));
    remark_cell(t, p);
    list_cell(t, c->tags, c->tag_count);
    list_cell(t, c->paths, c->path_count);
}

static void print_table(struct app *app, const struct timeline_list *l)
{
    static const char *const titles[] = { ">number", "id",    "time", "job",  "host", "class",
                                          ">files",  ">size", "note", "tags", "paths" };
    struct table t;

    if (l->count == 0) {
        app_note(app, "there is no such snapshot");
        return;
    }
    table_init(&t, titles, sizeof titles / sizeof titles[0]);
    for (size_t i = 0; i < l->count; i++) {
        add_row(&t, l->points[i]);
    }
    table_print(&t, &app->out);
    table_release(&t);
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
    struct select_view v;
    int rc = select_open(app, REPO_TOLERANT, &o->filters, operands->items, operands->count, NULL,
                         &v);

    if (rc == 0) {
        rc = timeline_select(v.timeline, v.selectors, v.count,
                             o->all ? TIMELINE_ANY : TIMELINE_LIVE, true, &list);
    }
    if (rc == 0 && app->options.json) {
        print_json(app, &list);
    } else if (rc == 0) {
        print_table(app, &list);
    }
    if (rc == 0) {
        rc = note_damage(&v);
    } else {
        rc = err_add(rc, "could not list snapshots");
    }
    timeline_list_release(&list);
    select_close(&v);
    return rc;
}

static const struct option options[] = {
    SELECT_FILTER_ROWS(struct snapshots_values, filters),
    { "all", 0, OPTION_FLAG, NULL, "forgotten ones as well", offsetof(struct snapshots_values, all),
      NULL },
    { .name = NULL },
};
static const char *const synopsis[] = {
    "[SELECTOR...] [--job J] [--host H] [--tag T] [--path P] [--all]", NULL
};
static const char *const about[] = {
    "Lists the points in time of the repository, oldest first. The last line is what \"latest\" "
    "means, the one above it latest~1, and so on.",
    "A SELECTOR is filters (tag:T, job:J, host:H, path:P) and at most one position (latest, "
    "latest~N, an id of 6 or more digits, at:TIME, before:TIME, #NUMBER), joined by commas: "
    "job:web,host:a,latest~1. Several are a union. TIME is RFC 3339, \"YYYY-MM-DD HH:MM:SS\" in "
    "local time, now, or -3h.",
    "A class with a question mark was asserted, not proved by a hook. \"clock\" marks points whose "
    "clock had gone back.",
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
