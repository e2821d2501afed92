#!/bin/bash
# test_mail-folder.sh - docs/recipes/mail-folder.md works with a real server.
. "$(dirname "$0")/recipes.sh"
needs dovecot-imapd dovecot doveadm runuser /usr/lib/dovecot/imap
needs_user mail
run_page
