/*
 * reader.h - the small XML documents that clients send, as a tree in an arena
 *
 *     source ─▶ expat ─▶ arena: root ─ first_child ─ next …
 *
 * The document is read from a source in fixed pieces, to the source's verified end; memory is the
 * arena's. Bounded in bytes, depth, elements and length of a text. A DOCTYPE is refused, so there
 * are no entities but the five predefined ones. Prefixes of names are stripped and namespaces
 * tolerated, right or wrong, as AWS does. Attributes, comments and processing instructions are
 * skipped; so is text between elements.
 *
 * Threads: one at a time.
 */
#ifndef XML_READER_H
#define XML_READER_H

#include "base/arena.h"
#include "base/note.h"
#include "base/slice.h"
#include "base/status.h"
#include "base/stream.h"

struct xml_node {
    struct slice name; /* without a prefix */
    struct slice text; /* UTF-8; of an element without children, as it stands */
    const struct xml_node *first_child;
    const struct xml_node *next; /* the next child of the same parent */
};

/* A zero takes the default in brackets. */
struct xml_limits {
    size_t bytes_max;    /* of the document (1 MiB) */
    size_t depth_max;    /* (16) */
    size_t elements_max; /* (8192) */
    size_t text_max;     /* bytes of one element's text (4096) */
};

/*
 * Reads one document from `source`, to its end. `limits` may be NULL. `ret_root` is the outermost
 * element.
 * Owns: the tree lies in `arena`.
 * Errors: INVALID (not well-formed, or a DOCTYPE), TOO_LARGE (a limit), NO_MEMORY, all noted; those
 * of the source, which then is to be asked what happened.
 * Blocks: as the source.
 * Spec: XML 1.0.
 */
struct status xml_read(struct arena *arena, struct source *source, const struct xml_limits *limits,
                       struct note *note, const struct xml_node **ret_root);

/* The same for a document in memory. */
struct status xml_parse(struct arena *arena, struct slice document, const struct xml_limits *limits,
                        struct note *note, const struct xml_node **ret_root);

/* Whether the element has that name (exact case). */
bool xml_is(const struct xml_node *node, const char *name);

/* The first child of that name; NULL where there is none, or `node` is NULL. */
const struct xml_node *xml_child(const struct xml_node *node, const char *name);

/* The next sibling of the same name as `node`; NULL where there is none. */
const struct xml_node *xml_next_same(const struct xml_node *node);

/*
 * The text of the first child of that name; an empty slice with a NULL ptr where there is none.
 */
struct slice xml_text(const struct xml_node *node, const char *name);

/* The same as a number, blanks around it allowed; false where it is absent or not a number. */
bool xml_u64(const struct xml_node *node, const char *name, uint64_t *ret_value);

/* The same for "true" and "false" of any case. */
bool xml_bool(const struct xml_node *node, const char *name, bool *ret_value);

#endif
