/*
 * gap.h - recording that changes may have been missed: for what watches files between backups.
 *
 * From gap_open on no commit of that job and host is complete, and no time after the begin means a
 * point of it, until the gap is closed. What closes it is a commit of a whole scan that began when
 * the gap had begun (COMMIT_CLOSES_GAPS among backup_options.extra_flags), by the same entry that
 * makes its point: so no time is ever answered by a point from before the gap once it seems over.
 * gap_close is for a gap that no such commit can end: what was watched is not any more, or clocks
 * were set back.
 */
#ifndef HF_ENGINE_GAP_H
#define HF_ENGINE_GAP_H

#include "store/repo.h"

struct gap_begin {
    const char *job, *host;
    enum gapevent_reason reason;
    int64_t begin_ns; /* the last moment up to which nothing was missed */
};

/* HF_EUNKNOWN: it may still appear under out_id. */
int gap_open(struct repo *r, const struct gap_begin *begin, uint8_t out_id[16],
             uint64_t *out_number);
/* HF_ENO_POINT: there is no such gap. *out_number is 0 when it was closed already. */
int gap_close(struct repo *r, const uint8_t id[16], int64_t end_ns, uint64_t *out_number);

#endif
