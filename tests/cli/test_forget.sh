#!/bin/bash
# test_forget.sh - forgetting by name, its undoing, and tags.
. "$(dirname "$0")/lib.sh"
new_repository
mkdir src
echo 1 >src/f
first=$(snapshot src --job a)
second=$(snapshot src --job a --tag keep)
third=$(snapshot src --job b)

live() { hf snapshots --json | jq -r '.snapshots[].id' | tr '\n' ' '; }

expect 2 "forget without a selector" hf forget
expect 0 "forget -n" hf forget -n "$first" --json
json "names what would go" \
    ".schema == \"holdfast/forget/1\" and .snapshots == [\"$first\"] and .number == null"
same "and forgets nothing" "$(live)" "$first $second $third "
expect 7 "one selector of several that means nothing" hf forget "$first" 00000000
same "forgets nothing" "$(live)" "$first $second $third "
expect 0 "forget" hf forget "$first" --json
json "has an entry" ".snapshots == [\"$first\"] and .number == 5"
same "and one is gone" "$(live)" "$second $third "
expect 7 "forgetting it twice" hf forget "$first"
expect 0 "filters alone mean all matches" hf forget job:a job:b
prints "each is named" "^forgot $second$"
same "all are gone" "$(live)" ""
expect 7 "nothing is left to forget" hf forget latest

expect 0 "undelete by id" hf undelete "${first:0:8}"
prints "is named" "^brought back $first$"
same "and there again" "$(live)" "$first "
same "with the same content" "$(hf -q dump latest "$work/src/f")" 1
expect 7 "undelete of one that is live" hf undelete "$first"
expect 0 "undelete by filter" hf undelete --tag keep -n
prints "-n says which" "^would bring back $second$"
expect 0 "undelete of several" hf undelete job:a job:b --json
json "all at once" '.schema == "holdfast/undelete/1" and (.snapshots | length == 2) and .number ==
    8'
same "all are there again" "$(live)" "$first $second $third "

tags() { hf snapshots "$1" --json | jq -c '.snapshots[0].tags'; }
expect 0 "tag --add" hf tag "$second" --add x,y --add keep
prints "says what there is now" "^$second keep,x,y$"
same "and it is so" "$(tags "$second")" '["keep","x","y"]'
expect 0 "tag --remove" hf tag tag:x --remove x --remove nothing --json
json "as JSON" ".schema == \"holdfast/tag/1\"
    and .snapshots == [{\"id\":\"$second\",\"tags\":[\"keep\",\"y\"]}]"
expect 0 "tag --set" hf tag job:a --set one
same "replaces all" "$(tags "$first")$(tags "$second")" '["one"]["one"]'
expect 0 "tag --set of nothing" hf tag "$first" --set ''
same "leaves none" "$(tags "$first")" '[]'
same "ids stay as they are" "$(live)" "$first $second $third "
expect 2 "tag without a change" hf tag latest
expect 2 "--set and --add" hf tag latest --set a --add b
expect 7 "tag of nothing" hf tag job:none --add a

head -c 100000 /dev/urandom >src/f
third=$(snapshot src --job c)
hf forget -q "$third" >/dev/null
expect 0 "a prune without grace" hf prune --now
expect 1 "undelete of what was pruned" hf undelete "$third"
says "says which chunks" "$third has lost data since it was forgotten: chunk [0-9a-f]{64}"
says "and since when" 'gone since entry [0-9]+ of 20.*; it was forgotten by entry [0-9]+ of 20'
expect 1 "a dry run says so too" hf undelete -n "$third"
same "and it stays forgotten" "$(live | grep -c "$third")" 0

size() { du -sb repo | cut -f1; }
head -c 300000 /dev/urandom >src/f
fourth=$(snapshot src --job c)
before=$(size)
expect 0 "forget --prune -n" hf forget -n --prune "$fourth"
same "only says what it would forget" "$(live | grep -c "$fourth") $(size)" "1 $before"
expect 0 "forget --prune" hf forget --prune "$fourth"
prints "says what was reclaimed" '^reclaimed .*: removed [1-9]'
check "and gives the space back" test "$(size)" -lt $((before - 250000))
expect 1 "there is no undelete after that" hf undelete "$fourth"
head -c 300000 /dev/urandom >src/f
snapshot src --job c >/dev/null
snapshot src --job c >/dev/null
expect 0 "a policy with --prune" hf forget --keep-last 1 --job c --prune --json
json "is one document" '.schema == "holdfast/forget/1" and .forgotten == 1 and
    .prune.dry_run == false and .prune.kept_forgotten == 0'
check "what is left is whole" hf -q check --read-data

finish
