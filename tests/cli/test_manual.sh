#!/bin/bash
# test_manual.sh - all that README.md and docs/manual show works as it stands, and nothing that the
# tables of commands, options, keys and errors hold is missing from the manual.
project=$(cd "$(dirname "$0")/../.." && pwd)
. "$(dirname "$0")/lib.sh"
cd "$project" || exit 1
manual=docs/manual

# lacks NAME TEXT FILE: not a case of its own for each of thousands, but for what is missing.
lacking=
needs() {
    grep -qF -e "$1" "$2" || lacking+=" $2: $1"
}

commands=$("$HOLDFAST" help | sed -n '/^Every day/,/^Options/ s/^  \([a-z]*\)  .*/\1/p')
for command in $commands; do
    page=$manual/commands/$command.md
    check "$command has a page" test -e "$page"
    while read -r option; do
        needs "\`$option" "$page"
    done < <("$HOLDFAST" help "$command" | sed -nE \
        '/^Options:/,/^Options of/ s/^  (-.,|   ) (--[a-z0-9-]+).*/\2/p')
    while read -r code; do
        needs "| $code |" "$page"
    done < <("$HOLDFAST" help "$command" | sed -nE '/^Exit codes/,/^$/ s/^ {0,4}([0-9]+)  .*/\1/p')
    needs "commands/$command.md" $manual/commands.md
done
while read -r option; do
    needs "\`$option" $manual/commands.md
done < <("$HOLDFAST" help | sed -nE '/^Options of/,/^$/ s/^  (-.,|   ) (--[a-z0-9-]+).*/\2/p')
same "every option and exit code of every command is in the manual" "$lacking" ""

lacking=
for key in $(sed -nE 's/^KEY\(([a-z_]+),.*/\1/p' src/app/config_keys.def); do
    needs "| \`$key\` |" $manual/configuration.md
done
same "and every key of the configuration file" "$lacking" ""

lacking=
while IFS='|' read -r status name; do
    section=$(sed -nE "/^## Exit codes? .*\b$status\b/,/^## [^E]/p" $manual/troubleshooting.md |
        awk '/^## / && seen++ { exit } { print }')
    grep -qF "| \`$name\` |" <<<"$section" || lacking+=" $name ($status)"
done < <(sed -nE 's/^ERR\([A-Z_]+, ([0-9]+), "([a-z_]+)".*/\1|\2/p' src/base/err.def)
same "every error and its exit code is in troubleshooting" "$lacking" ""

# Strings as the compiler joins them, on one line each.
cat src/*/*.c | tr '\n' ' ' | sed -E 's/"  *"//g; s/\\"/"/g' >"$work/strings"
lacking=
while IFS= read -r message; do
    needs "$message" "$work/strings"
done < <(sed -n '/^## By message/,$ s/^| `\([^`]*\)` |.*/\1/p' $manual/troubleshooting.md)
same "every message in troubleshooting is one of the program's" "$lacking" ""

lacking=
for page in "$manual"/*.md; do
    [ "$page" = $manual/README.md ] || needs "($(basename "$page"))" $manual/README.md
done
same "every page is listed" "$lacking" ""

# What it shows is run, and what is made of tables is compared.
tests/tools/manual "$HOLDFAST" 2>"$work/err"
status=$?
if [ "$status" -eq 77 ]; then
    cat "$work/err" >&2
    echo "ok - commands of the manual # SKIP no mount namespace can be made here"
elif [ "$status" -ne 0 ]; then
    not_ok "all that is shown works" "exit code $status"
fi

finish
