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
long=$(tr '\r' '\n' <out | grep 'iB/s' | sed "s/$escape\\[?*[0-9]*[Klh]//g" |
    awk 'length > 39' | wc -l)
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

# What the commands that look after jobs say: the same everywhere, but for colour, bars and width.
cat >jobs.conf <<END
[defaults]
repository = $HOLDFAST_REPOSITORY
key_file = $key
schedule = daily
[job site]
paths = $work/src
drill = sample
[job never-run]
paths = $work/src
[job lost]
paths = $work/nothing
END
chmod 600 jobs.conf
export HOLDFAST_CONFIG=$work/jobs.conf
printf '[policy]\nname = p\n[gate fresh]\ntype = newest_point\nmax_age = 1h\n' >policy.ini
for size in 1 2000 90000; do
    head -c $size /dev/urandom >src/data
    check "a job runs" "$HOLDFAST" -q run site
done
# look: each of the commands, whatever it ends with.
look() {
    local command
    for command in status doctor audit "ready --policy $work/policy.ini" "drill history" \
        "drill full job:site" snapshots "snapshots --graph" "forget -n --keep-last 1" "prune -n" \
        "help drill" "check"; do
        echo "$HOLDFAST --key-file $key $command;"
    done
}
TERM=xterm LC_ALL=C.UTF-8 on_terminal "$(look)"
same "a terminal shows colours" "$(grep -c "$escape\\[[0-9;]*m *ok$escape\\[" out |
    sed 's/^[1-9][0-9]*/some/')" some
if LC_ALL=C.UTF-8 grep -qP '[▁-█]' out; then ok "and bars"; else not_ok "and bars"; fi
for setting in TERM=dumb "TERM=xterm NO_COLOR=1"; do
    # shellcheck disable=SC2086
    LC_ALL=C.UTF-8 run env $setting script -qec "$(look)" /dev/null
    same "under $setting there are no colours" "$(grep -c "$escape\\[[0-9;]*m" out)" 0
done
TERM=xterm LANG=C LC_ALL='' on_terminal "$(look)"
same "under LANG=C there is nothing but ASCII" "$(LC_ALL=C grep -c '[^ -~[:cntrl:]]' out)" 0
TERM=xterm LC_ALL=C.UTF-8 run bash -c "($(look)) 2>&1 | cat"
same "a pipe sees no escapes" "$(grep -c "$escape" out)" 0
check "but the same words" grep -q '^never-run  *stale ' out

# Cron gives no terminal, no session, and next to no environment. It mails whatever is said.
from_cron() {
    run setsid -w env -i HOME="$HOME" LOGNAME=root PATH=/usr/bin:/bin SHELL=/bin/sh \
        HOLDFAST_CONFIG="$HOLDFAST_CONFIG" /bin/sh -c "$1"
}
from_cron "$HOLDFAST -q run site"
same "a good run from cron says nothing" "$status:$(cat out err)" 0:
from_cron "$HOLDFAST -q run lost"
check "a bad one says so in its exit code" test "$status" -ne 0
says "and in words that can be mailed" "^holdfast: could not .*$work/nothing"
same "with nothing in them that a terminal alone can show" \
    "$(LC_ALL=C grep -c '[^ -~]' out err | tr '\n' ' ')" "out:0 err:0 "
from_cron "$HOLDFAST snapshots --repo $HOLDFAST_REPOSITORY"
same "nobody is asked for a password" "$status" 12

if ! command -v tmux >/dev/null; then
    echo "tmux is not installed, so nobody looks at progress in it" >&2
    echo "ok - progress in tmux # SKIP tmux is not installed"
    finish
fi
# In tmux, which breaks lines anew when a window is resized: nothing of the progress is left over.
mux() { env -u TMUX tmux -S "$work/tmux" -f /dev/null "$@"; }
screen() { mux capture-pane -p -t progress | grep -v '^$'; }
slower="for i in \$(seq 15); do head -c 2000000 /dev/urandom; sleep 0.1; done"
long="s/$(printf '%060d' 0)/$(printf '%090d' 0)"

# in_tmux COLUMNS ROWS NEW_COLUMNS NEW_ROWS: what is on the screen in the middle, after it was
# resized, and at the end, in the files middle, resized and end.
in_tmux() {
    mux new-session -d -s progress -x "$1" -y "$2" "bash --norc --noprofile -c '
        echo before; ($slower) | $HOLDFAST --key-file $key backup --stdin --stdin-name $long
        echo after; touch $work/ended; read -r'" || return 1
    rm -f ended
    for _ in $(seq 100); do
        screen >middle
        ! grep -q 'iB/s' middle || break
        sleep 0.05
    done
    mux resize-window -t progress -x "$3" -y "$4"
    sleep 0.8
    screen >resized
    for _ in $(seq 400); do
        [ ! -e ended ] || break
        sleep 0.05
    done
    sleep 0.2
    screen >end
    mux kill-server
}
# one_line NAME FILE COLUMNS: there is at most what was before (a window that gets narrower may
# scroll), and one line of progress that fits.
one_line() {
    if [ "$(sed '$d' "$2" | grep -vc '^before$')" -eq 0 ] &&
        tail -n 1 "$2" | grep -qE '[0-9] files, .*iB/s' &&
        [ "$(tail -n 1 "$2" | wc -m)" -le "$3" ]; then
        ok "$1"
    else
        not_ok "$1" "$(cat "$2")"
    fi
}
for sizes in "80 24 50 24" "200 50 80 24" "80 24 200 50"; do
    read -r columns rows new_columns new_rows <<<"$sizes"
    # shellcheck disable=SC2086
    check "a backup in tmux ($sizes)" in_tmux $sizes
    one_line "shows one line in $columns columns" middle "$columns"
    one_line "one as well after the change to $new_columns" resized "$new_columns"
    same "and none at the end" "$(grep -c 'files, .*iB/s' end; tail -n 1 end)" \
        "$(printf '0\nafter')"
    check "but the summary" grep -q '^snapshot ' end
done

# Tables fit into the window, whatever its size.
for sizes in "80 24" "200 50"; do
    read -r columns rows <<<"$sizes"
    mux new-session -d -s progress -x "$columns" -y "$rows" "bash --norc --noprofile -c '
        $HOLDFAST status; $HOLDFAST --key-file $key snapshots --path $work/src; read -r'"
    for _ in $(seq 100); do
        screen >table
        [ "$(grep -c ' site ' table)" -lt 3 ] || break
        sleep 0.05
    done
    mux kill-server
    same "each job and each point is one line in $columns columns" \
        "$(grep -cE '^(site|never-run|lost) ' table) $(grep -cE '^ *[0-9]+  [0-9a-f]{8} ' table)" \
        "3 $("$HOLDFAST" --key-file "$key" snapshots --json --path "$work/src" |
            jq '.snapshots | length')"
done

finish
