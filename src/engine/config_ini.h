/*
 * config_ini.h - an INI file, read line by line, with the place of everything in it.
 *
 *     # a comment, on a line of its own; ; begins one as well
 *     include = more.conf
 *     [section]
 *     key = value
 *
 * "${NAME}" in a value is what the environment says, "$${" is "${". `include` stands anywhere and
 * names a file, or a pattern, from the folder of the file that it is in; what is included begins
 * outside of any section. A file must belong to root or to who runs this, and nobody else may be
 * able to write it, since jobs run commands. Every error names file and line.
 */
#ifndef HF_ENGINE_CONFIG_INI_H
#define HF_ENGINE_CONFIG_INI_H

#include <stdbool.h>
#include <stddef.h>

struct config_ini_file {
    char *path;
    bool exposed; /* others than its owner may read it */
};

struct config_ini_place {
    const struct config_ini_file *file;
    unsigned line;
};

struct config_ini_files { /* what places borrow */
    struct config_ini_file **items;
    size_t count;
    size_t capacity;
};

struct config_ini_events {
    void *context;
    /* What stands in the brackets; the text is not kept. */
    int (*section)(void *context, const struct config_ini_place *place, const char *text);
    int (*entry)(void *context, const struct config_ini_place *place, const char *key,
                 const char *value);
    /* An included file begins, or ends: outside of any section, or in the one as before. */
    void (*enter)(void *context, bool begins);
};

/* HF_EUSAGE for what can't be understood, HF_EACCESS for a file that is not safe. */
int config_ini_read(const char *path, const struct config_ini_events *events,
                    struct config_ini_files *files);
void config_ini_release(struct config_ini_files *files);

/* Puts "FILE:LINE: " before the trail, and returns code. */
int config_ini_at(int code, const struct config_ini_place *place);

#endif
