/*
 * config_key.h - the keys of the configuration file, and which values each of them takes.
 */
#ifndef HF_APP_CONFIG_KEY_H
#define HF_APP_CONFIG_KEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "app/option.h"

enum config_key_id {
#define KEY(name, kind, least, most, standard, secret, example, means) CONFIG_##name,
#include "app/config_keys.def"
#undef KEY
    CONFIG_KEYS
};

enum config_key_kind {
    CONFIG_PATH,     /* absolute */
    CONFIG_PATHS,    /* a list of them */
    CONFIG_LIST,     /* words */
    CONFIG_COMMAND,  /* a line for /bin/sh, taken as it is */
    CONFIG_NAME,     /* without commas */
    CONFIG_FLAG,     /* yes or no */
    CONFIG_NUMBER,   /* within bounds */
    CONFIG_DURATION, /* within bounds */
    CONFIG_KEEP,     /* so many, or "unlimited" */
    CONFIG_PART,     /* no, yes, 5%, 10G */
    CONFIG_CLASS,
    CONFIG_IONICE,
    CONFIG_FORMAT,
    CONFIG_CALENDAR,
    CONFIG_URL,   /* http or https */
    CONFIG_DRILL, /* no, or a kind of drill that needs no command */
};

struct config_key {
    const char *name;
    enum config_key_kind kind;
    int64_t least, most; /* both 0: no bounds; most 0: none above */
    const char *standard;
    bool secret;
    const char *example;
    const char *means;
};

const struct config_key *config_key_at(enum config_key_id id);
/* HF_EUSAGE with the nearest known name; or that this version does nothing with it yet. */
int config_key_find(const char *name, enum config_key_id *out_id);
bool config_key_is_list(const struct config_key *key);

/*
 * Checks a value, divides it if the key takes a list, and adds what it consists of. Double quotes
 * around a word take it as it is. HF_EUSAGE says what is wrong, without the key's name.
 */
int config_key_take(const struct config_key *key, const char *value, struct option_list *out);

/* Of values that have been checked. */
bool config_key_yes(const char *value);
bool config_key_no(const char *value);
int64_t config_key_number(const char *value);

#endif
