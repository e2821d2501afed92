#!/bin/bash
# test_json-schemas.sh - docs/recipes/json-schemas.md works with a real validator.
. "$(dirname "$0")/recipes.sh"
needs python3-jsonschema jsonschema
run_page
