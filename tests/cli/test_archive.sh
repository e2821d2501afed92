#!/bin/bash
# test_archive.sh - archives out of snapshots and into them: what other programs make of them, and
# what is made of theirs.
. "$(dirname "$0")/lib.sh"
new_repository

is_root=
[ "$(id -u)" -ne 0 ] || is_root=1

# A tree with something of everything. Times before 1970 are whole seconds: bsdtar takes the
# fraction of such times for its opposite.
plant() {
    mkdir -p "$1/d/sub" "$1/empty" && cd "$1" || exit 1
    echo hello >a
    ln a b
    ln a d/c
    ln -s a link
    ln -s /nowhere/at/all d/dangling
    ln link d/link-again
    mkfifo -m 640 fifo
    printf 'x' >"$(printf 'bad\xff')"
    printf 'x' >"$(printf 'new\nline')"
    printf 'x' >"$(printf '%0250d' 7)"
    printf 'x' >"d/$(printf 'caf\xc3\xa9')"
    head -c 3000000 /dev/urandom >d/sub/random
    : >nothing
    truncate -s 20M holes
    printf 'data' | dd of=holes bs=1 seek=7000000 conv=notrunc status=none
    truncate -s 1M all-hole
    chmod 4751 d/sub/random
    chmod 1777 d
    setfattr -n user.test -v value a
    setfattr -n user.binary -v 0x00ff3d0a0a d
    setfacl -m u:12345:rw,g:54321:r "d/sub/random"
    setfacl -m u:12345:rwx -dm u:12345:rwx,g::r-x d/sub
    if [ -n "$is_root" ]; then
        mknod null c 1 3
        mknod disk b 7 259
        chown 1234:4321 d/sub
        chown -h 3000000000:3000000000 link
        setcap cap_net_raw+ep nothing 2>/dev/null
    fi
    touch -h -d '1960-02-03 04:05:06' link
    touch -d '1969-12-31 23:59:58' fifo
    touch -d '2201-02-03 04:05:06.000000007' nothing
    touch -d '2020-01-01 00:00:00.123456789' a
    touch -d '2010-01-01 00:00:00.5' d/sub d empty
    cd "$work" || exit 1
}

# listing DIR: everything there is to know of a tree.
listing() (
    cd "$1" || exit
    find . -mindepth 1 -printf '%P %y %m %U %G %s %T@ %n %l\n' |
        sed -E 's/^(.* d [0-7]+ [0-9]+ [0-9]+) [0-9]+ (.*) [0-9]+ $/\1 - \2 -/' | sort
    find . -mindepth 1 -print0 | sort -z | xargs -0 getfattr -h -d -m- -e hex 2>/dev/null
    contents .
)

# identical NAME A B: also by rsync's judgement.
identical() {
    same "$1" "$(listing "$3")" "$(listing "$2")"
    same "$1: rsync sees no difference" "$(rsync -naciHAX --delete "$2/" "$3/" 2>&1 |
        grep -v '^\.d\.\.t\.\+ \./$')" ""
}

# plainly NAME A B: what any archive holds and any program unpacks.
plainly() {
    same "$1" "$(plain_listing "$3")" "$(plain_listing "$2")"
}
plain_listing() (
    cd "$1" || exit
    find . -mindepth 1 ! -type f -printf '%P %y %l\n' | sort
    find . -type f ! -name nothing -printf '%P %m %T@\n' |
        sed -E 's/ [0-7]*([0-7]{3}) ([0-9]+)\.[0-9]+$/ \1 \2/' | sort
    contents .
)
contents() (
    cd "$1" || exit
    find . -type f -print0 | sort -z | xargs -0 -r sha256sum
)

# sparse NAME FILE KIB: it takes at most so much.
sparse() {
    if [ "$(du -k "$2" | cut -f 1)" -le "$3" ]; then ok "$1"; else not_ok "$1" "$(du -k "$2")"; fi
}

# taken_in NAME JOB TREE: the snapshot of a job is that tree.
taken_in() {
    rm -rf "restored-$2"
    expect 0 "$1 can be restored" hf -q restore "job:$2" -t "restored-$2"
    identical "$1 comes back as it was" "$3" "restored-$2"
}

plant "$work/src"
snapshot src --strip-prefix "$work/src" --job tree >/dev/null

# --- out: what unpacks it gets the same tree

expect 0 "everything fits into a pax archive" hf export job:tree -o all.tar
same "it is a file of its own, and nothing is left beside it" "$(ls -A | grep -cE "all.tar|^\.")" 1
same "it is for its owner only" "$(stat -c %a all.tar)" 600
mkdir by-tar by-bsdtar
run tar --xattrs --xattrs-include='*' --acls -xpf all.tar -C by-tar
identical "GNU tar unpacks it" src by-tar
sparse "with its holes" by-tar/holes 64
run bsdtar --xattrs --acls -xpf all.tar -C by-bsdtar
identical "bsdtar unpacks it" src by-bsdtar
sparse "with its holes, too" by-bsdtar/holes 64
sparse "holes take nothing in the archive" all.tar 4000

hf export job:tree >stream.tar 2>err
check "to standard output it is the same" cmp all.tar stream.tar
hf export job:tree -o - >stream.tar 2>err
check "- is standard output" cmp all.tar stream.tar
expect 0 "a part of it" hf export job:tree /d -o part.tar
same "holds what is below, by its whole name" "$(tar -tf part.tar | head -n 2)" \
    "$(printf 'd/\nd/c')"
expect 0 "a file" hf export job:tree d/sub/random -o file.tar
check "comes out as it is" cmp <(tar -xOf file.tar d/sub/random) src/d/sub/random
expect 0 "a name of a file with several is that file, if the first is not there" \
    hf export job:tree /d/c -o link.tar
same "with its content" "$(tar -xOf link.tar d/c)" hello

for format in gnutar ustar cpio zip; do
    run hf export job:tree -o "all.$format" --format $format
    same "$format can't hold everything" "$status" 3
    says "and says what" "is not in the archive: $format can't hold it"
    mkdir "by-$format"
done
run tar -xpf all.gnutar -C by-gnutar
run tar -xpf all.ustar -C by-ustar
(cd by-cpio && cpio -idm --quiet <../all.cpio)
run unzip -q all.zip -d by-zip
plainly "GNU tar unpacks gnutar" src by-gnutar
same "with links" "$(stat -c %h by-gnutar/a)" 3
same "ustar keeps links" "$(stat -c %h by-ustar/a)" 3
same "cpio keeps links" "$(stat -c %h by-cpio/a)" 3
for format in ustar cpio zip; do
    same "content is right in $format" "$(cd by-$format && sha256sum d/sub/random holes d/c)" \
        "$(cd src && sha256sum d/sub/random holes d/c)"
done
run hf --json export job:tree -o all.zip --format zip
json "a zip's losses are listed" '.exit == 3 and .format == "zip" and
    ([.losses[] | select(.path == "/fifo" and .what == "fifo")] | length == 1) and
    ([.losses[] | select(.path == "/b" and .what == "hard link")] | length == 1)'
run hf export job:tree -o all.7z --format 7zip
check "7z lists it" sh -c '7z l all.7z | grep -q sub/random'
run hf export job:tree -o all.mtree --format mtree
same "a list has checksums" "$(grep -c sha256 all.mtree)" \
    "$(find src -type f -printf 'x\n' | wc -l)"
expect 2 "an unknown format" hf export job:tree --format rar -o x.rar
says "is a mistake, and the known ones are named" "pax"

# Sockets are in none.
mkdir with-socket
python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind("with-socket/s")'
echo 1 >with-socket/f
snapshot with-socket --strip-prefix "$work/with-socket" --job socket >/dev/null
expect 3 "a socket is a loss" hf export job:socket -o socket.tar
says "and named" "/s: socket is not in the archive"
same "all else is there" "$(tar -tf socket.tar)" "$(printf './\nf')"
run hf --json export job:socket
same "with --json the document goes where the archive does not" \
    "$(tail -n 2 err | head -n 1 | jq -r '.losses[0].what')" socket

# Output.
mkdir folder
expect 1 "a folder is no place for it" hf export job:tree -o folder
expect 1 "nor is a folder that is not there" hf export job:tree -o nowhere/x.tar
echo old >existing.tar
ln -s existing.tar a-link.tar
expect 0 "an existing file is replaced, through a link" hf export job:socket /f -o a-link.tar
same "which stays one" "$(readlink a-link.tar) $(tar -tf existing.tar)" "existing.tar f"
expect 0 "a device is written to as it is" hf export job:socket /f -o /dev/null
check "and stays one" test -c /dev/null
expect 1 "a path that is not there" hf export job:tree /d/subb -o x.tar
says "is named with the nearest" "did you mean /d/sub"
run bash -o pipefail -c "'$HOLDFAST' --key-file '$key' export job:tree | head -c 100 >/dev/null"
same "a reader that goes away is no failure" "$status" 0
check "nothing was left by what failed" sh -c '! ls -A | grep -q "^\.holdfast"'

# --- dump

hf dump job:tree /d >d.tar 2>err
check "dump writes a folder as the same archive" cmp d.tar part.tar
hf dump job:tree d --archive tar >d.tar 2>err
check "also if told so" cmp d.tar part.tar
hf dump job:tree a --archive tar >d.tar 2>err
same "and a file if told so" "$(tar -xOf d.tar a)" hello
same "which else comes as it is" "$(hf dump job:tree a 2>err)" hello
expect 1 "a FIFO can't be dumped" hf dump job:tree fifo
run hf dump job:socket /
same "a socket is missing from a dump" "$status" 3

# --- in: what others pack

hf import -q all.tar --job self >id 2>err
taken_in "our own archive" self src
same "the snapshot says that it was imported, job and all" \
    "$(hf snapshots job:self --json 2>err | jq -r '.snapshots[0].job')" self

tar -C src --format=pax --xattrs --xattrs-include='*' --acls -S -cf gnu.tar .
hf import -q gnu.tar --job gnu >id 2>err
taken_in "an archive of GNU tar" gnu src
sparse "with holes" restored-gnu/holes 64
bsdtar -C src --format=pax --xattrs --acls -cf bsd.tar . 2>/dev/null
hf import -q bsd.tar --job bsd >id 2>err
taken_in "an archive of bsdtar" bsd src

# What chunks are made of does not depend on where they come from.
run hf --json import gnu.tar --job gnu
json "content that was backed up is not stored again" '.bytes_new < 100000 and .files > 5'

tar -C src --format=gnu -S -cf old.tar . 2>/dev/null
tar -C src --format=ustar --exclude='0*7' --exclude=link -cf ustar.tar . 2>/dev/null
(cd src && find . ! -name "$(printf 'new\nline')" ! -name link ! -name link-again | sort |
    cpio -o -H newc --quiet) >new.cpio 2>/dev/null
(cd src && find d empty nothing | zip -qy -@ ../info.zip)
(cd src && 7z a -bso0 -bsp0 ../sevenz.7z d/sub empty)
for archive in old.tar ustar.tar new.cpio info.zip sevenz.7z; do
    mkdir -p "theirs-$archive"
done
tar -xpf old.tar -C theirs-old.tar
tar -xpf ustar.tar -C theirs-ustar.tar 2>/dev/null
(cd theirs-new.cpio && cpio -idm --quiet <../new.cpio)
LC_ALL=C.UTF-8 unzip -qX info.zip -d theirs-info.zip
(cd theirs-sevenz.7z && 7z x -bso0 -bsp0 ../sevenz.7z)
for archive in old.tar ustar.tar new.cpio info.zip sevenz.7z; do
    expect 0 "$archive is taken in" hf -q import $archive --job "$archive"
    rm -rf back && hf -q restore "job:$archive" -t back 2>err
    case $archive in
    sevenz.7z) # which sets no modes
        same "$archive is what its own program unpacks" "$(contents back)" \
            "$(contents "theirs-$archive")"
        ;;
    *) plainly "$archive is what its own program unpacks" "theirs-$archive" back ;;
    esac
done
rm -rf back && hf -q restore job:new.cpio -t back 2>err
same "links of a cpio are links" "$(stat -c '%h %i' back/a)" "$(stat -c '3 %i' back/d/c)"
same "with their content, which comes last" "$(cat back/a)" hello

for how in gzip bzip2 xz zstd; do
    command -v $how >/dev/null || continue
    $how -c gnu.tar >packed
    run hf --json import packed --job "packed"
    json "$how" ".exit == 0 and .compression == \"$how\" and .files > 5"
    hf import -q - --job packed <packed >out 2>err
    same "and from a stream" "$?" 0
done
cat info.zip | hf import -q - --job piped >out 2>err
same "a zip from a pipe" "$?" 0
cat sevenz.7z | hf import -q - --job piped >out 2>err
same "a 7z from a pipe" "$?" 0
mkfifo pipe
cat gnu.tar >pipe &
expect 0 "a FIFO" hf -q import pipe --job piped

# --- in: options

expect 0 "--time" hf -q import gnu.tar --job timed --time 2020-02-03T04:05:06Z --tag x,y --host h
run hf --json snapshots job:timed
json "is the begin and the end" '.snapshots[0] | .begin == .end and .host == "h" and
    .time == "2020-02-03T04:05:06.000000000Z" and .tags == ["x","y"]'
expect 2 "a time in the future" hf import gnu.tar --time +1d
expect 2 "a time that is none" hf import gnu.tar --time soon
before=$(ls repo/journal | wc -l)
expect 0 "a dry run" hf import gnu.tar -n
same "writes nothing" "$(ls repo/journal | wc -l)" "$before"
tar -C "$work" -cf prefixed.tar src/d src/a
expect 0 "--strip-components" hf -q import prefixed.tar --strip-components 1 --job stripped
same "leaves out first folders" "$(hf ls job:stripped / 2>err)" "$(printf '/a\n/d')"

# --- hostile and odd ones

cat >forge.py <<'PY'
"""forge.py KIND FILE: archives that no honest program makes."""
import io, sys, tarfile, random
kind, file = sys.argv[1:]
tar = tarfile.open(file, "w", format=tarfile.PAX_FORMAT)

def add(name, type=tarfile.REGTYPE, data=b"", link="", mode=0o644):
    info = tarfile.TarInfo(name)
    info.type, info.size, info.linkname, info.mode, info.mtime = type, len(data), link, mode, 1e9
    tar.addfile(info, io.BytesIO(data))

if kind == "hostile":
    add("good", data=b"good")
    add("../up", data=b"evil")
    add("a/../../up", data=b"evil")
    add("/etc/absolute", data=b"fine")
    add("door", tarfile.SYMTYPE, link="/tmp")
    add("door/through", data=b"evil")
    add("good/below", data=b"evil")
    add("dangling", tarfile.LNKTYPE, link="nothing")
    add("outside", tarfile.LNKTYPE, link="../../etc/passwd")
    add("full/file", data=b"stays")
    add("full", tarfile.SYMTYPE, link="/tmp")
    add(".", data=b"a file for a root")
    add("..", tarfile.DIRTYPE)
    add("last", data=b"last")
elif kind == "again":
    add("f", data=b"first")
    add("link", tarfile.LNKTYPE, link="f")
    add("f", data=b"second")
    add("other", tarfile.LNKTYPE, link="f")
    add("x", data=b"a file")
    add("x/", tarfile.DIRTYPE, mode=0o700)
    add("x/in", data=b"in")
    add("y", tarfile.DIRTYPE)
    add("y", data=b"now a file")
    add("self", data=b"self")
    add("self", tarfile.LNKTYPE, link="self")
elif kind == "shuffled":
    names = [f"{i % 7}/{i % 13}/n{i}" for i in range(2000)] + [f"a.{i}" for i in range(50)]
    names += [f"a/{i}" for i in range(50)]
    random.Random(1).shuffle(names)
    for name in names:
        add(name, data=name.encode())
elif kind == "implied":
    add("deep/down/here/f", data=b"f")
tar.close()
PY

python3 forge.py hostile hostile.tar
expect 3 "a hostile archive is taken in without what is hostile" hf import hostile.tar --job hostile
for name in '\.\./up' 'a/\.\./\.\./up' door/through good/below dangling outside full '\.' \
    '\.\./'; do
    says "$name is left out by name" "left out: $name:"
done
says "slashes at the front are spoken of" "leading slashes"
same "what remains is harmless" "$(hf ls -R job:hostile / 2>err | tr '\n' ' ')" \
    "/door /etc /etc/absolute /full /full/file /good /last "
run hf --json import hostile.tar --job hostile
json "and counted" '.exit == 3 and .refused == 9 and .files == 4 and .errors == 9'
expect 0 "it can be restored" hf -q restore job:hostile -t harmless

python3 forge.py again again.tar
expect 0 "later entries replace earlier ones" hf import again.tar --job again
rm -rf back && hf -q restore job:again -t back 2>err
same "a link keeps what it was linked to" "$(cat back/link back/f back/other)" firstsecondsecond
same "and only to that" "$(stat -c %h back/link back/f back/other | tr '\n' ' ')" "1 2 2 "
same "folders and files take each other's places" "$(cat back/x/in back/y)" "innow a file"
same "a link to itself is itself" "$(cat back/self; stat -c %h back/self)" self1
run hf --json import again.tar --job again
json "what was replaced is counted" '.replaced == 4 and .links == 1'

python3 forge.py shuffled shuffled.tar
expect 0 "the order of entries does not matter" hf -q import shuffled.tar --job shuffled
rm -rf back theirs && mkdir theirs && tar -xf shuffled.tar -C theirs
hf -q restore job:shuffled -t back 2>err
same "all are there" "$(cd back && find . -type f -print0 | sort -z | xargs -0 sha256sum)" \
    "$(cd theirs && find . -type f -print0 | sort -z | xargs -0 sha256sum)"
python3 forge.py implied implied.tar
expect 0 "folders may be implied" hf -q import implied.tar --job implied
same "and are there" "$(hf ls -R job:implied / 2>err | head -n 3 | tr '\n' ' ')" \
    "/deep /deep/down /deep/down/here "

# --- no archives, or not whole

before=$(hf snapshots --json 2>err | jq '.snapshots | length')
size=$(stat -c %s gnu.tar)
for cut in 100 513 5000 $((size / 2)); do
    head -c "$cut" gnu.tar >cut.tar
    expect 1 "a tar cut at $cut" hf import cut.tar
    says "is refused" "cut short|known kind"
done
python3 - <<'PY'
import tarfile
tar = tarfile.open("gnu.tar")
member = tar.getmembers()[3]
end = member.offset_data + (member.size + 511) // 512 * 512
open("between.tar", "wb").write(open("gnu.tar", "rb").read()[:end])
PY
expect 1 "a tar cut between two entries" hf import between.tar
says "lacks its end" "cut short: its end mark"
for cut in gz xz; do
    case $cut in gz) gzip -c gnu.tar ;; xz) xz -c gnu.tar ;; esac | head -c 1000000 >cut.$cut
    expect 1 "a cut $cut" hf import cut.$cut
    says "is refused, too" "damaged, or cut short"
done
for archive in new.cpio info.zip sevenz.7z; do
    head -c $(($(stat -c %s $archive) * 2 / 3)) $archive >cut
    expect 1 "$archive, cut" hf import cut
done
cp gnu.tar rotten.tar
printf 'rot' | dd of=rotten.tar bs=1 seek=$((size / 1024 * 512 / 512 * 512 + 100)) conv=notrunc \
    status=none
cp info.zip rotten.zip
flip rotten.zip $(($(stat -c %s info.zip) / 2))
expect 1 "a rotten zip" hf import rotten.zip
says "is damaged" "damaged"
(cd src && zip -qe -P secret ../locked.zip a d/sub/random)
expect 1 "an encrypted zip" hf import locked.zip
says "is called so" "encrypted"
(cd src && 7z a -psecret -mhe=on -bso0 -bsp0 ../locked.7z a)
expect 1 "an encrypted 7z" hf import locked.7z
says "is called so, too" "encrypted|known kind"
head -c 100000 /dev/urandom >noise
expect 1 "noise" hf import noise
says "is no archive" "no archive of a known kind"
: >nil
expect 1 "an empty file" hf import nil
tar -cf none.tar -T /dev/null
expect 1 "an archive of nothing" hf import none.tar
says "says so" "there is nothing in it"
expect 1 "no file" hf import not-there.tar
expect 1 "a folder" hf import src
same "none of them made a snapshot" "$(hf snapshots --json 2>err | jq '.snapshots | length')" \
    "$before"

# --- lists

bsdtar -C src --format=mtree --options='!all,type,mode,time,size,link,uname' -cf list.mtree \
    d/sub empty nothing 2>/dev/null
run hf import list.mtree --job list
same "a list has no content" "$status" 3
says "which is said by name" "left out: .*d/sub/random: a list holds no content"
(cd src && hf import -q ../list.mtree --contents --job list >../out 2>../err)
same "but may be looked up" "$?" 0
check "and is the files'" cmp <(hf dump job:list d/sub/random 2>err) src/d/sub/random

# --- being told to stop

mkdir endless
truncate -s 200G endless/hole
snapshot endless --strip-prefix "$work/endless" --job endless >/dev/null
expect 130 "an export can be interrupted" timeout --foreground --preserve-status -s INT 1 \
    "$HOLDFAST" --key-file "$key" export job:endless --format zip -o endless.zip
same "and leaves nothing" "$(ls -A | grep -cE "endless.zip|^\.")" 0
before=$(ls repo/journal | wc -l)
(head -c 2000000 gnu.tar; sleep 3) |
    timeout --foreground --preserve-status -s TERM 1 \
        "$HOLDFAST" --key-file "$key" import - >out 2>err
same "an import can be terminated while it waits" "$?" 143
same "and makes no snapshot" "$(ls repo/journal | wc -l)" "$before"

# --- a damaged repository

cp -r repo whole
for segment in repo/segments/*; do
    [ "$(stat -c %s "$segment")" -lt 2000000 ] || flip "$segment" 1000000
done
expect 4 "damage is met" hf export job:tree -o damaged.tar
same "and leaves no file" "$(ls -A | grep -c damaged.tar)" 0
run hf --json export job:tree -o damaged.tar
json "the document says so" '.exit == 4'
hf export job:tree >damaged.tar 2>err
if tar -tf damaged.tar >/dev/null 2>&1; then
    not_ok "what was written until then is no whole archive"
else
    ok "what was written until then is no whole archive"
fi

finish
