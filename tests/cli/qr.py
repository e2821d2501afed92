#!/usr/bin/env python3
"""qr.py [FILE] - prints what the QR code says that is drawn in an SVG, alone or within a page.

Draws the path itself (the program makes it of rectangles "Mx yhNv1h-Nz" only, in a square viewBox)
and lets libzbar, which knows nothing of how it was made, read the picture.
"""

import ctypes
import re
import sys

SCALE = 4


def picture(svg):
    """The picture as rows of grey bytes: (side, bytes)."""
    view = re.search(r'viewBox="0 0 (\d+) (\d+)"', svg)
    side = int(view[1])
    assert view[1] == view[2]
    dark = bytearray(b"\xff" * (side * side))
    path = re.search(r' d="([^"]*)"', svg)[1]
    rectangle = r"M(\d+) (\d+)h(\d+)v1h-(\d+)z"
    assert re.fullmatch(f"({rectangle})+", path)
    for x, y, run, back in re.findall(rectangle, path):
        assert run == back
        at = int(y) * side + int(x)
        dark[at:at + int(run)] = bytes(int(run))
    rows = []
    for y in range(side):
        row = bytes(v for v in dark[y * side:(y + 1) * side] for _ in range(SCALE))
        rows.append(row * SCALE)
    return side * SCALE, b"".join(rows)


def read(side, grey):
    zbar = ctypes.CDLL("libzbar.so.0")
    for name in ("zbar_image_scanner_create", "zbar_image_create", "zbar_image_first_symbol"):
        getattr(zbar, name).restype = ctypes.c_void_p
    zbar.zbar_symbol_get_data.restype = ctypes.c_char_p
    image = ctypes.c_void_p(zbar.zbar_image_create())
    zbar.zbar_image_set_format(image, ctypes.c_ulong(int.from_bytes(b"Y800", "little")))
    zbar.zbar_image_set_size(image, side, side)
    zbar.zbar_image_set_data(image, grey, ctypes.c_ulong(len(grey)), None)
    scanner = ctypes.c_void_p(zbar.zbar_image_scanner_create())
    found = zbar.zbar_scan_image(scanner, image)
    if found != 1:
        sys.exit(f"qr.py: {found} codes in the picture")
    symbol = ctypes.c_void_p(zbar.zbar_image_first_symbol(image))
    return zbar.zbar_symbol_get_data(symbol).decode()


with open(sys.argv[1] if len(sys.argv) > 1 else 0, encoding="utf-8") as source:
    print(read(*picture(source.read())), end="")
