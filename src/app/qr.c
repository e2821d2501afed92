/*
 * qr.c - see qr.h; the only file that includes libqrencode.
 */
#include "app/qr.h"

#include <errno.h>
#include <limits.h>
#include <qrencode.h>

#include "base/err.h"
#include "base/mem.h"

#define QUIET 4 /* modules around it, by the standard */

/* Each run of black modules is one rectangle of one path. */
static void put_row(struct buf *b, const uint8_t *row, int width, int y)
{
    for (int x = 0; x < width;) {
        int run = 0;

        while (x + run < width && (row[x + run] & 1) != 0) {
            run++;
        }
        if (run > 0) {
            buf_printf(b, "M%d %dh%dv1h-%dz", x + QUIET, y + QUIET, run, run);
        }
        x += run > 0 ? run : 1;
    }
}

static void put_code(struct buf *b, const char *title, const QRcode *code)
{
    int side = code->width + 2 * QUIET;

    buf_printf(b,
               "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" role=\"img\" "
               "shape-rendering=\"crispEdges\"><title>%s</title>"
               "<rect width=\"%d\" height=\"%d\" fill=\"#fff\"/><path fill=\"#000\" d=\"",
               side, side, title, side, side);
    for (int y = 0; y < code->width; y++) {
        put_row(b, code->data + (size_t)y * (size_t)code->width, code->width, y);
    }
    buf_printf(b, "\"/></svg>\n");
}

int qr_put_svg(struct buf *b, const char *title, const void *data, size_t len)
{
    QRcode *code = len > INT_MAX ? NULL : QRcode_encodeData((int)len, data, 0, QR_ECLEVEL_M);

    if (code == NULL) {
        return len <= INT_MAX && errno == ENOMEM
                   ? err_nomem()
                   : err_raise(HF_ELIMIT, "%zu bytes don't fit into a QR code", len);
    }
    put_code(b, title, code);
    mem_wipe(code->data, (size_t)code->width * (size_t)code->width);
    QRcode_free(code);
    return buf_error(b);
}
