/*
 * child.c - see child.h. Between fork and exec only async-signal-safe functions are called: other
 * threads of ours may have held any lock.
 */
#include "app/child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "app/signals.h"
#include "app/slurp.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"
#include "io/descend.h"
#include "io/process.h"

#define EXEC_FAILED 127
#define GRACE_NS (5 * NS_PER_S)       /* between SIGTERM and SIGKILL */
#define STOP_GRACE_NS (30 * NS_PER_S) /* the same where somebody wants us to end */
#define PAUSE_LEAST_NS 500000
#define PAUSE_MOST_NS 50000000
#define KILL_ROUNDS 20

/* Our environment and what is added to it. */
static int make_environment(const char *const *more, bool no_secrets, const char ***out)
{
    size_t ours = 0, added = 0, at = 0;
    const char **all;

    while (environ[ours] != NULL) {
        ours++;
    }
    while (more != NULL && more[added] != NULL) {
        added++;
    }
    all = mem_array(ours + added + 1, sizeof *all);
    if (all == NULL) {
        return err_nomem();
    }
    for (size_t i = 0; i < ours; i++) {
        if (!no_secrets || !process_is_secret(environ[i])) {
            all[at++] = environ[i];
        }
    }
    for (size_t i = 0; i < added; i++) {
        all[at++] = more[i];
    }
    *out = all;
    return 0;
}

/* In the child; never returns. An exec that fails tells the parent why through `report`. */
static void become(const struct child_options *o, char *const *argv, char *const *env, int out_fd,
                   int report)
{
    static const int reset[] = { SIGINT, SIGTERM, SIGHUP, SIGPIPE };
    struct sigaction action;
    ssize_t ignored;

    memset(&action, 0, sizeof action);
    action.sa_handler = SIG_DFL;
    for (size_t i = 0; i < sizeof reset / sizeof reset[0]; i++) {
        sigaction(reset[i], &action, NULL);
    }
    umask(o->umask);
    if (o->limit_ns != 0) {
        setpgid(0, 0);
    }
    if (o->no_input) {
        int fd = open("/dev/null", O_RDONLY);

        if (fd > 0) {
            dup2(fd, STDIN_FILENO);
        }
    }
    dup2(out_fd, STDOUT_FILENO);
    execvpe(argv[0], argv, env);
    out_fd = errno;
    ignored = write(report, &out_fd, sizeof out_fd);
    (void)ignored;
    _exit(EXEC_FAILED);
}

static void close_pair(int pair[2])
{
    for (int i = 0; i < 2; i++) {
        if (pair[i] >= 0) {
            close(pair[i]);
        }
        pair[i] = -1;
    }
}

/* Whether the exec worked: the report's pipe closes without a word. */
static int hear(struct child *c, int report)
{
    int errnum = 0;
    ssize_t n;

    do {
        n = read(report, &errnum, sizeof errnum);
    } while (n < 0 && errno == EINTR);
    if (n != (ssize_t)sizeof errnum) {
        return 0;
    }
    waitpid(c->pid, NULL, 0);
    c->pid = 0;
    err_os(errnum, "could not run %s", c->what);
    return HF_EFAIL;
}

int child_start(const struct child_options *o, struct child *out)
{
    int pipe_out[2] = { -1, -1 }, report[2] = { -1, -1 };
    const char **env = NULL;
    int rc;

    *out = (struct child){ o->what, 0, -1, o->limit_ns };
    rc = make_environment(o->environment, o->no_secrets, &env);
    if (rc != 0) {
        return rc;
    }
    if (pipe2(report, O_CLOEXEC) != 0 || (o->capture && pipe2(pipe_out, O_CLOEXEC) != 0)) {
        rc = err_os(errno, "could not make a pipe");
        goto done;
    }
    if (o->limit_ns != 0) {
        descend_watch(true);
    }
    out->pid = fork();
    if (out->pid == 0) {
        become(o, (char *const *)(uintptr_t)o->argv, (char *const *)(uintptr_t)env,
               o->capture ? pipe_out[1] : STDERR_FILENO, report[1]);
    }
    if (out->pid < 0) {
        out->pid = 0;
        rc = err_os(errno, "could not start %s", o->what);
        goto done;
    }
    close(report[1]);
    report[1] = -1;
    rc = hear(out, report[0]);
    if (rc == 0) {
        out->out_fd = pipe_out[0];
        pipe_out[0] = -1;
    }
done:
    if (rc != 0 && o->limit_ns != 0) {
        descend_watch(false);
    }
    close_pair(report);
    close_pair(pipe_out);
    mem_free(env);
    return rc;
}

/* Kills what is left, which may go on starting more of it. */
static void kill_all(const struct child *c)
{
    for (int round = 0; round < KILL_ROUNDS && descend_signal(c->pid, SIGKILL) > 0; round++) {
        clock_sleep(clock_system(), PAUSE_MOST_NS);
    }
}

struct patience { /* with a child that has a limit */
    int64_t end_ns;
    int signal_before; /* who ends because of a signal still calls hooks */
    bool told, late;
};

/* Tells it to terminate when it is time for that; then, when its grace is over, kills it. */
static void lose_patience(const struct child *c, struct patience *p)
{
    int64_t now = clock_monotonic(clock_system());
    bool asked = *signals_flag() != p->signal_before;

    if (!p->told && (asked || now >= p->end_ns)) {
        p->told = true;
        p->late = !asked;
        p->end_ns = now + (asked && !signals_expired() ? STOP_GRACE_NS : GRACE_NS);
        (void)descend_signal(c->pid, SIGTERM);
    } else if (p->told && now >= p->end_ns) {
        kill_all(c);
    }
}

/* The same with a limit. It is not waited for before all that came of it is gone. */
static int wait_within_limit(struct child *c, int *out_status)
{
    struct patience p = { .end_ns = clock_monotonic(clock_system()) + c->limit_ns,
                          .signal_before = *signals_flag() };
    siginfo_t info = { 0 };
    int64_t pause = PAUSE_LEAST_NS;

    while (waitid(P_PID, (id_t)c->pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
           info.si_pid == 0) {
        lose_patience(c, &p);
        clock_sleep(clock_system(), pause);
        pause = pause * 2 < PAUSE_MOST_NS ? pause * 2 : PAUSE_MOST_NS;
    }
    if (p.told) {
        kill_all(c);
    }
    while (waitpid(c->pid, out_status, 0) < 0 && errno == EINTR) {
    }
    c->pid = 0;
    descend_watch(false);
    if (p.late) {
        char shown[TEXT_SIZE_BYTES];

        return err_raise(HF_EFAIL, "%s took longer than %s", c->what,
                         text_duration(c->limit_ns, shown));
    }
    return 0;
}

/* Waits; a signal of ours is handed on. Who does not hear it does not hear the next one. */
static int wait_for(struct child *c, int *out_status)
{
    bool told = false;

    if (c->limit_ns != 0) {
        return wait_within_limit(c, out_status);
    }
    while (waitpid(c->pid, out_status, 0) < 0) {
        if (errno != EINTR) {
            return err_os(errno, "could not wait for %s", c->what);
        }
        if (*signals_flag() != 0) {
            kill(c->pid, told ? SIGKILL : SIGTERM);
            told = true;
        }
    }
    c->pid = 0;
    return 0;
}

static void close_out(struct child *c)
{
    if (c->out_fd >= 0) {
        close(c->out_fd);
    }
    c->out_fd = -1;
}

int child_finish(struct child *c)
{
    int status = 0;
    int rc;

    close_out(c);
    rc = wait_for(c, &status);
    if (rc == 0) {
        rc = signals_check();
    }
    if (rc != 0) {
        return rc;
    }
    if (WIFSIGNALED(status)) {
        return err_raise(HF_EFAIL, "%s was killed by signal %d", c->what, WTERMSIG(status));
    }
    if (WEXITSTATUS(status) != 0) {
        return err_raise(HF_EFAIL, "%s ended with exit status %d", c->what, WEXITSTATUS(status));
    }
    return 0;
}

void child_stop(struct child *c)
{
    int status;

    close_out(c);
    if (c->pid == 0) {
        return;
    }
    kill(c->pid, SIGTERM);
    if (wait_for(c, &status) != 0) {
        err_clear();
    }
}

int child_shell(const struct child_options *options, const char *command, struct buf *out,
                size_t max)
{
    const char *const argv[] = { "/bin/sh", "-c", command, NULL };
    struct child_options o = *options;
    struct child c;
    int rc;

    o.argv = argv;
    o.capture = out != NULL;
    rc = child_start(&o, &c);
    if (rc != 0) {
        return rc;
    }
    if (out != NULL) {
        rc = slurp_fd(c.out_fd, o.what, max, out);
    }
    if (rc != 0) {
        child_stop(&c);
        return rc;
    }
    return child_finish(&c);
}
