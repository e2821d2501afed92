/*
 * selector.h - how a user names snapshots: filters and at most one position, joined by commas.
 *
 *     job:web,host:a,latest~1      tag:before-upgrade      5f03c2      at:2026-11-21 10:00      #42
 *
 * Parsing only: what a selector means among the snapshots that are there is timeline.h. A selector
 * owns all it points to. Times and relative paths are made absolute while parsing, so the meaning
 * of a selector does not change afterwards.
 */
#ifndef HF_ENGINE_SELECTOR_H
#define HF_ENGINE_SELECTOR_H

#include <stddef.h>
#include <stdint.h>

enum selector_position {
    SELECTOR_ALL,    /* filters alone */
    SELECTOR_LATEST, /* latest, latest~N */
    SELECTOR_ID,     /* an id or a prefix of it */
    SELECTOR_AT,     /* at or before a time */
    SELECTOR_BEFORE, /* before a time */
    SELECTOR_NUMBER, /* #N: the commit that is entry N of the journal */
};

enum selector_field { SELECTOR_TAG, SELECTOR_JOB, SELECTOR_HOST, SELECTOR_PATH, SELECTOR_FIELDS };

#define SELECTOR_ID_MIN 6
#define SELECTOR_ID_MAX 32

struct selector_filter {
    enum selector_field field;
    char *value;
};

struct selector {
    char *asked; /* as the user wrote it, for messages; never NULL */
    enum selector_position position;
    uint64_t n;                      /* of latest~N and #N */
    int64_t time_ns;                 /* of at: and before: */
    char id[SELECTOR_ID_MAX + 1];    /* lower-case hex digits */
    struct selector_filter *filters; /* all must hold */
    size_t filter_count;
};

/*
 * now_ns is what relative times are relative to. HF_EUSAGE says what is wrong; *out needs no
 * release then.
 */
int selector_parse(const char *text, int64_t now_ns, struct selector *out);
/* A selector without filter or position, which stands for all. */
int selector_init(struct selector *out);
void selector_release(struct selector *s);

/* Adds what an option of the command line says: --job V, or --at V. HF_EUSAGE, HF_ENOMEM. */
int selector_add_filter(struct selector *s, enum selector_field field, const char *value);
int selector_set_at(struct selector *s, const char *time_text, int64_t now_ns);

/* "tag", "job", "host", "path". */
const char *selector_field_name(enum selector_field field);

#endif
