/*
 * api_drill.c - drills for users of the library: all kinds that run no commands.
 */
#include <string.h>

#include "base/buf.h"
#include "base/text.h"
#include "engine/api_internal.h"
#include "engine/drill.h"

struct drill_call {
    struct holdfast *h;
    struct holdfast_drill_options options;
    const struct drill_kind *kind;
    struct api_self self;
    struct selector filter;
    bool filtered; /* filter is to be released */
    bool begun;    /* the result says what was measured */
    struct drill_options drill;
    struct drill_result result;
};

static void on_progress(void *context, const struct restore_progress *p)
{
    api_restore_progress(((const struct drill_call *)context)->h, p);
}

/* What is no path becomes a text. */
static void on_mismatch(void *context, const char *object, size_t len, const char *why)
{
    const struct drill_call *c = context;
    struct holdfast_problem p = { .code = err_code_name(HF_EDRILL), .message = why };
    struct buf text;

    buf_init(&text);
    if (len > 0 && object[0] == '/') {
        p.path = object;
        p.path_len = len;
    } else {
        buf_put(&text, object, len);
        p.object = buf_text(&text);
    }
    api_problem(c->h, &p);
    buf_release(&text);
}

static void on_note(void *context, const char *object, size_t len, const char *text)
{
    (void)context;
    log_write(LOG_LEVEL_INFO, "%.*s%s%s", object == NULL ? 0 : (int)len,
              object == NULL ? "" : object, object == NULL ? "" : ": ", text);
}

/* A program runs commands better itself (docs/decisions/0008-public-api.md). */
static int choose_kind(struct drill_call *c)
{
    static const char *const offered[] = { "sample", "full", "pitr", "live", "cold" };
    const char *name = c->options.kind;

    for (size_t i = 0; name != NULL && i < sizeof offered / sizeof offered[0]; i++) {
        if (strcmp(name, offered[i]) == 0) {
            c->kind = drill_kind_find(name);
        }
    }
    if (c->kind == NULL) {
        return err_raise(HF_EUSAGE, "\"%s\" is no kind of drill that the library knows",
                         name != NULL ? name : "");
    }
    return 0;
}

static int choose_filter(struct drill_call *c)
{
    int rc;

    if (c->options.selector == NULL) {
        return 0;
    }
    rc = selector_parse(c->options.selector, clock_wall(c->h->env.clock), &c->filter);
    c->filtered = rc == 0;
    if (rc == 0 && c->filter.position != SELECTOR_ALL) {
        rc = err_raise(HF_EUSAGE, "\"drill %s\" takes filters, and no position: %s", c->kind->name,
                       c->filter.asked);
    }
    c->drill.filter = &c->filter;
    return rc;
}

static int choose_point(struct drill_call *c)
{
    struct timeline_resolution point;
    struct timeline *t = NULL;
    int rc;

    if ((c->kind->traits & DRILL_OF_A_POINT) == 0) {
        return choose_filter(c);
    }
    rc = api_resolve(c->h, c->options.selector, &t, &point);
    if (rc == 0) {
        memcpy(c->drill.snapshot, point.found->snapshot->id, sizeof c->drill.snapshot);
    }
    timeline_free(t);
    return rc;
}

static int fill(struct drill_call *c)
{
    const struct holdfast_drill_options *o = &c->options;
    int rc;

    if (!(o->sample_percent >= 0.0 && o->sample_percent <= 100.0)) {
        return err_raise(HF_EUSAGE, "a sample has up to 100 percent");
    }
    if (o->scratch == NULL) {
        return err_raise(HF_EUSAGE, "no folder was named for scratch files");
    }
    rc = api_find_self(&c->self);
    c->drill = (struct drill_options){ .env = &c->h->env,
                                       .unlock = &c->h->secret.unlock,
                                       .fraction = o->sample_percent / 100.0,
                                       .seed = o->seed,
                                       .scratch = o->scratch,
                                       .max_space = o->max_space,
                                       .no_evidence = o->no_evidence,
                                       .threads = c->h->threads,
                                       .host = c->self.host,
                                       .user = c->self.user,
                                       .tool = API_TOOL,
                                       .cancel = &c->h->cancel };
    if (rc == 0 && o->seed == 0) {
        rc = rnd_bytes(rnd_system(), &c->drill.seed, sizeof c->drill.seed);
    }
    return rc;
}

static int drill(struct drill_call *c)
{
    const struct drill_events events = {
        .context = c,
        .progress = c->h->events.progress != NULL ? on_progress : NULL,
        .mismatch = on_mismatch,
        .note = on_note,
    };
    int rc;

    c->begun = true;
    rc = drill_run(c->kind, &c->drill, &events, &c->result);

    if (rc == HF_EDRILL) {
        return err_add(rc, "the drill failed");
    }
    return rc == 0 ? 0
                   : err_add(rc, c->result.finished ? "could not record the drill, which passed"
                                                    : "could not finish the drill");
}

static int64_t known(const struct drill_call *c, int64_t ns)
{
    return !c->begun || ns == DRILL_UNKNOWN_NS ? -1 : ns;
}

static void give_result(const struct drill_call *c, struct holdfast_drill_result *out)
{
    const struct drill_result *n = &c->result;
    struct holdfast_drill_result r = { .passed = n->passed,
                                       .number = n->number,
                                       .seed = c->drill.seed,
                                       .files = n->files,
                                       .bytes = n->bytes,
                                       .mismatches = n->mismatch_total,
                                       .open_ns = known(c, n->rto.open_ns),
                                       .first_byte_ns = known(c, n->rto.first_byte_ns),
                                       .first_file_ns = known(c, n->rto.first_file_ns),
                                       .restore_ns = known(c, n->rto.restore_ns),
                                       .verify_ns = known(c, n->rto.verify_ns),
                                       .total_ns = known(c, n->rto.total_ns),
                                       .newest_age_ns = known(c, n->rpo.newest_age_ns),
                                       .largest_gap_ns = known(c, n->rpo.largest_gap_ns) };

    if (n->number != 0) {
        text_hex(n->snapshot, sizeof n->snapshot, r.id);
    }
    if (n->published) {
        text_hex(n->evidence, sizeof n->evidence, r.evidence);
    }
    api_give(out, &r, sizeof r);
}

enum holdfast_status holdfast_drill(struct holdfast *h,
                                    const struct holdfast_drill_options *options,
                                    struct holdfast_drill_result *out_result)
{
    struct drill_call c = { .h = h };
    int rc = api_begin(h);

    if (rc != 0) {
        return HOLDFAST_USAGE;
    }
    rc = api_check_result(out_result, "struct holdfast_drill_result");
    if (rc == 0) {
        rc = api_take(&c.options, sizeof c.options, options, "struct holdfast_drill_options");
    }
    if (rc == 0) {
        rc = choose_kind(&c);
    }
    if (rc == 0) {
        rc = fill(&c);
    }
    if (rc == 0) {
        rc = api_ready(h);
    }
    if (rc == 0) {
        rc = choose_point(&c);
    }
    if (rc == 0) {
        rc = drill(&c);
    }
    give_result(&c, out_result);
    drill_result_release(&c.result);
    if (c.filtered) {
        selector_release(&c.filter);
    }
    return api_end(h, rc);
}
