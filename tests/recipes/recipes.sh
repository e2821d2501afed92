# recipes.sh - what the tests of recipes share: a page of docs/recipes is run as it stands.
#
# Source it. tests/recipes/test_NAME.sh is about docs/recipes/NAME.md, whose blocks of commands are
# run in order in one shell, as root, in a place of their own (tests/tools/realrun.py): what the
# page says, and what it hides in `<!-- run ... -->` to prepare the place. So the page and its test
# can't differ. `make recipes` runs all of them.

project=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
. "$project/tests/cli/lib.sh"
cd "$project" || exit 1
export PATH=$PATH:/usr/sbin:/sbin

page=$(basename "$0" .sh)
page=docs/recipes/${page#test_}.md

# skip WHY: no case of the page is run, and nobody can overlook that.
skip() {
    echo "SKIP $page: $1" >&2
    echo "ok - $page # SKIP $1"
    finish
}

# needs PACKAGE PROGRAM...: without one of the programs the page can't be run.
needs() {
    local package=$1 program
    shift
    for program in "$@"; do
        command -v "$program" >/dev/null || skip "$program is missing: install $package"
    done
}

# needs_user NAME: the service refuses to run as root.
needs_user() {
    [ "$(id -u)" -eq 0 ] || skip "only root can run a service as $1"
    id "$1" >/dev/null 2>&1 || skip "there is no user $1"
}

# run_page: all of it.
run_page() {
    local status=0
    tests/tools/manual "$HOLDFAST" "$page" 2>"$work/err" || status=$?
    [ "$status" -ne 77 ] || skip "$(cat "$work/err")"
    [ "$status" -eq 0 ] || not_ok "$page works as it stands" "exit code $status"
    finish
}
