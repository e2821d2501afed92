/*
 * faultshim.c - makes the n-th call of a kind fail, in a program that knows nothing of it.
 *
 * Preloaded (LD_PRELOAD), it stands between a program with all its libraries and the C library,
 * from the first line of main on. FAULT_SERVE names a folder; each line of standard input
 *
 *     CLASS ERROR once|ever NUMBER
 *
 * asks for one run of main there, in which the call of that number among those of the class fails,
 * or it and all after it. A class is a name of the list below; an error is EIO or the like, or for
 * "write" SHORT: half of it is written. Number 0: nothing fails. The run's output goes to the files
 * out and err of the folder in which the program was started. Each line is answered by
 *
 *     STATUS FUNCTION SITE PICTURE COUNT...
 *
 * which is the exit status as a shell has it; the function that failed first; where the last one
 * that failed was called ("library:function<library+0x1234<..", inner ones first), or "- -" if none
 * failed; a number that is the same as long as the folder is, with all that is in it; and how many
 * calls of each class there were. Every run is a process forked where main begins: what loading the
 * program costs, often more than all that it does, is spent once. A child of the program is left
 * alone. A run that takes longer than a minute is ended by SIGALRM.
 *
 * With the class "look" nothing is run: PICTURE is that of the folder as it is.
 *
 * With the class "record" nothing fails, and the file allocations gets a line for each allocation:
 * "own own", or "HASH first" or "HASH again" if it was made within OpenSSL. HASH is of the place of
 * the program that called OpenSSL, and of all that was allocated since: how much, and by which way
 * through OpenSSL. Where two runs have the same, OpenSSL was asked the same and has come the same
 * way. "first": the program comes to OpenSSL, from main on, as it did not before.
 *
 * What goes to standard error always arrives: tests read there what the program has to say. A call
 * of close does close, also when it fails. Functions of the C library that call each other do not
 * come by here; what they allocate does.
 */
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <ftw.h>
#include <link.h>
#include <malloc.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/wait.h>
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
    RECORD, /* of no call: an order, */
    LOOK,   /* as is this */
};

static const char *const class_names[] = {
    [NONE] = "none",     [ALLOC] = "alloc",   [OPEN] = "open", [CREATE] = "create",
    [READ] = "read",     [WRITE] = "write",   [SYNC] = "sync", [RENAME] = "rename",
    [UNLINK] = "unlink", [STAT] = "stat",     [LIST] = "list", [RESIZE] = "resize",
    [MAP] = "map",       [CLOSE] = "close",   [META] = "meta", [XATTR] = "xattr",
    [THREAD] = "thread", [RECORD] = "record", [LOOK] = "look",
};

#define CLASSES RECORD /* that are counted, and NONE */
#define ERRNOS 134
#define SECONDS_AT_MOST 60
#define SHORT (-1)
#define ORDER_BYTES 80
#define SERVING_FAILED 99
#define FRAMES 40
#define SITES 6
#define FOLDERS_OPEN 20
#define SMALL_BYTES 1024
#define RECORDED (1u << 18)
#define WAYS (1u << 14) /* more than twice as many as there are */

static bool counting; /* from main on; what follows is only read by then */
static enum class watched;
static unsigned long fail_at;
static bool for_ever;
static int error;

struct allocation {
    uint64_t hash; /* 0: not within OpenSSL */
    bool first;
};

/* Shared with the run, so that what a crashed one did is known. */
static struct tally {
    atomic_ulong calls[CLASSES];
    _Atomic(const char *) victim; /* the function that failed first */
    void *frames[FRAMES];         /* of the last one */
    int depth;
    struct allocation allocations[RECORDED];
} * tally;

#define OF_THREAD static _Thread_local __attribute__((tls_model("initial-exec")))

OF_THREAD bool begun; /* its own function runs */

/* --- where allocations are made ----------------------------------------------------------------
 */

static uintptr_t program, openssl_begin, openssl_end;

static int note_object(struct dl_phdr_info *object, size_t size, void *unused)
{
    (void)size;
    (void)unused;
    if (object->dlpi_name[0] == '\0' && program == 0) {
        program = object->dlpi_addr;
    }
    if (strstr(object->dlpi_name, "/libcrypto.so") == NULL) {
        return 0;
    }
    openssl_begin = object->dlpi_addr;
    for (size_t i = 0; i < object->dlpi_phnum; i++) {
        const ElfW(Phdr) *part = &object->dlpi_phdr[i];

        if (part->p_type == PT_LOAD &&
            openssl_end < openssl_begin + part->p_vaddr + part->p_memsz) {
            openssl_end = openssl_begin + part->p_vaddr + part->p_memsz;
        }
    }
    return 0;
}

static uint64_t mix(uint64_t hash, uint64_t value)
{
    hash = (hash ^ value) * UINT64_C(0x9e3779b97f4a7c15);
    return hash ^ (hash >> 29);
}

struct way {
    uint64_t within; /* OpenSSL, from the call of it on; 0: not there */
    uint64_t to;     /* OpenSSL, from main on */
    uintptr_t from;  /* the place of the program that called OpenSSL */
};

static struct way find_way(void)
{
    void *frames[FRAMES];
    int depth = backtrace(frames, FRAMES);
    struct way way = { 0 };

    for (int i = 0; i < depth; i++) {
        uintptr_t at = (uintptr_t)frames[i];

        if (at >= openssl_begin && at < openssl_end) {
            way.within = mix(way.within, at - openssl_begin + 1);
            way.from = i + 1 < depth ? (uintptr_t)frames[i + 1] - program : 0;
        } else {
            way.to = mix(way.to, at);
        }
    }
    return way;
}

/* True once for each way. */
static bool is_new(uint64_t way)
{
    static uint64_t ways[WAYS];
    size_t i = way % WAYS;

    while (ways[i] != 0 && ways[i] != way) {
        i = (i + 1) % WAYS;
    }
    if (ways[i] == way) {
        return false;
    }
    ways[i] = way;
    return true;
}

static void record(unsigned long number, size_t size)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    OF_THREAD uintptr_t from; /* the call of OpenSSL that goes on, */
    OF_THREAD uint64_t since; /* and what was allocated in it */
    struct way way = find_way();

    if (way.within == 0 || number > RECORDED) {
        return;
    }
    since = mix(mix(way.from == from ? since : way.from, way.within), size);
    from = way.from;
    pthread_mutex_lock(&lock);
    tally->allocations[number - 1] = (struct allocation){ since, is_new(way.to) };
    pthread_mutex_unlock(&lock);
}

/* --- which call fails --------------------------------------------------------------------------
 */

static void note_victim(const char *name)
{
    const char *nobody = NULL;

    atomic_compare_exchange_strong(&tally->victim, &nobody, name);
    tally->depth = backtrace(tally->frames, FRAMES);
}

/* Counts a call; true if it has to fail, with errno set. Not inline: a debugger may stop here. */
static __attribute__((noinline)) bool strikes(enum class kind, const char *name)
{
    unsigned long number;

    if (!counting || !begun) {
        return false;
    }
    number = atomic_fetch_add(&tally->calls[kind], 1) + 1;
    if (kind != watched || fail_at == 0 || number < fail_at || (number > fail_at && !for_ever)) {
        return false;
    }
    note_victim(name);
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
        _exit(SERVING_FAILED);
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

static bool allocating_strikes(const char *name, size_t size)
{
    if (watched == RECORD && counting && begun) {
        record(atomic_fetch_add(&tally->calls[ALLOC], 1) + 1, size);
        return false;
    }
    return strikes(ALLOC, name);
}

#define ALLOCATE(type, bad, name, size, params, args)                                              \
    type name params                                                                               \
    {                                                                                              \
        NEXT(type, #name, params);                                                                 \
        return allocating_strikes(#name, size) ? (bad) : next args;                                \
    }                                                                                              \
    struct faultshim_needs_a_semicolon

ALLOCATE(void *, NULL, malloc, len, (size_t len), (len));
ALLOCATE(void *, NULL, calloc, n *len, (size_t n, size_t len), (n, len));
ALLOCATE(void *, NULL, realloc, len, (void *old, size_t len), (old, len));
ALLOCATE(void *, NULL, reallocarray, n *len, (void *old, size_t n, size_t len), (old, n, len));
ALLOCATE(void *, NULL, aligned_alloc, len, (size_t to, size_t len), (to, len));
ALLOCATE(void *, NULL, memalign, len, (size_t to, size_t len), (to, len));
ALLOCATE(int, ENOMEM, posix_memalign, len, (void **out, size_t to, size_t len), (out, to, len));

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

static int class_by_name(const char *name)
{
    for (int i = 0; i <= LOOK; i++) {
        if (strcmp(name, class_names[i]) == 0) {
            return i;
        }
    }
    return NONE;
}

/* Reads a line, which comes as one: whoever writes it waits for the answer. */
static bool read_order(void)
{
    char line[ORDER_BYTES], class_name[16], error_name[16], mode[8];
    ssize_t got = read(STDIN_FILENO, line, sizeof line - 1);

    if (got <= 0) {
        return false;
    }
    line[got] = '\0';
    if (sscanf(line, "%15s %15s %7s %lu", class_name, error_name, mode, &fail_at) != 4) {
        return false;
    }
    watched = (enum class)class_by_name(class_name);
    error = error_by_name(error_name);
    for_ever = strcmp(mode, "ever") == 0;
    return true;
}

/* The inner functions that led to the last failure, without our own. */
static void print_site(void)
{
    const char *between = "";
    int printed = 0;
    Dl_info at;

    for (int i = 0; i < tally->depth && printed < SITES; i++) {
        const char *slash;

        if (dladdr(tally->frames[i], &at) == 0 || strstr(at.dli_fname, "faultshim") != NULL) {
            continue;
        }
        slash = strrchr(at.dli_fname, '/');
        dprintf(STDOUT_FILENO, "%s%s", between, slash != NULL ? slash + 1 : at.dli_fname);
        if (at.dli_sname != NULL) {
            dprintf(STDOUT_FILENO, ":%s", at.dli_sname);
        } else {
            dprintf(STDOUT_FILENO, "+%#tx", (char *)tally->frames[i] - (char *)at.dli_fbase);
        }
        between = "<";
        printed++;
    }
    dprintf(STDOUT_FILENO, "%s", printed == 0 ? "-" : "");
}

static uint64_t picture;

/*
 * A folder's times are no part of it: a file may have come and gone in it. Those of a file are; but
 * clocks are coarse, so what is small, and might be written over, is read as well.
 */
static int add_to_picture(const char *path, const struct stat *st, int kind, struct FTW *where)
{
    char content[SMALL_BYTES];
    ssize_t len = 0;
    uint64_t hash = mix(0, st->st_mode);
    int fd;

    (void)kind;
    (void)where;
    for (const char *c = path; *c != '\0'; c++) {
        hash = mix(hash, (unsigned char)*c);
    }
    if (!S_ISDIR(st->st_mode)) {
        hash = mix(mix(hash, st->st_ino), (uint64_t)st->st_size);
        hash = mix(mix(hash, (uint64_t)st->st_ctim.tv_sec), (uint64_t)st->st_ctim.tv_nsec);
    }
    if (S_ISREG(st->st_mode) && st->st_size <= SMALL_BYTES) {
        fd = open(path, O_RDONLY);
        len = fd >= 0 ? read(fd, content, sizeof content) : 0;
        close(fd);
    }
    for (ssize_t i = 0; i < len; i++) {
        hash = mix(hash, (unsigned char)content[i]);
    }
    picture += hash; /* in whatever order they come */
    return 0;
}

static bool answer(const char *place, int status)
{
    const char *name = atomic_load(&tally->victim);

    dprintf(STDOUT_FILENO, "%d %s ",
            WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status),
            name != NULL ? name : "-");
    print_site();
    picture = 0;
    nftw(place, add_to_picture, FOLDERS_OPEN, FTW_PHYS);
    dprintf(STDOUT_FILENO, " %016lx", picture);
    for (size_t i = 1; i < CLASSES; i++) {
        dprintf(STDOUT_FILENO, " %lu", atomic_load(&tally->calls[i]));
    }
    return dprintf(STDOUT_FILENO, "\n") == 1;
}

static bool write_allocations(void)
{
    unsigned long count = atomic_load(&tally->calls[ALLOC]);
    FILE *file = fopen("allocations", "w");

    if (file == NULL) {
        return false;
    }
    for (unsigned long i = 0; i < count && i < RECORDED; i++) {
        const struct allocation *a = &tally->allocations[i];

        if (a->hash == 0) {
            fputs("own own\n", file);
        } else {
            fprintf(file, "%016lx %s\n", a->hash, a->first ? "first" : "again");
        }
    }
    return fclose(file) == 0;
}

static bool redirect(int fd, const char *path, int flags)
{
    int opened = open(path, flags, 0644);

    return opened >= 0 && dup2(opened, fd) == fd && close(opened) == 0;
}

static bool enter(const char *place)
{
    return redirect(STDIN_FILENO, "/dev/null", O_RDONLY) &&
           redirect(STDOUT_FILENO, "out", O_WRONLY | O_CREAT | O_TRUNC) &&
           redirect(STDERR_FILENO, "err", O_WRONLY | O_CREAT | O_TRUNC) && chdir(place) == 0;
}

/* True in every run, of which the order is known; false in the end. */
static bool serve(const char *place)
{
    while (read_order()) {
        int status = 0;
        pid_t pid;

        memset(tally, 0, offsetof(struct tally, allocations));
        if (watched == LOOK) {
            answer(place, status);
            continue;
        }
        pid = fork();
        if (pid == 0) {
            if (!enter(place)) {
                _exit(SERVING_FAILED);
            }
            return true;
        }
        if (pid < 0 || waitpid(pid, &status, 0) != pid ||
            (watched == RECORD && !write_allocations()) || !answer(place, status)) {
            break;
        }
    }
    return false;
}

static int observed_main(int argc, char **argv, char **env)
{
    const char *place = getenv("FAULT_SERVE");
    void *frame;
    int status;

    unsetenv("LD_PRELOAD");
    unsetenv("FAULT_SERVE");
    tally = mmap(NULL, sizeof *tally, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (place == NULL || tally == MAP_FAILED) {
        return SERVING_FAILED;
    }
    dl_iterate_phdr(note_object, NULL);
    backtrace(&frame, 1); /* which loads what it needs */
    if (!serve(place)) {
        return 0;
    }
    alarm(SECONDS_AT_MOST);
    counting = true;
    begun = true;
    status = real_main(argc, argv, env);
    counting = false;
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
