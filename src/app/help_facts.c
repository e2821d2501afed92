/*
 * help_facts.c - see help_facts.h.
 */
#include "app/help_facts.h"

#include <stddef.h>

const char *const help_facts_about[] = {
    "holdfast keeps backups of files, folders and streams in a repository that is nothing but a "
    "write-ahead log. A backup that exited with 0 survives a power cut one instruction later. A "
    "snapshot is wholly there or not there. Damage is never mistaken for an unfinished write: what "
    "is missing or wrong is named, with what it costs.",
    "Everything is encrypted. A password, a key file or a recovery sheet opens a repository. "
    "Without any of them nothing can be restored, so keep a copy of one somewhere else.",
    "\"holdfast drill\" restores for real, compares, measures, and leaves signed evidence of it in "
    "the repository; \"holdfast ready\" judges by such evidence whether all is ready.",
    "Each backup makes a snapshot, which is a point in time. A SELECTOR names points: filters "
    "(job:J, host:H, tag:T, path:P) and at most one position (latest, latest~N, an id of 6 or more "
    "digits, at:TIME, before:TIME, #NUMBER), joined by commas: job:web,latest~1. TIME is RFC 3339, "
    "\"YYYY-MM-DD HH:MM:SS\" in local time, now, or -3h. A DURATION is 90s, 15m, 24h, 7d, 4w, 6mo "
    "or 1y, and may be joined (1y6mo). A SIZE is 512K, 10M or 2G, in powers of 1024.",
    "Results go to standard output, everything else to standard error. Progress and colours are "
    "shown on a terminal only. Long options take --x=V and --x V, short ones -xV and -x V; -- ends "
    "the options.",
    NULL,
};

const char *const help_facts_conf_about[] = {
    "The configuration file holds the jobs of a machine: a section [job NAME] for each, and "
    "[defaults] for all, with the same keys. \"holdfast run NAME\" runs one, \"holdfast config "
    "init\" writes a file to begin with, and \"holdfast config check\" says whether one is good. "
    "It is the file that --config or HOLDFAST_CONFIG names, else /etc/holdfast.conf.",
    "What counts for a job is the first of: HOLDFAST_KEY in the environment (HOLDFAST_KEEP_DAILY "
    "for keep_daily), the job, [defaults], the program. A list replaces one of less weight.",
    "Lines that begin with # or ; are comments. A list is separated by commas, or its key is "
    "repeated; every other key stands once in a section. Double quotes around a word take it as it "
    "is, commas too, but not around commands. ${NAME} is what the environment says, and $${ is "
    "${. \"include = FILE\" reads another file, or those that match a pattern, from the folder of "
    "this one. Paths are absolute.",
    "An unknown section or key, a value of the wrong kind, and whatever stands at the wrong place "
    "is an error with file and line, and the nearest known name. The file must belong to root or "
    "to who runs holdfast, and others must not be able to write it; with a secret in it, nor to "
    "read it.",
    NULL,
};

const struct command_text help_facts_environment[] = {
    { "HOLDFAST_REPOSITORY", "the repository, where --repo does not name one" },
    { "HOLDFAST_PASSWORD", "the password" },
    { "HOLDFAST_PASSWORD_FILE", "a file whose first line is the password" },
    { "HOLDFAST_PASSWORD_COMMAND", "a command, for /bin/sh, whose first line is the password" },
    { "HOLDFAST_NEW_PASSWORD", "the new password of \"key add\" and \"key passwd\"" },
    { "HOLDFAST_CACHE_DIR", "the folder of the cache, where --cache-dir does not name one" },
    { "HOLDFAST_STATE_DIR", "the folder of what must be remembered" },
    { "HOLDFAST_CONFIG", "the file of jobs, where --config does not name one" },
    { "HOLDFAST_KEY", "any key of the configuration file in capitals, which counts more than the "
                      "file; see holdfast.conf(5)" },
    { "HOLDFAST_HOOK, HOLDFAST_JOB, HOLDFAST_SNAPSHOT_ID, HOLDFAST_RUN_ID, HOLDFAST_EXIT, "
      "HOLDFAST_ERROR",
      "what commands around a backup or a job find in their environment" },
    { "HOLDFAST_DRILL_TREE, HOLDFAST_DRILL_KIND, HOLDFAST_DRILL_JOB, HOLDFAST_DRILL_SNAPSHOT",
      "what the probe of a drill finds in its environment" },
    { "XDG_CACHE_HOME, XDG_STATE_HOME, HOME", "where the default folders are" },
    { "NO_COLOR", "no colours, whatever the terminal can do" },
    { "TERM", "\"dumb\": neither colours nor progress" },
    { "TZ", "the time zone in which times are read and shown" },
    { "LC_ALL, LC_CTYPE, LANG", "a UTF-8 locale: drawings may use more than ASCII" },
    { "JOURNAL_STREAM", "set by systemd: lines of the log then carry their level for the journal" },
    { "TMPDIR", "where files are kept while a command needs them" },
    { NULL, NULL },
};

const struct command_text help_facts_files[] = {
    { "/etc/holdfast.conf", "the jobs of this machine; see holdfast.conf(5)" },
    { "~/.cache/holdfast", "what can be computed anew; may be deleted at any time" },
    { "~/.local/state/holdfast", "the last entry of each repository's journal that was seen, by "
                                 "which one that was set back is noticed; the locks of jobs" },
    { "/etc/systemd/system/holdfast-JOB.timer, /etc/cron.d/holdfast-JOB",
      "what \"holdfast schedule JOB --install\" writes" },
    { NULL, NULL },
};

const struct command_text help_facts_statuses[] = {
    { "0", "all that was asked for was done" },
    { "1", "it failed; what was published before stands" },
    { "2", "the command, or the configuration file, was not understood" },
    { "3", "done but incomplete: some files, or their metadata, could not be dealt with" },
    { "4", "the repository is damaged; what is lost is named" },
    { "5", "a drill ran and failed" },
    { "6", "not ready: a readiness gate did not pass, or something is stale" },
    { "7", "there is no such point in time, or more than one" },
    { "8", "the outcome is unknown; running it again is safe" },
    { "10", "there is no repository there" },
    { "11", "somebody else holds what is needed: the job is running already" },
    { "12", "wrong password or key, a damaged key file, or none" },
    { "13", "the repository needs a newer holdfast" },
    { "14", "the key does not permit that" },
    { "28", "no space left" },
    { "130", "interrupted" },
    { "143", "terminated" },
    { NULL, NULL },
};

const struct command_text help_facts_examples[] = {
    { "export HOLDFAST_REPOSITORY=~/backups", "the repository of what follows" },
    { "holdfast init --key-file ~/holdfast.key", "makes it, and the key file that opens it" },
    { "holdfast backup ~/documents --key-file ~/holdfast.key", "a snapshot of a folder" },
    { "holdfast restore --at now -t ~/restored --key-file ~/holdfast.key", "as of a moment" },
    { NULL, NULL },
};

const struct command_text help_facts_conf_examples[] = {
    { "[defaults]\n"
      "repository = /srv/backups\n"
      "key_file = /etc/holdfast.key\n"
      "\n"
      "[job etc]\n"
      "paths = /etc\n"
      "keep_daily = 14\n"
      "prune = yes\n"
      "check = 5%\n"
      "schedule = *-*-* 02:00:00",
      "a job that backs up every night, keeps two weeks, and verifies a part of what is there" },
    { NULL, NULL },
};
