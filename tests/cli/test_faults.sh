#!/bin/bash
# test_faults.sh - whatever fails beneath the real program, once or from then on: it ends, says why
# in one sentence, with the exit status of that cause; says 0 only if all was done; loses nothing.
#
# A shim (tests/tools/faultshim.c) makes the n-th allocation, of the program or of a library, or
# the n-th call of a kind fail. All that can fail makes one list: command, kind of call, error, once
# or from then on, and n. `make faults` runs all of it, in HOLDFAST_FAULTS_JOBS processes that share
# the list. Otherwise every HOLDFAST_FAULTS_IO-th is run, and of the allocations every
# HOLDFAST_FAULTS_ALLOC-th, but 16 times as many of those that are not OpenSSL's, which makes nearly
# all, and when it starts. HOLDFAST_FAULTS_ONLY=REGEX: those alone whose name matches, as in "backup
# write EIO once 3".
every_io=${HOLDFAST_FAULTS_IO:-67} every_alloc=${HOLDFAST_FAULTS_ALLOC:-2003}
only=${HOLDFAST_FAULTS_ONLY-} jobs=${HOLDFAST_FAULTS_JOBS:-1} job=${HOLDFAST_FAULTS_JOB-}
shim=${BUILD:-$(dirname "${HOLDFAST:?}")}/faultshim.so
shim=$(realpath "$shim")

# Each process is this script again, with a place of its own.
if [ -z "$job" ] && ((jobs > 1)); then
    logs=$(mktemp -d) pids=() status=0
    for ((job = 0; job < jobs; job++)); do
        HOLDFAST_FAULTS_JOB=$job "$BASH" "$0" >"$logs/$job" 2>&1 &
        pids+=($!)
    done
    for ((job = 0; job < jobs; job++)); do
        wait "${pids[job]}" || status=1
        cat "$logs/$job"
    done
    rm -r "$logs"
    exit "$status"
fi
job=${job:-0}
. "$(dirname "$0")/lib.sh"

# A sanitizer wants to be found before the shim, and must not. What OpenSSL leaks when it has no
# memory is its own affair.
echo leak:CRYPTO_ >suppressed
export ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}verify_asan_link_order=0
export LSAN_OPTIONS=suppressions=$work/suppressed:print_suppressions=0

# Those that change something, and those that only say something.
changing=(init restore backup import forget undelete tag prune key run)
saying=(ls check snapshots find diff dump export stats keys cache config debug)
kinds=(alloc open create read write sync rename unlink stat list resize map close meta xattr thread)
declare -A errors=(
    [alloc]=ENOMEM
    [open]="EIO EMFILE ENOMEM"
    [create]="EIO ENOSPC EDQUOT EROFS EMFILE"
    [read]="EIO ENOMEM EINTR"
    [write]="EIO ENOSPC EDQUOT EINTR SHORT"
    [sync]="EIO ENOSPC EDQUOT"
    [rename]="EIO ENOSPC EDQUOT EROFS"
    [unlink]="EIO EROFS"
    [stat]="EIO ENOMEM"
    [list]="EIO ENOMEM"
    [resize]="EIO ENOSPC EDQUOT"
    [map]="ENOMEM"
    [close]="EIO ENOSPC"
    [meta]="EIO EROFS ENOSPC"
    [xattr]="EIO ENOMEM"
    [thread]="EAGAIN"
)
declare -A words=(
    [EIO]="Input/output error"
    [ENOSPC]="No space left on device"
    [EDQUOT]="Disk quota exceeded"
    [EROFS]="Read-only file system"
    [EMFILE]="Too many open files"
    [ENOMEM]="([Oo]ut of|No) memory|(not|n't) allocate|could not start a thread"
    [EAGAIN]="Resource temporarily unavailable"
)

# --- the place that each run finds, and the commands ----------------------------------------------

export HOLDFAST_REPOSITORY=$work/case/repo HOLDFAST_CONFIG=$work/case/job.conf
key=$work/case/key
mkdir -p case/home old lost new/sub
echo one >old/a
seq 20000 >old/b
chmod 640 old/b
cp -a old/. new
echo two >new/a
seq 300 >new/sub/c
ln -s a new/link
touch -d 2020-02-02 new/b new/sub
seq 40000 43000 >lost/d

# snapshot_of TREE: of what is case/src then.
snapshot_of() {
    rm -rf case/src
    cp -a "$1" case/src
    (cd case && hf -q backup src)
}

HOME=$work/case/home
hf init -q >/dev/null || { echo "not ok - init"; exit 1; }
first=$(snapshot_of old)
lost=$(snapshot_of lost)
hf -q forget "$lost" >/dev/null
rm -rf case/src
cp -a new case/src
tar -C case --format=pax -cf case/archive.tar src
entry=$(find case/repo/journal -type f | sort | tail -n 1)
cat >case/job.conf <<END
[job home]
repository = $work/case/repo
key_file = $key
paths = $work/case/src
metrics_file = $work/case/metrics
keep_last = 2
prune = yes
check = 100%
END
chmod 600 case/job.conf
mv case base
mkdir -p bare/home

# begin COMMAND: the place is as each run of it finds it: with a repository, and the caches and
# memory of its client. What the last run has left alone is not made anew.
begin() {
    [ "$place" != "$1" ] || return
    local like=base
    [ "$1" != init ] || like=bare
    rm -rf "$work/case"
    cp -a "$work/$like" "$work/case"
    ask look - once 0
    place=$1 untouched=$picture
}

arguments_of() {
    arguments=(--key-file "$key" -q)
    case $1 in
    init) arguments+=(init) ;;
    backup) arguments+=(backup src) ;;
    import) arguments+=(import archive.tar) ;;
    restore) arguments+=(restore "$first" -t back) ;;
    forget) arguments+=(forget "$first") ;;
    undelete) arguments+=(undelete "$lost") ;;
    tag) arguments+=(tag "$first" --add new) ;;
    prune) arguments+=(prune --now) ;;
    key) arguments+=(key add second --new-key-file "$work/case/key2") ;;
    run) arguments=(-q run home) ;;
    check) arguments+=(check --read-data) ;;
    snapshots) arguments+=(snapshots) ;;
    ls) arguments+=(ls -R "$first") ;;
    find) arguments+=(find '[ab]' "$first") ;;
    diff) arguments+=(diff "$first" "$first") ;;
    dump) arguments+=(dump "$first" "$work/case/src/b") ;;
    export) arguments+=(export "$first") ;;
    stats) arguments+=(stats) ;;
    keys) arguments+=(key list) ;;
    cache) arguments+=(cache info) ;;
    config) arguments=(config show) ;;
    debug) arguments+=(debug dump "$work/$entry") ;;
    esac
}

# The program, loaded once for all runs of a command.
start_server() {
    arguments_of "$1"
    coproc server {
        cd "$work" || exit 1
        : >err
        FAULT_SERVE=$work/case LD_PRELOAD=$shim exec "$HOLDFAST" "${arguments[@]}"
    }
}

stop_server() {
    local pid=$server_PID
    exec {server[1]}>&-
    wait "$pid" || not_ok "the server ends: $?"
}

# ask KIND ERROR once|ever N: a run. Sets $status, $message, and what else is answered.
ask() {
    echo "$*" >&"${server[1]}"
    if ! read -r status victim site picture counted <&"${server[0]}"; then
        echo "not ok - no answer"
        exit 1
    fi
    message=$(<"$work/err")
}

# --- what must hold -------------------------------------------------------------------------------

# look DIR: all about what is in it that a restore must bring back. The size of a folder is its file
# system's affair.
look() {
    find "$1" -mindepth 1 -type d -printf '%P %y %m %U %G %T@\n' -o \
        -printf '%P %y %m %U %G %l %s %T@\n' | sort
}

declare -A looks=([old]=$(look old) [lost]=$(look lost) [new]=$(look new))

# comes_back ID TREE [FOLDER]: the snapshot restores, bit for bit, from where it was made.
comes_back() {
    local from=${3-$work/case}
    rm -rf "$work/back"
    hf -q restore "$1" -t "$work/back" 2>"$work/err2" >/dev/null &&
        diff -r --no-dereference "$work/$2" "$work/back$from/src" >"$work/err2" 2>&1 &&
        [ "${looks[$2]}" = "$(look "$work/back$from/src")" ]
}

# there ID: it is listed.
there() {
    hf snapshots --json 2>/dev/null | grep -q "\"id\":\"$1\""
}

# made: what else is listed, but for the first.
made() {
    hf snapshots --json 2>/dev/null | jq -r ".snapshots[].id" | grep -v "$first"
}

# said_so: whoever reads the exit status and the message knows that it may be done.
said_so() {
    [ "$status" -eq 0 ] || [ "$status" -eq 3 ] || [ "$status" -eq 8 ] ||
        [[ $message == *"write the result"* ]]
}

# after_COMMAND: what changed something is looked at, when nothing fails any more. Sets $wrong.
after_init() {
    if [ "$status" -eq 0 ]; then
        hf -q backup "$work/old" >/dev/null 2>"$work/err2" || wrong="what was made takes no backup"
        return
    fi
    # What is half-made is finished, or refused with what to do; it is never taken for a repository.
    hf snapshots >/dev/null 2>"$work/err2"
    case $? in
    10 | 12) ;;
    0)
        [[ -e repo/holdfast ]] || wrong="a repository without its file"
        return
        ;;
    *) wrong="a half-made repository is taken for $?" ;;
    esac
    if ! hf -q init >/dev/null 2>"$work/err2"; then
        [[ $(<"$work/err2") =~ hint:.*remove ]] || wrong="init does not say what to remove"
    fi
}

# still_whole: the repository is, and what was in it comes back.
still_whole() {
    hf -q check --read-data >/dev/null 2>"$work/err2" || { wrong="check afterwards: $?"; return 1; }
    comes_back "$first" old || { wrong="the first snapshot does not come back"; return 1; }
}

# after_snapshot TREE: the command makes one, of TREE.
after_snapshot() {
    local id listed
    still_whole || return
    id=$(<"$work/out")
    listed=$(made)
    if [ "$status" -eq 0 ] || [ "$status" -eq 3 ]; then
        [ -n "$id" ] && [ "$listed" = "$id" ] || wrong="the new snapshot '$id' is not listed"
    elif [ -n "$listed" ] && ! said_so; then
        wrong="it said that there is no snapshot, but there is"
        return
    fi
    if [ -n "$listed" ] && [ "$status" -ne 3 ]; then
        comes_back "$listed" "$1" "$2" || wrong="the new snapshot does not come back"
    fi
}

after_backup() { after_snapshot new "$work/case"; }
after_import() { after_snapshot new ""; }

after_restore() {
    # With exit 0 all is there; else what is there is right, but for files that were named.
    local path
    if [ "$status" -eq 0 ]; then
        [ "${looks[old]}" = "$(look "back$work/case/src")" ] || wrong="it is not all there"
    fi
    for path in a b; do
        [ "$status" -eq 3 ] || [ "$status" -eq 0 ] || break
        [[ $message != *"case/src/$path: "* ]] && [ -e "back$work/case/src/$path" ] || continue
        cmp -s "$work/old/$path" "back$work/case/src/$path" ||
            wrong="$path was restored wrongly"
    done
}

after_forget() {
    hf -q check --read-data >/dev/null 2>"$work/err2" || { wrong="check afterwards: $?"; return; }
    if there "$first"; then
        [ "$status" -ne 0 ] || wrong="it is not forgotten"
        comes_back "$first" old || wrong="what was not forgotten does not come back"
    else
        said_so || wrong="it is forgotten, which was not said"
    fi
}

# done_or_not COMMAND...: this succeeds if what was asked for is done.
done_or_not() {
    still_whole || return
    if "$@" >/dev/null 2>&1; then
        said_so || wrong="it is done, which was not said"
    else
        [ "$status" -ne 0 ] || wrong="it is not done"
    fi
}

tagged() { hf snapshots --json | grep -q '"tags":\["new"\]'; }
given_back() { [ "$(find repo/segments -type f | wc -l)" -eq 1 ]; }

after_tag() { done_or_not tagged; }
after_key() { done_or_not "$HOLDFAST" --key-file key2 snapshots; }
after_undelete() {
    done_or_not there "$lost"
    if [ -z "$wrong" ] && there "$lost"; then
        comes_back "$lost" lost || wrong="what was forgotten does not come back"
    fi
}
after_prune() {
    # Half of it is no harm.
    still_whole || return
    [ "$status" -ne 0 ] || given_back || wrong="nothing was given back"
}
after_run() {
    local listed
    still_whole || return
    listed=$(made)
    if [ -n "$listed" ] && [ "$status" -ne 3 ]; then
        comes_back "$listed" new || wrong="the new snapshot does not come back"
    elif [ -z "$listed" ]; then
        [ "$status" -ne 0 ] || wrong="no snapshot was made"
    fi
}

# Not all of a list: the age in it changes.
ids() { awk '{ print $1, $2, $3 }' "$1"; }

# after_saying COMMAND ERROR: what only says something says all, or that it has not.
after_saying() {
    [ -n "$place" ] || [ -z "$(cd repo && find . -newer "$work/stamp" -not -type d)" ] ||
        wrong="it wrote something"
    [ "$status" -eq 0 ] || return
    case $1 in
    snapshots) [ "$(ids "$work/out")" = "$(ids "$work/listed")" ] ;;
    # What can't be opened for want of something is shown as it is, if that is said.
    debug) [[ $message == *"warning: what is sealed stays so: "* ]] || same_output ;;
    cache) [[ $message =~ warning:.*(no cache|not be noticed): ]] || same_output ;;
    # What a disk can't read is damaged.
    keys) grep -q ' damaged$' "$work/out" && [ "$2" = EIO ] || same_output ;;
    *) same_output ;;
    esac || wrong="it says something else"
}

same_output() { cmp -s "$work/out" "$work/listed"; }

# What libraries do that have no memory, and that can't be helped: the program ends in their midst.
# Nothing may be lost by it either. All such places are here, by where it was allocated last.
library_gave_up() {
    case "$status $site" in
    # The C library asserts that it could read nsswitch.conf, or goes on without.
    13[49]\ libc.so*__nss_* | 13[49]\ libasan.so*libc.so*__nss_*) true ;;
    # libarchive ends the program where a string of its own can't grow, or goes on without. (What
    # counts coverage then finds no memory either, and crashes.)
    139\ libarchive.so*) true ;;
    1\ * | 139\ *) [[ $message =~ "Fatal Internal Error in libarchive: "(Out of|No)" memory"$ ]] ;;
    *) false ;;
    esac
}

# judge COMMAND KIND ERROR: the exit status and the message. Sets $wrong.
judge() {
    local line failures=0 allowed
    if library_gave_up; then
        tolerated=$((tolerated + 1)) status=1
        return
    fi
    case $3 in
    ENOSPC | EDQUOT) allowed=" 0 28 8 " ;;
    EINTR | SHORT) allowed=" 0 " ;;
    *) allowed=" 0 1 8 " ;;
    esac
    case $1 in
    backup | import | restore | run) allowed+="3 " ;;
    esac
    [[ " ${saying[*]} restore " != *" $1 "* ]] || allowed=${allowed/ 8 / }
    # What a disk can't read any more is damage, and named as such.
    case "$1 $3" in
    "check EIO" | "restore EIO" | "run EIO") allowed+="4 " ;;
    esac
    if [ "$status" -ge 124 ]; then
        wrong="it crashed or hung"
    elif [[ $allowed != *" $status "* ]]; then
        wrong="the exit status is none of$allowed"
    fi
    [ "$status" -ne 0 ] || return
    while IFS= read -r line; do
        case $line in
        "holdfast: could not "*) failures=$((failures + 1)) ;;
        "warning: "* | "hint: "*) ;;
        *) wrong="stderr says '$line'" ;;
        esac
    done <<<"$message"
    [ "$failures" -eq 1 ] || wrong="there are $failures sentences that say what could not be done"
    [[ $message =~ ${words[$3]:-.} ]] || wrong="the cause is not named"
}

# --- the list -------------------------------------------------------------------------------------

# look_at COMMAND ERROR: what it has made of its place, unless that is as before.
look_at() {
    cd case || exit 1
    if [[ " ${saying[*]} " == *" $1 "* ]]; then
        after_saying "$1" "$2"
    elif [ -z "$place" ]; then
        "after_$1"
    else
        [ "$status" -ne 0 ] || wrong="it has done nothing"
    fi
    cd "$work" || exit 1
}

# fault COMMAND KIND ERROR once|ever N
fault() {
    local name="$*" wrong=""
    begin "$1"
    ask "$2" "$3" "$4" "$5"
    runs=$((runs + 1))
    # Threads take turns as they like: the n-th call may not have come.
    [ "$victim" = - ] || hits=$((hits + 1))
    ended[status]=$((${ended[status]:-0} + 1))
    judge "$1" "$2" "$3"
    [ "$picture" = "$untouched" ] || place=
    [ -n "$wrong" ] || look_at "$1" "$3"
    [ -z "$wrong" ] && return
    : >>"$work/err2"
    not_ok "$name ($victim, $site): exit $status" "$wrong"
    sed 's/^/    then: /' "$work/err2"
}

# count_calls COMMAND: how many of each kind it makes, into calls; what allocates, into states and
# ways.
count_calls() {
    local i
    begin "$1"
    ask record - once 0
    place=
    [ "$status" -eq 0 ] || not_ok "$1 where nothing fails"
    cp "$work/out" "$work/listed"
    calls=() states=(-) ways=(-)
    for i in "${!kinds[@]}"; do
        calls[${kinds[i]}]=$(cut -d' ' -f $((i + 1)) <<<"$counted")
    done
    while read -r state way; do
        states+=("$state") ways+=("$way")
    done <"$work/allocations"
}

# met N: an earlier command had called OpenSSL at the same place of the program, which had come the
# same way and made the same allocations up to this one. What OpenSSL does without it has been seen:
# the call fails or it does not. What this command makes of that is looked at once for every way in
# which it calls OpenSSL, and at one in 16 of the rest.
met() {
    [ "${ways[$1]}" = again ] && (($1 % 16)) && [ -n "${known[${states[$1]}]-}" ]
}

# stride KIND N: one in how many of these is run, into every.
stride() {
    every=$every_io
    if [ "$1" = alloc ]; then
        every=$every_alloc
        [ "${ways[$2]}" = again ] || every=$((every / 16 + 1))
    fi
}

sweep() {
    local command=$1 kind error mode n
    start_server "$command"
    count_calls "$command"
    total=0 met=0 runs=0 hits=0 tolerated=0 ended=()
    for kind in "${kinds[@]}"; do
        for error in ${errors[$kind]}; do
            for mode in once ever; do
                [ "$error$mode" != EINTRever ] || continue
                for ((n = 1; n <= calls[$kind]; n++)); do
                    total=$((total + 1))
                    if [ -n "$only" ]; then
                        [[ "$command $kind $error $mode $n" =~ $only ]] || continue
                    else
                        if [ "$kind" = alloc ] && met "$n"; then
                            met=$((met + 1))
                            continue
                        fi
                        at=$((at + 1))
                        stride "$kind" "$n"
                        ((at % every == 0 && at / every % jobs == job)) || continue
                    fi
                    fault "$command" "$kind" "$error" "$mode" "$n"
                done
            done
        done
    done
    stop_server
    for state in "${states[@]}"; do
        known[$state]=1
    done
    local summary="" code
    for code in "${!ended[@]}"; do
        summary+=", $code: ${ended[code]}"
    done
    [ "$runs" -gt 0 ] || summary="  none"
    [ -z "$only" ] || [ "$runs" -gt 0 ] || return
    echo "# $command: $total faults, $met met elsewhere; $runs run, $hits came;" \
        "exit status${summary/,/}"
    [ "$tolerated" -eq 0 ] || echo "# $command: $tolerated ended by a library"
    [ -n "$only" ] || [ "$hits" -ge $((runs * 3 / 4)) ] || not_ok "$command: the faults come"
}

declare -A known
declare -a states ways
declare -A calls
declare -a ended
at=0 runs=0 place=
touch "$work/stamp"
echo "# every $every_io-th fault of input and output, every $every_alloc-th of memory"
for command in "${saying[@]}" "${changing[@]}"; do
    before=$failures
    sweep "$command"
    [ "$failures" -ne "$before" ] ||
        ok "$command: every failure ends in a clear message and the right exit status"
done
finish
