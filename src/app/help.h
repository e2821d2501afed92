/*
 * help.h - help, made of the tables of commands and options.
 */
#ifndef HF_APP_HELP_H
#define HF_APP_HELP_H

#include "app/command.h"
#include "app/out.h"

/* What holdfast is, all commands, the options that every command takes. */
void help_program(struct out *out);
/* Usage, explanation, options, exit codes, examples. */
void help_command(struct out *out, const struct command *c);
/* The configuration file and its keys. */
void help_conf(struct out *out);

#endif
