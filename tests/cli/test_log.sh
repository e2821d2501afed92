#!/bin/bash
# test_log.sh - a job's log: its form, its rotation, the journal's, and no secret in any of it.
project=$(cd "$(dirname "$0")/../.." && pwd)
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
log_file = $work/log
END
    printf '%s\n' "$@" >>job.conf
    chmod 600 job.conf
}

# As text.
job
expect 0 "a job" "$HOLDFAST" -q run home
line='^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+Z (error|warn|info|debug) home [0-9a-f]{32} '
check "every line has time, level, job and run" test "$(grep -cvE "$line" log)" -eq 0
same "one run has one id" "$(cut -d' ' -f4 log | sort -u | wc -l)" 1
check "the last says how it went" grep -qE ' info home [0-9a-f]{32} job home: all done' log
same "only its owner reads it" "$(stat -c %a log)" 600
same "under -q standard error has nothing of it" "$(cat err)" ""
job 'before = exit 3'
expect 1 "a job that fails" "$HOLDFAST" run home
same "another run has another id" "$(cut -d' ' -f4 log | sort -u | wc -l)" 2
check "what went wrong is an error there" grep -qE ' error home .*ended with exit status 3' log

# As JSON.
rm log
job 'log_format = json' 'before = true'
expect 0 "as JSON" "$HOLDFAST" -vv run home
check "each line is a document" jq -se 'length > 1 and all(.time and .level and .message and
    .job == "home" and (.run | test("^[0-9a-f]{32}$")))' log
error_json "and so is standard error" '.level and .run and .message'

# Rotated.
job "before = mv $work/log $work/log.1" 'after = exit 1'
rm log
expect 1 "a log that is renamed meanwhile" "$HOLDFAST" run home
check "what came before is there" grep -q ' the job begins' log.1
check "what comes after is in a new one" grep -q ' error home .*hook ended with exit status 1' log
mkdir logs
job "before = echo >$work/started; until [ -e $work/rotated ]; do sleep 0.05; done"
sed -i "s|^log_file.*|log_file = $work/logs/log|" job.conf
"$HOLDFAST" run home >out 2>err &
first=$!
until [ -e started ]; do sleep 0.05; done
mv logs/log logs/log.1
kill -HUP "$first"
: >rotated
wait "$first"
same "SIGHUP does not end a job that has a log" $? 0
check "it goes on in a new one" grep -q ' all done' logs/log
if command -v logrotate >/dev/null; then
    sed "s|^[^ #]*\.log|$work/logs/log|; s|^ *su .*||" \
        "$project/packaging/logrotate/holdfast" >rotate.conf
    chmod 600 rotate.conf
    run logrotate -f -s "$work/rotate.state" rotate.conf
    same "logrotate takes the file that comes with holdfast" "$status $(cat err)" "0 "
else
    echo "ok - logrotate takes the file that comes with holdfast # SKIP logrotate is not installed"
fi

# A log that can't be written is told; the backup is made all the same.
job
sed -i "s|^log_file.*|log_file = $work/none/log|" job.conf
expect 1 "a log that can't be opened" "$HOLDFAST" run home
says "is told" 'could not open the log .*/none/log: No such file'
prints "and no reason not to back up" ': backup done$'
if [ -e /dev/full ]; then
    sed -i "s|^log_file.*|log_file = /dev/full|" job.conf
    expect 28 "a log on a full disk" "$HOLDFAST" run home
    says "is told" 'could not write the log /dev/full: No space'
fi

# For the journal.
job 'before = exit 3'
: >journal
JOURNAL_STREAM=$(stat -c %d:%i journal) "$HOLDFAST" -v run home 2>journal >out
check "lines for the journal begin with their priority" grep -q '^<3>holdfast: could not' journal
check "each with its own" grep -q '^<6>' journal
JOURNAL_STREAM=1:2 run "$HOLDFAST" -v run home
says_not "elsewhere they don't" '^<'

# No secret that is known here is in anything that is written or sent.
python3 "$project/tests/cli/web.py" port asked &
server=$!
until [ -e port ]; do sleep 0.05; done
HOLDFAST_NEW_PASSWORD=correct-horse hf -r repo -q key add person
HOLDFAST_NEW_PASSWORD=battery-staple hf -r repo -q key add other
cat >pass.sh <<END
#!/bin/sh
echo correct-horse
END
chmod 700 pass.sh
rm -f log
job "password_command = $work/pass.sh # command-secret" "metrics_file = $work/m.prom" \
    "ping_url = http://127.0.0.1:$(cat port)/ping-secret" "before = env >$work/hook.env" \
    "after = false # hook-secret" "on_failure = env >>$work/hook.env" 'check = yes' 'keep_last = 3'
sed -i /^key_file/d job.conf
HOLDFAST_NEW_PASSWORD=new-secret expect 1 "a job with secrets everywhere" "$HOLDFAST" -vv run home
cp out all.out
cp err all.err
export HOLDFAST_PASSWORD=battery-staple
expect 1 "and with a password in the environment" "$HOLDFAST" -vv run home
cat out >>all.out
cat err >>all.err
expect 1 "as JSON" "$HOLDFAST" -vv --json --log-format json run home
cat out >>all.out
cat err >>all.err
unset HOLDFAST_PASSWORD
expect 12 "with a wrong password" env HOLDFAST_PASSWORD=wrong-secret "$HOLDFAST" -vv run home
cat out >>all.out
cat err >>all.err
kill "$server"
{ wait "$server"; } 2>killed
secret=$(sed -n 's/^secret: //p' "$key")
check "the key file has a secret to look for" test "${#secret}" -ge 64
for place in all.out all.err log m.prom asked hook.env; do
    check "$place: there is something in it" test -s $place
    found=
    for word in correct-horse battery-staple command-secret new-secret wrong-secret hook-secret \
        "$secret"; do
        if grep -qiF -e "$word" $place; then found="$found $word"; fi
    done
    same "$place: there is no secret in it" "$found" ""
done
same "the URL of the ping is told to nobody else" \
    "$(cat all.out all.err log m.prom hook.env | grep -c ping-secret)" 0

finish
