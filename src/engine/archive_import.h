/*
 * archive_import.h - an archive becomes a snapshot.
 *
 * The archive is read once, from its beginning to its end, whatever the order of its entries;
 * content is stored as it comes, entries are gathered (in bounded memory) and written down in path
 * order. Later entries replace earlier ones of the same name, links are resolved as they would be
 * when unpacking, folders that are only implied are made.
 *
 * Entries that can't be taken for what they say - names with "..", names that lead through a
 * symbolic link, links to what is not there - are refused: told, counted and left out. An archive
 * that is damaged, cut short, encrypted or of unknown kind makes no snapshot at all.
 */
#ifndef HF_ENGINE_ARCHIVE_IMPORT_H
#define HF_ENGINE_ARCHIVE_IMPORT_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/archive_lib.h"
#include "format/commit.h"
#include "store/repo.h"

struct archive_import_options {
    const char *job;  /* NULL: "import" */
    const char *host; /* NULL: "" */
    const char *user;
    char *const *tags;
    size_t tag_count;
    unsigned strip_components; /* the first folders of each name are left out */
    bool dry_run;
    int64_t time_ns;                     /* of the snapshot, both ends; 0: now */
    const char *folder;                  /* for temporary files without a name */
    size_t memory;                       /* for entries until they are sorted; 0: 16 MiB */
    size_t threads;                      /* as for a backup */
    const char *tool;                    /* NULL: "holdfast" */
    const volatile sig_atomic_t *cancel; /* not 0: stop; may be NULL */
};

struct archive_import_progress {
    uint64_t entries, bytes;
    uint64_t errors;
    const char *path;
    size_t path_len;
};

enum archive_import_what {
    ARCHIVE_IMPORT_REFUSED, /* it is not in the snapshot */
    ARCHIVE_IMPORT_LOSS,    /* it is, but not all of it */
    ARCHIVE_IMPORT_NOTE,    /* just to be known */
};

struct archive_import_events { /* each may be NULL */
    void *context;
    void (*progress)(void *context, const struct archive_import_progress *p);
    void (*warning)(void *context, enum archive_import_what what, const char *path, size_t path_len,
                    const char *message);
};

#define ARCHIVE_IMPORT_FORMAT_BYTES 64

struct archive_import_result { /* as far as it came */
    bool published;
    uint8_t id[16]; /* valid if published, or after HF_EUNKNOWN */
    uint64_t number;
    int64_t time_ns;
    struct commit_counts counts; /* errors: refused and losses */
    uint64_t entries;            /* read from the archive */
    uint64_t replaced;           /* by later ones of the same name */
    uint64_t links;              /* names beyond the first one of a file */
    uint64_t refused, losses;
    char format[ARCHIVE_IMPORT_FORMAT_BYTES]; /* empty: not known */
    char filter[ARCHIVE_IMPORT_FORMAT_BYTES];
    int64_t duration_ns;
};

/*
 * 0: published (or dry). HF_EPARTIAL: published, but for what was refused or lost. HF_ESOURCE:
 * there is nothing in it. HF_EFAIL, HF_EUNSUPPORTED: it is damaged, or of no use. HF_EUNKNOWN: the
 * snapshot may still appear. events may be NULL.
 */
int archive_import_run(struct repo *r, const struct archive_import_options *options,
                       const struct archive_lib_source *source,
                       const struct archive_import_events *events,
                       struct archive_import_result *out_result);

#endif
