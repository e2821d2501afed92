#!/bin/bash
# test_bench.sh - the benchmark runs from end to end, in the smallest, whatever peers are installed.
tests=$(cd "$(dirname "$0")/.." && pwd)
. "$tests/cli/lib.sh"
build=$(dirname "$HOLDFAST")

# A machine without restic, Borg and zstd; the first two derive keys for longer than all else takes.
mkdir bin
ln -s /usr/bin/* /bin/* bin 2>/dev/null
rm -f bin/restic bin/borg bin/zstd
PATH=$work/bin:/usr/sbin:/sbin

bench() {
    "$tests/bench/run" --scale tiny --build "$build" --work "$work/tmp" --out "$@"
}

expect 0 "runs with peers missing" bench results --workloads w1,w2s,w2p,w3,w4
for peer in restic borg zstd; do
    prints "says loudly that $peer is missing" "^MISSING: $peer "
done
same "leaves nothing behind" "$(ls tmp)" ""

holds() {
    if jq -e "$2" results/results.json >/dev/null 2>err; then ok "$1"; else not_ok "$1" "$2"; fi
}
holds "results are a document" '.schema == "holdfast-benchmarks/1" and .failed == []'
holds "has a cell of every deed of ours" '[.cells[] | select(.tool == "holdfast") | .cell]
    | unique == ["1 % changed", "changed", "check", "delta restore", "first", "ls of a folder",
    "nothing changed", "one file", "restore", "snapshots", "snapshots (password)"]'
holds "has times, CPU and memory in each" 'all(.cells[]; .wall > 0 and .user + .system > 0 and
    .peak_bytes > 500000)'
holds "knows what is stored" 'any(.cells[]; .workload == "w4" and .tool == "holdfast" and
    .cell == "first" and .stored_bytes > 8000000)'
holds "counts system calls" 'if any(.cells[]; .system_calls_a_file != null) then
    all(.cells[] | select(.tool == "holdfast" and .workload == "w1" and .cell == "first");
    .system_calls_a_file > 4) else true end'
holds "leaves the cells of missing peers empty" \
    'all(.bars[]; (.against != "restic" and .against != "tar+zstd") or .met == null)'
holds "holds the others against their bars" \
    'any(.bars[]; .against == "find" and .met != null) and any(.bars[]; .against == null)'
for plot in time memory bars; do
    check "draws $plot" python3 -c \
        "import xml.dom.minidom as m; m.parse('results/$plot.svg').documentElement.tagName == 'svg'"
done
run grep -rlF "$work" results
same "no result names a path of this machine" "$status" 1

# What people wrote on the page stays.
sed -i '1s/.*/# By hand/' results/README.md
expect 0 "runs again" bench results --workloads w4
same "and keeps the text around the results" "$(head -n 1 results/README.md)" "# By hand"
run grep -c 'W1' results/README.md
same "which are new" "$(cat out)" 0

# Equal seeds make equal trees.
"$build/bench/generate" tree a --factor 0.001
"$build/bench/generate" tree b --factor 0.001
check "trees are the same each time" diff -r a b
"$build/bench/generate" tree-changes b --factor 0.001
same "of which changes edit 1 %" "$(diff -rq a b | wc -l)" 1

finish
