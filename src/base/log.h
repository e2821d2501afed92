/*
 * log.h - what happens meanwhile, for whoever reads logs.
 *
 * The library never prints: it hands events to the sink that the program has set, which decides
 * about level and format. No sink, no log. Secrets are never logged. Thread-safe.
 *
 * The sink is called for one message at a time, of at most 4095 bytes (what is cut ends in "...").
 * What it logs itself is left out. Logging changes neither errno nor the thread's trail.
 */
#ifndef HF_BASE_LOG_H
#define HF_BASE_LOG_H

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARN, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

typedef void (*log_sink_fn)(void *context, enum log_level level, const char *message);

/* Events up to level are handed over; a NULL sink ends the log. */
void log_set_sink(log_sink_fn sink, void *context, enum log_level level);
void log_write(enum log_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
