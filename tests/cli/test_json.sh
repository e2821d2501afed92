#!/bin/bash
# test_json.sh - every document is what its schema in docs/schema says, and has nothing else in it.
project=$(cd "$(dirname "$0")/../.." && pwd)
. "$(dirname "$0")/lib.sh"
new_repository
mkdir src
echo 1 >src/a
ln -s a src/link
mkfifo src/fifo
printf 'x' >"src/$(printf 'bad\xff')"
seen=" event error "

# matches SCHEMA [FILE]: the last line is a document of it.
matches() {
    seen="$seen$1 "
    if why=$(python3 "$project/tests/cli/schema.py" "$project/docs/schema/$1.json" "${2-out}" \
        2>&1); then
        ok "$1 is what its schema says (${3-$1})"
    else
        not_ok "$1 is what its schema says (${3-$1})" "$why"
    fi
    if [ "$1" != event ] && [ "$1" != error ]; then
        same "its first key is the schema" "$(tail -n 1 "${2-out}" | jq -r 'keys_unsorted[0]')" \
            schema
    fi
}

# events: every line but the last is an event.
events() {
    while read -r line; do
        printf '%s\n' "$line" >event
        matches event event "$1"
    done < <(head -n -1 out)
}

document() {
    local schema=$1
    shift
    run hf --json "$@"
    matches "$schema" out "$*"
}

document init -r other init
document version version
document backup backup src
first=$(jq -r .snapshot_id out)
echo 2 >src/a
document backup backup src --tag t
document backup backup -n src
document backup backup --skip-if-unchanged src
document backup backup src /proc/self/mem
events "of a backup that could not read everything"
matches error err
document backup backup nothing
matches error err
document snapshots snapshots --all
document ls ls latest "$work/src" -R
document find find a
document diff diff "$first" latest
document stats stats
document check check --read-data
document restore restore -t target --exclude mem
document restore restore -t target -n -v "$first"
events "of a restore that says what it does"
document restore restore -t target --include nothing
matches error err
document export export latest -o out.tar
run hf --json export latest "$work/src/a" --format zip
matches export err "an export to standard output"
run hf --json dump latest "$work/src"
matches dump err "a dump of a folder"
document import import out.tar
document import import out.tar -n --job other
tar -cf odd.tar -P --transform 's,^src,../src,' src/a
tar -rf odd.tar src/fifo
document import import odd.tar
events "of an import that left something out"
matches error err
document import import /dev/null
matches error err
document drill drill full
document drill drill pitr --sample 5
document drill drill probe --probe 'printf "\377"; exit 1'
events "of a drill that failed"
matches error err
document drill drill list
document drill drill history
document forget forget "$first"
document forget forget -n latest
document undelete undelete "$first"
document tag tag latest --add x
document prune prune -n --now
document prune prune
document cache cache info
document cache cache accept-rollback
document config config init --config new.conf
document config config check --config new.conf
document config config show --config new.conf
cat >job.conf <<END
[job j]
repository = $work/repo
key_file = $key
paths = $work/src/a
check = yes
END
chmod 600 job.conf
document run run j --config job.conf
echo 'schedule = daily' >>job.conf
document schedule schedule j --config job.conf
document status status --config job.conf
document doctor doctor --config job.conf
document key key list
document key key add machine --new-key-file machine.key
document key key remove machine
document key key recovery-sheet
document key key recovery-sheet -o sheet.svg
document debug debug dump repo/journal/000000000001
document check check --record
printf '[gate %s]\ntype = file\npath = %s\nwaived_until = 2199-01-01\nwaived_by = A\nreason = b\n' \
    a / b /none >ready.ini
printf '[gate %s]\ntype = signoff\nrole = owner\nmax_age = 1d\n' c >>ready.ini
chmod 600 ready.ini
document signoff signoff owner
document signoff signoff owner --comment read --policy src/a
document ready ready --policy ready.ini
document policy ready --init new.ini
document audit audit
document audit audit --verify
document runbook runbook
run hf --json snapshots "at:now,latest"
matches error err "a usage error"
flip "repo/segments/$(ls repo/segments | head -n 1)" 400
document check check --read-data
events "of a check that found damage"
matches error err "damage"
flip repo/journal/000000000002 100
document audit audit --verify
matches error err "an altered entry"

for file in "$project"/docs/schema/*.json; do
    name=$(basename "$file" .json)
    if [[ "$seen" == *" $name "* ]]; then ok "$name was checked"; else not_ok "$name was checked"; \
        fi
done

# Progress: at most once a second, terminal or not.
mkfifo stream
(for _ in 1 2 3 4 5; do head -c 3000000 /dev/urandom; sleep 0.5; done) >stream &
hf backup --stdin --json <stream >out 2>err
wait
lines=$(grep -c '"type":"progress"' out)
if [ "$lines" -ge 1 ] && [ "$lines" -le 4 ]; then ok "progress about once a second"; else not_ok \
    "progress about once a second" "$lines lines"; fi
events "of a backup that takes long"
hf backup --stdin --json --no-progress <src/a >out 2>err
same "--no-progress shows none" "$(grep -c '"type":"progress"' out)" 0

finish
