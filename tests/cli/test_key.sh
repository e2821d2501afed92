#!/bin/bash
# test_key.sh - ways into one repository: added, changed, removed, lost.
. "$(dirname "$0")/lib.sh"
new_repository
repo=$HOLDFAST_REPOSITORY
mkdir src
echo content >src/a
snapshot >/dev/null

# by PASSWORD ARGUMENT...: the program with that password.
by() {
    HOLDFAST_PASSWORD=$1 "$HOLDFAST" "${@:2}"
}

# with NEW ARGUMENT...: the test's key file opens, and NEW is the new password.
with() {
    HOLDFAST_NEW_PASSWORD=$1 hf "${@:2}"
}

# state FILE: what `key list` says of it.
state() {
    hf key list --json 2>/dev/null | jq -r --arg f "$1" '.keys[] | select(.file == $f) | .state'
}

before=$(cat "$repo"/segments/* | sha256sum)
expect 0 "there is one way in at first" hf key list --json
json "the one that init made, and that is used" '.keys | length == 1 and
    .[0].name == "first" and .[0].kind == "key_file" and .[0].in_use and .[0].number == 1'

# Adding
expect 0 "a password is added" with secret key add team
expect 0 "it opens" by secret snapshots
expect 0 "the first one still opens" hf snapshots
expect 12 "another password does not" by wrong snapshots
says "and says so" 'keys/team: wrong password'
expect 1 "a name that is taken is refused" with other key add team
says "with the name" "there is a key 'team' already"
for name in '' . a/b '../x' 'a b' "$(printf 'x%.0s' {1..65})"; do
    expect 2 "'${name:0:8}' is no name of a key" with other key add "$name"
done
echo 'from a file' >new
expect 0 "a password from a file" hf key add file --new-password-file new
expect 0 "opens" by 'from a file' snapshots
expect 0 "a key file is added" hf key add machine --new-key-file machine.key
same "it was made for its owner alone" "$(stat -c %a machine.key)" 600
expect 0 "it opens" "$HOLDFAST" --key-file machine.key snapshots
expect 0 "a key file that exists is used" hf key add again --new-key-file machine.key
expect 2 "one source only" hf key add x --new-key-file x.key --new-password-file new
: >empty
expect 12 "an empty password is none" hf key add x --new-password-file empty
says "and says so" 'no new key: .*the password is empty'
expect 12 "no new password and no terminal" setsid "$HOLDFAST" --key-file "$key" key add x
says "with what to do" 'hint: set HOLDFAST_NEW_PASSWORD'
expect 1 "a key file for a name that is taken" hf key add team --new-key-file lost.key
check "is not left behind" test ! -e lost.key
expect 0 "all of them are listed" hf key list
prints "with kind and state" '^machine +key file +[0-9-]+ [0-9:]+ .* ok$'
prints "and which one is used" '^first +key file .* ok, in use$'
expect 0 "check finds nothing wrong" hf check
for call in 'add' 'add a b' 'remove' 'remove a b' 'list x' 'recovery-sheet x' 'passwd a b' 'frob' \
    'list --output f' 'remove a --new-key-file f' 'passwd --new-key-file f'; do
    # shellcheck disable=SC2086
    expect 2 "\"key $call\" is refused" hf key $call
done

# On a terminal the new password is asked for, unseen, twice. `script` gives it one.
on_terminal() {
    { sleep 0.3; printf '%s\n' "$2"; sleep 0.3; printf '%s\n' "$3"; sleep 0.3; } |
        script -qec "$1" /dev/null >out 2>err
    status=$?
}
on_terminal "$HOLDFAST --key-file $key key add asked" typed typed
same "a terminal is asked" "$status" 0
same "and shows nothing of the password" "$(grep -c typed out)" 0
expect 0 "which opens" by typed snapshots
on_terminal "$HOLDFAST --key-file $key key add other" typed tpyed
same "two that differ are refused" "$status" 12
expect 0 "and it is removed again" hf key remove asked

# Changing
expect 0 "a password is changed by who has it" \
    env HOLDFAST_PASSWORD=secret HOLDFAST_NEW_PASSWORD=changed "$HOLDFAST" key passwd
expect 12 "the old one opens no longer" by secret snapshots
expect 0 "the new one does" by changed snapshots
expect 0 "a named one is changed by another way in" with again key passwd team
expect 12 "again the old one is over" by changed snapshots
expect 0 "and the new one opens" by again snapshots
same "its name is the same" "$(hf key list --json | jq '[.keys[].name] | map(select(. == "team")) |
    length')" 1
expect 2 "a key file has no password" with x key passwd
says "says what opened" 'was opened by a key file'
expect 2 "nor has one that is named" with x key passwd machine
expect 1 "one that there is not" with x key passwd nobody

# Removing
cp "$repo/keys/file" kept
expect 0 "a way in is removed" hf key remove file
check "its file is gone" test ! -e "$repo/keys/file"
expect 12 "it opens no longer" by 'from a file' snapshots
expect 1 "again there is none" hf key remove file
cp kept "$repo/keys/file"
expect 12 "nor if its file comes back" by 'from a file' snapshots
says "and says why" 'keys/file: the key was removed by entry [0-9]+'
same "the list says so" "$(state file)" removed
expect 0 "check says so, and it is no damage" hf check
says "by a note" 'keys/file: the journal says that it is removed'
expect 0 "removing it once more" hf key remove file --json
json "needs no entry" '.action == "remove" and .number == null'
check "but removes the file" test ! -e "$repo/keys/file"
expect 0 "the one that is used can be removed" "$HOLDFAST" --key-file machine.key key remove machine
expect 0 "since another is left, here of the same key file" \
    "$HOLDFAST" --key-file machine.key key remove again
expect 12 "then it opens no longer" "$HOLDFAST" --key-file machine.key snapshots

# Damage
cp -r "$repo" copy
flip "$repo/keys/team.3" 20
same "a copy that is damaged is told" "$(state team.3)" one_copy_damaged
expect 0 "and opens by the other" by again snapshots
flip "$repo/keys/team.3" 300
expect 0 "a damaged key beside a good one is no obstacle" hf snapshots
says "but warned of" 'keys/team.3: damaged'
same "and told" "$(state team.3)" damaged
expect 12 "if it is what was to open, it is said to be damaged" by again snapshots
says "which is not a wrong password" 'neither of its two copies is whole'
with other key add other
expect 12 "beside others as well" by again snapshots
says "where it is warned of" 'keys/team.3: damaged'
says "as it is wrong for the others" 'keys/other: wrong password'
hf -q key remove other 2>/dev/null
expect 4 "check finds it" hf check
rm -f "$repo/keys/team.3"
expect 4 "a key that is gone is damage" hf check
says "with its name" 'keys/team.3: it is missing; entry [0-9]+ added it'
same "and told" "$(state team.3)" missing
expect 0 "it is removed from the journal" hf key remove team
expect 0 "and then nothing is wrong" hf check
with x key add twin
rm -f "$repo/keys/twin" && cp "$repo/keys/first" "$repo/keys/twin"
expect 4 "a key whose file is another's is gone as well" hf check
says "with its name" 'keys/twin: it is missing'
same "its file is told to be another" "$(state twin | sort | xargs)" "missing replaced"
expect 0 "it is removed" hf key remove twin
expect 0 "without the one that its file holds" hf check
says "of which there is a note" 'keys/twin: it holds another key'
expect 12 "that file is not ours to remove" hf key remove twin
rm -f "$repo/keys/twin"
expect 1 "the last way in can't be removed" hf key remove first
says "and says so" 'it is the last way into the repository'
check "and is still there" test -e "$repo/keys/first"

# What was interrupted: a file that the journal does not know.
rm -rf "$repo" && cp -r copy "$repo" && export HOLDFAST_STATE_DIR=$work/state2
with half key add half
cp "$repo/keys/half" . && rm -rf "$repo" && cp -r copy "$repo" && rm -rf state2 home/.cache
cp half "$repo/keys/half"
same "it is not finished" "$(state half)" not_finished
expect 0 "it opens all the same" by half snapshots
says "and is warned of" 'keys/half opens the repository, but the journal does not know it'
expect 0 "check notes it" hf check
says "and says why" 'keys/half: the journal does not know it'
expect 0 "doing it again" with whole key add half
expect 0 "finishes it" by whole snapshots
expect 12 "and nothing is left of the other" by half snapshots
same "not even its file" "$(echo "$repo"/keys/half*)" "$repo/keys/half.2"
same "a stranger is told" "$(printf x | dd of="$repo/keys/stranger" status=none; state stranger)" \
    damaged
expect 12 "and is not ours to remove" hf key remove stranger
says "says what to do" 'remove the file itself'
rm "$repo/keys/stranger"

# What is secret is nowhere to be seen, and no data was touched by any of this.
run hf -v -v --log-format json key add seen --new-password-file new
check "no secret is logged" bash -c '! grep -q "from a file" out err'
same "nothing was encrypted anew" "$(cat "$HOLDFAST_REPOSITORY"/segments/* | sha256sum)" "$before"
expect 0 "and all is well" hf check --read-data
finish
