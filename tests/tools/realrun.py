"""realrun - runs shell commands with the real program in a place where they may do anything.

The place is a mount namespace of its own, where /etc is a copy, /root, /srv, /var/backups and
/var/lib are empty, and /usr/local/share holds the recipes and policies that are installed there;
it is gone with its last process, and where processes can have a namespace, so is whatever they
left running. systemd seems to run there. So what documents show can be run as it stands, with the
paths that a server has. What is not installed or would leave the place (systemctl, mail, ...) is
there and does nothing.
"""

import base64
import os
import subprocess

DOCUMENTS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../docs")
LIMIT_SECONDS = 600
PREPARE = r"""
set -e
exec 3>&1 >/dev/null 2>&1
mount --make-rprivate / || true
mount -t tmpfs -o mode=755 tmpfs /mnt
mkdir -p /mnt/etc /mnt/root /mnt/srv /mnt/lib /mnt/bin /mnt/backups /mnt/share/doc/holdfast
mkdir -m 1777 /mnt/tmp
cp -a /etc/. /mnt/etc/ || true
rm -f /mnt/etc/holdfast* /mnt/etc/cron.d/holdfast*
mkdir -p /mnt/etc/systemd/system /mnt/etc/cron.d
cp "$PROGRAM" /mnt/bin/holdfast
cp -R "$DOCUMENTS"/policies "$DOCUMENTS"/recipes /mnt/share/doc/holdfast/
for name in systemctl logger mail; do
    printf '#!/bin/sh\nexec true\n' >/mnt/bin/$name
done
chmod 755 /mnt/bin/*
chmod 1777 /mnt/tmp
mount --bind /mnt/etc /etc
mount --bind /mnt/root /root
mount --bind /mnt/srv /srv
mount --bind /mnt/lib /var/lib
mount --bind /mnt/tmp /tmp
mount --bind /mnt/backups /var/backups
mount --bind /mnt/share /usr/local/share
mount -t tmpfs -o mode=755 tmpfs /run
mkdir -p /run/systemd/system
hostname web1
cd /root
set +e
set -o pipefail
before=0
"""

STEP = r"""
{{ (exit $before)
{command}
}} >/mnt/said 2>&1 </dev/null
before=$?
printf '%s %s\n' "$before" "$(base64 -w 0 /mnt/said)" >&3
"""


class Unavailable(Exception):
    """There is no way to make such a place here."""


def unshare_command():
    """unshare with the options that work here, as root or as anybody."""
    processes = ["--pid", "--fork", "--kill-child", "--mount-proc"]
    for more in (processes, [], ["--map-root-user", *processes], ["--map-root-user"]):
        command = ["unshare", *more, "--mount", "--uts"]
        probe = [*command, "mount", "-t", "tmpfs", "tmpfs", "/mnt"]
        try:
            if subprocess.run(probe, capture_output=True).returncode == 0:
                return command
        except FileNotFoundError:
            break
    raise Unavailable("no mount namespace can be made here")


def environment(program):
    """Nothing of the user's; only what sanitizers and gcov are told stays."""
    kept = {name: value for name, value in os.environ.items()
            if name.endswith("SAN_OPTIONS") or name.startswith("GCOV")}
    return {"PATH": "/mnt/bin:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", "HOME": "/root",
            "TZ": "UTC", "LC_ALL": "C", "TERM": "dumb", "USER": "root", "TMPDIR": "/tmp",
            "PROGRAM": os.path.abspath(program), "DOCUMENTS": DOCUMENTS, **kept}


def run(program, commands, more=None):
    """Runs the commands in one shell; yields the exit status and the output of each.

    Fewer results than commands: the shell ended before.
    """
    script = PREPARE + "".join(STEP.format(command=command) for command in commands)
    done = subprocess.run([*unshare_command(), "bash", "-s"], input=script.encode(),
                          stdout=subprocess.PIPE, timeout=LIMIT_SECONDS,
                          env={**environment(program), **(more or {})})
    for line in done.stdout.decode().splitlines():
        status, _, said = line.partition(" ")
        yield int(status), base64.b64decode(said).decode(errors="replace")
