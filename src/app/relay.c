/*
 * relay.c - see relay.h.
 */
#include "app/relay.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "app/signals.h"
#include "base/err.h"

#define PIPE_BYTES (1 << 20)
#define PIECE_BYTES (64u << 10)
#define LOOK_UP_MS 100

static bool told_to_stop(struct relay *r)
{
    return *signals_flag() != 0 || atomic_load(&r->stop);
}

/* Waits until something can be done with fd; false when it is time to stop. */
static bool wait_for(struct relay *r, int fd, short events)
{
    struct pollfd p = { fd, events, 0 };

    while (!told_to_stop(r)) {
        int n = poll(&p, 1, LOOK_UP_MS);

        if (n > 0 || (n < 0 && errno != EINTR)) {
            return true;
        }
    }
    return false;
}

/* For what can't be spliced, like terminals. */
static ssize_t copy_piece(struct relay *r)
{
    char piece[PIECE_BYTES];
    ssize_t got = read(r->from, piece, sizeof piece);
    ssize_t done = 0;

    while (done < got) {
        ssize_t n;

        if (!wait_for(r, r->to, POLLOUT)) {
            return 0;
        }
        n = write(r->to, piece + done, (size_t)(got - done));
        if (n < 0 && errno != EAGAIN && errno != EINTR) {
            return 0;
        }
        done += n < 0 ? 0 : n;
    }
    return got;
}

static void *run(void *context)
{
    struct relay *r = context;
    bool spliced = true;

    while (wait_for(r, r->from, POLLIN) && wait_for(r, r->to, POLLOUT)) {
        ssize_t n = -1;

        if (spliced) {
            n = splice(r->from, NULL, r->to, NULL, PIPE_BYTES, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
        }
        if (spliced && n < 0 && errno == EINVAL) {
            spliced = false;
        }
        if (!spliced) {
            n = copy_piece(r);
        }
        if (n == 0) {
            break;
        }
        if (n < 0 && errno != EAGAIN && errno != EINTR) {
            r->errnum = errno == EPIPE ? 0 : errno;
            break;
        }
    }
    close(r->to);
    return NULL;
}

int relay_start(struct relay *r, int from)
{
    sigset_t all, before;
    int pair[2];
    int errnum;

    memset(r, 0, sizeof *r);
    r->from = from;
    r->out_fd = -1;
    if (pipe2(pair, O_CLOEXEC) != 0) {
        return err_os(errno, "could not make a pipe");
    }
    r->out_fd = pair[0];
    r->to = pair[1];
    (void)fcntl(r->to, F_SETPIPE_SZ, PIPE_BYTES); /* more is faster, but not needed */
    (void)fcntl(r->to, F_SETFL, O_NONBLOCK);
    /* Signals are for the thread that works. */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    errnum = pthread_create(&r->thread, NULL, run, r);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (errnum != 0) {
        close(r->to);
        return err_os(errnum, "could not start a thread");
    }
    r->running = true;
    return 0;
}

void relay_stop(struct relay *r)
{
    if (r->out_fd >= 0) {
        close(r->out_fd);
    }
    r->out_fd = -1;
    if (!r->running) {
        return;
    }
    atomic_store(&r->stop, true);
    pthread_join(r->thread, NULL);
    r->running = false;
}

int relay_check(const struct relay *r)
{
    int rc = signals_check();

    if (rc == 0 && r->errnum != 0) {
        rc = err_os(r->errnum, "could not read the stream");
    }
    return rc;
}
