/*
 * option.h - options and operands of a command line, described by tables.
 *
 * A table of struct option says which options there are, of what type, and where in a struct of
 * values each one goes; parsing, help, and all that is generated from the command line's
 * description use the same rows. Long options take --x=V and --x V, short ones -xV and -x V; flags
 * may be clustered (-lR); "--" ends the options. Values that do not fit their type are refused
 * here, so that commands see what they expect. All text is borrowed from argv.
 */
#ifndef HF_APP_OPTION_H
#define HF_APP_OPTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum option_kind {
    OPTION_FLAG,     /* bool */
    OPTION_COUNT,    /* unsigned: how often it was given */
    OPTION_TEXT,     /* const char *; the last one counts */
    OPTION_CHOICE,   /* const char *, one of `choices` */
    OPTION_LIST,     /* struct option_list: all of them */
    OPTION_WORDS,    /* struct option_list: all of them, split at commas */
    OPTION_NUMBER,   /* struct option_number */
    OPTION_SIZE,     /* struct option_number, in bytes */
    OPTION_DURATION, /* struct option_ns */
    OPTION_MAYBE,    /* struct option_maybe: --x or --x=V */
};

struct option_list {
    char **items; /* each of its own memory */
    size_t count;
    size_t capacity;
};

struct option_number {
    bool given;
    uint64_t value;
};

struct option_ns {
    bool given;
    int64_t value;
};

struct option_maybe {
    bool given;
    const char *value; /* NULL without one */
};

struct option {
    const char *name; /* without dashes; NULL ends a table */
    char letter;      /* or 0 */
    enum option_kind kind;
    const char *value; /* what the help calls it; NULL for flags and counts */
    const char *help;
    size_t at;                  /* offset in the struct of values */
    const char *const *choices; /* NULL-terminated, for OPTION_CHOICE */
};

/* A table and the struct it fills. */
struct option_set {
    const struct option *options;
    void *values;
};

struct option_operands {
    const char **items; /* with a NULL behind them */
    size_t count;
    size_t capacity;
    size_t dashes;   /* how many of them stand before "--"; all if there is none */
    size_t consumed; /* of argv */
};

struct option_rules {
    const struct option_set *sets;
    size_t set_count;
    bool stop_at_operand; /* what follows the first operand is left alone */
};

/*
 * HF_EUSAGE names what is wrong, with the nearest known option; HF_ENOMEM. The sets' lists and
 * `out` are to be released in either case.
 */
int option_parse(const struct option_rules *rules, char *const *argv, size_t argc,
                 struct option_operands *out);
void option_release_operands(struct option_operands *operands);
/* Frees the lists among the values. */
void option_release(const struct option_set *set);

int option_list_add(struct option_list *l, const char *text, size_t len);
void option_list_release(struct option_list *l);

#endif
