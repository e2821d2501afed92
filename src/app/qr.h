/*
 * qr.h - text as a QR code, drawn as SVG (libqrencode behind our name).
 */
#ifndef HF_APP_QR_H
#define HF_APP_QR_H

#include <stddef.h>

#include "base/buf.h"

/*
 * Appends an <svg> element, black on white with its quiet zone, of any size that the reader gives
 * it. `title` is what a screen reader says, plain text without markup. HF_ELIMIT: too long for a
 * code. The modules are wiped when they are drawn.
 */
int qr_put_svg(struct buf *b, const char *title, const void *data, size_t len);

#endif
