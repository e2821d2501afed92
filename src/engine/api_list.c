/*
 * api_list.c - points in time for users of the library: listed, and found by a selector.
 */
#include <inttypes.h>

#include "base/text.h"
#include "engine/api_internal.h"

static int tell_point(const struct holdfast_list_options *o, const struct timeline_point *p)
{
    const struct catalog_snapshot *s = p->snapshot;
    const struct commit *c = &s->commit;
    char id[HOLDFAST_ID_BYTES];
    const struct holdfast_point told = { .id = text_hex(s->id, sizeof s->id, id),
                                         .number = s->number,
                                         .begin_ns = c->begin_ns,
                                         .end_ns = c->end_ns,
                                         .job = c->job,
                                         .host = c->host,
                                         .user = c->user,
                                         .paths = (const char *const *)c->paths,
                                         .path_count = c->path_count,
                                         .tags = (const char *const *)c->tags,
                                         .tag_count = c->tag_count,
                                         .consistency = commit_class_name(c->class),
                                         .files = c->counts.files,
                                         .bytes = c->counts.bytes,
                                         .complete = (c->flags & COMMIT_COMPLETE) != 0,
                                         .forgotten = s->forgotten_by != 0,
                                         .clock_flag = p->clock_flag };

    return o->point(o->context, &told);
}

static int list(struct holdfast *h, const struct holdfast_list_options *o)
{
    int64_t now_ns = clock_wall(h->env.clock);
    struct timeline_list points = { 0 };
    struct timeline *t = NULL;
    struct selector s;
    int rc = o->selector == NULL ? selector_init(&s) : selector_parse(o->selector, now_ns, &s);

    if (rc != 0) {
        return rc;
    }
    rc = timeline_new(repo_catalog(h->repo), now_ns, &t);
    if (rc == 0) {
        rc = timeline_select(t, &s, 1, o->forgotten ? TIMELINE_ANY : TIMELINE_LIVE, true, &points);
    }
    for (size_t i = 0; rc == 0 && i < points.count; i++) {
        if (tell_point(o, points.points[i]) != 0) {
            break;
        }
    }
    if (rc == 0 && repo_damage(h->repo) != NULL) {
        rc = err_raise(HF_EDAMAGE, "the journal is damaged: %s", repo_damage(h->repo)->text);
    }
    timeline_list_release(&points);
    timeline_free(t);
    selector_release(&s);
    return rc;
}

enum holdfast_status holdfast_list(struct holdfast *h, const struct holdfast_list_options *options)
{
    struct holdfast_list_options o;
    int rc = api_begin(h);

    if (rc != 0) {
        return HOLDFAST_USAGE;
    }
    rc = api_take(&o, sizeof o, options, "struct holdfast_list_options");
    if (rc == 0 && o.point == NULL) {
        rc = err_raise(HF_EUSAGE, "there is no function for the points of a list");
    }
    if (rc == 0) {
        rc = api_ready(h);
    }
    if (rc == 0) {
        rc = list(h, &o);
    }
    return api_end(h, rc);
}

/* What is found in a damaged journal is not the newest for sure. */
static int refuse_guess(const struct holdfast *h, const struct selector *s,
                        const struct timeline_resolution *r)
{
    if (repo_damage(h->repo) == NULL || s->position == SELECTOR_ID ||
        s->position == SELECTOR_NUMBER) {
        return 0;
    }
    err_raise(HF_EDAMAGE, "the journal is damaged (%s); what stands of \"%s\" is #%" PRIu64,
              repo_damage(h->repo)->text, s->asked, r->found->snapshot->number);
    return err_hint("to use it all the same, name it: #%" PRIu64, r->found->snapshot->number);
}

int api_resolve(struct holdfast *h, const char *selector, struct timeline **out_timeline,
                struct timeline_resolution *out)
{
    int64_t now_ns = clock_wall(h->env.clock);
    struct selector s;
    int rc = selector_parse(selector != NULL ? selector : "latest", now_ns, &s);

    if (rc != 0) {
        return rc;
    }
    rc = timeline_new(repo_catalog(h->repo), now_ns, out_timeline);
    if (rc == 0) {
        rc = timeline_resolve(*out_timeline, &s, out);
    }
    if (rc == 0) {
        rc = refuse_guess(h, &s, out);
    }
    selector_release(&s);
    return rc;
}
