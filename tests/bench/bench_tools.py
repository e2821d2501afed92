"""bench_tools.py - the programs that are compared: how each is asked to do the same deed.

A deed is a shell command in which nothing but the work is timed: a repository is made before, and
what a peer wrote is made durable within (`sync -f`), as holdfast does by itself. Each tool has all
its files below one folder, which is new in every round. A tool that has no such deed answers None.
Settings are the defaults of each, encrypted where the tool can encrypt.
"""

import os
import shlex
import shutil
import subprocess

PASSWORD = "a password of the benchmark"


def quoted(*words):
    return " ".join(shlex.quote(str(word)) for word in words)


def bytes_below(folder, without=()):
    """The sum of sizes of files below a folder."""
    total = 0
    for path, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if name not in without]
        total += sum(os.lstat(os.path.join(path, name)).st_size for name in files)
    return total


class Tool:
    """One program, with a place of its own. `needs` are the commands that must be installed."""

    name = ""
    needs = ()

    def __init__(self, place):
        self.place = place
        self.repository = f"{place}/repository"
        self.environment = {"HOME": place, "TMPDIR": place, "PATH": os.environ["PATH"],
                            "TZ": "UTC", "LC_ALL": "C"}

    @classmethod
    def missing(cls):
        return [command for command in cls.needs if shutil.which(command) is None]

    def ask(self, command):
        """Runs what is not measured."""
        done = subprocess.run(["bash", "-c", command], env=self.environment, cwd=self.place,
                              stdin=subprocess.DEVNULL, capture_output=True, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"{command}: {done.stderr.decode(errors='replace')}")

    def prepare(self):
        """Makes the place and an empty repository."""
        os.makedirs(self.place)

    def stored(self):
        return bytes_below(self.repository)

    def deed(self, name, *arguments):
        """The shell command of a deed, or None."""
        method = getattr(self, name, None)
        return method(*arguments) if method else None

    def look(self, source):
        """Finding out that nothing has changed is a backup, if the tool can tell."""
        return self.deed("backup", source)


class Holdfast(Tool):
    name = "holdfast"
    program = "holdfast"

    def prepare(self):
        super().prepare()
        self.environment |= {"HOLDFAST_REPOSITORY": self.repository}
        self.ask(self.with_key("-q init"))

    def with_key(self, words):
        return f"{quoted(self.program)} --key-file {quoted(self.place + '/key')} {words}"

    def stored(self):
        return bytes_below(self.repository, without=("parity",))

    def backup(self, source):
        return self.with_key(f"-q backup {quoted(source)}")

    def restore(self, target):
        return self.with_key(f"-q restore -t {quoted(target)}")

    def check(self, source):
        return self.with_key("-q check --read-data")

    def one_file(self, path, target):
        return self.with_key(f"-q restore -t {quoted(target)} --include {quoted(path)}")

    def snapshots(self):
        return self.with_key("snapshots")

    def ls(self, folder):
        return self.with_key(f"ls latest {quoted(folder)}")

    def add_password(self):
        with open(f"{self.place}/password", "w", encoding="ascii") as file:
            file.write(PASSWORD + "\n")
        self.ask(self.with_key(f"key add second --new-password-file {self.place}/password"))

    def snapshots_with_password(self):
        return f"{quoted(self.program)} --password-file {quoted(self.place)}/password snapshots"


class Restic(Tool):
    name = "restic"
    needs = ("restic",)

    def prepare(self):
        super().prepare()
        self.environment |= {"RESTIC_REPOSITORY": self.repository, "RESTIC_PASSWORD": PASSWORD,
                             "RESTIC_CACHE_DIR": f"{self.place}/cache"}
        self.ask("restic -q init")

    def backup(self, source):
        return f"restic -q backup {quoted(source)} && sync -f {quoted(self.repository)}"

    def restore(self, target):
        return f"restic -q restore latest -t {quoted(target)} && sync -f {quoted(target)}"

    def check(self, source):
        return "restic -q check --read-data"

    def one_file(self, path, target):
        return (f"restic -q restore latest -t {quoted(target)} --include {quoted(path)} && "
                f"sync -f {quoted(target)}")

    def snapshots(self):
        return "restic -q snapshots"

    def ls(self, folder):
        return f"restic -q ls latest {quoted(folder)}"


class Borg(Tool):
    name = "borg"
    needs = ("borg",)
    backups = 0

    def prepare(self):
        super().prepare()
        self.environment |= {"BORG_REPO": self.repository, "BORG_PASSPHRASE": PASSWORD,
                             "BORG_BASE_DIR": self.place,
                             "BORG_RELOCATED_REPO_ACCESS_IS_OK": "yes"}
        self.ask("borg init -e repokey-blake2")

    def backup(self, source):
        self.backups += 1
        return (f"borg create ::{self.backups} {quoted(source)} && "
                f"sync -f {quoted(self.repository)}")

    def restore(self, target):
        return (f"mkdir {quoted(target)} && cd {quoted(target)} && "
                f"borg extract ::{self.backups} && sync -f .")

    def check(self, source):
        return "borg check --verify-data"

    def snapshots(self):
        return "borg list"


class Tar(Tool):
    """tar | zstd -1 -T2, which neither encrypts nor checks; its repository is one file."""

    name = "tar+zstd"
    needs = ("tar", "zstd")

    def prepare(self):
        super().prepare()
        os.mkdir(self.repository)
        self.archive = f"{self.repository}/archive.tar.zst"

    def backup(self, source):
        folder, name = os.path.split(source)
        return (f"tar -C {quoted(folder)} -cf - {quoted(name)} | "
                f"zstd -q -1 -T2 -o {quoted(self.archive)} && sync -f {quoted(self.repository)}")

    look = None

    def restore(self, target):
        return (f"mkdir {quoted(target)} && zstd -q -dc {quoted(self.archive)} | "
                f"tar -C {quoted(target)} -xf - && sync -f {quoted(target)}")


class PlainTar(Tool):
    """tar alone, for restoring: nothing to decompress."""

    name = "tar"
    needs = ("tar",)

    def prepare(self):
        super().prepare()
        os.mkdir(self.repository)

    def backup(self, source):
        folder, name = os.path.split(source)
        return (f"tar -C {quoted(folder)} -cf {quoted(self.repository)}/archive.tar "
                f"{quoted(name)} && sync -f {quoted(self.repository)}")

    def restore(self, target):
        return (f"mkdir {quoted(target)} && tar -C {quoted(target)} "
                f"-xf {quoted(self.repository)}/archive.tar && sync -f {quoted(target)}")


class Rsync(Tool):
    """A copy of the tree: no history, no encryption, no compression."""

    name = "rsync"
    needs = ("rsync",)

    def backup(self, source):
        return (f"rsync -aHAX {quoted(source)} {quoted(self.repository)}/ && "
                f"sync -f {quoted(self.repository)}")


class Find(Tool):
    """What it costs to look at every file."""

    name = "find"
    needs = ("find",)

    def look(self, source):
        return (f"find {quoted(source)} -printf "
                r"'%p %y %m %u %g %s %i %n %D %T@ %C@ %A@ %b %l\n' >/dev/null")


class Copy(Tool):
    name = "cat"
    needs = ("cat", "sync")

    def prepare(self):
        super().prepare()
        os.mkdir(self.repository)

    def backup(self, source):
        copy = quoted(f"{self.repository}/copy")
        return f"cat {quoted(source)}/* >{copy} && sync -f {copy}"


class Openssl(Tool):
    """What it costs to hash the same bytes; nothing is stored."""

    name = "openssl sha256"
    needs = ("openssl",)

    def check(self, source):
        return f"openssl sha256 {quoted(source)}/*"


ALL = (Holdfast, Tar, PlainTar, Restic, Borg, Rsync, Find, Copy, Openssl)
