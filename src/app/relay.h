/*
 * relay.h - a stream that ends when the program is told to stop.
 *
 * Whoever reads a stream may wait for it for ever. A relay is a thread that hands a stream on
 * through a pipe (without copying it, where the kernel can) and closes the pipe when the stream
 * ends or when a signal has come; who reads the pipe's end then asks signals_check what it was.
 */
#ifndef HF_APP_RELAY_H
#define HF_APP_RELAY_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

struct relay {
    pthread_t thread;
    bool running;
    int from;   /* borrowed */
    int to;     /* the thread's */
    int out_fd; /* what to read from */
    atomic_bool stop;
    int errnum; /* why reading failed, or 0; valid once out_fd is at its end */
};

int relay_start(struct relay *r, int from);
void relay_stop(struct relay *r); /* also after a failed start */
/* At the end of the stream: 0, or what made it end early. */
int relay_check(const struct relay *r);

#endif
