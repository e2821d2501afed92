#!/bin/bash
# test_status.sh - how all jobs stand, on one screen; what is stale is an exit code.
. "$(dirname "$0")/lib.sh"

new_repository
unset HOLDFAST_REPOSITORY
mkdir src
echo 1 >src/a
tar -cf old.tar src
export HOLDFAST_CONFIG=$work/job.conf
host=$(hostname)

# jobs TEXT: the configuration.
jobs() {
    {
        printf '[defaults]\nrepository = %s\nkey_file = %s\npaths = %s\n' "$work/repo" "$key" \
            "$work/src"
        printf '%s\n' "$@"
    } >job.conf
    chmod 600 job.conf
}
# row NAME REGEX: what a job's row says behind its name.
row() {
    if grep -qE "^$1 +$2" out; then ok "the row of $1"; else not_ok "the row of $1" "no /$2/"; fi
}
# imported JOB TIME: a point of that job, made then.
imported() {
    hf -q -r repo import old.tar --job "$1" --host "$host" --time "$2" >imported 2>&1 ||
        not_ok "import for $1"
}

jobs
expect 0 "without jobs" "$HOLDFAST" status
says "it says so" 'has no job'

jobs '[job home]' 'schedule = *-*-* 02:00:00' 'check = yes' '[job web]' 'stale_after = 26h'
expect 6 "before the first run" "$HOLDFAST" status
row home 'stale +never'
prints "it says why" '^home: there is no good point yet'
says "all that are stale are named" \
    '^holdfast: there is no good point that is young enough of: home, web'
"$HOLDFAST" -q run home
"$HOLDFAST" -q run web
expect 0 "after it" "$HOLDFAST" status
row home 'ok +[0-9]+s +[0-9]+[mh] +[0-9]+[smh] +2 B +- +[0-9]+s +-$'
row web 'ok +[0-9]+s +26h +- +2 B +- +([0-9]+s|-) +-$'
prints "they are counted" '^2 jobs: 2 ok$'
same "nothing is on standard error" "$(cat err)" ""
expect 0 "one job" "$HOLDFAST" status web
same "is one row" "$(wc -l <out)" 3
expect 2 "an unknown job" "$HOLDFAST" status wep
says "the nearest is named" 'did you mean "web"'

# Sizes.
head -c 3000 /dev/urandom >src/b
"$HOLDFAST" -q run home
expect 0 "after it has grown" "$HOLDFAST" status home
row home 'ok .* 2.9 KiB +>\+999%'
LC_ALL=C.UTF-8 TERM=xterm expect 0 "where there are more letters" "$HOLDFAST" status home
row home 'ok .* 2.9 KiB +▁█ '

# Old points: by stale_after, by schedule, by neither.
imported aged -3d
imported daily -3d
imported weekly -3d
imported odd -40d
imported never -400d
jobs '[job aged]' 'stale_after = 2d' '[job daily]' 'schedule = daily' '[job weekly]' \
    "schedule = $(LC_ALL=C date -d '-4 days' +%a) 00:00" '[job odd]' 'schedule = *-*~01 02:00:30' \
    '[job never]'
expect 6 "what is old" "$HOLDFAST" status
row aged 'stale +3d +2d +- '
row daily 'stale +3d +[0-9]+[smhd] '
row weekly 'ok +3d '
row never 'ok +400d +- +- '
says "only what is too old is stale" 'young enough of: aged, daily(, odd)?$'
if command -v systemd-analyze >/dev/null; then
    row odd 'stale +40d '
else
    prints "a time that can't be told" 'odd: when it runs next can.t be told'
fi
PATH=/nowhere expect 6 "without systemd-analyze" "$HOLDFAST" status odd daily
row odd 'ok +40d +- +\?'
prints "it says that it can't be told" "^odd: when it runs next can't be told: .* is more than can"
expect 6 "as JSON" "$HOLDFAST" --json status aged weekly
json "a document says all of it" '.schema == "holdfast/status/1" and (.jobs | length == 2) and
    .jobs[0].state == "stale" and .jobs[0].stale and .jobs[0].stale_after_seconds == 172800 and
    (.jobs[0].last_point.age_seconds | . > 259000 and . < 260000) and .jobs[0].next_run == null and
    .jobs[1].state == "ok" and .jobs[1].next_run > .time and (.jobs[1].stale_at > .time)'

# What is forgotten, of another machine or incomplete is no good point.
hf -q -r repo forget job:aged >forgotten
expect 6 "a forgotten point" "$HOLDFAST" status aged
row aged 'stale +never'
hf -q -r repo import old.tar --job aged --host other >imported 2>&1
expect 6 "a point of another machine" "$HOLDFAST" status aged
row aged 'stale +never'

# A repository that can't be opened hides no other job, and what its runs left is shown.
"$HOLDFAST" -q run never
jobs '[job gone]' "repository = $work/nothing" '[job never]' '[job key]' "key_file = $work/nokey"
expect 10 "a repository that is not there" "$HOLDFAST" status gone never
row gone 'unreachable +\? '
row never 'ok '
prints "it says why" '^gone: could not find the repository .*/nothing'
says "and so does the error" 'could not look at the job "gone"'
expect 12 "a key that is not there" "$HOLDFAST" status key never
row key unreachable
"$HOLDFAST" -q run gone 2>failed
expect 10 "after a run that failed" "$HOLDFAST" --json status gone
json "that is known" '.jobs[0].state == "unreachable" and .jobs[0].last_run.exit == 10 and
    .jobs[0].last_point == null and .jobs[0].error.code == "no_repository"'
jobs '[job gone]' "repository = $work/nothing" 'stale_after = 1h' '[job stale]'
expect 6 "stale counts more than unreachable" "$HOLDFAST" status
jobs '[job never]'
mv repo moved
expect 10 "a repository that is gone" "$HOLDFAST" status
row never 'unreachable +[0-9]+s '
mv moved repo

# The last run.
jobs '[job never]' 'after = exit 1'
expect 1 "a run that fails" "$HOLDFAST" run never
expect 0 "is shown" "$HOLDFAST" status
row never 'failed '
prints "with its exit code" '^never: the last run, .* ago, ended with exit code 1$'
mkfifo wait
jobs '[job never]' "before = echo >$work/started; cat $work/wait"
"$HOLDFAST" -q run never >out1 2>err1 &
first=$!
until [ -e started ]; do sleep 0.05; done
expect 0 "a job that runs" "$HOLDFAST" status
row never 'running '
: >wait
wait "$first"
same "was not disturbed" $? 0

# Readiness.
cat >ready.ini <<END
[gate point]
type = newest_point
max_age = 1d
END
sed 's/1d/1s/' ready.ini >late.ini
jobs '[job never]' "policy = $work/ready.ini" '[job aged]' 'stale_after = 1y' \
    "policy = $work/late.ini" '[job weekly]'
"$HOLDFAST" -q run never
"$HOLDFAST" -q run aged
sleep 1.1
expect 0 "jobs with policies" "$HOLDFAST" status
row never 'ok .* yes$'
row aged 'ok .* NO$'
row weekly 'ok .* -$'
prints "it says why one is not ready" '^aged: not ready: of 1 gates 1 failed, 0 are unknown'
jobs '[job never]' "policy = $work/nothing.ini"
expect 0 "a policy that is not there" "$HOLDFAST" --json status
json "is no readiness" '.jobs[0].ready == false'

# Damage counts most.
jobs '[job never]' '[job aged]' 'stale_after = 1s'
number=$(ls repo/journal | tail -n 1)
chmod u+w "repo/journal/$number"
: >"repo/journal/$number"
expect 4 "a damaged repository" "$HOLDFAST" status
prints "it says what" '^never: .*damaged'

# On a screen of 80 columns, with colours and without.
git=$work/repo2
hf -r "$git" -q init >/dev/null
jobs "repository = $git" '[job home]' 'schedule = daily' 'stale_after = 26h' 'check = yes' \
    '[job web]' 'schedule = Mon..Fri 02:00'
sed -i "0,/^repository/{/^repository/d}" job.conf
"$HOLDFAST" -q run home
TERM=xterm script -qec "$HOLDFAST status" /dev/null </dev/null >screen
escape=$(printf '\033')
check "a state is coloured on a terminal" grep -q "$escape\\[32mok$escape\\[0m" screen
check "a bad one otherwise" grep -q "$escape\\[1;31mstale$escape\\[0m" screen
NO_COLOR=1 TERM=xterm script -qec "$HOLDFAST status" /dev/null </dev/null >screen
same "not under NO_COLOR" "$(grep -c "$escape" screen)" 0
TERM=dumb script -qec "$HOLDFAST status" /dev/null </dev/null >screen
same "nor on a dumb one" "$(grep -c "$escape" screen)" 0
run "$HOLDFAST" status
same "nor in a pipe" "$(grep -c "$escape" out)" 0
same "80 columns are enough" "$(awk 'length > 80' out | wc -l)" 0

finish
