#!/bin/bash
# test_faults.sh - whatever fails beneath the real program, once or from then on: it ends, says why
# in one sentence, with the exit status of that cause; says 0 only if all was done; loses nothing.
#
# A shim (tests/tools/faultshim.c) makes the n-th allocation, of the program or of a library, or the
# n-th call of a kind fail. All that can fail makes one list: command, kind of call, error, once or
# from then on, and n. Of that list every HOLDFAST_FAULTS_IO-th is run, and of the allocations every
# HOLDFAST_FAULTS_ALLOC-th, but 16 times as many of the first and last: what lies between is OpenSSL
# that starts. `make faults` runs more. HOLDFAST_FAULTS_ONLY=REGEX: those alone whose name matches,
# as in "backup write EIO once 3".
every_io=${HOLDFAST_FAULTS_IO:-41} every_alloc=${HOLDFAST_FAULTS_ALLOC:-2003}
only=${HOLDFAST_FAULTS_ONLY-}
shim=${BUILD:-$(dirname "${HOLDFAST:?}")}/faultshim.so
shim=$(realpath "$shim")
. "$(dirname "$0")/lib.sh"

# A sanitizer wants to be found before the shim, and must not. What OpenSSL leaks when it has no
# memory is its own affair.
echo leak:CRYPTO_ >suppressed
export ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}verify_asan_link_order=0
export LSAN_OPTIONS=suppressions=$work/suppressed:print_suppressions=0

commands=(init backup restore check snapshots forget)
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
    [ENOMEM]="out of memory|Cannot allocate memory|could not start a thread"
    [EAGAIN]="Resource temporarily unavailable"
)

# --- the place that each run finds, and the commands ----------------------------------------------

export HOLDFAST_REPOSITORY=$work/case/repo
key=$work/case/key
mkdir -p case/home old new/sub
echo one >old/a
seq 20000 >old/b
chmod 640 old/b
cp -a old/. new
echo two >new/a
seq 300 >new/sub/c
ln -s a new/link
touch -d 2020-02-02 new/b new/sub

# place_like FOLDER: what a run finds: a repository, and the caches and memory of its client.
place_like() {
    rm -rf "$work/case"
    cp -a "$work/$1" "$work/case"
    export HOME=$work/case/home
}

HOME=$work/case/home
hf init -q >/dev/null || { echo "not ok - init"; exit 1; }
cp -a old case/src
first=$(cd case && hf -q backup src)
rm -rf case/src
cp -a new case/src
mv case base
mkdir -p bare/home

arguments_of() {
    case $1 in
    init) arguments=(init -q --key-file "$key") ;;
    backup) arguments=(--key-file "$key" -q backup src) ;;
    restore) arguments=(--key-file "$key" -q restore "$first" -t back) ;;
    check) arguments=(--key-file "$key" -q check --read-data) ;;
    snapshots) arguments=(--key-file "$key" -q snapshots) ;;
    forget) arguments=(--key-file "$key" -q forget "$first") ;;
    esac
}

# begin COMMAND: its place, and its arguments.
begin() {
    if [ "$1" = init ]; then place_like bare; else place_like base; fi
    cd case || exit 1
    arguments_of "$1"
}

# --- what must hold -------------------------------------------------------------------------------

# look DIR: all about what is in it that a restore must bring back.
look() {
    # The size of a folder is its file system's affair.
    (cd "$1" && find . -mindepth 1 -printf '%P %y %m %U %G %l %s %T@\n') |
        sed -E 's/^(.* d .*) [0-9]+ ([0-9.]+)$/\1 \2/' | sort
}

# comes_back ID TREE: the snapshot restores, bit for bit.
comes_back() {
    rm -rf "$work/back"
    "$HOLDFAST" --key-file "$key" -q restore "$1" -t "$work/back" 2>"$work/err2" >/dev/null &&
        diff -r --no-dereference "$2" "$work/back$work/case/src" >"$work/err2" 2>&1 &&
        [ "$(look "$2")" = "$(look "$work/back$work/case/src")" ]
}

# there ID: it is listed.
there() {
    "$HOLDFAST" --key-file "$key" snapshots --json 2>/dev/null | grep -q "\"id\":\"$1\""
}

# Afterwards nothing fails any more. Sets $wrong.
after_init() {
    if [ "$status" -eq 0 ]; then
        hf -q backup "$work/src0" >/dev/null 2>"$work/err2" || wrong="what was made takes no backup"
        return
    fi
    # What is half-made is finished, or refused with what to do; it is never taken for a repository.
    "$HOLDFAST" --key-file "$key" snapshots >/dev/null 2>"$work/err2"
    case $? in
    10 | 12) ;;
    0)
        [[ -e repo/holdfast ]] || wrong="a repository without its file"
        return
        ;;
    *) wrong="a half-made repository is taken for $?" ;;
    esac
    if ! "$HOLDFAST" --key-file "$key" -q init >/dev/null 2>"$work/err2"; then
        [[ $(<"$work/err2") =~ hint:.*remove ]] || wrong="init does not say what to remove"
    fi
}

after_backup() {
    local id listed
    hf -q check --read-data >/dev/null 2>"$work/err2" || { wrong="check afterwards: $?"; return; }
    comes_back "$first" "$work/old" || { wrong="the first snapshot does not come back"; return; }
    id=$(<"$work/out")
    listed=$(hf snapshots --json 2>/dev/null | jq -r ".snapshots[].id" | grep -v "$first")
    if [ "$status" -eq 0 ] || [ "$status" -eq 3 ]; then
        [ -n "$id" ] && [ "$listed" = "$id" ] || wrong="the new snapshot '$id' is not listed"
    elif [ "$status" -ne 8 ] && [ -n "$listed" ] && [[ $message != *"write the result"* ]]; then
        wrong="it said that there is no snapshot, but there is"
        return
    fi
    if [ -n "$listed" ] && [ "$status" -ne 3 ]; then
        comes_back "$listed" "$work/new" || wrong="the new snapshot does not come back"
    fi
}

after_restore() {
    # With exit 0 all is there; else what is there is right, but for files that were named.
    local path
    if [ "$status" -eq 0 ]; then
        [ "$(look "$work/old")" = "$(look "back$work/case/src")" ] || wrong="it is not all there"
    fi
    for path in a b; do
        [ "$status" -eq 3 ] || [ "$status" -eq 0 ] || break
        [[ $message != *"case/src/$path: "* ]] && [ -e "back$work/case/src/$path" ] || continue
        cmp -s "$work/old/$path" "back$work/case/src/$path" ||
            wrong="$path was restored wrongly"
    done
}

after_check() {
    [ -z "$(cd repo && find . -newer "$work/stamp" -not -type d)" ] || wrong="it wrote something"
}

# Not all of a list: the age in it changes.
ids() { awk '{ print $1, $2, $3 }' "$1"; }

after_snapshots() {
    [ "$status" -ne 0 ] ||
        [ "$(ids "$work/out")" = "$(ids "$work/listed")" ] ||
        wrong="that is not the list"
}

after_forget() {
    hf -q check >/dev/null 2>"$work/err2" || { wrong="check afterwards: $?"; return; }
    if there "$first"; then
        [ "$status" -ne 0 ] || wrong="it is not forgotten"
        comes_back "$first" "$work/old" || wrong="what was not forgotten does not come back"
    else
        [ "$status" -eq 0 ] || [ "$status" -eq 8 ] || [[ $message == *"write the result"* ]] ||
            wrong="it is forgotten, which was not said"
    fi
}

# judge COMMAND KIND ERROR: the exit status and the message. Sets $wrong.
judge() {
    local line failures=0 allowed
    # The C library asserts that it has the memory to read nsswitch.conf. That can't be helped, but
    # nothing may be lost by it either.
    if [ "$status" -eq 134 ] && [[ $message == *nss_database* ]]; then
        asserts=$((asserts + 1)) status=1
        return
    fi
    case $3 in
    ENOSPC | EDQUOT) allowed=" 0 28 8 " ;;
    EINTR | SHORT) allowed=" 0 " ;;
    *) allowed=" 0 1 8 " ;;
    esac
    case $1 in
    backup | restore) allowed+="3 " ;;
    esac
    case $1 in
    restore | check | snapshots) allowed=${allowed/ 8 / } ;;
    esac
    # What a disk can't read any more is damage, and named as such.
    case "$1 $3" in
    "check EIO" | "restore EIO") allowed+="4 " ;;
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

# fault COMMAND KIND ERROR once|ever N
fault() {
    local name="$*" wrong="" ever=""
    [ "$4" = once ] || ever=1
    begin "$1"
    rm -f "$work/report"
    LD_PRELOAD=$shim FAULT_CLASS=$2 FAULT_ERRNO=$3 FAULT_FOREVER=$ever FAULT_AT=$5 \
        FAULT_REPORT=$work/report "$HOLDFAST" "${arguments[@]}" \
        >"$work/out" 2>"$work/err" </dev/null
    status=$?
    message=$(<"$work/err")
    runs=$((runs + 1))
    # Threads take turns as they like: the n-th call may not have come.
    [[ $(<"$work/report") == *"failed -" ]] || hits=$((hits + 1))
    ended[status]=$((${ended[status]:-0} + 1))
    judge "$1" "$2" "$3"
    [ -n "$wrong" ] || "after_$1"
    cd "$work" || exit 1
    [ -z "$wrong" ] && return
    : >>"$work/err2"
    not_ok "$name ($(sed -n 's/^failed //p' report 2>/dev/null)): exit $status" "$wrong"
    sed 's/^/    then: /' "$work/err2"
}

# count_calls COMMAND: how many of each kind it makes, into calls.
count_calls() {
    local kind number
    begin "$1"
    LD_PRELOAD=$shim FAULT_CLASS=none FAULT_REPORT=$work/report "$HOLDFAST" "${arguments[@]}" \
        >"$work/out" 2>"$work/err" || not_ok "$1 where nothing fails"
    cp "$work/out" "$work/listed"
    cd "$work" || exit 1
    calls=()
    while read -r kind number; do
        calls[$kind]=$number
    done <report
}

# stride KIND N: one in how many of these is run, into every.
stride() {
    every=$every_io
    if [ "$1" = alloc ]; then
        every=$every_alloc
        (($2 > 500 && $2 <= calls[alloc] - 300)) || every=$((every / 16 + 1))
    fi
}

sweep() {
    local command=$1 kind error mode n
    count_calls "$command"
    total=0 runs=0 hits=0 asserts=0 ended=()
    for kind in "${kinds[@]}"; do
        for error in ${errors[$kind]}; do
            for mode in once ever; do
                [ "$error$mode" != EINTRever ] || continue
                for ((n = 1; n <= calls[$kind]; n++)); do
                    total=$((total + 1)) at=$((at + 1))
                    if [ -n "$only" ]; then
                        [[ "$command $kind $error $mode $n" =~ $only ]] || continue
                    else
                        stride "$kind" "$n"
                        ((at % every == 0)) || continue
                    fi
                    fault "$command" "$kind" "$error" "$mode" "$n"
                done
            done
        done
    done
    local summary="" code
    for code in "${!ended[@]}"; do
        summary+=", $code: ${ended[code]}"
    done
    [ "$runs" -gt 0 ] || summary="  none"
    echo "# $command: $runs of $total faults, $hits came; exit status${summary/,/}"
    [ "$asserts" -eq 0 ] || echo "# $command: $asserts ended by an assertion of the C library"
    [ -n "$only" ] || [ "$hits" -ge $((runs * 3 / 4)) ] || not_ok "$command: the faults come"
}

declare -A calls
declare -a ended
at=0 runs=0
mkdir src0
touch "$work/stamp"
echo "# every $every_io-th fault of input and output, every $every_alloc-th of memory"
for command in "${commands[@]}"; do
    before=$failures
    sweep "$command"
    [ "$failures" -ne "$before" ] ||
        ok "$command: every failure ends in a clear message and the right exit status"
done
finish
