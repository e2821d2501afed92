/*
 * doctor.c - see doctor.h: what was found.
 */
#include "app/doctor.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/err.h"
#include "base/mem.h"

#define MESSAGE_BYTES 1024

void doctor_say(struct doctor *d, enum doctor_state state, const struct doctor_about *about,
                const char *fmt, ...)
{
    struct doctor_finding f = { .state = state, .name = about->name, .advice = about->advice };
    char message[MESSAGE_BYTES];
    va_list args;

    va_start(args, fmt);
    vsnprintf(message, sizeof message, fmt, args);
    va_end(args);
    f.message = mem_strdup(message);
    f.about = about->about != NULL ? mem_strdup(about->about) : NULL;
    if (f.message == NULL || (about->about != NULL && f.about == NULL) ||
        mem_grow(&d->findings, &d->capacity, d->count + 1, sizeof *d->findings) != 0) {
        mem_free(f.message);
        mem_free(f.about);
        d->error = err_nomem();
        return;
    }
    d->findings[d->count++] = f;
    d->counts[state]++;
}

void doctor_release(struct doctor *d)
{
    for (size_t i = 0; i < d->count; i++) {
        mem_free(d->findings[i].message);
        mem_free(d->findings[i].about);
    }
    mem_free(d->findings);
    if (d->config != NULL) {
        config_release(d->config);
        mem_free(d->config);
    }
}
