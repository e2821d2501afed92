/*
 * sheet.h - a recovery sheet as people get it: text, a page to print, or the QR code alone.
 */
#ifndef HF_APP_SHEET_H
#define HF_APP_SHEET_H

#include <stdint.h>

#include "base/buf.h"
#include "format/keysheet.h"

struct sheet {
    struct keysheet key;
    const char *name;     /* of the key in the repository */
    const char *location; /* of the repository, as it was given */
    const char *host;     /* where it was made */
    uint8_t repo_id[16];
    int64_t made_ns;
};

enum sheet_form { SHEET_TEXT, SHEET_HTML, SHEET_SVG };

/* By how the file's name ends: .html or .htm, .svg; else text. NULL: text. */
enum sheet_form sheet_form_of(const char *path);
/* Reserves `b` once, so that no copy of the secret is left by its growing. It is to be wiped. */
int sheet_put(struct buf *b, const struct sheet *s, enum sheet_form form);

#endif
