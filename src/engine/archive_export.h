/*
 * archive_export.h - a snapshot, or a part of it, becomes an archive.
 *
 * Entries come in path order, without the leading slash. Every byte is checked against its content
 * id before it is handed out. Damage ends the export at once, before the archive's end mark, so
 * that nobody takes what was written until then for whole.
 *
 * What the format can't hold is told entry by entry (a loss), and the rest of the entry is
 * written. Times that are cut to the format's unit, and names of users where it has numbers only,
 * are merely counted. Holes that it does not know become zeros: the content is the same.
 */
#ifndef HF_ENGINE_ARCHIVE_EXPORT_H
#define HF_ENGINE_ARCHIVE_EXPORT_H

#include <signal.h>
#include <stdint.h>

#include "engine/archive_lib.h"
#include "store/catalog.h"
#include "store/repo.h"

struct archive_export_options {
    const struct archive_lib_format *format;
    const char *path; /* what is exported, with all below it; NULL or "/": everything */
    archive_lib_write_fn write;
    void *write_context;
    const volatile sig_atomic_t *cancel; /* not 0: stop; may be NULL */
};

struct archive_export_progress {
    uint64_t files, bytes;
    uint64_t files_expected, bytes_expected; /* 0: unknown */
    uint64_t losses;
    const char *path;
    size_t path_len;
};

struct archive_export_events { /* each may be NULL */
    void *context;
    void (*progress)(void *context, const struct archive_export_progress *p);
    void (*loss)(void *context, const char *path, size_t path_len, const char *what,
                 const char *why);
};

struct archive_export_result { /* as far as it came */
    uint64_t files, dirs, others;
    uint64_t links;   /* files and others that are further names of an earlier one */
    uint64_t bytes;   /* of content */
    uint64_t written; /* bytes of the archive */
    uint64_t losses;
    uint64_t rounded; /* entries whose time or owner's name was given up */
    int64_t duration_ns;
};

/*
 * 0: all of it. HF_EPARTIAL: a whole archive, but for the losses. HF_EDAMAGE, HF_EINTERRUPTED or
 * any other: it has no end mark. HF_EABSENT: there is no such path. events may be NULL.
 */
int archive_export_run(struct repo *r, const struct catalog_snapshot *snapshot,
                       const struct archive_export_options *options,
                       const struct archive_export_events *events,
                       struct archive_export_result *out_result);

#endif
