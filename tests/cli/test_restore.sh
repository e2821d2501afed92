#!/bin/bash
# test_restore.sh - what is restored is what was backed up, where and as of when it was asked for.
. "$(dirname "$0")/lib.sh"
new_repository

mkdir -p src/sub/empty
echo one >src/a
echo two >src/sub/b
: >src/nothing
ln src/a src/hard
ln -s a src/link
ln -s /nonexistent src/dangling
mkfifo src/fifo
truncate -s 5M src/sparse
head -c 700000 /dev/urandom >src/big
printf 'x' >"src/$(printf 'bad\xff\nname')"
printf 'x' >"src/$(printf '%0255d' 0)"
chmod 4711 src/a
chmod 1777 src/sub
touch -d '1969-07-20 20:17:40.123456789' src/sub/b
touch -d '2200-01-01' src/sub/empty
first=$(snapshot src --tag one)
tree src >truth1
sleep 0.01
between=$(date +'%Y-%m-%d %H:%M:%S.%N')
sleep 0.01
echo changed >>src/a
rm src/fifo
echo new >src/sub/new
second=$(snapshot src --tag two)
tree src >truth2

# restored NAME DIR TRUTH: what lies below DIR at the place of src is the truth.
restored() {
    if tree "$2$work/src" >tree 2>&1 && cmp -s tree "$3"; then ok "$1"; else not_ok "$1" \
        "$(diff tree "$3" | head -5)"; fi
}

expect 0 "restore" hf restore -t out1
restored "brings everything back" out1 truth2
says "says what it found" "^asked for latest: #[0-9]+ ${second:0:8}"
prints "and what it did" '^restored [0-9]+ files and [0-9]+ folders'
expect 0 "restore --json" hf restore --json -t out2
json "has all keys of the contract" \
    ".schema == \"holdfast/restore/1\" and .type == \"summary\" and .exit == 0
    and .snapshot_id == \"$second\" and .files == 9 and .dirs > 3 and .bytes_written > 700000
    and .bytes_verified >= .bytes_written - 5242880
    and .skipped == 0 and .deleted == 0 and .losses == [] and .errors == 0
    and .duration_seconds > 0 and .first_byte_seconds > 0"
json "and the resolution" '.resolved | .asked == "latest" and (.found | length == 30) and
    .distance_seconds == null and .next == null and .class == "fuzzy"'
expect 0 "the same again" hf restore --json -t out2
json "writes nothing" '.bytes_written == 0 and .skipped > 0'

expect 0 "restore --at" hf restore --at "$between" -t out3 --json
json "is the point before that moment" \
    ".snapshot_id == \"$first\" and (.resolved | .distance_seconds > 0
    and .distance_seconds < 60 and .next != null and .asked > .found)"
restored "with what was there then" out3 truth1
expect 0 "at: says the same" hf restore "at:$between" -t out3 --json
json "as a selector" ".snapshot_id == \"$first\" and .bytes_written == 0"
expect 2 "--at and another position" hf restore latest --at "$between" -t out3
expect 0 "--at and a filter" hf restore tag:two --at now -t out3b --json
json "go together" ".snapshot_id == \"$second\""
expect 7 "--at before the first point" hf restore --at 2001-01-01 -t x
says "names the nearest" "the nearest one is #"
expect 7 "--at in the future" hf restore --at 2999-01-01 -t x
expect 2 "--at of no time" hf restore --at soon -t x
for how in "$first" "${first:0:8}" "tag:one" "--tag one" latest~1 "#2"; do
    # shellcheck disable=SC2086
    expect 0 "restore $how" hf restore $how -t out4 --json
    json "is the first one" ".snapshot_id == \"$first\""
done
check "errors made no target" test ! -e x

expect 2 "no target" hf restore
says "says so" 'use --target DIR'
expect 2 "two selectors" hf restore latest latest~1 -t x
: >file
expect 1 "a target that is a file" hf restore -t file
expect 2 "--delete with -t /" hf restore -t / --delete
says "needs a yes" 'add --yes'

expect 0 "--include of a path" hf restore -t out5 --include "$work/src/sub"
check "restores it" cmp "out5$work/src/sub/b" src/sub/b
check "and not the rest" test ! -e "out5$work/src/a"
expect 0 "--include of a pattern" hf restore -t out6 --include 'noth*' --include b
check "restores what matches" test "$(find out6 -type f | wc -l)" -eq 2
expect 1 "--include of nothing" hf restore -t out7 --include "$work/src/bug"
says "names the nearest" "$work/src/big"
expect 0 "--exclude" hf restore -t out8 --exclude sub -e 'big'
check "leaves it out" bash -c \
    "test ! -e out8$work/src/sub && test ! -e out8$work/src/big && test -e out8$work/src/a"
expect 0 "--strip-components" hf restore -t out9 --strip-components \
    "$(tr -cd / <<<"$work/src" | wc -c)"
check "leaves the first folders out" cmp out9/a src/a

echo mine >"out1$work/src/a"
echo extra >"out1$work/src/extra"
expect 0 "--overwrite never" hf restore -t out1 --overwrite never
same "leaves files alone" "$(cat "out1$work/src/a")" mine
expect 0 "if-changed" hf restore -t out1
check "replaces what differs" cmp "out1$work/src/a" src/a
check "and leaves the rest" test -e "out1$work/src/extra"
printf 'NEW\n' | dd of="out1$work/src/sub/new" conv=notrunc status=none
touch -r src/sub/new "out1$work/src/sub/new"
expect 0 "always" hf restore -t out1 --overwrite always
check "compares content" cmp "out1$work/src/sub/new" src/sub/new
expect 2 "--overwrite of something else" hf restore -t out1 --overwrite sometimes
expect 0 "--delete -n" hf restore -t out1 --delete -n
prints "names what would go" "deleted +.*/src/extra"
check "and leaves it" test -e "out1$work/src/extra"
expect 0 "--delete" hf restore -t out1 --delete --json
json "counts what went" '.deleted == 1'
restored "and leaves the snapshot" out1 truth2
expect 0 "-n" hf restore -t out10 -n --json
json "says what would be done" '.files == 9'
check "and makes nothing" test ! -e out10
same "nor leaves anything behind" "$(ls "$TMPDIR")" ""
expect 0 "--verify" hf restore -t out11 --verify
restored "reads back what is right" out11 truth2
expect 0 "a stand-alone restore of one that was changed" hf restore -t out11 -v
prints "-v says what happens to each" '^same +/'

mkdir victim
mkdir -p "out12$(dirname "$work")"
ln -s "$work/victim" "out12$work"
expect 0 "a planted symbolic link in the target" hf restore -t out12
check "is not followed" test -z "$(ls victim)"

# Damage costs what it is in, and nothing else.
segment=$(find repo/segments -size +500k)
flip "$segment" 300000
expect 4 "damage" hf restore "$second" -t out13 --json
json "is named in the losses" '.exit == 4 and .errors >= 1 and (.losses | length >= 1) and
    all(.losses[]; .path and .what and .why) and any(.losses[]; .path | endswith("/src/big"))'
error_json "and the end says so" '.code == "damaged" and .exit == 4'
check "what lies elsewhere is there" cmp "out13$work/src/sub/new" src/sub/new

# What only root may do is refused to others, and that is said.
if [ "$(id -u)" -eq 0 ]; then
    new_repository owned
    chown 12345:12345 src/a
    snapshot >/dev/null
    expect 3 "ownership that can't be restored" unprivileged "$HOLDFAST" --key-file "$key" \
        restore -t by-nobody --json
    json "is a loss with a name" '.exit == 3 and any(.losses[]; (.path | endswith("/src/a"))
        and .what == "ownership" and (.why | length > 0))'
    check "the content is there" test -s "by-nobody$work/src/sub/b"
    chown 0:0 src/a
    mkdir -p above
    mv src above/src
    chown 12345:12345 above
    snapshot above/src >/dev/null
    expect 0 "a folder above, which is another's" unprivileged "$HOLDFAST" --key-file "$key" \
        restore -t by-nobody2 --json
    json "is no loss" '.exit == 0 and .losses == []'
    check "the files are there" cmp above/src/sub/new "by-nobody2$work/above/src/sub/new"
    mv above/src src
fi

# What is not understood, or not there, is told so that the next try succeeds.
new_repository questions
for i in $(seq 40); do
    hf -q backup src/sub >>ids
done
digit=$(cut -c1 ids | sort | uniq -d | head -n 1)
expect 2 "an id of less than six digits" hf restore "$digit" -t x
expect 2 "a pattern that is none" hf restore -t x --include 'a[b'
says "is told with the position" "--include: .*position|character [0-9]+|'a\[b'"
expect 2 "an --exclude that is none" hf restore -t x --exclude 'a[b'
expect 1 "a path that is not in the snapshot" hf restore -t x --include "$work/src/sub/nev"
says "names the nearest one" "$work/src/sub/new"
expect 7 "an id that is none" hf restore ffffffffffff -t x

finish
