/*
 * gate_command.c - a gate that asks by a command: how it ends, and what it says (gate.h).
 */
#include <string.h>

#include "base/err.h"
#include "base/text.h"
#include "engine/gate.h"
#include "io/process.h"

#define SHOWN_BYTES 200u /* of what it said last */

/* The last line that is not empty: there programs say what went wrong. */
static void put_last_line(struct buf *b, const struct buf *output)
{
    const char *text = (const char *)output->data;
    size_t end = output->len, begin;

    while (end > 0 && (text[end - 1] == '\n' || text[end - 1] == ' ')) {
        end--;
    }
    begin = end;
    while (begin > 0 && text[begin - 1] != '\n') {
        begin--;
    }
    if (begin < end) {
        buf_printf(b, "; it said: ");
        buf_put(b, text + begin, end - begin < SHOWN_BYTES ? end - begin : SHOWN_BYTES);
    }
}

static int check_end(const struct policy_gate *g, int64_t timeout, struct process_result *r,
                     struct gate_finding *f)
{
    int wanted = (int)policy_number(g, GATE_KEY_expect_exit, 0);
    const char *pattern = policy_text(g, GATE_KEY_expect_output);
    char shown[TEXT_SIZE_BYTES];
    bool has = true;
    int rc = 0;

    buf_printf(&f->limit, "exit %d", wanted);
    if (pattern != NULL) {
        buf_printf(&f->limit, ", says %s", pattern);
        rc = gate_matches(pattern, &r->output, &has);
    }
    if (r->timed_out) {
        buf_printf(&f->value, "killed");
        return gate_fail(f, "it did not end within %s", text_duration(timeout, shown));
    }
    if (r->exit_status < 0) {
        buf_printf(&f->value, "signal %d", r->signal);
        gate_fail(f, "it was killed by signal %d", r->signal);
    } else {
        buf_printf(&f->value, "exit %d", r->exit_status);
    }
    if (r->exit_status >= 0 && r->exit_status != wanted) {
        gate_fail(f, "it ended with exit status %d", r->exit_status);
    }
    if (rc == 0 && !has) {
        gate_fail(f, "it did not say %s", pattern);
    }
    if (f->state != GATE_PASS) {
        put_last_line(&f->why, &r->output);
    }
    return rc;
}

int gate_command(const struct gate_context *c, const struct policy_gate *g, struct gate_finding *f)
{
    int64_t timeout = policy_number(g, GATE_KEY_timeout, POLICY_TIMEOUT_NS);
    const struct process_request q = {
        .command = policy_text(g, GATE_KEY_command),
        .timeout_ns = timeout,
        .stop = c->stop,
    };
    struct process_result r;
    int rc = process_run(&q, &r);

    if (rc == 0) {
        rc = check_end(g, timeout, &r, f);
    }
    process_release(&r);
    return rc;
}
