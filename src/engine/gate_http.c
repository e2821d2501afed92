/*
 * gate_http.c - a gate that asks a web server (gate.h).
 *
 * That there is no answer, or that its certificate does not hold, is an answer: it fails. With
 * `repeat` it asks until one answer is as expected, so that "after so many requests the server says
 * 429" can be asked as well.
 */
#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"
#include "engine/gate.h"
#include "io/http.h"

#define DAY_NS (86400 * NS_PER_S)

static void check_status(const struct policy_gate *g, const struct http_response *r,
                         struct gate_finding *f)
{
    const struct policy_value *v = &g->values[GATE_KEY_expect_status];
    bool good = !v->given && r->status / 100 == 2;

    for (size_t i = 0; i < v->count; i++) {
        const char *text = v->items[i]; /* three letters: the parser has seen to it */
        int first = text[0] - '0';

        buf_printf(&f->limit, i == 0 ? "status %s" : " or %s", text);
        good = good ||
               (text[1] == 'x' ? r->status / 100 == first
                               : r->status == first * 100 + (text[1] - '0') * 10 + (text[2] - '0'));
    }
    if (!v->given) {
        buf_printf(&f->limit, "status 2xx");
    }
    buf_printf(&f->value, "status %d", r->status);
    if (!good) {
        gate_fail(f, "the status is %d", r->status);
    }
}

/* "Name", or "Name: a part of its value". */
static int check_header(const char *wanted, struct http_response *r, struct gate_finding *f)
{
    size_t len = strcspn(wanted, ":");
    char *name = mem_dup(wanted, len + 1);
    const char *part = wanted[len] == ':' ? wanted + len + 1 + strspn(wanted + len + 1, " ") : "";
    const char *value;

    if (name == NULL) {
        return err_nomem();
    }
    while (len > 0 && name[len - 1] == ' ') {
        len--;
    }
    name[len] = '\0';
    value = http_header(r, name);
    if (value == NULL) {
        gate_fail(f, "there is no header %s", name);
    } else if (strstr(value, part) == NULL) {
        gate_fail(f, "the header %s is \"%.100s\"", name, value);
    }
    mem_free(name);
    return 0;
}

static int check_content(const struct policy_gate *g, struct http_response *r,
                         struct gate_finding *f)
{
    const struct policy_value *headers = &g->values[GATE_KEY_expect_header];
    const char *pattern = policy_text(g, GATE_KEY_expect_body);
    bool has = true;
    int rc = 0;

    if (pattern != NULL) {
        buf_printf(&f->limit, ", says %s", pattern);
        rc = gate_matches(pattern, &r->body, &has);
    }
    if (rc == 0 && !has) {
        gate_fail(f, "the answer does not say %s", pattern);
    }
    for (size_t i = 0; rc == 0 && i < headers->count; i++) {
        buf_printf(&f->limit, ", header %s", headers->items[i]);
        rc = check_header(headers->items[i], r, f);
    }
    return rc;
}

static void check_latency(const struct policy_gate *g, const struct http_response *r,
                          struct gate_finding *f)
{
    const struct policy_value *max = &g->values[GATE_KEY_max_latency];
    char shown[TEXT_SIZE_BYTES], limit[TEXT_SIZE_BYTES];

    buf_printf(&f->value, " in %s", text_duration(r->latency_ns, shown));
    if (max->given) {
        buf_printf(&f->limit, ", in at most %s", text_duration(max->number, limit));
        if (r->latency_ns > max->number) {
            gate_fail(f, "it took %s", shown);
        }
    }
}

static void check_certificate(const struct gate_context *c, const struct policy_gate *g,
                              const struct http_response *r, struct gate_finding *f)
{
    const struct policy_value *min = &g->values[GATE_KEY_min_tls_days];
    int64_t days = (r->certified_until_ns - c->now_ns) / DAY_NS;

    if (!min->given) {
        return;
    }
    buf_printf(&f->limit, ", certificate for %" PRId64 " days", min->number);
    if (!r->certified) {
        gate_unknown(f, "until when its certificate is valid could not be told");
        return;
    }
    buf_printf(&f->value, ", certificate for %" PRId64 " days", days);
    if (days < min->number) {
        gate_fail(f, "its certificate expires in %" PRId64 " days", days);
    }
}

static int ask_once(const struct gate_context *c, const struct policy_gate *g,
                    const struct http_request *q, struct gate_finding *f)
{
    struct http_response r;
    int rc = http_send(q, &r);

    if (rc == HF_EFAIL) {
        buf_printf(&f->value, "no answer");
        rc = gate_fail(f, "%s", err_last()->text);
        err_clear();
    } else if (rc == 0) {
        check_status(g, &r, f);
        rc = check_content(g, &r, f);
        check_latency(g, &r, f);
        check_certificate(c, g, &r, f);
    }
    http_release(&r);
    return rc;
}

int gate_http(const struct gate_context *c, const struct policy_gate *g, struct gate_finding *f)
{
    const struct policy_value *lines = &g->values[GATE_KEY_header];
    int64_t times = policy_number(g, GATE_KEY_repeat, 1);
    const char **headers = mem_array(lines->count + 1, sizeof *headers);
    struct http_request q = {
        .url = policy_text(g, GATE_KEY_url),
        .headers = headers,
        .timeout_ns = policy_number(g, GATE_KEY_timeout, POLICY_TIMEOUT_NS),
        .ca_file = policy_text(g, GATE_KEY_ca_file),
        .stop = c->stop,
    };
    int64_t asked = 0;
    int rc = 0;

    if (headers == NULL) {
        return err_nomem();
    }
    for (size_t i = 0; i < lines->count; i++) {
        headers[i] = lines->items[i];
    }
    do {
        gate_release(f);
        gate_init(f);
        rc = ask_once(c, g, &q, f);
        asked++;
    } while (rc == 0 && f->state != GATE_PASS && asked < times);
    if (times > 1) {
        buf_printf(&f->value, ", request %" PRId64 " of %" PRId64, asked, times);
    }
    mem_free(headers);
    return rc;
}
