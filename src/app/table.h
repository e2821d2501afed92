/*
 * table.h - rows of text in columns that are as wide as they must be.
 *
 * Cells are added row by row, then the table is printed at once. Text is UTF-8, made of names that
 * are escaped for terminals. The last column is not padded.
 */
#ifndef HF_APP_TABLE_H
#define HF_APP_TABLE_H

#include <stdbool.h>
#include <stddef.h>

#include "app/out.h"

#define TABLE_COLUMNS 16

struct table {
    size_t columns;
    struct buf text; /* all cells, each with a NUL behind it */
    size_t cells;
    size_t width[TABLE_COLUMNS];
    bool right[TABLE_COLUMNS]; /* numbers stand at the right */
};

/* titles: one for each column; one that begins with '>' is of a column that stands at the right. */
void table_init(struct table *t, const char *const *titles, size_t columns);
void table_release(struct table *t);
/* The next cell, from left to right. */
void table_cell(struct table *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void table_name(struct table *t, const void *data, size_t len);
/* Prints all rows that are complete; memory that ran out is an error of `out`. */
void table_print(struct table *t, struct out *out);

#endif
