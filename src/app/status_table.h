/*
 * status_table.h - how the jobs stand, on one screen.
 *
 * A row a job, 80 columns where names are short; below it a sentence for each job that is not well,
 * and one that counts them.
 */
#ifndef HF_APP_STATUS_TABLE_H
#define HF_APP_STATUS_TABLE_H

#include "app/status.h"

struct status_table_style {
    bool colours;
    bool unicode;
};

void status_table_put(struct buf *b, const struct status *s,
                      const struct status_table_style *style);

#endif
