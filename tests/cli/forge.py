#!/usr/bin/env python3
# forge.py - entries of a journal as somebody would forge them who knows the format, but has no key.
#
# Lengths, hashes and checksums are right, only what a key must make is not ("Seal" in
# docs/format.md).
#
#     forge.py alter FILE             a byte of what is sealed in it is another
#     forge.py unsign FILE            its signature is gone
#     forge.py restamp FILE           its time is an hour later
#     forge.py transplant FROM FILE   FILE gets FROM's items
#     forge.py replay FROM FILE LAST  FROM once more, as the entry FILE that follows LAST
import hashlib
import os
import pathlib
import struct
import sys

SEAL = 256


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def blake2b(data):
    return hashlib.blake2b(data, digest_size=32).digest()


def read(path):
    data = pathlib.Path(path).read_bytes()
    return bytearray(data[:-SEAL]), bytearray(data[-SEAL:])


def write(path, body, seal):
    seal[12:16] = struct.pack("<I", len(body))
    seal[88:120] = blake2b(body)
    seal[188:192] = struct.pack("<I", crc32c(seal[:188]))
    if os.path.exists(path):
        os.chmod(path, 0o600)
    pathlib.Path(path).write_bytes(body + seal)


def alter(path):
    body, seal = read(path)
    body[-1] ^= 1
    write(path, body, seal)


def unsign(path):
    body, seal = read(path)
    seal[192:] = bytes(64)
    write(path, body, seal)


def restamp(path):
    body, seal = read(path)
    seal[136:144] = struct.pack("<q", struct.unpack("<q", seal[136:144])[0] + 3600 * 10**9)
    write(path, body, seal)


def transplant(origin, path):
    write(path, read(origin)[0], read(path)[1])


def replay(origin, path, last):
    body, seal = read(origin)
    seal[48:56] = struct.pack("<Q", int(os.path.basename(path)))
    seal[56:88] = blake2b(read(last)[1])
    write(path, body, seal)


if __name__ == "__main__":
    {"alter": alter, "unsign": unsign, "restamp": restamp, "transplant": transplant,
     "replay": replay}[sys.argv[1]](*sys.argv[2:])
