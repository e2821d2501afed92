#!/bin/bash
# test_schedule.sh - units and crontab lines that systemd and cron take; installed and removed.
. "$(dirname "$0")/lib.sh"

mkdir -p src "a 100% \$HOME" root/etc/systemd/system root/etc/cron.d
export HOLDFAST_CONFIG="$work/a 100% \$HOME/job.conf"

# job NAME VALUE...: the configuration: a job with this schedule and these further lines.
job() {
    cat >"$HOLDFAST_CONFIG" <<END
[job $1]
repository = $work/a 100% \$HOME/repo
key_file = $key
paths = $work/src
schedule = $2
END
    shift 2
    [ $# -eq 0 ] || printf '%s\n' "$@" >>"$HOLDFAST_CONFIG"
    chmod 600 "$HOLDFAST_CONFIG"
}

# units NAME: writes what is printed into files, and has systemd verify them.
units() {
    rm -rf units
    mkdir units
    awk '/^# \/etc\/systemd/ { n = split($2, p, "/"); file = "units/" p[n]; next }
        { print >file }' out
    same "$1: there are two units" "$(ls units | tr '\n' ' ')" \
        "holdfast-home.service holdfast-home.timer "
    command -v systemd-analyze >/dev/null || return 0
    run env SYSTEMD_LOG_LEVEL=warning systemd-analyze verify --man=no units/holdfast-home.service \
        units/holdfast-home.timer
    same "$1: systemd finds no fault in them" "$status $(cat err)" "0 "
}

job home '*-*-* 02:30:00' "metrics_file = $work/home.prom" "log_file = $work/logs/home.log"
expect 0 "a job without commands" "$HOLDFAST" schedule home
prints "runs as a service" "^ExecStart=\"$HOLDFAST\" run home --no-progress --config \".*/a 100%% "
prints "at its time" '^OnCalendar=\*-\*-\* 02:30:00$'
prints "catches up" '^Persistent=true$'
prints "not with all others" '^RandomizedDelaySec='
prints "may write to nothing" '^ProtectSystem=strict$'
prints "but to the repository" "^ReadWritePaths=\"-$work/a 100%% .HOME/repo\"$"
prints "the folder of the metrics" "^ReadWritePaths=\"-$work\"$"
prints "that of the log" "^ReadWritePaths=\"-$work/logs\"$"
prints "and the state" "^ReadWritePaths=\"-$HOME/.local/state/holdfast\"$"
units "without commands"
if command -v systemd-analyze >/dev/null; then
    check "its exposure is at most 4.0 of 10" systemd-analyze security --offline=yes \
        --threshold=40 units/holdfast-home.service
fi
job home '*-*-* 02:30:00' 'before = systemctl stop app'
expect 0 "a job with commands" "$HOLDFAST" schedule home --systemd
prints "may write elsewhere" '^ProtectSystem=yes$'
units "with commands"
expect 0 "as JSON" "$HOLDFAST" --json schedule home
json "has the files" '.schema == "holdfast/schedule/1" and .job == "home" and .by == "systemd" and
    (.files | map(.path) == ["/etc/systemd/system/holdfast-home.service",
        "/etc/systemd/system/holdfast-home.timer"])'

expect 0 "for cron" "$HOLDFAST" schedule home --cron
same "is one line" "$(cat out)" \
    "30 2 * * * '$HOLDFAST' -q run home --config '$work/a 100'\\%' \$HOME/job.conf'"
mkdir bin
printf '#!/bin/sh\nprintf "%%s\\n" "$@"\n' >bin/show
chmod +x bin/show
# What cron hands to the shell: the backslash before % is taken away.
line=$(sed -e 's/^\([^ ]* \)\{5\}//' -e "s|'$HOLDFAST'|bin/show|" -e 's/\\%/%/g' out)
same "whose words the shell takes as they are" "$(sh -c "$line" | tail -n 1)" "$HOLDFAST_CONFIG"

# cron EXPRESSION FIELDS: what it becomes.
cron() {
    job home "$1"
    run "$HOLDFAST" schedule home --cron
    same "$1 for cron" "$(cut -d"'" -f1 out)" "$2 "
}
cron daily '0 0 * * *'
cron Weekly '0 0 * * 1'
cron '04:05' '5 4 * * *'
cron '*:0/15' '0-59/15 * * * *'
cron '*-*-01,15 06:00' '0 6 1,15 * *'
cron '*-1..6-* 06:00:00' '0 6 * 1-6 *'
cron 'Mon..Fri 22:15' '15 22 * * 1-5'
cron 'Sat,Sun *-*-* 08..18/2:00' '0 8-18/2 * * 6,0'
cron 'Fri..Sun *-*-*' '0 0 * * 5-7'
for expression in '*-*-* 02:00:30' '2027-*-* 02:00' '*-*~01 02:00' 'Mon *-*-01 02:00' '25:00' \
    '02:00 UTC' 'Foo 02:00' '*-*-* *-*-* 02:00' '*-13-01' 'Fri..Mon 02:00' '1..0:00'; do
    job home "$expression"
    expect 2 "$expression is not for cron" "$HOLDFAST" schedule home --cron
done
says "and says what is" '^hint: --systemd takes every'

job home daily
expect 0 "installed" "$HOLDFAST" schedule home --install --root "$work/root"
same "there are the units" "$(cd root && find . -type f | sort | tr '\n' ' ')" \
    "./etc/systemd/system/holdfast-home.service ./etc/systemd/system/holdfast-home.timer "
same "that all may read" "$(stat -c %a root/etc/systemd/system/holdfast-home.timer)" 644
expect 0 "again" "$HOLDFAST" schedule home --install --root "$work/root/"
expect 0 "removed" "$HOLDFAST" schedule home --remove --root "$work/root"
same "nothing is left" "$(find root -type f)" ""
expect 1 "there is nothing to remove" "$HOLDFAST" schedule home --remove --root "$work/root"
says "it says so" 'the job is not scheduled so'
expect 0 "for cron" "$HOLDFAST" --json schedule home --cron --install --root "$work/root"
same "the file has the user" "$(sed -n 's/ .*root .*/ root/p' root/etc/cron.d/holdfast-home)" \
    "0 root"
expect 0 "and removed" "$HOLDFAST" schedule home --cron --remove --root "$work/root"
same "nothing is left" "$(find root -type f)" ""
expect 1 "a root that is not there" "$HOLDFAST" schedule home --install --root "$work/none"

HOLDFAST_KEEP_LAST=3 expect 0 "with a setting of the environment" "$HOLDFAST" schedule home
says "there is a warning" 'keep_last comes from the environment here'
expect 2 "an unknown job" "$HOLDFAST" schedule hom
says "the nearest is named" 'did you mean "home"'
expect 2 "both ways" "$HOLDFAST" schedule home --cron --systemd
expect 2 "both actions" "$HOLDFAST" schedule home --install --remove
expect 2 "a name that leads elsewhere" "$HOLDFAST" schedule ../home --remove
sed -i '/^schedule/d' "$HOLDFAST_CONFIG"
expect 2 "a job without a schedule" "$HOLDFAST" schedule home
says "says where to put it" 'job.conf:1: the job "home" has no schedule'

finish
