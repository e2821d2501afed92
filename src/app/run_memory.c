/*
 * run_memory.c - see run_memory.h. What can't be read counts as not known: the next run writes it
 * anew.
 */
#include "app/run_memory.h"

#include <inttypes.h>
#include <string.h>

#include "app/newfile.h"
#include "app/slurp.h"
#include "base/err.h"
#include "base/text.h"

#define REMEMBERED_MAX 1024u

static void name_file(struct buf *path, const char *folder, const char *job)
{
    buf_init(path);
    buf_printf(path, "%s/job-%s.last", folder, job);
}

static int64_t number(const char *word)
{
    uint64_t n = 0;

    return word != NULL && text_parse_u64(word, INT64_MAX, &n) == 0 ? (int64_t)n : 0;
}

static void read_line(char *line, struct run_memory *m)
{
    const struct {
        const char *word;
        struct run_memory_event *event;
    } events[] = { { "run", &m->run }, { "check", &m->check }, { "drill", &m->drill } };
    const char *word = strsep(&line, " ");

    if (line == NULL) {
        m->success_ns = number(word);
        return;
    }
    for (size_t i = 0; i < sizeof events / sizeof events[0]; i++) {
        if (strcmp(events[i].word, word) == 0) {
            events[i].event->ns = number(strsep(&line, " "));
            events[i].event->exit = (int)number(line);
            return;
        }
    }
}

void run_memory_load(const char *folder, const char *job, struct run_memory *out)
{
    struct buf path, text;
    char *rest;

    memset(out, 0, sizeof *out);
    name_file(&path, folder, job);
    buf_init(&text);
    if (buf_error(&path) == 0 && slurp_file(buf_text(&path), REMEMBERED_MAX, &text) == 0 &&
        buf_text(&text)[0] != '\0') {
        rest = (char *)text.data;
        while (rest != NULL && *rest != '\0') {
            read_line(strsep(&rest, "\n"), out);
        }
    }
    err_clear();
    buf_release(&text);
    buf_release(&path);
}

static void put_event(struct buf *b, const char *word, const struct run_memory_event *e)
{
    if (e->ns != 0) {
        buf_printf(b, "%s %" PRId64 " %d\n", word, e->ns, e->exit);
    }
}

int run_memory_save(const char *folder, const char *job, const struct run_memory *m)
{
    struct buf path, text;
    int rc;

    name_file(&path, folder, job);
    buf_init(&text);
    buf_printf(&text, "%" PRId64 "\n", m->success_ns);
    put_event(&text, "run", &m->run);
    put_event(&text, "check", &m->check);
    put_event(&text, "drill", &m->drill);
    rc = buf_error(&path);
    if (rc == 0) {
        rc = newfile_put(buf_text(&path), 0600, &text);
    }
    buf_release(&text);
    buf_release(&path);
    return rc;
}
