#!/bin/bash
# test_sqlite.sh - docs/recipes/sqlite.md works with the real program.
. "$(dirname "$0")/recipes.sh"
needs sqlite3 sqlite3
run_page
