#include "swift/listing.h"

#include <stdio.h>
#include <time.h>

#include "base/check.h"
#include "base/codec.h"
#include "base/date.h"
#include "http/text.h"

/* ---- form ----------------------------------------------------------------------------------- */

static const struct {
    enum swift_format format;
    const char *type;
    const char *said;
} formats[] = {
    {SWIFT_TEXT, "text/plain", "text/plain; charset=utf-8"},
    {SWIFT_JSON, "application/json", "application/json; charset=utf-8"},
    {SWIFT_XML, "application/xml", "application/xml; charset=utf-8"},
    {SWIFT_TEXT_XML, "text/xml", "text/xml; charset=utf-8"},
};

const char *swift_format_type(enum swift_format format) {
    return formats[format].said;
}

/* q in thousandths; 1000 where it is absent; negative: it is none. */
static int quality_of(struct slice parameters) {
    int quality = 1000;
    while (parameters.len > 0) {
        struct slice parameter, rest, name, value;
        slice_cut(parameters, ';', &parameter, &rest);
        parameters = rest;
        if (!slice_cut(slice_trim(parameter), '=', &name, &value)) continue;
        if (!slice_eq_nocase(slice_trim(name), SLICE("q"))) continue;
        value = slice_trim(value);
        if (value.len == 0 || value.len > 8) return -1;
        quality = 0;
        int scale = 1000;
        bool behind = false;
        for (size_t i = 0; i < value.len; i++) {
            char c = value.ptr[i];
            if (c == '.' && !behind) {
                behind = true;
            } else if (c >= '0' && c <= '9') {
                if (behind) scale /= 10;
                quality += (c - '0') * scale;
            } else {
                return -1;
            }
        }
    }
    return quality > 1000 ? 1000 : quality;
}

static bool type_fits(struct slice range, const char *type) {
    struct slice whole = slice_str(type);
    if (slice_eq(range, SLICE("*/*")) || slice_eq(range, SLICE("*"))) return true;
    if (slice_ends_with(range, SLICE("/*"))) {
        return slice_starts_with_nocase(whole, slice_take(range, range.len - 1));
    }
    return slice_eq_nocase(range, whole);
}

/* How much the client likes a form: by the most exact range that fits. */
static int liking_of(struct slice accept, const char *type, bool *ret_broken) {
    int best = 0;
    size_t exactness = 0;
    struct slice element;
    while (http_list_next(&accept, &element)) {
        struct slice range, parameters;
        slice_cut(element, ';', &range, &parameters);
        range = slice_trim(range);
        int quality = quality_of(parameters);
        if (quality < 0 || slice_find_char(range, '/') == range.len) {
            if (!slice_eq(range, SLICE("*"))) *ret_broken = true;
            continue;
        }
        size_t exact = slice_ends_with(range, SLICE("/*")) ? 1 : 2;
        if (slice_eq(range, SLICE("*/*"))) exact = 0;
        if (!type_fits(range, type) || exact + 1 <= exactness) continue;
        best = quality;
        exactness = exact + 1;
    }
    return best;
}

struct status swift_format_of(struct swift_call *call, enum swift_format *ret_format) {
    struct slice asked = swift_param(call, "format");
    if (asked.len == 0) return swift_accept_of(call, ret_format);
    bool json = slice_eq_nocase(asked, SLICE("json"));
    *ret_format = json ? SWIFT_JSON : slice_eq_nocase(asked, SLICE("xml")) ? SWIFT_XML : SWIFT_TEXT;
    return status_ok();
}

struct status swift_accept_of(struct swift_call *call, enum swift_format *ret_format) {
    struct slice accept = swift_header(call, "accept");
    *ret_format = SWIFT_TEXT;
    if (accept.len == 0) return status_ok();
    int best = 0;
    bool broken = false;
    for (size_t i = 0; i < ARRAY_LEN(formats); i++) {
        int liking = liking_of(accept, formats[i].type, &broken);
        if (liking > best) *ret_format = formats[i].format;
        if (liking > best) best = liking;
    }
    if (broken) return swift_refuse(call, 400, "Invalid Accept header");
    return best > 0 ? status_ok() : swift_refuse(call, 406, NULL);
}

/* ---- parameters ----------------------------------------------------------------------------- */

static struct status check_param(struct swift_call *call, const char *name, struct slice value) {
    bool has_nul = slice_find_char(value, 0) < value.len;
    if (utf8_is_valid(value) && !has_nul) return status_ok();
    /* Swift's containers call it text, its accounts HTML. */
    if (call->op->subject == SWIFT_ACCOUNT) {
        return swift_refuse(call, 400, "\"%s\" parameter not valid UTF-8", name);
    }
    return swift_refuse_plain(call, 400, "\"%s\" parameter not valid UTF-8", name);
}

/* Spec: Swift, constrain_req_limit. */
static struct status limit_of(struct swift_call *call, size_t *ret_limit) {
    struct slice text = swift_param(call, "limit");
    uint64_t limit;
    *ret_limit = SWIFT_LISTING_MAX;
    if (!slice_parse_u64(text, &limit)) return status_ok();
    if (limit > SWIFT_LISTING_MAX) {
        return swift_refuse(call, 412, "Maximum limit is %d", SWIFT_LISTING_MAX);
    }
    *ret_limit = (size_t)limit;
    return status_ok();
}

/* Spec: Object Storage API, "path": as a prefix with a slash behind it, and the delimiter "/". */
static void take_path(struct swift_call *call, struct swift_listing *listing) {
    struct slice path = listing->path;
    while (path.len > 0 && path.ptr[path.len - 1] == '/') path.len--;
    listing->prefix = path;
    if (path.len > 0) listing->prefix = arena_printf(call->arena, "%.*s/", SLICE_FMT(path));
    listing->delimiter = SLICE("/");
}

struct status swift_listing_parse(struct swift_call *call, struct swift_listing *ret_listing) {
    struct swift_listing listing = {0};
    const struct {
        const char *name;
        struct slice *value;
    } params[] = {{"prefix", &listing.prefix},
                  {"delimiter", &listing.delimiter},
                  {"marker", &listing.marker},
                  {"end_marker", &listing.end_marker},
                  {"path", &listing.path}};
    TRY(swift_format_of(call, &listing.format));
    for (size_t i = 0; i < ARRAY_LEN(params); i++) {
        *params[i].value = swift_param(call, params[i].name);
        TRY(check_param(call, params[i].name, *params[i].value));
    }
    listing.reverse = swift_is_true(swift_param(call, "reverse"));
    TRY(limit_of(call, &listing.limit));
    if (listing.path.ptr != NULL) take_path(call, &listing);
    *ret_listing = listing;
    return status_ok();
}

/* ---- times ---------------------------------------------------------------------------------- */

enum { NS_PER_TICK = 10000 };

void swift_time_timestamp(int64_t time_ns, char *out) {
    int64_t ticks = time_ns / NS_PER_TICK;
    snprintf(out, SWIFT_TIME_CAP, "%010lld.%05lld", (long long)(ticks / 100000),
             (long long)(ticks % 100000));
}

void swift_time_iso(int64_t time_ns, char *out) {
    int64_t ticks = time_ns / NS_PER_TICK;
    time_t seconds = (time_t)(ticks / 100000);
    struct tm tm;
    CHECK(gmtime_r(&seconds, &tm) != NULL);
    snprintf(out, SWIFT_TIME_CAP, "%04d-%02d-%02dT%02d:%02d:%02d.%05d0", tm.tm_year + 1900,
             tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, (int)(ticks % 100000));
}

int64_t swift_time_http(int64_t time_ns) {
    int64_t ticks = time_ns / NS_PER_TICK;
    return (ticks + 99999) / 100000 * NS_PER_S;
}

/* ---- a page --------------------------------------------------------------------------------- */

static bool is_xml(const struct swift_page *page) {
    return page->format == SWIFT_XML || page->format == SWIFT_TEXT_XML;
}

static void open_named(struct swift_page *page, const char *element, struct slice name,
                       struct arena *arena) {
    struct buf text;
    buf_init(&text, 16 * SWIFT_OBJECT_NAME_MAX);
    buf_append_str(&text, "name=\"");
    xml_escape(&text, name);
    buf_append_str(&text, "\"");
    const char *attributes = arena_cstr(arena, buf_slice(&text));
    xml_open_with(&page->xml, element, attributes != NULL ? attributes : "");
    buf_fini(&text);
}

void swift_page_begin(struct swift_page *page, enum swift_format format, const char *element,
                      struct slice name, struct arena *arena) {
    page->format = format;
    page->count = 0;
    page->is_account = strcmp(element, "account") == 0;
    buf_init(&page->buf, SWIFT_LISTING_BYTES_MAX);
    if (format == SWIFT_JSON) {
        json_writer_init(&page->json, &page->buf);
        page->json.spaced = true;
        json_begin_array(&page->json);
    } else if (is_xml(page)) {
        xml_writer_init(&page->xml, &page->buf);
        xml_declaration(&page->xml);
        open_named(page, element, name, arena);
    }
}

bool swift_page_has_room(const struct swift_page *page) {
    return page->buf.len < SWIFT_LISTING_BYTES;
}

static void text_line(struct swift_page *page, struct slice name) {
    buf_append(&page->buf, name);
    buf_append_char(&page->buf, '\n');
}

void swift_page_container(struct swift_page *page, struct slice name, uint64_t count,
                          uint64_t bytes, int64_t modified_ns) {
    char time[SWIFT_TIME_CAP];
    swift_time_iso(modified_ns, time);
    page->count++;
    if (page->format == SWIFT_TEXT) {
        text_line(page, name);
    } else if (page->format == SWIFT_JSON) {
        json_begin_object(&page->json);
        json_member_string(&page->json, "name", name);
        json_member_u64(&page->json, "count", count);
        json_member_u64(&page->json, "bytes", bytes);
        json_member_str(&page->json, "last_modified", time);
        json_end_object(&page->json);
    } else {
        buf_append_char(&page->buf, '\n');
        xml_open(&page->xml, "container");
        xml_element(&page->xml, "name", name);
        xml_element_u64(&page->xml, "count", count);
        xml_element_u64(&page->xml, "bytes", bytes);
        xml_element_str(&page->xml, "last_modified", time);
        xml_close(&page->xml, "container");
    }
}

void swift_page_subdir(struct swift_page *page, struct slice name) {
    page->count++;
    if (page->format == SWIFT_TEXT) {
        text_line(page, name);
    } else if (page->format == SWIFT_JSON) {
        json_begin_object(&page->json);
        json_member_string(&page->json, "subdir", name);
        json_end_object(&page->json);
    } else {
        if (page->is_account) buf_append_char(&page->buf, '\n');
        buf_append_str(&page->buf, "<subdir name=\"");
        xml_escape(&page->buf, name);
        if (page->is_account) {
            buf_append_str(&page->buf, "\" />");
            return;
        }
        buf_append_str(&page->buf, "\">");
        xml_element(&page->xml, "name", name);
        buf_append_str(&page->buf, "</subdir>");
    }
}

void swift_page_object(struct swift_page *page, const struct swift_page_object *object) {
    char time[SWIFT_TIME_CAP];
    swift_time_iso(object->modified_ns, time);
    page->count++;
    if (page->format == SWIFT_TEXT) {
        text_line(page, object->name);
    } else if (page->format == SWIFT_JSON) {
        json_begin_object(&page->json);
        json_member_string(&page->json, "name", object->name);
        json_member_string(&page->json, "hash", object->hash);
        json_member_u64(&page->json, "bytes", object->bytes);
        json_member_string(&page->json, "content_type", object->content_type);
        json_member_str(&page->json, "last_modified", time);
        if (object->slo_etag.len > 0) {
            json_member_string(&page->json, "slo_etag", object->slo_etag);
        }
        if (object->symlink_path.len > 0) {
            json_member_string(&page->json, "symlink_path", object->symlink_path);
        }
        json_end_object(&page->json);
    } else {
        xml_open(&page->xml, "object");
        xml_element(&page->xml, "name", object->name);
        xml_element(&page->xml, "hash", object->hash);
        xml_element_u64(&page->xml, "bytes", object->bytes);
        xml_element(&page->xml, "content_type", object->content_type);
        xml_element_str(&page->xml, "last_modified", time);
        xml_close(&page->xml, "object");
    }
}

struct status swift_page_answer(struct swift_call *call, struct swift_page *page,
                                const char *element) {
    struct status s = status_ok();
    if (page->format == SWIFT_JSON) json_end_array(&page->json);
    if (is_xml(page)) {
        if (page->is_account) buf_append_char(&page->buf, '\n');
        xml_close(&page->xml, element);
        s = xml_end(&page->xml);
    }
    if (!is_ok(s)) {
        buf_fini(&page->buf);
        return s;
    }
    if (page->format == SWIFT_TEXT && page->count == 0) call->response.status = 204;
    return swift_answer_document(call, &page->buf, swift_format_type(page->format));
}
