#!/bin/bash
# test_mounts.sh - a source with other file systems and bind mounts in it: backed up as it is seen,
# or, with -x, without what is mounted from elsewhere; a mount point then comes back as a folder.
if [ -z "${MOUNT_NAMESPACE-}" ]; then
    for namespace in "unshare -m" "unshare -rm"; do
        if $namespace true 2>/dev/null; then
            # shellcheck disable=SC2086
            MOUNT_NAMESPACE=1 exec $namespace bash "$0"
        fi
    done
    echo "no mount namespace can be made here: nobody tests mounts in a source" >&2
    echo "ok - mounts in a source # SKIP no mount namespace can be made here"
    exit 0
fi
. "$(dirname "$0")/lib.sh"
trap 'cd /; umount -l "$work"/src/bound "$work"/src/other 2>/dev/null; rm -rf "$work"' EXIT
new_repository

mkdir -p src/inner src/bound src/other
echo inside >src/inner/file
if ! { mount --bind src/inner src/bound && mount -t tmpfs tmpfs src/other; } 2>err; then
    echo "nothing can be mounted here: nobody tests mounts in a source" >&2
    echo "ok - mounts in a source # SKIP nothing can be mounted here"
    finish
fi
echo elsewhere >src/other/file

names() { hf ls -R "$1" --json 2>err | jq -r '.entries[].path' | sed -n "s|^$work/src/||p" | sort; }

expect 0 "a source with mounts" hf backup src --job all
same "is backed up as it is seen" "$(names job:all | xargs)" \
    "bound bound/file inner inner/file other other/file"
expect 0 "with -x" hf backup src --job one -x
same "what another file system holds is left out, but its folder is not" \
    "$(names job:one | xargs)" "bound bound/file inner inner/file other"
expect 0 "which is restored" hf restore job:one -t back -q
check "as an empty folder" test -d "back$work/src/other" -a ! -e "back$work/src/other/file"
same "and what a bind mount shows as what it is" "$(cat "back$work/src/bound/file")" inside

# A target below which something is mounted: what is in it is written to, never through a link.
expect 0 "a restore onto mounts" hf restore job:all -t / --include "$work/src" --overwrite always -q
same "writes what is there" "$(cat src/other/file src/bound/file | xargs)" "elsewhere inside"
mount -o remount,ro "$work/src/other"
echo changed >src/inner/file
run hf restore job:all -t / --include "$work/src" --overwrite always --json
same "a part of the target that can't be written is no success" "$status" 3
same "and all else is restored" "$(cat src/inner/file)" inside

finish
