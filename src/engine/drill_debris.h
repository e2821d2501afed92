/*
 * drill_debris.h - removing a tree of any depth, whatever is in it.
 *
 * Needs a few descriptors and little memory, whatever the size of the tree: folders that are not
 * empty are moved up to the top before they are emptied. What forbids removing (modes, inode flags)
 * is taken away first. Symbolic links are never followed, and what is mounted in the tree is left
 * alone: it can't be removed then.
 */
#ifndef HF_ENGINE_DRILL_DEBRIS_H
#define HF_ENGINE_DRILL_DEBRIS_H

#include <stddef.h>

/*
 * Empties the folder that is open as dir_fd, but for the name `spared` (NULL: for none). Goes on
 * after what can't be removed; the first such error is returned.
 */
int drill_debris_empty(int dir_fd, const char *spared);
/* The same with so many threads beside the calling one. */
int drill_debris_empty_by(int dir_fd, const char *spared, size_t threads);

#endif
