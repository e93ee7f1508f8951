#include "s3/post_policy.h"

#include "base/check.h"
#include "base/date.h"
#include "http/text.h"
#include "json/reader.h"

enum { FIELD_BITS = HTTP_FORM_FIELDS_MAX };

/* A document being checked. */
struct checking {
    const struct post_policy_subject *subject;
    struct note *note;
    struct post_policy_range range;
    bool covered[FIELD_BITS]; /* the form's fields that a condition speaks of */
};

static struct status invalid(struct checking *c, const char *text) {
    return note_status(c->note, STATUS_INVALID, "Invalid Policy: %s", text);
}

static struct status failed(struct checking *c, const char *operator, struct slice field,
                            struct slice wanted) {
    return note_status(c->note, STATUS_DENIED,
                       "Invalid according to Policy: Policy Condition failed: "
                       "[\"%s\", \"$%.*s\", \"%.*s\"]",
                       operator, SLICE_FMT(slice_take(field, 64)),
                       SLICE_FMT(slice_take(wanted, 128)));
}

/* A condition on the value of a field. */
struct wish {
    const char *operator;
    struct slice name;
    struct slice wanted;
    bool (*holds)(const struct wish *wish, struct slice value);
};

static bool is_equal(const struct wish *wish, struct slice value) {
    return slice_eq(value, wish->wanted);
}

/* A Content-Type may be a list; then each of its elements must begin so. */
static bool begins_with(const struct wish *wish, struct slice value) {
    bool is_list = slice_eq_nocase(wish->name, SLICE("Content-Type")) &&
                   slice_find_char(value, ',') < value.len;
    if (!is_list) return slice_starts_with(value, wish->wanted);
    struct slice element;
    while (http_list_next(&value, &element)) {
        if (!slice_starts_with(element, wish->wanted)) return false;
    }
    return true;
}

/*
 * Whether the condition holds for each field of its name: a form may have several, and all of them
 * go on their way to the object. They are covered from now on. The bucket is that of the request,
 * the key the one that the object will have.
 */
static bool holds_for_all(struct checking *c, const struct wish *wish, bool *ret_found) {
    const struct http_form *form = c->subject->form;
    bool is_bucket = slice_eq_nocase(wish->name, SLICE("bucket"));
    bool is_key = slice_eq_nocase(wish->name, SLICE("key"));
    bool holds = !is_bucket || wish->holds(wish, c->subject->bucket);
    bool found = is_bucket;
    for (size_t i = 0; i < form->field_count; i++) {
        if (!slice_eq_nocase(form->fields[i].name, wish->name)) continue;
        struct slice value = is_key && !found ? c->subject->key : form->fields[i].value;
        c->covered[i] = true;
        found = true;
        holds = holds && (is_bucket || wish->holds(wish, value));
    }
    *ret_found = found;
    return holds;
}

static struct status check_wish(struct checking *c, const struct wish *wish) {
    bool found;
    bool holds = holds_for_all(c, wish, &found);
    return found && holds ? status_ok() : failed(c, wish->operator, wish->name, wish->wanted);
}

static struct status check_equal(struct checking *c, struct slice name, struct slice wanted) {
    return check_wish(c, &(struct wish){"eq", name, wanted, is_equal});
}

static struct status check_beginning(struct checking *c, struct slice name, struct slice wanted) {
    const struct wish wish = {"starts-with", name, wanted, begins_with};
    bool found;
    bool may_be_absent = wanted.len == 0 && !slice_eq_nocase(name, SLICE("key"));
    if (may_be_absent && holds_for_all(c, &wish, &found)) return status_ok();
    return check_wish(c, &wish);
}

/* A number, which clients also write as a string. */
static bool number_of(const struct json *value, uint64_t *ret_number) {
    struct slice text;
    if (json_string(value, &text)) return slice_parse_u64(text, ret_number);
    return json_u64(value, ret_number);
}

static struct status take_range(struct checking *c, const struct json *min,
                                const struct json *max) {
    uint64_t least;
    uint64_t most;
    if (!number_of(min, &least) || !number_of(max, &most)) {
        return invalid(c, "content-length-range needs two whole numbers.");
    }
    if (least > c->range.min_bytes) c->range.min_bytes = least;
    if (most < c->range.max_bytes) c->range.max_bytes = most;
    return status_ok();
}

/* ["eq", "$field", "value"], ["starts-with", "$field", "value"], ["content-length-range", a, b]. */
static struct status check_list(struct checking *c, const struct json *list) {
    if (json_count(list) != 3) return invalid(c, "a condition does not have three elements.");
    const struct json *first = json_first(list);
    const struct json *second = json_next(first);
    const struct json *third = json_next(second);
    struct slice operator;
    if (!json_string(first, &operator)) return invalid(c, "a condition has no operator.");
    if (slice_eq_nocase(operator, SLICE("content-length-range"))) {
        return take_range(c, second, third);
    }
    struct slice field;
    struct slice wanted;
    if (!json_string(second, &field) || !slice_starts_with(field, SLICE("$")) ||
        !json_string(third, &wanted)) {
        return invalid(c, "a condition does not name a $field and a value.");
    }
    field = slice_skip(field, 1);
    if (slice_eq_nocase(operator, SLICE("eq"))) return check_equal(c, field, wanted);
    if (slice_eq_nocase(operator, SLICE("starts-with"))) return check_beginning(c, field, wanted);
    return invalid(c, "unknown operator in a condition.");
}

/* {"field": "value"}. */
static struct status check_object(struct checking *c, const struct json *object) {
    if (json_count(object) == 0) return invalid(c, "an empty condition.");
    JSON_EACH(member, object) {
        struct slice wanted;
        if (!json_string(member, &wanted)) return invalid(c, "a condition's value is no string.");
        TRY(check_equal(c, json_name(member), wanted));
    }
    return status_ok();
}

static struct status check_conditions(struct checking *c, const struct json *conditions) {
    if (json_type(conditions) != JSON_ARRAY || json_count(conditions) == 0) {
        return invalid(c, "there are no conditions.");
    }
    if (json_count(conditions) > POST_POLICY_CONDITIONS_MAX) {
        return invalid(c, "there are too many conditions.");
    }
    JSON_EACH(condition, conditions) {
        if (json_type(condition) == JSON_ARRAY) {
            TRY(check_list(c, condition));
        } else if (json_type(condition) == JSON_OBJECT) {
            TRY(check_object(c, condition));
        } else {
            return invalid(c, "a condition is neither a list nor an object.");
        }
    }
    return status_ok();
}

/* Fields that are the proof, or that nobody needs to allow. */
static bool needs_no_condition(struct slice name) {
    static const char *const names[] = {"policy", "signature", "x-amz-signature", "awsaccesskeyid"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (slice_eq_nocase(name, slice_str(names[i]))) return true;
    }
    return slice_starts_with_nocase(name, SLICE("x-ignore-")) ||
           slice_starts_with_nocase(name, SLICE("x-amz-checksum-"));
}

static struct status check_coverage(struct checking *c) {
    const struct http_form *form = c->subject->form;
    for (size_t i = 0; i < form->field_count; i++) {
        if (c->covered[i] || needs_no_condition(form->fields[i].name)) continue;
        return note_status(c->note, STATUS_DENIED,
                           "Invalid according to Policy: Extra input fields: %.*s",
                           SLICE_FMT(slice_take(form->fields[i].name, 128)));
    }
    return status_ok();
}

static struct status check_expiration(struct checking *c, const struct json *document) {
    struct slice text = json_get_string(document, "expiration");
    int64_t expires_ns;
    if (text.ptr == NULL) return invalid(c, "there is no expiration.");
    if (!date_parse_iso(text, &expires_ns))
        return invalid(c, "the expiration is no ISO 8601 date.");
    if (c->subject->now_ns < expires_ns) return status_ok();
    return note_status(c->note, STATUS_DENIED, "Invalid according to Policy: Policy expired.");
}

static struct status check_document(struct checking *c, const struct json *document) {
    if (json_type(document) != JSON_OBJECT) return invalid(c, "it is no JSON object.");
    TRY(check_expiration(c, document));
    TRY(check_conditions(c, json_get(document, "conditions")));
    return check_coverage(c);
}

struct status post_policy_check(struct slice document, const struct post_policy_subject *subject,
                                struct note *note, struct post_policy_range *ret_range) {
    struct checking c = {.subject = subject, .note = note, .range = {.max_bytes = UINT64_MAX}};
    struct json *parsed = NULL;
    struct note why = {0};
    struct status s = json_parse(document, &why, &parsed);
    if (!is_ok(s)) return note_status(note, s.code, "Invalid Policy: Invalid JSON. %s", why.text);
    s = check_document(&c, parsed);
    json_free(&parsed);
    if (is_ok(s)) *ret_range = c.range;
    return s;
}
