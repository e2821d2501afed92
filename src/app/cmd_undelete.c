/*
 * cmd_undelete.c - snapshots that were forgotten come back.
 */
#include "app/app.h"
#include "app/commands.h"
#include "app/points.h"
#include "app/select.h"
#include "base/err.h"
#include "engine/forget.h"
#include "engine/forget_look.h"

struct undelete_values {
    struct select_filters filters;
    bool dry_run;
};

static int run(struct app *app, const void *values, const struct option_operands *operands)
{
    const struct undelete_values *o = values;
    struct points p;
    uint64_t number = 0;
    int rc = points_open(app, &o->filters, operands, TIMELINE_FORGOTTEN, &p);

    if (rc == 0 && o->dry_run) {
        rc = forget_look(p.view.session.repo, (const uint8_t(*)[16])p.ids, p.list.count);
    } else if (rc == 0) {
        rc = forget_undo(p.view.session.repo, (const uint8_t(*)[16])p.ids, p.list.count, &number);
    }
    if (rc == 0) {
        points_report(app, &p, "undelete", o->dry_run ? "would bring back" : "brought back", number,
                      NULL);
    }
    points_close(&p);
    return rc != 0 ? err_add(rc, "could not bring back") : 0;
}

static const struct option options[] = {
    SELECT_FILTER_ROWS(struct undelete_values, filters),
    { "dry-run", 'n', OPTION_FLAG, NULL, "only say what would come back",
      offsetof(struct undelete_values, dry_run), NULL },
    { .name = NULL },
};
static const char *const synopsis[] = { "SELECTOR... [-n]", NULL };
static const char *const about[] = {
    "Brings back snapshots that were forgotten, as long as all their data are there. The SELECTORs "
    "choose among forgotten snapshots only; \"holdfast snapshots --all\" lists them.",
    NULL,
};
static const struct command_text exits[] = {
    { "1", "it failed, or data of a snapshot were pruned: which, and since when" },
    { "4", "data of a snapshot are missing that no prune has taken away" },
    { "7", "a selector means no forgotten snapshot, or an id is not unique" },
    { "8", "they may still come back; running it again is safe" },
    { NULL, NULL },
};
static const struct command_text examples[] = {
    { "holdfast undelete latest", "the newest of those that were forgotten" },
    { NULL, NULL },
};

const struct command cmd_undelete = {
    .name = "undelete",
    .group = COMMAND_CARE,
    .summary = "bring back forgotten snapshots",
    .synopsis = synopsis,
    .about = about,
    .options = options,
    .exits = exits,
    .examples = examples,
    .values_size = sizeof(struct undelete_values),
    .operands_max = COMMAND_MANY,
    .run = run,
};
