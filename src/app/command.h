/*
 * command.h - what a command is: a row of facts, and a function.
 *
 * Each cmd_NAME.c defines one struct command and commands.def names it. Parsing, the help of the
 * program and of each command, and whatever else describes the command line are made of these
 * facts.
 */
#ifndef HF_APP_COMMAND_H
#define HF_APP_COMMAND_H

#include <stdbool.h>
#include <stddef.h>

#include "app/option.h"

struct app;

struct command_text { /* a pair for the help: an exit code and its meaning, an example and why */
    const char *what;
    const char *means;
};

enum command_group { COMMAND_EVERYDAY, COMMAND_LOOK, COMMAND_CARE, COMMAND_OTHER, COMMAND_GROUPS };

struct command {
    const char *name;
    enum command_group group;
    const char *summary;         /* one line, without a full stop */
    const char *const *synopsis; /* what follows the name; NULL-terminated */
    const char *const *about;    /* paragraphs; NULL-terminated */
    const struct option *options;
    const struct command_text
        *exits; /* ends with a NULL; the common ones (help.c) go without saying */
    const struct command_text *examples; /* ends with a NULL; each one works as it stands */
    size_t values_size;                  /* of the struct that the options fill */
    size_t operands_min, operands_max;
    bool local; /* works without a repository */
    /* 0 or an error code with its trail; what it prints goes through the app. */
    int (*run)(struct app *app, const void *values, const struct option_operands *operands);
};

#define COMMAND_MANY ((size_t)-1) /* any number of operands */

/* All commands, in the order of commands.def. */
size_t command_count(void);
const struct command *command_at(size_t i);
const struct command *command_find(const char *name); /* or NULL */
/* The command whose name is most like this one, or NULL. */
const struct command *command_nearest(const char *name);

#endif
