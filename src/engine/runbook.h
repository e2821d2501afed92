/*
 * runbook.h - what to do on the day of a disaster, for this very repository.
 *
 * A runbook is made of what the journal says: where the repository is, which ways lead into it, how
 * much there is to restore, and how long each step took when it was last drilled. Its steps are
 * commands that are typed as they stand; `holdfast drill --runbook` executes these very commands
 * (runbook_blocks.h finds them, runbook_run.h runs them), so that they stay true.
 *
 * It is a list of parts, which runbook_markdown writes down and others may show in other ways.
 */
#ifndef HF_ENGINE_RUNBOOK_H
#define HF_ENGINE_RUNBOOK_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "engine/policy.h"
#include "engine/timeline.h"
#include "store/repo.h"

enum runbook_kind {
    RUNBOOK_TITLE,
    RUNBOOK_HEADING,
    RUNBOOK_PARAGRAPH,
    RUNBOOK_ITEM,     /* of a list; `name` is what it is about, or NULL */
    RUNBOOK_COMMANDS, /* `name` is the step's, for the evidence */
    RUNBOOK_OUTPUT,   /* what the commands before print, more or less */
};

struct runbook_part {
    enum runbook_kind kind;
    char *name; /* or NULL */
    char *text;
};

struct runbook {
    struct runbook_part *parts;
    size_t count, capacity;
};

struct runbook_options {  /* all borrowed */
    const char *location; /* of the repository, as it is reached on that day */
    const char *tool;     /* name and version of the program */
    const char *host;     /* where it is written */
    int64_t now_ns;
    const struct timeline_point *point; /* what a restore would take, as of now */
    const struct policy *policy;        /* or NULL */
};

/* Says what is known of r. Freed by runbook_release, in any case. */
int runbook_make(struct repo *r, const struct runbook_options *options, struct runbook *out);
void runbook_release(struct runbook *b);

/* As Markdown. */
int runbook_markdown(const struct runbook *b, struct buf *out);

/* For those that make one: the text is printf's. The first failure is kept in *rc. */
void runbook_add(struct runbook *b, int *rc, enum runbook_kind kind, const char *name,
                 const char *fmt, ...) __attribute__((format(printf, 5, 6)));

#endif
