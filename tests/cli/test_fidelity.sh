#!/bin/bash
# test_fidelity.sh - fifty rounds of change, backup and restore of a tree of everything: programs
# that know nothing of holdfast find no difference (fidelity.py says which, and what is in it).
#
# HOLDFAST_FIDELITY_SEED=N: the same rounds again. HOLDFAST_FIDELITY_ROUNDS=N: more, or less.
rounds=${HOLDFAST_FIDELITY_ROUNDS:-50}
seed=${HOLDFAST_FIDELITY_SEED:-$(od -An -N4 -tu4 /dev/urandom | tr -d ' ')}
tests=$(cd "$(dirname "$0")" && pwd)
. "$(dirname "$0")/lib.sh"
new_repository

echo "# HOLDFAST_FIDELITY_SEED=$seed, $rounds rounds"
[ "$(id -u)" -eq 0 ] || echo "# not root: no devices, other owners, trusted xattrs, flags i and a"
HOLDFAST_KEY=$key python3 "$tests/fidelity.py" --seed "$seed" --rounds "$rounds" --work "$work" ||
    failures=1
expect 0 "check --read-data" hf check --read-data

finish
