/*
 * cmd_tag.c - changing the tags of snapshots.
 */
#include <string.h>

#include "app/app.h"
#include "app/commands.h"
#include "app/points.h"
#include "app/select.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"
#include "engine/retag.h"

struct tag_values {
    struct select_filters filters;
    struct option_list add;
    struct option_list remove;
    struct option_list set;
};

static int check_values(const struct tag_values *v)
{
    if (v->set.count > 0 && (v->add.count > 0 || v->remove.count > 0)) {
        return err_raise(HF_EUSAGE, "--set excludes --add and --remove");
    }
    if (v->set.count == 0 && v->add.count == 0 && v->remove.count == 0) {
        return err_raise(HF_EUSAGE, "one of --add, --remove and --set is needed");
    }
    return 0;
}

/* --set '' leaves none: the empty word stands for no tag. */
static void fill_change(const struct tag_values *v, struct retag_change *c)
{
    const struct option_list *add = v->set.count > 0 ? &v->set : &v->add;
    bool none = v->set.count == 1 && v->set.items[0][0] == '\0';

    *c = (struct retag_change){
        .replace = v->set.count > 0,
        .remove = v->remove.items,
        .remove_count = v->remove.count,
        .add = add->items,
        .add_count = none ? 0 : add->count,
    };
}

static void report_one(struct app *app, const uint8_t id[16], const struct commit *c)
{
    struct json *j = &app->json;
    char hex[33];

    if (app->options.json) {
        json_object(j, NULL);
        json_hex(j, "id", id, 16);
        json_array(j, "tags");
        for (size_t i = 0; i < c->tag_count; i++) {
            json_text(j, NULL, c->tags[i]);
        }
        json_end_array(j);
        json_end_object(j);
        return;
    }
    out_printf(&app->out, "%s", text_hex(id, 16, hex));
    for (size_t i = 0; i < c->tag_count; i++) {
        out_text(&app->out, i == 0 ? " " : ",");
        out_shown(&app->out, c->tags[i], strlen(c->tags[i]));
    }
    out_text(&app->out, "\n");
}

static int tag_all(struct app *app, const struct points *p, const struct retag_change *change)
{
    struct repo *repo = p->view.session.repo;
    int rc = 0;

    if (app->options.json) {
        json_document(&app->json, "tag");
        json_array(&app->json, "snapshots");
    }
    for (size_t i = 0; rc == 0 && i < p->list.count; i++) {
        uint64_t number;

        rc = retag_publish(repo, p->ids[i], change, &number);
        if (rc == 0) {
            report_one(app, p->ids[i],
                       &catalog_find_snapshot(repo_catalog(repo), p->ids[i])->commit);
        }
    }
    if (app->options.json) {
        json_end_array(&app->json);
        json_end_object(&app->json);
    }
    return rc;
}

static int run(struct app *app, const void *values, const struct option_operands *operands)
{
    const struct tag_values *o = values;
    struct points p = { 0 };
    struct retag_change change;
    int rc = check_values(o);

    if (rc == 0) {
        rc = points_open(app, &o->filters, operands, TIMELINE_LIVE, &p);
    }
    if (rc == 0) {
        fill_change(o, &change);
        rc = tag_all(app, &p, &change);
    }
    points_close(&p);
    return rc != 0 ? err_add(rc, "could not change tags") : 0;
}

#define ROW(field) offsetof(struct tag_values, field)
static const struct option options[] = {
    { "add", 0, OPTION_WORDS, "T", "add this tag; may be repeated, or T,T", ROW(add), NULL },
    { "remove", 0, OPTION_WORDS, "T", "remove this tag", ROW(remove), NULL },
    { "set", 0, OPTION_LIST, "T", "replace all tags by these; '' leaves none", ROW(set), NULL },
    SELECT_FILTER_ROWS(struct tag_values, filters),
    { .name = NULL },
};
#undef ROW
static const char *const synopsis[] = { "SELECTOR... [--add T]... [--remove T]... [--set T]...",
                                        NULL };
static const char *const about[] = {
    "Changes the tags of the snapshots that the SELECTORs mean; filters alone mean every match. "
    "The ids of snapshots stay as they are. \"holdfast help snapshots\" explains SELECTORs.",
    NULL,
};
static const struct command_text exits[] = {
    { "7", "a selector means no snapshot, or an id is not unique" },
    { "8", "the tags may still change; running it again is safe" },
    { NULL, NULL },
};
static const struct command_text examples[] = {
    { "holdfast tag latest --add before-upgrade", "mark a snapshot" },
    { "holdfast tag tag:before-upgrade --remove before-upgrade", "and take the mark away again" },
    { NULL, NULL },
};

const struct command cmd_tag = {
    .name = "tag",
    .group = COMMAND_CARE,
    .summary = "change the tags of snapshots",
    .synopsis = synopsis,
    .about = about,
    .options = options,
    .exits = exits,
    .examples = examples,
    .values_size = sizeof(struct tag_values),
    .operands_max = COMMAND_MANY,
    .run = run,
};
