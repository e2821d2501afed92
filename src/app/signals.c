/*
 * signals.c - see signals.h. Its flags are the globals of the program: a handler is given no
 * context to find them by.
 */
#include "app/signals.h"

#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/err.h"

#define NAG_SECONDS 5 /* after the time is up */

static volatile sig_atomic_t caught;
static volatile sig_atomic_t hung_up;
static struct sigaction hangup_before;

static void on_signal(int number)
{
    if (caught != 0 && caught != SIGALRM) {
        _exit(128 + number);
    }
    caught = number;
}

static void on_alarm(int number)
{
    if (caught == 0) {
        caught = number;
    }
}

void signals_expire_in(int64_t ns)
{
    const struct itimerval never = { { 0, 0 }, { 0, 0 } };
    struct itimerval timer = { { NAG_SECONDS, 0 }, { 0, 0 } };
    struct sigaction action;

    setitimer(ITIMER_REAL, &never, NULL);
    if (caught == SIGALRM) {
        caught = 0;
    }
    if (ns <= 0) {
        return;
    }
    memset(&action, 0, sizeof action);
    sigemptyset(&action.sa_mask);
    action.sa_handler = on_alarm;
    sigaction(SIGALRM, &action, NULL);
    timer.it_value.tv_sec = (time_t)(ns / 1000000000);
    timer.it_value.tv_usec = (suseconds_t)(ns % 1000000000 / 1000);
    if (timer.it_value.tv_sec == 0 && timer.it_value.tv_usec == 0) {
        timer.it_value.tv_usec = 1;
    }
    setitimer(ITIMER_REAL, &timer, NULL);
}

bool signals_expired(void)
{
    return caught == SIGALRM;
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

static void on_hangup(int number)
{
    (void)number;
    hung_up = 1;
}

void signals_keep_hangup(bool keep)
{
    struct sigaction action;

    if (!keep) {
        sigaction(SIGHUP, &hangup_before, NULL);
        return;
    }
    hung_up = 0;
    memset(&action, 0, sizeof action);
    sigemptyset(&action.sa_mask);
    action.sa_flags = SA_RESTART;
    action.sa_handler = on_hangup;
    sigaction(SIGHUP, &action, &hangup_before);
}

bool signals_take_hangup(void)
{
    bool any = hung_up != 0;

    hung_up = 0;
    return any;
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
    if (caught == SIGALRM) {
        return err_raise(HF_ETERMINATED, "its time was up");
    }
    return err_raise(HF_ETERMINATED, "it was told to terminate");
}
