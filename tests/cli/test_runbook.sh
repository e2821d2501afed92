#!/bin/bash
# test_runbook.sh - a runbook is written, followed on an empty machine, and drilled.
. "$(dirname "$0")/lib.sh"
new_repository "re po's"
repo=$HOLDFAST_REPOSITORY
mkdir -p src/etc src/var/www safe scratch
echo 'the quick brown fox' >src/etc/passwd
head -c 300000 /dev/urandom >src/var/www/page
ln -s ../etc/passwd src/var/link
ln src/var/www/page src/var/www/again
chmod 640 src/etc/passwd
touch -d '2020-02-02 02:02:02' src/var/www/page
snapshot >/dev/null
hf key recovery-sheet 2>/dev/null | grep -E '^ +[1-5]  ' | sed 's/^ *//' >safe/sheet
chmod 600 safe/sheet

# --- writing it ---

expect 0 "a runbook" hf runbook -o safe/book.md
prints_book() {
    if grep -qE -e "$2" safe/book.md; then ok "$1"; else not_ok "$1" "no /$2/ in the runbook"; fi
}
prints_book "names the repository" "$(hf cache info --json | jq -r .repository_id)"
prints_book "where it is, quoted for a shell" "HOLDFAST_REPOSITORY='.*/re po'\\\\''s'"
prints_book "how much there is" '293\.[0-9] KiB for [0-9]+ files|KiB for 3 files'
prints_book "that nothing was measured" 'It takes\*\*: not measured yet'
prints_book "what to do if it fails" 'Exit 12.*wrong'
check "it holds no secret" bash -c \
    '! grep -qF -- "$(cut -c4-9 safe/sheet | head -n 1)" safe/book.md'
expect 0 "as a page" hf runbook -o book.html
check "of its own" grep -qi '^<!DOCTYPE html>' book.html
expect 0 "to standard output" hf runbook
check "is the same text" bash -c 'diff <(sed 1,4d out) <(sed 1,4d safe/book.md)'
expect 0 "as JSON" hf runbook --json
json "with its steps" '.schema == "holdfast/runbook/1" and (.steps | map(.step)) ==
    ["settings", "program", "open", "check", "space", "restore", "verify"]'
cat >policy.ini <<'END'
[policy]
name = recovery
[gate fast]
type = rto
kind = runbook
max = 2h
[gate chief]
type = signoff
role = operations
max_age = 90d
END
chmod 600 policy.ini
expect 0 "with a policy" hf runbook --policy policy.ini
prints "it names the limit" 'policy recovery allows 2h for what the runbook drill measures'
prints "and the role" '\*\*operations\*\*.*holdfast signoff operations'
expect 7 "of a job that is not there" hf runbook --job none

# --- an empty machine: the runbook, the sheet, the repository, and nothing else ---

tree src >want
# What is typed: every block that is marked as sh.
sed -n '/^```sh/,/^```$/{/^```/!p}' safe/book.md >typed.sh
# elsewhere COMMAND...: without the home, the cache, the state and the source of this machine.
if unshare --mount --user --map-root-user true 2>/dev/null; then
    elsewhere() {
        unshare --mount --user --map-root-user bash -c '
            mount -t tmpfs none "$0/home" && mount -t tmpfs none "$0/src" && shift &&
            test -z "$(ls -A "$0/src" "$0/home" | grep -v :)" || exit 99
            exec "$@"' "$work" . "$@"
    }
else
    echo "# NO NAMESPACE: unshare is not permitted here, so the machine is only made to look empty"
    elsewhere() {
        mv "$work/src" "$work/away" && mv "$work/home" "$work/away-home" && mkdir "$work/home"
        "$@"
        local code=$?
        rm -rf "$work/home"
        mv "$work/away" "$work/src" && mv "$work/away-home" "$work/home"
        return "$code"
    }
fi
mkdir -p by-hand/restored
expect 0 "what the runbook says restores, typed by hand on an empty machine" elsewhere \
    env -i PATH="$(dirname "$HOLDFAST"):$PATH" HOME="$work/home" TERM=dumb \
    KEY="$work/safe/sheet" RESTORE_TARGET="$work/by-hand/restored" sh -eu typed.sh
prints "and says so" '^restored 3 files'
tree "by-hand/restored$work/src" >got
check "the tree is back" diff want got
expect 0 "the drill does the same there, with a report" elsewhere \
    env -i PATH="$PATH" HOME=/proc/nowhere "$HOLDFAST" --repo "$repo" --key-file safe/sheet \
    drill --runbook safe/book.md --scratch scratch --keep \
    --report report.html --report report.json --report report.xml
prints "which says how long each step took" '^  restore +[0-9.]+ .?s, exit 0'
prints "and the whole" 'time to recover: [0-9.]+ .?s'
tree "$(echo scratch/holdfast-drill-*/restored)$work/src" >got
check "the tree is back again" diff want got
rm -rf scratch/*
check "the time to recover is in the report" \
    jq -e '.rto.total > 0 and .rto.restore > 0 and .passed and .kind == "runbook"' report.json
check "and in the page" grep -q 'Time to recover' report.html
check "with each step as a test case" grep -q '<testcase[^>]* name="restore"' report.xml
expect 0 "it is on record" hf audit
prints "as a drill that passed" 'drill "runbook" passed'

hf runbook -o safe/book.md
prints_book "the runbook says how long it took" 'It takes\*\*: .*in the runbook drill of 20'
prints_book "and in all" 'Time\*\*: .*in the runbook drill of 20'

# --- drilling it ---

drill_book() {
    hf drill --runbook book.md --scratch scratch "$@"
}
evidence() {
    hf audit --json | jq '[.entries[] | select(.type == "drill")] | length'
}
no_debris() {
    local i
    for i in $(seq 50); do
        [ -n "$(ls -A scratch)" ] || break
        sleep 0.1
    done
    same "$1" "$(ls -A scratch)" ""
}
# A runbook is text that somebody has edited.
with() {
    printf '\n```sh %s\n%s\n```\n' "$1" "$2" | cat safe/book.md - >book.md
}

with extra 'test -z "${SECRET-}" && test "$HOME" != "$OLDPWD" && test "$TERM" = dumb
test -z "${HOLDFAST_PASSWORD-}" && test "$(pwd)" = "$HOME"'
sed -i 's/test "$HOME" != "$OLDPWD" && //' book.md
SECRET=x HOLDFAST_PASSWORD=y expect 0 "steps see nothing of our environment" drill_book
with odd\ exit=3 'exit 3'
expect 0 "a step that must end with 3" drill_book --json
json "the summary" '.type == "summary" and .kind == "runbook" and .passed and .rto.total > 0'
same "each step has a line" "$(jq -r 'select(.type == "step") | .path' out | tr '\n' ' ')" \
    "settings program open check space restore verify odd "
with wrong 'echo something is wrong >&2; false'
sed -i 's/^```sh verify/```sh\ntrue\n```\n\n&/' book.md
expect 5 "a step that fails" drill_book
says "is named, with what it said" 'step "wrong": it ended with 1, not with 0: something is wrong'
prints "a block without a name has its number" '^  step-7 '
before=$(evidence)
sed 's/^```sh restore/```sh restore exit=7/' safe/book.md >book.md
expect 5 "an exit status that is not the one" drill_book
prints "what follows is not tried" '^  verify +not tried'
same "a failure is on record, too" "$(evidence)" $((before + 1))
sed 's/^\[ -n "${KEY-}" ] || KEY=.*/KEY=\/proc\/nowhere/' safe/book.md >book.md
expect 5 "a key that is not where the runbook says" drill_book
says "is found at once" 'step "settings"'
cat >spoil <<'END'
```sh spoil
f=$(find "$RESTORE_TARGET" -name page)
touch -r "$f" "$HOME/then"
printf x | dd of="$f" conv=notrunc bs=1 seek=1000
touch -r "$HOME/then" "$f"
```

END
awk '/^```sh verify/ { while ((getline line <"spoil") > 0) print line } { print }' safe/book.md \
    >book.md
expect 5 "a file that is not what was restored, though it looks the same" drill_book
says "is found by the last step" 'step "verify": it ended with 3'
grep -v 'restore "$POINT"' safe/book.md >book.md
expect 5 "a runbook that restores nothing" drill_book
says "is no proof" 'RESTORE_TARGET": nothing was restored to it'
no_debris "nothing is left of all that"

before=$(evidence)
echo '# a text without commands' >book.md
expect 2 "no runbook of this repository" drill_book
expect 1 "no file" hf drill --runbook none.md
with a true
printf '```sh b\ntrue\n' >>book.md
expect 2 "a block that does not end" drill_book
says "is named by its line" 'line [0-9]+: the block that begins here does not end'
with open true
expect 2 "two steps of one name" drill_book
says "are named" 'there are two steps "open"'
expect 2 "a kind and a runbook" hf drill full --runbook book.md
expect 2 "options that mean nothing to it" drill_book --sample 5
expect 2 "are refused" drill_book --job default
expect 2 "a report of no form" drill_book --report x.doc
(
    new_repository another
    snapshot >/dev/null
    expect 2 "the runbook of another repository" hf drill --runbook safe/book.md
    says "is none of this one" 'not the runbook of the repository'
    [ "$failures" -eq 0 ]
) || failures=$((failures + 1))
same "nothing of that is evidence" "$(evidence)" "$before"
expect 0 "--no-record" bash -c 'cp safe/book.md book.md && "$HOLDFAST" --key-file "$1" \
    drill --runbook book.md --scratch scratch --no-record' - "$key"
same "leaves none either" "$(evidence)" "$before"

# --- killed, two at once ---

with wait 'sleep 60 & echo $! >"$HOME/pid"; wait'
for signal in TERM KILL; do
    "$HOLDFAST" --key-file "$key" drill --runbook book.md --scratch scratch >/dev/null 2>&1 &
    drill=$!
    for i in $(seq 100); do
        pid=$(cat scratch/*/home/pid 2>/dev/null) && [ -n "$pid" ] && break
        sleep 0.1
    done
    kill -s "$signal" "$drill"
    wait "$drill" 2>/dev/null
    code=$?
    [ "$signal" = KILL ] || same "a drill that is told to end says so" "$code" 143
    for i in $(seq 50); do
        kill -0 "$pid" 2>/dev/null || break
        sleep 0.1
    done
    [ "$signal" = KILL ] || check "and takes its step with it" bash -c "! kill -0 $pid 2>/dev/null"
    kill "$pid" 2>/dev/null
    no_debris "killed by $signal: no debris"
done
same "and no evidence" "$(evidence)" "$before"
cp safe/book.md book.md
drill_book -q >/dev/null 2>one & first=$!
drill_book -q >/dev/null 2>two & second=$!
wait $first; one=$?
wait $second; two=$?
same "two at once pass" "$one $two" "0 0"
same "and are two on record" "$(evidence)" $((before + 2))
no_debris "and leave nothing"

segment=$(ls -S "$repo"/segments/* | head -n 1)
flip "$segment" 50000
expect 5 "a repository that is damaged" drill_book
says "fails where it must" 'step "(check|restore)": it ended with 4'
finish
