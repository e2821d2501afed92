#!/bin/bash
# test_api.sh - the library as a stranger's program finds it: installed, by pkg-config, from C and
# C++, shared and static; the examples of the documents; what it exports, and what it never calls.
#
# Only the plain build has the shared library; tests/unit/engine/test_api.c looks at behaviour.
project=$PWD
. "$(dirname "$0")/../cli/lib.sh"

# As the packager's make does it, of what is built already.
root=$work/root
install_log=$(make -C "$project" --no-print-directory -o install-made BUILD="$BUILD" \
    DESTDIR="$root" install 2>&1) || { echo "not ok - installing: $install_log"; exit 1; }
export PKG_CONFIG_PATH=$root/usr/local/lib/pkgconfig PKG_CONFIG_SYSROOT_DIR=$root
export LD_LIBRARY_PATH=$root/usr/local/lib
shared=$root/usr/local/lib/libholdfast.so.0
header=$root/usr/local/include/holdfast.h
flags=$(pkg-config --cflags holdfast)
libs=$(pkg-config --libs holdfast)
cc=(gcc -std=c99 -pedantic -Wall -Wextra -Werror)

# The header

echo '#include <holdfast.h>' >alone.c
cp alone.c alone.cpp
check "the header stands alone in C99" "${cc[@]}" $flags -fsyntax-only alone.c
check "it is C++ as well" g++ -std=c++11 -pedantic -Wall -Wextra -Werror $flags -fsyntax-only \
    alone.cpp
check "clang agrees" bash -c "! command -v clang >/dev/null ||
    clang -std=c99 -pedantic -Wall -Wextra -Werror $flags -fsyntax-only alone.c"
cat >linked.cpp <<'END'
#include <holdfast.h>
int main() { holdfast *h = holdfast_new(); holdfast_close(h); return holdfast_version()[0] == 0; }
END
check "a C++ program links" g++ $flags -o linked linked.cpp $libs
check "and runs" ./linked

# What is exported

sed -n 's/^[a-z].*\b\(holdfast_[a-z_]*\)(.*/\1/p' "$header" | sort >declared
nm -D --defined-only "$shared" | sed -n 's/.* [A-Z] \(.*\)@@HOLDFAST_0$/\1/p' | sort >exported
same "the shared library exports what the header declares" "$(cat exported)" "$(cat declared)"
same "and nothing else" "$(nm -D --defined-only "$shared" | grep -vc '@@HOLDFAST_0$')" 1
same "the static one has no other name either" "$(nm -g --defined-only \
    "$root/usr/local/lib/libholdfast.a" | sed -n 's/.* [A-Z] //p' | sort)" "$(cat declared)"
check "its soname is libholdfast.so.0" \
    bash -c "readelf -d '$shared' | grep -q 'SONAME.*\[libholdfast.so.0\]'"
while read -r name; do
    grep -q "$name" "$project/docs/manual/api.md" || not_ok "the manual explains $name"
done <declared
ok "the manual explains every function"
"$HOLDFAST" version >version
same "program, header and pkg-config have one version" \
    "$(sed -n 's/^holdfast \([0-9.]*\).*/\1/p' version
        sed -n 's/.*_VERSION "\(.*\)"/\1/p' "$header")" \
    "$(pkg-config --modversion holdfast; pkg-config --modversion holdfast)"

# What it never calls: nothing that prints, and nothing that ends or changes the process but an
# assert. Only drills and commands have children, which do end themselves.

nm -D --undefined-only "$shared" | awk '{ print $2 }' | sed 's/@.*//' | sort >calls
grep -xE -e '(__)?v?(f|d)?printf(_chk)?|f?puts|f?putc|putchar|fwrite|perror|std(out|err)' \
    -e 'psignal|v?syslog(_chk)?|v?(err|warn)x?|(quick_)?exit|_Exit|abort|raise' \
    -e 'sigaction|setlocale|fchdir|umask|setenv|putenv|getenv|setrlimit' calls >forbidden
same "it neither prints, nor exits, nor changes the process" "$(cat forbidden)" ""
(cd "$BUILD/obj/src" && for object in [b-z]*/*.o; do
    nm -u "$object" | grep -qwE '_exit|fork|signal|chdir' && echo "$object"
done | grep -vE '^engine/drill_scratch.o$|^io/process.o$') >children
same "only what has children of its own ends them" "$(cat children)" ""

# The examples

mkdir bin
for example in "$project"/docs/examples/*.c; do
    name=$(basename "$example" .c)
    check "$name compiles without a warning" "${cc[@]}" $flags -pthread -o "bin/$name" "$example" \
        $libs
done
check "one links statically" "${cc[@]}" $flags -o bin/static \
    "$project/docs/examples/backup_and_list.c" \
    "$root/usr/local/lib/libholdfast.a" -lsodium -lcrypto -lzstd -lz -lpthread -lm
same "with the libraries that holdfast.pc names" \
    "$(PKG_CONFIG_SYSROOT_DIR= pkg-config --static --libs-only-l holdfast | tr ' ' '\n' |
        grep -oE '^-l(sodium|crypto|zstd|z|pthread|m|holdfast)$' | sort -u | xargs)" \
    "-lcrypto -lholdfast -lm -lpthread -lsodium -lz -lzstd"

mkdir -p src/sub
echo one >src/a
head -c 300000 /dev/urandom >src/sub/b
repo=$work/repo
key=$work/api.key
expect 0 "backup_and_list makes a repository and a snapshot" bin/backup_and_list "$repo" "$key" src
prints "it lists the point" '^#[0-9]+ [0-9a-f]{32} example: 2 files, 300004 bytes$'
says_not "it has nothing to complain of" .
expect 0 "and again, linked statically" bin/static "$repo" "$key" src
same "there are two points now" "$(grep -c '^#' out)" 2
expect 3 "a path that is not there makes it incomplete" bin/backup_and_list "$repo" "$key" src gone
says "which is told" 'gone'
expect 12 "another key opens nothing" bin/backup_and_list "$repo" /etc/hostname src

expect 0 "restore_at restores as of now" bin/restore_at "$repo" "$key" now out-now
prints "and says what it found" '^#[0-9]+, [0-9.]+ s before what was asked for; there is no later'
check "everything is back" diff -r src "out-now$work/src"
expect 0 "a part of it" bin/restore_at "$repo" "$key" now out-part "$work/src/sub"
check "is the part" test -f "out-part$work/src/sub/b" -a ! -e "out-part$work/src/a"
expect 7 "a time before the first point is none" bin/restore_at "$repo" "$key" 2001-01-01 out-old
says "with the code for programs" '^no_such_point: '
export HOLDFAST_REPOSITORY=$repo
expect 0 "the program restores what the library stored" hf restore -t out-program
check "bit by bit" diff -r src "out-program$work/src"

expect 0 "two_threads works in both" bin/two_threads "$repo" "$key" src out-threads
same "both are done" "$(cat out)" $'backups: done\nrestores: done'

expect 0 "check_with_progress finds it whole" bin/check_with_progress "$repo" "$key"
prints "and shows how far it has come" '^[0-9]+ % of the data$'
prints "with a summary" '^whole: [0-9]+ snapshots'

# As long as the signal comes before the end; a machine that is busy may need another try.
head -c 100M /dev/urandom >src/large
for _ in 1 2 3 4 5; do
    bin/cancel "$repo" "$key" src >out 2>err &
    child=$!
    until grep -q 'backing up' out; do sleep 0.01; done
    kill -INT "$child"
    wait "$child" && status=0 || status=$?
    [ "$status" -eq 130 ] && break
    head -c 100M /dev/urandom >src/large
done
same "cancel ends cleanly" "$status $(tail -n 1 out)" "130 stopped: no snapshot was made"
rm src/large
expect 0 "and works when it is left alone" bin/cancel "$repo" "$key" src

mkdir scratch
expect 0 "drill passes" bin/drill "$repo" "$key" scratch
prints "and says how long a restore takes" '^restored [0-9]+ files, [0-9]+ bytes in [0-9.]+ s$'
expect 0 "what it found is recorded" hf debug dump "$(ls "$repo"/journal/* | tail -n 1)"
prints "in the journal" 'EVENT'
same "its scratch folder is gone" "$(ls scratch)" ""

segment=$(ls -S "$repo"/segments/* | head -n 1)
flip "$segment" 1000
expect 4 "damage is found" bin/check_with_progress "$repo" "$key"
prints "and named with what it costs" '^  it costs .*/src/'
expect 5 "a drill fails then" bin/drill "$repo" "$key" scratch
prints "and names it" '^MISMATCH /.*/src/'

# Without standard streams, and when everything goes wrong, nothing is said and nothing dies

"${cc[@]}" $flags -xc -o bin/silent - $libs <<'END' || exit 1
#include <holdfast.h>
#include <stdio.h>
int main(int argc, char **argv)
{
    struct holdfast_repository where = { .size = sizeof where };
    struct holdfast_restore_options restore = { .size = sizeof restore };
    struct holdfast_backup_options backup = { .size = sizeof backup };
    struct holdfast *h = holdfast_new();
    const char *gone = "/nowhere/at all";
    where.path = argv[1];
    where.key_file = argv[2];
    restore.target = argv[3];
    backup.paths = &gone;
    backup.path_count = (size_t)(argc > 3);
    holdfast_open(h, NULL);
    if (holdfast_open(h, &where) != HOLDFAST_OK) return 1;
    if (holdfast_check(h, NULL, NULL) == HOLDFAST_USAGE) return 2;
    if (holdfast_restore(h, &restore, NULL) != HOLDFAST_DAMAGED) return 3;
    if (holdfast_backup(h, &backup, NULL) != HOLDFAST_FAILED) return 4;
    where.key_file = "/dev/null";
    if (holdfast_open(h, &where) != HOLDFAST_WRONG_KEY) return 5;
    holdfast_close(h);
    return 0;
}
END
expect 0 "failures are told by values alone" bin/silent "$repo" "$key" out-damaged
same "not by printing" "$(cat out err)" ""
bin/silent "$repo" "$key" out-damaged2 >&- 2>&- <&-
same "also when there are no standard streams" "$?" 0
finish
