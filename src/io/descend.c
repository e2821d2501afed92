/*
 * descend.c - see descend.h. Only async-signal-safe functions are called. Nothing is remembered of
 * one process while the next is looked at: each is followed upwards through /proc, mostly a single
 * step, since nearly all are older than what is looked for.
 */
#include "io/descend.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define STAT_MAX 1024
#define LIST_BYTES 8192
#define FIELD_PARENT 1 /* behind the name: state, parent, ... */
#define FIELD_BEGUN 19
#define TRIES 5 /* at following one whose parents end meanwhile */

struct process {
    pid_t parent;
    uint64_t begun; /* ticks since the machine started */
    bool ended;     /* and nobody has waited for it */
};

void descend_watch(bool on)
{
    (void)prctl(PR_SET_CHILD_SUBREAPER, on ? 1 : 0, 0, 0, 0);
}

static uint64_t number(const char *text)
{
    uint64_t n = 0;

    for (; *text >= '0' && *text <= '9'; text++) {
        n = n * 10 + (uint64_t)(*text - '0');
    }
    return n;
}

/* The name may hold blanks and brackets: what counts stands behind the last one. */
static bool parse(const char *text, struct process *out)
{
    const char *at = strrchr(text, ')');

    if (at == NULL || at[1] != ' ') {
        return false;
    }
    at += 2;
    out->ended = *at == 'Z' || *at == 'X';
    for (int field = 0; field < FIELD_BEGUN; field++) {
        if (field == FIELD_PARENT) {
            out->parent = (pid_t)number(at);
        }
        at = strchr(at, ' ');
        if (at == NULL) {
            return false;
        }
        at++;
    }
    out->begun = number(at);
    return true;
}

static bool look(int proc, pid_t pid, struct process *out)
{
    char path[32], text[STAT_MAX];
    char *name = path + sizeof path - sizeof "/stat";
    ssize_t n = -1;
    int fd;

    memcpy(name, "/stat", sizeof "/stat");
    do {
        *--name = (char)('0' + pid % 10);
        pid /= 10;
    } while (pid > 0);
    fd = openat(proc, name, O_RDONLY | O_CLOEXEC);
    if (fd >= 0) {
        n = read(fd, text, sizeof text - 1);
        close(fd);
    }
    text[n > 0 ? n : 0] = '\0';
    return parse(text, out);
}

/* Whether it came of us, by way of nothing that began before `since`. */
static bool descends(int proc, pid_t pid, uint64_t since, struct process *out)
{
    for (int i = 0; i < TRIES; i++) {
        struct process p;
        bool there = look(proc, pid, out);

        if (!there) {
            return false;
        }
        for (p = *out; there && p.begun >= since; there = look(proc, p.parent, &p)) {
            if (p.parent == getpid()) {
                return true;
            }
        }
        if (there) {
            return false;
        }
    }
    return false;
}

/* Returns whether it is one of those, and alive. */
static bool meet(int proc, pid_t pid, pid_t first, uint64_t since, int signal_number)
{
    struct process p;

    if (pid <= 0 || !descends(proc, pid, since, &p)) {
        return false;
    }
    if (!p.ended) {
        (void)kill(pid, signal_number);
    } else if (p.parent == getpid() && pid != first) {
        (void)waitpid(pid, NULL, WNOHANG);
    }
    return !p.ended;
}

size_t descend_signal(pid_t first, int signal_number)
{
    union {
        struct dirent64 entry;
        char bytes[LIST_BYTES];
    } list;
    int proc = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct process p;
    size_t alive = 0;
    ssize_t n;

    if (proc >= 0 && look(proc, first, &p)) {
        while ((n = getdents64(proc, list.bytes, sizeof list)) > 0) {
            const struct dirent64 *d;

            for (ssize_t at = 0; at < n; at += d->d_reclen) {
                d = (const struct dirent64 *)(const void *)(list.bytes + at);
                alive += meet(proc, (pid_t)number(d->d_name), first, p.begun, signal_number);
            }
        }
    } else if (first != getpid()) {
        (void)kill(-first, signal_number);
    }
    if (proc >= 0) {
        close(proc);
    }
    return alive;
}
