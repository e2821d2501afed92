#!/bin/bash
# test_restore_trouble.sh - a restore that is repeated, interrupted or killed, into targets that are
# full or hostile, from a repository that can't be read: what was right stays, and what is lost is
# named.
. "$(dirname "$0")/lib.sh"
new_repository

# A leak checker can't look at a process that is traced already.
export ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}detect_leaks=0
if ! strace -f -o traced true 2>err; then
    echo "strace can't run here, so no restore is interrupted: $(head -n 1 err)" >&2
    echo "ok - interrupted restores # SKIP strace can't run here"
    finish
fi

# with CALL HOW COMMAND...: runs it; what strace calls HOW happens at some of these calls.
with() {
    local call=$1 how=$2
    shift 2
    strace -f -qq -o traced -e "trace=$call" -e "inject=$call:$how" "$@"
}

# inodes DIR: shows whether a file was replaced, written to, or only touched.
inodes() {
    find "$1" -type d -printf '%P %i %T@\n' -o -printf '%P %i %s %T@ %C@\n' | sort
}

# is_back DIR: what lies below it at the place of src is the source.
is_back() {
    cmp -s <(tree "$1$work/src") <(tree src)
}

mkdir -p src/sub
for i in 1 2 3 4 5 6 7 8; do
    head -c 3000000 /dev/urandom >src/file$i
done
for i in $(seq 60); do
    echo "$i" >src/sub/small$i
done
ln src/file1 src/sub/second
ln -s file1 src/link
ln -P src/link src/sub/link2
mkfifo src/fifo
ln src/fifo src/sub/fifo2
snapshot >/dev/null

expect 0 "restore" hf restore -t again --json
inodes "again$work/src" >before
expect 0 "the same once more" hf restore -t again --json
json "writes not one byte" '.bytes_written == 0 and .skipped >= 68 and .deleted == 0'
same "and touches no file" "$(inodes "again$work/src")" "$(cat before)"
expect 0 "with --delete and --overwrite always" hf restore -t again --delete --overwrite always \
    --json
json "it compares; what has several names is not written in place, but anew" \
    '.bytes_written == 3000000 and .bytes_verified >= 24000000'
several='file1 |sub/second '
same "no other file is touched" "$(inodes "again$work/src" | grep -vE "^($several)")" \
    "$(grep -vE "^($several)" before)"
printf X | dd of="again$work/src/file3" bs=1 seek=2000000 conv=notrunc status=none
expect 0 "after a change of one byte" hf restore -t again --json
json "one chunk is written" '.bytes_written > 0 and .bytes_written < 1000000'
check "and all is right" is_back again

# Names of one inode.
expect 0 "some names of a file" hf restore -t part --include "$work/src/sub"
check "are one file again" test "part$work/src/sub/second" -ef "part$work/src/sub/second"
same "of the names that were asked for" "$(stat -c %h "part$work/src/sub/second")" 1
expect 0 "the other ones" hf restore -t part --json
check "join them" test "part$work/src/file1" -ef "part$work/src/sub/second"
same "symbolic links have several names, too" "$(stat -c %h "part$work/src/link")" 2
same "and FIFOs" "$(stat -c %h "part$work/src/fifo")" 2
cp --remove-destination -p "part$work/src/file1" "part$work/src/sub/second"
ln -f "part$work/src/sub/small1" "part$work/src/sub/small2"
expect 0 "names that fell apart, and some that came together" hf restore -t part --overwrite always
check "are as they were" is_back part
ln -f "part$work/src/link" "part$work/src/sub/link3"
expect 0 "a name too many" hf restore -t part --delete
check "goes" is_back part

# Interrupted, and killed.
all=$(find src ! -name second -type f -printf '%s\n' | awk '{ n += $1 } END { print n }')
expect 130 "SIGINT in the middle" with pwrite64 signal=SIGINT:when=20 \
    "$HOLDFAST" --key-file "$key" restore -t int --json
json "there is a summary" '.exit == 130 and .bytes_written > 0'
first=$(tail -n 1 out | jq .bytes_written)
expect 0 "again" hf restore -t int --json
json "writes what is missing, and no more" ".bytes_written == $all - $first"
check "to the end" is_back int
check "and leaves no mark" test ! -e int/.holdfast-restore-unfinished
for when in 9 20 40; do
    rm -rf killed
    run with pwrite64 signal=SIGKILL:when=$when "$HOLDFAST" --key-file "$key" restore -t killed
    same "SIGKILL at write $when" "$status" 137
    check "leaves a mark" test -e killed/.holdfast-restore-unfinished
    expect 0 "the next one" hf restore -t killed --json
    json "does not begin from nothing" ".bytes_written < $all"
    check "makes it whole" is_back killed
    check "and takes the mark away" test ! -e killed/.holdfast-restore-unfinished
done

# Another one's links in the target lead nowhere.
mkdir -p victim "hostile$work/src"
echo precious >victim/small1
inodes victim >before
ln -s "$work/victim" "hostile$work/src/sub"
ln -s "$work/victim/small1" "hostile$work/src/file1"
ln -s "$work/victim/new" "hostile$work/src/file2"
ln victim/small1 "hostile$work/src/file4"
expect 0 "a target full of links to elsewhere" hf restore -t hostile --delete
check "gets all its files" is_back hostile
same "and nothing elsewhere is touched" "$(cat victim/small1; ls victim)" \
    "$(printf 'precious\nsmall1')"
expect 0 "-n" hf restore -t hostile --overwrite always --delete -n
inodes hostile >before
: >"hostile$work/src/extra"
inodes hostile >before
expect 0 "-n with something to do" hf restore -t hostile --overwrite always --delete -n
same "writes nothing" "$(inodes hostile)" "$(cat before)"

# A target without room: told before anything is written.
roomy() {
    unshare -m bash -c 'mkdir -p small && mount -t tmpfs -o size="$1" tmpfs small && shift &&
        "$@"; s=$?; ls -A small >left; exit $s' - "$@"
}
if roomy 1M true 2>/dev/null; then
    expect 28 "a target that is too small" roomy 20M "$HOLDFAST" --key-file "$key" restore -t small
    says "says what it has, and what is needed" 'has 20.0 MiB left, and 22.9 MiB are to be written'
    same "and nothing was written" "$(cat left)" ""
    expect 0 "a part that fits" roomy 20M "$HOLDFAST" --key-file "$key" restore -t small \
        --include "$work/src/file2"
    expect 28 "with --delete it is found out" roomy 20M "$HOLDFAST" --key-file "$key" restore \
        -t small --delete --json
    json "and said" '.exit == 28'
    truncate -s 100M src/hole
    snapshot src/hole >/dev/null
    expect 0 "holes need no room" roomy 20M "$HOLDFAST" --key-file "$key" restore -t small
else
    echo "# no file system can be mounted here, so none is too small" >&2
fi

# A repository that can't be read at one place: its files are lost, all others come back.
segments=" $(ls repo/segments | tr '\n' ' ')"
echo new >src/new
snapshot >/dev/null
for name in repo/segments/*; do
    [[ $segments == *" ${name##*/} "* ]] || newest=$name
done
check "there is a new segment" test -s "$newest"
strace -f -qq -o traced -e trace=pread64 -P "$work/repo/segments/$(ls -S repo/segments | head -1)" \
    -e inject=pread64:error=EIO "$HOLDFAST" --key-file "$key" restore -t io --json >out 2>err \
    </dev/null
same "an I/O error of the repository counts as damage" "$?" 4
json "the files are named" '.exit == 4 and any(.losses[]; (.path | endswith("/src/file1"))
    and (.why | contains("could not read segments")))'
check "all others are there" cmp src/new "io$work/src/new"

finish
