/*
 * realtree.c - see realtree.h.
 */
#include "harness/realtree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/fs.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/rnd.h"
#include "harness/simmem.h"

/* ---- content ---- */

void realtree_content(uint64_t seed, void *out, size_t len)
{
    struct rnd r;
    uint8_t *p = out;
    rnd_init_seeded(&r, seed);
    if (seed % 3 == 0) {
        (void)rnd_bytes(&r, p, len);
        return;
    }
    for (size_t i = 0; i < len;) { /* words of a small vocabulary, in any order */
        char word[24];
        int n = snprintf(word, sizeof(word), "%s%llu ", seed % 3 == 1 ? "line of text " : "x",
                         (unsigned long long)rnd_below(&r, 5000));
        size_t take = (size_t)n < len - i ? (size_t)n : len - i;
        memcpy(p + i, word, take);
        i += take;
    }
}

void realtree_write(const char *path, const void *data, size_t len)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    if (fd < 0 || write(fd, data, len) != (ssize_t)len || close(fd) != 0) {
        simmem_die("realtree: could not write %s: %s", path, strerror(errno));
    }
}

/* ---- making ---- */

struct maker {
    struct rnd rnd;
    char **dirs; /* made so far */
    size_t dir_count, dir_cap;
    char **files;
    size_t file_count, file_cap;
    size_t made;
};

static void remember(char ***list, size_t *count, size_t *cap, const char *path)
{
    simmem_grow(list, cap, *count + 1, sizeof(char *));
    (*list)[(*count)++] = simmem_strdup(path);
}

static const char *const odd_names[] = {
    "new\nline", "\xff\xfe not utf-8", " blank ", "-rf", "a\tb", "\"quotes'", "*", "z\x01", "ünï",
};

static char *new_name(struct maker *m, const char *dir)
{
    char longest[256];
    switch (rnd_below(&m->rnd, 12)) {
    case 0:
        return simmem_printf("%s/%s%zu", dir,
                             odd_names[rnd_below(&m->rnd, sizeof(odd_names) / sizeof(char *))],
                             m->made);
    case 1:
        memset(longest, 'a' + (int)rnd_below(&m->rnd, 26), 240);
        longest[240] = '\0';
        return simmem_printf("%s/%s%zu", dir, longest, m->made);
    default:
        return simmem_printf("%s/f%zu", dir, m->made);
    }
}

static size_t some_size(struct maker *m)
{
    switch (rnd_below(&m->rnd, 10)) {
    case 0:
        return 0;
    case 1:
        return (size_t)rnd_below(&m->rnd, 3u << 20);
    case 2:
    case 3:
        return (size_t)rnd_below(&m->rnd, 200u << 10);
    default:
        return (size_t)rnd_below(&m->rnd, 9000);
    }
}

static void make_file(struct maker *m, const char *path)
{
    size_t len = some_size(m);
    uint8_t *data = simmem_alloc(len + 1);
    if (rnd_below(&m->rnd, 8) != 0) { /* else all zeros */
        realtree_content(rnd_u64(&m->rnd), data, len);
    }
    realtree_write(path, data, len);
    simmem_free(data);
    remember(&m->files, &m->file_count, &m->file_cap, path);
}

static void make_sparse(struct maker *m, const char *path)
{
    uint8_t data[5000];
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
    uint64_t size = 64u << 10;
    for (uint64_t i = rnd_below(&m->rnd, 4); i > 0; i--) {
        realtree_content(rnd_u64(&m->rnd), data, sizeof(data));
        size += rnd_below(&m->rnd, 2u << 20) & ~4095ull;
        if (pwrite(fd, data, sizeof(data), (off_t)size) < 0) {
            simmem_die("realtree: could not write %s", path);
        }
        size += sizeof(data);
    }
    if (rnd_below(&m->rnd, 2) == 0) {
        size += 1u << 20; /* a hole at the end */
    }
    if (ftruncate(fd, (off_t)size) != 0 || close(fd) != 0) {
        simmem_die("realtree: could not write %s", path);
    }
    remember(&m->files, &m->file_count, &m->file_cap, path);
}

static void make_special(struct maker *m, const char *path)
{
    switch (rnd_below(&m->rnd, 4)) {
    case 0:
        if (geteuid() == 0 && mknod(path, S_IFCHR | 0640, makedev(1, 3)) == 0) {
            return;
        }
        break;
    case 1:
        if (geteuid() == 0 && mknod(path, S_IFBLK | 0600, makedev(7, 200)) == 0) {
            return;
        }
        break;
    case 2:
        if (mknod(path, S_IFSOCK | 0755, 0) == 0) {
            return;
        }
        break;
    default:
        break;
    }
    if (mkfifo(path, 0620) != 0) {
        simmem_die("realtree: could not make %s: %s", path, strerror(errno));
    }
}

static int64_t some_time(struct maker *m)
{
    switch (rnd_below(&m->rnd, 8)) {
    case 0:
        return -(int64_t)rnd_below(&m->rnd, 4000000000000000000ull); /* back to 1843 */
    case 1:
        return (int64_t)(7000000000ull + rnd_below(&m->rnd, 2000000000ull)) * 1000000000 + 7;
    default:
        return (int64_t)rnd_below(&m->rnd, 1700000000000000000ull);
    }
}

static void set_xattrs(struct maker *m, const char *path)
{
    uint8_t value[3000];
    size_t len = rnd_below(&m->rnd, 4) == 0 ? sizeof(value) : (size_t)rnd_below(&m->rnd, 40);
    realtree_content(rnd_u64(&m->rnd), value, sizeof(value));
    (void)setxattr(path, "user.one", value, len, 0);
    (void)setxattr(path, "user.two", "2", 1, 0);
    if (geteuid() == 0) {
        (void)lsetxattr(path, "trusted.three",
                        "3\0"
                        "3",
                        3, 0);
    }
}

static void set_flags(const char *path)
{
    int fd = open(path, O_RDONLY);
    int flags = 0;
    if (fd >= 0 && ioctl(fd, FS_IOC_GETFLAGS, &flags) == 0) {
        flags |= FS_NODUMP_FL;
        (void)ioctl(fd, FS_IOC_SETFLAGS, &flags);
    }
    close(fd);
}

/* Owner, mode, xattrs, time: at random. */
static void dress(struct maker *m, const char *path)
{
    struct stat st;
    if (lstat(path, &st) != 0) {
        simmem_die("realtree: %s is not there", path);
    }
    if (geteuid() == 0 && rnd_below(&m->rnd, 3) == 0) {
        if (lchown(path, (uid_t)rnd_below(&m->rnd, 3000), (gid_t)rnd_below(&m->rnd, 3000)) != 0) {
            errno = 0; /* not allowed to an ordinary user */
        }
    }
    if (!S_ISLNK(st.st_mode) && rnd_below(&m->rnd, 2) == 0) {
        static const mode_t modes[] = { 0400, 0755, 04755, 02711, 01777, 0, 06600, 0644 };
        mode_t mode = modes[rnd_below(&m->rnd, sizeof(modes) / sizeof(modes[0]))];
        chmod(path, geteuid() == 0 ? mode : mode | 0700);
    }
    if (!S_ISLNK(st.st_mode) && rnd_below(&m->rnd, 5) == 0) {
        set_xattrs(m, path);
    }
    if ((S_ISREG(st.st_mode) || S_ISDIR(st.st_mode)) && rnd_below(&m->rnd, 10) == 0) {
        set_flags(path);
    }
    int64_t ns = some_time(m);
    int64_t s = ns / 1000000000 - (ns % 1000000000 < 0 ? 1 : 0);
    struct timespec times[2] = { { .tv_nsec = UTIME_OMIT },
                                 { .tv_sec = s, .tv_nsec = ns - s * 1000000000 } };
    (void)utimensat(AT_FDCWD, path, times, AT_SYMLINK_NOFOLLOW);
}

static void make_thing(struct maker *m, const char *dir)
{
    char *path = new_name(m, dir);
    m->made++;
    switch (rnd_below(&m->rnd, 20)) {
    case 0:
    case 1:
    case 2:
        mkdir(path, 0755);
        remember(&m->dirs, &m->dir_count, &m->dir_cap, path);
        break;
    case 3:
        (void)!symlink(m->made % 2 == 0 ? "/etc/passwd" : "../somewhere/else \n", path);
        dress(m, path);
        break;
    case 4:
        make_special(m, path);
        dress(m, path);
        break;
    case 5:
        make_sparse(m, path);
        break;
    case 6:
    case 7:
        if (m->file_count > 0) {
            const char *old = m->files[rnd_below(&m->rnd, m->file_count)];
            if (link(old, path) == 0) {
                break;
            }
        }
        make_file(m, path);
        break;
    default:
        make_file(m, path);
        break;
    }
    simmem_free(path);
}

static void free_maker(struct maker *m)
{
    for (size_t i = 0; i < m->dir_count; i++) {
        simmem_free(m->dirs[i]);
    }
    for (size_t i = 0; i < m->file_count; i++) {
        simmem_free(m->files[i]);
    }
    simmem_free(m->dirs);
    simmem_free(m->files);
}

void realtree_fill(const char *dir, uint64_t seed, size_t things)
{
    struct maker m = { 0 };
    rnd_init_seeded(&m.rnd, seed);
    m.made = (size_t)(seed % 1000) * 1000000;
    remember(&m.dirs, &m.dir_count, &m.dir_cap, dir);
    for (size_t i = 0; i < things; i++) {
        make_thing(&m, m.dirs[rnd_below(&m.rnd, m.dir_count)]);
    }
    for (size_t i = 0; i < m.file_count; i++) {
        dress(&m, m.files[i]);
    }
    for (size_t i = m.dir_count; i-- > 0;) {
        dress(&m, m.dirs[i]); /* the deepest first: what they are in is still accessible */
    }
    free_maker(&m);
}

/* ---- listing ---- */

struct names {
    char **list;
    size_t count, cap;
};

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void read_names(const char *dir, struct names *out)
{
    DIR *d = opendir(dir);
    if (d == NULL) {
        simmem_die("realtree: could not list %s: %s", dir, strerror(errno));
    }
    for (const struct dirent *e = readdir(d); e != NULL; e = readdir(d)) {
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0) {
            remember(&out->list, &out->count, &out->cap, e->d_name);
        }
    }
    closedir(d);
    if (out->count > 1) {
        qsort(out->list, out->count, sizeof(char *), by_text);
    }
}

static void free_names(struct names *n)
{
    for (size_t i = 0; i < n->count; i++) {
        simmem_free(n->list[i]);
    }
    simmem_free(n->list);
}

static void clear_flags(const char *path)
{
    int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
    int flags = 0;
    if (fd >= 0 && ioctl(fd, FS_IOC_GETFLAGS, &flags) == 0 &&
        (flags & (FS_IMMUTABLE_FL | FS_APPEND_FL)) != 0) {
        flags &= ~(FS_IMMUTABLE_FL | FS_APPEND_FL);
        (void)ioctl(fd, FS_IOC_SETFLAGS, &flags);
    }
    close(fd);
}

void realtree_remove(const char *dir)
{
    struct stat st;
    if (lstat(dir, &st) != 0) {
        return;
    }
    if (S_ISREG(st.st_mode) || S_ISDIR(st.st_mode)) {
        clear_flags(dir);
    }
    if (!S_ISDIR(st.st_mode)) {
        unlink(dir);
        return;
    }
    struct names names = { 0 };
    chmod(dir, 0700);
    read_names(dir, &names);
    for (size_t i = 0; i < names.count; i++) {
        char *path = simmem_join(dir, names.list[i]);
        realtree_remove(path);
        simmem_free(path);
    }
    free_names(&names);
    rmdir(dir);
}

/* ---- changing ---- */

static void change_file(struct maker *m, const char *path)
{
    char *other = NULL;
    struct stat st;
    uint8_t data[300];
    realtree_content(rnd_u64(&m->rnd), data, sizeof(data));
    chmod(path, 0600);
    int fd = open(path, O_RDWR);
    if (fd < 0 || fstat(fd, &st) != 0) {
        simmem_die("realtree: could not open %s", path);
    }
    switch (rnd_below(&m->rnd, 6)) {
    case 0:
        (void)!pwrite(fd, data, sizeof(data), (off_t)rnd_below(&m->rnd, (uint64_t)st.st_size + 1));
        break;
    case 1:
        (void)!pwrite(fd, data, sizeof(data), st.st_size);
        break;
    case 2:
        (void)!ftruncate(fd, (off_t)rnd_below(&m->rnd, (uint64_t)st.st_size + 1));
        break;
    case 3:
        unlink(path);
        break;
    case 4:
        unlink(path);
        mkdir(path, 0750);
        break;
    default:
        other = simmem_printf("%s.moved", path);
        (void)!rename(path, other);
        simmem_free(other);
        break;
    }
    close(fd);
}

static void change_below(struct maker *m, const char *dir)
{
    struct names names = { 0 };
    struct stat st;
    chmod(dir, 0755);
    read_names(dir, &names);
    for (size_t i = 0; i < names.count; i++) {
        char *path = simmem_join(dir, names.list[i]);
        if (lstat(path, &st) != 0) {
            continue;
        }
        if (S_ISDIR(st.st_mode)) {
            if (rnd_below(&m->rnd, 12) == 0) {
                realtree_remove(path);
                realtree_write(path, "a file now", 10);
            } else {
                change_below(m, path);
            }
        } else if (rnd_below(&m->rnd, 5) == 0) {
            if (S_ISREG(st.st_mode)) {
                change_file(m, path);
            } else {
                unlink(path);
            }
        } else if (rnd_below(&m->rnd, 6) == 0) {
            dress(m, path);
        }
        simmem_free(path);
    }
    free_names(&names);
    if (rnd_below(&m->rnd, 3) == 0) {
        make_thing(m, dir);
    }
}

void realtree_change(const char *dir, uint64_t seed)
{
    struct maker m = { 0 };
    rnd_init_seeded(&m.rnd, seed);
    m.made = (size_t)(seed % 1000) * 1000000 + 500000;
    change_below(&m, dir);
    free_maker(&m);
}

/* ---- comparing ---- */

struct pair {
    uint64_t a, b; /* inode numbers that stand for each other */
};

struct compare {
    unsigned ignore;
    struct pair *pairs;
    size_t pair_count, pair_cap;
    char *out;
    size_t out_max;
};

static int differ(struct compare *c, const char *path, const char *what)
{
    snprintf(c->out, c->out_max, "%s: %s", path, what);
    return 1;
}

static int compare_content(struct compare *c, const char *a, const char *b)
{
    static uint8_t x[64 << 10];
    static uint8_t y[64 << 10];
    int fa = open(a, O_RDONLY);
    int fb = open(b, O_RDONLY);
    int rc = fa < 0 || fb < 0 ? differ(c, a, "can't be opened") : 0;
    while (rc == 0) {
        ssize_t n = read(fa, x, sizeof(x));
        ssize_t k = read(fb, y, sizeof(y));
        if (n != k || n < 0 || memcmp(x, y, (size_t)n) != 0) {
            rc = differ(c, a, "content");
        }
        if (n <= 0) {
            break;
        }
    }
    int flags_a = 0;
    int flags_b = 0;
    if (rc == 0 && ioctl(fa, FS_IOC_GETFLAGS, &flags_a) == 0 &&
        ioctl(fb, FS_IOC_GETFLAGS, &flags_b) == 0 &&
        ((flags_a ^ flags_b) & (FS_NODUMP_FL | FS_IMMUTABLE_FL | FS_APPEND_FL)) != 0) {
        rc = differ(c, a, "flags");
    }
    close(fa);
    close(fb);
    return rc;
}

static int compare_xattrs(struct compare *c, const char *a, const char *b)
{
    char list_a[4096], list_b[4096], value_a[4096], value_b[4096];
    ssize_t n = llistxattr(a, list_a, sizeof(list_a));
    ssize_t k = llistxattr(b, list_b, sizeof(list_b));
    if (n < 0 || k < 0) {
        return n == k ? 0 : differ(c, a, "xattrs can't be listed");
    }
    if (n != k) {
        return differ(c, a, "xattrs");
    }
    for (char *name = list_a; name < list_a + n; name += strlen(name) + 1) {
        ssize_t x = lgetxattr(a, name, value_a, sizeof(value_a));
        ssize_t y = lgetxattr(b, name, value_b, sizeof(value_b));
        if (x != y || x < 0 || memcmp(value_a, value_b, (size_t)x) != 0) {
            return differ(c, a, name);
        }
    }
    return 0;
}

static int compare_links(struct compare *c, const char *path, const struct stat *a,
                         const struct stat *b)
{
    if (S_ISDIR(a->st_mode) || (a->st_nlink == 1 && b->st_nlink == 1)) {
        return 0;
    }
    for (size_t i = 0; i < c->pair_count; i++) {
        bool same_a = c->pairs[i].a == a->st_ino;
        bool same_b = c->pairs[i].b == b->st_ino;
        if (same_a != same_b) {
            return differ(c, path, "links");
        }
        if (same_a) {
            return 0;
        }
    }
    simmem_grow(&c->pairs, &c->pair_cap, c->pair_count + 1, sizeof(*c->pairs));
    c->pairs[c->pair_count++] = (struct pair){ a->st_ino, b->st_ino };
    return 0;
}

static int compare_target(struct compare *c, const char *a, const char *b)
{
    char x[4096], y[4096];
    ssize_t n = readlink(a, x, sizeof(x));
    ssize_t k = readlink(b, y, sizeof(y));
    return n == k && n > 0 && memcmp(x, y, (size_t)n) == 0 ? 0 : differ(c, a, "target");
}

static int compare_stat(struct compare *c, const char *path, const struct stat *a,
                        const struct stat *b)
{
    if ((a->st_mode & S_IFMT) != (b->st_mode & S_IFMT)) {
        return differ(c, path, "type");
    }
    if (a->st_mode != b->st_mode) {
        return differ(c, path, "mode");
    }
    if ((c->ignore & REALTREE_OWNERS) == 0 && (a->st_uid != b->st_uid || a->st_gid != b->st_gid)) {
        return differ(c, path, "owner");
    }
    if (a->st_mtim.tv_sec != b->st_mtim.tv_sec || a->st_mtim.tv_nsec != b->st_mtim.tv_nsec) {
        return differ(c, path, "mtime");
    }
    if (!S_ISDIR(a->st_mode) && a->st_size != b->st_size) {
        return differ(c, path, "size");
    }
    if (!S_ISDIR(a->st_mode) && a->st_rdev != b->st_rdev) {
        return differ(c, path, "device");
    }
    /* Holes: where the one saves much, the other does too. */
    int64_t saved_a = a->st_size - a->st_blocks * 512;
    int64_t saved_b = b->st_size - b->st_blocks * 512;
    if (S_ISREG(a->st_mode) && llabs(saved_a - saved_b) > 64 << 10) {
        return differ(c, path, "holes");
    }
    return compare_links(c, path, a, b);
}

static int compare_folders(struct compare *c, const char *a, const char *b);

static int compare_things(struct compare *c, const char *a, const char *b, bool top)
{
    struct stat x, y;
    if (lstat(a, &x) != 0 || lstat(b, &y) != 0) {
        return differ(c, a, "is not there in both");
    }
    int rc = 0;
    if (!top || (c->ignore & REALTREE_TOP) == 0) {
        rc = compare_stat(c, a, &x, &y);
        if (rc == 0) {
            rc = compare_xattrs(c, a, b);
        }
    }
    if (rc == 0 && S_ISREG(x.st_mode)) {
        rc = compare_content(c, a, b);
    }
    if (rc == 0 && S_ISLNK(x.st_mode)) {
        rc = compare_target(c, a, b);
    }
    if (rc == 0 && S_ISDIR(x.st_mode)) {
        rc = compare_folders(c, a, b);
    }
    return rc;
}

static int compare_folders(struct compare *c, const char *a, const char *b)
{
    struct names x = { 0 };
    struct names y = { 0 };
    int rc = 0;
    read_names(a, &x);
    read_names(b, &y);
    for (size_t i = 0; rc == 0 && (i < x.count || i < y.count); i++) {
        if (i >= x.count || i >= y.count || strcmp(x.list[i], y.list[i]) != 0) {
            char *only = simmem_printf("there is %s, and %s", i < x.count ? x.list[i] : "no more",
                                       i < y.count ? y.list[i] : "no more");
            rc = differ(c, a, only);
            simmem_free(only);
            break;
        }
        char *in_a = simmem_join(a, x.list[i]);
        char *in_b = simmem_join(b, x.list[i]);
        rc = compare_things(c, in_a, in_b, false);
        simmem_free(in_a);
        simmem_free(in_b);
    }
    free_names(&x);
    free_names(&y);
    return rc;
}

int realtree_differs(const char *a, const char *b, unsigned ignore, char *out, size_t out_max)
{
    struct compare c = { .ignore = ignore, .out = out, .out_max = out_max };
    out[0] = '\0';
    int rc = compare_things(&c, a, b, true);
    simmem_free(c.pairs);
    return rc;
}
