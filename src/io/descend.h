/*
 * descend.h - a process and all that came of it, to be told to end.
 *
 * What hangs was usually started by something else, and may have put itself into a session of its
 * own. From descend_watch on, what loses its parent becomes a child of this program, so that it is
 * still found. What was started before stays alone. Both may be called between fork and exec, and
 * use no memory.
 */
#ifndef HF_IO_DESCEND_H
#define HF_IO_DESCEND_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* On before the process is started, off when it has ended. */
void descend_watch(bool on);
/*
 * Sends a signal to all that came of us since `first` began: a child of ours that nobody has waited
 * for, which gets it as well; or we ourselves, who do not. Buries what ended as our child, but for
 * `first`. Returns how many were alive. What begins meanwhile may be missed: ask until there are
 * none. Without /proc only the group of `first` is told, and counts as nobody.
 */
size_t descend_signal(pid_t first, int signal_number);

#endif
