/*
 * signals.c - see signals.h. The flag is the one global of the program: a handler is given no
 * context to find it by.
 */
#include "app/signals.h"

#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"

static volatile sig_atomic_t caught;

static void on_signal(int number)
{
    if (caught != 0) {
        _exit(128 + number);
    }
    caught = number;
}

void signals_install(void)
{
    static const int stopping[] = { SIGINT, SIGTERM, SIGHUP };
    struct sigaction action;

    memset(&action, 0, sizeof action);
    sigemptyset(&action.sa_mask);
    action.sa_handler = on_signal;
    for (size_t i = 0; i < sizeof stopping / sizeof stopping[0]; i++) {
        struct sigaction before;

        /* nohup means what it says. A script's background job is told to ignore SIGINT as well,
           but whoever sends one to it wants it to stop. */
        if (stopping[i] == SIGHUP && sigaction(SIGHUP, NULL, &before) == 0 &&
            before.sa_handler == SIG_IGN) {
            continue;
        }
        sigaction(stopping[i], &action, NULL);
    }
    action.sa_handler = SIG_IGN;
    sigaction(SIGPIPE, &action, NULL);
}

const volatile sig_atomic_t *signals_flag(void)
{
    return &caught;
}

int signals_name(int code)
{
    bool terminated = caught != 0 && caught != SIGINT;

    return code == HF_EINTERRUPTED && terminated ? HF_ETERMINATED : code;
}

int signals_check(void)
{
    if (caught == 0) {
        return 0;
    }
    if (caught == SIGINT) {
        return err_raise(HF_EINTERRUPTED, "it was interrupted");
    }
    return err_raise(HF_ETERMINATED, "it was told to terminate");
}
