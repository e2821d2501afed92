/*
 * losses.c - see losses.h.
 */
#include "app/losses.h"

#include <string.h>

#include "base/mem.h"

struct loss {
    char *path;
    size_t path_len;
    char *what, *why;
};

static void free_loss(struct loss *l)
{
    mem_free(l->path);
    mem_free(l->what);
    mem_free(l->why);
}

void losses_keep(struct losses *l, const char *path, size_t path_len, const char *what,
                 const char *why)
{
    struct loss one = { .path_len = path_len };

    if (l->count >= LOSSES_LISTED ||
        mem_grow(&l->list, &l->capacity, l->count + 1, sizeof *l->list) != 0) {
        return;
    }
    one.path = mem_dup(path, path_len);
    one.what = mem_strdup(what);
    one.why = mem_strdup(why);
    if (one.path != NULL && one.what != NULL && one.why != NULL) {
        l->list[l->count++] = one;
    } else {
        free_loss(&one);
    }
}

void losses_json(struct json *j, const struct losses *l, uint64_t all)
{
    json_array(j, "losses");
    for (size_t i = 0; i < l->count; i++) {
        json_object(j, NULL);
        json_name(j, "path", l->list[i].path, l->list[i].path_len);
        json_text(j, "what", l->list[i].what);
        json_text(j, "why", l->list[i].why);
        json_end_object(j);
    }
    json_end_array(j);
    json_number(j, "losses_omitted", all > l->count ? all - l->count : 0);
}

void losses_release(struct losses *l)
{
    for (size_t i = 0; i < l->count; i++) {
        free_loss(&l->list[i]);
    }
    mem_free(l->list);
    memset(l, 0, sizeof *l);
}
