/*
 * command.c - the table of commands.
 */
#include "app/command.h"

#include <string.h>

#include "app/commands.h"
#include "engine/nearest.h"

static const struct command *const commands[] = {
#define COMMAND(name) &cmd_##name,
#include "app/commands.def"
#undef COMMAND
};

size_t command_count(void)
{
    return sizeof commands / sizeof commands[0];
}

const struct command *command_at(size_t i)
{
    return commands[i];
}

const struct command *command_find(const char *name)
{
    for (size_t i = 0; i < command_count(); i++) {
        if (strcmp(commands[i]->name, name) == 0) {
            return commands[i];
        }
    }
    return NULL;
}

const struct command *command_nearest(const char *name)
{
    struct nearest near;

    nearest_init(&near, name);
    for (size_t i = 0; i < command_count(); i++) {
        nearest_offer(&near, commands[i]->name);
    }
    return near.best == NULL ? NULL : command_find(near.best);
}
