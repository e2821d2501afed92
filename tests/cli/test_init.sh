#!/bin/bash
# test_init.sh - repositories are made once, and opened by whoever has their key.
. "$(dirname "$0")/lib.sh"

mode() { stat -c %a "$1"; }

export HOLDFAST_REPOSITORY=$work/repo
expect 0 "init makes a repository" "$HOLDFAST" init --key-file key
prints "and says its id" '^made repository [0-9a-f]{32} in '
same "the key file is for its owner alone" "$(mode key)" 600
same "the repository is for its owner alone" "$(mode repo)" 700
expect 1 "init refuses an existing repository" "$HOLDFAST" init --key-file key
says "and says why" "there is one already in $work/repo"
expect 1 "init does not make a key for an existing repository" "$HOLDFAST" init --key-file other
check "no other key was made" test ! -e other
expect 1 "nor a folder for one" "$HOLDFAST" -r none init --key-file none/key
says "and says so" '^hint: make the folder that it is to be in'
expect 0 "the key file opens it" "$HOLDFAST" snapshots --key-file key
expect 0 "init uses an existing key file" "$HOLDFAST" -r second init --key-file key --json
json "init --json has the id and the path" \
    '.schema == "holdfast/init/1" and (.repository_id | test("^[0-9a-f]{32}$")) and (.path |
    endswith("/second")) and .key_file_made == false'
expect 0 "and the same key opens both" "$HOLDFAST" -r second snapshots --key-file key
expect 0 "--repo takes the place of the variable" "$HOLDFAST" --repo=second snapshots --key-file=key

umask 0
expect 0 "init with an open umask" "$HOLDFAST" -r third init --key-file key3
same "makes a key file that is not open" "$(mode key3)" 600
same "makes a repository that is not open" "$(mode third)" 700
umask 022

sed 's/secret: ..../secret: 0000/' key >key-changed
chmod 600 key-changed
expect 12 "a damaged key file is told" "$HOLDFAST" snapshots --key-file key-changed
expect 12 "a key file of another repository does not open it" "$HOLDFAST" snapshots --key-file key3
expect 12 "no key file there" "$HOLDFAST" snapshots --key-file nothing
expect 12 "a file that is no key file" "$HOLDFAST" snapshots --key-file /bin/sh
chmod 644 key
expect 0 "a key file that others can read opens it" "$HOLDFAST" snapshots --key-file key
says "with a warning" 'can be read by others'
chmod 600 key

export HOLDFAST_REPOSITORY=$work/by-password
HOLDFAST_PASSWORD=secret expect 0 "init with a password" "$HOLDFAST" init
HOLDFAST_PASSWORD=secret expect 0 "which opens it" "$HOLDFAST" snapshots
HOLDFAST_PASSWORD=wrong expect 12 "a wrong password" "$HOLDFAST" snapshots --json
error_json "has its code" '.code == "wrong_key" and .exit == 12'
printf 'secret\nmore\n' >password
HOLDFAST_PASSWORD_FILE=password expect 0 "HOLDFAST_PASSWORD_FILE" "$HOLDFAST" snapshots
HOLDFAST_PASSWORD_COMMAND='echo sec""ret' expect 0 "HOLDFAST_PASSWORD_COMMAND" "$HOLDFAST" snapshots
HOLDFAST_PASSWORD_COMMAND='echo secret; exit 1' expect 12 "a failing password command" "$HOLDFAST" \
    snapshots
says "is told" 'the password command ended with exit status 1'
expect 0 "--password-file" "$HOLDFAST" snapshots --password-file password
HOLDFAST_PASSWORD=wrong expect 0 "an option goes before the environment" "$HOLDFAST" snapshots \
    --password-file password
run "$HOLDFAST" snapshots --password-fd 9 9<password
same "--password-fd" "$status" 0
expect 12 "a password file that is not there" "$HOLDFAST" snapshots --password-file nothing
: >empty
expect 12 "an empty password file" "$HOLDFAST" snapshots --password-file empty
expect 12 "a descriptor that is not open" "$HOLDFAST" snapshots --password-fd 77
expect 2 "two sources at once" "$HOLDFAST" snapshots --password-file password --key-file key
expect 12 "no password and no terminal" setsid "$HOLDFAST" snapshots
says "names the ways to give one" 'HOLDFAST_PASSWORD_FILE'
expect 12 "init without a password and a terminal" setsid "$HOLDFAST" -r fourth init
check "makes nothing" test ! -e fourth

# On a terminal it is asked for, unseen, at init twice. `script` gives it one.
on_terminal() {
    { sleep 0.3; printf '%s\n' "$2"; sleep 0.3; printf '%s\n' "${3-}"; sleep 0.3; } |
        script -qec "$1" /dev/null >out 2>err
    status=$?
}
on_terminal "$HOLDFAST -r asked init" secret secret
same "init asks on a terminal" "$status" 0
same "and shows nothing of the password" "$(grep -c secret out)" 0
on_terminal "$HOLDFAST -r asked snapshots" secret
same "the answer opens it" "$status" 0
on_terminal "$HOLDFAST -r asked2 init" secret other
same "two different answers are refused" "$status" 12

for codec in none zstd:3 zlib:6; do
    expect 0 "--codec $codec" "$HOLDFAST" -r "codec-$codec" init --key-file key --codec "$codec"
done
expect 2 "an unknown codec" "$HOLDFAST" -r x init --key-file key --codec lzma
expect 2 "an impossible level" "$HOLDFAST" -r x init --key-file key --codec zstd:99
expect 0 "--segment-size" "$HOLDFAST" -r size init --key-file key --segment-size 1M
expect 2 "a segment size that is none" "$HOLDFAST" -r x init --key-file key --segment-size big
expect 2 "a segment size that is too small" "$HOLDFAST" -r x init --key-file key --segment-size 1K
check "what was refused made nothing" test ! -e x
: >file
expect 1 "a repository can't be made where a file is" "$HOLDFAST" -r file init --key-file key
unset HOLDFAST_REPOSITORY
expect 2 "no repository named" "$HOLDFAST" init --key-file key
says "and how to name one" 'HOLDFAST_REPOSITORY'

finish
