/*
 * reader.h - JSON documents from outside, bounded and strict
 *
 *     parse ── get*, string*, … ── free
 *
 * Stricter than most: UTF-8 only, no NUL in strings, no member twice in an object, nothing behind
 * the value. Bounded in bytes, depth and members of an object.
 *
 * Threads: a document is read by any number of threads, freed by one.
 */
#ifndef JSON_READER_H
#define JSON_READER_H

#include "base/note.h"
#include "base/slice.h"
#include "base/status.h"

enum {
    JSON_BYTES_MAX = 4 * 1024 * 1024,
    JSON_DEPTH_MAX = 32,
    JSON_MEMBERS_MAX = 256 /* of one object */
};

/* A value; the outermost one stands for the document. */
struct json;

enum json_type { JSON_NULL, JSON_BOOL, JSON_NUMBER, JSON_STRING, JSON_ARRAY, JSON_OBJECT };

/*
 * Parses a document.
 * Owns: the caller; json_free.
 * Errors: INVALID, TOO_LARGE, NO_MEMORY, noted.
 * Spec: RFC 8259.
 */
struct status json_parse(struct slice text, struct note *note, struct json **ret_document);

/* Frees a document with all its values and nulls the pointer; NULL is allowed. */
void json_free(struct json **document);

/* The type of a value; JSON_NULL for NULL. */
enum json_type json_type(const struct json *value);

/* The member of that name (exact case); NULL where there is none or `object` is no object. */
const struct json *json_get(const struct json *object, const char *name);

/*
 * Each is false, and writes nothing, where the value is NULL or of another kind. Numbers are whole
 * and at most 2^53 in size.
 */
bool json_string(const struct json *value, struct slice *ret_text);
bool json_u64(const struct json *value, uint64_t *ret_value);
bool json_i64(const struct json *value, int64_t *ret_value);
bool json_double(const struct json *value, double *ret_value);
bool json_bool(const struct json *value, bool *ret_value);

/* The string member of that name; an empty slice with a NULL ptr where there is none. */
struct slice json_get_string(const struct json *object, const char *name);

/* How many elements or members there are; 0 for other values. */
size_t json_count(const struct json *value);

/* The first element or member, NULL where there is none, and the one behind it. */
const struct json *json_first(const struct json *value);
const struct json *json_next(const struct json *value);

/* The name of a member; empty for an element. */
struct slice json_name(const struct json *member);

/* `for` over the elements or members of `value`. */
#define JSON_EACH(item, value) \
    for (const struct json *item = json_first(value); item != NULL; item = json_next(item))

#endif
