#!/bin/bash
# test_run.sh - a job runs as a whole, once at a time, and is loud when something is wrong.
. "$(dirname "$0")/lib.sh"

new_repository
unset HOLDFAST_REPOSITORY
mkdir src
echo 1 >src/a
export HOLDFAST_CONFIG=$work/job.conf
metrics=$work/job.prom

# job LINE...: the configuration, with these lines in its job.
job() {
    cat >job.conf <<END
[job home]
repository = $work/repo
key_file = $key
paths = $work/src
metrics_file = $metrics
on_failure = echo "\$HOLDFAST_JOB \$HOLDFAST_EXIT \$HOLDFAST_ERROR" >>$work/failed
on_success = printf '%s %s\n' "\$HOLDFAST_HOOK" "\$HOLDFAST_SNAPSHOT_ID" >>$work/succeeded
END
    printf '%s\n' "$@" >>job.conf
    chmod 600 job.conf
    rm -f failed succeeded
}

# has NAME REGEX: of the metrics.
has() {
    if grep -qE -e "$2" "$metrics"; then ok "$1"; else not_ok "$1" "$(cat "$metrics" 2>&1)"; fi
}

# failed_with NAME EXIT: the failure hook was called, and told so; the other one was not.
failed_with() {
    same "$1" "$(cut -d' ' -f1,2 failed 2>&1) $(ls succeeded 2>/dev/null)" "home $2 "
}

# The whole chain.
job 'keep_last = 2' 'prune = yes' 'check = 100%' 'tags = nightly, x' 'exclude = *.tmp' \
    'stale_after = 26h' 'nice = 5' 'ionice = idle' 'exclude_caches = yes' 'one_file_system = yes'
touch src/b.tmp
for _ in 1 2 3; do
    date +%N >src/a
    expect 0 "a job" "$HOLDFAST" run home
done
prints "one line says how it went" \
    '^job home: all done, in .*: backup done, forget done, prune done, check done$'
expect 0 "its snapshots" hf -r repo snapshots --json
json "are as many as it keeps" '.snapshots | length == 2'
json "and as it says" '.snapshots[1].tags == ["nightly", "x"] and .snapshots[1].job == "home" and
    .snapshots[1].files == 1'
same "on_success is told the snapshot" "$(tail -n 1 succeeded)" \
    "on-success $(jq -r '.snapshots[1].id' out)"
has "metrics: the last success" '^holdfast_last_success_timestamp_seconds\{job="home"\} [0-9]{10}\.'
has "metrics: the exit code" '^holdfast_last_run_exit_code\{job="home"\} 0$'
has "metrics: a step" '^holdfast_last_run_step_exit_code\{job="home",step="check"\} 0$'
has "metrics: what is stale" '^holdfast_stale_after_seconds\{job="home"\} 93600\.000$'
has "metrics: the type of each" '^# TYPE holdfast_last_backup_size_bytes gauge$'
same "metrics: others may read it" "$(stat -c %a "$metrics")" 644
if command -v promtool >/dev/null; then
    check "metrics: promtool finds no fault" promtool check metrics <"$metrics"
fi
expect 0 "quietly" "$HOLDFAST" -q run home
same "there is nothing to mail" "$(cat out err)" ""
expect 0 "as JSON" "$HOLDFAST" --json run home
json "the last line is the summary" '.schema == "holdfast/run/1" and .exit == 0 and
    (.steps | map(.name) == ["backup", "forget", "prune", "check"]) and
    (.snapshot_id | length == 32)'
same "after those of the steps" "$(jq -r .schema out | tr '\n' ' ')" \
    "holdfast/backup/1 holdfast/forget/1 holdfast/prune/1 holdfast/check/1 holdfast/run/1 "

# Nothing but a backup.
job
expect 0 "a job that only backs up" "$HOLDFAST" run home
prints "says so" ': backup done$'
expect 2 "an unknown job" "$HOLDFAST" run hom
says "names the nearest" 'did you mean "home"'
success=$(grep ^holdfast_last_success "$metrics")

# Wrong password: the failure is told everywhere, and what was known stays known.
HOLDFAST_NEW_PASSWORD=right hf -r repo -q key add person
sed -i "s|^key_file.*|password_command = echo wrong|" job.conf
rm -f succeeded
expect 12 "a wrong password" "$HOLDFAST" run home
says "one message" '^holdfast: could not do all of the job "home": .*'
same "and no more than that and a hint" "$(grep -vc '^hint: ' err)" 1
failed_with "the failure hook is told" 12
has "metrics: the failure" '^holdfast_last_run_exit_code\{job="home"\} 12$'
has "metrics: the last success stays" "^${success//[\{\}]/.}$"
expect 0 "the command line counts more than the file" hf run home
HOLDFAST_KEY_FILE=$key expect 0 "and so does the environment" "$HOLDFAST" run home

# No repository; tried again.
job 'retry = 2' 'retry_delay = 1s' 'keep_last = 1' 'prune = yes'
mv repo away
(sleep 0.5; mv away repo) &
expect 0 "a repository that comes back" "$HOLDFAST" run home
wait
says "the attempt that failed is told" '^warning: backup: attempt 1 of 3 failed, the next one in 1'
mv repo away
job 'keep_last = 1' 'check = yes'
expect 10 "a repository that is away" "$HOLDFAST" --json run home
json "what comes after is skipped" '.steps | map(.state) == ["failed", "skipped", "skipped"]'
failed_with "the failure hook is told" 10
mv away repo

# Hooks that fail, hang, flood.
job 'before = exit 3'
expect 1 "a hook that fails" "$HOLDFAST" run home
failed_with "the failure hook is told" 1
says "the message names it" 'the --before hook ended with exit status 3'
job 'before = sleep 60' 'timeout = 1s'
begin=$SECONDS
expect 1 "a hook that hangs" "$HOLDFAST" run home
says "the message says why" 'longer than its timeout of 1s'
failed_with "the failure hook is told" 1
expect 1 "as a document" "$HOLDFAST" run home --json
json "the step says why as well" '.steps[0].message | test("longer than its timeout of 1s")'
job 'before = trap "" TERM; while :; do sleep 1; done' 'timeout = 1s'
expect 1 "a hook that won't end" "$HOLDFAST" run home
if [ $((SECONDS - begin)) -lt 20 ]; then ok "in time"; else not_ok "in time"; fi
job 'after = head -c 1000000 /dev/zero | tr "\\0" x'
expect 0 "a hook that prints a megabyte" "$HOLDFAST" run home
same "none of it among the results" "$(grep -c xxx out)" 0
job
sed -i 's|^on_success.*|on_success = exit 1|' job.conf
expect 1 "on_success fails" "$HOLDFAST" run home
failed_with "the failure hook is told" 1
job 'timeout = 1s' 'after = false'
sed -i 's|^on_failure.*|on_failure = sleep 60|' job.conf
expect 1 "on_failure hangs" "$HOLDFAST" run home
says "that is told as well" 'the --on-failure hook took longer than 1'

# A file that can't be read.
job 'keep_last = 1'
sed -i "s|^paths.*|paths = $work/src, /proc/self/mem|" job.conf
expect 3 "an incomplete backup" "$HOLDFAST" run home
prints "the rest is done" '^job home: INCOMPLETE, in .*: backup incomplete, forget done$'
failed_with "the failure hook is told" 3

# Metrics that can't be written are a failure.
job
sed -i "s|^metrics_file.*|metrics_file = $work/none/job.prom|" job.conf
expect 1 "metrics that can't be written" "$HOLDFAST" run home
says "it says so" 'could not write the metrics'
says "and what to do" '^hint: make the folder that it is to be in'

# Nor can the state be kept: even that is told.
job "state_dir = $work/src/a/state"
expect 1 "a state folder that can't be made" "$HOLDFAST" run home
failed_with "the failure hook is told" 1
has "metrics: so are they" '^holdfast_last_run_exit_code\{job="home"\} 1$'

# Twice; and killed.
mkfifo wait
job "before = echo >$work/started; cat $work/wait >/dev/null"
"$HOLDFAST" run home >out1 2>err1 &
first=$!
until [ -e started ]; do sleep 0.05; done
expect 11 "a second start" timeout 10 "$HOLDFAST" run home
says "says who runs it" "running already, as process $first"
same "and calls no hook" "$(ls failed succeeded 2>/dev/null)" ""
: >wait
wait "$first"
same "the first one ends well" $? 0
rm started
"$HOLDFAST" run home >out1 2>err1 &
first=$!
until [ -e started ]; do sleep 0.05; done
kill -KILL "$first"
{ wait "$first"; } 2>killed
: >wait
job
expect 0 "after a kill the next run is fine" "$HOLDFAST" run home
job 'keep_last = 3' 'prune = yes' 'check = 100%'
for pause in 0.01 0.03 0.06 0.1 0.15; do
    date +%N >src/a
    "$HOLDFAST" run home >out1 2>err1 &
    first=$!
    sleep $pause
    kill -KILL "$first" 2>killed
    { wait "$first"; } 2>killed
done
expect 0 "and after kills at other moments" "$HOLDFAST" run home
prints "all is done" ': backup done, forget done, prune done, check done$'
rm started
job "before = echo >$work/started; sleep 30"
"$HOLDFAST" run home >out1 2>err &
first=$!
until [ -e started ]; do sleep 0.05; done
kill -TERM "$first"
wait "$first"
same "terminated" $? 143
failed_with "the failure hook is told" 143

# A full disk, where one may be made.
cat >full.sh <<END
mkdir full && mount -t tmpfs -o size=8m none full || exit 99
cp -a repo/. full/ && head -c 12000000 /dev/urandom >src/big || exit 99
sed -i 's|^repository.*|repository = $work/full|' job.conf
"$HOLDFAST" run home; code=\$?
umount full
exit \$code
END
job 'keep_last = 1'
run unshare -m bash full.sh
case $status in
28)
    ok "a full disk"
    failed_with "the failure hook is told" 28
    ;;
99 | 1) ok "a full disk can't be made here" ;;
*) not_ok "a full disk" "exit code $status" ;;
esac
rm -f src/big
job
expect 0 "and the next run is fine" "$HOLDFAST" run home

# What could not be forgotten: nothing is removed either.
job 'keep_last = 0' 'prune = yes' 'check = yes'
expect 2 "a policy that keeps nothing" "$HOLDFAST" run home
prints "nothing is pruned" 'backup done, forget failed, prune skipped, check done$'
failed_with "the failure hook is told" 2

# Damage: nothing is removed after it.
mv repo/holdfast kept
job 'keep_last = 1' 'prune = yes'
expect 4 "a damaged repository" "$HOLDFAST" run home
prints "the rest is skipped" 'backup failed, forget skipped, prune skipped$'
failed_with "the failure hook is told" 4

finish
