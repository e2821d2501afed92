"""source.py - what the checks share: finding the project's files, and reading C without a compiler.
"""

import glob
import os
import re

ROOMS = ("base", "io", "format", "store", "engine", "app")

TOKEN = re.compile(
    r"""(?P<comment>//[^\n]*|/\*.*?\*/)"""
    r"""|(?P<string>"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')""",
    re.DOTALL)


def find(*patterns):
    """The files that match any of the patterns, sorted."""
    found = set()
    for pattern in patterns:
        found.update(path for path in glob.glob(pattern, recursive=True) if os.path.isfile(path))
    return sorted(found)


def read(path):
    with open(path, encoding="utf-8", errors="surrogateescape", newline="") as file:
        return file.read()


def blank(text):
    """The same number of lines, and nothing in them."""
    return "\n" * text.count("\n")


def code_of(path):
    """The file without comments and the contents of strings; line numbers stay."""
    def replace(match):
        return " " + blank(match.group()) if match["comment"] else '""'
    return TOKEN.sub(replace, read(path))


def line_of(text, position):
    return text.count("\n", 0, position) + 1


def includes_of(path):
    """Yields (line number, `"` or `<`, header) of each #include."""
    for number, line in enumerate(read(path).split("\n"), 1):
        if match := re.match(r'\s*#\s*include\s*(["<])([^">]+)[">]', line):
            yield number, match[1], match[2]


class Findings:
    """Collects what a check finds, and prints it once, with the verdict."""

    def __init__(self, check):
        self.check = check
        self.lines = []

    def add(self, path, line, text):
        self.lines.append(f"{path}:{line}: {text}")

    def report(self):
        """Returns the exit status."""
        for line in self.lines:
            print(line)
        verdict = f"{len(self.lines)} findings" if self.lines else "ok"
        print(f"lint: {self.check} {verdict}")
        return 1 if self.lines else 0
