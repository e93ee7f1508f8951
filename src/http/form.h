/*
 * form.h - multipart/form-data as browsers send it: some fields, then one file, in a stream
 *
 *     boundary ─▶ http_form_begin ── fields ── (http_form_source ── pull* ── end)
 *
 * The fields before the file are read into an arena, bounded together; the file is a source that
 * ends where its boundary stands, and nothing of it is held but a buffer. What comes behind the
 * file is read and dropped, as S3 does: fields belong before it.
 *
 * Threads: one at a time. Blocks: as the source before it.
 * Spec: RFC 7578; RFC 2046 section 5.1.
 */
#ifndef HTTP_FORM_H
#define HTTP_FORM_H

#include "base/arena.h"
#include "base/note.h"
#include "base/stream.h"

enum {
    HTTP_FORM_FIELDS_MAX = 128,
    HTTP_FORM_FIELDS_BYTES_MAX = 20 * 1024, /* all before the file: S3's limit */
    HTTP_FORM_BOUNDARY_MAX = 70,            /* RFC 2046 section 5.1.1 */
    HTTP_FORM_BUFFER = 16 * 1024,
    HTTP_FORM_EPILOGUE_MAX = 64 * 1024
};

struct http_form_field {
    struct slice name;
    struct slice value;
};

enum http_form_state {
    HTTP_FORM_FIELDS,
    HTTP_FORM_FILE,     /* inside the file */
    HTTP_FORM_FILE_END, /* its boundary has been seen */
    HTTP_FORM_DONE
};

struct http_form {
    struct source source; /* of the file */
    struct source *inner;
    struct arena *arena;
    struct note *note;
    enum http_form_state state;
    size_t field_count;
    struct http_form_field fields[HTTP_FORM_FIELDS_MAX];
    struct slice file_name; /* as the browser says it; empty where it does not */
    struct slice file_type; /* Content-Type of the file's part; empty where it has none */
    size_t fields_bytes;
    char delimiter[4 + HTTP_FORM_BOUNDARY_MAX]; /* CR LF -- boundary */
    size_t delimiter_len;
    bool inner_ended;
    size_t at; /* what is in the buffer and not taken yet: [at, len) */
    size_t len;
    char buffer[HTTP_FORM_BUFFER];
};

/*
 * Takes the boundary out of a Content-Type header. False where it is not multipart/form-data with a
 * boundary that RFC 2046 allows. Owns: `content_type`.
 */
bool http_form_boundary(struct slice content_type, struct slice *ret_boundary);

/*
 * Reads the fields up to the first byte of the file, which is the part named "file" (any case).
 * Owns: fields lie in `arena`; `inner`, `arena` and `note` outlive the form. Don't copy or move it.
 * Errors: INVALID (malformed, or no file); TOO_LARGE (the fields); NO_MEMORY; those of `inner`;
 * noted.
 */
struct status http_form_begin(struct http_form *form, struct slice boundary, struct source *inner,
                              struct arena *arena, struct note *note);

/*
 * The value of a field (any case of its name); an empty slice with a NULL ptr where there is none.
 */
struct slice http_form_find(const struct http_form *form, struct slice name);

#endif
