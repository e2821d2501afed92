/*
 * help_completion.h - what completes command lines in a shell, made of the tables.
 *
 * Commands, subcommands, options, the words that an option takes, files, folders, the beginnings of
 * SELECTORs, and the jobs of the configuration file, which the script asks holdfast for.
 */
#ifndef HF_APP_HELP_COMPLETION_H
#define HF_APP_HELP_COMPLETION_H

#include "app/out.h"

void help_completion_bash(struct out *out);
void help_completion_zsh(struct out *out);
void help_completion_fish(struct out *out);

/* What a SELECTOR may begin with. */
#define HELP_COMPLETION_POINTS "latest job: host: tag: path: at: before:"
/* A shell command that prints the names of jobs, without a quote in it. */
#define HELP_COMPLETION_JOBS                                                                       \
    "holdfast config show 2>/dev/null | sed -n \"s/^\\[job \\([^]]*\\)\\].*/\\1/p\""

#endif
