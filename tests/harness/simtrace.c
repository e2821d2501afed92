/*
 * simtrace.c - what was asked of a simulated disk.
 */
#include "harness/simtrace.h"

#include <inttypes.h>
#include <string.h>

#include "base/err.h"
#include "harness/simmem.h"

static const char *const names[SIMOP_KINDS] = {
    [SIMOP_MKDIR] = "mkdir",
    [SIMOP_CREATE] = "create",
    [SIMOP_OPEN] = "open",
    [SIMOP_PWRITE] = "write",
    [SIMOP_PREAD] = "read",
    [SIMOP_SIZE] = "size",
    [SIMOP_SYNC] = "sync",
    [SIMOP_CLOSE] = "close",
    [SIMOP_RENAME_NEW] = "rename_new",
    [SIMOP_RENAME_OVER] = "rename_over",
    [SIMOP_UNLINK] = "unlink",
    [SIMOP_RMDIR] = "rmdir",
    [SIMOP_STAT] = "stat",
    [SIMOP_LIST] = "list",
    [SIMOP_SYNC_DIR] = "sync_dir",
    [SIMOP_SPACE] = "space",
    [SIMOP_NOTE] = "NOTE",
};

const char *simop_name(enum simop_kind kind)
{
    return names[kind];
}

bool simop_changes(const struct simop *op)
{
    return (op->happened || op->lost) && (SIMOP_BIT(op->kind) & SIMOP_CHANGES) != 0;
}

struct simop *simtrace_add(struct simtrace *t, enum simop_kind kind, char *path, char *to)
{
    simmem_grow(&t->ops, &t->capacity, t->count + 1, sizeof *t->ops);
    struct simop *op = &t->ops[t->count++];
    *op = (struct simop){ .kind = kind, .path = path, .to = to };
    return op;
}

void simtrace_release(struct simtrace *t)
{
    for (size_t i = 0; i < t->count; i++) {
        simmem_free(t->ops[i].path);
        simmem_free(t->ops[i].to);
        simbytes_unref(t->ops[i].data);
    }
    simmem_free(t->ops);
    *t = (struct simtrace){ 0 };
}

static bool has_prefix(const char *path, const char *prefix)
{
    return path != NULL && strncmp(path, prefix, strlen(prefix)) == 0;
}

bool simmatch_fits(const struct simmatch *m, const struct simop *op)
{
    if (op->kind == SIMOP_NOTE || op->late) {
        return false;
    }
    if (m->kinds != 0 && (m->kinds & SIMOP_BIT(op->kind)) == 0) {
        return false;
    }
    if (m->client != NULL && strcmp(m->client, op->client) != 0) {
        return false;
    }
    return m->prefix == NULL || has_prefix(op->path, m->prefix) || has_prefix(op->to, m->prefix);
}

#define LONGEST_PART 24
#define SHORTENED_PART 14

void simtrace_print_path(const char *path, struct buf *out)
{
    if (path[0] == '\0') {
        buf_put(out, ".", 1);
    }
    while (*path != '\0') {
        size_t len = strcspn(path, "/");
        bool cut = len > LONGEST_PART;
        buf_printf(out, "%.*s%s", (int)(cut ? SHORTENED_PART : len), path, cut ? ".." : "");
        path += len;
        if (*path == '/') {
            buf_put(out, path++, 1);
        }
    }
}

static void print_outcome(const struct simop *op, struct buf *out)
{
    if (op->result != 0) {
        buf_printf(out, "  = %s", err_code_name(op->result));
    }
    if (op->result != 0 && op->happened) {
        buf_printf(out,
                   op->kind == SIMOP_PWRITE ? ", %" PRIu64 " bytes written" : ", but it happened",
                   op->length);
    }
    if (op->lost) {
        buf_printf(out, ", and threw its data away");
    }
    if (op->skipped) {
        buf_printf(out, "  (left out)");
    }
    if (op->late) {
        buf_printf(out, "  (landed late)");
    }
}

void simtrace_print_op(const struct simtrace *t, size_t index, struct buf *out)
{
    const struct simop *op = &t->ops[index];
    buf_printf(out, "  op %-4zu %-6s ", index + 1, op->client);
    if (op->kind == SIMOP_NOTE) {
        buf_printf(out, "* %s\n", op->path);
        return;
    }
    buf_printf(out, "%-11s ", simop_name(op->kind));
    simtrace_print_path(op->path, out);
    if (op->to != NULL) {
        buf_printf(out, " -> ");
        simtrace_print_path(op->to, out);
    }
    if (op->kind == SIMOP_PWRITE || op->kind == SIMOP_PREAD) {
        buf_printf(out, "  %" PRIu64 "+%" PRIu64, op->offset, op->length);
    }
    if (op->site != NULL) {
        buf_printf(out, "  [%s]", op->site);
    }
    print_outcome(op, out);
    buf_printf(out, "\n");
}

void simtrace_print(const struct simtrace *t, size_t first, size_t end, struct buf *out)
{
    for (size_t i = first; i < end && i < t->count; i++) {
        simtrace_print_op(t, i, out);
    }
}

size_t simtrace_sites(const struct simtrace *t, const char **out_sites, size_t max)
{
    size_t count = 0;
    for (size_t i = 0; i < t->count; i++) {
        const char *site = t->ops[i].site;
        size_t at = 0;
        while (site != NULL && at < count && strcmp(out_sites[at], site) != 0) {
            at++;
        }
        if (site != NULL && at == count && count < max) {
            out_sites[count++] = site;
        }
    }
    return count;
}
