#!/bin/bash
# test_examples.sh - every example that --help prints works as it stands.
. "$(dirname "$0")/lib.sh"

mkdir -p home/documents home/photos bin
echo 'a letter' >home/documents/letter.txt
echo '# notes' >home/documents/notes.md
echo x >home/documents/x.tmp
echo picture >home/photos/1.jpg
# A password costs a quarter of a second each time: once there is a key file, that opens.
cat >bin/holdfast <<'END'
#!/bin/bash
[ ! -e "$key" ] || set -- --key-file "$key" "$@"
exec "$HOLDFAST" "$@"
END
chmod +x bin/holdfast
export key
export PATH=$work/bin:$PATH HOLDFAST_REPOSITORY=$work/home/backups HOLDFAST_PASSWORD=secret

# In this order, so that each finds what it needs; what only looks comes before what changes.
for command in help version init backup snapshots ls find diff dump export stats check restore \
    runbook drill \
    debug tag cache key forget undelete prune import config ready run schedule status doctor; do
    count=0
    while IFS= read -r line; do
        count=$((count + 1))
        run bash -o pipefail -c "$line"
        # What a policy to begin with asks for is not there: it says so.
        if [ "$status" -eq 0 ] || [ "$command $status" = "ready 6" ]; then
            ok "$line"
        else
            not_ok "$line" "exit code $status"
        fi
        # Each example finds two snapshots of the documents, the latest of them forgotten by nobody.
        if [ "$command" = forget ]; then
            holdfast -q undelete path:"$HOME/documents" >/dev/null 2>&1
        elif [ "$command" = backup ]; then
            echo more >>home/documents/notes.md
        fi
    done < <(holdfast help "$command" | sed -n 's/^  \$ //p')
    if [ "$count" -gt 0 ]; then ok "$command has examples"; else not_ok "$command has examples"; fi
    case $command in
    init)
        "$HOLDFAST" -q key add examples --new-key-file "$key"
        ;;
    backup)
        holdfast -q backup ~/documents --job default >/dev/null
        echo most >>home/documents/notes.md
        holdfast -q backup ~/documents --job home >/dev/null
        holdfast -q backup ~/documents --job default >/dev/null
        ;;
    cache)
        holdfast -q forget job:home >/dev/null
        holdfast -q backup ~/documents --job home >/dev/null
        ;;
    config)
        sed -i -e "s|^repository = .*|repository = $HOLDFAST_REPOSITORY|" -e '/^key_file = /d' \
            -e "s|^paths = .*|paths = $HOME/documents|" -e 's/^#schedule/schedule/' \
            home/holdfast.conf
        ;;
    forget)
        holdfast -q forget latest >/dev/null
        ;;
    esac
done

finish
