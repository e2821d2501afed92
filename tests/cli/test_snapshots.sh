#!/bin/bash
# test_snapshots.sh - selectors mean the same points in every command, and say what they found.
. "$(dirname "$0")/lib.sh"
new_repository
mkdir src other
echo 1 >src/f

expect 0 "an empty repository" hf snapshots
same "lists nothing" "$(wc -c <out)" 0
expect 0 "as JSON" hf snapshots --json
json "an empty list" '.schema == "holdfast/snapshots/1" and .snapshots == []'
expect 7 "latest of nothing" hf snapshots latest
expect 0 "filters that match nothing" hf snapshots job:none

first=$(snapshot src --job web --host a --tag t1)
sleep 0.01
between=$(date -u +%Y-%m-%dT%H:%M:%S.%NZ)
sleep 0.01
echo 2 >src/f
second=$(snapshot src --job web --host a --tag t1,t2)
third=$(snapshot other --job db --host b)

expect 0 "snapshots" hf snapshots
prints "is a table with titles" '^number  id +time +age +job +host +class +files +size +added'
prints "with a row for each" \
    "^ +[0-9]+  ${third:0:8}  20[0-9-]+ [0-9:]+ \+00:00 +[0-9a-z ]+ +db +b "
expect 0 "snapshots --json" hf snapshots --json
json "is oldest first" "[.snapshots[].id] == [\"$first\", \"$second\", \"$third\"]"
json "with all keys of the contract" '.snapshots[1] | .number > .files and .time == .end and .begin
    <= .end and .job == "web"
    and .host == "a" and (.user | type == "string") and (.paths | length == 1) and .tags ==
        ["t1","t2"]
    and .class == "fuzzy" and (.parent | length == 32) and .files == 1 and .bytes == 2 and .complete
    and .forgotten == false and .clock_flag == false'
json "the first has no parent" '.snapshots[0].parent == null'

# means SELECTOR ID...: what `snapshots` lists for it.
means() {
    local selector=$1
    shift
    run hf snapshots "$selector" --json
    same "$selector" "$(jq -r '.snapshots[].id' out | tr '\n' ' ')" "$(printf '%s ' "$@")"
}
number() { hf snapshots "$1" --json | jq '.snapshots[0].number'; }
means latest "$third"
means latest~1 "$second"
means latest~2 "$first"
means job:web "$first" "$second"
means job:web,latest "$second"
means latest,job:web "$second"
means host:a,tag:t2 "$second"
means tag:t1,latest~1 "$first"
means "path:$work/other" "$third"
means path:other "$third"
means "${first:0:6}" "$first"
means "${first^^}" "$first"
means "#$(number "$second")" "$second"
means "at:$between" "$first"
means "before:$between" "$first"
means at:now "$third"
means job:web,at:now "$second"
run hf snapshots latest "$first" job:web --json
json "several are a union, each once" \
    ".snapshots | map(.id) == [\"$first\", \"$second\", \"$third\"]"
run hf snapshots --job web --tag t2 --json
json "options filter too" ".snapshots | map(.id) == [\"$second\"]"
run hf snapshots latest --host a --json
json "and together with a selector" ".snapshots | map(.id) == [\"$second\"]"

for bad in late lates latest~x '#x' 12345 at:soon before: jobs:x 'latest,latest' 'latest,' \
    0123456789abcdef0123456789abcdef0; do
    expect 2 "\"$bad\" does not parse" hf snapshots "$bad"
done
expect 7 "latest~9" hf snapshots latest~9
expect 7 "an id that is none" hf snapshots 000000000000
expect 7 "the number of an entry that is no snapshot" hf snapshots '#1'
says "names the nearest" 'the nearest one is #'
expect 7 "a time before the first point" hf snapshots at:2001-01-01
says "names the first point" "before the first point, #[0-9]+ ${first:0:8}"
expect 7 "a time in the future" hf snapshots at:2999-01-01T00:00:00Z
says "names the latest point" "in the future .*${third:0:8}"
for time in '2026-03-29 02:30' '2026-10-25 02:30'; do
    TZ=CET-1CEST,M3.5.0,M10.5.0/3 expect 2 "$time, which clocks did not show once" \
        hf snapshots "at:$time"
    says "names both moments" ": say ${time% *} 0[12]:30:00 .* or ${time% *} 0[23]:30:00 "
done
expect 7 "an unknown job" hf ls job:wbe
says "names the nearest" 'did you mean job:web\?'
expect 7 "a job and a host that never met" hf ls job:db,host:a

expect 0 "a resolution" hf ls "job:web,at:now"
says "says what was asked, found, how far, what is next, and the class" \
    "^asked for 20.*: #[0-9]+ ${second:0:8} of 20.*, .* before it; class fuzzy; there is no later"
expect 0 "and what comes next" hf ls "at:$between"
says "by number and time" "the next is #[0-9]+ ${second:0:8} of 20"
expect 0 "-q" hf -q ls latest
same "says nothing of it" "$(wc -c <err)" 0

hf forget -q "$second" >/dev/null
means latest~1 "$first"
run hf snapshots --json --all
json "--all lists forgotten ones too" \
    ".snapshots | map(select(.forgotten)) | map(.id) == [\"$second\"]"
run hf snapshots --all
prints "and marks them" "${second:0:8}.*forgotten"
expect 7 "a forgotten snapshot is not found" hf ls "$second"
says "but said to be forgotten" "was forgotten by entry [0-9]+"
says "and how to get it back" "undelete $second"

finish
