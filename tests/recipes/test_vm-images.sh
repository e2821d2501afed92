#!/bin/bash
# test_vm-images.sh - docs/recipes/vm-images.md works with real images.
. "$(dirname "$0")/recipes.sh"
needs qemu-utils qemu-img qemu-io
needs qemu-system-common qemu-storage-daemon
needs python3 python3
needs e2fsprogs mke2fs e2fsck debugfs
needs fdisk sfdisk
needs psmisc fuser
run_page
