/*
 * archive_out.h - a part of a snapshot as an archive: to standard output or a file, with what is
 * told of it. What `export` and `dump` have in common.
 */
#ifndef HF_APP_ARCHIVE_OUT_H
#define HF_APP_ARCHIVE_OUT_H

#include "app/app.h"
#include "app/select.h"

struct archive_out_request {
    const char *document; /* the JSON document's name */
    const char *format;   /* as archive_lib_format knows it */
    const char *path;     /* in the snapshot, clean */
    const char *file;     /* NULL or "-": standard output */
};

/*
 * Writes the archive and its summary. Losses are named and HF_EPARTIAL; with damage or any other
 * error there is no file, and what went to standard output has no end mark.
 */
int archive_out_run(struct app *app, struct repo *repo, const struct timeline_resolution *found,
                    const struct archive_out_request *request);

#endif
