#!/bin/bash
# test_postgresql.sh - docs/recipes/postgresql.md works with a real server.
. "$(dirname "$0")/recipes.sh"
needs postgresql pg_createcluster pg_ctlcluster psql runuser /usr/lib/postgresql/15/bin/postgres
needs_user postgres
run_page
