#!/bin/bash
# test_counts.sh - what a backup costs in numbers that no machine's speed changes: system calls a
# file, bytes read, new, stored and written, syncs. Speed that rots is seen here first.
#
# Only the plain build is counted: what finds coverage or leaks makes calls of its own.
#
# The bounds stand a little above what was measured (in the comments): 2,000 files of the source
# tree that the benchmark makes, 30,445,319 bytes in 127 folders, below four that are implied.
. "$(dirname "$0")/../cli/lib.sh"

export ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}detect_leaks=0
if ! strace -f -o traced true 2>err; then
    echo "strace can't run here, so nobody counts system calls: $(head -n 1 err)" >&2
    echo "ok - the costs of a backup # SKIP strace can't run here"
    finish
fi

files=2000
"$(dirname "$HOLDFAST")/bench/generate" tree src --factor 0.02 || exit 1
folders=$(find src -type d | wc -l)
source_bytes=$(find src -type f -printf '%s\n' | awk '{ sum += $1 } END { printf "%d", sum }')

# counted NAME ARGUMENT...: runs the program, with all its system calls in the file traced.
counted() {
    local name=$1
    shift
    expect 0 "$name" strace -f -y -s 0 -qq -o traced "$HOLDFAST" --key-file "$key" "$@"
}

# calls REGEX: how many were begun of those whose name matches.
calls() {
    grep -cE "^[0-9]+ +($1)\(" traced
}

# all_calls: how many were begun, without those for memory and threads, which a sanitizer adds to.
all_calls() {
    local others='futex|m(un|re)?map|mprotect|madvise|brk|sched_yield|rt_sig[a-z]*'
    echo $(($(calls '[a-z0-9_]+') - $(calls "$others")))
}

# bytes REGEX FOLDER: the sum of what calls returned that match, about files below the folder. A
# call that another thread interrupts has its file in one line and its result in another.
bytes() {
    awk -v name="^($1)[(]" -v folder="<$work/$2/" '
        $2 ~ name && index($0, folder) { wanted[$1] = 1 }
        $2 ~ name && !index($0, folder) { wanted[$1] = 0 }
        / = [0-9]+$/ && wanted[$1] && ($2 ~ name || / resumed>/) { sum += $NF; wanted[$1] = 0 }
        END { printf "%d", sum }' traced
}

# at_most NAME NUMBER BOUND
at_most() {
    if [ "$2" -le "$3" ]; then ok "$1"; else not_ok "$1" "$2 is more than $3"; fi
}

# reported KEY: of the summary of the last run.
reported() {
    tail -n 1 out | jq ".$1"
}

new_repository
sleep 0.2 # what was changed a moment ago is read again by the next backup

counted "a first backup" backup --json src
# A file: openat, two stats (the walk, the opened file), flags, xattrs, one read, close: 7.0 and
# some hundred calls besides. 2,203 openat, 4,340 newfstatat, 2,007 pread64, 2,131 ioctl, 2,131
# flistxattr, 2,196 close, 268 getdents64, 200 others.
at_most "opens each file and folder once" "$(calls openat)" $((files + folders + 150))
at_most "stats each twice" "$(calls 'newfstatat|fstat|statx|lstat|stat')" \
    $((2 * (files + folders) + 250))
at_most "reads a small file in one call" "$(calls 'read|pread64|preadv')" $((files + 150))
at_most "reads each folder in two" "$(calls getdents64)" $((2 * folders + 50))
at_most "asks once for flags and once for xattrs" "$(calls 'ioctl|flistxattr|fgetxattr')" \
    $((2 * (files + folders) + 100))
# 45 calls for 9 MB.
at_most "writes in large pieces" "$(calls 'write|pwrite64|pwritev')" 100
at_most "takes eight calls a file at most" "$(all_calls)" $((files * 8))
same "reads every byte of the source once" "$(bytes 'read|pread64|preadv' src)" "$source_bytes"
# 30,489,031 new: the source and its metadata, with 1 % of the files copies of others found again.
at_most "makes little of its own beside the source" "$(reported bytes_new)" \
    $((source_bytes + 200000))
# 9,220,056 stored: what zstd -1 makes of a tar of it is 9,094,350.
at_most "stores a third" "$(reported bytes_stored)" 9700000
# 9,215,652 written where 9,215,128 are stored: the entry is the rest.
at_most "writes what it stores once" "$(bytes 'write|pwrite64|pwritev' repo)" \
    $(($(reported bytes_stored) + 16384))
# Segment and its folder, entry and its folder, head; six new folders of the client, this once.
at_most "syncs eleven times" "$(calls 'fsync|fdatasync|sync|syncfs|msync')" 11

counted "a backup with nothing changed" backup --json src
json "finds all unmodified" ".files_unmodified == $files and .files_new == 0"
# A file: one stat; a folder: open, stat, two reads of it, close. 2,334 newfstatat, 193 openat, 266
# getdents64, 31 read and 18 pread64, 100 others.
at_most "stats each file once" "$(calls 'newfstatat|fstat|statx|lstat|stat')" \
    $((files + 2 * folders + 200))
at_most "opens no file" "$(calls openat)" $((folders + 150))
same "reads no byte of the source" "$(bytes 'read|pread64|preadv' src)" 0
at_most "takes two calls a file at most" "$(all_calls)" $((files * 2))
# 34,920 stored: the first page of the manifest (a folder above the source has another mtime), a
# root, and the commit.
at_most "stores a page or two" "$(reported bytes_stored)" 150000
at_most "syncs five times" "$(calls 'fsync|fdatasync|sync|syncfs|msync')" 5

"$(dirname "$HOLDFAST")/bench/generate" tree-changes src --factor 0.02
changed_bytes=$(find src -type f -newer out -printf '%s\n' | awk '{ n += $1 } END { print n + 0 }')
sleep 0.2
counted "a backup of 1 % changed" backup --json src
json "finds twenty files changed" '.files_changed == 20 and .files_new == 0'
at_most "opens those alone" "$(calls openat)" $((folders + 170))
same "reads those alone, once" "$(bytes 'read|pread64|preadv' src)" "$changed_bytes"
at_most "stores little more than those" "$(reported bytes_stored)" $((changed_bytes / 2 + 500000))

# A database without any magic, of 20 MiB in pages of 8 KiB, of which 27 are written anew: each is
# in one chunk of 16 KiB. 489,345 new, 190,838 stored.
"$(dirname "$HOLDFAST")/bench/generate" pages database --factor 0.01
expect 0 "a database" hf backup --json database
"$(dirname "$HOLDFAST")/bench/generate" page-changes database --factor 0.01
expect 0 "a database of which 1 % has changed" hf backup --json database
at_most "takes in the chunks of the changed pages, and no more" "$(reported bytes_new)" \
    $((27 * 16384 + 100000))

finish
