#!/bin/bash
# test_errors.sh - each exit code means what the contract says, and each error says what to do.
. "$(dirname "$0")/lib.sh"

# 2 and 10: which repository?
expect 2 "no repository named" "$HOLDFAST" snapshots
says "how to name one" 'use --repo PATH or set HOLDFAST_REPOSITORY'
expect 10 "no folder" "$HOLDFAST" -r nothing snapshots
says "the path and the reason" "could not find the repository $work/nothing: .*No such file"
says "what to do" '^hint: make one with "holdfast init"'
: >file
expect 10 "a file" "$HOLDFAST" -r file snapshots
mkdir empty
expect 10 "a path through nothing" "$HOLDFAST" -r nothing/../repo snapshots
expect 10 "an empty folder" "$HOLDFAST" -r empty snapshots --json
error_json "with its code" '.code == "no_repository" and .exit == 10'

new_repository
mkdir src
echo 1 >src/a
echo 2 >src/b
first=$(snapshot)
sleep 0.01
echo 3 >src/a
second=$(snapshot)

# 4: the hint file is gone.
mv repo/holdfast kept
expect 4 "no file \`holdfast\`, but entries" hf snapshots
says "says so" 'is missing, though journal/ holds'
expect 4 "nothing is written there" hf backup src
mv kept repo/holdfast

# 13: of the future.
mkdir newer
printf 'holdfast repository\nformat: 7\nid: 0123456789abcdef0123456789abcdef\n' >newer/holdfast
expect 13 "a newer format" hf -r newer snapshots

# A result that can't be written.
for command in "snapshots" "snapshots --json" "ls latest -R" "dump latest $work/src/a" "help" \
    "check"; do
    # shellcheck disable=SC2086
    hf $command >/dev/full 2>err
    same "$command to a full disk" "$?" 28
done
says "is told" 'could not write the result: No space left on device'
hf ls latest -R >&- 2>err
same "a closed standard output" "$?" 1
mkfifo pipe
for _ in 1 2 3; do
    head -c 20000 /dev/urandom | od -An -tx1 | tr -d ' \n' | fold -w 180 | sed 's|^|src/|' | xargs \
        touch
done
snapshot >/dev/null
hf -q ls latest -R 2>err | head -n 1 >out
same "a reader that has seen enough is no error" "${PIPESTATUS[0]} $(wc -c <err)" "0 0"
rm -rf src pipe
mkdir src
echo 1 >src/a

# Reading writes nothing, and works where nothing can be written.
before=$(cd repo && find . -printf '%p %T@ %C@ %s %m\n' | sort)
for command in "snapshots" "ls latest -R" "find a" "diff latest~1 latest" "stats" \
    "check --read-data" \
    "debug dump repo/journal/000000000001" "cache info" "backup -n src" "forget -n latest"; do
    # shellcheck disable=SC2086
    expect 0 "$command" hf $command
done
same "none of these has written to the repository" \
    "$(cd repo && find . -printf '%p %T@ %C@ %s %m\n' | sort)" "$before"
cp -a repo readonly
chmod -R a-w readonly
export HOLDFAST_REPOSITORY=$work/readonly
for command in "snapshots" "ls latest" "dump $first $work/src/a" "check --read-data"; do
    # shellcheck disable=SC2086
    expect 0 "$command of a read-only repository" unprivileged \
        "$HOLDFAST" --key-file "$key" $command
done
expect 1 "but no backup to it" unprivileged "$HOLDFAST" --key-file "$key" backup src --json
error_json "with its code" '.code == "access_denied"'
json "and its summary" '.exit == 1 and .snapshot_id == null'
export HOLDFAST_REPOSITORY=$work/repo

# Interruptions, of a backup that waits for a stream which never ends.
mkfifo stream
exec 9<>stream
stop() {
    printf x >&9
    "$HOLDFAST" --key-file "$key" backup --stdin --stdin-name s --json <stream >out 2>err 9>&- &
    local pid=$!
    sleep 0.5
    kill "-$1" "$pid"
    end "$pid"
}

# end PID: waits for it, though not for ever.
end() {
    for _ in $(seq 100); do
        kill -0 "$1" 2>/dev/null || break
        sleep 0.1
    done
    kill -9 "$1" 2>/dev/null
    wait "$1"
    status=$?
}
count=$(hf snapshots --json | jq '.snapshots | length')
for signal in INT:130:interrupted TERM:143:terminated; do
    IFS=: read -r name code word <<<"$signal"
    stop "$name"
    same "SIG$name ends it with $code" "$status" "$code"
    error_json "and says so" ".code == \"$word\" and .exit == $code"
    json "with a summary" ".exit == $code and .snapshot_id == null"
done
# The same while files are read. When exactly the signal comes is up to chance, so it tries again.
mkdir many
(cd many && seq 20000 | xargs touch)
for delay in 0.05 0.1 0.02 0.2 0.3; do
    "$HOLDFAST" --key-file "$key" backup many --json >out 2>err &
    pid=$!
    sleep "$delay"
    kill -TERM "$pid"
    end "$pid"
    [ ! -s out ] || [ "$status" -eq 0 ] || break
done
same "SIGTERM while files are read" "$status" 143
error_json "is told as well" '.code == "terminated" and .exit == 143'
json "with a summary that says so" '.exit == 143 and .snapshot_id == null'
rm -rf many
same "no snapshot was made" "$(hf snapshots --json | jq '.snapshots | length')" "$count"
expect 0 "and nothing is damaged" hf check --read-data

exec 9>&-

# The log.
expect 3 "--log-format json" hf backup src/a /proc/self/mem --log-format json
check "makes every line of standard error JSON" jq -es \
    'length > 0 and all(.[]; .level != null or .type == "error")' err
expect 0 "-v" hf -v backup src --before true
says "says more" 'running the --before hook'

# Caches are nobody's need.
expect 0 "--cache-dir" hf --cache-dir "$work/c" snapshots
check "is used" test -n "$(find c -name view)"
check "and tagged as a cache" test -f c/CACHEDIR.TAG
HOLDFAST_CACHE_DIR=$work/d expect 0 "HOLDFAST_CACHE_DIR" hf snapshots
check "is used as well" test -n "$(find d -name view)"
XDG_CACHE_HOME=$work/x expect 0 "XDG_CACHE_HOME" hf snapshots
check "too" test -n "$(find x/holdfast -name view)"
HOME=$work/home2 HOLDFAST_STATE_DIR=$work/s expect 0 "--no-cache" hf --no-cache snapshots
check "writes none" test ! -e home2/.cache
check "but keeps in mind what it saw" test -n "$(ls s)"
expect 0 "a cache that can't be made" hf --cache-dir /dev/null/x snapshots
says "is no more than a warning" 'there will be no cache'
find home/.cache -name view -exec sh -c 'printf rotten >"$1"' - {} \;
expect 0 "a rotten cache" hf check
expect 0 "is made anew" hf snapshots

finish
