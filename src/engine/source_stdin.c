/*
 * source_stdin.c - see source_stdin.h.
 */
#include "engine/source_stdin.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "engine/names.h"

struct source_stdin {
    struct source base;
    struct source_stdin_options options;
    struct names *names;
    char *path; /* "/NAME" */
    size_t path_len;
    char *shown;    /* the folder or file that was yielded last */
    size_t yielded; /* how much of the path: 0 nothing yet, 1 "/", ... */
    int64_t time_ns;
    uint64_t got; /* bytes of the stream so far */
    bool ended;
};

static void fill(struct source_stdin *s, bool is_file, struct source_entry *out)
{
    struct node *n = &out->node;
    memset(out, 0, sizeof(*out));
    n->type = is_file ? NODE_FILE : NODE_DIR;
    n->mode = is_file ? 0600 : 0755;
    n->uid = (uint32_t)geteuid();
    n->gid = (uint32_t)getegid();
    n->user = names_of(s->names, NAMES_USER, n->uid, &n->user_len);
    n->group = names_of(s->names, NAMES_GROUP, n->gid, &n->group_len);
    n->mtime_ns = n->ctime_ns = s->time_ns;
    n->links = 1;
    n->path = s->shown;
    n->path_len = strlen(s->shown);
}

static int next(struct source *base, struct source_entry *out)
{
    struct source_stdin *s = (struct source_stdin *)base;
    if (s->yielded == s->path_len) {
        return 0;
    }
    if (s->yielded == 0) {
        memcpy(s->shown, "/", 2);
        s->yielded = 1;
    } else {
        /* One component more than last time; "/" is followed by the first. */
        const char *rest = s->path + s->yielded + (s->yielded > 1 ? 1 : 0);
        s->yielded = (size_t)(rest - s->path) + strcspn(rest, "/");
        memcpy(s->shown, s->path, s->yielded);
        s->shown[s->yielded] = '\0';
    }
    fill(s, s->yielded == s->path_len, out);
    return 1;
}

static int rewind_source(struct source *base)
{
    struct source_stdin *s = (struct source_stdin *)base;
    if (s->got > 0 || s->ended) {
        return err_raise(HF_EUNSUPPORTED, "the stream can't be read a second time");
    }
    s->yielded = 0;
    return 0;
}

/* There is one thing only, and it is always there. */
static void hold(struct source *base, struct source_place *place)
{
    (void)base;
    (void)place;
}

static int open_file(struct source *base, struct source_place *place, const struct node *node,
                     struct source_file *out_file)
{
    (void)place;
    (void)node;
    out_file->handle.object = base;
    return 0;
}

static int stat_file(struct source *base, struct source_file *file, struct node *node,
                     bool *out_sparse)
{
    (void)file;
    node->size = ((struct source_stdin *)base)->got;
    *out_sparse = false;
    return 0;
}

static int end_stream(struct source_stdin *s)
{
    s->ended = true;
    return s->options.finish != NULL ? s->options.finish(s->options.context) : 0;
}

static int read_file(struct source *base, struct source_file *file, void *out, size_t len,
                     uint64_t offset, size_t *out_got)
{
    (void)file;
    struct source_stdin *s = (struct source_stdin *)base;
    if (offset != s->got) {
        return err_raise(HF_EUNSUPPORTED, "the stream can't be read a second time");
    }
    size_t got = 0;
    while (got < len && !s->ended) {
        ssize_t n = read(s->options.fd, (char *)out + got, len - got);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return err_os(errno, "could not read the stream");
        }
        if (n == 0) {
            int rc = end_stream(s);
            if (rc != 0) {
                return rc;
            }
        }
        got += (size_t)n;
        s->got += (size_t)n;
    }
    *out_got = got;
    return 0;
}

static int extent(struct source *base, struct source_file *file, uint64_t offset, uint64_t size,
                  uint64_t *out_start, uint64_t *out_end)
{
    (void)base;
    (void)file;
    *out_start = offset;
    *out_end = size;
    return 0;
}

static int detail(struct source *base, struct source_place *place, struct source_file *file,
                  struct node *node, struct source_detail *d)
{
    (void)base;
    (void)place;
    (void)file;
    (void)node;
    (void)d;
    return 0;
}

static void close_file(struct source *base, struct source_file *file)
{
    (void)base;
    file->handle.object = NULL;
}

static void free_source(struct source *base)
{
    struct source_stdin *s = (struct source_stdin *)base;
    names_free(s->names);
    mem_free(s->path);
    mem_free(s->shown);
    mem_free(s);
}

static const struct source_ops ops = {
    .rewind = rewind_source,
    .next = next,
    .hold = hold,
    .drop = hold,
    .open = open_file,
    .stat = stat_file,
    .read = read_file,
    .extent = extent,
    .detail = detail,
    .close = close_file,
    .free = free_source,
};

static int check_name(const char *name)
{
    bool good = *name != '\0';
    for (const char *p = name; good && *p != '\0';) {
        size_t len = strcspn(p, "/");
        good = len > 0 && !(len == 1 && p[0] == '.') && !(len == 2 && p[0] == '.' && p[1] == '.');
        p += len;
        if (*p == '/' && *++p == '\0') {
            good = false;
        }
    }
    return good ? 0 : err_raise(HF_EUSAGE, "'%s' is no name for a file", name);
}

int source_stdin_new(const struct source_stdin_options *options, struct source **out_source)
{
    const char *name = options->name;
    if (*name == '/') {
        name++;
    }
    int rc = check_name(name);
    if (rc != 0) {
        return rc;
    }
    struct source_stdin *s = mem_zalloc(sizeof(*s));
    if (s == NULL) {
        return err_nomem();
    }
    s->base.ops = &ops;
    s->base.volatile_content = true;
    s->options = *options;
    s->time_ns = clock_wall(options->clock);
    s->path_len = strlen(name) + 1;
    s->path = mem_zalloc(s->path_len + 1);
    s->shown = mem_zalloc(s->path_len + 1);
    if (s->path == NULL || s->shown == NULL) {
        rc = err_nomem();
    }
    if (rc == 0) {
        rc = names_new(&s->names);
    }
    if (rc != 0) {
        free_source(&s->base);
        return rc;
    }
    s->path[0] = '/';
    memcpy(s->path + 1, name, s->path_len - 1);
    *out_source = &s->base;
    return 0;
}
