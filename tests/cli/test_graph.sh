#!/bin/bash
# test_graph.sh - the timeline for people: columns that fit the terminal, and the graph.
. "$(dirname "$0")/lib.sh"
new_repository
mkdir src
echo 1 >src/f

expect 0 "the graph of nothing" hf snapshots --graph
same "draws nothing" "$(wc -c <out)" 0
for job in web db web; do
    echo more >>src/f
    snapshot src --job $job --host a >/dev/null
done
expect 0 "snapshots" hf snapshots
prints "say how old each is and what it added" \
    '^number  id +time +age +job +host +class +files +size +added +note'
expect 0 "--graph" hf snapshots --graph
prints "has a head" '^from 20[0-9]+-[0-9-]+ [0-9:]+ .*points +newest +added$'
prints "a lane for each job and host" '^db/a   .*# +1 +[0-9]+ .*s +[0-9.]+ [KM]?i?B$'
prints "with all its points" '^web/a  .*# +2 '
same "of ASCII in a plain locale" "$(LC_ALL=C tr -d '\n -~' <out | wc -c)" 0
same "and 80 columns where there is no terminal" "$(awk 'length > 80' out | wc -l)" 0
TERM=xterm LC_ALL=C.UTF-8 run hf snapshots --graph
prints "of blocks in UTF-8" '█'
same "and without colour when it is not for a terminal" "$(grep -c "$(printf '\033')" out)" 0
TERM=dumb LC_ALL=C.UTF-8 run hf snapshots --graph
same "a dumb terminal gets ASCII" "$(LC_ALL=C tr -d '\n -~' <out | wc -c)" 0
expect 0 "filters choose" hf snapshots --graph --job db
same "the lanes" "$(grep -c '/a ' out)" 1
expect 2 "--graph is not for scripts" hf snapshots --graph --json
expect 7 "a position that is none" hf snapshots --graph latest~9

# on_terminal COLUMNS COMMAND...: on a pseudo terminal of that width; what that shows goes to out.
on_terminal() {
    local columns=$1
    shift
    script -qec "stty cols $columns rows 24; $HOLDFAST --key-file $key $*" /dev/null \
        2>err </dev/null | tr -d '\r' >out
}
escape=$(printf '\033')
TERM=xterm LC_ALL=C.UTF-8 on_terminal 100 snapshots --graph
prints "on a terminal there is colour" "$escape\\[36m"
lines=$(wc -l <out)
check "and more than a row for a lane" test "$lines" -gt 8 -a "$lines" -le 24
TERM=xterm NO_COLOR=1 LC_ALL=C.UTF-8 on_terminal 100 snapshots --graph
same "but none under NO_COLOR" "$(grep -c "$escape" out)" 0
same "as wide as the terminal" "$(LC_ALL=C.UTF-8 wc -L <out)" 100
for columns in 60 80 100; do
    TERM=xterm on_terminal $columns snapshots
    same "the list fits a terminal of $columns columns" "$(awk "length > $columns" out | wc -l)" 0
    prints "with what matters" '^number  id +time .*job'
done
TERM=xterm on_terminal 60 snapshots
same "at the cost of other columns" "$(grep -c 'paths' out)" 0

finish
