/*
 * runbook_blocks.c - see runbook_blocks.h.
 */
#include "engine/runbook_blocks.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"

#define NAME_MOST 40u
#define NAME_CHARACTERS "abcdefghijklmnopqrstuvwxyz0123456789-_"

struct line {
    const char *text;
    size_t len;
    unsigned number; /* 1: the first */
};

struct reader {
    const char *text;
    size_t len, pos;
    unsigned number;
    struct runbook_blocks *out;
    struct buf title;
};

static bool next_line(struct reader *r, struct line *out)
{
    const char *end;

    if (r->pos >= r->len) {
        return false;
    }
    out->text = r->text + r->pos;
    end = memchr(out->text, '\n', r->len - r->pos);
    out->len = end != NULL ? (size_t)(end - out->text) : r->len - r->pos;
    out->number = ++r->number;
    r->pos += out->len + 1;
    while (out->len > 0 && out->text[out->len - 1] == '\r') {
        out->len--;
    }
    return true;
}

static size_t fence_of(const struct line *l)
{
    size_t n = 0;

    while (n < l->len && l->text[n] == '`') {
        n++;
    }
    return n >= 3 ? n : 0;
}

static bool is_blank(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (text[i] != ' ' && text[i] != '\t') {
            return false;
        }
    }
    return true;
}

/* A heading: what stands behind its signs, without the escapes. */
static void take_title(struct reader *r, const struct line *l)
{
    size_t at = 0;

    while (at < l->len && l->text[at] == '#') {
        at++;
    }
    if (at == 0 || at == l->len || l->text[at] != ' ') {
        return;
    }
    buf_clear(&r->title);
    for (at++; at < l->len; at++) {
        at += l->text[at] == '\\' && at + 1 < l->len ? 1 : 0;
        buf_put_u8(&r->title, (uint8_t)l->text[at]);
    }
}

static int bad(const struct line *l, const char *what)
{
    return err_raise(HF_EUSAGE, "line %u: %s", l->number, what);
}

/* One word of what stands behind the fence. */
static int take_word(struct runbook_block *b, const char *word, const struct line *l)
{
    uint64_t status;

    if (strncmp(word, "exit=", 5) == 0) {
        if (text_parse_u64(word + 5, 255, &status) != 0) {
            return bad(l, "exit= takes a number up to 255");
        }
        b->expected = (int)status;
        return 0;
    }
    if (b->name != NULL || strlen(word) > NAME_MOST ||
        word[strspn(word, NAME_CHARACTERS)] != '\0') {
        return bad(l, "behind \"sh\" stand a name (a-z, 0-9, - and _) and exit=N");
    }
    b->name = mem_strdup(word);
    return b->name != NULL ? 0 : err_nomem();
}

static int take_words(struct runbook_block *b, const struct line *l, size_t at)
{
    char word[NAME_MOST + 2];
    int rc = 0;

    while (rc == 0 && at < l->len) {
        size_t n = 0;

        while (at < l->len && (l->text[at] == ' ' || l->text[at] == '\t')) {
            at++;
        }
        for (; at < l->len && l->text[at] != ' ' && l->text[at] != '\t'; at++) {
            if (n < sizeof word - 1) {
                word[n++] = l->text[at];
            }
        }
        word[n] = '\0';
        rc = n > 0 ? take_word(b, word, l) : 0;
    }
    return rc;
}

/* Whether this line opens a block of sh; *out_at: what is behind that word. */
static bool opens_commands(const struct line *l, size_t fence, size_t *out_at)
{
    size_t at = fence;

    while (at < l->len && l->text[at] == ' ') {
        at++;
    }
    *out_at = at + 2;
    return l->len >= at + 2 && memcmp(l->text + at, "sh", 2) == 0 &&
           (l->len == at + 2 || l->text[at + 2] == ' ' || l->text[at + 2] == '\t');
}

/* All up to the closing fence. */
static int take_content(struct reader *r, const struct line *first, size_t fence, struct buf *out)
{
    struct line l;

    while (next_line(r, &l)) {
        size_t closing = fence_of(&l);

        if (closing >= fence && is_blank(l.text + closing, l.len - closing)) {
            return buf_error(out);
        }
        buf_put(out, l.text, l.len);
        buf_put_u8(out, '\n');
    }
    return bad(first, "the block that begins here does not end");
}

static int name_it(struct reader *r, struct runbook_block *b, const struct line *l)
{
    char name[32];

    if (b->name == NULL) {
        snprintf(name, sizeof name, "step-%zu", r->out->count + 1);
        b->name = mem_strdup(name);
    }
    if (b->name == NULL) {
        return err_nomem();
    }
    if (runbook_blocks_find(r->out, b->name) != NULL) {
        return err_raise(HF_EUSAGE, "line %u: there are two steps \"%s\"", l->number, b->name);
    }
    if (strcmp(b->name, RUNBOOK_SETTINGS) == 0 && r->out->count > 0) {
        return bad(l, "the settings must come before all steps");
    }
    return 0;
}

static void release_block(struct runbook_block *b)
{
    mem_free(b->name);
    mem_free(b->title);
    mem_free(b->commands);
}

static int take_block(struct reader *r, const struct line *l, size_t fence, size_t at)
{
    struct runbook_block b = { .line = l->number };
    struct buf commands;
    int rc = take_words(&b, l, at);

    buf_init(&commands);
    if (rc == 0) {
        rc = name_it(r, &b, l);
    }
    if (rc == 0) {
        rc = take_content(r, l, fence, &commands);
    }
    if (rc == 0 && r->out->count == RUNBOOK_BLOCKS_MOST) {
        rc = bad(l, "there are too many steps");
    }
    if (rc == 0) {
        b.title = mem_strdup(buf_text(&r->title));
        b.commands = mem_strdup(buf_text(&commands));
        rc = b.title != NULL && b.commands != NULL ? 0 : err_nomem();
    }
    if (rc == 0) {
        rc = mem_grow(&r->out->list, &r->out->capacity, r->out->count + 1, sizeof b);
    }
    if (rc == 0) {
        r->out->list[r->out->count++] = b;
    } else {
        release_block(&b);
    }
    buf_release(&commands);
    return rc;
}

int runbook_blocks_parse(const char *text, size_t len, struct runbook_blocks *out)
{
    struct reader r = { .text = text, .len = len, .out = out };
    struct buf ignored;
    struct line l;
    int rc = 0;

    memset(out, 0, sizeof *out);
    buf_init(&r.title);
    if (memchr(text, '\0', len) != NULL) {
        rc = err_raise(HF_EUSAGE, "it is no text");
    }
    while (rc == 0 && next_line(&r, &l)) {
        size_t fence = fence_of(&l), at;

        if (fence == 0) {
            take_title(&r, &l);
        } else if (opens_commands(&l, fence, &at)) {
            rc = take_block(&r, &l, fence, at);
        } else {
            buf_init(&ignored);
            rc = take_content(&r, &l, fence, &ignored);
            buf_release(&ignored);
        }
    }
    if (rc == 0 && out->count == 0) {
        err_raise(HF_EUSAGE, "there are no commands in it");
        rc = err_hint(
            "they stand in code blocks that are marked as sh; \"holdfast runbook\" writes "
            "such a file");
    }
    buf_release(&r.title);
    return rc;
}

void runbook_blocks_release(struct runbook_blocks *b)
{
    for (size_t i = 0; i < b->count; i++) {
        release_block(&b->list[i]);
    }
    mem_free(b->list);
    memset(b, 0, sizeof *b);
}

const struct runbook_block *runbook_blocks_find(const struct runbook_blocks *b, const char *name)
{
    for (size_t i = 0; i < b->count; i++) {
        if (strcmp(b->list[i].name, name) == 0) {
            return &b->list[i];
        }
    }
    return NULL;
}
