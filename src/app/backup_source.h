/*
 * backup_source.h - what `backup` is told to back up: paths, lists of paths, a stream.
 */
#ifndef HF_APP_BACKUP_SOURCE_H
#define HF_APP_BACKUP_SOURCE_H

#include "app/app.h"
#include "app/child.h"
#include "app/relay.h"
#include "app/session.h"
#include "engine/exclude.h"
#include "engine/source.h"

struct backup_source_values { /* options of `backup`: BACKUP_SOURCE_ROWS */
    struct option_list excludes;
    struct option_list exclude_files;
    bool exclude_caches;
    struct option_list exclude_if_present;
    struct option_number exclude_larger;
    bool one_file_system;
    struct option_list files_from;
    struct option_list files_from0;
    bool from_stdin;
    bool from_command;
    const char *stdin_name;
    const char *strip_prefix;
};

struct backup_source {
    struct source *source;
    struct option_list roots; /* absolute: what the commit says was backed up */
    struct option_list never; /* the repository and the caches */
    struct exclude *exclude;
    char *strip_prefix;
    struct child child;
    struct relay relay;
    bool streamed;
};

/* Whether options and operands fit together: HF_EUSAGE. Needs nothing but them. */
int backup_source_check(const struct backup_source_values *v,
                        const struct option_operands *operands);
/*
 * Reads lists, compiles patterns, starts a command. HF_EABSENT for a path that does not exist, with
 * the nearest name. Close it in either case.
 */
int backup_source_open(struct app *app, const struct session *s,
                       const struct backup_source_values *v, const struct option_operands *operands,
                       struct backup_source *out);
void backup_source_close(struct backup_source *b);

#endif
