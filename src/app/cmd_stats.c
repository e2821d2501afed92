/*
 * cmd_stats.c - how much there is.
 */
#include <inttypes.h>

#include "app/app.h"
#include "app/commands.h"
#include "app/select.h"
#include "base/err.h"
#include "base/text.h"

struct stats_values {
    struct select_filters filters;
};

struct stats {
    uint64_t snapshots, files, dirs, bytes; /* of those that were selected */
    uint64_t bytes_new;
    uint64_t entries, segments, segment_bytes, chunks; /* of the whole repository */
};

static void add_points(const struct timeline_list *l, struct stats *s)
{
    for (size_t i = 0; i < l->count; i++) {
        const struct commit_counts *c = &l->points[i]->snapshot->commit.counts;

        s->snapshots++;
        s->files += c->files;
        s->dirs += c->dirs;
        s->bytes += c->bytes;
        s->bytes_new += c->bytes_new;
    }
}

static int add_repository(struct repo *repo, struct stats *s)
{
    const struct catalog *c = repo_catalog(repo);

    s->entries = catalog_entry_count(c);
    for (size_t i = 0; i < catalog_segment_count(c); i++) {
        const struct catalog_segment *segment = catalog_segment(c, (uint32_t)i);

        if (segment->condemned_by == 0) {
            s->segments++;
            s->segment_bytes += segment->file_len;
        }
    }
    return repo_chunk_count(repo, &s->chunks);
}

static void print_json(struct json *j, const struct stats *s)
{
    json_document(j, "stats");
    json_number(j, "snapshots", s->snapshots);
    json_number(j, "files", s->files);
    json_number(j, "dirs", s->dirs);
    json_number(j, "bytes", s->bytes);
    json_number(j, "bytes_new", s->bytes_new);
    json_object(j, "repository");
    json_number(j, "entries", s->entries);
    json_number(j, "segments", s->segments);
    json_number(j, "bytes", s->segment_bytes);
    json_number(j, "chunks", s->chunks);
    json_end_object(j);
    json_end_object(j);
}

static void print_text(struct out *out, const struct stats *s)
{
    char x[TEXT_SIZE_BYTES], y[TEXT_SIZE_BYTES], z[TEXT_SIZE_BYTES];

    out_printf(out, "%s snapshots that hold %s files and %s folders", text_count(s->snapshots, x),
               text_count(s->files, y), text_count(s->dirs, z));
    out_printf(out, ", %s if each were restored\n", text_size(s->bytes, x));
    out_printf(out, "%s of new content were found when they were made\n",
               text_size(s->bytes_new, x));
    out_printf(out, "repository: %s entries, %s segments of ", text_count(s->entries, x),
               text_count(s->segments, y));
    out_printf(out, "%s with %s chunks\n", text_size(s->segment_bytes, x),
               text_count(s->chunks, y));
}

static int run(struct app *app, const void *values, const struct option_operands *operands)
{
    const struct stats_values *o = values;
    struct timeline_list list = { 0 };
    struct stats s = { 0 };
    struct select_view v;
    int rc = select_open(app, REPO_TOLERANT, &o->filters, operands->items, operands->count, NULL,
                         &v);

    if (rc == 0) {
        rc = timeline_select(v.timeline, v.selectors, v.count, TIMELINE_LIVE, v.count == 0, &list);
    }
    if (rc == 0) {
        add_points(&list, &s);
        rc = add_repository(v.session.repo, &s);
    }
    if (rc == 0 && app->options.json) {
        print_json(&app->json, &s);
    } else if (rc == 0) {
        print_text(&app->out, &s);
    }
    timeline_list_release(&list);
    select_close(&v);
    return rc != 0 ? err_add(rc, "could not count") : 0;
}

static const struct option options[] = {
    SELECT_FILTER_ROWS(struct stats_values, filters),
    { .name = NULL },
};
static const char *const synopsis[] = { "[SELECTOR...]", NULL };
static const char *const about[] = {
    "Says how many files the snapshots hold that the SELECTORs mean (all, without any), how much "
    "they would be restored, and what the repository takes. \"holdfast help snapshots\" explains "
    "SELECTORs.",
    NULL,
};
static const struct command_text exits[] = {
    { "7", "a selector means no snapshot, or an id is not unique" },
    { NULL, NULL },
};
static const struct command_text examples[] = {
    { "holdfast stats", "the whole repository" },
    { "holdfast stats latest --json", "one snapshot, for scripts" },
    { NULL, NULL },
};

const struct command cmd_stats = {
    .name = "stats",
    .group = COMMAND_LOOK,
    .summary = "say how much there is",
    .synopsis = synopsis,
    .about = about,
    .options = options,
    .exits = exits,
    .examples = examples,
    .values_size = sizeof(struct stats_values),
    .operands_max = COMMAND_MANY,
    .run = run,
};
