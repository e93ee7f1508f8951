#include "swift/report.h"

#include "base/check.h"
#include "base/codec.h"
#include "swift/error.h"

void swift_report_begin(struct swift_report *report, struct swift_call *call, const char *root) {
    *report = (struct swift_report){.call = call, .root = root, .format = SWIFT_TEXT};
    enum swift_format format;
    report->is_unacceptable = !is_ok(swift_accept_of(call, &format));
    if (!report->is_unacceptable) report->format = format;
    call->error = (struct swift_error){0};
}

static struct swift_report_fact *fact(struct swift_report *report, const char *name) {
    size_t at = 0;
    while (at < report->fact_count && strcmp(report->facts[at].name, name) != 0) at++;
    CHECK(at < SWIFT_REPORT_FACTS_MAX);
    if (at == report->fact_count) report->fact_count++;
    report->facts[at] = (struct swift_report_fact){.name = name};
    return &report->facts[at];
}

void swift_report_text(struct swift_report *report, const char *name, struct slice text) {
    fact(report, name)->text = text;
}

void swift_report_number(struct swift_report *report, const char *name, uint64_t number) {
    struct swift_report_fact *at = fact(report, name);
    at->is_number = true;
    at->number = number;
}

static struct slice status_line(struct arena *arena, int status) {
    const char *words = swift_reason(status);
    return arena_printf(arena, "%d %s", status, words != NULL ? words : http_reason(status));
}

void swift_report_status(struct swift_report *report, int status) {
    swift_report_text(report, "Response Status", status_line(report->call->arena, status));
}

struct status swift_report_failed(struct swift_report *report, struct slice name, int status,
                                  const char *why) {
    struct arena *arena = report->call->arena;
    struct swift_report_failure *failure = ARENA_NEW(arena, struct swift_report_failure);
    struct buf text;
    if (failure == NULL) return status_of(STATUS_NO_MEMORY);
    buf_init(&text, 8 * SWIFT_OBJECT_NAME_MAX);
    percent_encode(&text, slice_take(name, 2 * SWIFT_OBJECT_NAME_MAX), true);
    failure->name = arena_dup(arena, buf_slice(&text));
    buf_fini(&text);
    failure->status = why != NULL ? arena_dup(arena, slice_str(why)) : status_line(arena, status);
    if (report->failed_last != NULL) {
        report->failed_last->next = failure;
    } else {
        report->failed = failure;
    }
    report->failed_last = failure;
    report->failed_count++;
    return arena_ok(arena);
}

const char *swift_report_type(const struct swift_report *report) {
    static const char *const types[] = {[SWIFT_TEXT] = "text/plain",
                                        [SWIFT_JSON] = "application/json",
                                        [SWIFT_XML] = "application/xml",
                                        [SWIFT_TEXT_XML] = "text/xml"};
    return types[report->format];
}

/* ---- forms ---------------------------------------------------------------------------------- */

static void escape_xml(struct buf *buf, struct slice text) {
    for (size_t i = 0; i < text.len; i++) {
        switch (text.ptr[i]) {
            case '&':
                buf_append_str(buf, "&amp;");
                break;
            case '<':
                buf_append_str(buf, "&lt;");
                break;
            case '>':
                buf_append_str(buf, "&gt;");
                break;
            default:
                buf_append_char(buf, text.ptr[i]);
        }
    }
}

static void append_value(struct buf *buf, const struct swift_report_fact *at, bool is_xml) {
    if (at->is_number) {
        buf_append_u64(buf, at->number);
    } else if (is_xml) {
        escape_xml(buf, at->text);
    } else {
        buf_append(buf, at->text);
    }
}

static void write_text(const struct swift_report *report, struct buf *buf) {
    for (size_t i = 0; i < report->fact_count; i++) {
        buf_printf(buf, "%s: ", report->facts[i].name);
        append_value(buf, &report->facts[i], false);
        buf_append_char(buf, '\n');
    }
    buf_append_str(buf, "Errors:\n");
    for (const struct swift_report_failure *f = report->failed; f != NULL; f = f->next) {
        buf_append(buf, f->name);
        buf_append_str(buf, ", ");
        buf_append(buf, f->status);
        buf_append_char(buf, '\n');
    }
}

static void write_json(const struct swift_report *report, struct buf *buf) {
    struct json_writer json;
    json_writer_init(&json, buf);
    json.spaced = true;
    json_begin_object(&json);
    for (size_t i = 0; i < report->fact_count; i++) {
        const struct swift_report_fact *at = &report->facts[i];
        if (at->is_number) {
            json_member_u64(&json, at->name, at->number);
        } else {
            json_member_string(&json, at->name, at->text);
        }
    }
    json_key(&json, "Errors");
    json_begin_array(&json);
    for (const struct swift_report_failure *f = report->failed; f != NULL; f = f->next) {
        json_begin_array(&json);
        json_write_string(&json, f->name);
        json_write_string(&json, f->status);
        json_end_array(&json);
    }
    json_end_array(&json);
    json_end_object(&json);
}

/* An element is called like its fact, in small letters, with "_" for blanks. */
static void append_tag(struct buf *buf, const char *name, bool ends) {
    buf_append_str(buf, ends ? "</" : "<");
    for (; *name != 0; name++) {
        char c = *name == ' ' ? '_' : *name;
        buf_append_char(buf, c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c);
    }
    buf_append_char(buf, '>');
}

static void write_xml(const struct swift_report *report, struct buf *buf) {
    append_tag(buf, report->root, false);
    buf_append_char(buf, '\n');
    for (size_t i = 0; i < report->fact_count; i++) {
        append_tag(buf, report->facts[i].name, false);
        append_value(buf, &report->facts[i], true);
        append_tag(buf, report->facts[i].name, true);
        buf_append_char(buf, '\n');
    }
    buf_append_str(buf, "<errors>\n");
    for (const struct swift_report_failure *f = report->failed; f != NULL; f = f->next) {
        buf_append_str(buf, "<object><name>");
        escape_xml(buf, f->name);
        buf_append_str(buf, "</name><status>");
        escape_xml(buf, f->status);
        buf_append_str(buf, "</status></object>\n");
    }
    buf_append_str(buf, "</errors>\n");
    append_tag(buf, report->root, true);
    buf_append_char(buf, '\n');
}

/* Facts come in the order of their names. */
static void sort_facts(struct swift_report *report) {
    for (size_t i = 1; i < report->fact_count; i++) {
        struct swift_report_fact moved = report->facts[i];
        size_t at = i;
        for (; at > 0 && strcmp(report->facts[at - 1].name, moved.name) > 0; at--) {
            report->facts[at] = report->facts[at - 1];
        }
        report->facts[at] = moved;
    }
}

struct status swift_report_answer(struct swift_report *report) {
    struct buf buf;
    sort_facts(report);
    buf_init(&buf, SWIFT_REPORT_BYTES_MAX);
    if (report->is_separated) buf_append_str(&buf, "\r\n\r\n");
    switch (report->format) {
        case SWIFT_TEXT:
            write_text(report, &buf);
            break;
        case SWIFT_JSON:
            write_json(report, &buf);
            break;
        case SWIFT_XML:
        case SWIFT_TEXT_XML:
            write_xml(report, &buf);
            break;
    }
    const char *type =
        report->is_unacceptable ? "text/html; charset=UTF-8" : swift_report_type(report);
    return swift_answer_document(report->call, &buf, type);
}
