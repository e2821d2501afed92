#!/bin/bash
# test_config.sh - the file of jobs: begun, checked, shown with the origin of every setting.
. "$(dirname "$0")/lib.sh"

expect 1 "without a file" "$HOLDFAST" --config none.conf config check
says "it is named" 'could not open none.conf: No such file'
says "what to do" '^hint: "holdfast config init" writes one'

expect 0 "init writes one" "$HOLDFAST" --config job.conf config init
same "that nobody else can read" "$(stat -c %a job.conf)" 600
expect 0 "which is good" "$HOLDFAST" --config job.conf config check
prints "and says so" 'job.conf is good: 1 job$'
sed 's/^#\([a-z]\)/\1/' job.conf | sed '/^password_/d' >all.conf
chmod 600 all.conf
expect 0 "with all keys as well" "$HOLDFAST" --config all.conf config check
cp job.conf before
expect 1 "init leaves what is there alone" "$HOLDFAST" --config job.conf config init
says "and says so" 'job.conf: File exists'
check "it is as it was" cmp job.conf before

cat >job.conf <<END
# what all have in common
[defaults]
repository = \${HOME}/repo
retry = 2

[job web]
paths = /srv/a, /srv/b
paths = /srv/c
password_command = echo hush
END
export HOLDFAST_CONFIG=$work/job.conf
expect 0 "show" "$HOLDFAST" config show
prints "a value of [defaults] with its line" "repository = $HOME/repo   \(.*job.conf:3\)"
prints "a list with its last line" 'paths = /srv/a, /srv/b, /srv/c   \(.*job.conf:8\)'
prints "what nobody set" 'retry_delay = 1m   \(default\)'
prints "no secret" 'password_command = \(secret\)'
if grep -q hush out; then not_ok "really none"; else ok "really none"; fi
HOLDFAST_RETRY=5 run "$HOLDFAST" config show web
prints "the environment counts most" 'retry = 5   \(environment\)'
HOLDFAST_RETRY=many expect 2 "and is checked" "$HOLDFAST" config show web
says "by name" 'HOLDFAST_RETRY in the environment: "many" is no number'
expect 0 "show as JSON" "$HOLDFAST" --json config show web
json "has the settings" '.schema == "holdfast/config/1" and .jobs[0].name == "web" and
    (.jobs[0].settings | map(select(.key == "retry"))[0] |
        .values == ["2"] and .origin == "file" and .line == 4)'
expect 0 "check as JSON" "$HOLDFAST" --json config check
json "has the jobs" '.jobs == [{"name": "web"}]'
expect 0 "init as JSON" "$HOLDFAST" --json --config new.conf config init
json "has the file" '.file == "new.conf"'

expect 2 "an unknown job" "$HOLDFAST" config show wep
says "and the nearest" '^hint: did you mean "web"'
expect 2 "an unknown action" "$HOLDFAST" config edit
expect 2 "too much" "$HOLDFAST" config check web
expect 2 "too little" "$HOLDFAST" config
echo 'retri = 1' >>job.conf
expect 2 "an unknown key" "$HOLDFAST" config check
says "with file and line" "$work/job.conf:10: there is no key \"retri\""
says "and the nearest" '^hint: did you mean "retry"'
sed -i '$d' job.conf
chmod 644 job.conf
expect 1 "a secret that others can read" "$HOLDFAST" config check
says "with file and line" 'job.conf:9: password_command is a secret'
chmod 602 job.conf
expect 1 "a file that others can change" "$HOLDFAST" config check
chmod 600 job.conf
if [ "$(id -u)" -eq 0 ]; then
    chown 12345 job.conf
    expect 1 "a file of somebody else" "$HOLDFAST" config check
    says "says whose" 'uid 12345'
fi

finish
