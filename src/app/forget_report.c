/*
 * forget_report.c - see forget_report.h.
 */
#include "app/forget_report.h"

#include <inttypes.h>
#include <string.h>

#include "app/select.h"
#include "app/table.h"
#include "base/text.h"

/* For people */

static void reasons_cell(struct table *t, const struct retention_policy *policy,
                         const struct retention_decision *d)
{
    struct buf b;

    buf_init(&b);
    for (size_t i = 0;; i++) {
        size_t before = b.len;

        if (i > 0) {
            buf_printf(&b, ", ");
        }
        if (!retention_put_reason(policy, d, i, &b)) {
            b.len = before;
            break;
        }
    }
    table_name(t, b.len == 0 ? "none" : (const char *)b.data, b.len == 0 ? 4 : b.len);
    buf_release(&b);
}

static void add_row(struct table *t, const struct retention_policy *policy,
                    const struct retention_decision *d, const struct catalog *catalog)
{
    const struct catalog_snapshot *s = catalog_find_snapshot(catalog, d->id);
    char id[33], when[TEXT_TIME_BYTES];

    table_cell(t, "%s", d->reasons != 0 ? "keep" : "forget");
    table_cell(t, "%" PRIu64, d->number);
    table_cell(t, "%.*s", SELECT_ID_SHOWN, text_hex(d->id, sizeof d->id, id));
    table_cell(t, "%s", text_time_local(d->end_ns, when));
    reasons_cell(t, policy, d);
    select_tags_cell(t, s);
}

static void print_group(struct app *app, const struct retention_policy *policy,
                        const struct retention_plan *plan, const struct retention_group *g,
                        const struct catalog *catalog)
{
    static const char *const titles[] = { "", ">number", "id", "time", "reasons", "tags" };
    struct table t;
    struct buf name;

    buf_init(&name);
    retention_put_group(g, &name);
    out_shown(&app->out, name.data, name.len);
    out_text(&app->out, "\n");
    buf_release(&name);
    table_init(&t, titles, sizeof titles / sizeof titles[0]);
    for (size_t i = 0; i < g->count; i++) {
        add_row(&t, policy, &plan->decisions[g->first + i], catalog);
    }
    table_print(&t, &app->out);
    table_release(&t);
    out_printf(&app->out, "keep %zu, forget %zu\n\n", g->kept, g->count - g->kept);
}

static void print_all(struct app *app, const struct retention_policy *policy,
                      const struct retention_plan *plan, const struct catalog *catalog,
                      bool dry_run, uint64_t number)
{
    char kept[TEXT_SIZE_BYTES], gone[TEXT_SIZE_BYTES];

    for (size_t i = 0; i < plan->group_count && !out_gone(&app->out); i++) {
        print_group(app, policy, plan, &plan->groups[i], catalog);
    }
    text_count(plan->kept, kept);
    text_count(plan->count - plan->kept, gone);
    if (dry_run) {
        out_printf(&app->out, "would keep %s and forget %s snapshots\n", kept, gone);
    } else if (number == 0) {
        out_printf(&app->out, "keep %s snapshots; there is nothing to forget\n", kept);
    } else {
        out_printf(&app->out, "kept %s and forgot %s snapshots by entry %" PRIu64 "\n", kept, gone,
                   number);
    }
}

/* For scripts */

static void put_decision(struct json *j, const struct retention_policy *policy,
                         const struct retention_decision *d)
{
    struct buf reason;

    json_object(j, NULL);
    json_hex(j, "id", d->id, sizeof d->id);
    json_number(j, "number", d->number);
    json_time(j, "time", d->end_ns);
    json_bool(j, "keep", d->reasons != 0);
    json_array(j, "reasons");
    buf_init(&reason);
    for (size_t i = 0; retention_put_reason(policy, d, i, &reason); i++) {
        json_text(j, NULL, buf_text(&reason));
        buf_clear(&reason);
    }
    buf_release(&reason);
    json_end_array(j);
    json_end_object(j);
}

static void put_group(struct json *j, const struct retention_policy *policy,
                      const struct retention_plan *plan, const struct retention_group *g)
{
    json_object(j, NULL);
    json_text(j, "job", g->job);
    json_text(j, "host", g->host);
    if (g->paths != NULL) {
        select_put_paths(j, g->paths, g->path_count);
    } else {
        json_null(j, "paths");
    }
    if (g->tags != NULL) {
        select_put_texts(j, "tags", g->tags, g->tag_count);
    } else {
        json_null(j, "tags");
    }
    json_number(j, "kept", g->kept);
    json_number(j, "forgotten", g->count - g->kept);
    json_array(j, "snapshots");
    for (size_t i = 0; i < g->count; i++) {
        put_decision(j, policy, &plan->decisions[g->first + i]);
    }
    json_end_array(j);
    json_end_object(j);
}

static void put_all(struct json *j, const struct retention_policy *policy,
                    const struct retention_plan *plan, bool dry_run, uint64_t number,
                    const struct prune_report *pruned)
{
    json_document(j, "forget");
    if (number != 0) {
        json_number(j, "number", number);
    } else {
        json_null(j, "number");
    }
    json_bool(j, "dry_run", dry_run);
    json_array(j, "snapshots");
    for (size_t i = 0; i < plan->count; i++) {
        const struct retention_decision *d = &plan->decisions[i];

        if (d->reasons == 0) {
            json_hex(j, NULL, d->id, sizeof d->id);
        }
    }
    json_end_array(j);
    json_number(j, "kept", plan->kept);
    json_number(j, "forgotten", plan->count - plan->kept);
    json_array(j, "groups");
    for (size_t i = 0; i < plan->group_count; i++) {
        put_group(j, policy, plan, &plan->groups[i]);
    }
    json_end_array(j);
    prune_report_json_part(j, pruned);
    json_end_object(j);
}

void forget_report(struct app *app, const struct retention_policy *policy,
                   const struct retention_plan *plan, const struct catalog *catalog, bool dry_run,
                   uint64_t number, const struct prune_report *pruned)
{
    if (app->options.json) {
        put_all(&app->json, policy, plan, dry_run, number, pruned);
    } else {
        print_all(app, policy, plan, catalog, dry_run, number);
    }
}
