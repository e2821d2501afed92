/*
 * faultshim.c - makes the n-th call of a kind fail, in a program that knows nothing of it.
 *
 * Preloaded (LD_PRELOAD), it stands between a program with all its libraries and the C library,
 * from the first line of main on. The environment says what it does, and is taken away, so that a
 * child of the program is left alone:
 *
 *     FAULT_CLASS    which calls it is about: a name of the list below
 *     FAULT_AT       the number of the call that fails; 0 or unset: none
 *     FAULT_FOREVER  not empty: and all after it
 *     FAULT_ERRNO    the error, by its name (EIO); for "write" also SHORT: half of it is written
 *     FAULT_REPORT   a file that gets "COUNT NAME" when main returns: how many calls there were,
 * and the function that failed first, or "-"
 *
 * A run in which something fails and that takes longer than a minute is ended by SIGALRM.
 *
 * What goes to standard error always arrives: tests read there what the program has to say. A call
 * of close does close, also when it fails. Functions of the C library that call each other do not
 * come by here; what they allocate does.
 */
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/xattr.h>
#include <unistd.h>

enum class {
    NONE,
    ALLOC,
    OPEN,   /* of what is there */
    CREATE, /* files, folders, links */
    READ,
    WRITE,
    SYNC,
    RENAME, /* and second names */
    UNLINK,
    STAT,
    LIST,
    RESIZE,
    MAP,
    CLOSE,
    META, /* modes, owners, times, attributes: changing them */
    XATTR,
    THREAD,
};

static const char *const class_names[] = {
    [NONE] = "none",     [ALLOC] = "alloc", [OPEN] = "open", [CREATE] = "create",
    [READ] = "read",     [WRITE] = "write", [SYNC] = "sync", [RENAME] = "rename",
    [UNLINK] = "unlink", [STAT] = "stat",   [LIST] = "list", [RESIZE] = "resize",
    [MAP] = "map",       [CLOSE] = "close", [META] = "meta", [XATTR] = "xattr",
    [THREAD] = "thread",
};

#define CLASSES (sizeof class_names / sizeof *class_names)
#define ERRNOS 134
#define SECONDS_AT_MOST 60
#define SHORT (-1)

static bool counting; /* from main on; what follows is only read by then */
static enum class watched;
static unsigned long fail_at;
static bool for_ever;
static int error;
static const char *report;

static atomic_ulong calls[CLASSES];
static _Atomic(const char *) victim; /* the function that failed first */

/* Of a thread: its own function runs. */
static _Thread_local __attribute__((tls_model("initial-exec"))) bool begun;

/* Counts a call; true if it has to fail, with errno set. Not inline: a debugger may stop here. */
static __attribute__((noinline)) bool strikes(enum class kind, const char *name)
{
    const char *nobody = NULL;
    unsigned long number;

    if (!counting || !begun) {
        return false;
    }
    number = atomic_fetch_add(&calls[kind], 1) + 1;
    if (kind != watched || fail_at == 0 || number < fail_at || (number > fail_at && !for_ever)) {
        return false;
    }
    atomic_compare_exchange_strong(&victim, &nobody, name);
    errno = error;
    return true;
}

/* The function that would have been called without us. */
static void *find(const char *name)
{
    void *f = dlsym(RTLD_NEXT, name);

    if (f == NULL) {
        static const char text[] = "faultshim: a function is missing\n";

        (void)syscall(SYS_write, STDERR_FILENO, text, sizeof text - 1);
        _exit(99);
    }
    return f;
}

/* The real function as `next`, looked up once. dlsym gives an object pointer for all. */
#define NEXT(type, name, params)                                                                   \
    static _Atomic(void *) found;                                                                  \
    void *address = atomic_load_explicit(&found, memory_order_relaxed);                            \
    type(*next) params;                                                                            \
    if (address == NULL) {                                                                         \
        address = find(name);                                                                      \
        atomic_store_explicit(&found, address, memory_order_relaxed);                              \
    }                                                                                              \
    memcpy(&next, &address, sizeof next)

/* A function that fails by returning `bad` and setting errno. */
#define CALL(kind, type, bad, name, symbol, params, args)                                          \
    type name params                                                                               \
    {                                                                                              \
        NEXT(type, symbol, params);                                                                \
        return strikes(kind, symbol) ? (bad) : next args;                                          \
    }                                                                                              \
    struct faultshim_needs_a_semicolon

/* --- memory ------------------------------------------------------------------------------------
 */

CALL(ALLOC, void *, NULL, malloc, "malloc", (size_t size), (size));
CALL(ALLOC, void *, NULL, calloc, "calloc", (size_t n, size_t size), (n, size));
CALL(ALLOC, void *, NULL, realloc, "realloc", (void *old, size_t size), (old, size));
CALL(ALLOC, void *, NULL, reallocarray, "reallocarray", (void *old, size_t n, size_t size),
     (old, n, size));
CALL(ALLOC, void *, NULL, aligned_alloc, "aligned_alloc", (size_t to, size_t size), (to, size));
CALL(ALLOC, void *, NULL, memalign, "memalign", (size_t to, size_t size), (to, size));
CALL(ALLOC, int, ENOMEM, posix_memalign, "posix_memalign", (void **out, size_t to, size_t size),
     (out, to, size));

/* --- files -------------------------------------------------------------------------------------
 */

static bool opening_strikes(const char *name, int flags)
{
    return strikes((flags & O_CREAT) != 0 ? CREATE : OPEN, name);
}

/* The mode is there only with the flags that make something of it. */
#define MODE_OF(flags, last)                                                                       \
    mode_t mode = 0;                                                                               \
    if (((flags) & (O_CREAT | O_TMPFILE)) != 0) {                                                  \
        va_list rest;                                                                              \
        va_start(rest, last);                                                                      \
        mode = va_arg(rest, mode_t);                                                               \
        va_end(rest);                                                                              \
    }                                                                                              \
    struct faultshim_needs_a_semicolon

int open(const char *path, int flags, ...)
{
    NEXT(int, "open64", (const char *, int, ...));
    MODE_OF(flags, flags);
    return opening_strikes("open", flags) ? -1 : next(path, flags, mode);
}

int openat(int dir, const char *path, int flags, ...)
{
    NEXT(int, "openat64", (int, const char *, int, ...));
    MODE_OF(flags, flags);
    return opening_strikes("openat", flags) ? -1 : next(dir, path, flags, mode);
}

/* What open becomes where the compiler can't see whether a mode is needed. */
int __open64_2(const char *path, int flags);
CALL(OPEN, int, -1, __open64_2, "__open64_2", (const char *path, int flags), (path, flags));
int __openat64_2(int dir, const char *path, int flags);
CALL(OPEN, int, -1, __openat64_2, "__openat64_2", (int dir, const char *path, int flags),
     (dir, path, flags));

CALL(CREATE, int, -1, mkdir, "mkdir", (const char *path, mode_t mode), (path, mode));
CALL(CREATE, int, -1, mkdirat, "mkdirat", (int dir, const char *path, mode_t mode),
     (dir, path, mode));
CALL(CREATE, int, -1, symlinkat, "symlinkat", (const char *target, int dir, const char *path),
     (target, dir, path));
CALL(CREATE, int, -1, mknodat, "mknodat", (int dir, const char *path, mode_t mode, dev_t device),
     (dir, path, mode, device));

CALL(READ, ssize_t, -1, read, "read", (int fd, void *out, size_t len), (fd, out, len));
CALL(READ, ssize_t, -1, pread, "pread64", (int fd, void *out, size_t len, off_t at),
     (fd, out, len, at));
CALL(READ, ssize_t, -1, readlinkat, "readlinkat",
     (int dir, const char *path, char *out, size_t len), (dir, path, out, len));

/* A write that is not done, or by half. */
ssize_t write(int fd, const void *data, size_t len)
{
    NEXT(ssize_t, "write", (int, const void *, size_t));
    if (fd == STDERR_FILENO || !strikes(WRITE, "write")) {
        return next(fd, data, len);
    }
    return error == SHORT ? next(fd, data, (len + 1) / 2) : -1;
}

ssize_t pwrite(int fd, const void *data, size_t len, off_t at)
{
    NEXT(ssize_t, "pwrite64", (int, const void *, size_t, off_t));
    if (!strikes(WRITE, "pwrite")) {
        return next(fd, data, len, at);
    }
    return error == SHORT ? next(fd, data, (len + 1) / 2, at) : -1;
}

CALL(SYNC, int, -1, fsync, "fsync", (int fd), (fd));
CALL(SYNC, int, -1, fdatasync, "fdatasync", (int fd), (fd));
CALL(SYNC, int, -1, syncfs, "syncfs", (int fd), (fd));

CALL(RENAME, int, -1, renameat, "renameat", (int dir, const char *a, int dir_b, const char *b),
     (dir, a, dir_b, b));
CALL(RENAME, int, -1, renameat2, "renameat2",
     (int dir, const char *a, int dir_b, const char *b, unsigned flags), (dir, a, dir_b, b, flags));
CALL(RENAME, int, -1, linkat, "linkat",
     (int dir, const char *a, int dir_b, const char *b, int flags), (dir, a, dir_b, b, flags));

CALL(UNLINK, int, -1, unlink, "unlink", (const char *path), (path));
CALL(UNLINK, int, -1, unlinkat, "unlinkat", (int dir, const char *path, int flags),
     (dir, path, flags));
CALL(UNLINK, int, -1, rmdir, "rmdir", (const char *path), (path));

CALL(STAT, int, -1, stat, "stat64", (const char *path, struct stat *out), (path, out));
CALL(STAT, int, -1, lstat, "lstat64", (const char *path, struct stat *out), (path, out));
CALL(STAT, int, -1, fstat, "fstat64", (int fd, struct stat *out), (fd, out));
CALL(STAT, int, -1, fstatat, "fstatat64", (int dir, const char *path, struct stat *out, int flags),
     (dir, path, out, flags));
CALL(STAT, int, -1, fstatvfs, "fstatvfs64", (int fd, struct statvfs *out), (fd, out));

CALL(LIST, DIR *, NULL, fdopendir, "fdopendir", (int fd), (fd));
CALL(LIST, struct dirent *, NULL, readdir, "readdir64", (DIR * dir), (dir));

CALL(RESIZE, int, -1, ftruncate, "ftruncate64", (int fd, off_t len), (fd, len));
CALL(RESIZE, int, -1, fallocate, "fallocate64", (int fd, int mode, off_t at, off_t len),
     (fd, mode, at, len));

CALL(MAP, void *, MAP_FAILED, mmap, "mmap64",
     (void *at, size_t len, int protection, int flags, int fd, off_t offset),
     (at, len, protection, flags, fd, offset));

int close(int fd)
{
    NEXT(int, "close", (int));
    bool fails = strikes(CLOSE, "close");
    int rc = next(fd);

    if (fails) {
        errno = error;
        rc = -1;
    }
    return rc;
}

CALL(META, int, -1, fchmod, "fchmod", (int fd, mode_t mode), (fd, mode));
CALL(META, int, -1, fchmodat, "fchmodat", (int dir, const char *path, mode_t mode, int flags),
     (dir, path, mode, flags));
CALL(META, int, -1, fchownat, "fchownat",
     (int dir, const char *path, uid_t uid, gid_t gid, int flags), (dir, path, uid, gid, flags));
CALL(META, int, -1, futimens, "futimens", (int fd, const struct timespec times[2]), (fd, times));
CALL(META, int, -1, utimensat, "utimensat",
     (int dir, const char *path, const struct timespec times[2], int flags),
     (dir, path, times, flags));
CALL(META, int, -1, fsetxattr, "fsetxattr",
     (int fd, const char *name, const void *value, size_t len, int flags),
     (fd, name, value, len, flags));
CALL(META, int, -1, lsetxattr, "lsetxattr",
     (const char *path, const char *name, const void *value, size_t len, int flags),
     (path, name, value, len, flags));

CALL(XATTR, ssize_t, -1, flistxattr, "flistxattr", (int fd, char *out, size_t len), (fd, out, len));
CALL(XATTR, ssize_t, -1, llistxattr, "llistxattr", (const char *path, char *out, size_t len),
     (path, out, len));
CALL(XATTR, ssize_t, -1, fgetxattr, "fgetxattr", (int fd, const char *name, void *out, size_t len),
     (fd, name, out, len));
CALL(XATTR, ssize_t, -1, lgetxattr, "lgetxattr",
     (const char *path, const char *name, void *out, size_t len), (path, name, out, len));

/* A thread that begins: what a sanitizer does in it before its function runs is nobody's affair. */
struct beginning {
    void *(*run)(void *);
    void *context;
};

static void *run_thread(void *context)
{
    struct beginning b = *(struct beginning *)context;

    free(context);
    begun = true;
    return b.run(b.context);
}

int pthread_create(pthread_t *thread, const pthread_attr_t *how, void *(*run)(void *),
                   void *context)
{
    NEXT(int, "pthread_create", (pthread_t *, const pthread_attr_t *, void *(*)(void *), void *));
    struct beginning *b;
    bool mine = begun;
    int rc = strikes(THREAD, "pthread_create") ? EAGAIN : 0;

    if (rc != 0) {
        return rc;
    }
    begun = false;
    b = malloc(sizeof *b);
    begun = mine;
    if (b == NULL) {
        return EAGAIN;
    }
    *b = (struct beginning){ run, context };
    rc = next(thread, how, run_thread, b);
    if (rc != 0) {
        free(b);
    }
    return rc;
}

/* --- from main to its end ----------------------------------------------------------------------
 */

static int (*real_main)(int, char **, char **);

static int error_by_name(const char *name)
{
    if (strcmp(name, "SHORT") == 0) {
        return SHORT;
    }
    for (int i = 1; i < ERRNOS; i++) {
        const char *known = strerrorname_np(i);

        if (known != NULL && strcmp(known, name) == 0) {
            return i;
        }
    }
    return EIO;
}

/* A variable's value, or "", and no child sees it. What it points to stays. */
static const char *take(const char *name)
{
    const char *value = getenv(name);

    unsetenv(name);
    return value != NULL ? value : "";
}

static void read_orders(void)
{
    const char *name = take("FAULT_CLASS");
    enum class kind = NONE;

    fail_at = strtoul(take("FAULT_AT"), NULL, 10);
    for_ever = take("FAULT_FOREVER")[0] != '\0';
    error = error_by_name(take("FAULT_ERRNO"));
    report = take("FAULT_REPORT");
    unsetenv("LD_PRELOAD");
    for (size_t i = 0; i < CLASSES; i++) {
        if (strcmp(name, class_names[i]) == 0) {
            kind = (enum class)i;
        }
    }
    watched = kind;
}

static void write_report(void)
{
    const char *name = atomic_load(&victim);
    int fd = (int)syscall(SYS_openat, AT_FDCWD, report, O_WRONLY | O_CREAT | O_TRUNC, 0644);

    if (fd < 0) {
        return;
    }
    for (size_t i = 1; i < CLASSES; i++) {
        dprintf(fd, "%s %lu\n", class_names[i], atomic_load(&calls[i]));
    }
    dprintf(fd, "failed %s\n", name != NULL ? name : "-");
    (void)syscall(SYS_close, fd);
}

static int observed_main(int argc, char **argv, char **env)
{
    int status;

    read_orders();
    if (fail_at > 0) {
        alarm(SECONDS_AT_MOST);
    }
    counting = true;
    begun = true;
    status = real_main(argc, argv, env);
    counting = false;
    if (report[0] != '\0') {
        write_report();
    }
    return status;
}

int __libc_start_main(int (*main)(int, char **, char **), int argc, char **argv, void (*init)(void),
                      void (*fini)(void), void (*loader_fini)(void), void *stack_end);
int __libc_start_main(int (*main)(int, char **, char **), int argc, char **argv, void (*init)(void),
                      void (*fini)(void), void (*loader_fini)(void), void *stack_end)
{
    NEXT(int, "__libc_start_main",
         (int (*)(int, char **, char **), int, char **, void (*)(void), void (*)(void),
          void (*)(void), void *));
    real_main = main;
    return next(observed_main, argc, argv, init, fini, loader_fini, stack_end);
}
