/*
 * process_find.c - whether a program of some name runs (process.h).
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "io/process.h"

#define KERNEL_NAME_MAX 15u /* the kernel keeps no more of a name */

/* As much as fits, with a NUL behind it; empty if it is gone or not ours to see. */
static void read_text(const char *pid, const char *what, char *out, size_t size)
{
    char path[300];
    ssize_t n = -1;
    int fd;

    (void)snprintf(path, sizeof path, "/proc/%s/%s", pid, what);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd >= 0) {
        n = read(fd, out, size - 1);
        close(fd);
    }
    out[n > 0 ? n : 0] = '\0';
}

static const char *last_part(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash != NULL ? slash + 1 : path;
}

/*
 * Kernel threads, and what has ended, have no arguments. Where the kernel has cut a name off, the
 * first argument, or that of an interpreter, may have all of it, and then decides.
 */
static bool is_called(const char *pid, const char *name)
{
    char arguments[4096] = "", own[KERNEL_NAME_MAX + 2];
    const char *first, *second;

    read_text(pid, "cmdline", arguments, sizeof arguments - 1);
    if (arguments[0] == '\0') {
        return false;
    }
    first = last_part(arguments);
    if (strcmp(first, name) == 0) {
        return true;
    }
    read_text(pid, "comm", own, sizeof own);
    own[strcspn(own, "\n")] = '\0';
    if (own[0] == '\0' || strncmp(own, name, KERNEL_NAME_MAX) != 0) {
        return false;
    }
    second = last_part(arguments + strlen(arguments) + 1);
    return strlen(own) < KERNEL_NAME_MAX || strcmp(second, name) == 0 ||
           (strncmp(first, own, KERNEL_NAME_MAX) != 0 &&
            strncmp(second, own, KERNEL_NAME_MAX) != 0);
}

int process_find(const char *name, size_t *out_count)
{
    DIR *d = opendir("/proc");
    const struct dirent *e;
    char self[24];

    *out_count = 0;
    if (d == NULL) {
        return err_os(errno, "could not look for processes in /proc");
    }
    (void)snprintf(self, sizeof self, "%ld", (long)getpid());
    while ((e = readdir(d)) != NULL) {
        if (e->d_name[0] >= '0' && e->d_name[0] <= '9' && strcmp(e->d_name, self) != 0 &&
            is_called(e->d_name, name)) {
            ++*out_count;
        }
    }
    closedir(d);
    return 0;
}
