/*
 * table.h - rows and columns for people
 *
 * Columns are as wide as their widest cell, in characters of UTF-8 text; control characters are
 * shown as '?', so that no name can play tricks with a terminal.
 *
 *     init ── cell* (row by row) ── print ── fini
 *
 * Threads: one at a time.
 */
#ifndef CLI_TABLE_H
#define CLI_TABLE_H

#include <stdio.h>

#include "base/arena.h"

enum { TABLE_COLUMNS_MAX = 12 };

struct table {
    const char *const *titles;
    size_t column_count;
    size_t widths[TABLE_COLUMNS_MAX];
    struct slice *cells; /* row by row */
    size_t cell_count;
    size_t cell_cap;
};

/* Begins a table with these column titles, which must outlive it. */
void table_init(struct table *table, const char *const *titles, size_t column_count);

/* Adds the next cell of the current row; the text must outlive the table. */
void table_cell(struct table *table, struct slice text);

/* Prints titles and rows. */
void table_print(const struct table *table, FILE *out);

/* Gives the rows back. */
void table_fini(struct table *table);

#endif
