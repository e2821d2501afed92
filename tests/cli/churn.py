#!/usr/bin/env python3
"""churn.py [--seconds N] [--seed N] - real processes on one repository, all at once, many killed.

Each of several workers has a small tree of its own, and at random changes it, backs it up, forgets,
brings back, tags, restores and lists snapshots, checks and prunes the repository. Commands are
killed or stopped for a while at random moments; one more client commits every second. All content
comes from a small stock, so that what was pruned is stored again, and chunks have several homes.

What must hold: a snapshot that stands restores exactly as it was; nothing is ever damaged; a
command that meets another one does not fail, unless what it was asked about was forgotten and
pruned meanwhile, and then it says so; nobody waits for a process that was stopped or killed; a
prune ends in spite of a client that never rests.

Reports in the lines of run-tests. $HOLDFAST is the program. The seed is printed; what processes
make of it is as good as the clock. Uses a folder of its own below $TMPDIR.
"""

import argparse
import hashlib
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

PATIENCE = 60         # seconds that any command may take
PRUNE_PATIENCE = 20   # and a prune that nobody kills
STOCK = 60            # different contents
STANDING, FORGOTTEN, UNKNOWN = "standing", "forgotten", "unknown"

# What may be said of a snapshot that was forgotten and pruned while a command was at it.
GONE = re.compile(r"forgotten|pruned|no snapshot|matches no|lost data")


class Snapshot:
    def __init__(self, name, digest):
        self.name = name      # its tag
        self.digest = digest  # of the tree that it is of
        self.id = None        # unless acknowledged
        self.state = STANDING
        self.changes = 0      # of the state, begun or done
        self.pruned = False   # data are known to be gone


class Churn:
    def __init__(self, options, work):
        self.options = options
        self.work = work
        self.lock = threading.Lock()
        self.snapshots = []
        self.failures = []
        self.counts = {}
        self.slowest = {}
        self.end = 0

    def count(self, what):
        with self.lock:
            self.counts[what] = self.counts.get(what, 0) + 1

    def fail(self, text):
        with self.lock:
            self.failures.append(text)
        print("# failed: " + text.replace("\n", "\n#     "), flush=True)

    def over(self):
        return time.monotonic() > self.end or len(self.failures) > 20


def content(number):
    """One of the stock, by its number: some small, a few of many chunks, partly compressible."""
    r = random.Random(number)
    size = r.choice([0, 10, 900, 5000, 20000, 60000])
    if number % 12 == 0:
        size = 400000 + r.randrange(1200000)
    data = r.randbytes(size)
    return data if number % 3 else data[:size // 2] + b"text " * (size // 10)


def digest(root):
    """Everything about a tree that a restore must bring back."""
    h = hashlib.sha256()
    for folder, folders, files in os.walk(root):
        folders.sort()
        for name in sorted(files) + ["."]:
            path = os.path.join(folder, name)
            st = os.lstat(path)
            h.update(f"{os.path.relpath(path, root)} {st.st_mode:o} {st.st_mtime_ns}\n".encode())
            if name != ".":
                with open(path, "rb") as f:
                    h.update(hashlib.sha256(f.read()).digest())
    return h.hexdigest()


class Client:
    """One user of the program, with a cache and a memory of its own."""

    def __init__(self, churn, number):
        self.churn = churn
        self.number = number
        self.random = random.Random(churn.options.seed * 1000 + number)
        self.home = os.path.join(churn.work, f"home{number}")
        self.tree = os.path.join(churn.work, f"tree{number}")
        os.makedirs(self.home)
        os.makedirs(self.tree)
        self.environment = {"PATH": os.environ["PATH"], "HOME": self.home, "TZ": "UTC",
                            "TMPDIR": self.home, "LC_ALL": "C",
                            "HOLDFAST_REPOSITORY": os.path.join(churn.work, "repo")}
        for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS", "TSAN_OPTIONS"):
            if name in os.environ:
                self.environment[name] = os.environ[name]

    def start(self, *arguments):
        return subprocess.Popen(
            [os.environ["HOLDFAST"], "--key-file", os.path.join(self.churn.work, "key"),
             *arguments], env=self.environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, cwd=self.churn.work)

    def disturb(self, process, what):
        """Kills it, or stops it for a while, at some moment."""
        time.sleep(self.random.random() ** 2 * 0.15)
        if process.poll() is not None:
            return
        if what == "kill":
            process.send_signal(signal.SIGKILL)
            self.churn.count("killed")
        else:
            process.send_signal(signal.SIGSTOP)
            time.sleep(self.random.random() * 2)
            process.send_signal(signal.SIGCONT)
            self.churn.count("stopped")

    def run(self, *arguments, disturbed=None, patience=PATIENCE):
        """Returns the exit code (None: it was killed), and what it said on both streams."""
        began = time.monotonic()
        process = self.start(*arguments)
        if disturbed:
            helper = threading.Thread(target=self.disturb, args=(process, disturbed))
            helper.start()
        try:
            out, err = process.communicate(timeout=patience)
        except subprocess.TimeoutExpired:
            process.kill()
            out, err = process.communicate()
            self.churn.fail(f"{' '.join(arguments)}: takes more than {patience} s")
            return None, "", ""
        finally:
            if disturbed:
                helper.join()
        verb = next(a for a in arguments if not a.startswith("-"))
        took = time.monotonic() - began
        self.churn.count(verb)
        with self.churn.lock:
            if not disturbed:
                self.churn.slowest[verb] = max(took, self.churn.slowest.get(verb, 0))
        code = process.returncode
        return (None if code == -signal.SIGKILL else code, out.decode(errors="replace"),
                err.decode(errors="replace"))

    def refuse(self, what, code, out, err):
        self.churn.fail(f"client {self.number}: {what}: exit {code}: {err.strip()[-1500:]}"
                        + (f"\n{out.strip()[-600:]}" if out.strip() else ""))


class Worker(Client):
    def __init__(self, churn, number):
        super().__init__(churn, number)
        self.made = 0
        self.mine = []

    def some_disturbance(self):
        x = self.random.random()
        return "kill" if x < 0.3 else "stop" if x < 0.4 else None

    def some_pause(self):
        """A reader is stopped, so that there is time for others to take away what it reads."""
        return "stop" if self.random.random() < 0.4 else None

    def change_tree(self):
        for _ in range(self.random.randrange(1, 6)):
            folder = os.path.join(self.tree, f"d{self.random.randrange(3)}")
            path = os.path.join(folder, f"f{self.random.randrange(8)}")
            os.makedirs(folder, exist_ok=True)
            if self.random.random() < 0.25:
                if os.path.exists(path):
                    os.unlink(path)
            else:
                with open(path, "wb") as f:
                    f.write(content(self.random.randrange(STOCK)))
                os.chmod(path, self.random.choice([0o600, 0o644, 0o755]))

    def backup(self):
        self.change_tree()
        name = f"w{self.number}-{self.made}"
        self.made += 1
        s = Snapshot(name, digest(self.tree))
        with self.churn.lock:
            self.churn.snapshots.append(s)
        arguments = ["-q", "backup", self.tree, "--job", f"w{self.number}", "--tag", name]
        if self.random.random() < 0.2:
            arguments.append("--force")
        code, out, err = self.run(*arguments, disturbed=self.some_disturbance())
        if code == 0:
            s.id = out.strip()
            self.mine.append(s)
        elif code is not None:
            self.refuse("backup", code, out, err)
        # One that was killed may be there or not; if so, it is whole.

    def pick(self, *states):
        found = [s for s in self.mine if s.state in states]
        return self.random.choice(found) if found else None

    def forget(self):
        s = self.pick(STANDING)
        if s and len(self.mine) > 2:
            s.changes += 1
            s.state = UNKNOWN
            code, out, err = self.run("-q", "forget", s.id, disturbed=self.some_disturbance())
            if code == 0:
                s.state = FORGOTTEN
            elif code is not None:
                self.refuse(f"forget {s.name}", code, out, err)

    def undelete(self):
        s = self.pick(FORGOTTEN)
        if not s:
            return
        s.changes += 1
        s.state = UNKNOWN
        code, out, err = self.run("-q", "undelete", s.id, disturbed=self.some_disturbance())
        if code == 0 and s.pruned:
            self.churn.fail(f"undelete {s.name}: works, but data of it were gone before")
        if code == 0:
            s.state = STANDING
        elif code == 1 and "has lost data since it was forgotten" in err:
            s.state = FORGOTTEN
            s.pruned = False  # a backup may have stored the same data since
            self.churn.count("undelete came too late")
        elif code is not None:
            self.refuse(f"undelete {s.name}", code, out, err)

    def tag(self):
        s = self.pick(STANDING)
        if s:
            code, out, err = self.run("-q", "tag", s.id, "--add", "x",
                                      disturbed=self.some_disturbance())
            if code not in (0, None):
                self.refuse(f"tag {s.name}", code, out, err)

    def anybodys(self):
        with self.churn.lock:
            found = [s for s in self.churn.snapshots if s.id and s.state == STANDING]
        return self.random.choice(found) if found else None

    def may_be_gone(self, s, changes, what, code, out, err):
        """It failed: right only if the snapshot was forgotten meanwhile, and it says so."""
        if s.state == STANDING and s.changes == changes:
            self.refuse(f"{what} {s.name}", code, out, err)
        elif not GONE.search(err):
            self.refuse(f"{what} {s.name}, which was forgotten meanwhile", code, out, err)
        else:
            self.churn.count("read came too late")

    def restore(self, s=None, disturbed=None):
        if not s:
            s, disturbed = self.anybodys(), self.some_pause()
        if not s:
            return
        changes = s.changes
        target = os.path.join(self.home, "back")
        shutil.rmtree(target, ignore_errors=True)
        code, out, err = self.run("-q", "restore", s.id, "-t", target, "--strip-components",
                                  str(self.tree.count("/")), disturbed=disturbed)
        if code == 0:
            found = digest(target)
            if found != s.digest:
                self.churn.fail(f"restore {s.name}: is not what was backed up")
        elif code is not None:
            self.may_be_gone(s, changes, "restore", code, out, err)

    def ls(self):
        s = self.anybodys()
        if s:
            changes = s.changes
            code, out, err = self.run("ls", "-R", s.id, disturbed=self.some_pause())
            if code != 0:
                self.may_be_gone(s, changes, "ls", code, out[-200:], err)

    def check(self):
        arguments = ["-q", "check"] + (["--read-data"] if self.random.random() < 0.5 else [])
        code, out, err = self.run(*arguments, disturbed=self.some_pause())
        if code != 0:
            self.refuse(" ".join(arguments), code, out, err)

    def prune(self):
        arguments = ["-q", "prune"] + self.random.choice(
            [["--grace", "0s"], ["--now"], ["--now", "--max-unused", "0"],
             ["--grace", "0s", "--max-unused", "0"], ["-n", "--now"]])
        disturbed = self.some_disturbance()
        code, out, err = self.run(*arguments, disturbed=disturbed,
                                  patience=PATIENCE if disturbed else PRUNE_PATIENCE)
        if code not in (0, None):
            self.refuse(" ".join(arguments), code, out, err)

    def work(self):
        verbs = ([self.backup] * 10 + [self.forget] * 7 + [self.undelete] * 3 + [self.tag] * 2 +
                 [self.restore] * 4 + [self.ls] * 2 + [self.check] * 2 + [self.prune] * 5)
        try:
            while not self.churn.over():
                self.random.choice(verbs)()
        except Exception as e:  # a thread must not die silently
            self.churn.fail(f"client {self.number}: {type(e).__name__}: {e}")
            raise


class Restless(Client):
    """Commits every second, something small."""

    def work(self):
        n = 0
        while not self.churn.over():
            with open(os.path.join(self.tree, "f"), "w") as f:
                f.write(f"{n}\n")
            n += 1
            code, out, err = self.run("-q", "backup", self.tree, "--job", "restless")
            if code not in (0, None):
                self.refuse("backup of the restless", code, out, err)
            time.sleep(1)


def case(good, name):
    print(f"{'ok' if good else 'not ok'} - {name}", flush=True)
    return good


def verify(churn, last):
    """All processes have ended: what stands is whole, and what was promised stands."""
    code, out, err = last.run("snapshots", "--json", "--all")
    if code != 0:
        last.refuse("snapshots", code, out, err)
        return
    listed = {}
    for s in json.loads(out)["snapshots"]:
        for tag in s["tags"]:
            if re.match(r"w\d+-", tag):
                listed[tag] = s
    whole = 0
    for s in churn.snapshots:
        found = listed.get(s.name)
        stands = found is not None and not found.get("forgotten")
        if s.id and s.state == STANDING and not stands:
            churn.fail(f"{s.name} was acknowledged and does not stand")
        if s.id and s.state == FORGOTTEN and stands:
            churn.fail(f"{s.name} was forgotten and stands")
        if stands:
            s.id, s.state = found["id"], STANDING
            last.restore(s)
            whole += 1
    churn.counts["standing in the end"] = whole
    code, out, err = last.run("check", "--read-data", patience=600)
    if code != 0:
        last.refuse("check --read-data in the end", code, out, err)
    code, out, err = last.run("prune", "--now", "--max-unused", "0", patience=600)
    if code != 0:
        last.refuse("prune in the end", code, out, err)
    code, out, err = last.run("check", "--read-data", patience=600)
    if code != 0:
        last.refuse("check --read-data after a last prune", code, out, err)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--seed", type=int, default=int.from_bytes(os.urandom(3), "big"))
    parser.add_argument("--workers", type=int, default=4)
    options = parser.parse_args()
    print(f"# seed {options.seed}, {options.seconds:g} s, {options.workers} workers", flush=True)
    work = tempfile.mkdtemp(prefix="holdfast-churn-")
    churn = Churn(options, work)
    clients = [Worker(churn, i) for i in range(options.workers)]
    last = Worker(churn, options.workers + 1)
    code, out, err = last.run("-q", "init", "--segment-size",
                              ("64K", "256K", "1M")[options.seed % 3])
    if not case(code == 0, "init"):
        print(err)
        return 1
    churn.end = time.monotonic() + options.seconds
    threads = [threading.Thread(target=c.work)
               for c in clients + [Restless(churn, options.workers)]]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    during = len(churn.failures)
    case(during == 0, "no command fails because of another one")
    verify(churn, last)
    case(len(churn.failures) == during, "what stands is whole, and what was promised stands")
    print("# " + ", ".join(f"{v} {k}" for k, v in sorted(churn.counts.items())))
    print("# slowest: " + ", ".join(f"{k} {v:.1f} s" for k, v in sorted(churn.slowest.items())))
    if churn.failures:
        print(f"# the repository and its key are kept in {work}")
        return 1
    shutil.rmtree(work)
    return 0


if __name__ == "__main__":
    sys.exit(main())
