/*
 * cmd_export.c - a snapshot, or a part of it, as an archive.
 */
#include <string.h>

#include "app/app.h"
#include "app/archive_out.h"
#include "app/browse.h"
#include "app/commands.h"
#include "app/select.h"
#include "base/err.h"
#include "base/mem.h"
#include "engine/archive_lib.h"
#include "engine/manifest_cursor.h"
#include "engine/repopages.h"

struct export_values {
    struct select_filters filters;
    const char *format;
    const char *output;
};

/* A path that is not there is found out before anything is written, and the nearest one named. */
static int check_path(struct repo *repo, const struct catalog_snapshot *snapshot, const char *path)
{
    struct manifest_cursor *cursor = NULL;
    struct pagestore *pages = NULL;
    struct node n;
    int rc = repopages_new(repo, NULL, &pages);

    if (rc == 0) {
        rc = manifest_cursor_open(pages, snapshot->commit.root, &cursor);
    }
    if (rc == 0 && strcmp(path, "/") != 0) {
        rc = browse_find(cursor, path, &n);
    }
    manifest_cursor_close(cursor);
    repopages_free(pages);
    return rc;
}

static int run(struct app *app, const void *values, const struct option_operands *operands)
{
    const struct export_values *o = values;
    struct archive_out_request request = {
        .document = "export",
        .format = o->format != NULL ? o->format : archive_lib_formats[0],
        .file = o->output,
    };
    struct timeline_resolution found;
    struct select_view v = { 0 };
    char *path = NULL;
    int rc = browse_path(operands->count > 1 ? operands->items[1] : "/", &path);

    if (rc == 0) {
        rc = select_open(app, REPO_TOLERANT, &o->filters, operands->items, 1, NULL, &v);
    }
    if (rc == 0) {
        rc = select_point(&v, 0, &found);
    }
    if (rc == 0) {
        rc = check_path(v.session.repo, found.found->snapshot, path);
    }
    if (rc == 0) {
        request.path = path;
        rc = archive_out_run(app, v.session.repo, &found, &request);
    }
    if (rc != 0) {
        rc = err_add(rc, rc == HF_EPARTIAL ? "could not export everything" : "could not export");
    }
    mem_free(path);
    select_close(&v);
    return rc;
}

#define ROW(field) offsetof(struct export_values, field)
static const struct option options[] = {
    { "output", 'o', OPTION_TEXT, "F",
      "write to this file, which appears when the archive is whole (standard output)", ROW(output),
      NULL },
    { "format", 0, OPTION_CHOICE, "pax|gnutar|ustar|cpio|zip|7zip|mtree",
      "the kind of archive (pax, the tar that holds everything); mtree is a list with checksums",
      ROW(format), archive_lib_formats },
    SELECT_FILTER_ROWS(struct export_values, filters),
    { .name = NULL },
};
#undef ROW
static const char *const synopsis[] = { "SELECTOR [PATH] [--format FORMAT] [-o F]", NULL };
static const char *const about[] = {
    "Writes a snapshot, or what is at and below PATH, as an archive. Names are as they were "
    "stored, without the leading slash. Every byte is checked against its content id; where "
    "something is damaged the archive is not finished, and no file is made.",
    "A pax archive (tar) holds all there is: \"tar --xattrs --xattrs-include='*' --acls -xpf F\" "
    "and \"bsdtar -xpf F\" bring it back. What a format can't hold is named, the archive is made "
    "of the rest, and the exit code is 3. Sockets are in no archive. Fractions of seconds that a "
    "format lacks, and names of owners where it has their numbers, are counted as rounded, and "
    "are no loss.",
    "With --json one document is written, to standard error if standard output has the archive. "
    "\"holdfast help snapshots\" explains SELECTORs.",
    NULL,
};
static const struct command_text exits[] = {
    { "1", "it failed, or there is no such path; the nearest one is named" },
    { "3", "the archive is whole, but the format could not hold everything" },
    { "4", "content is damaged; the archive is not finished" },
    { "7", "no such point, or not unique" },
    { "28", "no space left" },
    { NULL, NULL },
};
static const struct command_text examples[] = {
    { "holdfast export latest -o ~/latest.tar", "everything, as a tar archive" },
    { "holdfast export latest ~/documents | gzip >~/documents.tar.gz", "a folder, compressed" },
    { "holdfast export latest ~/documents --format zip -o ~/documents.zip", "for others to read" },
    { NULL, NULL },
};

const struct command cmd_export = {
    .name = "export",
    .group = COMMAND_LOOK,
    .summary = "write a snapshot, or a part of it, as an archive",
    .synopsis = synopsis,
    .about = about,
    .options = options,
    .exits = exits,
    .examples = examples,
    .values_size = sizeof(struct export_values),
    .operands_min = 1,
    .operands_max = 2,
    .run = run,
};
