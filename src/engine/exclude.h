/*
 * exclude.h - patterns that say which paths are meant.
 *
 * A pattern is matched against absolute paths, component by component:
 *
 *     *        any run of characters within a component
 *     ?        one character of a component
 *     [a-z]    one of these ([!a-z] or [^a-z]: none of these)
 *     **       as a whole component: any number of components, none included
 *     \x       x itself
 *     name     without a slash: matches a component of that name at any depth
 *     a/b      components that follow each other, at any depth
 *     /a/b     anchored at the root
 *     a/       folders only
 *     !...     takes back what patterns before it have matched
 *
 * The last pattern that matches decides. What is below a matched folder is matched with it, and
 * can't be taken back (as in gitignore): a walk never enters such a folder. Matching is by byte.
 *
 * An exclude is immutable while it is matched against: any number of threads may do so.
 */
#ifndef HF_ENGINE_EXCLUDE_H
#define HF_ENGINE_EXCLUDE_H

#include <stdbool.h>
#include <stddef.h>

struct exclude;

int exclude_new(struct exclude **out_exclude);
void exclude_free(struct exclude *x); /* accepts NULL */

/* HF_EUSAGE with the position of what is wrong; HF_ENOMEM. Either leaves x as it was. */
int exclude_add(struct exclude *x, const char *pattern);
/*
 * One pattern a line; empty lines and those that begin with '#' are passed over, blanks at the
 * end of a line are dropped unless escaped. `label` (a file name) and the line are named in
 * errors.
 */
int exclude_add_lines(struct exclude *x, const char *text, size_t len, const char *label);
size_t exclude_count(const struct exclude *x); /* of patterns; NULL has none */

/*
 * Whether the patterns match the path itself. A walk asks this for each thing it meets, and does
 * not enter what is matched. x may be NULL: nothing matches.
 */
bool exclude_matches(const struct exclude *x, const char *path, size_t path_len, bool is_dir);
/* The same for a path that no walk has led to: it or any folder above it is matched. */
bool exclude_covers(const struct exclude *x, const char *path, size_t path_len, bool is_dir);
/*
 * Which pattern (by its place in the order of adding) decides about the path itself; SIZE_MAX:
 * none.
 */
size_t exclude_which(const struct exclude *x, const char *path, size_t path_len, bool is_dir);
/* Whether this pattern matches the path itself, whatever the others say. */
bool exclude_hits(const struct exclude *x, size_t i, const char *path, size_t path_len,
                  bool is_dir);
/* The pattern as it was given. */
const char *exclude_pattern(const struct exclude *x, size_t i);
/* The path that the pattern means if it is anchored and without wildcards, else NULL. */
const char *exclude_literal(const struct exclude *x, size_t i);

#endif
