#!/bin/bash
# test_retention.sh - forgetting by a policy: what is kept and why, and what is refused.
. "$(dirname "$0")/lib.sh"
new_repository
mkdir src
echo 1 >src/f
for job in web db; do
    for i in 1 2 3; do
        declare "$job$i=$(snapshot src --job $job --tag "$job,t$i")"
    done
done

live() { hf snapshots --json | jq -r '.snapshots[].id' | tr '\n' ' '; }
all="$web1 $web2 $web3 $db1 $db2 $db3 "

expect 0 "a dry run" hf forget -n --keep-last 1 --keep-daily 1 --keep-tag t1
prints "names each group" "^job db, host .*, paths $work/src$"
prints "gives the reasons of what is kept" \
    "^keep +[0-9]+  ${db3:0:8}  20.* \+00:00  last, daily +db,t3$"
prints "a tag is one" "^keep +[0-9]+  ${db1:0:8}  20.*  tag t1 +db,t1$"
prints "what goes has none" "^forget +[0-9]+  ${db2:0:8}  20.*  none +db,t2$"
prints "counts of the group" '^keep 2, forget 1$'
prints "counts of all" '^would keep 4 and forget 2 snapshots$'
same "and forgets nothing" "$(live)" "$all"
expect 0 "as JSON" hf forget -n --keep-last 2 --json
json "has groups with reasons" '.schema == "holdfast/forget/1" and .dry_run and .number == null and
    .kept == 4 and .forgotten == 2 and (.groups | map(.job) == ["db", "web"]) and
    .groups[0].snapshots[0].reasons == [] and (.groups[0].snapshots[0].keep | not) and
    .groups[0].snapshots[2].reasons == ["last"]'
json "and the ids that would go" ".snapshots == [\"$db1\", \"$web1\"]"
expect 0 "the oldest is kept while a count is not reached" hf forget -n --keep-daily 2 --json
json "as such" '.groups[0].snapshots[0].reasons == ["oldest daily"]'
expect 0 "a distance" hf forget -n --keep-within 1h --keep-within-daily 1y6mo --json
json "keeps all that is younger" '.forgotten == 0 and
    .groups[0].snapshots[2].reasons == ["within 1h", "daily within 545d"]'
expect 0 "without grouping" hf forget -n --keep-last 1 --group-by none --json
json "there is one group" '.kept == 1 and (.groups | length == 1) and .groups[0].job == null and
    .groups[0].paths == null'
expect 0 "the empty word is the same" hf forget -n --keep-last 1 --group-by '' --json
json "one group" '.groups | length == 1'
expect 0 "grouping by tags" hf forget -n --keep-last 1 --group-by job,tags --json
json "six groups" '(.groups | length == 6) and .groups[0].tags == ["db", "t1"]'
expect 0 "filters choose what is judged" hf forget -n --keep-last 1 --job web --tag t1 --json
json "nothing else" ".groups | map(.snapshots[].id) == [\"$web1\"]"
expect 0 "so do selectors of filters" hf forget -n --keep-last 1 job:web tag:t1 --json
json "as a union" '[.groups[].snapshots[]] | length == 4'
for all_of_them in unlimited -1; do
    expect 0 "--keep-last $all_of_them" hf forget --keep-last "$all_of_them" --json
    json "keeps all, without an entry" '.forgotten == 0 and .number == null'
done
expect 0 "two tags that only one has together" hf forget -n --keep-tag db,t2 --group-by none --json
json "keep that one" '.kept == 1'

expect 2 "a policy without any keep option" hf forget --group-by host
says "is refused" 'a policy that keeps nothing'
expect 2 "one that keeps nothing" hf forget --keep-last 0 --keep-within 0
expect 2 "a group that would go as a whole" hf forget --keep-tag web
says "is named" "the policy keeps none of the 3 snapshots of job db, host"
says "and how to do it all the same" 'allow-empty'
expect 2 "in a dry run too" hf forget -n --keep-tag web
prints "after its table" '^would keep 3 and forget 3 snapshots$'
same "nothing is forgotten by any of that" "$(live)" "$all"
expect 2 "a position beside a policy" hf forget --keep-last 1 latest
expect 2 "a count that is none" hf forget --keep-daily -2
expect 2 "a duration that is none" hf forget --keep-within 1y7x
says "says where it goes wrong" 'from position 3 on \("7x"\)'
expect 2 "an unknown word" hf forget --keep-last 1 --group-by hosts
expect 2 "an empty tag" hf forget --keep-tag a,,b
expect 7 "filters that match nothing" hf forget --keep-last 1 --job wbe
says "name the nearest" 'did you mean job:web\?'

expect 0 "a policy" hf forget --keep-last 1 --keep-tag t2 --job db --json
json "is one entry" ".number == 8 and .snapshots == [\"$db1\"] and (.dry_run | not)"
same "and what it does not keep is gone" "$(live)" "$web1 $web2 $web3 $db2 $db3 "
expect 0 "again there is nothing to forget" hf forget --keep-last 1 --keep-tag t2 --job db
prints "and that is said" '^keep 2 snapshots; there is nothing to forget$'
expect 0 "--allow-empty" hf forget --keep-tag web --allow-empty
prints "lets a group go" '^kept 3 and forgot 2 snapshots by entry 9$'
same "as a whole" "$(live)" "$web1 $web2 $web3 "
expect 0 "it can be undone" hf undelete job:db
new_repository empty
expect 0 "a policy for an empty repository" hf forget --keep-last 3

finish
