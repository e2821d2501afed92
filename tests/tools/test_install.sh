#!/bin/bash
# test_install.sh - make install and make uninstall: what is put where, that it works from there,
# and that all of it, and nothing else, goes again.
project=$PWD
. "$(dirname "$0")/../cli/lib.sh"

# make_at ROOT TARGET [SETTING...]: of what is built already.
make_at() {
    local root=$1 target=$2
    shift 2
    make -C "$project" --no-print-directory -o install-made BUILD="$BUILD" DESTDIR="$root" \
        "$@" "$target"
}

# Everything about a tree but times.
picture() {
    (cd "$1" && find . -printf '%P %y %m %l\n' | sort)
    (cd "$1" && find . -type f -print0 | sort -z | xargs -0 -r sha256sum)
}

# Into a system that has something already

mkdir -p system/usr/local/bin system/usr/local/share/doc system/etc
echo mine >system/usr/local/bin/other
picture system >before
expect 0 "make install" make_at "$work/system" install
at=$work/system/usr/local
for file in bin/holdfast lib/libholdfast.so.0 lib/libholdfast.so lib/libholdfast.a \
    lib/pkgconfig/holdfast.pc include/holdfast.h lib/systemd/system/holdfast@.service \
    lib/systemd/system/holdfast@.timer etc/logrotate.d/holdfast share/doc/holdfast/README.md \
    share/doc/holdfast/examples/cancel.c share/man/man1/holdfast.1 share/man/man5/holdfast.conf.5 \
    share/bash-completion/completions/holdfast.bash share/zsh/site-functions/_holdfast \
    share/fish/vendor_completions.d/holdfast.fish; do
    check "$file is there" test -s "$at/$file"
done
same "the program runs from there" "$("$at/bin/holdfast" version)" "$("$HOLDFAST" version)"
same "everybody can read all of it" "$(find system -newer before ! -perm -a+r)" ""
same "nothing in it can be written by others" "$(find system -newer before ! -type l -perm /022)" ""
check "what was there before is as it was" grep -qx mine "$at/bin/other"
picture system >installed
expect 0 "installing over it" make_at "$work/system" install
picture system >again
same "changes nothing" "$(cat again)" "$(cat installed)"
echo '/usr/local/bin/of-an-earlier-version' >>"$at/share/holdfast/installed"
touch "$at/bin/of-an-earlier-version"
make_at "$work/system" install >/dev/null
check "what only an earlier version had goes" test ! -e "$at/bin/of-an-earlier-version"
touch "$at/share/doc/holdfast/notes"
expect 0 "make uninstall" make_at "$work/system" uninstall
check "leaves what somebody else put there" test -e "$at/share/doc/holdfast/notes"
rm -r "$at/share/doc/holdfast"
picture system >after
same "and takes all that install has put there" "$(cat after)" "$(cat before)"
expect 2 "a second time there is nothing to remove" make_at "$work/system" uninstall
says "which is said" 'nothing was installed'

# For packagers

expect 0 "PREFIX=/usr and a folder of a strange name" make_at "$work/a strange name" install \
    PREFIX=/usr
check "the logs' file is in /etc then" test -s "a strange name/etc/logrotate.d/holdfast"
check "the unit runs what was installed" \
    grep -q '^ExecStart=/usr/bin/holdfast run %i ' \
    "a strange name/usr/lib/systemd/system/holdfast@.service"
make_at "$work/a strange name" uninstall PREFIX=/usr >/dev/null
same "nothing is left of it" "$(find "a strange name" -mindepth 1)" ""

# The units

make_at "$work/units" install >/dev/null
unit=$work/units/usr/local/lib/systemd/system
if command -v systemd-analyze >/dev/null; then
    mkdir enabled
    sed "s|^ExecStart=[^ ]*|ExecStart=$HOLDFAST|" "$unit/holdfast@.service" \
        >enabled/holdfast@.service
    cp "$unit/holdfast@.timer" enabled/holdfast@nightly.timer
    cp enabled/holdfast@.service enabled/holdfast@nightly.service
    run env SYSTEMD_LOG_LEVEL=warning systemd-analyze verify --man=no \
        enabled/holdfast@nightly.service enabled/holdfast@nightly.timer
    same "systemd finds nothing wrong with the units" "$status$(cat out err)" 0
else
    echo "ok - the units # SKIP systemd-analyze is not installed"
fi
printf '[job nightly]\nrepository = %s\nkey_file = %s\npaths = /etc\nschedule = daily\n' \
    "$work/repo" "$key" >holdfast.conf
printf 'before = true\n' >>holdfast.conf
expect 0 "the program's own units" "$HOLDFAST" schedule nightly --config holdfast.conf
settings='^(NoNew|Lock|Protect|Restrict|SystemCall|UMask|KillMode|TimeoutStop|Type)'
same "take the same away" "$(grep -E "$settings" "$unit/holdfast@.service" | sort)" \
    "$(grep -E "$settings" out | sort)"

# The logs

if command -v logrotate >/dev/null; then
    mkdir log
    sed "s|/var/log/holdfast/|$work/log/|;s|/var/log/holdfast.log|$work/all.log|" \
        "$work/units/usr/local/etc/logrotate.d/holdfast" >rotate.conf
    chmod 644 rotate.conf
    echo one >log/nightly.log
    logrotate --state "$work/state" --force rotate.conf >out 2>err
    same "a log is rotated" "$? $(cat log/nightly.log.1)" "0 one"
    check "and left to the next run to be made" test ! -e log/nightly.log
else
    echo "ok - logs are rotated # SKIP logrotate is not installed"
fi
finish
