#!/bin/bash
#
# test_model_map.sh - docs/model.md, tests/model/holdfast.pml and the code speak of the same things.
#
# Each step that the map names is in the model, each function is defined in the file it is said to
# be in, each rule of the model has a story and a scenario, each site is one that the code asks for.
set -u

document=docs/model.md
model=tests/model/holdfast.pml
runner=tests/model/run

# section TITLE: the rows of the table in that section, without its head.
section() {
    awk -v title="## $1" '$0 == title { inside = 1; next } /^## / { inside = 0 }
                          inside && /^\| `/' "$document"
}

steps() { section "Which function does which step"; }
stories() { section "What happens without each rule"; }

# quoted: what stands in back quotes, a line each.
quoted() {
    grep -o '`[^`]*`' | tr -d '`'
}

# missing_steps, missing_functions, ...: print what is named and not there.
missing_steps() {
    steps | cut -d'|' -f2 | quoted | while read -r step; do
        grep -qE "^(inline|proctype) $step\(" "$model" || echo "$step"
    done
}

missing_functions() {
    steps | cut -d'|' -f3 | quoted | {
        file=
        while read -r word; do
            case $word in
                */*) file=$word ;;
                *) grep -qE "^[a-z].*[ *]$word\(" "$file" || echo "$file: $word" ;;
            esac
        done
    }
}

unmapped_clients() {
    grep -oE '^proctype [a-z_]+' "$model" | cut -d' ' -f2 | grep -vxE 'network|outage' |
        while read -r client; do
            steps | grep -q "^| \`$client\` |" || echo "$client"
        done
}

rules() {
    sed -n '/^#define NO_RULE/,/^#ifndef WITHOUT/s/^#define \([A-Z_]*\) [1-9].*/\1/p' "$model"
}

rules_without() {
    rules | while read -r rule; do
        stories | grep -q "^| \`$rule\` |" || echo "$rule: no story"
        grep -q "\[$rule\]=" "$runner" || echo "$rule: no scenario"
        grep -q "rule($rule)" "$model" || echo "$rule: the model does not ask for it"
    done
}

stories_without_rule() {
    stories | cut -d'|' -f2 | quoted |
        grep -vxF -f <(rules) || true
}

unknown_sites() {
    stories | cut -d'|' -f3 | quoted | sort -u |
        while read -r site; do
            grep -rqF "\"$site\"" src || echo "$site"
        done
}

unknown_promises() {
    section "Promises" | cut -d'|' -f2 | quoted | while read -r promise; do
        grep -q "assert($promise)" "$model" || echo "$promise"
    done
}

# expect WHAT FUNCTION: it must have nothing to say.
expect() {
    local found
    found=$("$2")
    if [ -z "$found" ]; then
        echo "ok - $1"
    else
        echo "not ok - $1"
        sed 's/^/# /' <<<"$found"
    fi
}

expect "each step of the map is in the model" missing_steps
expect "each function of the map is in the file that is named" missing_functions
expect "each client of the model is in the map" unmapped_clients
expect "each rule has a story and a scenario" rules_without
expect "each story has a rule" stories_without_rule
expect "each site is one that the code has" unknown_sites
expect "each promise is asserted" unknown_promises
