/*
 * listing.h - what the listings of accounts and containers have in common: form, limits, times
 *
 * Threads: the worker that serves the request.
 * Spec: Object Storage API, "Show container details and list objects"; Swift,
 * middleware/listing_formats.py.
 */
#ifndef SWIFT_LISTING_H
#define SWIFT_LISTING_H

#include "json/writer.h"
#include "swift/call.h"
#include "xml/writer.h"

/* A page ends where its document is so long, whatever the limit. */
enum { SWIFT_LISTING_BYTES = 8 * 1024 * 1024, SWIFT_LISTING_BYTES_MAX = 16 * 1024 * 1024 };

enum swift_format { SWIFT_TEXT, SWIFT_JSON, SWIFT_XML, SWIFT_TEXT_XML };

/* What clients may say in both listings. */
struct swift_listing {
    enum swift_format format;
    struct slice prefix;
    struct slice delimiter; /* empty: none */
    struct slice marker;
    struct slice end_marker;
    struct slice path; /* a NULL ptr: absent */
    bool reverse;
    size_t limit;
};

/*
 * The form that ?format or Accept asks for.
 * Errors: REFUSED (400, 406).
 */
struct status swift_format_of(struct swift_call *call, enum swift_format *ret_format);

/* The form that Accept alone asks for; text where it is absent. Errors: as above. */
struct status swift_accept_of(struct swift_call *call, enum swift_format *ret_format);

/* "application/json; charset=utf-8" and its like. */
const char *swift_format_type(enum swift_format format);

/* Reads all parameters. Errors: REFUSED (400, 406, 412). */
struct status swift_listing_parse(struct swift_call *call, struct swift_listing *ret_listing);

enum { SWIFT_TIME_CAP = 96 };

/*
 * Swift's times: 1700000000.12345 (X-Timestamp), 2023-11-14T22:13:20.123450 (last_modified). They
 * know hundred-thousandths of a second.
 */
void swift_time_timestamp(int64_t time_ns, char *out);
void swift_time_iso(int64_t time_ns, char *out);

/* The time of Last-Modified: the next whole second. Spec: Swift, Response.last_modified. */
int64_t swift_time_http(int64_t time_ns);

/* A document in the making, in any form. */
struct swift_page {
    enum swift_format format;
    bool is_account; /* else a container */
    struct buf buf;
    struct json_writer json;
    struct xml_writer xml;
    size_t count;
};

/* Begins a page: the root is <element name="name">. `root` lives as long as the page. */
void swift_page_begin(struct swift_page *page, enum swift_format format, const char *element,
                      struct slice name, struct arena *arena);

/* Each writes a whole entry. */
void swift_page_container(struct swift_page *page, struct slice name, uint64_t count,
                          uint64_t bytes, int64_t modified_ns);
void swift_page_subdir(struct swift_page *page, struct slice name);
struct swift_page_object {
    struct slice name;
    struct slice hash;
    uint64_t bytes;
    struct slice content_type;
    int64_t modified_ns;
    struct slice slo_etag;     /* of one with segments, in JSON; empty: none */
    struct slice symlink_path; /* what a link leads to, in JSON; empty: none */
};
void swift_page_object(struct swift_page *page, const struct swift_page_object *object);

/* Whether another entry fits. */
bool swift_page_has_room(const struct swift_page *page);

/* Ends it and makes it the answer: 204 for a text of nothing. Consumes the page. */
struct status swift_page_answer(struct swift_call *call, struct swift_page *page,
                                const char *element);

#endif
