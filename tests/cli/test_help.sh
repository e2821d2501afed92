#!/bin/bash
# test_help.sh - the program explains itself, and says what it did not understand.
. "$(dirname "$0")/lib.sh"

expect 0 "help exits with 0" "$HOLDFAST" help
prints "help lists commands" '^  backup +'
prints "help lists the options of every command" '^  -r, --repo PATH'
run "$HOLDFAST" help
by_help=$(cat out)
for form in --help -h; do
    run "$HOLDFAST" $form
    same "$form is the same as help" "$(cat out)" "$by_help"
done
commands=$("$HOLDFAST" help | sed -n '/^Every day/,/^Options/ s/^  \([a-z]*\)  .*/\1/p')
same "help lists all commands that there are" "$(echo $commands)" \
    "init backup import run restore snapshots check ls find diff dump export stats status drill \
forget prune undelete tag key ready runbook signoff audit config schedule doctor cache debug \
version help"

for command in $commands; do
    expect 0 "help $command" "$HOLDFAST" help "$command"
    text=$(cat out)
    prints "help $command has a synopsis" "^  holdfast $command"
    prints "help $command has exit codes" '^ +0  '
    prints "help $command has an example" "^  \\$ .*holdfast"
    run "$HOLDFAST" "$command" --help
    same "$command --help says the same" "$(cat out)" "$text"
done

expect 0 "help of the configuration file" "$HOLDFAST" help holdfast.conf
prints "explains each key" '^  schedule +when it runs'
prints "with an example" 'for example: \*-\*-\* 02:00:00'
same "in 79 columns, but for what has no blank" \
    "$(sed 's/^ *for example: //' out | awk 'length > 79')" ""

expect 2 "no command is a usage error" "$HOLDFAST"
expect 2 "an unknown command is a usage error" "$HOLDFAST" bakup
says "the nearest command is named" '^hint: did you mean "holdfast backup"\?'
expect 2 "an unknown option is a usage error" "$HOLDFAST" snapshots --jbo=x
says "the nearest option is named" '^hint: did you mean --job\?'
expect 2 "an unknown option before the command is a usage error" "$HOLDFAST" --jsn snapshots
says "and the nearest one is named" '^hint: did you mean --json\?'
expect 2 "help of an unknown command is a usage error" "$HOLDFAST" help restor
says "and the nearest is named" 'holdfast help restore'
expect 2 "too many operands are a usage error" "$HOLDFAST" version now
expect 2 "an option without its value is a usage error" "$HOLDFAST" snapshots --job
expect 2 "a flag with a value is a usage error" "$HOLDFAST" snapshots --all=yes
expect 2 "a choice that is none is a usage error" "$HOLDFAST" version --log-format=xml
says "and the choices are named" 'text or json'

expect 2 "under --json an error is a line of JSON" "$HOLDFAST" --json snapshots --jbo
error_json "with code, exit, message and hint" \
    '.type == "error" and .code == "usage" and .exit == 2 and (.message | length > 0)
    and .hint == "did you mean --job?"'
same "and nothing else is said" "$(wc -l <err)" 1
expect 2 "even if --json stands behind what is wrong" "$HOLDFAST" snapshots --jbo --json
error_json "with the same keys" '.code == "usage"'

expect 0 "version" "$HOLDFAST" version
prints "version says which" '^holdfast [0-9]+\.[0-9]+\.[0-9]+ '
expect 0 "--version" "$HOLDFAST" --version
prints "--version says the same" '^holdfast [0-9]+\.[0-9]+\.[0-9]+ '
expect 0 "version --json" "$HOLDFAST" version --json
json "version has its schema" '.schema == "holdfast/version/1" and .format == 0'
same "the first key is the schema" "$(jq -r 'keys_unsorted[0]' out)" schema

finish
