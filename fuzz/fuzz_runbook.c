/*
 * fuzz_runbook.c - any text as a runbook. The commands that are found in it are found again when
 * they are written as a runbook.
 */
#include "engine/runbook.h"
#include "engine/runbook_blocks.h"
#include "fuzz_format.h"

static int write_again(const struct runbook_blocks *blocks, struct buf *out)
{
    struct runbook book = { .parts = NULL };
    int rc = 0;

    for (size_t i = 0; i < blocks->count; i++) {
        const struct runbook_block *b = &blocks->list[i];

        runbook_add(&book, &rc, RUNBOOK_HEADING, NULL, "%s", b->title);
        runbook_add(&book, &rc, RUNBOOK_COMMANDS, b->name, "%s", b->commands);
    }
    if (rc == 0) {
        rc = runbook_markdown(&book, out);
    }
    runbook_release(&book);
    return rc;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct runbook_blocks blocks, again;
    struct buf text;

    if (runbook_blocks_parse((const char *)data, size, &blocks) != 0) {
        runbook_blocks_release(&blocks);
        return 0;
    }
    buf_init(&text);
    fuzz_require(write_again(&blocks, &text) == 0);
    fuzz_require(runbook_blocks_parse((const char *)text.data, text.len, &again) == 0);
    fuzz_require(again.count == blocks.count);
    for (size_t i = 0; i < blocks.count; i++) {
        size_t len = strlen(blocks.list[i].commands);

        fuzz_require(strcmp(again.list[i].name, blocks.list[i].name) == 0);
        fuzz_require(strncmp(again.list[i].commands, blocks.list[i].commands, len) == 0);
        fuzz_require(strcmp(again.list[i].commands + len, "\n") == 0);
    }
    runbook_blocks_release(&again);
    runbook_blocks_release(&blocks);
    buf_release(&text);
    return 0;
}
