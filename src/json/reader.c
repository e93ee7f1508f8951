#include "json/reader.h"

#include <cjson/cJSON.h>

#include "base/codec.h"
#include "json/scan.h"

/* A struct json is a cJSON: nobody outside needs to know. */
static const cJSON *node_of(const struct json *value) {
    return (const cJSON *)value;
}

static const struct json *value_of(const cJSON *node) {
    return (const struct json *)node;
}

static struct status parse_scanned(struct slice text, struct note *note, cJSON **ret_root) {
    const char *end = NULL;
    cJSON *root = cJSON_ParseWithLengthOpts(text.ptr, text.len, &end, false);
    if (root == NULL) return note_status(note, STATUS_NO_MEMORY, "no memory to read the JSON");
    *ret_root = root;
    return status_ok();
}

/* RFC 8259 section 4: what a name that comes twice means, differs from reader to reader. */
static bool has_twins(const cJSON *object) {
    for (const cJSON *a = object->child; a != NULL; a = a->next) {
        for (const cJSON *b = object->child; b != a; b = b->next) {
            if (strcmp(a->string, b->string) == 0) return true;
        }
    }
    return false;
}

static bool any_twins(const cJSON *node) {
    if (cJSON_IsObject(node) && has_twins(node)) return true;
    for (const cJSON *child = node->child; child != NULL; child = child->next) {
        if (child->child != NULL && any_twins(child)) return true;
    }
    return false;
}

struct status json_parse(struct slice text, struct note *note, struct json **ret_document) {
    cJSON *root = NULL;
    TRY(json_scan(text, note));
    TRY(parse_scanned(text, note, &root));
    if (any_twins(root)) {
        cJSON_Delete(root);
        return note_status(note, STATUS_INVALID, "the JSON has a name twice in one object");
    }
    *ret_document = (struct json *)root;
    return status_ok();
}

void json_free(struct json **document) {
    cJSON_Delete((cJSON *)*document);
    *document = NULL;
}

enum json_type json_type(const struct json *value) {
    const cJSON *node = node_of(value);
    if (cJSON_IsBool(node)) return JSON_BOOL;
    if (cJSON_IsNumber(node)) return JSON_NUMBER;
    if (cJSON_IsString(node)) return JSON_STRING;
    if (cJSON_IsArray(node)) return JSON_ARRAY;
    if (cJSON_IsObject(node)) return JSON_OBJECT;
    return JSON_NULL;
}

const struct json *json_get(const struct json *object, const char *name) {
    if (json_type(object) != JSON_OBJECT) return NULL;
    return value_of(cJSON_GetObjectItemCaseSensitive(node_of(object), name));
}

bool json_string(const struct json *value, struct slice *ret_text) {
    if (json_type(value) != JSON_STRING) return false;
    *ret_text = slice_str(node_of(value)->valuestring);
    return true;
}

static bool whole_number(const struct json *value, double *ret_number) {
    if (json_type(value) != JSON_NUMBER) return false;
    double number = node_of(value)->valuedouble;
    /* Beyond 2^53 a double has skipped whole numbers, and nobody knows which one was meant. */
    bool exact = number >= -9007199254740992.0 && number <= 9007199254740992.0;
    if (!exact || number != (double)(int64_t)number) return false;
    *ret_number = number;
    return true;
}

bool json_u64(const struct json *value, uint64_t *ret_value) {
    double number;
    if (!whole_number(value, &number) || number < 0) return false;
    *ret_value = (uint64_t)number;
    return true;
}

bool json_i64(const struct json *value, int64_t *ret_value) {
    double number;
    if (!whole_number(value, &number)) return false;
    *ret_value = (int64_t)number;
    return true;
}

bool json_double(const struct json *value, double *ret_value) {
    if (json_type(value) != JSON_NUMBER) return false;
    *ret_value = node_of(value)->valuedouble;
    return true;
}

bool json_bool(const struct json *value, bool *ret_value) {
    if (json_type(value) != JSON_BOOL) return false;
    *ret_value = cJSON_IsTrue(node_of(value));
    return true;
}

struct slice json_get_string(const struct json *object, const char *name) {
    struct slice text = {0};
    (void)json_string(json_get(object, name), &text);
    return text;
}

size_t json_count(const struct json *value) {
    size_t count = 0;
    JSON_EACH(item, value) count++;
    return count;
}

const struct json *json_first(const struct json *value) {
    return value ? value_of(node_of(value)->child) : NULL;
}

const struct json *json_next(const struct json *value) {
    return value ? value_of(node_of(value)->next) : NULL;
}

struct slice json_name(const struct json *member) {
    return member ? slice_str(node_of(member)->string) : (struct slice){0};
}
