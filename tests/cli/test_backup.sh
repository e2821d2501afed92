#!/bin/bash
# test_backup.sh - what goes into a snapshot, what does not, and how a backup that failed is told.
. "$(dirname "$0")/lib.sh"
new_repository

# listed [PATTERN]: paths of the latest snapshot below $work, without it.
listed() {
    hf -q ls latest -R | sed -n "s|^$work/||p" | sort | tr '\n' ' '
}

mkdir -p src/sub src/cache src/nobackup
echo one >src/a.txt
echo two >src/b.tmp
echo three >src/sub/c.txt
head -c 200000 /dev/urandom >src/big
printf 'Signature: 8a477f597d28d172789f06886806bc55\n' >src/cache/CACHEDIR.TAG
echo x >src/cache/x
: >src/nobackup/.nobackup
echo y >src/nobackup/y
ln -s a.txt src/link

expect 0 "backup of a folder" hf backup src
prints "says the snapshot's id, entry and job" \
    '^snapshot [0-9a-f]{32} is entry [0-9]+, job default$'
prints "and what is in it" '8 files \(8 new, 0 changed, 0 unmodified\)'
expect 0 "the same again" hf backup src
prints "finds nothing modified" '8 files \(0 new, 0 changed, 8 unmodified\)'
prints "and stores next to nothing" '^  [0-9.]+ (B|KiB) new'
run hf -q backup src
check "-q prints the id alone" grep -qxE '[0-9a-f]{32}' out

expect 0 "backup --json" hf backup src --json --job web --host h1 --tag t1,t2 --tag t3
json "has all keys of the contract" '.schema == "holdfast/backup/1" and .type == "summary" and .exit
    == 0
    and (.snapshot_id | test("^[0-9a-f]{32}$")) and .number > 1 and (.time |
        test("^20.*\\.[0-9]{9}Z$"))
    and .files_new == 8 and .files_changed == 0 and .files_unmodified == 0 and .dirs > 3
    and .bytes_processed > 200000 and .bytes_new >= 0 and .bytes_stored >= 0 and .errors == 0
    and .unstable == 0 and .duration_seconds > 0'
same "nothing is said on stderr" "$(wc -c <err)" 0
run hf snapshots --json latest
json "job, host, tags and paths are recorded" \
    '.snapshots[0] | .job == "web" and .host == "h1" and .tags == ["t1","t2","t3"] and (.paths[0] |
    endswith("/src"))'

echo changed >>src/a.txt
expect 0 "-n" hf backup -n src --json
json "stores nothing and has no id" '.snapshot_id == null and .number == null and .files_changed ==
    1'
run hf snapshots --json
json "and makes no snapshot" '.snapshots | length == 4'
expect 0 "a change" hf backup src --json
json "is found" '.files_changed == 1 and .files_unmodified == 7'
printf 'eno\n' | dd of=src/a.txt conv=notrunc status=none && touch -d '1 hour ago' src/a.txt
hf -q backup src >id
printf 'ONE\n' | dd of=src/a.txt conv=notrunc status=none
touch -d "$(hf ls latest --json "$work/src/a.txt" | jq -r '.entries[0].mtime')" src/a.txt
expect 0 "a change that left size and time as they were" hf backup src --ignore-ctime --json
json "is not seen where the ctime is ignored" '.files_changed == 0'
expect 0 "--force" hf backup src --ignore-ctime --force --json
json "reads everything and finds it" '.files_changed == 1'
strip="--strip-prefix $work/src --job strip"
expect 0 "--strip-prefix" hf backup src $strip
same "lets a folder become /" "$(hf -q ls latest)" "$(ls -A src | sed 's|^|/|')"
expect 0 "--skip-if-unchanged" hf backup src $strip --skip-if-unchanged --json
json "makes no snapshot" '.snapshot_id == null and .unchanged'
hf -q backup src >id
touch beside && chmod 711 . # folders above, and what else is in them, are not what was asked for
expect 0 "where only a folder above it changed" hf backup src --skip-if-unchanged --json
json "neither" '.snapshot_id == null and .unchanged'
run hf snapshots --json
json "of the same" '.snapshots | length == 10'
chmod 711 src/sub
expect 0 "--skip-if-unchanged after a change of a mode alone" hf backup src --skip-if-unchanged \
    --json
json "makes one" '.snapshot_id != null and .unchanged == false'
expect 0 "--parent" hf backup src --parent '#2' --json
json "is the one that was named" \
    ".parent == \"$(hf snapshots '#2' --json | jq -r '.snapshots[0].id')\""
expect 7 "--parent that is none" hf backup src --parent '#1'

expect 0 "-e" hf backup src -e '*.tmp' --exclude sub --exclude=/nothing
same "leaves out what matches" "$(listed)" \
    "src src/a.txt src/big src/cache src/cache/CACHEDIR.TAG src/cache/x src/link src/nobackup \
src/nobackup/.nobackup src/nobackup/y "
printf '# comment\n*.tmp\n\nsub\n/**/cache\n!keep\n' >patterns
expect 0 "--exclude-file" hf backup src --exclude-file patterns
same "reads patterns from a file" "$(listed)" \
    "src src/a.txt src/big src/link src/nobackup src/nobackup/.nobackup src/nobackup/y "
expect 0 "--exclude-caches and --exclude-if-present" hf backup src --exclude-caches \
    --exclude-if-present .nobackup
check "leave the caches' content out" bash -c '! grep -q cache/x <<<"$1"' - "$(listed)"
check "and the marked folder's" bash -c '! grep -q nobackup/y <<<"$1"' - "$(listed)"
expect 0 "--exclude-larger-than" hf backup src --exclude-larger-than 100K
check "leaves the large file out" bash -c '! grep -q big <<<"$1"' - "$(listed)"
expect 2 "a pattern that is none" hf backup src -e '[a'
says "is told with the place" "'\[a'.*(position|character) [0-9]+|(position|character) [0-9]+.*\[a"
printf 'good\n[a\n' >patterns
expect 2 "a pattern of a file that is none" hf backup src --exclude-file patterns
says "is told with its line" 'patterns.*2'
cp -p src/a.txt other && mv other src/a.txt # another inode, the same size and mtime
expect 0 "--ignore-inode and --ignore-ctime" hf backup src --ignore-inode --ignore-ctime --json
json "take the file for unmodified" '.files_changed == 0'
cp -p src/a.txt other && mv other src/a.txt
expect 0 "--ignore-ctime alone" hf backup src --ignore-ctime --json
json "reads it, and finds that it is" '.files_changed == 0 and .files_unmodified > 0'
mkdir locked && echo x >locked/x && chmod 0 locked
expect 3 "a folder that can't be read" unprivileged "$HOLDFAST" --key-file "$key" backup locked \
    src/sub --json
check "is named" jq -se 'any(.[]; .type == "warning" and (.path | endswith("/locked")))' out
chmod 700 locked && rm -r locked
expect 2 "a size that is none" hf backup src --exclude-larger-than 5X
expect 1 "an exclude file that is not there" hf backup src --exclude-file nothing

printf 'src/sub\n# no\n\nsrc/a.txt\n' >list
expect 0 "--files-from" hf backup --files-from list
same "backs up the paths of a list" "$(listed)" "src src/a.txt src/sub src/sub/c.txt "
printf 'src/sub\0src/a.txt\0' >list0
expect 0 "--files-from0" hf backup --files-from0 list0
same "the same with NULs" "$(listed)" "src src/a.txt src/sub src/sub/c.txt "
expect 1 "an empty list" hf backup --files-from /dev/null

expect 1 "a path that does not exist is an error" hf backup src/bigg src/none
says "which names it" "could not find $work/src/bigg: "
says "and the nearest one" "did you mean $work/src/big\?"
expect 3 "one of several that does not" hf backup src/none src/a.txt src/sub src/nor --json
json "is counted" '.errors == 2 and .files_unmodified + .files_new == 2'
check "and warned of" jq -se '[.[] | select(.type == "warning") | .path | split("/")[-1]] ==
    ["none", "nor"]' out
mkfifo src/fifo
expect 0 "a FIFO" hf backup src/fifo
same "is stored as what it is, and nobody waits for it" "$(hf ls latest --json "$work/src/fifo" |
    jq -r '.entries[0].type')" fifo
rm src/fifo
expect 2 "no path" hf backup
expect 2 "a job with a comma" hf backup src --job a,b
expect 2 "a class that is none" hf backup src --class perfect

echo stream | hf backup --stdin --stdin-name dir/s.txt --json >out 2>err
json "--stdin makes a snapshot" '.exit == 0 and .files_new == 1 and .bytes_processed == 7'
same "of one file" "$(hf -q dump latest dir/s.txt)" stream
expect 0 "--stdin-from-command" hf backup --stdin-from-command --stdin-name c.txt -- printf \
    '%s-%s' a b
same "stores what it wrote" "$(hf -q dump latest c.txt)" a-b
before=$(hf snapshots --json | jq '.snapshots | length')
expect 1 "a command that fails" hf backup --stdin-from-command --stdin-name c.txt -- sh -c \
    'echo half; exit 3'
says "is told" 'exit status 3'
expect 1 "a command that does not exist" hf backup --stdin-from-command --stdin-name c.txt -- \
    /nonexistent/x
same "neither makes a snapshot" "$(hf snapshots --json | jq '.snapshots | length')" "$before"
expect 2 "--stdin and a path" hf backup --stdin src
expect 2 "--stdin-from-command without one" hf backup --stdin-from-command --stdin-name x
expect 2 "--stdin-name without a stream" hf backup src --stdin-name x
expect 2 "a name that is none" hf backup --stdin --stdin-name ../x

latest_class() { hf snapshots latest --json | jq -r \
    '.snapshots[0] | "\(.class) \(.class_asserted)"'; }
expect 0 "hooks" hf backup src --before 'echo b >hooks' --after \
    'echo "a $HOLDFAST_EXIT $HOLDFAST_JOB $HOLDFAST_SNAPSHOT_ID" >>hooks' --on-failure \
    'echo f >>hooks' --json
same "run before and after" "$(cat hooks)" \
    "$(printf 'b\na 0 default %s' "$(jq -r .snapshot_id out)")"
same "a hook that succeeded proves class app" "$(latest_class)" "app false"
expect 0 "--class app without a hook" hf backup src --class app
same "is asserted" "$(latest_class)" "app true"
expect 0 "--class crash with a hook" hf backup src --class crash --before true
same "is proved" "$(latest_class)" "crash false"
expect 0 "no class" hf backup src
same "is fuzzy" "$(latest_class)" "fuzzy false"
rm -f hooks
before=$(hf snapshots --json | jq '.snapshots | length')
expect 1 "a failing --before" hf backup src --before 'exit 9' --after 'echo a >>hooks' \
    --on-failure 'echo "f $HOLDFAST_EXIT $HOLDFAST_ERROR" >>hooks'
says "is told" 'the --before hook ended with exit status 9'
check "only --on-failure runs, and knows why" grep -qx \
    'f 1 could not back up: the --before hook ended with exit status 9' hooks
same "there is no snapshot" "$(hf snapshots --json | jq '.snapshots | length')" "$before"
expect 1 "a failing --after" hf backup src --after 'exit 4' --json
json "leaves the snapshot standing" '.exit == 1 and (.snapshot_id | length == 32)'
expect 1 "--on-failure" hf backup nothing --on-failure 'echo failed >hooks'
same "runs when there is nothing to back up" "$(cat hooks)" failed
expect 0 "what hooks print" hf backup src --before 'echo noise' --json
same "does not get into the results" "$(wc -l <out)" 1
says "but to standard error" '^noise$'
expect 0 "-n runs no hooks" hf backup src -n --before 'echo ran >dry'
check "indeed" test ! -e dry

expect 0 "the repository lies in what is backed up" hf backup "$work"
check "but is not in it" bash -c '! grep -q "repo/journal" <<<"$1"' - "$(listed)"
check "nor is the cache" bash -c '! grep -q "home/.cache/holdfast/" <<<"$1"' - "$(listed)"
check "all else is" grep -q 'src/sub/c.txt' <<<"$(listed)"

chmod 0 src/a.txt
expect 3 "a file that can't be read" unprivileged "$HOLDFAST" --key-file "$key" backup src --json
json "is counted, and the rest is backed up" '.exit == 3 and .errors == 1 and .snapshot_id != null'
check "and named" jq -se 'any(.[]; .type == "warning" and (.path | endswith("/src/a.txt")) and .code
    == "access_denied")' out
error_json "the end says so too" '.code == "incomplete" and .exit == 3'
expect 3 "the same for people" unprivileged "$HOLDFAST" --key-file "$key" backup src
prints "is in the summary" '^  1 could not be backed up, 0 changed meanwhile: each is named above$'

finish
