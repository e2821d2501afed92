#!/bin/bash
# test_prometheus.sh - metrics, alert rules and dashboard are what Prometheus takes, and fit.
project=$(cd "$(dirname "$0")/../.." && pwd)
. "$(dirname "$0")/lib.sh"
monitoring=$project/docs/monitoring

new_repository
unset HOLDFAST_REPOSITORY
mkdir src
echo 1 >src/a
cat >job.conf <<END
[job home]
repository = $work/repo
key_file = $key
paths = $work/src
metrics_file = $work/home.prom
stale_after = 26h
check = yes
drill = sample
keep_last = 3
prune = yes
END
chmod 600 job.conf
expect 0 "a job" "$HOLDFAST" --config job.conf run home

# Each metric has its help and its type before its first sample, once.
same "every metric has a type" "$(sed -n 's/^# TYPE \([a-z_]*\) gauge$/\1/p' home.prom | sort)" \
    "$(grep -v '^#' home.prom | cut -d'{' -f1 | sort -u)"
same "and a help" "$(sed -n 's/^# HELP \([a-z_]*\) .*\.$/\1/p' home.prom | sort)" \
    "$(grep -v '^#' home.prom | cut -d'{' -f1 | sort -u)"
of_runs=$(grep -v '^#' home.prom | cut -d'{' -f1 | sort -u)
printf '[gate point]\ntype = newest_point\nmax_age = 1d\n' >policy.ini
expect 0 "readiness" hf -r repo ready --policy policy.ini --metrics ready.prom
known=$(cat home.prom ready.prom | grep -v '^#' | cut -d'{' -f1 | sort -u)
# used FILE: the metrics that it names.
used() {
    grep -oE 'holdfast_[a-z_]+' "$1" | sort -u
}
for file in holdfast.rules.yml holdfast-dashboard.json holdfast.rules.test.yml; do
    same "$file names only metrics that there are" \
        "$(comm -23 <(used "$monitoring/$file") <(printf '%s\n' "$known"))" ""
done
check "the dashboard is JSON with panels and a title" jq -e '.title and (.panels | length > 5) and
    (.panels | all(.targets | length > 0)) and (.panels | map(.id) | unique | length) ==
    (.panels | length)' "$monitoring/holdfast-dashboard.json"
documented=$(grep -oE '`holdfast_(last|stale)_[a-z_]+`' "$project/docs/cli.md" | tr -d '`' |
    sort -u)
same "every metric of runs is documented, and no other" "$of_runs" "$documented"

if ! command -v promtool >/dev/null || ! command -v prometheus >/dev/null; then
    echo "PROMETHEUS IS NOT INSTALLED: nobody looks at metrics and alert rules" >&2
    echo "ok - metrics, rules and a real Prometheus # SKIP prometheus is not installed"
    finish
fi
check "promtool finds no fault in the metrics" promtool check metrics <home.prom
run promtool check metrics < <(cat home.prom ready.prom)
same "and has nothing to say about them" "$(cat out err)" ""
cp "$monitoring"/*.yml .
check "nor in the rules" promtool check rules holdfast.rules.yml
run promtool test rules holdfast.rules.test.yml
same "each alert fires when it should" "$status $(grep -c SUCCESS out)" "0 1"
sed -i 's/> holdfast_stale_after_seconds/> 2 * holdfast_stale_after_seconds/' holdfast.rules.yml
run promtool test rules holdfast.rules.test.yml
same "a rule that is wrong is noticed" "$status" 1
cp "$monitoring/holdfast.rules.yml" .

# A real Prometheus scrapes the file.
python3 "$project/tests/cli/web.py" port asked home.prom &
server=$!
until [ -e port ]; do sleep 0.05; done
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0))
print(s.getsockname()[1])')
cat >prometheus.yml <<END
global:
  scrape_interval: 1s
  evaluation_interval: 1s
rule_files:
  - $work/holdfast.rules.yml
scrape_configs:
  - job_name: node
    metrics_path: /metrics
    static_configs:
      - targets: ["127.0.0.1:$(cat port)"]
END
prometheus --config.file=prometheus.yml --storage.tsdb.path="$work/tsdb" --log.level=warn \
    --web.listen-address="127.0.0.1:$port" >prometheus.log 2>&1 &
prometheus=$!
# ask QUERY: what Prometheus answers.
ask() {
    python3 -c 'import sys, urllib.parse, urllib.request
query = urllib.parse.urlencode({"query": sys.argv[2]})
print(urllib.request.urlopen(f"http://127.0.0.1:{sys.argv[1]}/api/v1/query?{query}", timeout=5)
      .read().decode())' "$port" "$1" 2>asked.err
}
found=
for _ in $(seq 100); do
    ask holdfast_last_success_timestamp_seconds >out
    found=$(jq -r '.data.result[0].value[1] // empty' out 2>jq.err)
    [ -z "$found" ] || break
    sleep 0.2
done
wanted=$(sed -n 's/^holdfast_last_success_timestamp_seconds{.*} //p' home.prom)
same "a real Prometheus has the metric" "$(printf '%.3f' "${found:-0}")" "$wanted"
same "with the job of holdfast beside its own" \
    "$(jq -r '.data.result[0].metric | "\(.exported_job) \(.job)"' out)" "home node"
ask 'time() - holdfast_last_success_timestamp_seconds > holdfast_stale_after_seconds' >out
json "the job is fresh" '.status == "success" and (.data.result | length == 0)'
ask 'time() + 100000 - holdfast_last_success_timestamp_seconds > holdfast_stale_after_seconds' >out
json "and would be stale tomorrow" '.data.result | length == 1'
kill "$prometheus" "$server"
{ wait "$prometheus" "$server"; } 2>killed
check "it has no complaint" test "$(grep -c 'level=error' prometheus.log)" -eq 0

finish
