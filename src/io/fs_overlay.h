/*
 * fs_overlay.h - a copy of a folder that costs nothing until it is changed.
 *
 * What is below (the original) is only ever opened for reading, looked at and listed; whatever is
 * made, changed or removed happens in another folder above it. So the copy may be damaged at will:
 * the original stays as it is, to the last bit, and may be one that can't be written at all.
 *
 * The copy is of the moment when it was made: names that come to the original later are not in it.
 * It is two levels deep, like a repository: files, folders, and files in these. Folders are taken
 * in by alphabet.
 */
#ifndef HF_IO_FS_OVERLAY_H
#define HF_IO_FS_OVERLAY_H

#include "io/fs.h"

struct fs_overlay_options {
    struct fs *below;              /* borrowed */
    struct fs *above;              /* borrowed; an empty folder */
    const char *const *copied;     /* files, and folders whose files, are copied for real, since
                                      others may remove them; NULL-terminated, or NULL */
    const char *const *left_empty; /* folders of which nothing but the name is taken; the same */
};

/* The overlay's label is that of `above`. */
int fs_overlay_new(const struct fs_overlay_options *options, struct fs **out_fs);

/* Removes all that happened since: the copy is again as it was made. Nothing may be open. */
int fs_overlay_undo(struct fs *fs);

/*
 * HF_ECHANGED: a file of the original that the copy stands on has gone, or has another size now, so
 * what was seen in the copy may be no fault of its own.
 */
int fs_overlay_compare(struct fs *fs);

#endif
