/*
 * commands.h - declares every cmd_NAME of commands.def.
 */
#ifndef HF_APP_COMMANDS_H
#define HF_APP_COMMANDS_H

#include "app/command.h"

#define COMMAND(name) extern const struct command cmd_##name;
#include "app/commands.def"
#undef COMMAND

#endif
