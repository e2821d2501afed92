#!/bin/bash
# test_restore_sync.sh - a long restore syncs while it goes on; what the system says of that only
# once is not forgotten at the end.
. "$(dirname "$0")/lib.sh"
new_repository

# A leak checker can't look at a process that is traced already.
export ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}detect_leaks=0
if ! strace -f -o traced true 2>err; then
    echo "strace can't run here, so no sync fails: $(head -n 1 err)" >&2
    echo "ok - a sync that fails early # SKIP strace can't run here"
    finish
fi

# with HOW COMMAND...: runs it; strace injects HOW into its calls of syncfs.
with() {
    local how=$1
    shift
    strace -f -qq -o traced -e trace=syncfs -e "inject=syncfs:$how" "$@"
}

mkdir src
for i in $(seq 20); do
    head -c 4000000 /dev/urandom >src/file$i
done
snapshot >/dev/null
expect 0 "a restore of 80 MB" with delay_enter=0 "$HOLDFAST" --key-file "$key" restore -t whole
check "syncs before its end, and at it" test "$(grep -c syncfs traced)" -ge 2
run with error=EIO:when=1 "$HOLDFAST" --key-file "$key" restore -t failed
same "one whose first sync fails has failed" "$status" 1
says "it says what could not be done" "could not sync"
check "and the target is marked" test -e failed/.holdfast-restore-unfinished
expect 0 "the next one" hf restore -t failed
check "makes it whole" diff -r src "failed$work/src"
finish
