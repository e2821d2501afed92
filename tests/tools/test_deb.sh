#!/bin/bash
# test_deb.sh - make deb: packages that lintian has nothing to say against, that are the same
# whenever they are made, and that dpkg installs and removes without a trace.
#
# Everything happens in a private root; the machine's own packages are not touched.
project=$PWD
. "$(dirname "$0")/../cli/lib.sh"
export PATH=$PATH:/usr/sbin:/sbin

if ! command -v dpkg-shlibdeps >/dev/null || ! command -v dpkg-deb >/dev/null; then
    echo "ok - Debian packages # SKIP dpkg-dev is not installed"
    finish
fi

# make_deb OUT: of what is linked already. A commit in between is not what is to be seen here.
make_deb() {
    SOURCE_DATE_EPOCH=1700000000 make -C "$project" --no-print-directory -o install-made \
        -o deb-stripped BUILD="$BUILD" DEB_OUT="$work/$1" deb
}

expect 0 "make deb" make_deb once
same "it says what it made" "$(sed 's|.*/||;s/_.*//' out | xargs)" \
    "holdfast libholdfast0 libholdfast-dev"
sleep 1.1
expect 0 "make deb again" make_deb again
for deb in once/*.deb; do
    check "${deb#once/} has the same bytes" cmp "$deb" "again/${deb#once/}"
done
version=$(dpkg-deb -f once/holdfast_*.deb Version)
same "its version is the program's" "$("$HOLDFAST" version | awk '{ print $2 }')" "$version"
same "every exported symbol has its version in the symbols file" \
    "$(dpkg-deb -I once/libholdfast0_*.deb symbols | sed -n 's/^ \(.*\)@HOLDFAST_0 .*/\1/p' |
        sort)" \
    "$(nm -D --defined-only "$BUILD/libholdfast.so" | awk '{ print $3 }' | sed 's/@.*//' | sort)"
for name in holdfast libholdfast0; do
    check "what $name depends on was found out" \
        bash -c "dpkg-deb -f once/${name}_*.deb Depends | grep -q 'libsodium23.*libzstd1'"
done

if command -v lintian >/dev/null; then
    expect 0 "lintian accepts them" lintian --allow-root --fail-on error,warning \
        --tag-display-limit 0 once/*.deb
    same "without errors or warnings" "$(grep -E '^[EW]:' out)" ""
else
    echo "ok - lintian accepts the packages # SKIP lintian is not installed"
fi

# Installed and removed, in a root of its own, where nothing else is installed

root=$work/root
mkdir -p "$root"/var/lib/dpkg/{info,updates,triggers}
touch "$root"/var/lib/dpkg/{status,available}
dpkg_there() {
    dpkg --root="$root" --log="$work/dpkg.log" --force-not-root --force-depends "$@"
}
files() {
    (cd "$root" && find . -path ./var/lib/dpkg -prune -o -printf '%P %y %m %l\n' | sort)
}
files >before
expect 0 "dpkg installs them" dpkg_there --install once/*.deb
same "all three" "$(dpkg-query --admindir="$root/var/lib/dpkg" -W \
    -f '${Package} ${db:Status-Status}\n')" \
    $'holdfast installed\nlibholdfast-dev installed\nlibholdfast0 installed'
same "the program runs" "$("$root/usr/bin/holdfast" version)" "$("$HOLDFAST" version)"
for file in usr/share/man/man1/holdfast.1.gz usr/share/man/man5/holdfast.conf.5.gz \
    usr/share/bash-completion/completions/holdfast.bash \
    usr/share/zsh/vendor-completions/_holdfast \
    usr/share/fish/vendor_completions.d/holdfast.fish lib/systemd/system/holdfast@.timer \
    lib/systemd/system/holdfast@.service etc/logrotate.d/holdfast \
    usr/share/doc/holdfast/copyright usr/share/doc/holdfast/changelog.gz; do
    check "$file is there" test -s "$root/$file"
done
lib=$(cd "$root" && echo usr/lib/*/)
export PKG_CONFIG_PATH=$root/${lib}pkgconfig PKG_CONFIG_SYSROOT_DIR=$root
check "a program is built with the development package" gcc -std=c99 -o example \
    "$root/usr/share/doc/libholdfast-dev/examples/cancel.c" \
    $(pkg-config --cflags --libs holdfast) -Wl,--allow-shlib-undefined
run env LD_LIBRARY_PATH="$root/$lib" ./example
says "and finds the library" '^usage: '
check "the sums that dpkg knows are right" dpkg_there --verify
expect 0 "dpkg removes them" dpkg_there --remove holdfast libholdfast-dev libholdfast0
check "what an administrator may have changed stays" test -s "$root/etc/logrotate.d/holdfast"
expect 0 "unless it is to be purged" dpkg_there --purge holdfast
files >after
same "then nothing is left" "$(cat after)" "$(cat before)"
finish
