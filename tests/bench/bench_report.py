"""bench_report.py - what was measured, held against the bars; tables for people, plots in SVG."""

import collections
import math
import re
from xml.sax.saxutils import escape

# Our number of a cell over that of a tool in the same cell (or of another cell of ours), at most
# `bar`, and `aim` if the profile is worked down to what it should be. Without `against` the number
# itself, in seconds.
Bar = collections.namedtuple("Bar", "workload cell number against bar aim")
BARS = (
    Bar("w1", "first", "wall", "tar+zstd", 1.0, 0.75),
    Bar("w1", "first", "wall", "restic", 0.35, None),
    Bar("w1", "nothing changed", "wall", "find", 2.5, 1.5),
    Bar("w1", "nothing changed", "wall", "restic", 0.12, None),
    Bar("w1", "1 % changed", "wall", "restic", 0.2, 0.1),
    Bar("w1", "restore", "wall", "tar+zstd", 0.7, 0.4),
    Bar("w1", "restore", "wall", "restic", 0.5, None),
    Bar("w1", "check", "wall", "restic", 0.25, 0.15),
    Bar("w1", "one file", "wall", None, 0.050, 0.025),
    Bar("w1", "snapshots", "wall", None, 0.020, 0.010),
    Bar("w1", "ls of a folder", "wall", None, 0.030, 0.015),
    Bar("w1", "first", "stored_bytes", "tar+zstd", 1.05, 0.95),
    *(bar for name in ("w2s", "w2p") for bar in (
        Bar(name, "first", "wall", "tar+zstd", 1.0, 0.8),
        Bar(name, "changed", "wall", "restic", 0.35, 0.2),
        Bar(name, "changed", "stored_bytes", "restic", 0.12, 0.05),
        Bar(name, "restore", "wall", "tar+zstd", 0.8, 0.5),
        Bar(name, "delta restore", "wall", "holdfast: restore", 0.3, None))),
    Bar("w3", "first", "wall", "tar+zstd", 0.6, 0.3),
    Bar("w3", "first", "wall", "restic", 0.15, 0.075),
    Bar("w3", "nothing changed", "wall", "find", 1.5, 0.75),
    Bar("w3", "restore", "wall", "tar", 0.7, 0.5),
    Bar("w4", "first", "wall", "cat", 1.3, None),
    Bar("w4", "check", "wall", "openssl sha256", 0.8, 0.6),
)
WORKLOADS = {"w1": "W1 source tree", "w2s": "W2 SQLite", "w2p": "W2 pages", "w3": "W3 tiny files",
             "w4": "W4 incompressible"}
BEGIN = "<!-- measured: begin -->"
END = "<!-- measured: end -->"
COLOURS = {"holdfast": "#1b6ca8", "restic": "#c8553d", "borg": "#588157"}
OTHER_COLOUR = "#9a9a9a"


def hold_against_bars(cells):
    """A dictionary a bar whose cells were measured; `met` is null if the peer was missing."""
    found = {(c["workload"], c["cell"], c["tool"]): c for c in cells if c["rounds"]}
    held = []
    for bar in BARS:
        ours = found.get((bar.workload, bar.cell, "holdfast"))
        if ours is None:
            continue
        value = ours[bar.number]
        if bar.against:
            cell, tool = bar.cell, bar.against
            if ": " in tool:
                tool, cell = tool.split(": ")
            theirs = found.get((bar.workload, cell, tool))
            value = value / theirs[bar.number] if theirs and theirs[bar.number] else None
        held.append(bar._asdict() | {
            "value": value, "met": None if value is None else value <= bar.bar,
            "aim_met": None if value is None or bar.aim is None else value <= bar.aim})
    return held


def seconds(value):
    return f"{value:.2f} s" if value >= 1 else f"{value * 1000:.1f} ms"


def size(value):
    for unit in ("B", "KiB", "MiB", "GiB"):
        if abs(value) < 1024 or unit == "GiB":
            return f"{value:.1f} {unit}" if unit != "B" else f"{value} B"
        value /= 1024
    return None


def table(head, rows):
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows])


def bars_table(results):
    verdict = {True: "met", False: "**not met**", None: ""}
    rows = []
    for bar in results["bars"]:
        what = "bytes" if bar["number"] == "stored_bytes" else "time"
        if bar["against"]:
            shown = "not measured" if bar["value"] is None else f"{bar['value']:.3f}"
            limits = [f"{bar['bar']:g}", f"{bar['aim']:g}" if bar["aim"] else ""]
        else:
            shown = seconds(bar["value"])
            limits = [f"{limit * 1000:g} ms" for limit in (bar["bar"], bar["aim"])]
        rows.append([WORKLOADS[bar["workload"]], f"{bar['cell']}: {what}", bar["against"] or "",
                     shown, limits[0], verdict[bar["met"]], limits[1], verdict[bar["aim_met"]]])
    return table(["workload", "cell", "of", "is", "bar", "", "aim", ""], rows)


def cells_table(results):
    rows = []
    for cell in results["cells"]:
        if not cell["rounds"]:
            continue
        calls = cell["system_calls_a_file"]
        stores = cell["stored_bytes"] > 0
        walls = [one["wall"] for one in cell["rounds"]]
        rows.append([WORKLOADS[cell["workload"]], cell["cell"], cell["tool"],
                     seconds(cell["wall"]), f"{seconds(min(walls))} to {seconds(max(walls))}",
                     seconds(cell["user"] + cell["system"]), size(cell["peak_bytes"]),
                     size(cell["stored_bytes"]) if stores else "",
                     f"{calls:.2f}" if calls is not None else ""])
    return table(["workload", "cell", "tool", "time", "of all rounds", "user + system",
                  "peak memory", "stored", "system calls a file"], rows)


def describe(results):
    machine = results["machine"]
    parts = ", ".join(f"{WORKLOADS[name]} x {results['factors'][name]:g} "
                      f"({one['files']:,} files, {size(one['bytes'])})"
                      for name, one in results["workloads"].items())
    versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items()
                         if version)
    lines = [f"- Measured {results['time']}, scale {results['scale']}, medians of "
             f"{results['rounds']} rounds.", f"- {parts}.",
             f"- {machine['cores']} cores ({machine['processor']}), "
             f"{size(machine['memory_bytes'])} of memory, {machine['kernel']}, "
             f"{machine['file_system']}.", f"- {versions}.",
             f"- Load average before the first round {results['load_begin']:.2f}, after the last "
             f"{results['load_end']:.2f}" +
             (" (**the machine was not idle**)." if results["load_begin"] > 0.5 else "."),
             "- Direct I/O is off in every cell: holdfast has no switch for it."]
    if results["missing"]:
        lines.append(f"- **Not installed, so not measured:** {', '.join(results['missing'])}.")
    if results["left_out"]:
        lines.append(f"- Left out of this run: {', '.join(results['left_out'])}.")
    if results["failed"]:
        lines.append(f"- **Failed:** {', '.join(results['failed'])}.")
    return "\n".join(lines)


def write_page(results, path):
    """Replaces what stands between the markers; what people wrote around it stays."""
    measured = "\n\n".join([BEGIN, describe(results), bars_table(results),
                            "![time](time.svg)", "![memory](memory.svg)", "![bars](bars.svg)",
                            cells_table(results), END])
    try:
        with open(path, encoding="utf-8") as file:
            text = file.read()
    except FileNotFoundError:
        text = f"# Benchmarks\n\n{BEGIN}\n{END}\n"
    pattern = re.escape(BEGIN) + ".*" + re.escape(END)
    with open(path, "w", encoding="utf-8") as file:
        file.write(re.sub(pattern, lambda match: measured, text, flags=re.DOTALL))


class Drawing:
    """An SVG file, a text or rectangle at a time."""

    def __init__(self, width, title):
        self.width = width
        self.height = 40
        self.shapes = []
        self.text(16, 24, title, weight="bold", size=15)

    def text(self, x, y, words, anchor="start", weight="normal", size=12):
        self.shapes.append(f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" '
                           f'font-weight="{weight}" font-size="{size}">{escape(words)}</text>')

    def box(self, x, y, width, height, colour):
        self.shapes.append(f'<rect x="{x:.1f}" y="{y:.1f}" width="{max(width, 1):.1f}" '
                           f'height="{height}" fill="{colour}"/>')

    def save(self, path):
        with open(path, "w", encoding="utf-8") as file:
            file.write(f'<svg xmlns="http://www.w3.org/2000/svg" width="{self.width}" '
                       f'height="{self.height}" font-family="sans-serif">\n'
                       f'<rect width="100%" height="100%" fill="white"/>\n')
            file.write("\n".join(self.shapes) + "\n</svg>\n")


def draw_cells(results, number, show, title, path):
    """A group of bars a cell, each group with a scale of its own."""
    groups = {}
    for cell in results["cells"]:
        if cell["rounds"]:
            groups.setdefault((cell["workload"], cell["cell"]), []).append(cell)
    drawing = Drawing(760, title)
    for (workload, name), cells in groups.items():
        drawing.text(16, drawing.height + 14, f"{WORKLOADS[workload]}: {name}", weight="bold")
        drawing.height += 20
        most = max(cell[number] for cell in cells) or 1
        for cell in cells:
            width = 480 * cell[number] / most
            drawing.text(120, drawing.height + 12, cell["tool"], anchor="end")
            drawing.box(128, drawing.height + 1, width, 14,
                        COLOURS.get(cell["tool"], OTHER_COLOUR))
            drawing.text(134 + width, drawing.height + 12, show(cell[number]))
            drawing.height += 18
        drawing.height += 10
    drawing.save(path)


def draw_bars(results, path):
    """How far each bar is met: the ratio of the value to its bar, on a logarithmic scale."""
    drawing = Drawing(760, "Measured value over its bar (left of the line: met)")
    middle, decade = 520, 130
    held = [bar for bar in results["bars"] if bar["value"]]
    drawing.box(middle, 36, 1, 22 * len(held) + 4, "#333333")
    for bar in held:
        share = bar["value"] / bar["bar"]
        reach = max(-1.4, min(1.4, math.log10(share))) * decade
        what = "bytes" if bar["number"] == "stored_bytes" else "time"
        name = f"{WORKLOADS[bar['workload']]}: {bar['cell']}, {what}"
        name += f" / {bar['against']}" if bar["against"] else ""
        drawing.text(16, drawing.height + 13, name, size=11)
        drawing.box(middle + min(reach, 0), drawing.height + 2, abs(reach), 14,
                    "#588157" if bar["met"] else "#c8553d")
        drawing.text(744, drawing.height + 13, f"{share:.2f}", anchor="end")
        drawing.height += 22
    drawing.height += 8
    drawing.save(path)


def write(results, folder):
    draw_cells(results, "wall", seconds, "Time (each group has its own scale)",
               f"{folder}/time.svg")
    draw_cells(results, "peak_bytes", size, "Peak memory of the largest process",
               f"{folder}/memory.svg")
    draw_bars(results, f"{folder}/bars.svg")
    write_page(results, f"{folder}/README.md")
