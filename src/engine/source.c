/*
 * source.c - what all sources share.
 */
#include "engine/source.h"

#include "base/err.h"
#include "base/mem.h"

void source_free(struct source *s)
{
    if (s != NULL) {
        s->ops->free(s);
    }
}

void source_report(struct source *s, const char *path, size_t path_len, int code)
{
    if (s->report != NULL) {
        s->report(s->report_context, path, path_len, code, err_last()->text);
    }
    err_clear();
}

void source_detail_init(struct source_detail *d)
{
    buf_init(&d->names);
    buf_init(&d->values);
    d->xattrs = NULL;
    d->xattr_cap = 0;
}

void source_detail_release(struct source_detail *d)
{
    buf_release(&d->names);
    buf_release(&d->values);
    mem_free(d->xattrs);
    source_detail_init(d);
}
