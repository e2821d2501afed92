#!/usr/bin/env python3
"""fidelity.py --seed N --rounds N --work DIR - a tree changes at random, is backed up and restored.

Each round changes a tree of everything that a file system knows, backs it up, restores it (by
turns into a new folder, and with --delete onto what the round before last restored) and lets
programs that know nothing of holdfast look for differences: rsync, GNU tar, find, lsattr, and
python with its own calls. `holdfast diff` of consecutive snapshots is held against what python saw
change. Everything follows from the seed. $HOLDFAST is the program, $HOLDFAST_REPOSITORY and
$HOLDFAST_KEY say where the repository is and what opens it.

A line `ok - ...` or `not ok - ...` a round; what an ordinary user may not make is left out, which
a line `# ...` says.
"""

import argparse
import array
import base64
import ctypes
import errno
import fcntl
import hashlib
import json
import os
import random
import socket
import stat
import struct
import subprocess
import sys

GETFLAGS, SETFLAGS = 0x80086601, 0x40086602
SYNC, IMMUTABLE, APPEND, NODUMP, NOATIME = 0x8, 0x10, 0x20, 0x40, 0x80
KEPT_FLAGS = SYNC | IMMUTABLE | APPEND | NODUMP | NOATIME
LOCKING = IMMUTABLE | APPEND
ROOT = os.geteuid() == 0
SECOND = 1_000_000_000
DEEP = b"deep"  # rsync, tar and lsattr end at PATH_MAX; find and python look at what is below it


# ---- small things of the system ----

def flags_of(path, add=0, remove=0):
    """The inode flags, changed if that is asked for; None where there are none."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW)
    except OSError:
        return None
    try:
        value = array.array("i", [0])
        fcntl.ioctl(fd, GETFLAGS, value)
        if add or remove:
            value[0] = value[0] & ~remove | add
            fcntl.ioctl(fd, SETFLAGS, value)
        return value[0]
    except OSError:
        return None
    finally:
        os.close(fd)


def acl(default):
    """An access list as the kernel keeps it: somebody else may read, a group may do all."""
    entries = [(0x01, 7, -1), (0x02, 5 if default else 4, 1234), (0x04, 5, -1), (0x08, 7, 4321),
               (0x10, 7, -1), (0x20, 1, -1)]
    packed = b"".join(struct.pack("<HHI", tag, may, who & 0xFFFFFFFF) for tag, may, who in entries)
    return struct.pack("<I", 2) + packed


def capability(dice):
    """CAP_NET_BIND_SERVICE and some others, effective: revision 2 of what the kernel keeps."""
    return struct.pack("<IIIII", 0x02000001, 1 << 10 | 1 << dice.randrange(8), 0, 0, 0)


libc = ctypes.CDLL(None, use_errno=True)


def punch(fd, offset, length):
    """A hole where there was content, the size as it was."""
    libc.fallocate(fd, 0x01 | 0x02, ctypes.c_long(offset), ctypes.c_long(length))


# ---- what is there ----

def extents(fd, size):
    """Where there is data, by lseek."""
    found, at = [], 0
    while at < size:
        try:
            begin = os.lseek(fd, at, os.SEEK_DATA)
        except OSError as error:
            if error.errno == errno.ENXIO:
                break
            raise
        at = os.lseek(fd, begin, os.SEEK_HOLE)
        found.append((begin, min(at, size)))
    return tuple(found)


def worth(data, size):
    """The same where holes save two pages; less is not worth looking for."""
    whole = size - sum(end - begin for begin, end in data) < 8192
    return ((0, size),) if whole else data


def read_file(name, dir_fd, size):
    fd = os.open(name, os.O_RDONLY | os.O_NOFOLLOW, dir_fd=dir_fd)
    try:
        data = extents(fd, size)
        digest = hashlib.blake2b()
        os.lseek(fd, 0, os.SEEK_SET)
        while part := os.read(fd, 1 << 20):
            digest.update(part)
        return digest.digest(), data
    finally:
        os.close(fd)


def look_at(name, dir_fd, links, path):
    """What must come back: type, content, metadata, mtime, names and holes; and exact holes."""
    st = os.lstat(name, dir_fd=dir_fd)
    kind = stat.S_IFMT(st.st_mode)
    content, data = None, None
    if kind == stat.S_IFREG:
        content, data = read_file(name, dir_fd, st.st_size)
    elif kind == stat.S_IFLNK:
        content = os.readlink(name, dir_fd=dir_fd)
    elif kind in (stat.S_IFCHR, stat.S_IFBLK):
        content = st.st_rdev
    at = b"/proc/self/fd/%d/%s" % (dir_fd, name)
    xattrs = {key: os.getxattr(at, key, follow_symlinks=False)
              for key in os.listxattr(at, follow_symlinks=False)}
    flags = 0
    if kind in (stat.S_IFREG, stat.S_IFDIR):
        flags = (flags_of(at) or 0) & KEPT_FLAGS
    first = links.setdefault(st.st_ino, path) if kind != stat.S_IFDIR else path
    metadata = (st.st_mode & 0o7777, st.st_uid, st.st_gid, flags, tuple(sorted(xattrs.items())))
    holes = worth(data, st.st_size) if data is not None else None
    return kind, content, metadata, st.st_mtime_ns, (first, holes), data, st.st_size


def state_below(fd, above, links, out):
    for name in sorted(os.listdir(fd)):
        name = os.fsencode(name)
        path = above + b"/" + name if above else name
        out[path] = look_at(name, fd, links, path)
        if out[path][0] == stat.S_IFDIR:
            below = os.open(name, os.O_RDONLY | os.O_NOFOLLOW, dir_fd=fd)
            try:
                state_below(below, path, links, out)
            finally:
                os.close(below)


def state_of(root):
    """Everything below a folder, and the folder itself as b""; paths may be of any length."""
    out = {b"": look_at(os.fsencode(os.path.basename(root)),
                        fd := os.open(os.path.dirname(root), os.O_RDONLY), {}, b"")}
    os.close(fd)
    fd = os.open(root, os.O_RDONLY)
    state_below(fd, b"", {}, out)
    os.close(fd)
    return out


def has_holes(thing):
    kind, size, exact = thing[0], thing[6], thing[5]
    return kind == stat.S_IFREG and sum(end - begin for begin, end in exact) < size


def truth_of_diff(was, now):
    """What `holdfast diff` must list: path -> change."""
    changes = {}
    for path in was.keys() | now.keys():
        a, b = was.get(path), now.get(path)
        if a is None or b is None:
            changes[path] = "added" if a is None else "removed"
        elif a[0] != b[0]:
            changes[path] = "type"
        elif a[1] != b[1]:
            changes[path] = "modified"
        elif a[2] != b[2] or (a[3] != b[3] and a[0] != stat.S_IFDIR):
            changes[path] = "metadata"
    return changes


# ---- the tree, and what happens to it ----

class Tree:
    def __init__(self, root, dice):
        self.root = os.fsencode(root)
        self.dice = dice
        self.made = 0
        self.sly = False  # some content changed, and neither size nor time: see one()
        self.refused = set()

    # What the system refuses (to an ordinary user; or this file system) is left out, and told.
    def attempt(self, what, call, *arguments, **keywords):
        try:
            call(*arguments, **keywords)
            return True
        except OSError as error:
            self.refused.add(f"{what}: {os.strerror(error.errno)}")
            return False

    def walk(self):
        """Folders and other things, but not those of the deep branch."""
        folders, others = [self.root], []
        for place in folders:
            for entry in sorted(os.scandir(place), key=lambda e: e.name):
                if entry.path == self.root + b"/" + DEEP:
                    continue
                (folders if entry.is_dir(follow_symlinks=False) else others).append(entry.path)
        return folders, others

    def name(self):
        self.made += 1
        number = b"%d" % self.made
        odd = [b"new\nline", b"\xff\xfe not utf-8 \xc3", b" blank ", b"-rf", b"tab\t",
               b"\"quo'tes\\", b"*?[", b"\x01\x7f",
               "\u00fcn\u00ef\U0001f600".encode(), b"#", b"~", b"...",
               bytes(set(range(1, 256)) - {ord("/")})[:200]]
        choice = self.dice.randrange(10)
        if choice == 0:
            return self.dice.choice(odd) + number
        if choice == 1:
            return (number + b"-").ljust(255, self.dice.choice([b"x", b"\xe9"]))
        return b"thing" + number

    def content(self, length):
        if self.dice.randrange(3) == 0:
            return self.dice.randbytes(length)
        line = b"%d is a line of text\n" % self.dice.randrange(1000)
        return (line * (length // len(line) + 1))[:length]

    def file(self, path):
        size = self.dice.choice([0, 1, self.dice.randrange(9000), self.dice.randrange(9000),
                                 4096, 65536, self.dice.randrange(200_000)])
        if self.dice.randrange(20) == 0:
            size = self.dice.randrange(2 << 20)
        with open(path, "wb") as f:
            f.write(self.content(size))

    def zeros(self, path):
        with open(path, "wb") as f:
            f.write(bytes(self.dice.choice([1, 4096, 100_000, 300_000])))

    def sparse(self, path):
        with open(path, "wb") as f:
            at = self.dice.choice([0, 65536])
            for _ in range(self.dice.randrange(3)):
                f.seek(at)
                f.write(self.content(5000))
                at += self.dice.randrange(1, 40) << 16
            f.truncate(at + self.dice.choice([0, 1 << 20, 1234]))

    def symlink(self, path):
        os.symlink(self.dice.choice([b"/etc/passwd", b"../up", b"no\nwhere\xff", b"thing1",
                                     b"long/" * 700]), path)

    def link(self, path):
        others = self.walk()[1]
        if not others:
            self.file(path)
        else:
            self.attempt("hard link", os.link, self.dice.choice(others), path,
                         follow_symlinks=False)

    def link_to_symlink(self, path):
        self.symlink(path)
        os.link(path, os.path.dirname(path) + b"/" + self.name(), follow_symlinks=False)

    def fifo(self, path):
        os.mkfifo(path)

    def socket(self, path):
        fd = os.open(os.path.dirname(path), os.O_RDONLY)
        with socket.socket(socket.AF_UNIX) as s:
            short = b"/proc/self/fd/%d/s" % fd  # the address of a socket is short
            s.bind(short)
            os.rename(short, path)
        os.close(fd)

    def device(self, path):
        kind, number = self.dice.choice([(stat.S_IFCHR, (1, 3)), (stat.S_IFBLK, (7, 200)),
                                         (stat.S_IFCHR, (240, 70_000))])
        self.attempt("device", os.mknod, path, kind | 0o640, os.makedev(*number))

    def folder(self, path):
        os.mkdir(path)
        for _ in range(self.dice.randrange(4)):
            self.make(path)

    KINDS = ("file", "zeros", "sparse", "symlink", "link", "link_to_symlink", "fifo", "socket",
             "device", "folder")
    WEIGHTS = (10, 1, 2, 2, 3, 1, 1, 1, 1, 4)

    def make(self, place, kind=None):
        kind = kind or self.dice.choices(self.KINDS, self.WEIGHTS)[0]
        path = place + b"/" + self.name()
        getattr(self, kind)(path)
        for made in [path] if os.path.lexists(path) else []:
            self.dress(made)

    def mode(self, path):
        mode = self.dice.choice([0o400, 0o755, 0o4755, 0o2711, 0o1777, 0, 0o6600, 0o644, 0o2770])
        os.chmod(path, mode if ROOT else mode | 0o700)

    def owner(self, path):
        ids = [0, 1, 1000, 65534, self.dice.randrange(100_000), 4_000_000_000]
        self.attempt("owner", os.chown, path, self.dice.choice(ids), self.dice.choice(ids),
                     follow_symlinks=False)

    def time(self, path):
        ns = self.dice.choice([
            -self.dice.randrange(60 * 365 * 86400 * SECOND),  # before 1970
            9_190_000_000 * SECOND + self.dice.randrange(SECOND),  # 2261
            -1, 0, self.dice.randrange(1_700_000_000 * SECOND)])
        os.utime(path, ns=(ns, ns), follow_symlinks=False)

    def xattr(self, path):
        kind = stat.S_IFMT(os.lstat(path).st_mode)
        pairs = [(b"trusted.one", self.content(40)), (b"trusted.\xe9", b"")]
        if kind in (stat.S_IFREG, stat.S_IFDIR):
            pairs += [(b"user.empty", b""), (b"user.small", self.content(20)),
                      (b"user.large", self.content(3000)), (b"user.huge", self.content(60_000))]
        if kind == stat.S_IFREG:
            pairs.append((b"security.capability", capability(self.dice)))
        if kind != stat.S_IFLNK:
            pairs.append((b"system.posix_acl_access", acl(False)))
        if kind == stat.S_IFDIR:
            pairs.append((b"system.posix_acl_default", acl(True)))
        for key, value in self.dice.sample(pairs, self.dice.randrange(1, 3)):
            what = f"xattr {key.decode(errors='replace')}"
            self.attempt(what, os.setxattr, path, key, value, follow_symlinks=False)

    def no_xattr(self, path):
        keys = os.listxattr(path, follow_symlinks=False)
        if keys:
            self.attempt("removal of an xattr", os.removexattr, path, self.dice.choice(keys),
                         follow_symlinks=False)

    def flag(self, path):
        flags_of(path, add=self.dice.choice([NODUMP, NOATIME, NODUMP | SYNC]))

    def dress(self, path):
        """Metadata at random; the time comes last, and not always."""
        kind = stat.S_IFMT(os.lstat(path).st_mode)
        if self.dice.randrange(3) == 0:
            self.owner(path)
        if kind != stat.S_IFLNK and self.dice.randrange(3) == 0:
            self.mode(path)
        if self.dice.randrange(5) == 0:
            self.xattr(path)
        if kind in (stat.S_IFREG, stat.S_IFDIR) and self.dice.randrange(8) == 0:
            self.flag(path)
        if self.dice.randrange(3) != 0:
            self.time(path)

    # ---- changes of one thing ----

    def rewrite(self, path):
        """Other content of the same length, and the time as it was."""
        st = os.lstat(path)
        with open(path, "r+b") as f:
            f.write(self.dice.randbytes(min(st.st_size, 100_000)))
        self.sly = True
        os.utime(path, ns=(st.st_mtime_ns, st.st_mtime_ns))

    def overwrite(self, path):
        with open(path, "r+b") as f:
            f.seek(self.dice.randrange(os.lstat(path).st_size + 1))
            f.write(self.content(300))

    def append(self, path):
        with open(path, "ab") as f:
            f.write(self.content(700))

    def cut(self, path):
        os.truncate(path, self.dice.randrange(os.lstat(path).st_size + 1))

    def extend(self, path):
        os.truncate(path, os.lstat(path).st_size + (1 << 18))

    def hollow(self, path):
        with open(path, "r+b") as f:
            punch(f.fileno(), 0, 65536)

    def replace(self, path):
        """The same content, holes and time in another inode, which has no other name."""
        st = os.lstat(path)
        with open(path, "rb") as f:
            stretches = extents(f.fileno(), st.st_size)
            content = [os.pread(f.fileno(), end - begin, begin) for begin, end in stretches]
        os.unlink(path)
        with open(path, "wb") as f:
            for (begin, _), part in zip(stretches, content):
                os.pwrite(f.fileno(), part, begin)
            f.truncate(st.st_size)
        os.utime(path, ns=(st.st_mtime_ns, st.st_mtime_ns))

    def unlink(self, path):
        os.unlink(path)

    def become_folder(self, path):
        os.unlink(path)
        self.folder(path)

    def become_link(self, path):
        os.unlink(path)
        self.symlink(path)

    def move(self, path):
        os.rename(path, self.dice.choice(self.walk()[0]) + b"/" + self.name())

    def remove_folder(self, path):
        subprocess.run([b"rm", b"-rf", b"--", path], check=True)

    def folder_becomes_file(self, path):
        self.remove_folder(path)
        self.file(path)

    def move_folder(self, path):
        others = [p for p in self.walk()[0] if not (p + b"/").startswith(path + b"/")]
        os.rename(path, self.dice.choice(others) + b"/" + self.name())

    CONTENT = ("rewrite", "overwrite", "append", "cut", "extend", "hollow", "replace")
    ANY = ("owner", "time", "xattr", "no_xattr", "unlink", "become_folder", "become_link", "move")
    FOLDER = ("remove_folder", "folder_becomes_file", "move_folder", "mode", "owner", "xattr",
              "no_xattr", "time", "flag", "make", "make", "make")

    def change_one(self):
        folders, others = self.walk()
        if self.dice.randrange(3) == 0 or not others:
            path = self.dice.choice(folders)
            deed = self.dice.choice(self.FOLDER)
            if path == self.root and deed in self.FOLDER[:3]:
                deed = "make"
        else:
            path = self.dice.choice(others)
            kind = stat.S_IFMT(os.lstat(path).st_mode)
            deeds = self.ANY
            if kind == stat.S_IFREG:
                deeds += self.CONTENT * 2 + ("mode", "flag")
            elif kind != stat.S_IFLNK:
                deeds += ("mode",)
            deed = self.dice.choice(deeds)
        if not ROOT and os.path.lexists(path) and not os.path.islink(path):
            os.chmod(path, os.lstat(path).st_mode & 0o7777 | 0o700)
        getattr(self, deed)(path)

    def unlock(self):
        for path in sum(self.walk(), []):
            if stat.S_IFMT(os.lstat(path).st_mode) in (stat.S_IFREG, stat.S_IFDIR):
                if (flags_of(path) or 0) & LOCKING:
                    flags_of(path, remove=LOCKING)

    def lock(self):
        """Some things can't be changed any more: the last deed of a round."""
        folders, others = self.walk()
        for path in self.dice.sample(others, len(others) // 12) + [self.dice.choice(folders)]:
            if path != self.root and stat.S_IFMT(os.lstat(path).st_mode) in (stat.S_IFREG,
                                                                            stat.S_IFDIR):
                before = flags_of(path)
                after = flags_of(path, add=self.dice.choice([IMMUTABLE, APPEND, LOCKING]))
                if before is not None and after == before:
                    self.refused.add("flags i and a")

    def deepen(self, change):
        """A branch whose paths are longer than PATH_MAX, and a file at its end."""
        at = os.open(self.root, os.O_RDONLY)
        for i in range(25):
            name = DEEP if i == 0 else b"%d-".ljust(200, b"d") % i
            if not change:
                os.mkdir(name, dir_fd=at)
            below = os.open(name, os.O_RDONLY, dir_fd=at)
            os.close(at)
            at = below
        fd = os.open(b"file", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, dir_fd=at)
        os.write(fd, self.content(5000))
        os.close(fd)
        if not change:
            os.utime(b"file", ns=(-5, -5), dir_fd=at)
        if not change:
            os.symlink(b"file", b"link", dir_fd=at)
            os.link(b"file", b"second name", src_dir_fd=at, dst_dir_fd=at)
        os.close(at)

    def fill(self):
        """At least two of everything."""
        for kind in self.KINDS * 2:
            self.make(self.root, kind)
        for _ in range(40):
            self.make(self.dice.choice(self.walk()[0]))
        self.deepen(False)
        self.lock()

    def change(self):
        self.unlock()
        for _ in range(self.dice.randrange(4, 20)):
            self.change_one()
        if self.dice.randrange(5) == 0:
            self.deepen(True)
        for path in self.dice.sample(self.walk()[0], 1):
            self.time(path)
        self.lock()


# ---- what other programs see ----

def output(command, **keywords):
    run = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
                         **keywords)
    return run.stdout, run.returncode


def by_rsync(a, b):
    said, status = output(["rsync", "-naciHAX", "--delete", "--modify-window=-1",
                           "--exclude=/deep/*", f"{a}/", f"{b}/"])
    return said if said or status == 0 else b"exit status %d" % status


def by_tar(a, b):
    """tar stores no sockets, and says so."""
    with subprocess.Popen(["tar", "-c", "--format=posix", "--sparse", "--exclude=./deep/*", "-C", a,
                           "-f", "-", "."], stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL) as archive:
        said, status = output(["tar", "--compare", "-C", b, "-f", "-"], stdin=archive.stdout)
    return said if said or status == 0 else b"exit status %d" % status


def by_find(a, b):
    """Type, mode, owner, size, time to the nanosecond, links and target, at any depth."""
    form = r"%P\t%M %U %G %T@ %n %l\0"
    listings = [sorted(output(["find", ".", "-type", "d", "-printf", form, "-o", "-printf",
                               "%s " + form], cwd=root)[0].split(b"\0")) for root in (a, b)]
    return b"" if listings[0] == listings[1] else \
        b"\n".join(sorted(set(listings[0]) ^ set(listings[1]))[:8])


def by_lsattr(a, b):
    """The flags that a restore sets; e and I say how a file system keeps the thing."""
    seen = []
    for root in (a, b):
        said, _ = output(f"find . -path ./deep/* -prune -o \\( -type f -o -type d \\) -print0 | "
                         f"xargs -0 lsattr -d | sort", shell=True, cwd=root)
        seen.append([line.translate(None, b"eI-") if i == 0 else line
                     for text in said.split(b"\n") for i, line in enumerate(text.split(b" ", 1))])
    return b"" if seen[0] == seen[1] else b"lsattr lists other flags"


def by_python(was, now):
    """The first few things that differ, and in what."""
    said = []
    fields = ("type", "content", "mode, owner, flags, xattrs", "mtime", "names or data")
    for path in sorted(was.keys() | now.keys()):
        a, b = was.get(path), now.get(path)
        if a is None or b is None:
            said.append(b"%s: only in one of them" % path)
        elif a[:5] != b[:5]:
            said += [f"{path}: {field}: {str(x)[:300]} became {str(y)[:300]}".encode()
                     for field, x, y in zip(fields, a, b) if x != y]
    return b"\n".join(said[:5])


# ---- rounds ----

class Rounds:
    def __init__(self, options):
        self.work = os.path.realpath(options.work)
        self.source = f"{self.work}/source"
        self.tree = Tree(self.source, random.Random(options.seed))
        self.earlier = None  # the state of the last round, and its snapshot
        self.snapshot = None
        self.failures = 0

    def holdfast(self, *arguments):
        run = subprocess.run([os.environ["HOLDFAST"], "--key-file", os.environ["HOLDFAST_KEY"],
                              *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE, check=False)
        if run.returncode != 0:
            raise RuntimeError(f"{arguments[0]} ended with {run.returncode}: "
                               f"{(run.stdout + run.stderr)[-1000:].decode(errors='replace')}")
        return run.stdout

    def diff(self, now):
        """What `diff` lists of the tree, against what has changed."""
        listed = json.loads(self.holdfast("diff", "--json", self.earlier[1], self.snapshot))
        above = os.fsencode(self.source)
        said = {}
        for entry in listed["changes"]:
            path = base64.b64decode(entry["path_b64"]) if "path_b64" in entry \
                else entry["path"].encode()
            if (path + b"/").startswith(above + b"/"):
                said[path[len(above) + 1:]] = entry["change"]
        truth = truth_of_diff(self.earlier[0], now)
        for path, change in said.items():
            # A hole is not stored as zeros are, though they read the same.
            pair = [state[path] for state in (now, self.earlier[0]) if path in state]
            if change == "modified" and truth.get(path, "metadata") == "metadata" and \
                    any(has_holes(thing) for thing in pair):
                truth[path] = change
        wrong = sorted(set(said.items()) ^ set(truth.items()))
        return repr([(path, said.get(path), truth.get(path)) for path, _ in wrong[:5]]).encode() \
            if wrong else b""

    def one(self, number):
        target = f"{self.work}/fresh{number}" if number % 2 == 0 else f"{self.work}/target"
        if number == 0:
            os.mkdir(self.source)
            self.tree.fill()
        else:
            self.tree.change()
        now = state_of(self.source)
        self.snapshot = self.holdfast("-q", "backup", self.source).decode().strip()
        # By default a file with the right size and time is taken for right, as rsync does.
        how = ["--overwrite", "always"] if self.tree.sly and number % 2 else []
        self.tree.sly = self.tree.sly and number % 2 == 0
        self.holdfast("-q", "restore", "-t", target, "--delete", *how)
        back = target + self.source
        found = {"python": by_python(now, state_of(back)),
                 "rsync": by_rsync(self.source, back),
                 "rsync the other way": by_rsync(back, self.source),
                 "tar": by_tar(self.source, back), "find": by_find(self.source, back),
                 "lsattr": by_lsattr(self.source, back)}
        if self.earlier is not None:
            found["diff"] = self.diff(now)
        self.earlier = (now, self.snapshot)
        if number % 2 == 0:
            clear(target)
        return {name: text for name, text in found.items() if text}, len(now)

    def all(self, rounds):
        for number in range(rounds):
            how = "into a new folder" if number % 2 == 0 else "onto an earlier one"
            try:
                wrong, things = self.one(number)
            except (OSError, RuntimeError) as error:
                wrong, things = {"a run": str(error).encode()}, 0
            if not wrong:
                print(f"ok - round {number}: {things} things restored {how} are the same")
                continue
            self.failures += 1
            print(f"not ok - round {number}: what is restored {how} is the same")
            for name, text in wrong.items():
                shown = text.decode(errors="backslashreplace")[:1500].replace("\n", "\n        ")
                print(f"    {name} says: {shown}")
            if self.failures == 3:
                print("    no more rounds after three that failed")
                break
        for refused in sorted(self.tree.refused):
            print(f"# left out, since the system refused it: {refused}")


def clear(path):
    """Removes a tree, whatever its flags."""
    if ROOT:
        subprocess.run(["chattr", "-R", "-f", "-i", "-a", path], stderr=subprocess.DEVNULL,
                       check=False)
    subprocess.run(["chmod", "-R", "u+rwX", path], stderr=subprocess.DEVNULL, check=False)
    subprocess.run(["rm", "-rf", path], check=False)


def main():
    parser = argparse.ArgumentParser(description="Restored is what was backed up.")
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--rounds", type=int, default=50)
    parser.add_argument("--work", required=True)
    options = parser.parse_args()
    os.umask(0o022)
    rounds = Rounds(options)
    try:
        rounds.all(options.rounds)
    finally:
        for made in ("source", "target"):
            clear(f"{rounds.work}/{made}")
    return 1 if rounds.failures else 0


if __name__ == "__main__":
    sys.exit(main())
