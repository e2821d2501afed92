/*
 * measure.c - runs a command and says what it took; makes the machine ready for that first.
 *
 *   measure run FILE COMMAND...  what it took goes into FILE: wall, user and system seconds, peak
 * of resident memory in KiB (of the largest process), exit status measure touch LEAVE MOST fills
 * free memory but LEAVE MiB, at most MOST MiB, and gives it back: a virtual machine pays for a page
 * when it is first touched measure warm PATH...         reads all files below
 *
 * A program of its own because a peak of memory begins with that of whoever forks.
 */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { MIB = 1 << 20, PIECE_MIB = 64, OPEN_FOLDERS = 64 };

static int fail(const char *what)
{
    fprintf(stderr, "measure: %s: %s\n", what, strerror(errno));
    return 1;
}

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double seconds(struct timeval t)
{
    return (double)t.tv_sec + (double)t.tv_usec / 1e6;
}

static int run(const char *report, char **command)
{
    double begin = now();
    struct rusage usage;
    double wall;
    int status;
    FILE *out;
    pid_t child = fork();

    if (child < 0) {
        return fail("fork");
    }
    if (child == 0) {
        execvp(command[0], command);
        _exit(fail(command[0]) + 126);
    }
    if (wait4(child, &status, 0, &usage) != child) {
        return fail("wait4");
    }
    wall = now() - begin;
    status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    out = fopen(report, "we");
    if (out == NULL) {
        return fail(report);
    }
    fprintf(out, "%.6f %.6f %.6f %ld %d\n", wall, seconds(usage.ru_utime), seconds(usage.ru_stime),
            usage.ru_maxrss, status);
    return fclose(out) == 0 ? 0 : fail(report);
}

/* MemFree: what nobody uses, not even as a cache; that is left alone. */
static uint64_t free_mib(void)
{
    FILE *f = fopen("/proc/meminfo", "re");
    char line[128];
    uint64_t kib = 0;

    while (f != NULL && fgets(line, sizeof(line), f) != NULL) {
        if (strncmp(line, "MemFree:", 8) == 0) {
            kib = strtoull(line + 8, NULL, 10);
        }
    }
    if (f != NULL) {
        fclose(f);
    }
    return kib / 1024;
}

static int touch(uint64_t leave, uint64_t most)
{
    uint64_t mib = free_mib();

    mib = mib > leave ? mib - leave : 0;
    mib = mib > most ? most : mib;
    for (; mib >= PIECE_MIB; mib -= PIECE_MIB) {
        size_t bytes = (size_t)PIECE_MIB * MIB;

        /* Populating means clearing each page, which is what touches it. */
        if (mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE,
                 -1, 0) == MAP_FAILED) {
            return fail("mmap");
        }
    }
    return 0;
}

static int warm_file(const char *path, const struct stat *st, int type, struct FTW *where)
{
    static char buffer[MIB];
    int fd;

    (void)where;
    if (type != FTW_F || !S_ISREG(st->st_mode)) {
        return 0;
    }
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return fail(path);
    }
    while (read(fd, buffer, sizeof(buffer)) > 0) {
    }
    close(fd);
    return 0;
}

static int warm(char **paths)
{
    for (; *paths != NULL; paths++) {
        if (nftw(*paths, warm_file, OPEN_FOLDERS, FTW_PHYS) != 0) {
            return fail(*paths);
        }
    }
    return 0;
}

int main(int argc, char **argv)
{
    const char *deed = argc > 2 ? argv[1] : "";

    if (strcmp(deed, "run") == 0 && argc > 3) {
        return run(argv[2], argv + 3);
    }
    if (strcmp(deed, "touch") == 0 && argc == 4) {
        return touch(strtoull(argv[2], NULL, 10), strtoull(argv[3], NULL, 10));
    }
    if (strcmp(deed, "warm") == 0) {
        return warm(argv + 2);
    }
    fprintf(stderr, "usage: measure run FILE COMMAND... | touch LEAVE MOST | warm PATH...\n");
    return 2;
}
