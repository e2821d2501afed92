/*
 * cmd_dump.c - a file of a snapshot to standard output, or a folder as an archive.
 */
#include <inttypes.h>
#include <string.h>

#include "app/app.h"
#include "app/archive_out.h"
#include "app/browse.h"
#include "app/commands.h"
#include "app/select.h"
#include "app/signals.h"
#include "base/err.h"
#include "base/mem.h"
#include "engine/manifest_content.h"
#include "engine/manifest_cursor.h"
#include "engine/repopages.h"

#define BLOCKS_CACHED 4
#define ZEROS_BYTES 4096u

struct dump_values {
    struct select_filters filters;
    const char *archive;
};

static const char *const archive_names[] = { "tar", NULL };

static void put_zeros(struct out *out, uint64_t len)
{
    static const char zeros[ZEROS_BYTES];

    while (len > 0 && !out_gone(out)) {
        size_t part = len < sizeof zeros ? (size_t)len : sizeof zeros;

        out_put(out, zeros, part);
        len -= part;
    }
}

static int put_chunk(struct app *app, struct repo_reader *reader, const struct node_ref *ref)
{
    const uint8_t *data;
    size_t len;
    int rc;

    if (ref->hole) {
        put_zeros(&app->out, ref->len);
        return 0;
    }
    rc = repo_reader_chunk(reader, ref->id, &data, &len);
    if (rc == 0 && len != ref->len) {
        rc = err_raise(HF_EDAMAGE, "a chunk is not of the length that the file says");
    }
    if (rc == 0) {
        out_put(&app->out, data, len);
    }
    return rc;
}

/* What was written before damage is met is right; there is nothing sensible to write after it. */
static int put_content(struct app *app, struct repo *repo, struct pagestore *pages,
                       const struct node *n)
{
    struct manifest_content_reader *content = NULL;
    struct repo_reader *reader = NULL;
    struct node_ref ref;
    uint64_t offset = 0;
    int rc = repo_reader_new(repo, BLOCKS_CACHED, &reader);

    if (rc == 0) {
        rc = manifest_content_reader_new(pages, &content);
    }
    if (rc == 0) {
        rc = manifest_content_reader_open(content, n);
    }
    while (rc == 0 && !out_gone(&app->out)) {
        rc = manifest_content_reader_next(content, &ref, &offset);
        if (rc <= 0) {
            break;
        }
        rc = put_chunk(app, reader, &ref);
        if (rc == 0) {
            rc = signals_check();
        }
    }
    manifest_content_reader_free(content);
    repo_reader_free(reader);
    return rc != 0 ? err_add(rc, "at byte %" PRIu64, offset) : 0;
}

/* A file's content as it is, unless it is to be an archive: *out_archive says so. */
static int put_file(struct app *app, struct repo *repo, const struct catalog_snapshot *snapshot,
                    const char *path, bool as_archive, bool *out_archive)
{
    struct manifest_cursor *cursor = NULL;
    struct pagestore *pages = NULL;
    struct node n = { .type = NODE_FILE };
    int rc = repopages_new(repo, NULL, &pages);

    if (rc == 0) {
        rc = manifest_cursor_open(pages, snapshot->commit.root, &cursor);
    }
    if (rc == 0) {
        rc = browse_find(cursor, path, &n);
    }
    *out_archive = rc == 0 && (as_archive || n.type == NODE_DIR);
    if (rc == 0 && !*out_archive && n.type != NODE_FILE) {
        rc = err_raise(HF_EFAIL, "it is not a file but a %s", node_type_name(n.type));
        err_hint("\"holdfast restore --include %s -t DIR\" restores it", path);
    }
    if (rc == 0 && !*out_archive) {
        rc = put_content(app, repo, pages, &n);
    }
    manifest_cursor_close(cursor);
    repopages_free(pages);
    return rc;
}

static int dump(struct app *app, const struct dump_values *o, struct select_view *v,
                const char *path)
{
    const struct archive_out_request request = { .document = "dump",
                                                 .format = "pax",
                                                 .path = path };
    struct timeline_resolution found;
    bool as_archive = false;
    int rc = select_point(v, 0, &found);

    if (rc == 0) {
        rc = put_file(app, v->session.repo, found.found->snapshot, path, o->archive != NULL,
                      &as_archive);
    }
    if (rc == 0 && as_archive) {
        rc = archive_out_run(app, v->session.repo, &found, &request);
    }
    return rc;
}

static int run(struct app *app, const void *values, const struct option_operands *operands)
{
    const struct dump_values *o = values;
    struct select_view v = { 0 };
    char *path = NULL;
    int rc = browse_path(operands->items[1], &path);

    if (rc == 0) {
        rc = select_open(app, REPO_TOLERANT, &o->filters, operands->items, 1, NULL, &v);
    }
    if (rc == 0) {
        rc = dump(app, o, &v, path);
    }
    if (rc != 0) {
        rc = err_add(rc, "could not dump %s", operands->items[1]);
    }
    mem_free(path);
    select_close(&v);
    return rc;
}

static const struct option options[] = {
    { "archive", 0, OPTION_CHOICE, "tar", "as an archive, a folder (which always is) or a file",
      offsetof(struct dump_values, archive), archive_names },
    SELECT_FILTER_ROWS(struct dump_values, filters),
    { .name = NULL },
};
static const char *const synopsis[] = { "SELECTOR PATH [--archive tar]", NULL };
static const char *const about[] = {
    "Writes a file of a snapshot to standard output, each byte checked against its content id. A "
    "folder is written as a pax archive (tar), with all that is below it; \"holdfast help export\" "
    "says what is in one. \"holdfast help snapshots\" explains SELECTORs.",
    NULL,
};
static const struct command_text exits[] = {
    { "1", "it failed, or there is no such file; the nearest one is named" },
    { "3", "the archive is whole, but lacks a socket" },
    { "4", "it is damaged; what was written until then is right, and an archive not finished" },
    { "7", "no such point, or not unique" },
    { NULL, NULL },
};
static const struct command_text examples[] = {
    { "holdfast dump latest ~/documents/letter.txt", "one file" },
    { "holdfast dump latest ~/documents --archive tar | tar -tf -", "a folder" },
    { "holdfast dump path:/documents.tar documents.tar | tar -tf -",
      "a stream that was backed up with --stdin" },
    { NULL, NULL },
};

const struct command cmd_dump = {
    .name = "dump",
    .group = COMMAND_LOOK,
    .summary = "write a file or folder of a snapshot to standard output",
    .synopsis = synopsis,
    .about = about,
    .options = options,
    .exits = exits,
    .examples = examples,
    .values_size = sizeof(struct dump_values),
    .operands_min = 2,
    .operands_max = 2,
    .run = run,
};
