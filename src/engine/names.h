/*
 * names.h - names of users and groups, each looked up once.
 *
 * Thread-safe. What can't be looked up has the empty name; that is no error.
 */
#ifndef HF_ENGINE_NAMES_H
#define HF_ENGINE_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum names_kind { NAMES_USER, NAMES_GROUP, NAMES_KINDS };

struct names;

int names_new(struct names **out_names);
void names_free(struct names *n); /* accepts NULL */

/* The name of an id, "" if it has none; valid until names_free. */
const char *names_of(struct names *n, enum names_kind kind, uint32_t id, size_t *out_len);
/* The id of a name, as this system knows it. */
bool names_find(struct names *n, enum names_kind kind, const char *name, size_t len,
                uint32_t *out_id);

#endif
