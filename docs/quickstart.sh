#!/bin/bash
# quickstart.sh - from nothing to a restore as of a moment, compared with the truth, and a drill.
#
# Run by `make quickstart`, with HOLDFAST naming the program. Everything happens in a folder of its
# own, which is removed at the end. It fails if any step does not do what it says.
set -euo pipefail

program=$(readlink -f "${HOLDFAST:-build/holdfast}")
work=$(mktemp -d "${TMPDIR:-/tmp}/holdfast-quickstart-XXXXXX")
trap 'rm -rf "$work"' EXIT
cd "$work"
mkdir bin home
ln -s "$program" bin/holdfast
export PATH=$work/bin:$PATH HOME=$work/home
for name in $(compgen -e HOLDFAST_); do
    unset "$name"
done

say() {
    printf '\n%s\n' "$*"
}

# show COMMAND: prints it, runs it, shows what it says; the exit code is the command's.
show() {
    printf '  $ %s\n' "$1"
    bash -o pipefail -c "$1" 2>&1 | sed 's/^/    /'
}

fail() {
    printf '\nquickstart: %s\n' "$*" >&2
    exit 1
}

say "1. A key file, and a repository that it opens."
export HOLDFAST_REPOSITORY=$work/repository
show "holdfast init --key-file key"

say "2. Something worth keeping, and its first backup."
mkdir -p site/pages
for i in $(seq 200); do
    printf '<h1>Page %d</h1>\n' "$i" >"site/pages/$i.html"
done
echo 'status = open' >site/shop.conf
cp -a site truth
show "holdfast backup site --job web --key-file key"
sleep 1.1
moment=$(date '+%Y-%m-%d %H:%M:%S')
sleep 1.1

say "3. A bad day: a file is overwritten, others are removed, and that is backed up as well."
echo 'status = garbage' >site/shop.conf
rm site/pages/1*.html
show "holdfast backup site --job web --key-file key"
show "holdfast snapshots --key-file key"
show "holdfast diff latest~1 latest --key-file key | tail -n 3"

say "4. Back to $moment, before it happened."
show "holdfast restore --at '$moment' --target restored --verify --key-file key"

say "5. Is that really what was there? Names, content, modes and times are compared."
describe() {
    (cd "$1" && find . -type f -printf '%P %m %s %T@ ' -exec sha256sum {} \; | sort)
}
[ "$(describe truth)" = "$(describe "restored$work/site")" ] ||
    fail "what was restored differs from what was backed up"
echo "    all $(describe truth | wc -l) files are the same, bit for bit"

say "6. Is everything still readable? Every chunk is decrypted and its id computed anew."
show "holdfast check --read-data --key-file key"

say "7. A drill: the same again, as it is to be done every month. What it finds is signed evidence."
show "holdfast drill full --key-file key" || fail "the drill did not pass"
show "holdfast drill history --key-file key"

say "8. What if a disk flips one bit? In a copy of the repository, it does."
cp -a repository rotten
segment=$(find rotten/segments -type f -printf '%s %p\n' | sort -n | head -n 1 | cut -d' ' -f2)
chmod u+w "$segment"
byte=$(od -An -tu1 -j 240 -N 1 "$segment")
printf "\\x$(printf %02x $((byte ^ 4)))" | dd of="$segment" bs=1 seek=240 conv=notrunc status=none
status=0
show "holdfast check --read-data --key-file key --repo rotten" || status=$?
[ "$status" -eq 4 ] || fail "a flipped bit was not told: exit code $status instead of 4"
echo "    exit code 4: it was noticed, and named with what it costs"

cat <<'END'

That was all of it, and all of it worked. Yours begins like this:

  export HOLDFAST_REPOSITORY=/mnt/backup/repository
  holdfast init --key-file ~/holdfast.key      # keep a copy of the key elsewhere
  holdfast backup ~/documents --key-file ~/holdfast.key
  holdfast drill sample --key-file ~/holdfast.key
  holdfast help schedule                       # every night; "holdfast help" for the rest
END
