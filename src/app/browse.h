/*
 * browse.h - what ls, find, diff and dump have in common: paths in a snapshot, and how a node is
 * shown.
 */
#ifndef HF_APP_BROWSE_H
#define HF_APP_BROWSE_H

#include <stdbool.h>
#include <stddef.h>

#include "app/json.h"
#include "app/out.h"
#include "engine/manifest_cursor.h"
#include "format/node.h"

/* A path of a command line as snapshots hold it: absolute and clean. Fresh memory. */
int browse_path(const char *text, char **out_path);

/*
 * Puts the cursor on a path: 0, and *out is its node. HF_EABSENT names what is most like it in the
 * same folder.
 */
int browse_find(struct manifest_cursor *c, const char *path, struct node *out);

/* One line: the path alone, or with mode, owner, size and time before it. */
void browse_put_line(struct out *out, const struct node *n, bool long_form);
/* {path type mode uid gid user group size mtime links target} */
void browse_put_json(struct json *j, const struct node *n);

/*
 * After an error of the cursor: if it is damage, passes over the page, counts it in *damaged, and
 * returns 0. Else the error.
 */
int browse_pass_damage(struct manifest_cursor *c, int rc, uint64_t *damaged);
/* 0, or HF_EDAMAGE with a trail that says how many pages were passed over. */
int browse_check_damage(uint64_t damaged);

#endif
