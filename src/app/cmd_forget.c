/*
 * cmd_forget.c - snapshots that are not wanted any more.
 */
#include <inttypes.h>
#include <string.h>

#include "app/app.h"
#include "app/commands.h"
#include "app/points.h"
#include "app/select.h"
#include "base/err.h"
#include "engine/forget.h"

struct forget_values {
    struct select_filters filters;
    bool dry_run;
};

static int run(struct app *app, const void *values, const struct option_operands *operands)
{
    const struct forget_values *o = values;
    struct points p;
    uint64_t number = 0;
    int rc = points_open(app, &o->filters, operands, TIMELINE_LIVE, &p);

    if (rc == 0 && !o->dry_run) {
        rc = forget_publish(p.view.session.repo, (const uint8_t(*)[16])p.ids, p.list.count,
                            &number);
    }
    if (rc == 0) {
        points_report(app, &p, "forget", o->dry_run ? "would forget" : "forgot", number);
    }
    points_close(&p);
    return rc != 0 ? err_add(rc, "could not forget") : 0;
}

static const struct option options[] = {
    SELECT_FILTER_ROWS(struct forget_values, filters),
    { "dry-run", 'n', OPTION_FLAG, NULL, "only say what would be forgotten",
      offsetof(struct forget_values, dry_run), NULL },
    { .name = NULL },
};
static const char *const synopsis[] = { "SELECTOR... [-n]", NULL };
static const char *const about[] = {
    "Forgets the snapshots that the SELECTORs mean; filters alone (tag:T, job:J) mean every match. "
    "Nothing is removed by that, and \"holdfast undelete\" brings them back. \"holdfast help "
    "snapshots\" explains SELECTORs.",
    NULL,
};
static const struct command_text exits[] = {
    { "7", "a selector means no snapshot, or an id is not unique; nothing was forgotten" },
    { "8", "they may still be forgotten; running it again is safe" },
    { NULL, NULL },
};
static const struct command_text examples[] = {
    { "holdfast forget -n latest", "would it be the right one?" },
    { "holdfast forget latest", "one snapshot" },
    { "holdfast forget job:home", "all snapshots of a job" },
    { NULL, NULL },
};

const struct command cmd_forget = {
    .name = "forget",
    .group = COMMAND_CARE,
    .summary = "forget snapshots",
    .synopsis = synopsis,
    .about = about,
    .options = options,
    .exits = exits,
    .examples = examples,
    .values_size = sizeof(struct forget_values),
    .operands_max = COMMAND_MANY,
    .run = run,
};
