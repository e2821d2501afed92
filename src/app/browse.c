/*
 * browse.c - see browse.h.
 */
#include "app/browse.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "engine/nearest.h"
#include "engine/source_dir.h"

#define SIBLINGS_LOOKED_AT 100000

int browse_path(const char *text, char **out_path)
{
    struct buf b;
    int rc;

    if (text[0] == '/') {
        return source_dir_clean(text, out_path);
    }
    buf_init(&b);
    buf_printf(&b, "/%s", text);
    rc = buf_error(&b);
    if (rc == 0) {
        rc = source_dir_clean(buf_text(&b), out_path);
    }
    buf_release(&b);
    return rc;
}

/* The folder that a path is in, as a length. */
static size_t folder_len(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash == path ? 1 : (size_t)(slash - path);
}

/* Offers what is in the folder; the best one's memory is fresh, or NULL. */
static char *nearest_sibling(struct manifest_cursor *c, const char *path)
{
    size_t len = folder_len(path);
    struct nearest near;
    struct node n;
    char *best = NULL;
    int rc = manifest_cursor_find(c, path, len, &n);

    nearest_init(&near, path);
    rc = rc == 1 ? manifest_cursor_next(c, &n) : 0;
    for (int i = 0; i < SIBLINGS_LOOKED_AT && rc == 1; i++) {
        char *name;

        if (!node_path_within(path, len, n.path, n.path_len)) {
            break;
        }
        name = mem_zalloc(n.path_len + 1);
        if (name == NULL) {
            break;
        }
        memcpy(name, n.path, n.path_len);
        near.best = NULL;
        nearest_offer(&near, name);
        if (near.best != NULL) {
            mem_free(best);
            best = name;
        } else {
            mem_free(name);
        }
        rc = manifest_cursor_skip_subtree(c);
        if (rc == 0) {
            rc = manifest_cursor_next(c, &n);
        }
    }
    err_clear();
    return best;
}

int browse_find(struct manifest_cursor *c, const char *path, struct node *out)
{
    int rc = manifest_cursor_find(c, path, strlen(path), out);
    char *near;

    if (rc != 0) {
        return rc < 0 ? rc : 0;
    }
    near = nearest_sibling(c, path);
    err_raise(HF_EABSENT, "there is no %s in the snapshot", path);
    if (near != NULL) {
        err_hint("did you mean %s?", near);
    }
    mem_free(near);
    return HF_EABSENT;
}

/* "drwxr-xr-x" */
static void mode_text(const struct node *n, char out[11])
{
    static const char types[] = "?-dlcbps";
    static const char bits[] = "rwxrwxrwx";
    static const struct {
        uint32_t bit;
        size_t at;
        char with, without;
    } special[] = { { 04000, 3, 's', 'S' }, { 02000, 6, 's', 'S' }, { 01000, 9, 't', 'T' } };

    out[0] = (unsigned)n->type < sizeof types - 1 ? types[n->type] : '?';
    for (size_t i = 0; i < 9; i++) {
        out[i + 1] = (n->mode & (0400u >> i)) != 0 ? bits[i] : '-';
    }
    for (size_t i = 0; i < 3; i++) {
        if ((n->mode & special[i].bit) != 0) {
            out[special[i].at] = out[special[i].at] == 'x' ? special[i].with : special[i].without;
        }
    }
    out[10] = '\0';
}

/* A name, or the number where there is none, in at least eight columns. */
static void put_owner(struct out *out, const char *name, size_t len, uint32_t id)
{
    char number[16];

    if (len == 0) {
        len = (size_t)snprintf(number, sizeof number, "%" PRIu32, id);
        name = number;
    }
    out_shown(out, name, len);
    out_blanks(out, len < 8 ? 9 - len : 1);
}

void browse_put_line(struct out *out, const struct node *n, bool long_form)
{
    char mode[11], when[TEXT_TIME_BYTES];

    if (long_form) {
        mode_text(n, mode);
        out_printf(out, "%s ", mode);
        put_owner(out, n->user, n->user_len, n->uid);
        put_owner(out, n->group, n->group_len, n->gid);
        out_printf(out, "%12" PRIu64 "  %s  ", n->size, text_time_local(n->mtime_ns, when));
    }
    out_shown(out, n->path, n->path_len);
    if (long_form && n->type == NODE_SYMLINK) {
        out_text(out, " -> ");
        out_shown(out, n->target, n->target_len);
    }
    out_text(out, "\n");
}

void browse_put_json(struct json *j, const struct node *n)
{
    json_object(j, NULL);
    json_name(j, "path", n->path, n->path_len);
    json_text(j, "type", node_type_name(n->type));
    json_number(j, "mode", n->mode);
    json_number(j, "uid", n->uid);
    json_number(j, "gid", n->gid);
    json_name(j, "user", n->user, n->user_len);
    json_name(j, "group", n->group, n->group_len);
    json_number(j, "size", n->size);
    json_time(j, "mtime", n->mtime_ns);
    json_number(j, "links", n->links);
    if (n->type == NODE_SYMLINK) {
        json_name(j, "target", n->target, n->target_len);
    } else {
        json_null(j, "target");
    }
    json_end_object(j);
}

int browse_pass_damage(struct manifest_cursor *c, int rc, uint64_t *damaged)
{
    if (rc != HF_EDAMAGE) {
        return rc;
    }
    log_write(LOG_LEVEL_WARN, "some names are lost: %s", err_last()->text);
    ++*damaged;
    return manifest_cursor_skip_page(c, NULL);
}

int browse_check_damage(uint64_t damaged)
{
    if (damaged == 0) {
        return 0;
    }
    return err_raise(HF_EDAMAGE, "%" PRIu64 " pages of the manifest are lost", damaged);
}
