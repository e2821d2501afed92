#!/bin/bash
# test_check_record.sh - what a check found becomes evidence, and a part of the data is then what
# was verified longest ago.
. "$(dirname "$0")/lib.sh"
export HOLDFAST_REPOSITORY=$work/repo
hf init -q --segment-size 64K >/dev/null
mkdir src
for i in 1 2 3 4 5 6; do
    head -c 60000 /dev/urandom >src/$i
    snapshot >/dev/null
done
entries() { find repo/journal -type f | wc -l; }

before=$(entries)
expect 0 "a check" hf check --read-data --json
json "is no evidence" '.evidence == null'
same "nothing is written" "$(entries)" "$before"
expect 0 "a check of the structure, recorded" hf check --record --json
json "is evidence" ".evidence == $((before + 1)) and .ok"
expect 0 "and told as such" hf audit --type check
prints "without data" 'the check found nothing wrong, 0 B of data read  \('

# Whatever the seeds, each part takes what no earlier one took, until all was read.
segments=$(find repo/segments -type f | wc -l)
all=$(hf check --read-data --json | tail -n 1 | jq .bytes_read)
for i in $(seq "$segments"); do
    hf check --read-data=10% --record --json | tail -n 1 | jq .bytes_read
done >parts
run hf audit --type check --json
json "a part proves a segment or more" 'all(.entries[1:][];
    .text | test("of data read, [0-9]+ segments? proved whole"))'
same "one after the other they read everything once" "$(jq -s add parts)" "$all"
expect 0 "a part by size" hf check --read-data=1K --record
expect 0 "and all of it" hf check --read-data --record
run hf audit --type check
prints "is told" "of data read, $segments segments proved whole"

# Damage is evidence as well.
segment=$(ls -S repo/segments | head -n 1)
flip "repo/segments/$segment" 20000
expect 4 "damage" hf check --read-data --record --json
json "is recorded" ".exit == 4 and .evidence == $(entries)"
run hf audit --type check
found="the check FOUND DAMAGE in [0-9]+ places?, .* $((segments - 1)) segments proved whole, "
prints "with what is damaged" "$found[0-9]+ mismatch(es)?, the first: segments/$segment"

# A damaged journal takes no entries.
before=$(entries)
flip repo/journal/000000000003 100
rm -rf home/.cache
expect 4 "a damaged journal" hf check --record
says "takes no evidence, and that is said" 'the result was not recorded: a damaged journal takes'
same "nothing is written to it" "$(entries)" "$before"

# A job's check moves on by itself.
chmod -R u+w repo home && rm -rf repo home/.cache home/.local
hf init -q >/dev/null
cat >conf <<END
[job web]
repository = $work/repo
key_file = $key
paths = $work/src
check = 50%
END
expect 0 "a job that checks" "$HOLDFAST" --config conf run web
expect 0 "leaves evidence" hf audit --type check --json
json "of what it read" '(.entries | length) == 1 and (.entries[0].text | test("of data read"))'
finish
