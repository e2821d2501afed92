#!/bin/bash
# test_git-server.sh - docs/recipes/git-server.md works with real repositories.
. "$(dirname "$0")/recipes.sh"
needs git git
run_page
