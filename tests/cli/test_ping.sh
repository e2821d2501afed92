#!/bin/bash
# test_ping.sh - a service in the web is told when a job begins and how it ended, with its log.
project=$(cd "$(dirname "$0")/../.." && pwd)
. "$(dirname "$0")/lib.sh"

new_repository
unset HOLDFAST_REPOSITORY
mkdir src
echo 1 >src/a
export HOLDFAST_CONFIG=$work/job.conf

python3 "$project/tests/cli/web.py" port asked &
server=$!
until [ -e port ]; do sleep 0.05; done
url=http://127.0.0.1:$(cat port)

# job LINE...: the configuration, with these lines in its job; nothing has been asked for.
job() {
    cat >job.conf <<END
[job home]
repository = $work/repo
key_file = $key
paths = $work/src
END
    printf '%s\n' "$@" >>job.conf
    chmod 600 job.conf
    rm -f asked failed
}
# requests: what was asked for, without the id of the run.
requests() {
    grep -E '^(GET|POST) /' asked | sed 's/?rid=.*//' | tr '\n' ' '
}

job "ping_url = $url/check/uuid/"
expect 0 "a job" "$HOLDFAST" run home
same "its beginning and its end are told" "$(requests)" "GET /check/uuid/start POST /check/uuid "
same "as one run" "$(sed -n 's/.*?rid=//p' asked | sort -u |
    grep -cE '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$')" 1
check "with the end of its log" grep -qE '^[0-9TZ.:-]+ info home [0-9a-f]{32} job home: all done' \
    asked

job "ping_url = $url/c?token=x" 'before = exit 3' "on_failure = echo \$HOLDFAST_EXIT >>$work/failed"
expect 1 "a job that fails" "$HOLDFAST" run home
same "tells so" "$(sed -n 's/&rid=.*//; /^[GP][EO]/p' asked | tr '\n' ' ')" \
    "GET /c/start?token=x POST /c/fail?token=x "
check "and why" grep -q ' error home .*the --before hook ended with exit status 3' asked
same "beside the hook" "$(cat failed)" 1
job "ping_url = $url/c" 'timeout = 1s' 'before = sleep 30'
expect 1 "a job that takes too long" "$HOLDFAST" run home
same "tells so" "$(requests)" "GET /c/start POST /c/fail "
job "ping_url = $url/c"
mv key away
expect 12 "a job without its key" "$HOLDFAST" run home
same "tells so" "$(requests)" "GET /c/start POST /c/fail "
mv away key
mv repo away
job "ping_url = $url/c"
expect 10 "a job without its repository" "$HOLDFAST" run home
same "tells so" "$(requests)" "GET /c/start POST /c/fail "
mv away repo
job "ping_url = $url/c" "paths = /x" "state_dir = $work/src/a/state"
sed -i '0,/^paths/{/^paths/d}' job.conf
expect 1 "a job that can't even take its lock" "$HOLDFAST" run home
same "tells so" "$(requests)" "GET /c/start POST /c/fail "
cat >full.sh <<END
mkdir full && mount -t tmpfs -o size=8m none full || exit 99
cp -a repo/. full/ && head -c 12000000 /dev/urandom >src/big || exit 99
sed -i 's|^repository.*|repository = $work/full|' job.conf
"$HOLDFAST" run home; code=\$?
umount full
exit \$code
END
job "ping_url = $url/c"
run unshare -m bash full.sh
if [ "$status" -eq 28 ]; then
    same "a full disk is told" "$(requests)" "GET /c/start POST /c/fail "
    check "with what it is" grep -q ' error home .*No space left' asked
else
    echo "ok - a full disk is told # SKIP none can be made here"
fi
rm -f src/big
job "ping_url = $url/c" 'after = head -c 1000000 /dev/zero | tr "\\0" x'
expect 0 "a hook that prints a megabyte" "$HOLDFAST" run home
same "ends as any" "$(requests)" "GET /c/start POST /c "
check "and tells no more than others" test "$(wc -c <asked)" -lt 20000
job "ping_url = $url/c" "before = echo >$work/started; sleep 30"
"$HOLDFAST" run home >out 2>err &
first=$!
until [ -e started ]; do sleep 0.05; done
expect 11 "a second start" "$HOLDFAST" run home
same "tells nothing" "$(requests)" "GET /c/start "
kill -TERM "$first"
wait "$first"
same "a job that is terminated" $? 143
same "tells so" "$(requests)" "GET /c/start POST /c/fail "
job "ping_url = $url/c" "before = echo >$work/started2; sleep 30" "after = echo"
"$HOLDFAST" run home >out 2>err &
first=$!
until [ -e started2 ]; do sleep 0.05; done
kill -KILL "$first"
{ wait "$first"; } 2>killed
same "of one that is killed there is no end" "$(requests)" "GET /c/start "
job "ping_url = $url/c"
expect 0 "and the next run" "$HOLDFAST" run home
same "is fine" "$(requests)" "GET /c/start POST /c "

# What does not answer, or not well, is a warning.
job "ping_url = $url/status/404/secret-path"
expect 0 "a service that answers with 404" "$HOLDFAST" run home
says "is warned of" "^warning: could not ping 127.0.0.1:$(cat port): it answered with 404"
says_not "without the path of its URL" 'secret-path'
kill "$server"
{ wait "$server"; } 2>killed
expect 0 "a service that is gone" "$HOLDFAST" run home
says "is warned of" '^warning: could not ping 127.0.0.1:'
says_not "without the path of its URL" 'secret-path'
job "ping_url = ftp://127.0.0.1/x"
expect 2 "what is no URL" "$HOLDFAST" config check
says "is refused with file and line" 'job.conf:5: ping_url: that is no URL of a web server'

finish
