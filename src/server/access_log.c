#include "server/access_log.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/codec.h"
#include "base/date.h"

enum {
    ACCESS_LINE_MAX = 32 * 1024,
    ACCESS_GATHER_MAX = 256 * 1024, /* room for several lines of the greatest length */
    ACCESS_FLUSH_AT = 64 * 1024
};

/*
 * How much of a field is logged. JSON may need six characters for a byte: together the fields fit
 * into a line whatever a client sends, so that no request can stay out of the log by its length.
 */
enum {
    KEY_BYTES_MAX = 1024,
    TARGET_BYTES_MAX = 2048,
    REFERER_BYTES_MAX = 768,
    USER_AGENT_BYTES_MAX = 384,
    BUCKET_BYTES_MAX = 255,
    NAME_BYTES_MAX = 128 /* hosts, access keys and what else somebody chose */
};

struct access_log {
    char *path;
    enum access_log_format format;
    pthread_mutex_t lock; /* guards all below */
    int fd;
    struct buf gathered;
    uint64_t lost_bytes;
};

static struct status file_open(const char *path, struct note *note, int *ret_fd) {
    int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640);
    if (fd < 0) {
        return note_status(note, status_from_errno(errno).code, "cannot open the access log %s: %m",
                           path);
    }
    *ret_fd = fd;
    return status_ok();
}

struct status access_log_open(const char *path, enum access_log_format format, struct note *note,
                              struct access_log **ret_log) {
    int fd = -1;
    TRY(file_open(path, note, &fd));
    struct access_log *log = calloc(1, sizeof *log);
    CHECK(log != NULL);
    log->path = strdup(path);
    CHECK(log->path != NULL);
    log->format = format;
    log->fd = fd;
    CHECK(pthread_mutex_init(&log->lock, NULL) == 0);
    buf_init(&log->gathered, ACCESS_GATHER_MAX);
    *ret_log = log;
    return status_ok();
}

/* With the lock held. A log that cannot be written loses lines; it never stops a request. */
static void gathered_write(struct access_log *log) {
    struct slice rest = buf_slice(&log->gathered);
    while (rest.len > 0) {
        ssize_t n = write(log->fd, rest.ptr, rest.len);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) break;
        rest = slice_skip(rest, (size_t)n);
    }
    log->lost_bytes += rest.len;
    buf_clear(&log->gathered);
}

void access_log_flush(struct access_log *log) {
    if (log == NULL) return;
    pthread_mutex_lock(&log->lock);
    gathered_write(log);
    pthread_mutex_unlock(&log->lock);
}

struct status access_log_reopen(struct access_log *log, struct note *note) {
    int fd = -1;
    TRY(file_open(log->path, note, &fd));
    pthread_mutex_lock(&log->lock);
    gathered_write(log);
    int old = log->fd;
    log->fd = fd;
    pthread_mutex_unlock(&log->lock);
    close(old);
    return status_ok();
}

void access_log_close(struct access_log **log) {
    if (*log == NULL) return;
    access_log_flush(*log);
    close((*log)->fd);
    buf_fini(&(*log)->gathered);
    pthread_mutex_destroy(&(*log)->lock);
    free((*log)->path);
    free(*log);
    *log = NULL;
}

/* Parameters whose values give access, in lower case. */
static const struct slice secret_params[] = {
    {"x-amz-signature", 15}, {"x-amz-credential", 16}, {"x-amz-security-token", 20},
    {"signature", 9},        {"awsaccesskeyid", 14},
};

/* Whether a name that may be percent-encoded is `name`, in any case of letters. */
static bool says(struct slice encoded, struct slice name) {
    for (size_t i = 0; i < name.len; i++) {
        unsigned char byte;
        size_t used = 1;
        if (encoded.len == 0) return false;
        if (hex_decode(slice_take(slice_skip(encoded, 1), 2), &byte, 1) && encoded.ptr[0] == '%') {
            used = 3;
        } else {
            byte = (unsigned char)encoded.ptr[0];
        }
        char letter = (char)byte;
        if (!slice_eq_nocase(slice_of(&letter, 1), slice_of(name.ptr + i, 1))) return false;
        encoded = slice_skip(encoded, used);
    }
    return encoded.len == 0;
}

static bool param_is_secret(struct slice name) {
    for (size_t i = 0; i < ARRAY_LEN(secret_params); i++) {
        if (says(name, secret_params[i])) return true;
    }
    return false;
}

/* Appends a target or URL, the values of secret parameters replaced. */
static void append_target(struct buf *out, struct slice target) {
    struct slice path, query;
    bool has_query = slice_cut(target, '?', &path, &query);
    buf_append(out, path);
    if (has_query) buf_append_char(out, '?');
    while (query.len > 0) {
        struct slice param, name, value;
        bool more = slice_cut(query, '&', &param, &query);
        bool has_value = slice_cut(param, '=', &name, &value);
        buf_append(out, name);
        if (has_value) buf_append_char(out, '=');
        buf_append(out, param_is_secret(name) ? SLICE("...") : value);
        if (more) buf_append_char(out, '&');
    }
}

/* Appends bytes so that neither a quote, a blank nor a control character is left as it is. */
static void append_encoded(struct buf *out, struct slice text) {
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if (c <= 0x20 || c >= 0x7f || c == '"' || c == '%') {
            buf_printf(out, "%%%02X", c);
        } else {
            buf_append_char(out, (char)c);
        }
    }
}

static void append_json_text(struct buf *out, struct slice text) {
    buf_append_char(out, '"');
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if (c == '"' || c == '\\') {
            buf_append_char(out, '\\');
            buf_append_char(out, (char)c);
        } else if (c < 0x20 || c >= 0x7f) {
            /* The log is ASCII: bytes that may be no UTF-8 at all are shown as Latin-1. */
            buf_printf(out, "\\u%04x", c);
        } else {
            buf_append_char(out, (char)c);
        }
    }
    buf_append_char(out, '"');
}

static void json_text(struct buf *out, const char *name, struct slice value) {
    if (value.len == 0) return;
    buf_printf(out, ",\"%s\":", name);
    append_json_text(out, value);
}

static void json_number(struct buf *out, const char *name, uint64_t value) {
    if (value != UINT64_MAX) buf_printf(out, ",\"%s\":%" PRIu64, name, value);
}

/* A target, or the address of a page that may have been reached by a presigned URL. */
static void json_url(struct buf *out, const char *name, struct slice url) {
    char storage[ACCESS_LINE_MAX];
    struct buf text;
    buf_init_fixed(&text, storage, sizeof storage);
    append_target(&text, url);
    json_text(out, name, buf_slice(&text));
}

static void json_line(struct buf *out, const struct access_record *r) {
    char date[DATE_TEXT_CAP];
    date_format_iso_ms(r->time_ns, date);
    buf_printf(out, "{\"time\":\"%s\"", date);
    json_text(out, "request_id", r->request_id);
    json_text(out, "peer", r->peer);
    json_text(out, "requester", r->requester);
    json_text(out, "access_key", r->access_key);
    json_text(out, "project", r->project);
    json_text(out, "operation", r->operation);
    json_text(out, "bucket", r->bucket);
    json_text(out, "key", r->key);
    json_text(out, "method", r->method);
    json_url(out, "target", r->target);
    json_number(out, "status", (uint64_t)r->status);
    json_text(out, "error", r->error_code);
    json_number(out, "bytes_received", r->bytes_received);
    json_number(out, "bytes_sent", r->bytes_sent);
    json_number(out, "object_size", r->object_size);
    json_number(out, "duration_us", (uint64_t)(r->duration_ns / 1000));
    json_text(out, "signature", r->signature_version);
    json_text(out, "auth", r->auth_type);
    json_text(out, "tls", r->tls_version);
    json_text(out, "host", r->host);
    json_text(out, "user_agent", r->user_agent);
    json_url(out, "referer", r->referer);
    buf_append_str(out, "}\n");
}

static void s3_field(struct buf *out, struct slice value) {
    buf_append_char(out, ' ');
    if (value.len == 0) buf_append_char(out, '-');
    append_encoded(out, value);
}

/* Quoted fields keep their blanks; those that are encoded already, their percent signs, too. */
static void append_quotable(struct buf *out, struct slice value, bool is_encoded) {
    for (size_t i = 0; i < value.len; i++) {
        char c = value.ptr[i];
        if (c == ' ' || (c == '%' && is_encoded)) {
            buf_append_char(out, c);
        } else {
            append_encoded(out, slice_of(value.ptr + i, 1));
        }
    }
}

static void s3_quoted(struct buf *out, struct slice value) {
    buf_append_str(out, " \"");
    if (value.len == 0) buf_append_char(out, '-');
    append_quotable(out, value, false);
    buf_append_char(out, '"');
}

/* Appends a URL without its secrets, as it stands between quotes. */
static void append_url(struct buf *out, struct slice url) {
    char storage[ACCESS_LINE_MAX];
    struct buf text;
    buf_init_fixed(&text, storage, sizeof storage);
    append_target(&text, url);
    append_quotable(out, buf_slice(&text), true);
}

static void s3_number(struct buf *out, uint64_t value) {
    if (value == UINT64_MAX) {
        buf_append_str(out, " -");
    } else {
        buf_printf(out, " %" PRIu64, value);
    }
}

/* [06/Feb/2019:00:00:38 +0000] */
static void s3_time(struct buf *out, int64_t time_ns) {
    char http[DATE_TEXT_CAP]; /* Wed, 06 Feb 2019 00:00:38 GMT */
    date_format_http(time_ns, http);
    buf_printf(out, " [%.2s/%.3s/%.4s:%.8s +0000]", http + 5, http + 8, http + 12, http + 17);
}

static void s3_request_line(struct buf *out, const struct access_record *r) {
    buf_printf(out, " \"%.*s ", SLICE_FMT(r->method));
    append_url(out, r->target);
    buf_printf(out, " HTTP/1.%d\"", r->minor_version);
}

static void s3_referer(struct buf *out, struct slice referer) {
    buf_append_str(out, " \"");
    if (referer.len == 0) buf_append_char(out, '-');
    append_url(out, referer);
    buf_append_char(out, '"');
}

static void s3_line(struct buf *out, const struct access_record *r) {
    buf_append(out, r->bucket_owner.len > 0 ? r->bucket_owner : SLICE("-"));
    s3_field(out, r->bucket);
    s3_time(out, r->time_ns);
    s3_field(out, r->peer);
    s3_field(out, r->requester);
    s3_field(out, r->request_id);
    s3_field(out, r->operation);
    s3_field(out, r->key);
    s3_request_line(out, r);
    s3_number(out, (uint64_t)r->status);
    s3_field(out, r->error_code);
    s3_number(out, r->bytes_sent);
    s3_number(out, r->object_size);
    s3_number(out, (uint64_t)(r->duration_ns / NS_PER_MS));
    buf_append_str(out, " -"); /* turn-around time is not measured apart */
    s3_referer(out, r->referer);
    s3_quoted(out, r->user_agent);
    buf_append_str(out, " - -"); /* version id, host id */
    s3_field(out, r->signature_version);
    buf_append_str(out, " -"); /* cipher suite */
    s3_field(out, r->auth_type);
    s3_field(out, r->host);
    s3_field(out, r->tls_version);
    buf_append_str(out, " - -\n"); /* access point, ACL required */
}

static void cut(struct slice *field, size_t max) {
    *field = slice_take(*field, max);
}

/* The record as far as it fits. */
static struct access_record record_cut(const struct access_record *record) {
    struct access_record r = *record;
    struct slice *const names[] = {&r.requester, &r.access_key, &r.project,     &r.bucket,
                                   &r.method,    &r.host,       &r.bucket_owner};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) cut(names[i], NAME_BYTES_MAX);
    cut(&r.bucket, BUCKET_BYTES_MAX);
    cut(&r.key, KEY_BYTES_MAX);
    cut(&r.target, TARGET_BYTES_MAX);
    cut(&r.referer, REFERER_BYTES_MAX);
    cut(&r.user_agent, USER_AGENT_BYTES_MAX);
    return r;
}

void access_log_write(struct access_log *log, const struct access_record *record) {
    if (log == NULL) return;
    char storage[ACCESS_LINE_MAX];
    struct buf line;
    struct access_record fitting = record_cut(record);
    buf_init_fixed(&line, storage, sizeof storage);
    if (log->format == ACCESS_LOG_JSON) {
        json_line(&line, &fitting);
    } else {
        s3_line(&line, &fitting);
    }
    CHECK(is_ok(buf_ok(&line)));
    pthread_mutex_lock(&log->lock);
    buf_append(&log->gathered, buf_slice(&line));
    if (log->gathered.len >= ACCESS_FLUSH_AT) gathered_write(log);
    pthread_mutex_unlock(&log->lock);
}
