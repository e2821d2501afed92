/*
 * help_markdown.h - the part of the manual's pages that is made of the tables.
 */
#ifndef HF_APP_HELP_MARKDOWN_H
#define HF_APP_HELP_MARKDOWN_H

#include "app/command.h"
#include "app/out.h"

void help_markdown_program(struct out *out);
void help_markdown_command(struct out *out, const struct command *c);
void help_markdown_conf(struct out *out);

#endif
