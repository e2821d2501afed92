/*
 * backup_source.c - see backup_source.h.
 */
#include "app/backup_source.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/slurp.h"
#include "base/err.h"
#include "base/mem.h"
#include "engine/nearest.h"
#include "engine/source_dir.h"
#include "engine/source_stdin.h"
#include "format/commit.h"
#include "io/fs_posix.h"

#define LIST_MAX_BYTES (256u << 20)
#define STREAM_NAME "stdin"

int backup_source_check(const struct backup_source_values *v,
                        const struct option_operands *operands)
{
    bool stream = v->from_stdin || v->from_command;
    size_t paths = v->from_command ? operands->dashes : operands->count;
    bool lists = v->files_from.count > 0 || v->files_from0.count > 0;

    if (v->from_stdin && v->from_command) {
        return err_raise(HF_EUSAGE, "--stdin and --stdin-from-command exclude each other");
    }
    if (v->from_command && operands->dashes == operands->count) {
        return err_raise(HF_EUSAGE, "--stdin-from-command needs \"-- COMMAND...\" at the end");
    }
    if (stream && (paths > 0 || lists)) {
        return err_raise(HF_EUSAGE, "a stream and paths can't be backed up together");
    }
    if (!stream && v->stdin_name != NULL) {
        return err_raise(HF_EUSAGE, "--stdin-name is for --stdin and --stdin-from-command");
    }
    if (!stream && paths == 0 && !lists) {
        return err_raise(HF_EUSAGE, "no path was given");
    }
    return 0;
}

static int add_root(struct option_list *roots, const char *path)
{
    char *clean = NULL;
    int rc = source_dir_clean(path, &clean);

    if (rc == 0) {
        rc = option_list_add(roots, clean, strlen(clean));
    }
    mem_free(clean);
    if (rc == 0 && roots->count > COMMIT_MAX_LIST) {
        rc = err_raise(HF_ELIMIT, "there are more than %u paths", COMMIT_MAX_LIST);
    }
    return rc;
}

/* One path of a list, which ends at a NUL that was put there. */
static int add_listed(struct option_list *roots, const char *path, char separator)
{
    if (path[0] == '\0' || (separator == '\n' && path[0] == '#')) {
        return 0;
    }
    return add_root(roots, path);
}

static int add_list(struct option_list *roots, const char *file, char separator)
{
    struct buf b;
    int rc;

    buf_init(&b);
    rc = slurp_file(file, LIST_MAX_BYTES, &b);
    buf_put_u8(&b, (uint8_t)separator);
    if (rc == 0) {
        rc = buf_error(&b);
    }
    for (size_t at = 0; rc == 0 && at < b.len;) {
        uint8_t *end = memchr(b.data + at, separator, b.len - at);

        *end = '\0';
        rc = add_listed(roots, (const char *)b.data + at, separator);
        at = (size_t)(end - b.data) + 1;
    }
    buf_release(&b);
    return rc;
}

static int gather_roots(const struct backup_source_values *v,
                        const struct option_operands *operands, struct option_list *roots)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < operands->count; i++) {
        rc = add_root(roots, operands->items[i]);
    }
    for (size_t i = 0; rc == 0 && i < v->files_from.count; i++) {
        rc = add_list(roots, v->files_from.items[i], '\n');
    }
    for (size_t i = 0; rc == 0 && i < v->files_from0.count; i++) {
        rc = add_list(roots, v->files_from0.items[i], '\0');
    }
    if (rc == 0 && roots->count == 0) {
        rc = err_raise(HF_ESOURCE, "the lists name no path");
    }
    return rc;
}

static int add_exclude_file(struct exclude *x, const char *file)
{
    struct buf b;
    int rc;

    buf_init(&b);
    rc = slurp_file(file, LIST_MAX_BYTES, &b);
    if (rc == 0) {
        rc = exclude_add_lines(x, (const char *)b.data, b.len, file);
    }
    buf_release(&b);
    return rc;
}

static int gather_patterns(const struct backup_source_values *v, struct exclude **out)
{
    int rc = exclude_new(out);

    for (size_t i = 0; rc == 0 && i < v->exclude_files.count; i++) {
        rc = add_exclude_file(*out, v->exclude_files.items[i]);
    }
    for (size_t i = 0; rc == 0 && i < v->excludes.count; i++) {
        rc = exclude_add(*out, v->excludes.items[i]);
    }
    return rc;
}

struct siblings {
    struct nearest near;
    char best[NAME_MAX + 1]; /* names are lent for the call only */
};

static int offer_sibling(void *context, const char *name)
{
    struct siblings *s = context;
    size_t len = strlen(name);

    nearest_offer(&s->near, name);
    if (s->near.best == name && len < sizeof s->best) {
        memcpy(s->best, name, len + 1);
    }
    return 0;
}

/* Which name beside an absent one is most like it: a hint, so no failure of its own matters. */
static void hint_at_sibling(const char *path)
{
    char *folder = mem_strdup(path);
    char *slash = folder == NULL ? NULL : strrchr(folder, '/');
    struct siblings s = { .best = "" };
    struct err_trail trail;
    struct fs *fs = NULL;

    if (slash == NULL) {
        goto done;
    }
    err_take(&trail);
    nearest_init(&s.near, path + (slash - folder) + 1);
    *slash = '\0';
    if (fs_posix_open(slash == folder ? "/" : folder, &fs) == 0) {
        (void)fs_list(fs, "", offer_sibling, &s);
    }
    err_give(&trail);
    if (s.best[0] != '\0') {
        err_hint("did you mean %s/%s?", folder, s.best);
    }
done:
    fs_close_fs(fs);
    mem_free(folder);
}

/* Where nothing is there to be backed up, the first path is named. Others are warned of later. */
static int check_roots(const struct option_list *roots)
{
    struct stat st;

    for (size_t i = roots->count; i-- > 0;) {
        if (lstat(roots->items[i], &st) == 0 || errno == EACCES || errno == ENAMETOOLONG) {
            return 0;
        }
        err_os(errno, "could not find %s", roots->items[i]);
    }
    hint_at_sibling(roots->items[0]);
    return HF_EABSENT;
}

/* The repository and the caches are never part of a backup. */
static int gather_never(const struct session *s, struct option_list *never)
{
    int rc = option_list_add(never, s->path, strlen(s->path));

    if (rc == 0 && s->cache_root != NULL) {
        rc = option_list_add(never, s->cache_root, strlen(s->cache_root));
    }
    return rc;
}

static int open_tree(const struct session *s, const struct backup_source_values *v,
                     const struct option_operands *operands, struct backup_source *b)
{
    struct source_dir_options o = {
        .one_file_system = v->one_file_system,
        .exclude_caches = v->exclude_caches,
        .exclude_if_present = v->exclude_if_present.items,
        .exclude_if_present_count = v->exclude_if_present.count,
        .exclude_larger = v->exclude_larger.value,
    };
    int rc = gather_roots(v, operands, &b->roots);

    if (rc == 0) {
        rc = check_roots(&b->roots);
    }
    if (rc == 0) {
        rc = gather_patterns(v, &b->exclude);
    }
    if (rc == 0) {
        rc = gather_never(s, &b->never);
    }
    if (rc == 0 && v->strip_prefix != NULL) {
        rc = source_dir_clean(v->strip_prefix, &b->strip_prefix);
    }
    if (rc != 0) {
        return rc;
    }
    o.roots = b->roots.items;
    o.root_count = b->roots.count;
    o.exclude = b->exclude;
    o.never = b->never.items;
    o.never_count = b->never.count;
    o.strip_prefix = b->strip_prefix;
    return source_dir_new(&o, &b->source);
}

/* The stream has ended: well, or because of a signal, or since its command failed? */
static int finish_stream(void *context)
{
    struct backup_source *b = context;
    int rc = relay_check(&b->relay);

    if (rc == 0 && b->child.pid != 0) {
        rc = child_finish(&b->child);
    }
    return rc;
}

static int start_command(struct app *app, const struct option_operands *operands,
                         struct backup_source *b)
{
    const struct child_options o = {
        .what = operands->items[operands->dashes],
        .argv = operands->items + operands->dashes,
        .capture = true,
        .umask = app->umask_before,
    };

    return child_start(&o, &b->child);
}

static int open_stream(struct app *app, const struct backup_source_values *v,
                       const struct option_operands *operands, struct backup_source *b)
{
    const char *name = v->stdin_name != NULL ? v->stdin_name : STREAM_NAME;
    struct source_stdin_options o = {
        .name = name, .clock = app->clock, .finish = finish_stream, .context = b
    };
    struct buf path;
    int rc;

    buf_init(&path);
    buf_printf(&path, "%s%s", name[0] == '/' ? "" : "/", name);
    rc = buf_error(&path);
    if (rc == 0) {
        rc = option_list_add(&b->roots, (const char *)path.data, path.len);
    }
    buf_release(&path);
    if (rc == 0 && v->from_command) {
        rc = start_command(app, operands, b);
    }
    if (rc == 0) {
        rc = relay_start(&b->relay, v->from_command ? b->child.out_fd : STDIN_FILENO);
    }
    b->streamed = rc == 0;
    o.fd = b->relay.out_fd;
    return rc != 0 ? rc : source_stdin_new(&o, &b->source);
}

int backup_source_open(struct app *app, const struct session *s,
                       const struct backup_source_values *v, const struct option_operands *operands,
                       struct backup_source *out)
{
    memset(out, 0, sizeof *out);
    out->child.out_fd = -1;
    out->relay.out_fd = -1;
    if (v->from_stdin || v->from_command) {
        return open_stream(app, v, operands, out);
    }
    return open_tree(s, v, operands, out);
}

void backup_source_close(struct backup_source *b)
{
    source_free(b->source);
    if (b->streamed) {
        relay_stop(&b->relay);
    }
    child_stop(&b->child);
    exclude_free(b->exclude);
    option_list_release(&b->roots);
    option_list_release(&b->never);
    mem_free(b->strip_prefix);
    memset(b, 0, sizeof *b);
}
