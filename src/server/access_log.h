/*
 * access_log.h - one line per request, for those who bill, audit and debug
 *
 * Two forms: JSON, and the form of Amazon's server access logs, which many tools read. Lines are
 * gathered and written together, at the latest after a second. A query string, that of a referer
 * too, is logged without the values of its signature and credential parameters. Long fields are cut
 * off: every request has its line, whatever it sends.
 *
 *     open ── write* / reopen* ── close
 *
 * Threads: any, but for open and close. Blocks: a write may wait for the drive of the log file.
 * Spec: Amazon S3 User Guide, "Amazon S3 server access log format".
 */
#ifndef SERVER_ACCESS_LOG_H
#define SERVER_ACCESS_LOG_H

#include "base/note.h"
#include "base/slice.h"

enum access_log_format { ACCESS_LOG_JSON, ACCESS_LOG_S3 };

struct access_log;

/* One request. An empty slice is written as "-" or left out; sizes of UINT64_MAX are unknown. */
struct access_record {
    int64_t time_ns; /* when its head was complete */
    int64_t duration_ns;
    struct slice request_id;
    struct slice peer;
    struct slice requester; /* user id, empty for anonymous */
    struct slice access_key;
    struct slice project;
    struct slice operation; /* REST.GET.OBJECT */
    struct slice bucket;
    struct slice bucket_owner;
    struct slice key; /* decoded bytes */
    struct slice method;
    struct slice target; /* as sent */
    struct slice host;
    struct slice referer;
    struct slice user_agent;
    struct slice error_code;
    struct slice signature_version; /* SigV4, SigV2 */
    struct slice auth_type;         /* AuthHeader, QueryString */
    struct slice tls_version;
    int minor_version;
    int status;
    uint64_t bytes_received;
    uint64_t bytes_sent;
    uint64_t object_size;
};

/*
 * Opens the log file at `path` for appending, made with mode 0640.
 * Errors: DENIED, NOT_FOUND, IO, with `note`.
 */
struct status access_log_open(const char *path, enum access_log_format format, struct note *note,
                              struct access_log **ret_log);

/* Adds the line of one request. A NULL log takes no lines. */
void access_log_write(struct access_log *log, const struct access_record *record);

/* Writes what is gathered; called once a second by the housekeeping. */
void access_log_flush(struct access_log *log);

/* Opens the path anew, after a rotation has moved the file. Keeps the old file if that fails. */
struct status access_log_reopen(struct access_log *log, struct note *note);

/* Writes the rest and closes; NULL is allowed. */
void access_log_close(struct access_log **log);

#endif
