/*
 * select.c - see select.h.
 */
#include "app/select.h"

#include <inttypes.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"

static int add_filters(struct selector *s, const struct select_filters *filters)
{
    int rc = 0;

    for (int f = 0; f < SELECTOR_FIELDS; f++) {
        const struct option_list *l = &filters->values[f];

        for (size_t i = 0; rc == 0 && i < l->count; i++) {
            rc = selector_add_filter(s, (enum selector_field)f, l->items[i]);
        }
    }
    return rc;
}

static bool any_filter(const struct select_filters *filters)
{
    for (int f = 0; f < SELECTOR_FIELDS; f++) {
        if (filters->values[f].count > 0) {
            return true;
        }
    }
    return false;
}

/* The i-th selector: of its text, or, where there is none, of the options alone. */
static int parse_one(struct app *app, const struct select_filters *filters, const char *text,
                     const char *at, struct selector *out)
{
    int64_t now_ns = clock_wall(app->clock);
    int rc = text == NULL ? selector_init(out) : selector_parse(text, now_ns, out);

    if (rc != 0) {
        return rc;
    }
    rc = add_filters(out, filters);
    if (rc == 0 && at != NULL) {
        rc = selector_set_at(out, at, now_ns);
    }
    if (rc != 0) {
        selector_release(out);
    }
    return rc;
}

static int parse_all(struct app *app, const struct select_filters *filters,
                     const char *const *texts, size_t count, const char *at, struct select_view *v)
{
    bool from_options = count == 0 && (at != NULL || any_filter(filters));
    size_t wanted = from_options ? 1 : count;
    int rc = 0;

    v->selectors = mem_array(wanted + 1, sizeof *v->selectors);
    if (v->selectors == NULL) {
        return err_nomem();
    }
    while (rc == 0 && v->count < wanted) {
        rc = parse_one(app, filters, from_options ? NULL : texts[v->count], at,
                       &v->selectors[v->count]);
        if (rc == 0) {
            v->count++;
        }
    }
    return rc;
}

int select_open(struct app *app, enum repo_damage_policy policy,
                const struct select_filters *filters, const char *const *texts, size_t count,
                const char *at, struct select_view *v)
{
    int rc;

    memset(v, 0, sizeof *v);
    rc = parse_all(app, filters, texts, count, at, v);
    if (rc == 0) {
        rc = session_open(app, policy, &v->session);
    }
    if (rc == 0) {
        rc = timeline_new(repo_catalog(v->session.repo), clock_wall(app->clock), &v->timeline);
    }
    return rc;
}

void select_close(struct select_view *v)
{
    timeline_free(v->timeline);
    session_close(&v->session);
    for (size_t i = 0; i < v->count; i++) {
        selector_release(&v->selectors[i]);
    }
    mem_free(v->selectors);
    memset(v, 0, sizeof *v);
}

/* "#12 5f03c2d1 of 2026-11-21 10:00:00 +00:00" */
static void put_point(struct buf *b, const struct timeline_point *p)
{
    char id[33], when[TEXT_TIME_BYTES];

    text_hex(p->snapshot->id, 16, id);
    buf_printf(b, "#%" PRIu64 " %.*s of %s", p->snapshot->number, SELECT_ID_SHOWN, id,
               text_time_local(p->snapshot->commit.end_ns, when));
}

/* Says what was asked, what was found, how far away that is, and what comes next. */
static void note_resolution(struct app *app, const char *asked, const struct timeline_resolution *r)
{
    const struct commit *c = &r->found->snapshot->commit;
    char text[TEXT_TIME_BYTES];
    struct buf b;

    buf_init(&b);
    buf_printf(&b, "asked for %s: ", r->by_time ? text_time_local(r->asked_ns, text) : asked);
    put_point(&b, r->found);
    if (r->by_time) {
        buf_printf(&b, ", %s before it", text_duration(r->distance_ns, text));
    }
    buf_printf(&b, "; class %s%s; ", commit_class_name(c->class),
               (c->flags & COMMIT_ASSERTED) != 0 ? " (asserted)" : "");
    if (r->next != NULL) {
        buf_printf(&b, "the next is ");
        put_point(&b, r->next);
    } else {
        buf_printf(&b, r->by_time ? "there is no later one" : "there is no later one of its job");
    }
    app_note(app, "%s", buf_text(&b));
    buf_release(&b);
    if (c->end_ns > clock_wall(app->clock)) {
        app_warn(app, "this point is of the future: the clock was ahead when it was made, or is "
                      "behind now");
    }
    if (r->found->clock_flag) {
        app_warn(app, "the clock had gone back when this point was made: an earlier one of its job "
                      "has a later time");
    }
    if ((c->flags & COMMIT_COMPLETE) == 0) {
        app_warn(app, "this point was made inside a gap: changes may be missing from it");
    }
}

/* What is found in a damaged journal is not the newest for sure. */
static int check_damage(const struct session *s, const struct selector *selector,
                        const struct timeline_resolution *r)
{
    struct buf b;

    if (repo_damage(s->repo) == NULL || selector->position == SELECTOR_ID ||
        selector->position == SELECTOR_NUMBER) {
        return 0;
    }
    buf_init(&b);
    put_point(&b, r->found);
    err_raise(HF_EDAMAGE, "the journal is damaged (%s); what stands of \"%s\" is %s",
              repo_damage(s->repo)->text, selector->asked, buf_text(&b));
    err_hint("to use it all the same, name it: #%" PRIu64, r->found->snapshot->number);
    buf_release(&b);
    return HF_EDAMAGE;
}

static char latest_text[] = "latest";
static const struct selector latest = { .asked = latest_text, .position = SELECTOR_LATEST };

static const struct selector *selector_at(const struct select_view *v, size_t i)
{
    return i < v->count ? &v->selectors[i] : &latest;
}

int select_point(struct select_view *v, size_t i, struct timeline_resolution *out)
{
    const struct selector *s = selector_at(v, i);
    int rc = timeline_resolve(v->timeline, s, out);

    if (rc == 0) {
        rc = check_damage(&v->session, s, out);
    }
    if (rc == 0) {
        note_resolution(v->session.app, s->asked, out);
    }
    return rc;
}

const char *select_asked(const struct select_view *v, size_t i)
{
    return selector_at(v, i)->asked;
}

void select_put_resolved(struct json *j, const struct timeline_resolution *r, const char *asked)
{
    if (r == NULL || r->found == NULL) {
        json_null(j, "resolved");
        return;
    }
    json_object(j, "resolved");
    if (r->by_time) {
        json_time(j, "asked", r->asked_ns);
    } else {
        json_text(j, "asked", asked);
    }
    json_time(j, "found", r->found->snapshot->commit.end_ns);
    if (r->by_time) {
        json_seconds(j, "distance_seconds", r->distance_ns);
    } else {
        json_null(j, "distance_seconds");
    }
    if (r->next != NULL) {
        json_time(j, "next", r->next->snapshot->commit.end_ns);
    } else {
        json_null(j, "next");
    }
    json_text(j, "class", commit_class_name(r->found->snapshot->commit.class));
    json_end_object(j);
}

void select_put_texts(struct json *j, const char *key, char *const *texts, size_t count)
{
    json_array(j, key);
    for (size_t i = 0; i < count; i++) {
        json_text(j, NULL, texts[i]);
    }
    json_end_array(j);
}

/* Paths that are not UTF-8 stand as base64 in an array of their own, in their places. */
void select_put_paths(struct json *j, char *const *paths, size_t count)
{
    bool plain = true;

    select_put_texts(j, "paths", paths, count);
    for (size_t i = 0; i < count; i++) {
        plain = plain && text_is_utf8(paths[i], strlen(paths[i]));
    }
    if (plain) {
        return;
    }
    json_array(j, "paths_b64");
    for (size_t i = 0; i < count; i++) {
        struct buf b;

        buf_init(&b);
        text_put_base64(&b, paths[i], strlen(paths[i]));
        json_text(j, NULL, buf_text(&b));
        buf_release(&b);
    }
    json_end_array(j);
}

/* Several texts in one cell. */
static void list_cell(struct table *t, char *const *texts, size_t count)
{
    struct buf b;

    buf_init(&b);
    for (size_t i = 0; i < count; i++) {
        if (i > 0) {
            buf_put_u8(&b, ',');
        }
        buf_put(&b, texts[i], strlen(texts[i]));
    }
    table_name(t, b.data, b.len);
    buf_release(&b);
}

void select_tags_cell(struct table *t, const struct catalog_snapshot *s)
{
    list_cell(t, s == NULL ? NULL : s->commit.tags, s == NULL ? 0 : s->commit.tag_count);
}

void select_paths_cell(struct table *t, const struct catalog_snapshot *s)
{
    list_cell(t, s == NULL ? NULL : s->commit.paths, s == NULL ? 0 : s->commit.path_count);
}
