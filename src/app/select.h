/*
 * select.h - from SELECTORs and filter options on a command line to points in time.
 */
#ifndef HF_APP_SELECT_H
#define HF_APP_SELECT_H

#include <stddef.h>

#include "app/app.h"
#include "app/session.h"
#include "app/table.h"
#include "engine/timeline.h"

/* The values of SELECT_FILTER_ROWS, as a member of a command's values. */
struct select_filters {
    struct option_list values[SELECTOR_FIELDS];
};

#define SELECT_FILTER_ROW(type, member, field, name, value, help)                                  \
    {                                                                                              \
        name, 0, OPTION_LIST, value, help,                                                         \
            offsetof(type, member) + (size_t)(field) * sizeof(struct option_list), NULL            \
    }

/* Rows of an option table: --job --host --tag --path. */
#define SELECT_FILTER_ROWS(type, member)                                                           \
    SELECT_FILTER_ROW(type, member, SELECTOR_JOB, "job", "J", "only snapshots of this job"),       \
        SELECT_FILTER_ROW(type, member, SELECTOR_HOST, "host", "H",                                \
                          "only snapshots of this host"),                                          \
        SELECT_FILTER_ROW(type, member, SELECTOR_TAG, "tag", "T",                                  \
                          "only snapshots with this tag; all given must be there"),                \
        SELECT_FILTER_ROW(type, member, SELECTOR_PATH, "path", "P",                                \
                          "only snapshots that were made of this path")

/* A repository, opened for a command that works with what selectors mean. */
struct select_view {
    struct session session;
    struct timeline *timeline;
    struct selector *selectors;
    size_t count;
};

/*
 * Parses the selectors, each with all filters added, then opens the repository. Filters (or `at`,
 * the text of --at, else NULL) without a selector are one; with neither there is none. Close it in
 * either case.
 */
int select_open(struct app *app, enum repo_damage_policy policy,
                const struct select_filters *filters, const char *const *texts, size_t count,
                const char *at, struct select_view *v);
void select_close(struct select_view *v);

/*
 * The one point that the i-th selector means; without any selector, the latest. Says on standard
 * error what was found. Where the journal is damaged, only what is named by id or number is used:
 * anything else is HF_EDAMAGE, which says what stands.
 */
int select_point(struct select_view *v, size_t i, struct timeline_resolution *out);
/* What the i-th selector was, as the user wrote it. */
const char *select_asked(const struct select_view *v, size_t i);

/* "resolved": {asked, found, distance_seconds, next, class}; resolution NULL: null. */
void select_put_resolved(struct json *j, const struct timeline_resolution *r, const char *asked);

/* An array of texts; and "paths", with "paths_b64" beside it if one of them is not UTF-8. */
void select_put_texts(struct json *j, const char *key, char *const *texts, size_t count);
void select_put_paths(struct json *j, char *const *paths, size_t count);

/* All tags, or paths, in one cell; an empty one without a snapshot. */
void select_tags_cell(struct table *t, const struct catalog_snapshot *s);
void select_paths_cell(struct table *t, const struct catalog_snapshot *s);

#define SELECT_ID_SHOWN 8 /* digits of an id that people are shown */

#endif
