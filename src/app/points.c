/*
 * points.c - see points.h.
 */
#include "app/points.h"

#include <inttypes.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"

static bool any_filter(const struct select_filters *filters)
{
    bool any = false;

    for (int f = 0; f < SELECTOR_FIELDS; f++) {
        any = any || filters->values[f].count > 0;
    }
    return any;
}

static int copy_ids(struct points *p)
{
    p->ids = mem_array(p->list.count + 1, sizeof *p->ids);
    if (p->ids == NULL) {
        return err_nomem();
    }
    for (size_t i = 0; i < p->list.count; i++) {
        memcpy(p->ids[i], p->list.points[i]->snapshot->id, sizeof p->ids[i]);
    }
    return 0;
}

int points_open(struct app *app, const struct select_filters *filters,
                const struct option_operands *operands, enum timeline_scope scope,
                struct points *out)
{
    int rc;

    memset(out, 0, sizeof *out);
    if (operands->count == 0 && !any_filter(filters)) {
        err_raise(HF_EUSAGE, "no snapshot was named");
        err_hint("\"holdfast help snapshots\" explains selectors");
        return HF_EUSAGE;
    }
    rc = select_open(app, REPO_STRICT, filters, operands->items, operands->count, NULL, &out->view);
    if (rc == 0) {
        rc = timeline_select(out->view.timeline, out->view.selectors, out->view.count, scope, false,
                             &out->list);
    }
    return rc != 0 ? rc : copy_ids(out);
}

void points_close(struct points *p)
{
    timeline_list_release(&p->list);
    mem_free(p->ids);
    select_close(&p->view);
}

static void report_json(struct json *j, const struct points *p, const char *document,
                        uint64_t number, const struct prune_report *pruned)
{
    json_document(j, document);
    if (number != 0) {
        json_number(j, "number", number);
    } else {
        json_null(j, "number");
    }
    json_array(j, "snapshots");
    for (size_t i = 0; i < p->list.count; i++) {
        json_hex(j, NULL, p->ids[i], sizeof p->ids[i]);
    }
    json_end_array(j);
    prune_report_json_part(j, pruned);
    json_end_object(j);
}

void points_report(struct app *app, const struct points *p, const char *document,
                   const char *what_was_done, uint64_t number, const struct prune_report *pruned)
{
    char id[33];

    if (app->options.json) {
        report_json(&app->json, p, document, number, pruned);
        return;
    }
    for (size_t i = 0; i < p->list.count; i++) {
        out_printf(&app->out, "%s %s\n", what_was_done, text_hex(p->ids[i], sizeof p->ids[i], id));
    }
}
