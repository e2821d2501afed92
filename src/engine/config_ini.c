/*
 * config_ini.c - see config_ini.h.
 */
#include "engine/config_ini.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"

#define FILE_MAX (1u << 20)
#define PIECE_BYTES (16u << 10)
#define DEPTH_MAX 8u /* of includes; a circle of them is deeper than that */

struct reading {
    const struct config_ini_events *events;
    struct config_ini_files *files;
    struct config_ini_place place;
    unsigned depth;
};

static int read_file(const struct config_ini_events *events, struct config_ini_files *files,
                     const char *path, unsigned depth);

int config_ini_at(int code, const struct config_ini_place *place)
{
    return err_add(code, "%s:%u", place->file->path, place->line);
}

static char *trim(char *text)
{
    size_t len;

    text += strspn(text, " \t\r");
    len = strlen(text);
    while (len > 0 && strchr(" \t\r", text[len - 1]) != NULL) {
        text[--len] = '\0';
    }
    return text;
}

/* Puts what ${NAME} stands for, and moves *text behind it. */
static int put_variable(const char **text, struct buf *out)
{
    const char *name = *text + 2;
    const char *end = strchr(name, '}');
    const char *value;
    char *copy;

    if (end == NULL || end == name) {
        err_raise(HF_EUSAGE, "\"${\" without a name and \"}\"");
        return err_hint("$${ stands for ${ itself");
    }
    copy = mem_dup(name, (size_t)(end - name) + 1);
    if (copy == NULL) {
        return err_nomem();
    }
    copy[end - name] = '\0';
    value = getenv(copy);
    if (value == NULL) {
        err_raise(HF_EUSAGE, "%s is not set in the environment", copy);
        err_hint("$${ stands for ${ itself, as in a shell command");
        mem_free(copy);
        return HF_EUSAGE;
    }
    mem_free(copy);
    buf_put(out, value, strlen(value));
    *text = end + 1;
    return 0;
}

static int expand(const char *text, struct buf *out)
{
    int rc = 0;

    while (rc == 0 && *text != '\0') {
        if (strncmp(text, "$${", 3) == 0) {
            buf_put(out, "${", 2);
            text += 3;
        } else if (strncmp(text, "${", 2) == 0) {
            rc = put_variable(&text, out);
        } else {
            buf_put_u8(out, (uint8_t)*text++);
        }
    }
    return rc != 0 ? rc : buf_error(out);
}

/* Patterns may match nothing; a file that is named must be there. */
static int include(struct reading *r, const char *value)
{
    const char *own = r->place.file->path;
    const char *slash = strrchr(own, '/');
    const char *path;
    struct buf pattern;
    glob_t found;
    int rc;

    if (value[0] == '\0') {
        return err_raise(HF_EUSAGE, "include: which file?");
    }
    if (r->depth == DEPTH_MAX) {
        return err_raise(HF_EUSAGE, "include: files that include each other, %u deep", DEPTH_MAX);
    }
    buf_init(&pattern);
    if (value[0] != '/' && slash != NULL) {
        buf_put(&pattern, own, (size_t)(slash - own) + 1);
    }
    buf_put(&pattern, value, strlen(value));
    path = buf_text(&pattern);
    rc = buf_error(&pattern);
    if (rc == 0 && strpbrk(value, "*?[") == NULL) {
        rc = read_file(r->events, r->files, path, r->depth + 1);
    } else if (rc == 0 && glob(path, 0, NULL, &found) == 0) {
        for (size_t i = 0; rc == 0 && i < found.gl_pathc; i++) {
            rc = read_file(r->events, r->files, found.gl_pathv[i], r->depth + 1);
        }
        globfree(&found);
    }
    buf_release(&pattern);
    return rc;
}

static int take_entry(struct reading *r, char *line)
{
    char *equals = strchr(line, '=');
    const char *text;
    struct buf value;
    char *key;
    int rc;

    if (equals == NULL) {
        return err_raise(HF_EUSAGE, "\"%.100s\" is neither [SECTION] nor KEY = VALUE", line);
    }
    *equals = '\0';
    key = trim(line);
    buf_init(&value);
    rc = expand(trim(equals + 1), &value);
    text = buf_text(&value);
    rc = rc != 0 ? rc : buf_error(&value);
    if (rc != 0) {
        rc = err_add(rc, "%s", key);
    } else if (strcmp(key, "include") == 0) {
        rc = include(r, text);
    } else {
        rc = r->events->entry(r->events->context, &r->place, key, text);
    }
    buf_release(&value);
    return rc;
}

static int take_section(const struct reading *r, char *line)
{
    size_t len = strlen(line);

    if (line[len - 1] != ']') {
        return err_raise(HF_EUSAGE, "\"%.100s\" does not end with ]", line);
    }
    line[len - 1] = '\0';
    return r->events->section(r->events->context, &r->place, trim(line + 1));
}

static int take_line(struct reading *r, char *line)
{
    int rc;

    line = trim(line);
    if (line[0] == '\0' || line[0] == '#' || line[0] == ';') {
        return 0;
    }
    rc = line[0] == '[' ? take_section(r, line) : take_entry(r, line);
    return rc != 0 ? config_ini_at(rc, &r->place) : 0;
}

static int take_lines(struct reading *r, struct buf *text)
{
    static const char mark[] = "\xef\xbb\xbf"; /* some editors begin a file with it */
    char *line;
    int rc = 0;

    if (text->len > 0 && memchr(text->data, '\0', text->len) != NULL) {
        return err_raise(HF_EUSAGE, "%s is no text: there is a NUL in it", r->place.file->path);
    }
    buf_put_u8(text, '\0');
    if (buf_error(text) != 0) {
        return HF_ENOMEM;
    }
    line = (char *)text->data;
    line += strncmp(line, mark, 3) == 0 ? 3 : 0;
    while (rc == 0 && line != NULL) {
        char *end = strchr(line, '\n');

        if (end != NULL) {
            *end++ = '\0';
        }
        r->place.line++;
        rc = take_line(r, line);
        line = end;
    }
    return rc;
}

/* What it says is run as commands: only its owner and root may have a hand in it. */
static int check_file(int fd, const char *path, bool *out_exposed)
{
    struct stat st;

    if (fstat(fd, &st) != 0) {
        return err_os(errno, "could not open %s", path);
    }
    if (!S_ISREG(st.st_mode)) {
        return err_raise(HF_EUSAGE, "%s is not a file", path);
    }
    if (st.st_uid != 0 && st.st_uid != geteuid()) {
        err_raise(HF_EACCESS, "%s belongs to somebody else (uid %u), who could change it", path,
                  (unsigned)st.st_uid);
        return err_hint("chown it to root, or to who runs holdfast");
    }
    if ((st.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
        err_raise(HF_EACCESS, "%s may be changed by others (its mode is %04o)", path,
                  (unsigned)(st.st_mode & 07777));
        return err_hint("chmod 600 %s", path);
    }
    *out_exposed = (st.st_mode & (S_IRGRP | S_IROTH)) != 0;
    return 0;
}

static int remember_file(struct config_ini_files *files, const char *path,
                         struct config_ini_file **out)
{
    struct config_ini_file *f;

    if (mem_grow(&files->items, &files->capacity, files->count + 1, sizeof *files->items) != 0) {
        return err_nomem();
    }
    f = mem_zalloc(sizeof *f);
    if (f == NULL) {
        return err_nomem();
    }
    f->path = mem_strdup(path);
    if (f->path == NULL) {
        mem_free(f);
        return err_nomem();
    }
    files->items[files->count++] = f;
    *out = f;
    return 0;
}

static int take_text(int fd, const char *path, struct buf *out)
{
    for (;;) {
        ssize_t n;
        int rc = buf_reserve(out, PIECE_BYTES);

        if (rc != 0) {
            return rc;
        }
        n = read(fd, out->data + out->len, PIECE_BYTES);
        if (n < 0 && errno != EINTR) {
            return err_os(errno, "could not read %s", path);
        }
        if (n == 0) {
            return 0;
        }
        out->len += n > 0 ? (size_t)n : 0;
        if (out->len > FILE_MAX) {
            return err_raise(HF_ELIMIT, "%s has more than %u bytes", path, FILE_MAX);
        }
    }
}

static int read_file(const struct config_ini_events *events, struct config_ini_files *files,
                     const char *path, unsigned depth)
{
    struct reading r = { events, files, { NULL, 0 }, depth };
    struct config_ini_file *file = NULL;
    struct buf text;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    int rc;

    if (fd < 0) {
        return err_os(errno, "could not open %s", path);
    }
    buf_init(&text);
    rc = remember_file(files, path, &file);
    if (rc == 0) {
        rc = check_file(fd, path, &file->exposed);
    }
    if (rc == 0) {
        rc = take_text(fd, path, &text);
    }
    if (rc == 0) {
        r.place.file = file;
        events->enter(events->context, true);
        rc = take_lines(&r, &text);
        events->enter(events->context, false);
    }
    close(fd);
    buf_release(&text);
    return rc;
}

int config_ini_read(const char *path, const struct config_ini_events *events,
                    struct config_ini_files *files)
{
    return read_file(events, files, path, 0);
}

void config_ini_release(struct config_ini_files *files)
{
    for (size_t i = 0; i < files->count; i++) {
        mem_free(files->items[i]->path);
        mem_free(files->items[i]);
    }
    mem_free(files->items);
    memset(files, 0, sizeof *files);
}
