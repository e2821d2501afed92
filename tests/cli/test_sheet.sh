#!/bin/bash
# test_sheet.sh - recovery sheets: printed, typed in again with and without errors, scanned.
project=$(cd "$(dirname "$0")/../.." && pwd)
. "$(dirname "$0")/lib.sh"
new_repository
repo=$HOLDFAST_REPOSITORY
mkdir src
echo content >src/a
snapshot >/dev/null

expect 0 "a sheet" hf key recovery-sheet
cp out sheet.txt && chmod 600 sheet.txt
prints "has the repository's id" "$(hf cache info --json | jq -r .repository_id)"
prints "and the commands" "holdfast --repo $repo --key-file sheet.txt snapshots"
expect 0 "as it was printed it opens" "$HOLDFAST" --key-file sheet.txt snapshots
same "and is called by its name" "$("$HOLDFAST" --key-file sheet.txt key list --json |
    jq -r '.keys[] | select(.in_use) | .name + " " + .kind')" "recovery-1 recovery_sheet"
grep -E '^ +[1-5]  ' sheet.txt | sed 's/^ *//' >lines
# typed NAME CODE SCRIPT...: what a person types instead, by sed; the exit code of using it.
typed() {
    sed -E "$3" lines >typing && chmod 600 typing
    expect "$2" "$1" "$HOLDFAST" --key-file typing snapshots
}
typed "the five lines alone" 0 ''
chmod 600 lines
expect 0 "the lines and the repository are all that a restore needs" \
    env -i PATH="$PATH" HOME="$work/another-home" "$HOLDFAST" --repo "$repo" --key-file lines \
    restore latest --target restored
same "and it is what was backed up" "$(cat "restored$work/src/a")" content
expect 0 "debug dump of a sheet" "$HOLDFAST" debug dump sheet.txt
check "shows no secret" bash -c '! grep -qF -- "$(head -n 1 lines)" out'
typed "in lower case" 0 's/.*/\L&/'
typed "without blanks" 0 's/ //g'
typed "without numbers" 0 's/^[1-5] *//'
typed "with dashes, and as Windows ends lines" 0 's/([A-Z0-9]{5}) /\1-/g; s/$/\r/'
typed "with O for 0, l for 1" 0 \
    's/^(..)(.*)/\1 \2/; :a; s/^(...*)0/\1O/; ta; :b; s/^(...*)1/\1l/; tb'
typed "among others" 0 '1i from the safe\n; 5a that is all, of 5 lines'
typed "a wrong character" 12 '3{s/^3  A/3  B/; t; s/^3  ./3  A/}'
says "is told by line and group" "line 3, group 1: its checksum doesn't match"
typed "two groups swapped" 12 '2s/^(2  )(.{5}) (.{5})/\1\3 \2/'
says "are told as well" 'line 2, group 1: its checksum'
typed "a character that is missing" 12 '4s/^(4  .{5} .{4})./\1/'
says "with the group" 'line 4, group 2: a character is missing'
typed "a character too many" 12 '4s/^(4  .{5} .{4})/\1Q/'
says "as well" 'line 4, group 2: there is a character too many'
typed "a line that is missing" 12 '3d'
says "is named" 'line 3 is missing'
typed "one of lines without numbers" 12 's/^[1-5] *//; 3d'
says "too" 'line 3: what stands there is line 4'
typed "a line that is there twice" 12 '3p'
says "is told" 'line 3 is there twice'
typed "lines that are swapped" 12 '2{h;d}; 3G'
says "are told" 'line 2 comes after line 3'
typed "a wrong number" 12 '2s/^2/4/'
says "is seen" 'line 4: what stands there is line 2'
typed "a character of no sheet" 12 '5s/^(5  .{6})./\1?/'
says "with its place" 'line 5, group 2: character 1 is none'
check "messages don't repeat what was typed" bash -c '! grep -qE "[A-Z0-9]{5} [A-Z0-9]{5}" err'

expect 0 "a page to print" hf key recovery-sheet -o "sheet of mine.html"
same "is for its owner alone" "$(stat -c %a "sheet of mine.html")" 600
expect 1 "it is not written over" hf key recovery-sheet -o "sheet of mine.html"
expect 1 "nor is a folder that is not there made" hf key recovery-sheet -o nowhere/s.html
same "and no key was made for nothing" "$(hf key list --json | jq '.keys | length')" 3
check "its QR code can be read" python3 "$project/tests/cli/qr.py" "sheet of mine.html"
cp checked scanned && chmod 600 scanned
expect 0 "and opens the repository" "$HOLDFAST" --key-file scanned key list --json
json "as that sheet" '.keys[] | select(.in_use) | .name == "recovery-2"'
expect 0 "a sheet as a QR code alone" hf key recovery-sheet -o code.svg
check "can be read" python3 "$project/tests/cli/qr.py" code.svg
cp checked scanned
grep -E '^[1-5]  ' scanned | head -n 2 >mixed && tail -n 3 lines >>mixed && chmod 600 mixed
expect 12 "lines of two sheets" "$HOLDFAST" --key-file mixed snapshots
says "are told" "they don't belong together"
expect 0 "a sheet in JSON" hf key recovery-sheet --json
json "has the lines" '(.lines | length) == 5 and .name == "recovery-4"'
jq -r '.lines[]' out >typing
expect 0 "that open" "$HOLDFAST" --key-file typing snapshots
expect 0 "a sheet is removed like any key" hf key remove recovery-4
expect 12 "and opens no longer" "$HOLDFAST" --key-file typing snapshots
says "as a wrong key" 'wrong key file'
expect 0 "its name is not used again" hf key recovery-sheet --json
json "so that no old sheet passes for a new one" '.name == "recovery-5"'
mv "$repo" "it's elsewhere"
export HOLDFAST_REPOSITORY="$work/it's elsewhere"
expect 0 "a location that a shell must not read" hf key recovery-sheet
grep -m 1 'snapshots$' out | sed "s/^ *holdfast/\"\$HOLDFAST\"/; s/sheet.txt/it/" >command
cp out it && chmod 600 it
expect 0 "is quoted, so that the command works as it is printed" bash command
finish
