#include "cli/table.h"

#include <stdlib.h>

#include "base/check.h"

/* Characters, not bytes: the bytes that begin one. */
static size_t width_of(struct slice text) {
    size_t width = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (((unsigned char)text.ptr[i] & 0xc0) != 0x80) width++;
    }
    return width;
}

void table_init(struct table *table, const char *const *titles, size_t column_count) {
    CHECK(column_count > 0 && column_count <= TABLE_COLUMNS_MAX);
    *table = (struct table){.titles = titles, .column_count = column_count};
    for (size_t i = 0; i < column_count; i++) table->widths[i] = width_of(slice_str(titles[i]));
}

void table_cell(struct table *table, struct slice text) {
    if (table->cell_count == table->cell_cap) {
        table->cell_cap = table->cell_cap ? 2 * table->cell_cap : 64;
        table->cells = reallocarray(table->cells, table->cell_cap, sizeof *table->cells);
        CHECK(table->cells != NULL);
    }
    size_t column = table->cell_count % table->column_count;
    size_t width = width_of(text);
    if (width > table->widths[column]) table->widths[column] = width;
    table->cells[table->cell_count++] = text;
}

static void print_cell(const struct table *table, size_t column, struct slice text, FILE *out) {
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        fputc(c < 0x20 || c == 0x7f ? '?' : c, out);
    }
    bool last = column + 1 == table->column_count;
    size_t padding = last ? 0 : table->widths[column] - width_of(text) + 2;
    fprintf(out, "%*s%s", (int)padding, "", last ? "\n" : "");
}

void table_print(const struct table *table, FILE *out) {
    CHECK(table->cell_count % table->column_count == 0);
    for (size_t i = 0; i < table->column_count; i++) {
        print_cell(table, i, slice_str(table->titles[i]), out);
    }
    for (size_t i = 0; i < table->cell_count; i++) {
        print_cell(table, i % table->column_count, table->cells[i], out);
    }
}

void table_fini(struct table *table) {
    free(table->cells);
    *table = (struct table){0};
}
