#!/bin/bash
# test_audit.sh - the journal as a log; and whoever alters, replays or makes up an entry of it is
# found out.
forge=$(cd "$(dirname "$0")" && pwd)/forge.py
. "$(dirname "$0")/lib.sh"
new_repository
mkdir src
echo 1 >src/a
first=$(snapshot src --job web --host db-07)
echo 2 >src/b
snapshot src --job mail >/dev/null
hf tag "$first" --add red >/dev/null
hf forget "$first" >/dev/null
hf undelete "$first" >/dev/null
hf forget job:mail >/dev/null
hf prune --now -q
hf key recovery-sheet >sheet
hf key remove recovery-1 2>/dev/null
hf -q signoff owner --comment $'all is\e[31m well'
hf -q check --read-data --record >/dev/null
journal=repo/journal

expect 0 "the whole log" hf audit
same "has a line for each entry" "$(wc -l <out)" "$(find $journal -type f | wc -l)"
prints "the first is that it was made" \
    '^ 1  [0-9]{4}-[0-9-]+ [0-9:]+ \+00:00  init      the repository was made'
prints "a snapshot" "  commit    snapshot ${first:0:8} of $work/src of job web on host db-07: 1 f\
ile, 2 B; [0-9]+ B stored  \([^ ]+@db-07\)$"
prints "tags" "  tag       snapshot ${first:0:8} has the tag red$"
prints "what was forgotten" "  forget    forgot 1 snapshot: ${first:0:8} of job web$"
prints "and brought back" "  undelete  brought back 1 snapshot: ${first:0:8} of job web$"
prints "what was pruned" '  condemn   condemned [0-9]+ segments? \([0-9.]+ [KMi]*B\)'
prints "a key that was added" '  key       added the recovery sheet recovery-1  \(key first\)$'
prints "and removed" '  key       removed the recovery sheet recovery-1  \(key first\)$'
prints "who signed off, without what upsets terminals" \
    '  signoff   signed off as owner: all is\\x1b\[31m well  \([^ ]+@[^ ]+, key first\)$'
prints "what a check found" \
    '  check     the check found nothing wrong, [0-9.]+ [KMi]*B of data read, [0-9]+ segments? pro'

# shown NAME COUNT OPTION...: how many entries are shown with these options.
shown() {
    run hf audit --json "${@:3}"
    json "$1" "(.entries | length) == $2 and .verified == null and .damage == []"
}
all=$(find $journal -type f | wc -l)
shown "all of them" "$all"
shown "since the future" 0 --since +1h
shown "until the past" 0 --until -1h
shown "since the past" "$all" --since -1h --until +1h
shown "one type" 2 --type commit
shown "several types" 4 --type commit,key
shown "one job" 4 --job web
shown "one job and type" 1 --job web --type forget
fourth=$(jq -r '.entries[0].time' <<<"$(hf audit --json --type tag)")
shown "a moment" 1 --since "$fourth" --until "$fourth"
expect 2 "a type that is none" hf audit --type forgett
says "names the nearest" 'did you mean "forget"'
expect 2 "a time that is none" hf audit --since soon
expect 2 "a time that is none, as JSON" hf audit --json --until soon
error_json "is told as well" '.code == "usage" and (.message | contains("--until"))'
expect 2 "since after until" hf audit --since now --until -1h

expect 0 "all of it is proved" hf audit --verify
prints "and that is said" "^verified: $all entries, each whole, in its place and signed$"
expect 0 "proved, while little is shown" hf audit --verify --type init --json
json "as JSON" ".verified == true and (.entries | length) == 1 and .journal_entries == $all
    and .damage_count == 0"
before=$(cd repo && find . -type f -printf '%P %s %T@ %C@\n' | sort)
hf audit --verify >/dev/null
same "nothing was written" "$(cd repo && find . -type f -printf '%P %s %T@ %C@\n' | sort)" "$before"

# number TYPE: of the only entry of that type.
number() {
    hf audit --json --type "$1" | jq -r '.entries[-1].number'
}
signoff=$(printf %012d "$(number signoff)")
check=$(printf %012d "$(number check)")
last=$(printf %012d "$all")
next=$(printf %012d $((all + 1)))
original=$work/repo

printf '[policy]\nname = p\n[gate owner]\ntype = signoff\nrole = owner\nmax_age = 1d\n' >p.ini
expect 0 "evidence that is whole counts" hf ready --policy p.ini
# counts: the same of the copy, once its signature was tampered with.
counts() {
    run hf -r copy --json ready --policy p.ini
    jq -e '.ready == true or .gates[0].state == "pass"' out >/dev/null || [ "$status" -eq 0 ]
}

# forged NAME NUMBER REGEX COMMAND...: in a copy of the repository; both a client that knows the
# journal of before and one that never saw it name the entry and what is wrong with it, and whatever
# else it shows, nobody signed.
forged() {
    local name=$1 entry=$((10#$2)) why=$3
    shift 3
    chmod -R u+w copy 2>/dev/null
    rm -rf copy
    cp -a "$original" copy
    hf -r copy -q snapshots >/dev/null
    (cd copy/journal && "$@")
    for client in "that knows it" "that never saw it"; do
        [ "$client" = "that knows it" ] || rm -rf home/.cache home/.local
        expect 4 "$name, for a client $client" hf -r copy audit --verify --json
        json "is named" "any(.damage[]; .number == $entry and (.message | test(\"$why\")))
            and .verified == false and all(.entries[]; .number != $entry or .damaged)"
        error_json "and the end says so" '.code == "damaged"'
        [ "$entry" -ne $((10#$signoff)) ] || check "and counts for nothing" not counts
    done
}
not() { ! "$@"; }
flip_byte() { flip "$1" 100; }
forged "a byte flipped" "$signoff" "" flip_byte "$signoff"
forged "an altered event" "$signoff" "signature does not hold" "$forge" alter "$signoff"
forged "an unsigned event" "$signoff" "signature does not hold" "$forge" unsign "$signoff"
forged "an event of another time" "$signoff" "signature does not hold" "$forge" restamp "$signoff"
forged "an event in another entry" "$check" "signature does not hold" \
    "$forge" transplant "$signoff" "$check"
forged "an event under another number" "$signoff" "it says that it is entry $((10#$check))" \
    cp -f "$check" "$signoff"
forged "an event once more at the end" "$next" "it says that it is entry $((10#$signoff))" \
    cp "$signoff" "$next"
forged "an event once more, linked" "$next" "signature does not hold" \
    "$forge" replay "$signoff" "$next" "$last"
forged "a missing event" "$signoff" "it is missing, though the journal has reached" \
    rm -f "$signoff"
forged "two altered entries" "$check" "signature does not hold" \
    sh -c "'$forge' alter $signoff; '$forge' alter $check"
json "both are named" "[.damage[].number] == [$((10#$signoff)), $((10#$check))]"
expect 4 "without --verify" hf -r copy audit
says "what is wrong is said as well" "journal entry $((10#$signoff))"

# What is published afterwards is part of it.
rm -rf home/.cache home/.local
for i in $(seq 1 3); do
    hf tag "$first" --set "tag-$i" >/dev/null
done
expect 0 "an entry more is one more" hf audit --verify --json
json "counted" ".verified and .journal_entries == $((all + 3))"
run hf audit --since -1h --type tag
prints "the newest tags" 'has the tag tag-3$'
finish
