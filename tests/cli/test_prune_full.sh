#!/bin/bash
# test_prune_full.sh - a real disk that is full: a prune gives space back, and backups go on.
#
# It is a small one in memory, mounted in a mount namespace of the test's own.
if [ -z "${MEDIA_NAMESPACE-}" ]; then
    for namespace in "unshare -m" "unshare -rm"; do
        if $namespace true 2>/dev/null; then
            # shellcheck disable=SC2086
            MEDIA_NAMESPACE=1 exec $namespace bash "$0"
        fi
    done
    echo "no mount namespace can be made here: nobody tests a prune of a full disk" >&2
    echo "ok - a prune of a full disk # SKIP no mount namespace can be made here"
    exit 0
fi
. "$(dirname "$0")/lib.sh"
trap 'cd /; umount -l "$work/disk" 2>/dev/null; rm -rf "$work"' EXIT
if ! { mkdir disk && mount -t tmpfs -o size=12m tmpfs disk 2>err; }; then
    echo "nothing can be mounted here: nobody tests a prune of a full disk" >&2
    echo "ok - a prune of a full disk # SKIP nothing can be mounted here"
    finish
fi
export HOLDFAST_REPOSITORY=$work/disk/repo
hf init -q --segment-size 1M >/dev/null

random() { head -c "$1" /dev/urandom; }
fill() { dd if=/dev/zero of=disk/filler bs=4k status=none 2>/dev/null; }
room() { df --output=avail -B1 disk | tail -n 1 | tr -d " "; }

# Dead segments: room comes without a copy, through the reserve.
mkdir src
random 4000000 >src/a
random 100000 >src/b
first=$(snapshot)
random 3000000 >src/a
second=$(snapshot)
cp -a src kept
hf forget -q "$first" >/dev/null
random 6000000 >src/new
fill
same "there is no room" "$(room)" 0
expect 28 "a backup to a full disk" hf -q backup src
expect 0 "prune -n of a full disk" hf prune -n --now
expect 0 "prune of a full disk" hf prune --now --json
json "gives space back" '.exit == 0 and .bytes_removed > 3000000'
check "which is there" test "$(room)" -gt 2500000
check "and the reserve is there" test -s disk/repo/reserve
rm disk/filler src/new
expect 0 "check" hf check --read-data
random 2000000 >src/new
expect 0 "the next backup succeeds" hf -q backup src
expect 0 "restore" hf -q restore "$second" -t back
same "the snapshot that stood is as it was" "$(tree "back$work/src")" "$(tree kept)"

# Nothing but sparse segments: there is no room to copy to, which is said, and does no harm.
rm -rf disk/repo src kept back
mkdir src
hf init -q --segment-size 1M >/dev/null
for i in 1 2 3 4 5 6 7 8; do random 400000 >"src/f$i"; done
first=$(snapshot)
rm src/f[1357]
cp -a src kept
second=$(snapshot)
hf forget -q "$first" >/dev/null
rm disk/repo/reserve
fill
expect 28 "prune without room to copy to" hf prune --now --max-unused 0 --json
json "has its code" '.exit == 28'
error_json "and says so" '.code == "no_space" and (.message | test("No space left"))'
rm disk/filler
expect 0 "nothing is damaged" hf check --read-data
expect 0 "with room it works" hf prune --now --max-unused 0 --json
json "and gives space back" '.bytes_reclaimed > 1000000'
check "the reserve is there anew" test -s disk/repo/reserve
expect 0 "check" hf check --read-data
expect 0 "restore" hf -q restore "$second" -t back
same "as it was" "$(tree "back$work/src")" "$(tree kept)"

finish
