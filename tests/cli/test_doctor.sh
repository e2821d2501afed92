#!/bin/bash
# test_doctor.sh - what would keep backups from working is named, with what to do about it.
. "$(dirname "$0")/lib.sh"

mkdir src bin
echo 1 >src/a
export HOLDFAST_CONFIG=$work/job.conf

# found STATE NAME REGEX: there is such a line.
found() {
    if grep -qE "^$1 +$2" out; then ok "$1 $2"; else not_ok "$1 $2"; fi
}

# Without a repository, without a configuration.
expect 0 "nothing but the machine" "$HOLDFAST" doctor
found ok 'program: holdfast .* libsodium [0-9.]+, OpenSSL [0-9.]+, zstd [0-9.]+, zlib [0-9.]+, '
found '(ok|warn)' 'processor: [0-9]+, AES instructions: (yes|no), SHA instructions: (yes|no)'
found '(ok|warn)' 'clock: 20[0-9-]+ [0-9:]+ '
found ok "cache $HOME/.cache/holdfast: it is not there yet"
found warn 'configuration .*/job.conf: there is none'
prints "what to do is said" '^ +-> "holdfast config init" writes one'
prints "lines are counted" '^[0-9]+ ok, [0-9]+ to look at, 0 wrong$'
HOLDFAST_PASWORD=x run "$HOLDFAST" doctor
found warn 'environment: HOLDFAST_PASWORD means nothing'
HOME='' expect 1 "without a home" env -u HOME "$HOLDFAST" doctor
found fail 'places: there is no place for caches'
says "the exit code is explained" '^holdfast: the doctor found [0-9]+ things? that must be seen to'

# A repository.
new_repository
snapshot >/dev/null
before=$(find repo -printf '%p %i %s %T@ %C@\n' | sort)
expect 0 "a repository" hf doctor
found ok "repository $work/repo: mode 0700, of user [0-9]+, writable"
found '(ok|warn)' "repository $work/repo: (on [a-z0-9]+|tmpfs)"
found ok "repository $work/repo: [0-9.]+ [KMGT]iB of [0-9.]+ [KMGT]iB are free"
found ok "repository $work/repo: [0-9,]+ of [0-9,]+ inodes are free"
found ok "repository $work/repo: its journal is whole: [0-9]+ entries"
found ok "clock $work/repo: the newest entry is .* old"
found ok "leftovers $work/repo: 0 unfinished"
same "is left as it was" "$(find repo -printf '%p %i %s %T@ %C@\n' | sort)" "$before"
expect 0 "and probed" hf doctor --probe
found ok "capabilities $work/repo: renaming without replacing works"
found '(ok|warn)' "capabilities $work/repo: a sync of 4 KiB took"
same "nothing is left in tmp/" "$(ls repo/tmp)" ""
expect 0 "quietly" hf -q doctor --probe
same "only what is not well is said" "$(grep -c '^ok' out)" 0
expect 0 "as JSON" hf --json doctor
json "a document says the same" '.schema == "holdfast/doctor/1" and .fail == 0 and .ok > 10 and
    (.checks | all(.state == "ok" or (.advice | length > 0)))'
touch -d '-2 days' repo/tmp/left
run hf doctor
found warn "leftovers $work/repo: 1 unfinished .*; 1 are older than a day"
prints "prune is named" '"holdfast prune" takes them away'
rm repo/tmp/left
chmod 775 repo
run hf doctor
found warn "repository $work/repo: mode 0775: others may write there"
chmod 700 repo
expect 1 "without its key" "$HOLDFAST" doctor
found fail "repository $work/repo: .*no password"
expect 1 "that is not there" hf -r nothing doctor
found fail 'repository nothing: could not find'
chmod 500 repo
expect 1 "that can't be written" unprivileged "$HOLDFAST" --key-file "$key" doctor
found fail "repository $work/repo: this user may not write there"
chmod 700 repo
if unshare -m true 2>/dev/null; then
    run unshare -m bash -c "mount -t tmpfs -o size=32m,nr_inodes=80 none src && cp -a repo src/r &&
        head -c 9000000 /dev/zero >src/full && i=0 &&
        while touch src/f\$i; do i=\$((i + 1)); done 2>/dev/null;
        '$HOLDFAST' --key-file '$key' -r src/r doctor"
    same "a full disk is wrong" "$status" 1
    found warn "repository .*/src/r: tmpfs: it is lost"
    found fail "repository .*/src/r: .* of 32.0 MiB are free"
    found fail "repository .*/src/r: 0 of 80 inodes are free"
fi

# Jobs.
unset HOLDFAST_REPOSITORY
cat >job.conf <<END
[defaults]
repository = $work/repo
key_file = $key
[job timer]
paths = $work/src
schedule = daily
[job cron]
paths = $work/src, $work/gone
schedule = daily
metrics_file = $work/none/m.prom
log_file = $work/log
policy = $work/good.ini
[job off]
paths = $work/src
schedule = daily
policy = $work/bad.ini
[job hand]
paths = $work/src
END
chmod 600 job.conf
printf '[policy]\nname = p\n[gate g]\ntype = port\nport = 1\n' >good.ini
sed 's/port$/prot/' good.ini >bad.ini
printf '#!/bin/sh\n[ "$2" = holdfast-timer.timer ] && echo enabled\n' >bin/systemctl
printf '#!/bin/sh\necho "0 0 * * * holdfast -q run cron --config x"\necho "#holdfast run off "\n' \
    >bin/crontab
chmod +x bin/*
PATH=$work/bin:$PATH expect 1 "jobs" "$HOLDFAST" doctor
found ok "configuration $work/job.conf: it is good; jobs: 4"
found ok 'schedule timer: its timer is enabled'
found ok 'schedule cron: cron runs it'
found warn 'schedule off: it is not installed'
found ok 'schedule hand: none'
found ok "key timer: $key, mode 0600"
found ok 'paths timer: '
found warn "paths cron: $work/gone: No such file"
found fail "metrics_file cron: $work/none can't be written to"
found ok "log_file cron: $work/log"
found ok "policy cron: $work/good.ini is good; gates: 1"
found fail "policy off: $work/bad.ini:4: "
found ok 'lock timer: free'
same "a repository is looked at once" "$(grep -c 'its journal is whole' out)" 1
chmod 644 "$key"
sed -i '/^metrics_file/d; /bad.ini/d' job.conf
expect 0 "a key that others may read" "$HOLDFAST" doctor
found warn "key timer: $key has mode 0644: others may use it"
rm "$key"
expect 1 "a key that is gone" "$HOLDFAST" doctor
found fail "key timer: could not read $key: No such file"
echo nonsense >>job.conf
expect 1 "a configuration that is not good" "$HOLDFAST" doctor
found fail "configuration $work/job.conf: .*job.conf:17: "

finish
