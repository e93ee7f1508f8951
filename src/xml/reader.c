#include "xml/reader.h"

#include <expat.h>
#include <strings.h>

#include "base/buf.h"
#include "base/check.h"

enum {
    XML_BYTES_DEFAULT = 1024 * 1024,
    XML_DEPTH_DEFAULT = 16,
    XML_ELEMENTS_DEFAULT = 8192,
    XML_TEXT_DEFAULT = 4096,
    XML_DEPTH_CEILING = 64,
    XML_NAMES_KEPT = 32,
    XML_NAME_MAX = 256,
    XML_PIECE = 16 * 1024,
    /* Expat looks at an unfinished token again with every piece: a long one costs its square. */
    XML_TOKEN_MAX = 64 * 1024
};

struct open_element {
    struct xml_node *node;
    struct xml_node *last_child;
};

struct reader {
    XML_Parser parser;
    struct arena *arena;
    struct note *note;
    struct xml_limits limits;
    enum status_code failed;
    struct xml_node *root;
    size_t elements;
    size_t depth;
    struct open_element open[XML_DEPTH_CEILING];
    struct buf text; /* of the innermost element, as far as it has come */
    size_t name_count;
    struct slice names[XML_NAMES_KEPT]; /* a name that comes again is kept once */
};

static void stop(struct reader *r, enum status_code code, const char *why) {
    if (r->failed != STATUS_OK) return;
    r->failed = code;
    note_set(r->note, "%s", why);
    XML_StopParser(r->parser, XML_FALSE);
}

/* The name without its prefix; one that ends in a colon has none, and is left as it is. */
static struct slice local_name(const XML_Char *name) {
    const char *colon = strrchr(name, ':');
    return slice_str(colon && colon[1] != '\0' ? colon + 1 : name);
}

static struct slice keep_name(struct reader *r, struct slice name) {
    for (size_t i = 0; i < r->name_count; i++) {
        if (slice_eq(r->names[i], name)) return r->names[i];
    }
    struct slice kept = arena_dup(r->arena, name);
    if (r->name_count < XML_NAMES_KEPT && kept.ptr != NULL) r->names[r->name_count++] = kept;
    return kept;
}

static void attach(struct reader *r, struct xml_node *node) {
    if (r->depth == 0) {
        r->root = node;
        return;
    }
    struct open_element *parent = &r->open[r->depth - 1];
    if (parent->last_child) {
        parent->last_child->next = node;
    } else {
        parent->node->first_child = node;
    }
    parent->last_child = node;
}

static void on_start(void *context, const XML_Char *raw_name, const XML_Char **attributes) {
    (void)attributes;
    struct reader *r = context;
    if (r->failed != STATUS_OK) return;
    struct slice name = local_name(raw_name);
    if (r->depth == r->limits.depth_max) {
        stop(r, STATUS_TOO_LARGE, "the XML is nested too deeply");
        return;
    }
    if (r->elements == r->limits.elements_max || name.len > XML_NAME_MAX) {
        stop(r, STATUS_TOO_LARGE, "the XML has too many elements, or one with too long a name");
        return;
    }
    struct xml_node *node = ARENA_NEW(r->arena, struct xml_node);
    if (node == NULL) {
        stop(r, STATUS_NO_MEMORY, "the XML takes more memory than a request has");
        return;
    }
    node->name = keep_name(r, name);
    attach(r, node);
    r->elements++;
    r->open[r->depth++] = (struct open_element){.node = node};
    buf_clear(&r->text);
}

static void on_end(void *context, const XML_Char *name) {
    (void)name;
    struct reader *r = context;
    if (r->failed != STATUS_OK) return;
    struct xml_node *node = r->open[--r->depth].node;
    if (node->first_child == NULL) node->text = arena_dup(r->arena, buf_slice(&r->text));
    buf_clear(&r->text);
    if (!is_ok(arena_ok(r->arena))) {
        stop(r, STATUS_NO_MEMORY, "the XML takes more memory than a request has");
    }
}

static void on_text(void *context, const XML_Char *text, int len) {
    struct reader *r = context;
    if (r->failed != STATUS_OK || r->depth == 0) return;
    if (r->open[r->depth - 1].node->first_child != NULL) return;
    buf_append(&r->text, slice_of(text, (size_t)len));
    if (r->text.overflowed) stop(r, STATUS_TOO_LARGE, "a text in the XML is too long");
}

static void on_doctype(void *context, const XML_Char *name, const XML_Char *system_id,
                       const XML_Char *public_id, int has_internal_subset) {
    (void)name;
    (void)system_id;
    (void)public_id;
    (void)has_internal_subset;
    stop(context, STATUS_INVALID, "the XML has a document type declaration");
}

static size_t or_default(size_t value, size_t fallback) {
    return value > 0 ? value : fallback;
}

static struct xml_limits limits_of(const struct xml_limits *given) {
    struct xml_limits limits = given ? *given : (struct xml_limits){0};
    limits.bytes_max = or_default(limits.bytes_max, XML_BYTES_DEFAULT);
    limits.depth_max = or_default(limits.depth_max, XML_DEPTH_DEFAULT);
    limits.elements_max = or_default(limits.elements_max, XML_ELEMENTS_DEFAULT);
    limits.text_max = or_default(limits.text_max, XML_TEXT_DEFAULT);
    CHECK(limits.depth_max <= XML_DEPTH_CEILING);
    return limits;
}

static struct status parse_error(struct reader *r) {
    if (r->failed != STATUS_OK) return status_of(r->failed);
    enum XML_Error error = XML_GetErrorCode(r->parser);
    if (error == XML_ERROR_NO_MEMORY) {
        return note_status(r->note, STATUS_NO_MEMORY, "no memory to read the XML");
    }
    return note_status(r->note, STATUS_INVALID, "the XML is not well-formed: %s in line %lu",
                       XML_ErrorString(error), (unsigned long)XML_GetCurrentLineNumber(r->parser));
}

static struct status feed_all(struct reader *r, struct source *source) {
    char piece[XML_PIECE];
    size_t total = 0;
    bool end = false;
    while (!end) {
        size_t len;
        TRY(source_fill(source, piece, sizeof piece, &len, &end));
        total += len;
        if (total > r->limits.bytes_max) {
            return note_status(r->note, STATUS_TOO_LARGE, "the XML is larger than %zu bytes",
                               r->limits.bytes_max);
        }
        if (XML_Parse(r->parser, piece, (int)len, end) != XML_STATUS_OK) return parse_error(r);
        XML_Index at = XML_GetCurrentByteIndex(r->parser);
        if (at >= 0 && total - (size_t)at > XML_TOKEN_MAX) {
            return note_status(r->note, STATUS_TOO_LARGE,
                               "a tag or comment in the XML is too long");
        }
    }
    return status_ok();
}

struct status xml_read(struct arena *arena, struct source *source, const struct xml_limits *limits,
                       struct note *note, const struct xml_node **ret_root) {
    XML_Parser parser = XML_ParserCreate(NULL);
    if (parser == NULL) return note_status(note, STATUS_NO_MEMORY, "no memory to read the XML");
    struct reader r = {.parser = parser, .arena = arena, .note = note, .limits = limits_of(limits)};
    buf_init(&r.text, r.limits.text_max);
    XML_SetUserData(parser, &r);
    XML_SetElementHandler(parser, on_start, on_end);
    XML_SetCharacterDataHandler(parser, on_text);
    XML_SetStartDoctypeDeclHandler(parser, on_doctype);
    struct status status = feed_all(&r, source);
    if (is_ok(status)) status = arena_ok(arena);
    if (is_ok(status)) *ret_root = r.root;
    buf_fini(&r.text);
    XML_ParserFree(parser);
    return status;
}

struct status xml_parse(struct arena *arena, struct slice document, const struct xml_limits *limits,
                        struct note *note, const struct xml_node **ret_root) {
    struct slice_source source;
    slice_source_init(&source, document, 0);
    return xml_read(arena, &source.source, limits, note, ret_root);
}

bool xml_is(const struct xml_node *node, const char *name) {
    return node != NULL && slice_eq(node->name, slice_str(name));
}

static const struct xml_node *find_from(const struct xml_node *node, struct slice name) {
    while (node != NULL && !slice_eq(node->name, name)) node = node->next;
    return node;
}

const struct xml_node *xml_child(const struct xml_node *node, const char *name) {
    return node ? find_from(node->first_child, slice_str(name)) : NULL;
}

const struct xml_node *xml_next_same(const struct xml_node *node) {
    return find_from(node->next, node->name);
}

struct slice xml_text(const struct xml_node *node, const char *name) {
    const struct xml_node *child = xml_child(node, name);
    return child ? child->text : (struct slice){0};
}

static struct slice trim_blanks(struct slice s) {
    while (s.len > 0 && memchr(" \t\r\n", s.ptr[0], 4)) s = slice_skip(s, 1);
    while (s.len > 0 && memchr(" \t\r\n", s.ptr[s.len - 1], 4)) s = slice_take(s, s.len - 1);
    return s;
}

bool xml_u64(const struct xml_node *node, const char *name, uint64_t *ret_value) {
    return slice_parse_u64(trim_blanks(xml_text(node, name)), ret_value);
}

bool xml_bool(const struct xml_node *node, const char *name, bool *ret_value) {
    struct slice text = trim_blanks(xml_text(node, name));
    bool yes = slice_eq_nocase(text, SLICE("true"));
    if (!yes && !slice_eq_nocase(text, SLICE("false"))) return false;
    *ret_value = yes;
    return true;
}
