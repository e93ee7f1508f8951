/*
 * form.h - multipart/form-data as browsers send it: some fields, then files, in a stream
 *
 *     boundary ─┬─▶ http_form_begin ── fields ── (pull* ── end)               one file
 *               └─▶ http_form_open ── (http_form_next ── pull* ── end)* ── no other    any number
 *
 * The fields before the first file are read into an arena, bounded together; a file is a source
 * that ends where its boundary stands, and nothing of it is held but a buffer. What comes behind
 * the only file is read and dropped, as S3 does: fields belong before it. So are fields between
 * files.
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
    HTTP_FORM_FIELDS,   /* at a part's head */
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
    bool has_many;    /* files: it was opened, not begun */
    bool fields_done; /* a file has been there: fields do not count any more */
    size_t field_count;
    struct http_form_field fields[HTTP_FORM_FIELDS_MAX];
    struct slice file_name;     /* as the browser says it; empty where it does not */
    struct slice file_type;     /* Content-Type of the file's part; empty where it has none */
    struct slice file_encoding; /* Content-Encoding, likewise */
    size_t fields_bytes;        /* before this file, and behind the one before it */
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
 * Takes up to the first part of a form with any number of files, which are the parts with a file's
 * name, whatever they are called otherwise. Owns, Errors: as http_form_begin.
 */
struct status http_form_open(struct http_form *form, struct slice boundary, struct source *inner,
                             struct arena *arena, struct note *note);

/*
 * Reads up to the first byte of the next file; false in `*ret_file`: there is no other, and the
 * form is at its end. Only fields before the first file are kept.
 * Owns: what is read lies in `arena`, which outlives the fields, or, from the second file on, the
 * file. Order: opened; the file before was pulled to its end.
 * Errors: as http_form_begin; INVALID where too much follows the end.
 */
struct status http_form_next(struct http_form *form, struct arena *arena, bool *ret_file);

/*
 * The value of a field (any case of its name); an empty slice with a NULL ptr where there is none.
 */
struct slice http_form_find(const struct http_form *form, struct slice name);

#endif
