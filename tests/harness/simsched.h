/*
 * simsched.h - several clients on one simulated disk, interleaved at every operation.
 *
 * Each client is a function that runs as if it were alone. Before every operation that it asks a
 * disk for, a generator seeded by the caller decides who goes on; how long one client tends to go
 * on depends on the seed as well. The same seed gives the same run. Rules put a client to sleep or
 * kill it at an operation of one's choice, to bring about on purpose what chance would take long to
 * find.
 *
 * The clients are threads of which one at a time holds the baton, so sanitizers and debuggers see
 * nothing unusual, and what belongs to a thread (err.h) belongs to a client. They must not use the
 * assertions of the test framework, which jump: they return an error instead.
 */
#ifndef HF_HARNESS_SIMSCHED_H
#define HF_HARNESS_SIMSCHED_H

#include <stdint.h>
#include <stdio.h>

#include "harness/simdisk.h"

struct simsched;

typedef int (*simsched_body)(struct simclient *c, void *context);

struct simsched *simsched_new(struct simdisk *d, uint64_t seed);
void simsched_free(struct simsched *s);

/* One more client, which begins when the schedule is run. */
void simsched_add(struct simsched *s, const char *client, simsched_body body, void *context);

enum simsched_deed {
    SIMSCHED_SLEEP, /* for `ops` operations of others, 0: until it is woken */
    SIMSCHED_WAKE,
    SIMSCHED_KILL /* as simclient_kill_at */
};

#define SIMSCHED_UNTIL_WOKEN 0u

/* When an operation is asked for and has not yet taken place. */
struct simsched_rule {
    struct simmatch when; /* strings are borrowed */
    enum simsched_deed deed;
    const char *who; /* NULL: the client that asks */
    uint64_t ops;
};
void simsched_rule(struct simsched *s, const struct simsched_rule *rule);

/* After so many operations in all (a million, unless told otherwise) they are taken for endless. */
void simsched_limit(struct simsched *s, uint64_t ops);

/*
 * Runs until all have returned. A client that sleeps when nobody else can run is woken; time that
 * all wait for passes at once. HF_ELIMIT if they do not come to an end: then all were killed.
 */
int simsched_run(struct simsched *s);

/* What the client returned, and its trail. */
int simsched_result(struct simsched *s, const char *client);

/* Seed, results, and the trace of the disk. */
void simsched_print(struct simsched *s, FILE *out);

#endif
