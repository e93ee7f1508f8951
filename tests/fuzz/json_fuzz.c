/* Any bytes as a JSON document: bounded, and what was read can be written and read again. */
#include <stdint.h>

#include "base/buf.h"
#include "base/check.h"
#include "json/reader.h"
#include "json/writer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void write_value(struct json_writer *w, const struct json *value);

static void write_items(struct json_writer *w, const struct json *value, bool is_object) {
    JSON_EACH(item, value) {
        if (is_object) json_key_slice(w, json_name(item));
        write_value(w, item);
    }
}

static void write_value(struct json_writer *w, const struct json *value) {
    struct slice text;
    double number;
    bool yes;
    if (json_type(value) == JSON_OBJECT) {
        json_begin_object(w);
        write_items(w, value, true);
        json_end_object(w);
    } else if (json_type(value) == JSON_ARRAY) {
        json_begin_array(w);
        write_items(w, value, false);
        json_end_array(w);
    } else if (json_string(value, &text)) {
        json_write_string(w, text);
    } else if (json_double(value, &number)) {
        json_write_double(w, number);
    } else if (json_bool(value, &yes)) {
        json_write_bool(w, yes);
    } else {
        json_write_null(w);
    }
}

/* Writing what was read, twice, gives the same text: nothing was lost the first time. */
static void check_round_trip(const struct json *value) {
    struct buf first;
    struct buf second;
    struct json_writer w;
    struct json *again = NULL;
    buf_init(&first, JSON_BYTES_MAX);
    buf_init(&second, JSON_BYTES_MAX);
    json_writer_init(&w, &first);
    write_value(&w, value);
    CHECK(is_ok(buf_ok(&first)));
    CHECK(is_ok(json_parse(buf_slice(&first), NULL, &again)));
    json_writer_init(&w, &second);
    write_value(&w, again);
    CHECK(slice_eq(buf_slice(&first), buf_slice(&second)));
    json_free(&again);
    buf_fini(&first);
    buf_fini(&second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct json *document = NULL;
    struct note note = {""};
    struct status status = json_parse(slice_of(data, size), &note, &document);
    /* What our scanner let pass, the library takes. */
    CHECK(!status_is(status, STATUS_NO_MEMORY));
    if (is_ok(status)) {
        check_round_trip(document);
    } else {
        CHECK(note.text[0] != '\0' && document == NULL);
    }
    json_free(&document);
    return 0;
}
