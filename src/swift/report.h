/*
 * report.h - the answer to a request that did many things: what came of it, and what went wrong
 *
 *     begin ─ fact* ─ failed* ─ answer
 *
 * As text, JSON or XML, as Accept says, the same for manifests, archives and deletions of many.
 *
 * Threads: the worker that serves the request.
 * Spec: Swift, common/request_helpers.py, get_heartbeat_response_body.
 */
#ifndef SWIFT_REPORT_H
#define SWIFT_REPORT_H

#include "swift/call.h"
#include "swift/listing.h"

/* Of a request that does many things (op_bulk.c). */
enum {
    SWIFT_BULK_DELETES_MAX = 10000,
    SWIFT_BULK_FAILED_MAX = 1000, /* then it ends */
    SWIFT_BULK_CONTAINERS_MAX = 10000
};

enum { SWIFT_REPORT_FACTS_MAX = 8, SWIFT_REPORT_BYTES_MAX = 8 << 20 };

struct swift_report_fact {
    const char *name;
    bool is_number;
    uint64_t number;
    struct slice text;
};

struct swift_report_failure {
    struct slice name;   /* percent-encoded */
    struct slice status; /* "404 Not Found" */
    struct swift_report_failure *next;
};

struct swift_report {
    struct swift_call *call;
    enum swift_format format;
    const char *root;     /* the element around it: "upload", "delete", "extract" */
    bool is_unacceptable; /* Accept asks for none of the forms */
    bool is_separated;    /* something was sent before it */
    struct swift_report_fact facts[SWIFT_REPORT_FACTS_MAX];
    size_t fact_count;
    struct swift_report_failure *failed;
    struct swift_report_failure *failed_last;
    size_t failed_count;
};

/* Starts a report in the form that Accept asks for; text where that is none of ours. */
void swift_report_begin(struct swift_report *report, struct swift_call *call, const char *root);

/* Each says a fact; one of the same name is replaced. `name` and `text` live as long as it. */
void swift_report_text(struct swift_report *report, const char *name, struct slice text);
void swift_report_number(struct swift_report *report, const char *name, uint64_t number);

/* "Response Status", of a status. */
void swift_report_status(struct swift_report *report, int status);

/*
 * Says that something failed: `name` is encoded here, `why` NULL: by the status.
 * Errors: NO_MEMORY.
 */
struct status swift_report_failed(struct swift_report *report, struct slice name, int status,
                                  const char *why);

/* The media type of the report. */
const char *swift_report_type(const struct swift_report *report);

/* Makes it the answer; what was sent early stays in front. Errors: NO_MEMORY; TOO_LARGE. */
struct status swift_report_answer(struct swift_report *report);

#endif
