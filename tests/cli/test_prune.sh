#!/bin/bash
# test_prune.sh - space comes back: what is said about it, what it costs, and what it leaves.
#
# HOLDFAST_PRUNE_FILES=N: so many files of 25 KB instead of 2400 where the cost is measured, and
# that for segments of the usual size as well.
count=${HOLDFAST_PRUNE_FILES:-2400} targets=1M${HOLDFAST_PRUNE_FILES:+ 64M}
project=$(cd "$(dirname "$0")/../.." && pwd)
. "$(dirname "$0")/lib.sh"
export HOLDFAST_REPOSITORY=$work/repo
hf init -q --segment-size 256K >/dev/null || { echo "not ok - init"; exit 1; }
mkdir src

# bytes PATH: of all files below it.
bytes() { find "$1" -type f -printf '%s\n' | awk '{ s += $1 } END { print s + 0 }'; }
segments() { ls repo/segments | wc -l; }
random() { head -c "$1" /dev/urandom; }
field() { tail -n 1 out | jq -r "$1"; }
matches() {
    why=$(python3 "$project/tests/cli/schema.py" "$project/docs/schema/prune.json" out 2>&1)
    same "$1: the document is what its schema says" "$why" ""
}

# at_most NAME VALUE LIMIT
at_most() {
    if [ "$2" -le "$3" ]; then ok "$1 ($2 of $3)"; else not_ok "$1" "$2 is more than $3"; fi
}

expect 0 "prune of an empty repository" hf prune
prints "says so" '^reclaimed 0 B: removed 0 files'

# What is said.
random 700000 >src/a
random 300000 >src/b
first=$(snapshot)
random 700000 >src/a
second=$(snapshot)
cp -a src src2
expect 0 "prune where nothing was forgotten" hf prune --json
matches "nothing to do"
json "condemns nothing" '.condemned == 0 and .removed == 0 and .entries == 0 and .exit == 0'
hf forget -q "$first" >/dev/null
find repo -printf '%P %s %T@\n' | sort >before
expect 0 "prune -n" hf prune -n --now
prints "says what it would reclaim" '^would reclaim [67][0-9.]* KiB: remove [0-9]+ segments'
prints "and what there is" '^[0-9]+ segments of [0-9.]+ MiB, of which [0-9.]+ (MiB|KiB) are needed'
find repo -printf '%P %s %T@\n' | sort >after
check "and writes nothing" cmp before after
expect 0 "prune -n --json" hf prune -n --now --json
matches "a dry run"
json "has an estimate" '.dry_run and .bytes_reclaimed > 600000 and .removed == 0 and .condemned > 0'
reclaim=$(field .bytes_removed) condemn=$(field .condemned)
find repo -printf '%P %s %T@\n' | sort >after
check "and writes nothing either" cmp before after

expect 0 "prune within the grace time" hf prune
says_not "is no error" error
json_out=$(cat out err)
if grep -q 'forgotten snapshots are kept' <<<"$json_out"; then ok "says what is kept"; else
    not_ok "says what is kept"; fi
expect 0 "undelete is possible" hf undelete "$first"
hf forget -q "$first" >/dev/null
expect 0 "prune with a grace of an hour" hf prune --grace 1h --json
json "keeps it" '.kept_forgotten == 1 and .condemned == 0'
expect 0 "prune without grace" hf prune --grace 0s --json
matches "a prune"
json "reclaims it" '.removed > 0 and .bytes_reclaimed > 600000 and .kept_forgotten == 0'
same "as many bytes as were estimated" "$(field .bytes_removed)" "$reclaim"
same "as many segments" "$(field .condemned)" "$condemn"
same "the files are gone" "$(field .segments_after)" "$(segments)"
expect 1 "undelete is not possible" hf undelete "$first"
expect 0 "check" hf check --read-data
expect 0 "restore" hf -q restore latest -t back
same "the other snapshot is as it was" "$(tree "back$work/src")" "$(tree src2)"
expect 0 "prune -q" hf prune -q
same "says nothing" "$(cat out err)" ""

# What `du` sees is what `stats` says, with whatever cache.
expect 0 "stats" hf stats --json
warm=$(jq -c '.repository | del(.chunks)' out)
same "stats and the files agree" "$(jq .repository.bytes out)" "$(bytes repo/segments)"
expect 0 "stats of one with no cache" env XDG_CACHE_HOME="$work/cold" "$HOLDFAST" --key-file \
    "$key" stats --json
same "agrees" "$(jq -c '.repository | del(.chunks)' out)" "$warm"

# Bad values.
for value in x -1 101 5%% '' 1e999 nan; do
    expect 2 "--max-unused '$value'" hf prune --max-unused "$value"
    says "is no percentage" 'is no percentage'
done
for value in 0 0% 5 7.5% 100%; do
    expect 0 "--max-unused $value" hf prune -n --max-unused "$value"
done
expect 2 "--grace of nonsense" hf prune --grace soon
expect 2 "--now with --grace" hf prune --now --grace 1h
expect 2 "an operand" hf prune latest

# Damage: nothing is removed.
cp -a repo spare
random 700000 >src/a
snapshot >/dev/null
hf forget -q "$second" >/dev/null
for file in repo/segments/*; do
    [ -e "spare/segments/${file##*/}" ] || newest=$file
done
size=$(stat -c %s "$newest")
flip "$newest" $((size - 10))
before=$(ls -R repo)
expect 4 "prune of a damaged repository" hf prune --now --json
matches "damage"
json "says so" '.exit == 4 and .condemned == 0 and .removed == 0'
error_json "with its code" '.code == "damaged" and .exit == 4'
same "removes nothing" "$(ls -R repo)" "$before"
rm -rf repo && mv spare repo

# Twenty versions, of which one stays: it takes no more space than it would alone.
rm -rf src && mkdir src
for ((i = 0; i < 60; i++)); do random $((RANDOM * 4)) >"src/f$i"; done
export HOLDFAST_REPOSITORY=$work/many
hf init -q --segment-size 1M >/dev/null
for ((version = 0; version < 22; version++)); do
    for ((i = 0; i < 8; i++)); do random $((RANDOM * 4)) >"src/f$((RANDOM % 60))"; done
    printf '%s' "$version" | dd of="src/f$((RANDOM % 60))" bs=1 seek=5000 conv=notrunc status=none
    last=$(snapshot)
done
grown=$(bytes many)
for id in $(hf snapshots --json | jq -r '.snapshots[].id'); do
    [ "$id" = "$last" ] || echo "$id"
done | xargs "$HOLDFAST" --key-file "$key" forget -q >/dev/null
expect 0 "prune --now --max-unused 0" hf prune --now --max-unused 0
expect 0 "check" hf check --read-data
same "du and stats agree" "$(hf stats --json | jq .repository.bytes)" "$(bytes many/segments)"
export HOLDFAST_REPOSITORY=$work/fresh
hf init -q --segment-size 1M >/dev/null
snapshot >/dev/null
at_most "after all but one of 22 were forgotten, 1.10 of a fresh repository" "$(bytes many)" \
    $(($(bytes fresh) * 110 / 100))
check "which is much less than before" test "$(bytes many)" -lt $((grown * 2 / 3))

# One per cent becomes garbage.
rm -rf src many fresh repo
python3 - "$count" <<'END'
import os, sys
count = int(sys.argv[1])
for i in range(count):
    folder = f"src/d{i * 20 // count}"
    os.makedirs(folder, exist_ok=True)
    with open(f"{folder}/f{i}", "wb") as f:
        f.write(os.urandom(25000))
END
for target in $targets; do
    export HOLDFAST_REPOSITORY=$work/cost-$target
    hf init -q --segment-size $target >/dev/null
    rm -rf tree && cp -a src tree
    first=$(snapshot tree)
    find tree/d7 -type f | sort | head -n $((count / 100)) | xargs rm
    second=$(snapshot tree)
    hf forget -q "$first" >/dev/null
    size=$(bytes "cost-$target/segments")
    run hf prune --now --max-unused 0 --json
    same "segments of $target: a prune of 1 %" "$status" 0
    at_most "copies at most 5 % of the repository" "$(field .bytes_copied)" $((size / 20))
    at_most "reads at most 5 %, but for manifests" "$(field .bytes_read)" $((size / 20))
    bill='"\(.bytes_read) read, \(.bytes_copied) copied, \(.bytes_removed) removed"'
    echo "# of $size bytes: $(field "$bill") in $(field .duration_seconds) s"
    rm -rf back
    expect 0 "restore" hf -q restore "$second" -t back
    check "... bit for bit" diff -r "back$work/tree" tree
done

finish
