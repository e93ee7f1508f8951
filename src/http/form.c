#include "http/form.h"

#include "base/check.h"
#include "http/head.h"
#include "http/text.h"

enum { PART_HEADERS_MAX = 16 };

/* ---- the buffer ---- */

static struct slice buffered(const struct http_form *form) {
    return slice_of(form->buffer + form->at, form->len - form->at);
}

/* Gets more bytes behind those that are there; false in `*ret_more` where there are no others. */
static struct status buffer_more(struct http_form *form, bool *ret_more) {
    *ret_more = false;
    if (form->inner_ended) return status_ok();
    memmove(form->buffer, form->buffer + form->at, form->len - form->at);
    form->len -= form->at;
    form->at = 0;
    if (form->len == sizeof form->buffer) return status_ok();
    size_t got = 0;
    while (got == 0 && !form->inner_ended) {
        TRY(source_pull(form->inner, form->buffer + form->len, sizeof form->buffer - form->len,
                        &got, &form->inner_ended));
    }
    form->len += got;
    *ret_more = got > 0;
    return status_ok();
}

static struct status malformed(struct http_form *form, const char *what) {
    return note_status(form->note, STATUS_INVALID,
                       "The body of your POST request is not well-formed multipart/form-data: %s.",
                       what);
}

/* Takes a line without its CRLF off the buffer. */
static struct status line_take(struct http_form *form, struct slice *ret_line) {
    for (;;) {
        struct slice bytes = buffered(form);
        size_t end = slice_find(bytes, SLICE("\r\n"), 0);
        if (end < bytes.len) {
            *ret_line = slice_take(bytes, end);
            form->at += end + 2;
            return status_ok();
        }
        bool more;
        TRY(buffer_more(form, &more));
        if (!more) return malformed(form, "a line does not end");
    }
}

/* ---- a part's head ---- */

/* Takes `name="value"` or `name=value` off the parameters of a header; false at their end. */
static bool parameter_take(struct slice *rest, struct slice *ret_name, struct slice *ret_value) {
    struct slice text = slice_trim(*rest);
    while (text.len > 0 && text.ptr[0] == ';') text = slice_trim(slice_skip(text, 1));
    size_t equals = slice_find_char(text, '=');
    if (equals == text.len) return false;
    *ret_name = slice_trim(slice_take(text, equals));
    text = slice_skip(text, equals + 1);
    if (text.len > 0 && text.ptr[0] == '"') {
        text = slice_skip(text, 1);
        size_t quote = 0;
        while (quote < text.len && text.ptr[quote] != '"') {
            quote += text.ptr[quote] == '\\' && quote + 1 < text.len ? 2 : 1;
        }
        if (quote >= text.len) return false;
        *ret_value = slice_take(text, quote);
        *rest = slice_skip(text, quote + 1);
        return true;
    }
    size_t end = slice_find_char(text, ';');
    *ret_value = slice_trim(slice_take(text, end));
    *rest = slice_skip(text, end);
    return true;
}

struct part_head {
    struct slice name; /* NULL ptr: there was none */
    struct slice file_name;
    struct slice type;
    struct slice encoding;
};

/* What browsers escape in a quoted name: %22 for the quote is theirs to keep, \" is a quote. */
static struct slice unescaped(struct arena *arena, struct slice text) {
    struct slice copy = arena_dup(arena, text);
    char *bytes = (char *)(uintptr_t)copy.ptr;
    size_t n = 0;
    for (size_t i = 0; i < copy.len; i++) {
        bool escape =
            bytes[i] == '\\' && i + 1 < copy.len && (bytes[i + 1] == '"' || bytes[i + 1] == '\\');
        if (escape) i++;
        bytes[n++] = bytes[i];
    }
    return slice_of(bytes, n);
}

static struct status disposition_read(struct http_form *form, struct slice value,
                                      struct part_head *head) {
    struct slice kind;
    struct slice rest;
    slice_cut(value, ';', &kind, &rest);
    if (!slice_eq_nocase(slice_trim(kind), SLICE("form-data"))) {
        return malformed(form, "a part is no form-data");
    }
    struct slice name;
    struct slice text;
    while (parameter_take(&rest, &name, &text)) {
        if (slice_eq_nocase(name, SLICE("name"))) head->name = unescaped(form->arena, text);
        if (slice_eq_nocase(name, SLICE("filename"))) {
            head->file_name = unescaped(form->arena, text);
        }
    }
    return arena_ok(form->arena);
}

static struct status fields_bytes_count(struct http_form *form, size_t bytes) {
    form->fields_bytes += bytes;
    if (form->fields_bytes <= HTTP_FORM_FIELDS_BYTES_MAX) return status_ok();
    return note_status(form->note, STATUS_TOO_LARGE,
                       "Your POST request fields preceding the upload file were too large.");
}

static struct status part_head_read(struct http_form *form, struct part_head *ret_head) {
    *ret_head = (struct part_head){0};
    for (unsigned lines = 0; lines <= PART_HEADERS_MAX; lines++) {
        struct slice line;
        struct http_header header;
        TRY(line_take(form, &line));
        TRY(fields_bytes_count(form, line.len + 2));
        if (line.len == 0) {
            return ret_head->name.ptr ? status_ok() : malformed(form, "a part has no name");
        }
        if (!http_header_parse(line, &header)) return malformed(form, "a header is malformed");
        if (slice_eq_nocase(header.name, SLICE("Content-Disposition"))) {
            TRY(disposition_read(form, header.value, ret_head));
        } else if (slice_eq_nocase(header.name, SLICE("Content-Type"))) {
            ret_head->type = arena_dup(form->arena, header.value);
        } else if (slice_eq_nocase(header.name, SLICE("Content-Encoding"))) {
            ret_head->encoding = arena_dup(form->arena, header.value);
        }
    }
    return malformed(form, "a part has too many headers");
}

/* ---- fields ---- */

/* Reads a field's value: everything up to the delimiter, which is taken too. */
static struct status value_read(struct http_form *form, struct slice *ret_value) {
    struct slice delimiter = slice_of(form->delimiter, form->delimiter_len);
    for (;;) {
        struct slice bytes = buffered(form);
        size_t end = slice_find(bytes, delimiter, 0);
        if (end < bytes.len) {
            TRY(fields_bytes_count(form, end + delimiter.len));
            *ret_value = arena_dup(form->arena, slice_take(bytes, end));
            form->at += end + delimiter.len;
            return arena_ok(form->arena);
        }
        bool more;
        TRY(buffer_more(form, &more));
        if (!more && form->inner_ended) return malformed(form, "a field does not end");
        if (!more) return fields_bytes_count(form, HTTP_FORM_FIELDS_BYTES_MAX + 1);
    }
}

/* Makes sure that the two bytes behind a delimiter are there, which tell the last one. */
static struct status delimiter_end_peek(struct http_form *form, bool *ret_last) {
    bool more = true;
    while (more && form->len - form->at < 2) TRY(buffer_more(form, &more));
    *ret_last = slice_starts_with(buffered(form), SLICE("--"));
    return status_ok();
}

/* What stands behind a delimiter: the rest of its line, or the two dashes of the last one. */
static struct status delimiter_line_end(struct http_form *form, bool *ret_last) {
    struct slice line;
    TRY(delimiter_end_peek(form, ret_last));
    if (*ret_last) {
        return form->has_many ? status_ok() : malformed(form, "there is no file in it");
    }
    TRY(line_take(form, &line));
    return slice_trim(line).len == 0 ? status_ok() : malformed(form, "a boundary is malformed");
}

static struct status opening_read(struct http_form *form) {
    struct slice boundary = slice_of(form->delimiter + 2, form->delimiter_len - 2);
    struct slice line;
    TRY(line_take(form, &line));
    if (!slice_starts_with(line, boundary) || slice_trim(slice_skip(line, boundary.len)).len != 0) {
        return malformed(form, "it does not begin with its boundary");
    }
    return status_ok();
}

static struct status field_add(struct http_form *form, struct slice name, bool *ret_last) {
    struct http_form_field field = {.name = name};
    if (form->field_count == HTTP_FORM_FIELDS_MAX) {
        return note_status(form->note, STATUS_TOO_LARGE, "The form has more than %d fields.",
                           HTTP_FORM_FIELDS_MAX);
    }
    TRY(value_read(form, &field.value));
    if (!form->fields_done) form->fields[form->field_count++] = field;
    return delimiter_line_end(form, ret_last);
}

/* ---- files ---- */

/* Drops what follows the file, within bounds: other parts, and whatever clients add. */
static struct status epilogue_drop(struct http_form *form) {
    size_t dropped = 0;
    for (;;) {
        dropped += form->len - form->at;
        form->at = form->len;
        if (dropped > HTTP_FORM_EPILOGUE_MAX) return malformed(form, "too much follows the file");
        bool more;
        TRY(buffer_more(form, &more));
        if (!more) return status_ok();
    }
}

/* Hands out `len` bytes of the buffer. */
static size_t hand_out(struct http_form *form, void *out, size_t cap, size_t len) {
    size_t n = len < cap ? len : cap;
    memcpy(out, form->buffer + form->at, n);
    form->at += n;
    return n;
}

/* How many buffered bytes surely belong to the file; `*ret_end` that its boundary follows them. */
static size_t file_bytes(const struct http_form *form, bool *ret_end) {
    struct slice bytes = buffered(form);
    size_t end = slice_find(bytes, slice_of(form->delimiter, form->delimiter_len), 0);
    *ret_end = end < bytes.len;
    if (*ret_end) return end;
    size_t keep = form->delimiter_len - 1;
    return bytes.len > keep ? bytes.len - keep : 0;
}

static struct status form_pull(struct source *source, void *out, size_t cap, size_t *ret_len,
                               bool *ret_end) {
    struct http_form *form = CONTAINER_OF(source, struct http_form, source);
    CHECK(form->state == HTTP_FORM_FILE);
    bool end_seen;
    size_t ready = file_bytes(form, &end_seen);
    while (ready == 0 && !end_seen) {
        bool more;
        TRY(buffer_more(form, &more));
        if (!more) {
            return note_status(form->note, STATUS_CLOSED, "The form ends before its boundary.");
        }
        ready = file_bytes(form, &end_seen);
    }
    *ret_len = hand_out(form, out, cap, ready);
    *ret_end = end_seen && *ret_len == ready;
    if (!*ret_end) return status_ok();
    form->state = HTTP_FORM_FILE_END;
    if (form->has_many) return status_ok();
    TRY(epilogue_drop(form));
    form->state = HTTP_FORM_DONE;
    return status_ok();
}

static const struct source_ops form_source_ops = {form_pull};

/* ---- the door ---- */

static bool is_boundary_char(char c) {
    return http_is_token_char(c) || (c != '\0' && strchr("()/:=?, ", c) != NULL);
}

bool http_form_boundary(struct slice content_type, struct slice *ret_boundary) {
    struct slice kind;
    struct slice rest;
    slice_cut(content_type, ';', &kind, &rest);
    if (!slice_eq_nocase(slice_trim(kind), SLICE("multipart/form-data"))) return false;
    struct slice name;
    struct slice value;
    while (parameter_take(&rest, &name, &value)) {
        if (!slice_eq_nocase(name, SLICE("boundary"))) continue;
        if (value.len == 0 || value.len > HTTP_FORM_BOUNDARY_MAX) return false;
        for (size_t i = 0; i < value.len; i++) {
            if (!is_boundary_char(value.ptr[i])) return false;
        }
        *ret_boundary = value;
        return value.ptr[value.len - 1] != ' ';
    }
    return false;
}

static struct status open(struct http_form *form, struct slice boundary, struct source *inner,
                          struct arena *arena, struct note *note) {
    CHECK(boundary.len > 0 && boundary.len <= HTTP_FORM_BOUNDARY_MAX);
    memset(form, 0, offsetof(struct http_form, buffer));
    form->source.ops = &form_source_ops;
    form->inner = inner;
    form->arena = arena;
    form->note = note;
    memcpy(form->delimiter, "\r\n--", 4);
    memcpy(form->delimiter + 4, boundary.ptr, boundary.len);
    form->delimiter_len = 4 + boundary.len;
    return opening_read(form);
}

static bool is_file(const struct http_form *form, const struct part_head *head) {
    return form->has_many ? head->file_name.len > 0 : slice_eq_nocase(head->name, SLICE("file"));
}

/* Reads fields up to a file, or to the end of a form that may end without one. */
static struct status file_find(struct http_form *form, bool *ret_file) {
    bool last = false;
    while (!last) {
        struct part_head head;
        TRY(part_head_read(form, &head));
        *ret_file = is_file(form, &head);
        if (*ret_file) {
            form->file_name = head.file_name;
            form->file_type = head.type;
            form->file_encoding = head.encoding;
            form->state = HTTP_FORM_FILE;
            form->fields_done = true;
            return status_ok();
        }
        TRY(field_add(form, head.name, &last));
    }
    form->state = HTTP_FORM_DONE;
    return epilogue_drop(form);
}

struct status http_form_begin(struct http_form *form, struct slice boundary, struct source *inner,
                              struct arena *arena, struct note *note) {
    bool found;
    TRY(open(form, boundary, inner, arena, note));
    return file_find(form, &found);
}

struct status http_form_open(struct http_form *form, struct slice boundary, struct source *inner,
                             struct arena *arena, struct note *note) {
    struct status s = open(form, boundary, inner, arena, note);
    form->has_many = true;
    return s;
}

struct status http_form_next(struct http_form *form, struct arena *arena, bool *ret_file) {
    bool last = false;
    CHECK(form->has_many && form->state != HTTP_FORM_FILE);
    *ret_file = false;
    if (form->state == HTTP_FORM_DONE) return status_ok();
    form->arena = arena;
    form->fields_bytes = 0;
    if (form->state == HTTP_FORM_FILE_END) {
        form->at += form->delimiter_len;
        TRY(delimiter_line_end(form, &last));
    }
    if (!last) return file_find(form, ret_file);
    form->state = HTTP_FORM_DONE;
    return epilogue_drop(form);
}

struct slice http_form_find(const struct http_form *form, struct slice name) {
    for (size_t i = 0; i < form->field_count; i++) {
        if (slice_eq_nocase(form->fields[i].name, name)) return form->fields[i].value;
    }
    return (struct slice){0};
}
