#!/bin/bash
# test_drill_fault.sh - drills of faults and cold drills: what they find, what they leave alone.
. "$(dirname "$0")/lib.sh"
new_repository
repo=$HOLDFAST_REPOSITORY
mkdir -p src scratch
for i in 1 2 3 4; do
    head -c 200000 /dev/urandom >src/file$i
    snapshot >/dev/null
done
echo small >'src/a [b] *'
snapshot >/dev/null

prints_of() {
    (cd "$repo" && find . -type f -printf '%p %m %T@ ' -exec sha256sum {} \; | sort)
}
drill() {
    hf drill "$@" --scratch scratch
}
evidence() {
    hf audit --json | jq '[.entries[] | select(.type == "drill")] | length'
}
no_debris() {
    local i
    for i in $(seq 50); do
        [ -n "$(ls -A scratch)" ] || break
        sleep 0.1
    done
    same "$1" "$(ls -A scratch)" ""
}

# --- faults ---

prints_of >before
expect 0 "every fault comes out as it must" drill fault --json --no-record --seed 3
json "and is listed" '.kind == "fault" and .passed and (.faults | length) >= 25 and
    all(.faults[]; .passed and .expected != "" and .observed != "")'
json "with what was expected" '[.faults[] | select(.fault == "segment-deleted") | .expected] ==
    ["check, restore: exit 4 (damaged), naming what is damaged and the file that is lost"] or
    [.faults[] | select(.fault == "segment-deleted") | .expected] ==
    ["check, restore: exit 4 (damaged), naming what is damaged"]'
json "opening alone is no time to recover" '.rto.total == null'
says_not "nobody is told that the repository is damaged" 'warning'
prints_of >after
check "the original is as it was, to the last bit" diff before after
expect 0 "with evidence" drill fault
prints "which is named" 'evidence: entry [0-9]+'
prints_of | grep -v './head/' >after
check "nothing but that was added" \
    bash -c 'test -z "$(grep -v ./head/ before | comm -23 <(sort) <(sort after))"'
expect 2 "faults are not sampled" drill fault --sample 5
expect 28 "too little space is said at once" drill fault --max-space 1M
says "with what is needed" 'may hold 1.0 MiB, and the faults need'
if unshare --mount --user --map-root-user true 2>/dev/null; then
    expect 28 "a scratch disk that is too small" unshare --mount --user --map-root-user \
        bash -c 'mount -t tmpfs -o size=2m none scratch && "$HOLDFAST" --key-file "$0" drill fault \
        --scratch scratch' "$key"
fi
no_debris "nothing is left"

# --- killed, two at once ---

before=$(evidence)
for signal in TERM KILL; do
    "$HOLDFAST" --key-file "$key" drill fault --scratch scratch >/dev/null 2>&1 &
    pid=$!
    for i in $(seq 200); do
        [ -z "$(ls -d scratch/*/copy 2>/dev/null)" ] || break
        sleep 0.01
    done
    kill -s "$signal" "$pid"
    wait "$pid" 2>/dev/null
    code=$?
    [ "$signal" = KILL ] || same "a drill that is told to end says so" "$code" 143
    no_debris "killed by $signal: no debris"
done
same "and no evidence" "$(evidence)" "$before"
drill fault -q >/dev/null 2>one & first=$!
drill fault -q >/dev/null 2>two & second=$!
hf -q backup src >/dev/null 2>three & third=$!
wait $first; one=$?
wait $second; two=$?
wait $third; three=$?
same "two at once, and a backup beside them" "$one $two $three" "0 0 0"
same "are both on record" "$(evidence)" $((before + 2))
no_debris "and leave nothing"

# --- cold ---

hf key recovery-sheet 2>/dev/null | grep -E '^ +[1-5]  ' | sed 's/^ *//' >sheet
chmod 600 sheet
cat >policy.ini <<'END'
[policy]
name = sheet
[gate the sheet works]
type = key_sheet
max_age = 1d
END
chmod 600 policy.ini
expect 0 "cold" drill cold --json
json "measures opening as well" '.kind == "cold" and .passed and .files == 5 and .rto.open > 0 and
    .rto.total >= .rto.open + .rto.restore'
expect 6 "with a key file nothing is known of the sheet" hf ready --policy policy.ini
expect 0 "with the sheet, which was typed in again" "$HOLDFAST" --key-file sheet drill cold \
    --scratch scratch
expect 0 "it is proved to work" hf ready --policy policy.ini
expect 0 "a part of it" drill cold --sample 1 --json
json "is a part" '.files >= 1'
find "$HOME/.cache" -type f -size +0 -exec sh -c 'echo rubbish >"$1"' - {} \;
expect 0 "a cache that is rubbish is not looked at" drill cold
no_debris "nothing is left of it"

# --- a repository that is damaged ---

segment=$(ls -S "$repo"/segments/* | head -n 1)
name=segments/$(basename "$segment")
cp -p "$segment" saved
flip "$segment" 100000
expect 5 "a flipped bit fails a cold drill" drill cold
says "and the file is named" "MISMATCH $work/src/file[1-4]: "
cp -pf saved "$segment"
rm -f "$segment"
expect 5 "so does a segment that is lost" drill cold
expect 5 "and it fails a drill of faults" drill fault
says "which names it" "$name"
prints "and tries nothing on such a copy" 'FAILED'
other=$(ls -S "$repo"/segments/* | head -n 1)
head -c 1000 saved >"$segment"
expect 5 "a segment that was cut fails a cold drill" drill cold --no-record
cp -f "$other" "$segment"
expect 5 "one that was replaced, too" drill cold --no-record
head -c "$(stat -c %s saved)" /dev/zero >zeros && cp -f zeros "$segment"
expect 5 "and one that was overwritten" drill cold --no-record
says "each time by name" "MISMATCH $work/src/"
cp -pf saved "$segment"
mv "$repo/holdfast" hint
expect 4 "without its file holdfast nothing opens" drill cold
mv hint "$repo/holdfast"
mv "$repo/keys" keys && mkdir "$repo/keys"
expect 12 "without keys neither" drill cold
rmdir "$repo/keys" && mv keys "$repo/keys"
expect 0 "made good, it passes" drill cold
before=$(evidence)
last=$(ls "$repo"/journal | tail -n 1)
cp -p "$repo/journal/$last" saved
flip "$repo/journal/$last" 20
for kind in cold fault; do
    run drill $kind
    case $status in
    4 | 5) ok "a damaged journal fails $kind" ;;
    *) not_ok "a damaged journal fails $kind" "exit code $status" ;;
    esac
    says "and the entry is named" "entry $((10#$last))|journal/$last"
done
cp -pf saved "$repo/journal/$last"
same "a journal that takes no entry has no new evidence" "$(evidence)" "$before"
finish
