/*
 * log.h - what happens meanwhile, for whoever reads logs.
 *
 * The library never prints: it hands events to the sink that the program has set, which decides
 * about level and format. No sink, no log. Secrets are never logged. Thread-safe.
 *
 * The sink is called for one message at a time, of at most 4095 bytes (what is cut ends in "...").
 * What it logs itself is left out. Logging changes neither errno nor the thread's trail.
 *
 * A thread may have a sink of its own instead, so that several users of the library in one program
 * each get what is theirs. A pool's workers have that of the thread that made the pool.
 */
#ifndef HF_BASE_LOG_H
#define HF_BASE_LOG_H

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARN, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

typedef void (*log_sink_fn)(void *context, enum log_level level, const char *message);

/* Events up to level are handed over; a NULL sink ends the log. */
void log_set_sink(log_sink_fn sink, void *context, enum log_level level);
void log_write(enum log_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Borrowed as long as it is set; its sink may be called by several threads at once. */
struct log_own {
    log_sink_fn sink; /* NULL: what this thread logs goes nowhere */
    void *context;
    enum log_level level;
};
/* Of this thread. NULL: it has none, and what it logs goes to the program's sink. */
void log_set_own(const struct log_own *sink);
const struct log_own *log_own(void);

#endif
