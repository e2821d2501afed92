#!/bin/bash
# test_drill_full.sh - a scratch disk that is full: said, no evidence, nothing left.
#
# It is a small one in memory, mounted in a mount namespace of the test's own.
if [ -z "${MEDIA_NAMESPACE-}" ]; then
    for namespace in "unshare -m" "unshare -rm"; do
        if $namespace true 2>/dev/null; then
            # shellcheck disable=SC2086
            MEDIA_NAMESPACE=1 exec $namespace bash "$0"
        fi
    done
    echo "no mount namespace can be made here: nobody tests a full scratch disk" >&2
    echo "ok - a full scratch disk # SKIP no mount namespace can be made here"
    exit 0
fi
. "$(dirname "$0")/lib.sh"
trap 'cd /; umount -l "$work/disk" 2>/dev/null; rm -rf "$work"' EXIT
if ! { mkdir disk && mount -t tmpfs -o size=4m tmpfs disk 2>err; }; then
    echo "nothing can be mounted here: nobody tests a full scratch disk" >&2
    echo "ok - a full scratch disk # SKIP nothing can be mounted here"
    finish
fi
new_repository
mkdir src
for i in $(seq 30); do head -c 200000 /dev/urandom >"src/f$i"; done
snapshot >/dev/null
recorded() { hf drill history --json | jq '.history | length'; }

expect 28 "a scratch disk that is too small" hf drill full --scratch disk --json
error_json "is told before anything is written" '.code == "no_space"
    and (.message | test("MiB left, and .* are to be written to it"))'
json "and the drill is not finished" '.exit == 28 and .passed == null and .evidence == null'
same "nothing is left on it" "$(ls -A disk)" ""
same "none of it is evidence" "$(recorded)" 0
expect 0 "a sample fits" hf drill sample --sample 5 --scratch disk
same "nothing is left on it" "$(ls -A disk)" ""

# Somebody else fills it meanwhile.
expect 5 "a probe that fills the disk" hf drill probe --sample 5 --scratch disk \
    --probe 'dd if=/dev/zero of=filler bs=64k'
says "has failed" "MISMATCH the probe: it ended with exit status"
same "nothing is left on it" "$(ls -A disk)" ""
dd if=/dev/zero of=disk/filler bs=4k status=none 2>/dev/null
expect 28 "a disk without a byte" hf drill sample --sample 5 --scratch disk
same "nothing of a drill is left on it" "$(ls -A disk)" filler
same "that is no evidence either" "$(recorded)" 2
umount disk
mount -t tmpfs -o nr_inodes=8 tmpfs disk
expect 28 "a disk without room for names" hf drill full --scratch disk
same "nothing is left on it" "$(ls -A disk)" ""
finish
