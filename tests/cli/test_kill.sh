#!/bin/bash
# test_kill.sh - backups are killed at random moments, again and again: what was acknowledged
# restores bit for bit, what was not is wholly there or not at all, and everything goes on.
#
# HOLDFAST_KILL_ROUNDS=N: so many rounds instead of 20. HOLDFAST_KILL_SEED=N: the same changes of
# the source again; the moments of the kills are as good as the clock.
rounds=${HOLDFAST_KILL_ROUNDS:-20}
seed=${HOLDFAST_KILL_SEED:-$(od -An -N2 -tu2 /dev/urandom | tr -d ' ')}
. "$(dirname "$0")/lib.sh"

# A leak checker that is killed at its work says so, and that is no failure.
export ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}detect_leaks=0
RANDOM=$seed
export HOLDFAST_REPOSITORY=$work/repo
hf init -q --segment-size 256K >/dev/null || { echo "not ok - init"; exit 1; }
mkdir src0 src1 kept
names=(a b c d e f "g h" $'i\nj' $'k\xff' lmnop)
killed=0 finished=0 unnoticed=0

# content BYTES: as many, the same for the same state of RANDOM.
content() {
    awk -v s="$RANDOM" -v n="$1" \
        'BEGIN { srand(s); for (; n > 3; n -= 4) printf "%04x", rand() * 65536 }'
}

# change DIR: a few small changes of the tree.
change() {
    local i path other
    for ((i = RANDOM % 6; i >= 0; i--)); do
        path=$1/${names[RANDOM % 4]}
        other=$path/${names[RANDOM % ${#names[@]}]}
        mkdir -p "$path"
        case $((RANDOM % 9)) in
        0 | 1 | 2) rm -rf "$other" && content $((RANDOM * 8)) >"$other" ;;
        3) rm -rf "$other" && mkdir -p "$other/sub" && content $((RANDOM % 300)) >"$other/sub/x" ;;
        4) rm -rf "$other" && ln -s "target $RANDOM" "$other" ;;
        5) [ -d "$other" ] || content $((RANDOM % 9000)) >>"$other" ;;
        6) rm -rf "$other" ;;
        7) rm -rf "$1/moved" && mv "$path" "$1/moved" && mkdir -p "$path" ;;
        8) chmod $((RANDOM % 8 ? 755 : 700)) "$path" && touch -d @$((RANDOM * 40000)) "$path" ;;
        esac
    done
}

# start DIR JOB NAME: begins a backup, of which kept/NAME is a copy, in the background.
start() {
    "$HOLDFAST" --key-file "$key" -q backup "$1" --job "$2" --tag "$3" >"$3.out" 2>"$3.err" \
        </dev/null &
}

# end PID NAME: what became of that backup; an id, if it was acknowledged, stands in NAME.id.
end() {
    local status
    { wait "$1"; } 2>/dev/null
    status=$?
    rm -f "$2.id"
    case $status in
    0)
        finished=$((finished + 1))
        cp "$2.out" "$2.id"
        ;;
    137) killed=$((killed + 1)) ;;
    *)
        cp "$2.err" err
        not_ok "round $round: a backup beside one that is killed" "exit code $status"
        ;;
    esac
}

# pause UP_TO: sleeps for a random part of so many microseconds.
pause() {
    sleep "$(printf '0.%06d' $(((RANDOM * 32768 + RANDOM) % ($1 + 1))))"
}

now_us() { echo "${EPOCHREALTIME/./}"; }

echo "# seed $seed, $rounds rounds"
change src0
change src1
cp -a src0 kept/first
begin=$(now_us)
start "$work/src0" a first
end $! first
usual=$(($(now_us) - begin))
[ "$usual" -lt 150000 ] || usual=150000

one_round() {
    local one two=
    change src0
    change src1
    cp -a src0 "kept/r$round-a"
    cp -a src1 "kept/r$round-b"
    cp -a src1 "kept/r$round-c"
    # Two at once in every third round, both killed, one after the other.
    start "$work/src0" a "r$round-a"
    one=$!
    if ((round % 3 == 0)); then
        start "$work/src1" b "r$round-b"
        two=$!
    fi
    pause "$usual"
    kill -9 "$one"
    if [ -n "$two" ]; then
        pause $((usual / 2))
        kill -9 "$two"
        end "$two" "r$round-b"
    fi
    end "$one" "r$round-a"
    # Caches may be lost as well.
    ((round % 5 != 0)) || rm -rf home/.cache
    run hf check --read-data
    [ "$status" -eq 0 ] || not_ok "round $round: check --read-data" "exit code $status"
    begin=$(now_us)
    start "$work/src1" b "r$round-c"
    end $! "r$round-c"
    usual=$(((usual + $(now_us) - begin) / 2))
    [ -s "r$round-c.id" ] || not_ok "round $round: the next backup succeeds"
}

# The shell tells of each process that was killed.
for ((round = 1; round <= rounds; round++)); do
    one_round
done 2> >(grep -vE 'Killed|No such process' >&2)
[ "$failures" -ne 0 ] || ok "each round: check --read-data finds nothing, the next backup succeeds"

# Whose snapshot is it? Its tag says so. What nobody acknowledged may be there, wholly.
expect 0 "snapshots" hf snapshots --json
jq -r '.snapshots[] | .id + " " + .tags[0]' out >listed
for name in kept/*; do
    name=${name#kept/}
    id=$(sed -n "s/ $name\$//p" listed)
    if [ -s "$name.id" ] && [ "$id" != "$(cat "$name.id")" ]; then
        not_ok "the acknowledged snapshot $name is listed" "its id is $(cat "$name.id")"
    fi
    [ -n "$id" ] || continue # nobody was told that it is there, and it is not
    [ -s "$name.id" ] || unnoticed=$((unnoticed + 1))
    rm -rf back
    run hf restore "$id" -t back
    [ "$status" -eq 0 ] || not_ok "restore of $name" "exit code $status"
    if [ "$(tree "back$work"/src?)" != "$(tree "kept/$name")" ]; then
        not_ok "what is restored of $name is what was backed up" \
            "$(diff <(tree "back$work"/src?) <(tree "kept/$name") | head -n 5)"
    fi
done
echo "# $finished finished, $killed killed, $unnoticed of these published all the same"
[ "$failures" -ne 0 ] ||
    ok "what was acknowledged is listed, and every snapshot restores bit for bit"
check "some of the backups were killed" test "$killed" -gt 0
expect 0 "check --read-data" hf check --read-data
expect 0 "one more backup" hf backup src0 --job a

finish
