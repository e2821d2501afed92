/*
 * gapevent.h - a stretch of time in which changes may have been missed: the plaintext of EVENT GAP.
 *
 * A gap belongs to one job and host. One event opens it; it lasts until another event, or a commit
 * with COMMIT_CLOSES_GAPS, ends it. Its id is the UUID of the entry that opened it. Format: "EVENT
 * plaintext" in docs/format.md.
 */
#ifndef HF_FORMAT_GAPEVENT_H
#define HF_FORMAT_GAPEVENT_H

#include <stdint.h>

#include "base/buf.h"

enum gapevent_act { GAPEVENT_OPEN = 1, GAPEVENT_CLOSE = 2 };

enum gapevent_reason {
    GAPEVENT_OVERFLOW = 1,     /* the system dropped events */
    GAPEVENT_RESTART = 2,      /* nobody watched */
    GAPEVENT_MOUNT_CHANGE = 3, /* what was watched is another file system now */
    GAPEVENT_WATCH_LIMIT = 4,  /* not all folders could be watched */
};

struct gapevent {
    enum gapevent_act act;
    enum gapevent_reason reason; /* OPEN; one that is not known has no name, but is a gap */
    char *job, *host;            /* OPEN; never NULL in a decoded one */
    uint8_t gap[16];             /* CLOSE: the gap's id */
    int64_t at_ns;               /* when it began, or ended */
};

/* HF_ELIMIT for a text of more than COMMIT_MAX_TEXT bytes. */
int gapevent_encode(const struct gapevent *g, struct buf *out);
/* Fresh memory, freed by gapevent_release. HF_EDAMAGE, HF_ENEWER. */
int gapevent_decode(const void *plain, size_t len, struct gapevent *out);
void gapevent_release(struct gapevent *g);

/* "overflow", "restart", "mount-change", "watch-limit"; "unknown". */
const char *gapevent_reason_name(enum gapevent_reason reason);

#endif
