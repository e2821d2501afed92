/*
 * help_parts.h - the tables of commands, read as help, man pages and completions need them.
 *
 * Which exit codes a command has, what an option's value may be, which operands its synopsis names.
 */
#ifndef HF_APP_HELP_PARTS_H
#define HF_APP_HELP_PARTS_H

#include "app/command.h"
#include "app/config_key.h"
#include "app/out.h"

const char *help_parts_group(enum command_group group);

/* Gives `put` each exit code that the command may end with, in order. */
typedef void (*help_parts_row_fn)(struct out *out, const struct command_text *row);
void help_parts_exits(struct out *out, const struct command *c, help_parts_row_fn put);

/* Writes the code strings of the errors that end with this exit status, joined. */
void help_parts_codes(struct out *out, const char *status, const char *before, const char *joint,
                      const char *after);

/* What a value may be, as far as completion is concerned. */
enum help_parts_value {
    HELP_PARTS_FLAG, /* there is none */
    HELP_PARTS_TEXT, /* nobody can guess */
    HELP_PARTS_WORDS,
    HELP_PARTS_FILE,
    HELP_PARTS_FOLDER,
    HELP_PARTS_COMMAND,
};
enum help_parts_value help_parts_value(const struct option *o);

/* What the operands of a command are, told by its synopsis. */
struct help_parts_operands {
    bool words; /* help_parts_words has them; all else comes behind one of those */
    bool kinds; /* of drills; they are among the words */
    bool files, points, jobs, commands;
};
void help_parts_operands(const struct command *c, struct help_parts_operands *out);
/* Writes the words that the first operand may be, a blank before each. */
void help_parts_words(struct out *out, const struct command *c);

/* Which values a key of the configuration file takes. */
const char *help_parts_takes(const struct config_key *key);

#endif
