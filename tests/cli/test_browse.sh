#!/bin/bash
# test_browse.sh - ls, find, diff, dump and stats say what is in snapshots.
. "$(dirname "$0")/lib.sh"
new_repository

mkdir -p src/sub/deep
echo hello >src/a.txt
echo deep >src/sub/deep/d.txt
ln -s a.txt src/link
printf 'x' >"src/$(printf 'bad\xff')"
printf 'x' >"$(printf 'src/new\nline')"
chmod 4755 src/a.txt
truncate -s 3M src/sparse
head -c 100000 /dev/urandom >>src/sparse
first=$(snapshot)

expect 0 "ls of the root" hf ls latest
same "lists what is directly in it, with absolute paths" "$(cat out)" "/$(cut -d/ -f2 <<<"$work")"
expect 0 "ls of a folder" hf ls latest "$work/src"
same "lists what is directly in it" "$(wc -l <out)" 6
check "not what is below" bash -c '! grep -q deep out'
expect 0 "ls -R" hf ls latest "$work/src" -R
prints "lists all" '/src/sub/deep/d.txt$'
expect 0 "ls -l" hf ls latest "$work/src" -l
prints "shows modes" '^-rwsr-xr-x [a-z0-9]+ +[a-z0-9]+ +6  20.* /.*/src/a.txt$'
prints "and targets" '^lrwxrwxrwx .*/src/link -> a.txt$'
prints "and escapes what is no text" '/src/bad\\xff$'
prints "and what is no printable text" '/src/new\\x0aline$'
expect 0 "ls of a file" hf ls latest "$work/src/a.txt"
same "lists the file" "$(cat out)" "$work/src/a.txt"
expect 0 "ls --json" hf ls latest "$work/src" --json
json "has all keys of the contract" '.schema == "holdfast/ls/1" and (.entries[] | select(.path |
    endswith("/a.txt")) |
    .type == "file" and .mode == 2541 and (.uid | type == "number") and (.gid | type == "number")
    and (.user | type == "string") and (.group | type == "string") and .size == 6
    and (.mtime | test("\\.[0-9]{9}Z$")) and .links == 1 and .target == null)'
json "targets of symbolic links" '.entries[] | select(.type == "symlink") | .target == "a.txt"'
json "bytes that are no text as base64" '[.entries[] | select(.path_b64) | .path_b64 | @base64d |
    contains("bad")] == [true]'
expect 1 "a path that is not there" hf ls latest "$work/src/a.text"
says "names the nearest" "did you mean $work/src/a.txt\?"
expect 2 "ls without a selector" hf ls

expect 0 "find" hf find '*.txt'
same "finds names at any depth" "$(sort out)" \
    "$(printf '%s\n' "$work/src/a.txt" "$work/src/sub/deep/d.txt")"
expect 0 "find of a path" hf find "$work/src/*/deep"
same "finds paths" "$(cat out)" "$work/src/sub/deep"
expect 0 "find without a match" hf find '*.nothing' --json
json "is an empty list" '.schema == "holdfast/find/1" and .entries == []'
expect 0 "find with a selector" hf find a.txt "$first"
same "looks there" "$(cat out)" "$work/src/a.txt"

sleep 0.01
echo changed >>src/a.txt
chmod 700 src/sub/deep/d.txt
rm src/link && mkdir src/link
echo added >src/sub/added
rm "src/$(printf 'bad\xff')"
second=$(snapshot)
expect 0 "diff" hf diff latest~1 latest
same "marks what differs" "$(cat out)" \
    "$(printf '%s\n' "M  $work/src/a.txt" "-  $work/src/bad\\xff" \
    "T  $work/src/link" "+  $work/src/sub/added" "U  $work/src/sub/deep/d.txt")"
expect 0 "diff --json" hf diff "$first" "$second" --json
json "has changes and a summary" '.schema == "holdfast/diff/1" and (.changes | map(.change) ==
    ["modified","removed","type","added","metadata"])
    and .summary.added == 1 and .summary.removed == 1 and .summary.modified == 1 and
        .summary.metadata == 1 and .summary.type == 1'
expect 0 "diff below a path" hf diff latest~1 latest "$work/src/sub"
same "compares only that" "$(cut -c1 <out | tr -d '\n')" "+U"
expect 0 "diff of the same" hf diff latest latest
same "finds nothing" "$(wc -c <out)" 0
touch src/sub
snapshot >/dev/null
expect 0 "a folder whose time alone changed" hf diff latest~1 latest
same "is not listed" "$(wc -c <out)" 0

expect 0 "dump" hf dump latest "$work/src/a.txt"
same "writes the file" "$(cat out)" "$(cat src/a.txt)"
hf -q dump latest "$work/src/sparse" >out 2>err
check "with its holes" cmp out src/sparse
same "dump of an older one" "$(hf -q dump "$first" "$work/src/a.txt")" hello
hf -q dump latest "$work/src" >out.tar 2>err
tar -tf out.tar >names 2>&1
prints_in() { grep -q "$2" "$1"; }
check "dump of a folder is a tar" prints_in names 'src/a.txt$'
expect 1 "dump of nothing" hf dump latest "$work/src/nothing"

expect 0 "stats" hf stats
prints "counts" '^3 snapshots that hold '
expect 0 "stats --json" hf stats "$first" --json
json "of one snapshot" '.schema == "holdfast/stats/1" and .snapshots == 1 and .files == 5 and
    .repository.segments > 0 and .repository.entries == 4'
expect 7 "stats of nothing" hf stats job:none

finish
