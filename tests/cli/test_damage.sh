#!/bin/bash
# test_damage.sh - damage is named, with what it costs, and never mistaken for anything else.
. "$(dirname "$0")/lib.sh"
new_repository
mkdir src
for i in 1 2 3 4; do
    head -c 300000 /dev/urandom >src/$i
    snapshot >/dev/null
done
ids=$(hf snapshots --json | jq -r '.snapshots[].id')
id() { sed -n "${1}p" <<<"$ids"; }

# copy: a fresh copy of the repository, which no client has seen yet.
copy() {
    rm -rf copy state cache
    cp -a repo copy
    export HOLDFAST_REPOSITORY=$work/copy HOLDFAST_STATE_DIR=$work/state
    export HOLDFAST_CACHE_DIR=$work/cache
}

copy
expect 0 "check" hf check
prints "says what it looked at" '^whole: 5 entries, [0-9]+ segments, [0-9]+ chunks of 4 snapshots'
expect 0 "check --read-data" hf check --read-data --json
json "has all keys of the contract" '.schema == "holdfast/check/1" and .type == "summary" and .exit
    == 0 and .ok
    and .entries == 5 and .segments >= 4 and .chunks > 4 and .bytes_read > 1200000 and .damage == []
        and .duration_seconds > 0'
for part in 50% 100% 1M; do
    expect 0 "--read-data=$part" hf check --read-data=$part
done
for part in 0% 101% x% 5X; do
    expect 2 "--read-data=$part" hf check --read-data=$part
done
expect 0 "--scrub" hf check --scrub
expect 0 "without a cache" hf check --no-cache

# A bit of a file's content.
segment=$(ls -S copy/segments | head -n 1)
flip "copy/segments/$segment" 100000
expect 0 "rot in file data" hf check
expect 4 "is found by reading it" hf check --read-data --json
json "with what it costs" ".ok == false and .exit == 4 and (.damage | length > 0)
    and any(.damage[]; .object | contains(\"$segment\"))
    and ([.damage[].affects[]] | length > 0 and all(.snapshot_id | length == 32)
    and any(.path != null))"
error_json "and the end says so" '.code == "damaged" and .exit == 4'
expect 4 "and by a scrub" hf check --scrub
says "that names the segment" "$segment"
expect 4 "without JSON" hf check --read-data
says "the file and the snapshot are named" "it costs $work/src/[1-4] of snapshot [0-9a-f]{32}"

# Each class of files: what was changed is told by name.
for what in "segments/$segment" journal/000000000003 head; do
    copy
    file=$what
    [ "$what" != head ] || file=head/$(ls copy/head)
    rm -f "copy/$file"
    expect 4 "no $what" hf check
    says "is named" "$(basename "$what")"
done
copy
flip copy/journal/000000000003 40
expect 4 "a bit of an entry" hf check
says "is named" 'journal/000000000003|entry 3'
copy
flip "copy/keys/first" 50
expect 0 "one copy of a key" hf snapshots
flip "copy/keys/first" 306
expect 12 "both copies of a key" hf snapshots
says "are told from a wrong password" 'damaged|neither'
copy
flip copy/holdfast 3
expect 4 "the hint file" hf snapshots

# Readers go on with what stands, and say so.
copy
rm -f copy/journal/000000000004
expect 4 "a gap in the journal: snapshots" hf snapshots --json
json "lists what stands" "[.snapshots[].id] == [\"$(id 1)\", \"$(id 2)\"]"
says "and what is wrong" '"code":"damaged"'
expect 4 "latest" hf ls latest
says "is not guessed, but what stands is named" \
    "what stands of \"latest\" is #3 $(id 2 | cut -c1-8)"
expect 4 "a time" hf ls at:now
expect 0 "a snapshot that is named" hf dump "$(id 2)" "$work/src/2"
check "is used, since it is whole" cmp out src/2
says "with a warning" 'the journal is damaged'
expect 0 "by number too" hf ls '#2'
for command in "backup src" "forget $(id 1)" "tag $(id 1) --add x" "undelete latest"; do
    # shellcheck disable=SC2086
    expect 4 "nothing is written: $command" hf $command
done

# A repository that was set back.
copy
expect 0 "a client sees the journal" hf snapshots
rm copy/journal/000000000005 copy/head/*
cp -a repo/head/. old-head 2>/dev/null
four=$(hf debug dump repo/journal/000000000004 | sed -n 's/^ *seal hash  *//p')
: >"copy/head/000000000004-$four"
expect 4 "and later one that was set back" hf snapshots
says "which it notices" 'this client has seen 5'
says "and says what to do if that was on purpose" 'cache accept-rollback'
expect 0 "cache accept-rollback" hf cache accept-rollback
expect 0 "makes it take the repository for what it is" hf snapshots --json
json "with what is left" '.snapshots | length == 3'
expect 0 "cache info" hf cache info --json
json "says what was seen last" '.schema == "holdfast/cache/1" and .last_seen == 4 and (.cache |
    length > 0)'
expect 2 "cache of something else" hf cache clean

# Looking at the bytes.
unset HOLDFAST_STATE_DIR HOLDFAST_CACHE_DIR
export HOLDFAST_REPOSITORY=$work/repo
for file in journal/000000000002 segments/$segment keys/first holdfast head/$(ls repo/head); do
    expect 0 "debug dump ${file%%/*}" "$HOLDFAST" debug dump "repo/$file"
    check "has something to say" test "$(wc -c <out)" -gt 50
done
expect 0 "debug dump with keys" hf debug dump repo/journal/000000000002
prints "opens what is sealed" 'default'
expect 0 "debug dump --json" hf debug dump repo/journal/000000000002 --json
json "has a kind" '.schema == "holdfast/debug/1" and .kind == "journal entry" and (.text | length >
    100)'
expect 0 "debug dump of a key file" "$HOLDFAST" debug dump key
check "shows no secret" bash -c '! grep -qF -- "$(sed -n "s/^secret: *//p" key)" out'
flip "repo/journal/000000000002" 30
expect 4 "debug dump of what is damaged" "$HOLDFAST" debug dump repo/journal/000000000002
prints "marks it" '!!'
expect 1 "debug dump of something else" "$HOLDFAST" debug dump src/1
expect 1 "debug dump of nothing" "$HOLDFAST" debug dump nothing
expect 2 "debug of something else" "$HOLDFAST" debug print x

finish
