/*
 * log.c - hands messages to the program's sink, one at a time.
 */
#include "base/log.h"

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"

#define MESSAGE_BYTES 4096
#define SILENT (-1)

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* over the sink, and while it runs */
static log_sink_fn the_sink;
static void *the_context;
static atomic_int the_level = SILENT; /* read without the lock: what nobody wants costs nothing */

static _Thread_local bool within_sink;
static _Thread_local const struct log_own *own; /* this thread's */

void log_set_sink(log_sink_fn sink, void *context, enum log_level level)
{
    pthread_mutex_lock(&lock);
    the_sink = sink;
    the_context = context;
    atomic_store_explicit(&the_level, sink == NULL ? SILENT : (int)level, memory_order_relaxed);
    pthread_mutex_unlock(&lock);
}

void log_set_own(const struct log_own *sink)
{
    own = sink;
}

const struct log_own *log_own(void)
{
    return own;
}

static int level_wanted(void)
{
    if (own != NULL) {
        return own->sink == NULL ? SILENT : (int)own->level;
    }
    return atomic_load_explicit(&the_level, memory_order_relaxed);
}

static void hand_over(enum log_level level, const char *message)
{
    within_sink = true;
    if (own != NULL) {
        own->sink(own->context, level, message);
    } else {
        pthread_mutex_lock(&lock);
        if (the_sink != NULL) {
            the_sink(the_context, level, message);
        }
        pthread_mutex_unlock(&lock);
    }
    within_sink = false;
}

void log_write(enum log_level level, const char *fmt, ...)
{
    if ((int)level > level_wanted() || within_sink) {
        return;
    }

    static const char cut[] = "...";
    char message[MESSAGE_BYTES];
    int errnum = errno;
    va_list args;

    va_start(args, fmt);
    int len = vsnprintf(message, sizeof message, fmt, args);
    va_end(args);
    if (len >= (int)sizeof message) {
        memcpy(message + sizeof message - sizeof cut, cut, sizeof cut);
    }

    /* Whoever logs may be on the way to report a failure, and the sink may fail itself. */
    struct err_trail trail;
    err_take(&trail);
    if (len >= 0) {
        hand_over(level, message);
    }
    err_give(&trail);
    errno = errnum;
}
