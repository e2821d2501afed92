#!/bin/bash
# test_man.sh - the man pages are good mdoc, and nothing that the tables say is missing from them.
project=$(cd "$(dirname "$0")/../.." && pwd)
. "$(dirname "$0")/lib.sh"

commands=$("$HOLDFAST" help | sed -n '/^Every day/,/^Options/ s/^  \([a-z]*\)  .*/\1/p')
mkdir man
"$HOLDFAST" help --format man >man/holdfast.1
"$HOLDFAST" help --format man holdfast.conf >man/holdfast.conf.5
for command in $commands; do
    "$HOLDFAST" help --format man "$command" >"man/holdfast-$command.1"
done
expect 2 "there is no page of what is no command" "$HOLDFAST" help --format man restor
expect 2 "nor a format of this name" "$HOLDFAST" help --format html

if ! command -v mandoc >/dev/null; then
    echo "mandoc is not installed, so nobody reads the man pages" >&2
    echo "ok - man pages # SKIP mandoc is not installed"
    finish
fi
run mandoc -T lint -W warning man/*
same "mandoc has nothing to say about any page" "$status:$(cat out err)" "0:"

# page NAME: as it is read, on lines without end, so that nothing is broken.
page() {
    mandoc -T ascii -O width=900 "man/$1" | col -bx
}
# has NAME WHAT TEXT: a page has a line with this text in it.
has() {
    if grep -qF -e "$3" <<<"$text"; then ok "$1 has $2"; else not_ok "$1 has $2" "$3"; fi
}

for command in $commands; do
    text=$(page "holdfast-$command.1")
    lacking=
    while read -r option; do
        grep -qE -e "(^|, ) *$option([ ,[]|\$)" <<<"$text" || lacking+=" $option"
    done < <("$HOLDFAST" help "$command" | sed -nE \
        '/^Options/,/^Exit codes/ s/^  (-(.),|   ) (--[a-z0-9-]+).*/\3 -\2/p' | tr ' ' '\n' |
        grep -e '--\|-.')
    same "holdfast-$command(1) has every option" "$lacking" ""
    codes=$("$HOLDFAST" help "$command" | sed -nE '/^Exit codes/,/^$/ s/^ {0,4}([0-9]+)  .*/\1/p')
    same "and every exit code" "$(sed -n '/^EXIT STATUS/,/^EXAMPLES/p' <<<"$text" |
        sed -nE 's/^ {5}([0-9]+)( .*|$)/\1/p')" "$codes"
    has "holdfast-$command(1)" "its name and summary" "holdfast-$command - "
    while IFS= read -r example; do
        has "holdfast-$command(1)" "the example" "$example"
    done < <("$HOLDFAST" help "$command" | sed -n 's/^  \$ //p')
done

text=$(page holdfast.1)
for command in $commands; do
    has "holdfast(1)" "$command" "holdfast-$command(1)"
done
while IFS='|' read -r status name; do
    line=$(grep -A 1 -E "^ {5}$status( |\$)" <<<"$text" | tr '\n' ' ')
    check "holdfast(1) says that $name ends with $status" grep -qE "[(, ]$name[,)]" <<<"$line"
done < <(sed -nE 's/^ERR\([A-Z_]+, ([0-9]+), "([a-z_]+)".*/\1|\2/p' "$project/src/base/err.def")
for variable in $(grep -ohE '(getenv\("|"HOLDFAST_)[A-Z_]+' -r "$project/src" |
    grep -oE '[A-Z][A-Z_]+' | sort -u); do
    has "holdfast(1)" "the variable" "$variable"
done

text=$(page holdfast.conf.5)
for key in $(sed -nE 's/^KEY\(([a-z_]+),.*/\1/p' "$project/src/app/config_keys.def"); do
    has "holdfast.conf(5)" "the key with an example" "$key = "
done
same "each with what it takes" "$(grep -c '(a value[;)]' <<<"$text")" 0

finish
