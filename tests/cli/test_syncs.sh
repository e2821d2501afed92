#!/bin/bash
# test_syncs.sh - a commit makes the syncs of docs/durability.md ("A commit"), in their order, and
# no others.
. "$(dirname "$0")/lib.sh"

# A leak checker can't look at a process that is traced already.
export ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}detect_leaks=0
if ! strace -f -o traced true 2>err; then
    echo "strace can't run here, so nobody counts the syncs of a commit: $(head -n 1 err)" >&2
    echo "ok - the syncs of a commit # SKIP strace can't run here"
    finish
fi

calls=fsync,fdatasync,sync,syncfs,sync_file_range,msync,openat,rename,renameat,renameat2
calls=$calls,link,linkat,unlink,unlinkat,mkdir,mkdirat

# traced CODE NAME ARGUMENT...: runs the program, with all that it does to names and for durability
# in the file traced.
traced() {
    local code=$1 name=$2
    shift 2
    expect "$code" "$name" strace -f -y -qq -o traced -e "trace=$calls" \
        "$HOLDFAST" --key-file "$key" "$@"
}

# deeds: a word for each sync, anywhere, and for each change of a name in the repository. A file
# that is written in tmp/ is called by the folder that it is renamed into later. Ends with "end".
deeds() {
    awk -v repo="$HOLDFAST_REPOSITORY/" '
        # The call, and whether it begins here: a thread may be seen to end it later.
        !match($0, /[a-z0-9_]+\(/) || / = -1 / { next }
        { call = substr($0, RSTART, RLENGTH - 1) }
        call ~ /sync/ {
            path = $0
            if (!sub(/^[^<]*</, "", path)) path = "?"
            sub(/>\).*|>,.*|> <unf.*/, "", path)
            if (path "/" == repo) path = "."
            if (substr(path, 1, length(repo)) == repo) path = substr(path, length(repo) + 1)
            words[++n] = call ":" path
            next
        }
        index($0, "<" substr(repo, 1, length(repo) - 1) ">") == 0 { next }
        call ~ /^rename/ {
            split($0, quoted, "\"")
            place = quoted[4]
            sub(/\/.*/, "", place)
            becomes[quoted[2]] = place
            words[++n] = "rename:" place
        }
        call ~ /^link|^unlink|^mkdir/ || /O_CREAT/ {
            split($0, quoted, "\"")
            place = quoted[2]
            sub(/\/.*/, "", place)
            if (place != "tmp") words[++n] = (/O_CREAT/ ? "create" : call) ":" place
        }
        END {
            for (i = 1; i <= n; i++) {
                word = words[i]
                path = substr(word, index(word, ":") + 1)
                if (path in becomes)
                    word = substr(word, 1, index(word, ":")) "a-file-of-" becomes[path]
                printf "%s ", word
            }
            print "end"
        }' traced
}

# deeds_there: those in the repository alone; the client's own folders are its own affair.
deeds_there() {
    deeds | tr ' ' '\n' | grep -v ':/' | paste -sd ' '
}

segment="fdatasync:a-file-of-segments rename:segments fsync:segments"
entry="fdatasync:a-file-of-journal rename:journal fsync:journal"
entry="$entry create:head fsync:head unlinkat:head"

new_repository
mkdir src
echo one >src/file
traced 0 "the first backup of a client" -q backup src
same "syncs segment, segments/, entry, journal/, head/" \
    "$(deeds_there)" "$segment $entry end"
before=$(basename repo/head/*)

echo two >src/file
traced 0 "a backup of one small file" -q backup src
same "makes these five syncs, and no other" "$(deeds_there)" "$segment $entry end"

traced 0 "forget" forget "$(cat out)"
same "is an entry without a segment" "$(deeds_there)" "$entry end"
traced 0 "tag" tag "$(hf snapshots --json | jq -r '.snapshots[0].id')" --add x
same "is another" "$(deeds_there)" "$entry end"

# Somebody has published, and not yet raised the head: nobody knows whether that entry is durable.
rm -f repo/head/*
: >"repo/head/$before"
echo three >src/file
traced 0 "a backup behind an entry above the head" -q backup src
same "makes that entry durable first" "$(deeds_there)" "$segment fsync:journal $entry end"

# "Unchanged" acknowledges the snapshot that it stands on, so that must be durable as well.
rm -f repo/head/*
: >"repo/head/$before"
traced 0 "a backup that is skipped, behind such an entry" -q backup src --skip-if-unchanged
same "makes that entry durable, and nothing else" "$(deeds_there)" "fsync:journal end"

for command in "snapshots" "ls latest" "check" "check --read-data" "backup -n src" \
    "restore latest -t back"; do
    # shellcheck disable=SC2086
    traced 0 "$command" -q $command
    same "changes and syncs nothing in the repository" \
        "$(deeds_there)" "end"
done

finish
