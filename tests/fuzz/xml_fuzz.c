/*
 * Any bytes as an XML document: bounded, independent of the pieces it comes in, and what was read
 * can be written and read again.
 */
#include <stdint.h>

#include "base/check.h"
#include "xml/reader.h"
#include "xml/writer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { DEPTH_MAX = 10, ELEMENTS_MAX = 500, TEXT_MAX = 300 };

static const struct xml_limits limits = {
    .bytes_max = 1 << 16,
    .depth_max = DEPTH_MAX,
    .elements_max = ELEMENTS_MAX,
    .text_max = TEXT_MAX,
};

/* Writes the tree with one name for all elements: names are ours and are not escaped. */
static size_t write_tree(struct xml_writer *w, const struct xml_node *node) {
    size_t count = 1;
    CHECK(node->name.len > 0 && node->text.len <= TEXT_MAX);
    CHECK(node->first_child == NULL || node->text.len == 0);
    xml_open(w, "E");
    xml_write_text(w, node->text);
    for (const struct xml_node *c = node->first_child; c; c = c->next) count += write_tree(w, c);
    xml_close(w, "E");
    return count;
}

static bool same_tree(const struct xml_node *a, const struct xml_node *b) {
    while (a && b) {
        if (!slice_eq(a->text, b->text) || !same_tree(a->first_child, b->first_child)) return false;
        a = a->next;
        b = b->next;
    }
    return a == b;
}

static void check_round_trip(struct arena *arena, const struct xml_node *root) {
    struct buf buf;
    struct xml_writer w;
    const struct xml_node *again;
    struct xml_limits wide = limits;
    wide.bytes_max = 1 << 20;
    buf_init(&buf, 1 << 20);
    xml_writer_init(&w, &buf);
    xml_declaration(&w);
    CHECK(write_tree(&w, root) <= ELEMENTS_MAX);
    CHECK(is_ok(xml_end(&w)));
    CHECK(is_ok(xml_parse(arena, buf_slice(&buf), &wide, NULL, &again)));
    CHECK(same_tree(root, again));
    buf_fini(&buf);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct arena arena;
    struct slice_source source;
    struct note note = {""};
    const struct xml_node *root = NULL;
    const struct xml_node *other = NULL;
    arena_init(&arena, 4096, 1 << 22);
    slice_source_init(&source, slice_of(data, size), 1 + size % 13);
    struct status status = xml_read(&arena, &source.source, &limits, &note, &root);
    struct status again = xml_parse(&arena, slice_of(data, size), &limits, NULL, &other);
    CHECK(status.code == again.code);
    if (is_ok(status)) {
        CHECK(same_tree(root, other));
        check_round_trip(&arena, root);
    } else {
        CHECK(note.text[0] != '\0' && root == NULL);
    }
    arena_fini(&arena);
    return 0;
}
