#!/bin/bash
# test_hooks.sh - hooks that hang, with all that they started; a job killed while one runs.
. "$(dirname "$0")/lib.sh"

new_repository
unset HOLDFAST_REPOSITORY
mkdir src
echo 1 >src/a
export HOLDFAST_CONFIG=$work/job.conf

# job LINE...: the configuration, with these lines in its job.
job() {
    cat >job.conf <<END
[job home]
repository = $work/repo
key_file = $key
paths = $work/src
on_failure = echo "\$HOLDFAST_JOB \$HOLDFAST_EXIT \$HOLDFAST_RUN_ID" >>$work/failed
END
    printf '%s\n' "$@" >>job.conf
    chmod 600 job.conf
    rm -f failed
}
# failed_with NAME EXIT: the failure hook was called, and told so, and which run it was.
failed_with() {
    if grep -qE "^home $2 [0-9a-f]{32}\$" failed; then ok "$1"; else not_ok "$1"; fi
}

# Its own limit; what it started ends with it, wherever that went.
alive() { ps -eo args= | grep -cE "^sleep 8646[0-9]\$"; }
job 'before = setsid sleep 86461 & (setsid sh -c "trap \"\" TERM; sleep 86462; :" &); sleep 86463' \
    'hook_timeout = 1s'
expect 1 "a hook that hangs longer than hook_timeout" "$HOLDFAST" run home
says "the message says why" 'the --before hook took longer than 1 s'
failed_with "the failure hook is told" 1
same "nothing that it started is left" "$(alive)" 0
job 'before = setsid sleep 86467 & sleep 86468' 'timeout = 1s'
expect 1 "nor when the time of the job is up" "$HOLDFAST" run home
same "is anything left" "$(alive)" 0
job 'after = sleep 86464' 'hook_timeout = 1s'
expect 1 "an after hook that hangs" "$HOLDFAST" run home
says "the message names it" 'the --after hook took longer than 1 s'
failed_with "the failure hook is told" 1
job 'before = sleep 86465 & exit 0' 'hook_timeout = 1s'
expect 0 "a hook that leaves something behind on purpose" "$HOLDFAST" run home
same "finds it there" "$(alive)" 1
pid=$(ps -eo pid=,args= | awk '$2 == "sleep" && $3 == "86465" { print $1 }')
kill "$pid"

# At each stage that a hook can hold it in.
for stage in before after on_success; do
    rm -f started
    job 'keep_last = 3' 'prune = yes' "$stage = echo >$work/started; exec sleep 86466"
    "$HOLDFAST" run home >out1 2>err1 &
    first=$!
    until [ -e started ]; do sleep 0.05; done
    kill -KILL "$first"
    { wait "$first"; } 2>killed
    job 'keep_last = 3' 'prune = yes' 'check = yes'
    expect 0 "killed in $stage: the next run is fine" "$HOLDFAST" run home
    prints "and does all of it" ': backup done, forget done, prune done, check done'
done
for pid in $(ps -eo pid=,args= | awk '$2 == "sleep" && $3 == "86466" { print $1 }'); do
    kill "$pid"
done

# Told to end while one runs: it is ended first, with what it started.
rm -f started
job "before = echo >$work/started; setsid sleep 86469 & sleep 86469"
"$HOLDFAST" run home >out 2>err &
first=$!
until [ -e started ]; do sleep 0.05; done
kill -TERM "$first"
wait "$first"
same "terminated" $? 143
failed_with "the failure hook is told" 143
same "nothing is left" "$(alive)" 0

finish
