/*
 * term.h - what the terminal can do, if there is one.
 */
#ifndef HF_APP_TERM_H
#define HF_APP_TERM_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

/* Whether a descriptor is a terminal that can rewrite a line (TERM=dumb can not). */
bool term_is_live(int fd);
/* The same, and colours are wanted (NO_COLOR). */
bool term_has_colours(int fd);
/* Columns; 80 if that can't be told. Asked anew each time: windows are resized. */
size_t term_columns(int fd);
/* Rows; 24 if that can't be told. */
size_t term_rows(int fd);
/* Whether text may be more than ASCII: the locale is UTF-8, and the terminal is not dumb. */
bool term_has_unicode(void);

/* How many columns UTF-8 text takes, by code points. */
size_t term_width(const char *text, size_t len);
/* Appends as much of the text as fits into `columns`, "..." at its beginning if that is not all. */
void term_put_tail(struct buf *b, const char *text, size_t len, size_t columns);

/* Whether there is a terminal to ask on. */
bool term_can_ask(void);
/*
 * Asks on /dev/tty without echo. The answer is the caller's (to be wiped and freed), without its
 * newline. HF_EKEY when there is no terminal, HF_EINTERRUPTED.
 */
int term_ask_secret(const char *prompt, char **out_answer);

#endif
