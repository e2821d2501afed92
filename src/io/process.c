/*
 * process.c - see process.h.
 *
 * Between us and the command stands a keeper: a child of ours to which every orphan below it is
 * handed (descend.h), so that killing all its descendants until there is none reaches all, and none
 * of another child of ours. The keeper ends the command when it is told to, and when nobody is left
 * who could tell it: the pipe to it closes by itself if we die. Neither it nor the child before its
 * exec may call what is not async-signal-safe: other threads of ours may have held any lock.
 */
#include "io/process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "io/descend.h"

#define PIECE_BYTES (64u << 10)
#define PIECES 16   /* read at once, as much as a pipe can hold */
#define LOOK_MS 50  /* how often it is asked whether we are to stop */
#define PAUSE_MS 10 /* between two rounds of killing, unless something ends */
#define GIVE_UP_NS (5 * NS_PER_S)
#define NS_PER_MS 1000000
#define SHELL_SIGNALLED 128

/* Each is a pipe, [0] to read, [1] to write; and the keeper's end of it has that number there. */
enum { CONTROL, OUTPUT, REPORT, PIPES };

struct report { /* from the keeper, or from a child that could not become the command */
    int errnum; /* what kept the command from being started; or 0 */
    int status; /* as waitpid gives it */
    size_t left_over;
};

/* In a build that measures coverage, writes down what was counted; elsewhere there is none. */
extern void __gcov_dump(void) __attribute__((weak));

static void __attribute__((noreturn)) leave(int status)
{
    if (__gcov_dump != NULL) {
        __gcov_dump();
    }
    _exit(status);
}

static void tell(int fd, const struct report *r)
{
    ssize_t ignored = write(fd, r, sizeof *r);

    (void)ignored;
}

static void __attribute__((noreturn)) leave_failed(int report)
{
    const struct report r = { .errnum = errno };

    tell(report, &r);
    leave(1);
}

bool process_is_secret(const char *variable)
{
    static const char *const secrets[] = { "HOLDFAST_PASSWORD=", "HOLDFAST_NEW_PASSWORD=",
                                           "HOLDFAST_PASSWORD_COMMAND=" };

    for (size_t i = 0; i < sizeof secrets / sizeof secrets[0]; i++) {
        if (strncmp(variable, secrets[i], strlen(secrets[i])) == 0) {
            return true;
        }
    }
    return false;
}

/* The child */

static void drop_secrets(void)
{
    size_t kept = 0;

    for (size_t i = 0; environ[i] != NULL; i++) {
        if (!process_is_secret(environ[i])) {
            environ[kept++] = environ[i];
        }
    }
    environ[kept] = NULL;
}

static void become(const struct process_request *q)
{
    const char *argv[] = { "/bin/sh", "-c", q->command, NULL };
    const char *const *env = q->environment;
    int report, null;
    sigset_t none;

    if (env == NULL) {
        drop_secrets();
        env = (const char *const *)environ;
    }
    setsid();
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (int s = 1; s < NSIG; s++) {
        signal(s, SIG_DFL);
    }
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    report = fcntl(REPORT, F_DUPFD_CLOEXEC, PIPES);
    null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (null >= 0 && dup2(null, STDIN_FILENO) >= 0 && dup2(OUTPUT, STDOUT_FILENO) >= 0 &&
        dup2(OUTPUT, STDERR_FILENO) >= 0 && (q->folder == NULL || chdir(q->folder) == 0)) {
        execve(argv[0], (char *const *)(uintptr_t)argv, (char *const *)(uintptr_t)env);
    }
    leave_failed(report);
}

/* The keeper */

static void on_child(int signum)
{
    (void)signum; /* it only ends a wait */
}

/* Until a child ends, there is something to read from `fd`, or so much time has passed. */
static int wait_a_while(int fd, const struct timespec *most)
{
    struct pollfd p = { fd, POLLIN, 0 };
    sigset_t open_mask;

    sigfillset(&open_mask);
    sigdelset(&open_mask, SIGCHLD);
    return ppoll(&p, 1, most, &open_mask);
}

/* Without burying it: its number stays its own. */
static bool has_ended(pid_t command)
{
    siginfo_t info;

    info.si_pid = 0;
    return waitid(P_PID, (id_t)command, &info, WEXITED | WNOHANG | WNOWAIT) != 0 ||
           info.si_pid == command;
}

/* Until the command has ended; false: the one who ordered it wants no more of it. */
static bool wait_for_end(pid_t command)
{
    while (!has_ended(command)) {
        int n = wait_a_while(CONTROL, NULL);

        if (n > 0 || (n < 0 && errno != EINTR)) {
            return false;
        }
    }
    return true;
}

/* Until no child is left: then there are no descendants either. Says how the command ended. */
static void kill_all(pid_t command, bool ended, struct report *r)
{
    static const struct timespec pause = { 0, PAUSE_MS * NS_PER_MS };
    int64_t begin_ns = clock_monotonic(clock_system());
    pid_t first = command;

    r->status = SIGKILL; /* unless it is told otherwise */
    do {
        size_t alive = descend_signal(first, SIGKILL);

        if (ended && alive > r->left_over) {
            r->left_over = alive;
        }
        if (first == command && waitpid(command, &r->status, WNOHANG) == command) {
            first = getpid();
        }
        if (first != command && waitpid(-1, NULL, WNOHANG) < 0) {
            return;
        }
        (void)wait_a_while(-1, &pause);
    } while (clock_monotonic(clock_system()) - begin_ns < GIVE_UP_NS);
}

/*
 * What is not needed is closed: what other threads of ours have open is none of the keeper's
 * business, least of all the pipes of other commands, which end by being closed.
 */
static void take_pipes(int pipes[PIPES][2])
{
    const int ours[PIPES] = { pipes[CONTROL][0], pipes[OUTPUT][1], pipes[REPORT][1] };
    int high[PIPES];

    for (int i = 0; i < PIPES; i++) {
        high[i] = fcntl(ours[i], F_DUPFD_CLOEXEC, PIPES);
    }
    for (int i = 0; i < PIPES; i++) {
        if (high[i] < 0 || dup2(high[i], i) < 0) {
            leave_failed(pipes[REPORT][1]);
        }
    }
    (void)close_range(PIPES, ~0U, 0);
}

static void __attribute__((noreturn)) keep(const struct process_request *q, int pipes[PIPES][2])
{
    struct report r = { 0 };
    sigset_t all;
    pid_t command;

    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, NULL);
    signal(SIGCHLD, on_child);
    setsid();
    take_pipes(pipes);
    descend_watch(true);
    command = fork();
    if (command < 0) {
        leave_failed(REPORT);
    }
    if (command == 0) {
        become(q);
    }
    kill_all(command, wait_for_end(command), &r);
    tell(REPORT, &r);
    leave(0);
}

/* Output */

struct output {
    size_t keep;
    struct buf *head;
    struct buf tail; /* up to twice as much as is kept */
    uint64_t left_out;
};

static void cut_tail(struct output *o)
{
    if (o->tail.len > o->keep) {
        size_t more = o->tail.len - o->keep;

        memmove(o->tail.data, o->tail.data + more, o->keep);
        o->tail.len = o->keep;
        o->left_out += more;
    }
}

static void put_piece(struct output *o, const uint8_t *piece, size_t len)
{
    size_t room = o->keep - o->head->len;
    size_t first = len < room ? len : room;

    buf_put(o->head, piece, first);
    buf_put(&o->tail, piece + first, len - first);
    if (o->tail.len > 2 * o->keep) {
        cut_tail(o);
    }
}

static void put_tail(struct output *o)
{
    cut_tail(o);
    if (o->left_out > 0) {
        buf_printf(o->head, "\n[%llu bytes are left out here]\n", (unsigned long long)o->left_out);
    }
    buf_put(o->head, o->tail.data, o->tail.len);
}

/* What there is now; a flood must not keep us from looking at the time. */
static int read_output(int fd, struct output *o)
{
    uint8_t piece[PIECE_BYTES];
    ssize_t n = 1;

    for (int i = 0; i < PIECES && n > 0; i++) {
        n = read(fd, piece, sizeof piece);
        if (n > 0) {
            put_piece(o, piece, (size_t)n);
        }
    }
    if (n < 0 && errno != EAGAIN && errno != EINTR) {
        return err_os(errno, "could not read what the command writes");
    }
    return buf_error(o->head) != 0 ? buf_error(o->head) : buf_error(&o->tail);
}

/* We */

static void shut(int *fd)
{
    if (*fd >= 0) {
        close(*fd);
    }
    *fd = -1;
}

/* Until the keeper says that it is over, which it does after all have ended. */
static int attend(const struct process_request *q, int pipes[PIPES][2], struct output *o,
                  struct process_result *r)
{
    int64_t begin_ns = clock_monotonic(clock_system());
    bool told = false;
    int rc = 0;

    for (;;) {
        struct pollfd p[] = { { pipes[OUTPUT][0], POLLIN, 0 }, { pipes[REPORT][0], POLLIN, 0 } };
        int n = poll(p, 2, LOOK_MS);
        int failed = read_output(pipes[OUTPUT][0], o);

        r->duration_ns = clock_monotonic(clock_system()) - begin_ns;
        rc = rc == 0 ? failed : rc;
        if (n > 0 && p[1].revents != 0) {
            return rc;
        }
        if (rc == 0 && q->stop != NULL && *q->stop != 0) {
            rc = err_raise(HF_EINTERRUPTED, "interrupted");
        }
        r->timed_out = r->timed_out || (q->timeout_ns > 0 && r->duration_ns >= q->timeout_ns);
        if (!told && (rc != 0 || r->timed_out)) {
            ssize_t ignored = write(pipes[CONTROL][1], "", 1);

            (void)ignored;
            told = true;
        }
    }
}

static int hear(int fd, struct process_result *r)
{
    struct report said;

    if (read(fd, &said, sizeof said) != (ssize_t)sizeof said) {
        return err_raise(HF_EFAIL, "could not tell how the command ended");
    }
    if (said.errnum != 0) {
        err_os(said.errnum, "could not start the command");
        return HF_EFAIL;
    }
    r->exit_status = WIFEXITED(said.status) ? WEXITSTATUS(said.status) : -1;
    r->signal = WIFSIGNALED(said.status) ? WTERMSIG(said.status) : 0;
    r->left_over = said.left_over;
    return 0;
}

static int make_pipes(int pipes[PIPES][2])
{
    for (int i = 0; i < PIPES; i++) {
        if (pipe2(pipes[i], O_CLOEXEC) != 0) {
            return err_os(errno, "could not make a pipe");
        }
    }
    (void)fcntl(pipes[OUTPUT][0], F_SETFL, O_NONBLOCK);
    return 0;
}

static int start(const struct process_request *q, int pipes[PIPES][2], pid_t *out_keeper)
{
    int rc = make_pipes(pipes);

    if (rc != 0) {
        return rc;
    }
    *out_keeper = fork();
    if (*out_keeper == 0) {
        keep(q, pipes);
    }
    return *out_keeper < 0 ? err_os(errno, "could not start a process") : 0;
}

int process_run(const struct process_request *q, struct process_result *out)
{
    int pipes[PIPES][2] = { { -1, -1 }, { -1, -1 }, { -1, -1 } };
    struct output o = { .keep = q->keep > 0 ? q->keep : PROCESS_KEEP_BYTES, .head = &out->output };
    pid_t keeper = -1;
    int rc;

    *out = (struct process_result){ .exit_status = -1 };
    buf_init(&out->output);
    buf_init(&o.tail);
    rc = start(q, pipes, &keeper);
    shut(&pipes[OUTPUT][1]);
    shut(&pipes[REPORT][1]);
    if (rc == 0) {
        rc = attend(q, pipes, &o, out);
    }
    shut(&pipes[CONTROL][1]);
    while (keeper > 0 && waitpid(keeper, NULL, 0) < 0 && errno == EINTR) {
    }
    if (rc == 0) {
        rc = hear(pipes[REPORT][0], out);
    }
    if (rc == 0) {
        put_tail(&o);
        rc = buf_error(&out->output);
    }
    shut(&pipes[CONTROL][0]); /* so late, as a pipe without a reader would kill who writes */
    shut(&pipes[OUTPUT][0]);
    shut(&pipes[REPORT][0]);
    buf_release(&o.tail);
    return rc;
}

int process_status(const struct process_result *r)
{
    return r->exit_status >= 0 ? r->exit_status : SHELL_SIGNALLED + r->signal;
}

void process_release(struct process_result *r)
{
    buf_release(&r->output);
}
