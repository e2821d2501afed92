/*
 * verdict.h - what the check of one field says about it.
 */
#ifndef HF_FORMAT_VERDICT_H
#define HF_FORMAT_VERDICT_H

#include <stdbool.h>

struct verdict {
    int code;        /* 0, HF_EDAMAGE or HF_ENEWER */
    const char *why; /* continues the field's name: "does not match" */
};

struct verdict verdict_fine(void);
struct verdict verdict_newer(const char *why);
/* Damage unless good. */
struct verdict verdict_of(bool good, const char *why);

#endif
