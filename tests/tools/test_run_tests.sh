#!/bin/bash
#
# test_run_tests.sh - the runner sees every way in which a test can fail, and counts right.
#
# Programs are scripts here, put where the runner looks for compiled ones.
set -uo pipefail

runner=$PWD/tests/run-tests
cd "$TMPDIR" || exit 1

# program NAME: makes a test program of standard input.
program() {
    mkdir -p build/tests/unit
    { echo '#!/bin/bash'; cat; } >"build/tests/unit/$1"
    chmod +x "build/tests/unit/$1"
}

# run NAME... [-- FLAG...]: runs these programs; the output is in $out, the exit status in $status.
run() {
    local sources=()
    while [ $# -gt 0 ] && [ "$1" != -- ]; do
        sources+=("tests/unit/$1.c")
        shift
    done
    out=$("$runner" --build build "${@:2}" "${sources[@]}" 2>&1)
    status=$?
}

verdict() {
    if [ "$1" -eq 0 ]; then
        echo "ok - $2"
    else
        echo "not ok - $2"
    fi
}

# expect NAME STATUS LINE TEXT...: the last run ended so, with that last line, and said each TEXT.
expect() {
    local bad=0
    [ "$status" -eq "$2" ] && [ "$(tail -n 1 <<<"$out")" = "$3" ] || bad=1
    for text in "${@:4}"; do
        grep -qF -- "$text" <<<"$out" || bad=1
    done
    verdict $bad "$1"
    [ $bad -eq 0 ] || sed 's/^/# /' <<<"exit status $status:"$'\n'"$out"
}

program good <<'E'
echo "1..2"; echo "ok 1 - one"; echo "ok 2 - two"
E
run good
expect "passing cases are counted" 0 "2 passed, 0 failed"

program bad <<'E'
echo "ok 1 - one"; echo "not ok 2 - two"; echo "# 1 != 2"; exit 1
E
run good bad
expect "a failing case fails, and its log is shown" 1 "3 passed, 1 failed" \
    "case failed: two" "# 1 != 2"

program quiet <<'E'
exit 0
E
run good quiet
expect "a program without a case fails" 1 "2 passed, 1 failed" "ran no case"

program unexplained <<'E'
echo "ok - one"; exit 3
E
run unexplained
expect "an exit status that no case explains fails" 1 "1 passed, 1 failed" "exited with 3"

program crash <<'E'
echo "1..3"; echo "ok 1 - one"; kill -SEGV $$
E
run crash
expect "a crash fails, and says what it cost" 1 "1 passed, 1 failed" "SIGSEGV" "1 of 3 cases"

program short <<'E'
echo "1..3"; echo "ok 1 - one"
E
run short
expect "fewer cases than planned fail" 1 "1 passed, 1 failed" "reported 1 of 3 cases"

program hang <<'E'
echo "ok - one"; sleep 60
E
SECONDS=0
run hang -- --timeout 1
expect "a program that hangs fails" 1 "1 passed, 1 failed" "took longer than 1.0 s"
verdict $((SECONDS >= 30)) "a program that hangs is killed at its timeout"

program skip <<'E'
echo "ok 1 - one"; echo "not ok 2 # SKIP two"; echo "ok - three # SKIP no root"
echo "SKIPPED four: no network"
E
run skip
expect "what is skipped is said, and neither passes nor fails" 0 \
    "1 passed, 0 failed, 3 skipped" \
    "SKIPPED two: it called skip()" "SKIPPED three: no root" "SKIPPED four: no network"

program report <<'E'
path=$(sed 's/.*log_path=\([^:]*\).*/\1/' <<<"$ASAN_OPTIONS")
echo "ERROR: heap-buffer-overflow" >"$path.123"; echo "ok - one"
E
run report
expect "a sanitizer's report fails though all cases passed" 1 "1 passed, 1 failed" \
    "heap-buffer-overflow"

run absent good
expect "a program that is not there fails" 1 "2 passed, 1 failed" "No such file"

program untidy <<'E'
sleep 600 & echo $! >"$HOLDFAST.pid"; echo "ok - one"
E
run untidy
expect "a program may leave a process behind" 0 "1 passed, 0 failed"
# A zombie (Z) has been killed, and waits for init to notice.
for _ in {1..100}; do
    grep -qs ') [^ZX] ' "/proc/$(cat build/holdfast.pid)/stat" || break
    sleep 0.1
done
grep -qs ') [^ZX] ' "/proc/$(cat build/holdfast.pid)/stat"
verdict $(($? == 0)) "what a program leaves behind is killed"

program clean <<'E'
mkdir -p "$TMPDIR/a/b" && touch "$TMPDIR/a/b/c" && chmod 0 "$TMPDIR/a"
echo "$TMPDIR" >"$HOLDFAST.tmp"
[ -z "${HOLDFAST_PASSWORD+set}" ] && [ "$TZ $LC_ALL" = "UTC C" ] && [ -z "$(cat)" ] &&
    [ -d "$HOME" ] && [ "$(dirname "$HOME")" = "$(dirname "$TMPDIR")" ] && echo "ok - clean"
E
HOLDFAST_PASSWORD=secret run clean
expect "a program gets nothing of the user's, and a place of its own" 0 "1 passed, 0 failed"
[ -e "$(cat build/holdfast.tmp)" ]
verdict $(($? == 0)) "the place of a program that passed is removed"

program kept <<'E'
echo "$TMPDIR" >"$HOLDFAST.tmp"; echo "not ok - kept"
E
run kept
[ -d "$(cat build/holdfast.tmp)" ]
verdict $? "the place of a program that failed is kept"
rm -rf "$(dirname "$(cat build/holdfast.tmp)")"

program told <<'E'
[ "$WORD" = "a=b" ] && echo "ok - told"
E
run told -- --env WORD=a=b
expect "a variable may be given" 0 "1 passed, 0 failed"

run
expect "a run without tests fails" 1 "0 passed, 0 failed" "no test to run"
