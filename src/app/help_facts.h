/*
 * help_facts.h - what the help, the man pages and the manual say of the program as a whole.
 *
 * What belongs to one command stands in its cmd_NAME.c, keys in config_keys.def, errors in
 * base/err.def; here is the rest, once.
 */
#ifndef HF_APP_HELP_FACTS_H
#define HF_APP_HELP_FACTS_H

#include "app/command.h"

#define HELP_FACTS_TAGLINE "write-ahead-logged backups, restored as of any point in time"
#define HELP_FACTS_CONF "holdfast.conf" /* the topic that explains the configuration file */

/* Paragraphs; NULL-terminated. */
extern const char *const help_facts_about[];
extern const char *const help_facts_conf_about[];
/* Rows that end with a NULL: variables, files, exit codes of the program, and how to begin. */
extern const struct command_text help_facts_environment[];
extern const struct command_text help_facts_files[];
extern const struct command_text help_facts_statuses[];
extern const struct command_text help_facts_examples[];
extern const struct command_text help_facts_conf_examples[];

#endif
