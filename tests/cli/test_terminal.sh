#!/bin/bash
# test_terminal.sh - on a terminal there is progress and colour, elsewhere and where unwanted none.
. "$(dirname "$0")/lib.sh"
new_repository
mkdir src

# on_terminal COMMAND: runs it on a pseudo terminal; what that shows goes to out.
on_terminal() {
    script -qec "$1" /dev/null >out 2>err </dev/null
    status=$?
}
escape=$(printf '\033')
slow="(for i in 1 2 3 4 5 6; do head -c 200000 /dev/urandom; sleep 0.15; done)"
backup="$HOLDFAST --key-file $key backup --stdin --stdin-name s"

TERM=xterm on_terminal "$slow | $backup"
same "a backup on a terminal" "$status" 0
prints "shows files, bytes and rate on a line that is rewritten" \
    "$(printf '\r')$escape\\[K.*[0-9]+ files, [0-9.]+ [KM]iB, [0-9.]+ [KM]iB/s  /s"
same "and clears it before the result" "$(tail -n 3 out | grep -c "^.*$escape\\[Ksnapshot ")" 1
lines=$(tr '\r' '\n' <out | grep -c 'iB/s')
check "at most ten times a second" test "$lines" -ge 1 -a "$lines" -le 12
TERM=dumb on_terminal "$slow | $backup"
same "a dumb terminal shows none" "$(grep -c 'iB/s' out)" 0
TERM=xterm on_terminal "$slow | $backup --no-progress"
same "nor does --no-progress" "$(grep -c 'iB/s' out)" 0
TERM=xterm on_terminal "$slow | $backup -q"
same "nor -q" "$(grep -c 'iB/s' out)" 0
TERM=xterm on_terminal "stty cols 40; $slow | $backup"
long=$(tr '\r' '\n' <out | grep 'iB/s' | sed "s/$escape\\[K//" | awk 'length > 39' | wc -l)
same "a narrow terminal is not overrun" "$long" 0
bash -c "$slow" | hf backup --stdin --stdin-name s >out 2>err
same "and without a terminal there is none" "$(grep -c 'iB/s' err)" 0

TERM=xterm on_terminal "$HOLDFAST bakup"
prints "an error is coloured on a terminal" "$escape\\[1;31mholdfast:$escape\\[0m could not"
TERM=xterm NO_COLOR=1 on_terminal "$HOLDFAST bakup"
same "but not under NO_COLOR" "$(grep -c "$escape" out)" 0
TERM=dumb on_terminal "$HOLDFAST bakup"
same "nor on a dumb one" "$(grep -c "$escape" out)" 0
TERM=xterm run "$HOLDFAST" bakup
same "nor elsewhere" "$(grep -c "$escape" err)" 0
touch "$(printf 'src/\033[31mred')"
snapshot >/dev/null
run hf ls latest "$work/src"
same "names can't speak to the terminal" "$(grep -c "$escape" out)" 0
prints "they are escaped" '/src/\\x1b\[31mred$'

finish
