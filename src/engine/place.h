/*
 * place.h - folders that are open while they are used, and can be opened again.
 *
 * A place is a folder reached from another one by a single name. Each keeps the one above it
 * alive, so that with no more than a fixed number of descriptors any depth can be walked: those
 * least recently used are closed, and opened again when they are needed - from above by name, or
 * from below by "..". Either way device and inode must be what they were, so a folder that was
 * moved or replaced meanwhile is never mistaken for another (HF_ECHANGED).
 *
 * Thread-safe.
 */
#ifndef HF_ENGINE_PLACE_H
#define HF_ENGINE_PLACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

struct place_set;
struct place;

/* max_open: descriptors kept open beside those in use; at least 4. */
int place_set_new(size_t max_open, struct place_set **out_set);
void place_set_free(struct place_set *set); /* all its places must have been dropped */

/*
 * Opens a folder for reading or, where that is not permitted, for passing through only (O_PATH).
 * A symbolic link is refused unless `follow`. Returns the descriptor or -1 with errno.
 */
int place_open_folder(int parent_fd, const char *name, bool follow);

/*
 * A place for a folder that is open as fd, which it takes over in every case. parent NULL: a top
 * place, which stays open. stat: of fd. Held once for the caller.
 */
int place_new(struct place_set *set, struct place *parent, const char *name, size_t len, int fd,
              const struct stat *stat, struct place **out_place);
void place_hold(struct place *p);
void place_drop(struct place *p); /* accepts NULL */

/* The descriptor, open until place_unpin. */
int place_pin(struct place *p, int *out_fd);
void place_unpin(struct place *p);

struct place *place_parent(const struct place *p);
const char *place_name(const struct place *p, size_t *out_len);

#endif
