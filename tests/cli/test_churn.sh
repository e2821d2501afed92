#!/bin/bash
# test_churn.sh - real processes on one repository, all at once, many killed: see churn.py.
#
# HOLDFAST_CHURN_SECONDS=N: so long instead of 8 seconds. HOLDFAST_CHURN_SEED=N: the same choices.

# A leak checker that is killed at its work says so, and that is no failure.
export ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}detect_leaks=0
exec python3 "$(dirname "$0")/churn.py" --seconds "${HOLDFAST_CHURN_SECONDS:-8}" \
    ${HOLDFAST_CHURN_SEED:+--seed "$HOLDFAST_CHURN_SEED"}
