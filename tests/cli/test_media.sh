#!/bin/bash
# test_media.sh - real file systems that are full, out of inodes, read-only, or can't do what a
# repository stands on: that is said, with what to do; nothing is lost; afterwards all goes on.
#
# The file systems are small ones in memory, mounted in a mount namespace of the test's own.
if [ -z "${MEDIA_NAMESPACE-}" ]; then
    for namespace in "unshare -m" "unshare -rm"; do
        if $namespace true 2>/dev/null; then
            # shellcheck disable=SC2086
            MEDIA_NAMESPACE=1 exec $namespace bash "$0"
        fi
    done
    echo "no mount namespace can be made here: nobody tests full and read-only media" >&2
    echo "ok - full and read-only media # SKIP no mount namespace can be made here"
    exit 0
fi
. "$(dirname "$0")/lib.sh"
# A leak checker can't look at a process that is traced already.
export ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}detect_leaks=0
trap 'cd /; umount -l "$work"/disk* 2>/dev/null; rm -rf "$work"' EXIT

if ! { mkdir disk0 && mount -t tmpfs -o size=1m tmpfs disk0 2>err; }; then
    echo "nothing can be mounted here: nobody tests full and read-only media" >&2
    echo "ok - full and read-only media # SKIP nothing can be mounted here"
    finish
fi

# disk NAME OPTIONS: a file system in memory.
disk() {
    mkdir "$1"
    mount -t tmpfs -o "$2" tmpfs "$1" || { echo "not ok - mount $1"; exit 1; }
}

# fill DISK, make_room DISK: leaves not a byte; and back.
fill() { dd if=/dev/zero of="$1/filler" bs=4k status=none 2>/dev/null; }
make_room() { rm "$1/filler"; }

# restores ID TREE NAME: the snapshot comes back as that tree.
restores() {
    rm -rf back
    expect 0 "$3" hf -q restore "$1" -t back
    same "... bit for bit" "$(tree "back$work/src")" "$(tree "$2")"
}

mkdir src
echo one >src/a
seq 5000 >src/b
cp -a src src1

# A disk that is too small for a repository.
expect 28 "init on a disk that is too small" hf -r disk0/repo init --json
error_json "has its code, the cause, and says what to remove" \
    '.code == "no_space" and (.message | test("No space left")) and (.hint | test("remove"))'
expect 10 "what is left is no repository" hf -r disk0/repo snapshots
rm -rf disk0/repo
mount -o remount,size=8m "$work/disk0"
expect 0 "after the disk has grown, and what was left is removed, it works" hf -r disk0/repo init -q

# A disk that gets full.
export HOLDFAST_REPOSITORY=$work/disk0/repo
first=$(snapshot)
head -c 20000000 /dev/urandom >src/big
expect 28 "a backup larger than the disk" hf backup src --json
error_json "has its code, and names the cause" \
    '.code == "no_space" and (.message | test("No space left"))'
json "and its summary has no snapshot" '.exit == 28 and .snapshot_id == null'
rm src/big
expect 0 "nothing is damaged" hf check --read-data
restores "$first" src1 "the snapshot from before restores"
echo two >src/a
fill disk0
expect 28 "a small backup to a full disk" hf -q backup src
says "tells the cause" 'No space left on device'
says "and what to do" '^hint: .*(free|space)'
check "the reserve is kept for the journal" test -s disk0/repo/reserve
expect 0 "reading commands work on a full disk" hf check --read-data
restores "$first" src1 "as does a restore"
expect 0 "what needs an entry alone is published" hf -q tag "$first" --add kept
says "by giving up the reserve, which is said" 'the reserve was given up'
check "it is gone" test ! -e disk0/repo/reserve
fill disk0
for ((i = 0; i < 300; i++)); do # until what the reserve left is used up as well
    run hf -q tag "$first" --add "t$i"
    [ "$status" -eq 0 ] || break
done
case $status in
28 | 8) ok "without it, there is no space for an entry, or its outcome is unknown" ;;
*) not_ok "without it, there is no space for an entry, or its outcome is unknown" "exit $status" ;;
esac
says "which is told" 'No space left on device'
make_room disk0
expect 0 "when there is room again, check finds nothing" hf check --read-data
expect 0 "and a backup works" hf -q backup src
second=$(cat out)
restores "$first" src1 "the first snapshot restores"
restores "$second" src "the second one too"

# Restoring to a full disk.
disk disk1 size=16k
expect 28 "a restore to a disk that is too small" hf restore "$second" -t disk1/back --json
error_json "has its code, the cause, and says what to do" \
    '.code == "no_space" and (.message | test("No space left|KiB left")) and .hint != null'
json "and its summary does not claim anything else" '.exit == 28'
mount -o remount,size=1m "$work/disk1"
expect 0 "the same again with more room" hf -q restore "$second" -t disk1/back
same "brings the rest" "$(tree "disk1/back$work/src")" "$(tree src)"

# No inode is left.
disk disk2 nr_inodes=60
export HOLDFAST_REPOSITORY=$work/disk2/repo
expect 0 "init where there are few inodes" hf init -q
expect 0 "a backup" hf -q backup src
third=$(cat out)
for ((i = 0; i < 60; i++)); do
    : >"disk2/file$i" || break
done 2>/dev/null
echo three >src/a
expect 28 "a backup without an inode" hf -q backup src
says "tells the cause" 'No space left on device'
expect 0 "nothing is damaged" hf check --read-data
rm disk2/file*
expect 0 "with inodes it works" hf -q backup src
restores "$(cat out)" src "and restores"

# Read-only media.
mount -o remount,ro "$work/disk2"
for command in "snapshots" "ls latest -R" "check --read-data" "restore $third -t back2" "stats" \
    "diff latest~1 latest"; do
    # shellcheck disable=SC2086
    expect 0 "$command of a read-only medium" hf $command
done
for command in "backup src" "forget $third" "tag $third --add x"; do
    # shellcheck disable=SC2086
    expect 1 "$command on a read-only medium" hf $command
    says "tells the cause" 'Read-only file system'
done
expect 1 "init on a read-only medium" hf -r disk2/other init
says "tells the cause" 'Read-only file system'
check "and the key stays as it was" test -s "$key"
expect 1 "a restore to a read-only medium" hf restore "$third" -t disk2/back
says "tells the cause" 'Read-only file system'

# Few descriptors: each number of them is enough, or there is a sentence that says so.
export HOLDFAST_REPOSITORY=$work/disk0/repo
enough=0
for ((limit = 4; limit < 24; limit++)); do
    run bash -c 'ulimit -n "$1"; shift; exec "$@"' - "$limit" "$HOLDFAST" --key-file "$key" -q \
        backup src
    case $status in
    0) enough=$((enough + 1)) ;;
    1 | 3 | 8)
        grep -q 'Too many open files' err && [ "$(grep -c '^holdfast: could not' err)" -eq 1 ] ||
            not_ok "a backup with $limit descriptors says what is missing" "exit $status"
        ;;
    127) ;; # the loader needs some as well
    *) not_ok "a backup with $limit descriptors" "exit $status" ;;
    esac
done
check "a few descriptors are enough for a backup" test "$enough" -gt 0
expect 0 "and nothing is damaged where they were too few" hf check --read-data

# A file system that can't give a name only if it is free.
if strace -f -o traced true 2>err; then
    for errno in EINVAL ENOSYS; do
        expect 1 "init where neither renaming without replacing nor links work ($errno)" \
            strace -f -qq -o traced -e "inject=renameat2,linkat:error=$errno" \
            "$HOLDFAST" --key-file "$key" -r "poor-$errno" init
        says "tells the cause" 'create a name only if it is free'
        says "and what to do" '^hint: .*file system'
        expect 10 "what is left is no repository" hf -r "poor-$errno" snapshots
        expect 0 "where links work, they do instead ($errno)" \
            strace -f -qq -o traced -e "inject=renameat2:error=$errno" \
            "$HOLDFAST" --key-file "$key" -r "linked-$errno" init -q
    done
else
    echo "strace can't run here, so all names can be had: $(head -n 1 err)" >&2
    echo "ok - a file system without exclusive names # SKIP strace can't run here"
fi

finish
