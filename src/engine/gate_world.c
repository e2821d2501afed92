/*
 * gate_world.c - gates that ask the machine: a file, a disk, a process, a port (gate.h).
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <netdb.h>
#include <poll.h>
#include <pwd.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/text.h"
#include "engine/gate.h"
#include "io/process.h"

#define NS_PER_MS 1000000

/* A file */

static void check_mode(const struct policy_gate *g, const struct stat *st, struct gate_finding *f)
{
    unsigned may = (unsigned)g->values[GATE_KEY_mode].number;
    unsigned has = (unsigned)st->st_mode & 07777;

    if (!g->values[GATE_KEY_mode].given) {
        return;
    }
    buf_printf(&f->value, "mode %04o", has);
    buf_printf(&f->limit, "no more than mode %04o", may);
    if ((has & ~may) != 0) {
        gate_fail(f, "its mode %04o allows more than %04o", has, may);
    }
}

static int find_user(const char *text, uid_t *out)
{
    struct passwd entry, *found = NULL;
    char space[8192];
    uint64_t number;
    int code;

    if (text_parse_u64(text, UINT32_MAX, &number) == 0) {
        *out = (uid_t)number;
        return 0;
    }
    code = getpwnam_r(text, &entry, space, sizeof space, &found);
    if (found == NULL) {
        return code == 0 ? err_raise(HF_EABSENT, "there is no user \"%s\"", text)
                         : err_os(code, "could not look for the user \"%s\"", text);
    }
    err_clear();
    *out = entry.pw_uid;
    return 0;
}

static int check_owner(const struct policy_gate *g, const struct stat *st, struct gate_finding *f)
{
    const char *name = policy_text(g, GATE_KEY_owner);
    uid_t wanted = 0;
    int rc = name != NULL ? find_user(name, &wanted) : 0;

    if (name == NULL || rc != 0) {
        return rc;
    }
    buf_printf(&f->value, "%suid %u", f->value.len > 0 ? ", " : "", (unsigned)st->st_uid);
    buf_printf(&f->limit, "%sof %s", f->limit.len > 0 ? ", " : "", name);
    if (st->st_uid != wanted) {
        gate_fail(f, "it belongs to the uid %u, and not to %s", (unsigned)st->st_uid, name);
    }
    return 0;
}

static void check_size(const struct policy_gate *g, const struct stat *st, struct gate_finding *f)
{
    const struct policy_value *min = &g->values[GATE_KEY_min_size];
    const struct policy_value *max = &g->values[GATE_KEY_max_size];
    char shown[TEXT_SIZE_BYTES];

    if (!min->given && !max->given) {
        return;
    }
    buf_printf(&f->value, "%s%s", f->value.len > 0 ? ", " : "",
               text_size((uint64_t)st->st_size, shown));
    if (min->given) {
        buf_printf(&f->limit, "%sat least %s", f->limit.len > 0 ? ", " : "",
                   text_size((uint64_t)min->number, shown));
        if (st->st_size < min->number) {
            gate_fail(f, "it is too small");
        }
    }
    if (max->given) {
        buf_printf(&f->limit, "%sat most %s", f->limit.len > 0 ? ", " : "",
                   text_size((uint64_t)max->number, shown));
        if (st->st_size > max->number) {
            gate_fail(f, "it is too large");
        }
    }
}

static int check_file_age(const struct gate_context *c, const struct policy_gate *g,
                          const struct stat *st, struct gate_finding *f)
{
    int64_t ns;

    if (__builtin_mul_overflow((int64_t)st->st_mtim.tv_sec, NS_PER_S, &ns) ||
        __builtin_add_overflow(ns, (int64_t)st->st_mtim.tv_nsec, &ns)) {
        return gate_unknown(f, "its time of change makes no sense");
    }
    return gate_check_age(c, g, "it", ns, f);
}

int gate_file(const struct gate_context *c, const struct policy_gate *g, struct gate_finding *f)
{
    const char *path = policy_text(g, GATE_KEY_path);
    bool wanted = policy_number(g, GATE_KEY_exists, 1) != 0;
    struct stat st;
    int rc;

    if (stat(path, &st) != 0) {
        if (errno != ENOENT && errno != ENOTDIR) {
            return err_os(errno, "could not look at %s", path);
        }
        buf_printf(&f->value, "absent");
        buf_printf(&f->limit, "%s", wanted ? "there" : "absent");
        return wanted ? gate_fail(f, "there is no %s", path) : 0;
    }
    if (!wanted) {
        buf_printf(&f->value, "there");
        buf_printf(&f->limit, "absent");
        return gate_fail(f, "there is a %s", path);
    }
    check_mode(g, &st, f);
    rc = check_owner(g, &st, f);
    check_size(g, &st, f);
    if (rc == 0 && g->values[GATE_KEY_max_age].given) {
        rc = check_file_age(c, g, &st, f);
    }
    if (f->value.len == 0) {
        buf_printf(&f->value, "there");
        buf_printf(&f->limit, "there");
    }
    return rc;
}

/* A disk */

int gate_disk(const struct gate_context *c, const struct policy_gate *g, struct gate_finding *f)
{
    const struct policy_value *min = &g->values[GATE_KEY_min_free];
    const char *path = policy_text(g, GATE_KEY_path);
    char shown[TEXT_SIZE_BYTES];
    struct statvfs st;
    uint64_t bytes;

    (void)c;
    if (statvfs(path, &st) != 0) {
        return err_os(errno, "could not look at the disk of %s", path);
    }
    bytes = (uint64_t)st.f_bavail * st.f_frsize;
    buf_printf(&f->value, "%s free", text_size(bytes, shown));
    if (min->given) {
        buf_printf(&f->limit, "at least %s", text_size((uint64_t)min->number, shown));
        if (bytes < (uint64_t)min->number) {
            gate_fail(f, "the disk has too little room");
        }
    }
    if (g->values[GATE_KEY_min_free_percent].given) {
        gate_check_room(f, "bytes", st.f_bavail, st.f_blocks,
                        g->values[GATE_KEY_min_free_percent].number);
    }
    if (g->values[GATE_KEY_min_inodes_percent].given) {
        gate_check_room(f, "inodes", st.f_favail, st.f_files,
                        g->values[GATE_KEY_min_inodes_percent].number);
    }
    return 0;
}

/* A process */

int gate_process(const struct gate_context *c, const struct policy_gate *g, struct gate_finding *f)
{
    const char *name = policy_text(g, GATE_KEY_name);
    size_t count;
    int rc = process_find(name, &count);

    (void)c;
    if (rc != 0) {
        return rc;
    }
    buf_printf(&f->value, count == 1 ? "%zu process" : "%zu processes", count);
    buf_printf(&f->limit, "at least 1 process");
    return count > 0 ? 0 : gate_fail(f, "no process is called %s", name);
}

/* A port */

/* 0 if somebody listens there; else what was wrong, as errno has it. */
static int try_connect(const struct addrinfo *a, int64_t timeout_ns,
                       const volatile sig_atomic_t *stop)
{
    int64_t until = clock_monotonic(clock_system()) + timeout_ns;
    int fd = socket(a->ai_family, a->ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC, a->ai_protocol);
    struct pollfd p = { fd, POLLOUT, 0 };
    socklen_t size = sizeof(int);
    int why = 0, n = 0;

    if (fd < 0) {
        return errno;
    }
    if (connect(fd, a->ai_addr, a->ai_addrlen) != 0) {
        why = errno;
    }
    if (why == EINPROGRESS) {
        while (n <= 0 && clock_monotonic(clock_system()) < until && (stop == NULL || *stop == 0)) {
            n = poll(&p, 1, 100);
        }
        if (n <= 0) {
            why = ETIMEDOUT;
        } else if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &why, &size) != 0) {
            why = errno;
        }
    }
    close(fd);
    return why;
}

int gate_port(const struct gate_context *c, const struct policy_gate *g, struct gate_finding *f)
{
    const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
    const char *host = policy_text(g, GATE_KEY_host);
    const char *port = policy_text(g, GATE_KEY_port);
    int64_t timeout = policy_number(g, GATE_KEY_timeout, POLICY_TIMEOUT_NS);
    struct addrinfo *found = NULL;
    int code, why = ETIMEDOUT;

    host = host != NULL ? host : "localhost";
    buf_printf(&f->limit, "%s:%s listens", host, port);
    code = getaddrinfo(host, port, &hints, &found);
    if (code != 0) {
        return gate_fail(f, "%s: %s", host, gai_strerror(code));
    }
    for (const struct addrinfo *a = found; a != NULL && why != 0; a = a->ai_next) {
        why = try_connect(a, timeout, c->stop);
    }
    freeaddrinfo(found);
    if (c->stop != NULL && *c->stop != 0) {
        return err_raise(HF_EINTERRUPTED, "interrupted");
    }
    buf_printf(&f->value, "%s", why == 0 ? "listens" : "closed");
    return why == 0 ? 0 : gate_fail(f, "could not connect: %s", strerrordesc_np(why));
}
