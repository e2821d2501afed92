#!/bin/bash
# test_limits.sh - memory stays below its bars, in small: `make limits` does it with what the bars
# are about.
tests=$(cd "$(dirname "$0")/.." && pwd)
. "$tests/cli/lib.sh"

run "$tests/bench/limits" --scale small
sed -nE '/ (pass|FAIL)$/ { s/  +/ /g; s/^(.*) pass$/ok - \1/; s/^(.*) FAIL$/not ok - \1/; p }' out
same "all limits hold" "$status" 0

finish
