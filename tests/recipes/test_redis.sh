#!/bin/bash
# test_redis.sh - docs/recipes/redis.md works with a real server.
. "$(dirname "$0")/recipes.sh"
needs redis-server redis-server redis-cli runuser
needs_user redis
run_page
