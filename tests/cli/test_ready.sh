#!/bin/bash
# test_ready.sh - a policy is judged: go or no-go, in every form, and never by mistake.
project=$(cd "$(dirname "$0")/../.." && pwd)
. "$(dirname "$0")/lib.sh"
new_repository
mkdir src
echo 1 >src/a
snapshot "$work/src" --job web >/dev/null

# policy NAME: standard input becomes a policy of that name.
policy() {
    cat >"$1"
    chmod 600 "$1"
}

# gate STATE WHAT LINE...: a policy of one gate with these lines has that state.
gate() {
    local state=$1 what=$2
    shift 2
    { echo '[gate g]'; printf '%s\n' "$@"; } | policy one.ini
    run hf --json ready --policy one.ini
    json "$what: $state" ".gates[0].state == \"$state\" and .ready == (\"$state\" == \"pass\")"
}

# serve NAME [CERTIFICATE KEY]: starts an endpoint; its port is in the file NAME.
serve() {
    python3 "$project/tests/cli/endpoint.py" "$@" 2>/dev/null &
    for _ in $(seq 100); do
        [ -s "$1" ] && return
        sleep 0.1
    done
}

# --- ready, and not ready ---

policy good.ini <<'END'
[policy]
name = good
[gate fresh backup]
type = newest_point
max_age = 1h
END
expect 0 "what must be true is: exit 0" hf ready --policy good.ini
prints "and it is said" '^ready: good, 1 of 1 gates pass, score 100 %'
prints "with the gate, its value and its limit" \
    'pass +critical +fresh backup .* old \(at most 1h old\)'

policy bad.ini <<'END'
[policy]
name = bad
[gate fresh backup]
type = newest_point
max_age = 1h
[gate restore works]
type = drill
kind = full
max_age = 30d
[gate no such file]
type = file
severity = important
path = /nonexistent/file
[gate nice to have]
type = file
severity = nice
path = /nonexistent/file
[gate put up with]
type = file
path = /nonexistent/file
waived_until = 2199-01-01
waived_by = A. "Miller"
reason = it comes next week
END
expect 6 "what is not is exit 6" hf ready --policy bad.ini
says "what blocks is named" 'not ready: restore works, no such file$'
prints "a gate without evidence is unknown" '^  UNKNOWN +critical +restore works'
prints "and says what to do" 'to do: "holdfast drill full" makes it'
prints "one that fails says why" 'there is no /nonexistent/file'
prints "a waived one says who, why and until when" \
    'waived until 2199-01-01 by A. "Miller": it comes next week'
expect 6 "a quiet one says no more than the reason" hf -q ready --policy bad.ini
same "and nothing on standard output" "$(cat out)" ""
run hf --json ready --policy bad.ini
json "JSON has verdict and score" \
    '.schema == "holdfast/ready/1" and .ready == false and .score == 27'
json "and the gates with their states" \
    '[.gates[].state] == ["pass", "unknown", "fail", "fail", "fail"]'
json "and what blocks" '[.gates[] | select(.blocks) | .name] == ["restore works", "no such file"]'
json "and the waiver beside the true state" '.gates[4] | .waived and .state == "fail"
    and .waiver.by == "A. \"Miller\"" and .waiver.until == "2199-01-01T00:00:00.000000000Z"'
json "and the evidence" '.gates[0].evidence | test("entry [0-9]+: job web of ")'
error_json "the failure is one of the table" '.code == "not_ready" and .exit == 6'

# --- reports ---

expect 6 "reports are written when it is not ready, too" hf ready --policy bad.ini \
    --report r.txt --report r.json --report r.xml --report r.html --report r.prom --metrics m.prom
check "the text names a gate" grep -q 'restore works' r.txt
check "JUnit is well-formed XML" python3 -c 'import sys, xml.dom.minidom as m; m.parse("r.xml")'
check "and has the gates" grep -q 'no such file' r.xml
check "HTML has them, too" grep -q 'put up with' r.html
moving='del(.time, .gates[].duration_seconds, .gates[].value)'
run hf --json ready --policy bad.ini
same "JSON is what --json prints" "$(jq -S "$moving" r.json)" "$(jq -S "$moving" out)"
check "metrics say that it is not ready" grep -qx 'holdfast_ready{policy="bad"} 0' r.prom
check "and the score" grep -qx 'holdfast_ready_score_percent{policy="bad"} 27' r.prom
for line in 'fresh backup",severity="critical"} 1' 'restore works",severity="critical"} 2' \
    'no such file",severity="important"} 0'; do
    check "the state of a gate: $line" \
        grep -qFx "holdfast_gate_state{policy=\"bad\",gate=\"$line" r.prom
done
check "a waiver is a metric" \
    grep -qFx 'holdfast_gate_waived{policy="bad",gate="put up with",severity="critical"} 1' m.prom
expect 2 "a report without a form is refused before any work" \
    hf ready --policy bad.ini --report r.pdf
expect 1 "a report that can't be written is an error" hf ready --policy good.ini \
    --report /nonexistent/r.txt
expect 6 "and does not hide that it is not ready" hf ready --policy bad.ini \
    --report /nonexistent/r.txt
says "but is warned of" '/nonexistent/r.txt'

# --- what is not understood never passes ---

expect 2 "no policy is a usage error" hf ready
says "that says how to get one" '--init FILE'
expect 1 "a policy that is not there" hf ready --policy nothing.ini
sed 's/max_age/max_aeg/' good.ini | policy wrong.ini
expect 2 "an unknown key is a usage error" hf ready --policy wrong.ini
says "with file and line" 'wrong.ini:5: '
says "and the nearest key" 'did you mean "max_age"\?'
chmod 666 good.ini
expect 1 "a policy that others may change is refused" hf ready --policy good.ini
chmod 600 good.ini

# --- evidence ---

gate unknown "nobody signed" 'type = signoff' 'role = ops' 'max_age = 1d'
hf -q signoff ops >/dev/null
gate pass "somebody signed" 'type = signoff' 'role = ops' 'max_age = 1d'
hf -q signoff security --policy one.ini >/dev/null
gate unknown "what was signed for another policy" 'type = signoff' 'role = security' 'max_age = 1d'
HOLDFAST_NEW_PASSWORD=secret hf -q key add deputy
HOLDFAST_PASSWORD=secret "$HOLDFAST" -q signoff deputy >/dev/null
gate pass "signed with another key" 'type = signoff' 'role = deputy' 'max_age = 1d'
hf -q key remove deputy >/dev/null
gate unknown "signed with a key that was removed since" 'type = signoff' 'role = deputy' \
    'max_age = 1d'
json "because it lapsed" '.gates[0].why | test("it lapsed: the key")'
gate unknown "no drill" 'type = drill' 'kind = full' 'max_age = 1d'
hf -q drill full --scratch tmp >/dev/null || not_ok "drill full"
gate pass "a drill that passed" 'type = drill' 'kind = full' 'max_age = 1d'
gate pass "it says of which job it was" 'type = drill' 'kind = full' 'max_age = 1d' 'job = web'
gate pass "a restore that was measured" 'type = rto' 'kind = full' 'max = 1h'
gate fail "and took too long" 'type = rto' 'kind = full' 'max = 1ms'
gate unknown "no sheet was tried" 'type = key_sheet' 'max_age = 1d'
hf key recovery-sheet >sheet 2>/dev/null && chmod 600 sheet
"$HOLDFAST" -q --key-file sheet drill sample --scratch tmp >/dev/null || not_ok "drill by sheet"
gate pass "a sheet was tried" 'type = key_sheet' 'max_age = 1d'
gate unknown "nothing was verified" 'type = verified' 'percent = 100' 'max_age = 1d'
hf -q check --read-data --record >/dev/null
gate pass "all was verified" 'type = verified' 'percent = 100' 'max_age = 1d'
last=$(ls repo/journal | tail -n 1)
hf -q signoff boss >/dev/null
last=$(ls repo/journal | tail -n 1)
gate pass "evidence that is whole" 'type = signoff' 'role = boss' 'max_age = 1d'
cp -p "repo/journal/$last" saved
flip "repo/journal/$last" 60
rm -rf "$HOME/.cache"
gate unknown "evidence that was altered" 'type = signoff' 'role = boss' 'max_age = 1d'
expect 4 "a damaged journal is exit 4" hf ready --policy good.ini
prints "and not ready" '^NOT READY'
cp -pf saved "repo/journal/$last"

# --- the world ---

serve plain
url=http://127.0.0.1:$(cat plain)
gate pass "a web server answers" 'type = http' "url = $url/health" 'expect_status = 200' \
    'expect_body = /"status": *"ok"/' 'expect_header = x-content-type-options: nosniff' \
    'expect_header = "Cache-Control: no-store, max-age=0"' 'max_latency = 5s'
gate pass "metrics as they should be" 'type = http' "url = $url/metrics" \
    'expect_body = /^[a-z]+(\{.*\})? [0-9]/'
gate fail "another status" 'type = http' "url = $url/nothing"
gate pass "the status that is asked for" 'type = http' \
    "url = $url/nothing" 'expect_status = 5xx, 404'
gate fail "another body" 'type = http' "url = $url/health" 'expect_body = down'
gate fail "a header that is not there" 'type = http' "url = $url/health" 'expect_header = X-Other'
gate fail "a header with another value" 'type = http' "url = $url/health" \
    'expect_header = X-Content-Type-Options: sniff-'
gate fail "an answer that takes long" 'type = http' "url = $url/slow" 'max_latency = 200ms'
gate fail "no answer in time" 'type = http' "url = $url/slow" 'timeout = 200ms'
gate pass "a wrong key is refused" 'type = http' "url = $url/key" \
    'header = Authorization: Bearer wrong' 'expect_status = 401'
gate pass "a right one is not" 'type = http' "url = $url/key" 'header = Authorization: Bearer right'
gate pass "a rate limit is met" 'type = http' "url = $url/limit" 'expect_status = 429' 'repeat = 20'
json "and it is said after how many" '.gates[0].value | test("request 5 of 20")'
gate pass "a redirect is an answer" 'type = http' "url = $url/moved" 'expect_status = 301'
gate fail "nobody listens" 'type = http' 'url = http://127.0.0.1:1/'
mkdir nolib
: >nolib/libcurl.so.4
LD_LIBRARY_PATH=$work/nolib gate unknown "a machine without libcurl" 'type = http' \
    "url = $url/health"
json "says so" '.gates[0].why | test("the library for web requests")'
gate pass "a port" 'type = port' "port = $(cat plain)" 'host = 127.0.0.1'

openssl req -x509 -newkey rsa:2048 -nodes -keyout tls.key -out tls.crt -days 30 \
    -subj /CN=localhost -addext 'subjectAltName = IP:127.0.0.1' 2>/dev/null
serve secure "$work/tls.crt" "$work/tls.key"
url=https://127.0.0.1:$(cat secure)
gate fail "a certificate that nobody vouches for" 'type = http' "url = $url/health"
json "is named as the reason" '.gates[0].why | test("certificate does not hold")'
gate pass "one that is trusted, and valid for long enough" 'type = http' "url = $url/health" \
    "ca_file = $work/tls.crt" 'min_tls_days = 20'
json "for how long is said" '.gates[0].value | test("certificate for (29|30) days")'
gate fail "one that expires too soon" 'type = http' "url = $url/health" "ca_file = $work/tls.crt" \
    'min_tls_days = 40'
gate fail "a command" 'type = command' 'command = sleep 100 & sleep 100' 'timeout = 300ms'
gate pass "a process" 'type = process' 'name = python3'

# --- without a repository ---

policy world.ini <<'END'
[gate root]
type = file
path = /
END
expect 0 "a policy that asks no repository needs none" \
    env -u HOLDFAST_REPOSITORY "$HOLDFAST" ready --policy world.ini
cat world.ini good.ini | grep -v -e '^\[policy\]' -e '^name' | policy both.ini
expect 2 "one that does, does" env -u HOLDFAST_REPOSITORY "$HOLDFAST" ready --policy both.ini
expect 10 "a repository that is not there decides the exit code" \
    hf -r nowhere ready --policy both.ini
prints "but the rest is judged" '^  pass +critical +root'
prints "and what could not be asked is unknown" '^  UNKNOWN +critical +fresh backup'
sed 's/^max_age = 1h/&\nwaived_until = 2199-01-01\nwaived_by = A\nreason = B/' both.ini |
    policy waived.ini
expect 10 "a waiver does not stand for a repository" \
    hf -r nowhere --json ready --policy waived.ini --metrics nowhere.prom
json "and it is not ready" '.ready == false and .gates[1].waived'
check "nor do the metrics say so" grep -q '^holdfast_ready{.*} 0$' nowhere.prom
echo wrong >wrong
expect 12 "so does a wrong key" "$HOLDFAST" --password-file wrong ready --policy both.ini

# --- a job's policy ---

cat >job.conf <<END
[job web]
repository = $work/repo
key_file = $key
paths = $work/src
policy = $work/good.ini
[job other]
repository = $work/repo
key_file = $key
paths = $work/src
policy = $work/good.ini
END
chmod 600 job.conf
expect 0 "a job knows its repository, key and policy" env -u HOLDFAST_REPOSITORY "$HOLDFAST" \
    --config job.conf ready --job web
expect 6 "its gates ask for its own points" env -u HOLDFAST_REPOSITORY "$HOLDFAST" \
    --config job.conf ready --job other
expect 2 "a job that there is not" "$HOLDFAST" --config job.conf ready --job wbe
says "the nearest is named" 'did you mean "web"\?'

# --- policies to begin with ---

for file in "$project"/docs/policies/*.ini; do
    name=$(basename "$file" .ini)
    expect 0 "--init writes $name" "$HOLDFAST" ready --init "$name.ini" --template "$name"
    check "and it is the one in docs/policies" cmp "$name.ini" "$file"
    # The hosts and commands in it are examples; none of them is asked for here.
    sed -e 's/^command = .*/command = false/' -e 's|^url = .*://[^/]*|url = http://127.0.0.1:1|' \
        -e '/^min_tls_days/d' -e 's/^host = .*/host = 127.0.0.1/' "$name.ini" | policy asked.ini
    expect 6 "and it is understood" hf ready --policy asked.ini
done
expect 0 "without a name it is the minimum" "$HOLDFAST" ready --init first.ini
check "which is in docs/policies as well" cmp first.ini "$project/docs/policies/minimum.ini"
expect 1 "an existing file is left alone" "$HOLDFAST" ready --init first.ini
expect 2 "--init does not judge" "$HOLDFAST" ready --init x.ini --policy first.ini
expect 2 "--template is for --init" "$HOLDFAST" ready --template minimum --policy first.ini

finish
