/*
 * runbook_blocks.h - the commands in a runbook: its code blocks that are marked as sh.
 *
 *     ```sh NAME exit=N
 *     commands
 *     ```
 *
 * A name is lower-case letters, digits, '-' and '_'; without one it is "step-" and the block's
 * place. What the block must end with is 0 unless another exit status is given. The title is that
 * of the heading it stands under. The block named "settings" comes first: its lines are put before
 * those of every other one.
 */
#ifndef HF_ENGINE_RUNBOOK_BLOCKS_H
#define HF_ENGINE_RUNBOOK_BLOCKS_H

#include <stddef.h>

#define RUNBOOK_BLOCKS_MOST 64u
#define RUNBOOK_SETTINGS "settings"

struct runbook_block {
    char *name, *title, *commands;
    int expected;  /* exit status */
    unsigned line; /* of the text, where it begins */
};

struct runbook_blocks {
    struct runbook_block *list;
    size_t count, capacity;
};

/* HF_EUSAGE with the line that is wrong, or if there is no block. Release it in any case. */
int runbook_blocks_parse(const char *text, size_t len, struct runbook_blocks *out);
void runbook_blocks_release(struct runbook_blocks *b);
/* NULL: there is none of that name. */
const struct runbook_block *runbook_blocks_find(const struct runbook_blocks *b, const char *name);

#endif
