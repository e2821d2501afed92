/*
 * keysheet.h - a key file's secret as a recovery sheet prints it, and as a person types it in
 * again.
 *
 * Five numbered lines of four groups of five characters:
 *
 *     1  0G4RM 7ZKQ2 ...
 *
 * The alphabet has one of each set of characters that look alike, and takes the others for it. Each
 * group has a check of its own, which finds every single wrong character and every two that are
 * swapped; each line has one, and all of them together. Format: "The recovery sheet" in
 * docs/format.md.
 */
#ifndef HF_FORMAT_KEYSHEET_H
#define HF_FORMAT_KEYSHEET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "format/keyfile.h"

#define KEYSHEET_LINES 5u
#define KEYSHEET_LINE_BYTES 28u /* "1  XXXXX XXXXX XXXXX XXXXX", with its NUL */
#define KEYSHEET_TITLE "holdfast recovery sheet"

struct keysheet {
    char lines[KEYSHEET_LINES][KEYSHEET_LINE_BYTES];
};

/* To be wiped: the lines are the secret. */
void keysheet_make(const uint8_t secret[KEYFILE_SECRET_BYTES], struct keysheet *out);

/* Whether some line of this text is, or tries to be, one of a sheet. */
bool keysheet_seems(const char *text, size_t len);

/*
 * Finds the five lines in a text, among any others. Upper and lower case are one, blanks and dashes
 * between characters are free. HF_EKEY_DAMAGED says which line and group is wrong, or which line is
 * missing, there twice, or not in its place; HF_ENEWER.
 */
int keysheet_parse(const char *text, size_t len, uint8_t out_secret[KEYFILE_SECRET_BYTES]);

#endif
