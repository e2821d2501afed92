# lib.sh - what the tests of the command line share: a place of their own, and assertions.
#
# Source it. $HOLDFAST is the program. Each assertion prints `ok - NAME` or `not ok - NAME`; finish,
# at the end, exits with 1 if any failed. Nothing outside $work is touched.

set -u
: "${HOLDFAST:?set HOLDFAST to the program}"

failures=0
work=$(mktemp -d "${TMPDIR:-/tmp}/holdfast-cli-XXXXXX")
trap 'chmod -R u+rwX "$work" 2>/dev/null; rm -rf "$work"' EXIT
cd "$work" || exit 1

mkdir home tmp
export HOME=$work/home TMPDIR=$work/tmp TZ=UTC LC_ALL=C TERM=dumb
unset XDG_CACHE_HOME XDG_STATE_HOME NO_COLOR
for name in $(compgen -e HOLDFAST_); do
    unset "$name"
done
key=$work/key

ok() {
    echo "ok - $1"
}

not_ok() {
    echo "not ok - $1"
    failures=$((failures + 1))
    [ -z "${2-}" ] || printf '    %s\n' "$2"
    for stream in out err; do
        [ ! -s "$work/$stream" ] || head -c 1500 "$work/$stream" | tr -c '[:print:]\n' '?' |
            sed "s/^/    $stream: /"
    done
}

finish() {
    [ "$failures" -eq 0 ] || exit 1
    exit 0
}

# hf ARGUMENT...: the program with the test's key file.
hf() {
    "$HOLDFAST" --key-file "$key" "$@"
}

# run COMMAND...: runs it; $status, $work/out and $work/err say what came of it.
run() {
    "$@" >"$work/out" 2>"$work/err" </dev/null
    status=$?
}

# expect CODE NAME COMMAND...: runs it and compares the exit code.
expect() {
    local code=$1 name=$2
    shift 2
    run "$@"
    if [ "$status" -eq "$code" ]; then
        ok "$name"
    else
        not_ok "$name" "exit code $status instead of $code: $*"
    fi
}

# says NAME REGEX, says_not NAME REGEX: of standard error; prints of standard output.
says() {
    if grep -qE -e "$2" "$work/err"; then ok "$1"; else not_ok "$1" "no /$2/ on stderr"; fi
}
says_not() {
    if grep -qE -e "$2" "$work/err"; then not_ok "$1" "/$2/ on stderr"; else ok "$1"; fi
}
prints() {
    if grep -qE -e "$2" "$work/out"; then ok "$1"; else not_ok "$1" "no /$2/ on stdout"; fi
}

# json NAME FILTER: the last line of standard output is a document for which the jq filter holds.
json() {
    if [ -s "$work/out" ] && tail -n 1 "$work/out" | jq -e "$2" >/dev/null 2>&1; then
        ok "$1"
    else
        not_ok "$1" "does not hold: $2"
    fi
}

# error_json NAME FILTER: the same of the last line of standard error.
error_json() {
    if [ -s "$work/err" ] && tail -n 1 "$work/err" | jq -e "$2" >/dev/null 2>&1; then
        ok "$1"
    else
        not_ok "$1" "does not hold on stderr: $2"
    fi
}

# same NAME A B: two texts are equal.
same() {
    if [ "$2" = "$3" ]; then ok "$1"; else not_ok "$1" "'${2:0:300}' is not '${3:0:300}'"; fi
}

# check NAME COMMAND...: it succeeds. What run left to be looked at stays.
check() {
    local name=$1
    shift
    if "$@" >"$work/checked" 2>&1; then ok "$name"; else not_ok "$name" "$* failed"; fi
}

# new_repository [NAME]: makes it and lets HOLDFAST_REPOSITORY name it.
new_repository() {
    export HOLDFAST_REPOSITORY=$work/${1:-repo}
    hf init -q >/dev/null || { echo "not ok - init"; exit 1; }
}

# snapshot ARGUMENT...: makes one of $work/src unless told otherwise, and prints its id.
snapshot() {
    hf -q backup "${@:-$work/src}"
}

# tree DIR: everything about what is in it that a restore must bring back, for comparing.
tree() (
    cd "$1" || exit
    find . -mindepth 1 -printf '%P %y %m %U %G %s %T@ %n %l\n' | sort |
        sed -E 's/^(.* d [0-7]+ [0-9]+ [0-9]+) [0-9]+ /\1 - /'
    find . -type f -print0 | sort -z | xargs -0 -r sha256sum
)

# unprivileged COMMAND...: without the capabilities that make root an exception to every rule.
unprivileged() {
    if [ "$(id -u)" -ne 0 ]; then
        "$@"
    else
        setpriv --bounding-set=-all --inh-caps=-all -- "$@"
    fi
}

# flip FILE OFFSET: changes one bit of a byte, whatever the file's mode.
flip() {
    local byte
    chmod u+w "$1"
    byte=$(od -An -tu1 -j "$2" -N 1 "$1")
    printf "\\x$(printf %02x $((byte ^ 1)))" | dd of="$1" bs=1 seek="$2" conv=notrunc status=none
}
