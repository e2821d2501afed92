#!/bin/bash
# test_gaps.sh - a gap is seen in the timeline, and no time inside it means a point.
project=$(cd "$(dirname "$0")/../.." && pwd)
. "$(dirname "$0")/lib.sh"
gaps=${BUILD:-$(dirname "${HOLDFAST:?}")}/holdfast-gaps
gaps=$(realpath "$gaps")
new_repository
mkdir src
gap() { "$gaps" "$HOLDFAST_REPOSITORY" "$key" "$@"; }
now() {
    sleep 0.02
    date -u +%Y-%m-%dT%H:%M:%S.%NZ
    sleep 0.02
}
number() { hf snapshots "$1" --json | jq '.snapshots[0].number'; }
made() { # one more point of web on host a
    echo more >>src/f
    snapshot src --job web --host a
}

other=$(snapshot src --job db --host a)
first=$(made)
begin=$(now)
id=$(gap open web a 1 "$begin")
inside=$(now)
expect 0 "an open gap" hf snapshots --json
json "is in the timeline" ".gaps == [{number: 4, job: \"web\", host: \"a\", begin: \"$begin\",
    end: null, reason: \"overflow\"}]"
check "as its schema says" \
    python3 "$project/tests/cli/schema.py" "$project/docs/schema/snapshots.json" out
expect 0 "for people" hf snapshots
prints "it is a line without id" \
    '^ +4  -  +20[0-9-]+ [0-9:]+ \+00:00 .* web  a .* gap open overflow'
half=$(made)
run hf snapshots --json
json "what is made inside it is not complete" "[.snapshots[] | select(.complete | not) | .id] ==
    [\"$half\"]"
run hf snapshots
prints "which is noted" "${half:0:8}.* incomplete "
same "the gap stands before it" \
    "$(grep -oE 'gap open|incomplete' out | tr '\n' ' ')" "gap open incomplete "

for ask in "job:web,at:$inside" "job:web,before:$inside" "at:$inside" "host:a,at:now"; do
    expect 7 "a time inside it: $ask" hf ls "$ask"
    says "is said to be that" \
        'is inside a gap of job "web" on host "a" \(overflow\), from .* not over'
    says "with the point before" "; before it is #$(number "$first") ${first:0:8} of 20"
done
expect 7 "--at as well" hf restore --job web --at "$inside" -t out1
check "nothing is restored" test ! -e out1
expect 0 "latest is not affected" hf ls job:web,latest
says "though it is said to be incomplete" 'this point was made inside a gap'
expect 0 "nor an id" hf ls "$half"
expect 0 "nor a number" hf ls "#$(number "$half")"
expect 0 "nor the moment at which it began" hf ls "job:web,at:$begin"
says "which is answered by the point before" "#[0-9]+ ${first:0:8} of"
expect 0 "nor another job" hf ls "job:db,at:$inside"
says "whose own point it is" "#[0-9]+ ${other:0:8} of"

scan=$(now)
last=$(gap commit web a "$scan")
end=$(hf snapshots "$last" --json | jq -r '.snapshots[0].end')
run hf snapshots --json
json "a whole scan closes it at its end" ".gaps[0].end == \"$end\" and .snapshots[-1].complete"
expect 7 "a time inside it means no point still" hf ls "job:web,at:$inside"
says "with the points before and after" \
    "before it is #[0-9]+ ${first:0:8} of .*, after it is #[0-9]+ ${last:0:8} of"
says "and how to name them" "name one of them: \"#$(number "$first")\" or \"#$(number "$last")\""
expect 0 "its end means what closed it" hf ls "job:web,at:$end"
says "the new point" "#[0-9]+ ${last:0:8} of"
expect 0 "and so does now" hf ls "job:web,at:now"
run hf snapshots "$last" --json
json "a list that begins later does not have it" ".gaps == []"
run hf snapshots job:db --json
json "nor one of another job" ".gaps == []"
run hf snapshots --json
check "the document is what its schema says" \
    python3 "$project/tests/cli/schema.py" "$project/docs/schema/snapshots.json" out
expect 0 "the graph" hf snapshots --graph
prints "has a word for it" '^~ a gap: changes may have been missed$'

expect 0 "a closed gap can't be closed again" gap close "$id" now
run hf snapshots --json
json "nor moved" ".gaps[0].end == \"$end\""
second=$(gap open web a 3 "$(now)")
expect 0 "one that no scan can end" gap close "$second" "$(now)"
run hf snapshots --json
json "is closed by an event" '.gaps[1].end > .gaps[1].begin and .gaps[1].reason == "mount-change"'

opened=$(printf '%012d' "$(hf snapshots --json | jq '.gaps[1].number')")
expect 0 "debug dump of the event" hf debug dump "$HOLDFAST_REPOSITORY/journal/$opened"
prints "says what it is" '\(GAP\)'
prints "and what it opens" 'gap that begins.*3 \(mount-change\)'
closed=$(printf '%012d' $((10#$opened + 1)))
expect 0 "of its end" hf debug dump "$HOLDFAST_REPOSITORY/journal/$closed"
prints "names the gap" "gap that ends.*$second"
expect 0 "the repository is clean" hf check
hf cache clear >/dev/null 2>&1
run hf snapshots --json
json "and the gaps are there without a cache" '.gaps | length == 2'

finish
