#!/bin/bash
# test_drill.sh - drills pass on what is whole, fail on what is not, by name, and leave nothing.
. "$(dirname "$0")/lib.sh"
new_repository
mkdir src scratch
for i in $(seq 40); do head -c $((i * 4000)) /dev/urandom >"src/f$i"; done
mkdir src/deep
echo 'odd' >'src/deep/odd [name]* !#\ end'
printf 'bad' >"src/$(printf 'bad\xff')"
ln -s f1 src/link
ln src/f2 src/hard
mkfifo src/fifo
first=$(snapshot)
sleep 0.1
echo more >>src/f3
second=$(snapshot)

# debris: what drills have left in the scratch folder.
debris() { find scratch -mindepth 1 -maxdepth 1 | wc -l; }
recorded() { hf drill history --json | jq '.history | length'; }
# drill ARGUMENT...: one in the scratch folder of this test.
drill() { hf drill --scratch "$work/scratch" --nice 0 "$@"; }
# whole: a repository as it was before anything was done to it.
whole() {
    rm -rf copy state cache
    cp -a repo copy
    export HOLDFAST_REPOSITORY=$work/copy HOLDFAST_STATE_DIR=$work/state
    export HOLDFAST_CACHE_DIR=$work/cache
}

# ---- what is whole ----

for kind in sample full pitr live; do
    expect 0 "drill $kind" drill --json "$kind"
    json "has all keys of the contract" '.schema == "holdfast/drill/1" and .type == "summary"
        and .exit == 0 and .kind == "'$kind'" and .passed == true and (.seed | type == "number")
        and has("snapshot_id") and .files > 0 and .bytes > 0 and .mismatches == [] and .faults == []
        and .evidence > 3 and (.evidence_id | test("^[0-9a-f]{32}$"))'
    json "and has measured" '.rto.open > 0 and .rto.first_byte >= .rto.open
        and .rto.first_file >= .rto.first_byte and .rto.restore > 0 and .rto.verify > 0
        and .rto.probe == null and .rto.total >= .rto.restore + .rto.verify
        and .rpo.newest_age_seconds >= 0 and .rpo.largest_gap_seconds > 0.09'
done
expect 0 "drill full" drill full
prints "says what came of it" "^drill full: passed, #3 ${second:0:8}, job default \(seed [0-9]+\)"
prints "counts" '^  43 files \(.*\) restored and right, 0 mismatches'
expect 0 "of another snapshot" drill full "$first" --json
json "which is named" ".snapshot_id == \"$first\" and .number == 2 and .job == \"default\""
expect 0 "quietly" drill -q full
same "says nothing" "$(cat out err)" ""
same "all of them are on record" "$(recorded)" 7
expect 0 "drill history" hf drill history live --json
json "is of one kind if that is asked for" '.history | length == 1 and .[0].passed
    and .[0].kind == "live" and .[0].mismatches == 0 and .[0].total_seconds > 0'
expect 0 "drill history as a table" hf drill history
prints "has a line each" '^ *5 .* full +passed +'"${second:0:8}"' +default'
expect 0 "drill list needs no repository" env -u HOLDFAST_REPOSITORY "$HOLDFAST" drill list
prints "shows the kinds" '^pitr +restores'
expect 0 "--no-record" drill sample --no-record --json
json "publishes nothing" '.passed and .evidence == null and .unpublished == null'
same "indeed" "$(recorded)" 7
same "nothing is left" "$(debris)" 0

# What is left to chance hangs on the seed.
chosen() { (cd "$1/tree$work/src" && find . -type f | sort); }
for i in 1 2 3; do
    seed=$((i / 3 + 5))
    expect 0 "--keep" drill sample --sample 20% --seed $seed --keep --json
    eval "kept$i=$(tail -n 1 out | jq -r .kept)"
done
# shellcheck disable=SC2154
same "a seed chooses the same files" "$(chosen "$kept1")" "$(chosen "$kept2")"
same "so many" "$(chosen "$kept1" | wc -l)" 9
check "another one others" test "$(chosen "$kept1")" != "$(chosen "$kept3")"
expect 0 "another drill" drill sample --no-record
same "leaves alone what was kept" "$(debris)" 3
rm -rf scratch/*

# ---- probes ----

# shellcheck disable=SC2016
expect 0 "drill probe" drill probe --json \
    --probe 'cmp ".'"$work"'/src/f1" "$HOLDFAST_DRILL_TREE'"$work"'/src/f1"'
json "is measured" '.rto.probe > 0 and .probe.status == 0 and .passed'
# shellcheck disable=SC2016
HIDDEN=secret HOLDFAST_PASSWORD=secret expect 5 "a probe that fails" \
    drill probe --probe 'env | sort; echo "in $(pwd)"; echo to stderr >&2; exit 3' --json
json "is the mismatch" '.exit == 5 and .passed == false and .mismatches[0].object == "the probe"
    and (.mismatches[0].why | test("exit status 3")) and .probe.status == 3'
json "its output is there" '.probe.output | test("\nin .*/tree\nto stderr\n$")'
json "and its environment has nothing of ours" '.probe.output | test("secret|/home\n.*PASS") | not'
json "but what it needs" '.probe.output | test("\nPATH=/usr") and test("LANG=C")
    and test("HOME='"$work"'/scratch/holdfast-drill-.*/home") and test("HOLDFAST_DRILL_TREE=")'
error_json "and the error says so" '.code == "drill_failed" and .exit == 5'
expect 5 "one that hangs" drill probe --probe 'trap "" TERM; sleep 300' --probe-timeout 1s
says "is ended" "MISMATCH the probe: it was not done within 1 s, and was killed"
expect 5 "one that floods" drill probe --probe 'yes' --probe-timeout 1s --json
json "is read, and cut" '.mismatches[0].why | test("not done within 1 s")'
json "so that the beginning and the end are there" '.probe.output | length < 70000
    and test("^y\ny\n") and test("bytes are left out here")'
cat >fork.sh <<'END'
for i in 1 2 3; do
    setsid sh -c 'trap "" TERM; (sleep 3939 &) ; while :; do (sleep 3939 &); sleep 0.1; done' &
done
END
expect 5 "one that forks" drill probe --probe "sh $work/fork.sh; sleep 300" --probe-timeout 1s
expect 0 "one that leaves others behind" drill probe --probe "sh $work/fork.sh"
says "is told of" "it left [0-9]+ processes behind, which were killed"
same "none of them lives on" "$(pgrep -c -f 'sleep 3939')" 0
same "nothing is left" "$(debris)" 0

# ---- damage ----

# The largest file is alone in its block, so that a bit of it costs it and few others.
biggest() { find "$1/segments" -type f -printf '%s %p\n' | sort -n | tail -n 1 | cut -d' ' -f2; }
for kind in sample full pitr live probe; do
    whole
    flip "$(biggest copy)" 300000
    command=()
    [ $kind != probe ] || command=(--probe true)
    [ $kind = full ] || command+=(--sample 100)
    expect 5 "drill $kind of a flipped bit" drill $kind "${command[@]}" --json
    json "names the file" '.exit == 5 and .passed == false and (.mismatches | length > 0)
        and any(.mismatches[]; .object | startswith("'"$work"'/src/f"))'
    lost=$(tail -n 1 out | jq '[.mismatches[].object] | sort')
    run hf restore -t back --json
    [ $kind = pitr ] || same "all of what a restore can't give" "$lost" \
        "$(tail -n 1 out | jq '[.losses[].path] | sort')"
    rm -rf back
    expect 0 "it is on record" hf drill history $kind --json
    json "as failed" '.history[-1].passed == false and .history[-1].mismatches > 0'
done
whole
rm -f "$(biggest copy)"
expect 5 "drill full without a segment" drill full
says "names what is lost" "MISMATCH $work/src/f[0-9]+: "
says "in the last line as well" 'the drill "full" failed: [0-9]+ mismatches; the first one: /'
same "nothing is left" "$(debris)" 0

whole
rm -f copy/journal/000000000003
expect 4 "a damaged journal" drill full
expect 5 "and a snapshot that it names" drill full "#2"
says "which fails for it" "MISMATCH the journal: "
says "and leaves no evidence" "could not publish the evidence"

whole
hf snapshots >/dev/null
chmod -R a-w copy
expect 1 "a repository that can't be written to" unprivileged "$HOLDFAST" --key-file "$key" drill \
    full --scratch "$work/scratch" --json
json "the drill passed, but is not on record" '.passed and .evidence == null
    and (.unpublished | test("could not publish the evidence"))'
expect 0 "which --no-record does not want" unprivileged "$HOLDFAST" --key-file "$key" drill full \
    --scratch "$work/scratch" --no-record
chmod -R u+w copy

# ---- the source of today ----

whole
echo changed >>src/f4
rm src/f5
expect 0 "live: changes since the backup" drill live --json
json "are drift" '.passed and .drift == 2 and .mismatches == []'
touch -r src/f6 stamp
printf 'X' | dd of=src/f6 conv=notrunc status=none
touch -r stamp src/f6
expect 5 "live: a change that no time tells of" drill live --json
json "is a mismatch by name" '.mismatches | length == 1
    and .[0].object == "'"$work"'/src/f6" and (.[0].why | test("its size and time are those"))'
mv src gone
expect 1 "live: without the source" drill live
says "says so" "there is nothing of the source on this machine"
mv gone src

# ---- killed, two at once, no room ----

before=$(recorded)
# under_way: until the probe of the drill in the background runs.
under_way() {
    for _ in $(seq 100); do
        ! pgrep -f "^sleep $1" >/dev/null || break
        sleep 0.1
    done
}
drill probe --probe 'sleep 4141' >/dev/null 2>&1 &
under_way 4141
same "one runs" "$(debris)" 1
other=$(ls scratch)
expect 0 "another beside it" drill sample --no-record
same "which leaves it alone" "$(ls scratch)" "$other"
pid=$(pgrep -f 'drill --scratch .* probe --probe sleep 4141' | head -n 1)
kill -9 "$pid"
wait
for _ in $(seq 50); do [ "$(debris)" != 0 ] || break; sleep 0.1; done
same "killed, it leaves nothing" "$(debris)" 0
check "nor its probe" sh -c "! ps -eo stat,args | grep -v '^Z' | grep -q '[s]leep 4141'"
drill probe --probe 'sleep 4242' >/dev/null 2>err &
under_way 4242
kill -TERM "$(pgrep -f 'drill --scratch .* probe --probe sleep 4242' | head -n 1)"
wait $!
same "terminated, it says so" $? 143
same "and leaves nothing" "$(debris)" 0
same "neither is evidence" "$(recorded)" "$before"

# What even the guard could not remove, the next one does; what is somebody else's it does not.
mkdir -p scratch/holdfast-drill-abcdef/tree/deep scratch/holdfast-drill-kept scratch/other
touch scratch/holdfast-drill-abcdef/lock scratch/holdfast-drill-kept/file
chmod 0 scratch/holdfast-drill-abcdef/tree/deep
expect 0 "a drill after one that died" drill sample --no-record
says "removes its debris" "what a drill that was killed had left was removed"
same "and nothing else" "$(ls scratch | tr '\n' ' ')" "holdfast-drill-kept other "
rm -rf scratch/*

expect 28 "--max-space" drill full --max-space 100K
says "says what is needed" "MiB are to be restored, and the drill may use 100.0 KiB"
expect 0 "which a sample fits in" drill sample --sample 1 --max-space 1M --no-record
expect 1 "no scratch folder" hf drill full --scratch "$work/nowhere"
says "is named" "could not use $work/nowhere as a scratch folder: No such file"
same "none of it is evidence" "$(recorded)" "$before"
same "nothing is left" "$(debris)" 0

# ---- usage ----

expect 2 "an unknown kind" drill sampel
says "has a nearest one" 'did you mean "sample"'
expect 2 "probe without a command" drill probe
expect 2 "a command without probe" drill full --probe true
expect 2 "the time of a command without probe" drill full --probe-timeout 1m
expect 2 "a sample of everything" drill full --sample 5
for percent in 0 101 x 5x; do
    expect 2 "--sample $percent" drill sample --sample $percent
done
expect 2 "a report in no known form" drill full --report r.doc
expect 2 "pitr of a position" drill pitr latest
expect 2 "history of an unknown kind" hf drill history sampel
expect 7 "a point that is not there" drill full '#99'

# ---- reports ----

whole
expect 0 "reports" drill full --report r.txt --report r.html --report r.xml --report r.json --json
same "that in JSON is the summary" "$(jq -S . r.json)" "$(tail -n 1 out | jq -S .)"
check "text" grep -q "PASS: The drill passed" r.txt
check "HTML has its plots" grep -q "<svg" r.html
check "JUnit" grep -q 'name="drill-full"' r.xml
expect 5 "of a drill that failed" drill probe --probe 'echo to tell; exit 1' --report r.xml \
    --report r.txt
check "JUnit says so" grep -q '<failure' r.xml
check "and what the probe said" grep -q 'to tell' r.txt
expect 1 "a report that can't be written" drill full --report nowhere/r.txt

# ---- jobs ----

cat >job.conf <<END
[job j]
repository = $work/copy
key_file = $key
paths = $work/src/deep
drill = sample
END
chmod 600 job.conf
expect 0 "a job with a drill" hf run j --config job.conf --json
json "does it last" '.steps[-1].name == "drill" and .steps[-1].state == "done"'
expect 0 "it is on record" hf drill history --json
json "of that job" '.history[-1].job == "j" and .history[-1].kind == "sample"'

finish
