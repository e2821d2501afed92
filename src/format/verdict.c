/*
 * verdict.c - see verdict.h.
 */
#include "format/verdict.h"

#include <stddef.h>

#include "base/err.h"

struct verdict verdict_fine(void)
{
    return (struct verdict){ .code = 0, .why = NULL };
}

struct verdict verdict_newer(const char *why)
{
    return (struct verdict){ .code = HF_ENEWER, .why = why };
}

struct verdict verdict_of(bool good, const char *why)
{
    if (good) {
        return verdict_fine();
    }
    return (struct verdict){ .code = HF_EDAMAGE, .why = why };
}
