#!/bin/bash
# test_completion.sh - bash, zsh and fish complete command lines from the tables of options.
. "$(dirname "$0")/lib.sh"

mkdir bin folder
ln -s "$HOLDFAST" bin/holdfast
export PATH=$work/bin:$PATH
touch folder/file.tar
for shell in bash zsh fish; do
    check "help --completion $shell" bash -c "holdfast help --completion $shell >completion.$shell"
done
expect 2 "an unknown shell is a usage error" holdfast help --completion tcsh
expect 2 "a completion of one command is a usage error" holdfast help backup --completion bash
printf '[job nightly]\nrepository = /r\nkey_file = /k\npaths = /etc\n' >jobs.conf
chmod 600 jobs.conf
export HOLDFAST_CONFIG=$work/jobs.conf

commands=$(holdfast help | sed -n '/^Every day/,/^Options/ s/^  \([a-z]*\)  .*/\1/p' | sort)
# options_of COMMAND: all its long options and those of every command, as its help says.
options_of() {
    holdfast help "$1" | sed -nE '/^Options/,/^Exit codes/ s/^  (-.,|   ) (--[a-z0-9-]+).*/\2/p' |
        sort
}

# in_bash WORD...: what bash offers for the last word.
cat >complete.bash <<'END'
. "$work/completion.bash"
COMP_WORDS=(holdfast "$@")
COMP_CWORD=$#
_holdfast
printf '%s\n' "${COMPREPLY[@]}"
END
in_bash() {
    work=$work bash complete.bash "$@" 2>&1 | grep -v '^$' | sort
}

same "bash offers the commands" "$(in_bash '')" "$commands"
same "bash completes a command" "$(in_bash snap)" snapshots
same "behind an option with a value, too" "$(in_bash --repo folder snap)" snapshots
same "which may stand behind a =" "$(in_bash --repo = folder snap)" snapshots
while read -r command; do
    same "bash offers all options of $command" "$(in_bash "$command" --)" "$(options_of "$command")"
done <<<"$commands"
same "bash completes an option" "$(in_bash backup --exclude-c)" --exclude-caches
same "bash offers what an option takes" "$(in_bash backup --class '')" $'app\ncrash\nfuzzy'
same "behind a = as well" "$(in_bash export latest --format = '')" \
    "$(in_bash export latest --format '')"
same "and at the =" "$(in_bash backup --class =)" $'app\ncrash\nfuzzy'
same "and what begins like it" "$(in_bash restore --overwrite = if)" if-changed
same "bash offers files to an option that takes one" "$(in_bash init --key-file folder/f)" \
    folder/file.tar
same "folders to one that takes a folder" "$(in_bash restore -t fol)" folder
same "and nothing to one that takes any text" "$(in_bash backup --job '')" ""
same "an option that may have a value needs none" "$(in_bash check --read-data --scr)" --scrub
same "bash offers subcommands" "$(in_bash key '')" $'add\nlist\npasswd\nrecovery-sheet\nremove'
same "and the kinds of drills" "$(in_bash drill f)" $'fault\nfull'
same "and not behind one" "$(in_bash key list '')" ""
same "bash offers files to back up" "$(in_bash backup folder/)" folder/file.tar
same "bash offers positions" "$(in_bash ls lat)" latest
same "and behind one, files" "$(in_bash ls latest folder/)" folder/file.tar
same "bash offers jobs" "$(in_bash run '')" nightly
same "bash offers commands to help" "$(in_bash help '')" "$commands"
same "behind -- come files" "$(in_bash backup --stdin-from-command -- folder/)" folder/file.tar
check "bash knows it by name" bash -c '. ./completion.bash; complete -p holdfast'

# missing SHELL: says so, and is true, if it isn't there.
missing() {
    if command -v "$1" >/dev/null; then return 1; fi
    echo "$1 is not installed, so nobody tries its completion" >&2
    echo "ok - completion in $1 # SKIP $1 is not installed"
}

# in_fish LINE: what fish offers at its end, without the explanations.
in_fish() {
    fish --no-config -c 'source completion.fish; complete -C $argv[1]' "$1" 2>&1 | cut -f 1 | sort
}
if ! missing fish; then
    same "fish offers the commands" "$(in_fish 'holdfast ')" "$commands"
    for command in backup forget key drill audit ready; do
        same "fish offers all options of $command" "$(in_fish "holdfast $command --")" \
            "$(options_of "$command")"
    done
    same "fish offers what an option takes" "$(in_fish 'holdfast backup --class ')" \
        $'app\ncrash\nfuzzy'
    same "behind a = as well" "$(in_fish 'holdfast backup --class=c')" --class=crash
    same "fish offers subcommands" "$(in_fish 'holdfast key re')" $'recovery-sheet\nremove'
    same "and the kinds of drills" "$(in_fish 'holdfast drill f')" $'fault\nfull'
    same "fish offers folders" "$(in_fish 'holdfast restore -t fol')" folder/
    same "fish offers files" "$(in_fish 'holdfast backup folder/')" folder/file.tar
    same "fish offers jobs" "$(in_fish 'holdfast run ')" nightly
    same "a value is no command" "$(in_fish 'holdfast --repo key snap')" snapshots
fi

# in_zsh LINE: what zsh finds when Tab is pressed at its end, in a pseudo terminal. All matches go
# through the builtin compadd, which says what it took; after the first Tab the shell ends.
in_zsh() {
    ZDOTDIR=$work/zsh zsh -f complete.zsh "$1" 2>&1 | tr -d '\r' | sed -n 's/^offer://p' | sort -u
}
cat >complete.zsh <<'END'
zmodload zsh/zpty
zpty shell zsh -i
until zpty -r shell line && [[ $line == *ready* ]]; do :; done
zpty -w -n shell "$1"$'\t'
while zpty -r shell line; do
    print -r -- "$line"
done
END
if ! missing zsh; then
    mkdir zsh
    cp completion.zsh zsh/_holdfast
    cat >zsh/.zshrc <<'END'
PROMPT= RPROMPT= fpath=($ZDOTDIR $fpath)
autoload -Uz compinit
compinit -u -d $ZDOTDIR/dump
compadd() {
    local -a hits
    if [[ ${@[1,(i)(-|--)]} != *-[ADO]* ]]; then
        builtin compadd -O hits "$@"
        print -rl -- "" "offer:"${^hits}
    fi
    builtin compadd "$@"
}
comppostfuncs=(exit)
zstyle ':completion:*' verbose no
print -r ready
END
    same "zsh offers the commands" "$(in_zsh 'holdfast ')" "$commands"
    for command in backup forget key drill audit ready; do
        same "zsh offers all options of $command" "$(in_zsh "holdfast $command --" |
            sed 's/=$//' | grep -e '^--')" "$(options_of "$command")"
    done
    same "zsh offers what an option takes" "$(in_zsh 'holdfast backup --class ')" \
        $'app\ncrash\nfuzzy'
    same "behind a = as well" "$(in_zsh 'holdfast backup --class=c')" crash
    same "zsh offers subcommands" "$(in_zsh 'holdfast key re')" $'recovery-sheet\nremove'
    same "and the kinds of drills" "$(in_zsh 'holdfast drill f')" $'fault\nfull'
    same "zsh offers folders" "$(in_zsh 'holdfast restore -t fol')" folder
    same "zsh offers files" "$(in_zsh 'holdfast backup folder/')" file.tar
    same "zsh offers positions" "$(in_zsh 'holdfast ls lat')" latest
    same "zsh offers jobs" "$(in_zsh 'holdfast run ')" nightly
fi

finish
