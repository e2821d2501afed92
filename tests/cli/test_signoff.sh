#!/bin/bash
# test_signoff.sh - somebody vouches, in a role: signed, kept, and nothing else is written.
. "$(dirname "$0")/lib.sh"
new_repository

expect 0 "a signature" hf signoff owner
says "says where it is" 'signed off as owner, in entry 2$'
same "nothing is a result" "$(cat out)" ""
printf '[policy]\nname = minimum\n' >policy.ini
expect 0 "with a comment and a policy" hf --json signoff on-call --comment 'pager tested' \
    --policy policy.ini
json "as JSON" '.schema == "holdfast/signoff/1" and .number == 3 and .role == "on-call"
    and .comment == "pager tested" and (.id | length) == 32 and (.time | endswith("Z"))'
json "with the hash of the policy" ".policy_hash == \"$(b2sum -l 256 policy.ini | cut -d' ' -f1)\""
run hf audit --type signoff --json
json "both are in the journal, by the key that was used" '[.entries[].number] == [2, 3]
    and all(.entries[]; .key == "first" and .user != null and .host != null)
    and .entries[0].text == "signed off as owner"
    and (.entries[1].text | test("^signed off as on-call, under the policy [0-9a-f]{16}: pager"))'
expect 0 "and signed" hf audit --verify

HOLDFAST_NEW_PASSWORD=secret hf -q key add laptop
unset HOLDFAST_KEY_FILE
run env HOLDFAST_PASSWORD=secret "$HOLDFAST" signoff auditor
same "with another key" "$status" 0
run hf audit --type signoff --json
json "it is the other key's" '.entries[-1].key == "laptop"'

before=$(find repo/journal -type f | wc -l)
expect 2 "without a role" hf signoff
for role in '' 'two words' 'a/b' $'a\nb' 'ä' "$(printf 'x%.0s' {1..65})"; do
    expect 2 "a role that is none: ${role:0:10}" hf signoff "$role"
done
says "what a role may be is said" "a role has up to 64 letters, digits, '-' and '_'"
expect 2 "two roles" hf signoff owner auditor
expect 2 "too long a comment" hf signoff owner --comment "$(printf 'x%.0s' {1..5000})"
expect 1 "a policy that is not there" hf signoff owner --policy nothing.ini
says "it is named" 'could not sign off: --policy nothing.ini'
expect 10 "no repository" hf -r nowhere signoff owner
same "none of that is in the journal" "$(find repo/journal -type f | wc -l)" "$before"
flip repo/journal/000000000002 100
rm -rf home/.cache
expect 4 "a damaged journal takes no signature" hf signoff owner
finish
