/*
 * help_man.h - man pages, in the language of mdoc(7), made of the tables.
 */
#ifndef HF_APP_HELP_MAN_H
#define HF_APP_HELP_MAN_H

#include "app/command.h"
#include "app/out.h"

void help_man_program(struct out *out);                          /* holdfast(1) */
void help_man_command(struct out *out, const struct command *c); /* holdfast-NAME(1) */
void help_man_conf(struct out *out);                             /* holdfast.conf(5) */

#endif
