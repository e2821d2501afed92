#!/bin/bash
# test_mariadb.sh - docs/recipes/mariadb.md works with a real server.
. "$(dirname "$0")/recipes.sh"
needs mariadb-server-core mariadbd mariadb-install-db
needs mariadb-client mariadb mariadb-dump
run_page
