#include "client/client.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/date.h"

enum { CONNECTIONS = 8, CONNECT_TIMEOUT_S = 3, HEADER_LINE_MAX = 16 * 1024 };

struct client {
    char *ca_file;
    int64_t connect_timeout_ns;
    size_t connections;
    pthread_mutex_t lock; /* of what follows */
    pthread_cond_t freed;
    size_t in_use;
    size_t idle_count;
    CURL *idle[CLIENT_CONNECTIONS_MAX]; /* each with its connection */
};

static pthread_once_t library_once = PTHREAD_ONCE_INIT;
static bool library_is_ready;

static void library_begin(void) {
    library_is_ready = curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
}

static int64_t now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * NS_PER_S + now.tv_nsec;
}

struct status client_open(const struct client_options *options, struct note *note,
                          struct client **ret_client) {
    pthread_condattr_t attributes;
    pthread_once(&library_once, library_begin);
    if (!library_is_ready) return note_status(note, STATUS_NO_MEMORY, "libcurl does not start");
    if (options->ca_file != NULL && access(options->ca_file, R_OK) != 0) {
        return note_status(note, STATUS_INVALID, "certificates can't be read: %s",
                           options->ca_file);
    }
    struct client *client = calloc(1, sizeof *client);
    if (client == NULL) return status_of(STATUS_NO_MEMORY);
    client->connections = options->connections != 0 ? options->connections : CONNECTIONS;
    CHECK(client->connections <= CLIENT_CONNECTIONS_MAX);
    client->connect_timeout_ns = options->connect_timeout_ns != 0 ? options->connect_timeout_ns
                                                                  : CONNECT_TIMEOUT_S * NS_PER_S;
    CHECK(pthread_mutex_init(&client->lock, NULL) == 0);
    CHECK(pthread_condattr_init(&attributes) == 0);
    CHECK(pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC) == 0);
    CHECK(pthread_cond_init(&client->freed, &attributes) == 0);
    pthread_condattr_destroy(&attributes);
    if (options->ca_file != NULL && (client->ca_file = strdup(options->ca_file)) == NULL) {
        client_close(&client);
        return status_of(STATUS_NO_MEMORY);
    }
    *ret_client = client;
    return status_ok();
}

void client_close(struct client **client) {
    struct client *closing = *client;
    if (closing == NULL) return;
    *client = NULL;
    CHECK(closing->in_use == 0);
    for (size_t i = 0; i < closing->idle_count; i++) curl_easy_cleanup(closing->idle[i]);
    pthread_cond_destroy(&closing->freed);
    pthread_mutex_destroy(&closing->lock);
    free(closing->ca_file);
    free(closing);
}

/* --- one of the connections --- */

/* Waits for a free one until the deadline; the one that was used last is the warmest. */
static struct status handle_take(struct client *client, int64_t deadline_ns, CURL **ret_handle) {
    struct timespec until = {deadline_ns / NS_PER_S, deadline_ns % NS_PER_S};
    CURL *handle = NULL;
    bool late = false;
    pthread_mutex_lock(&client->lock);
    while (client->in_use == client->connections && !late) {
        late = pthread_cond_timedwait(&client->freed, &client->lock, &until) != 0;
    }
    bool free_one = client->in_use < client->connections;
    if (free_one) {
        client->in_use++;
        if (client->idle_count > 0) handle = client->idle[--client->idle_count];
    }
    pthread_mutex_unlock(&client->lock);
    if (!free_one) return status_of(STATUS_TIMEOUT);
    if (handle == NULL) handle = curl_easy_init();
    *ret_handle = handle;
    return status_ok();
}

static void handle_give(struct client *client, CURL *handle) {
    /* What was set points into the request; the connection stays. */
    if (handle != NULL) curl_easy_reset(handle);
    pthread_mutex_lock(&client->lock);
    client->in_use--;
    if (handle != NULL) client->idle[client->idle_count++] = handle;
    pthread_cond_signal(&client->freed);
    pthread_mutex_unlock(&client->lock);
}

/* --- one request --- */

struct exchange {
    const struct client_request *request;
    CURL *handle;
    struct curl_slist *headers;
    struct buf head;
    struct buf body;
    char url[CLIENT_URL_MAX];
    char error[CURL_ERROR_SIZE];
};

static size_t take_head(char *bytes, size_t size, size_t count, void *context) {
    struct exchange *x = context;
    size_t len = size * count;
    /* Of an interim answer, and of another one on the way, nothing is kept. */
    if (slice_starts_with(slice_of(bytes, len), SLICE("HTTP/"))) buf_clear(&x->head);
    buf_append(&x->head, slice_of(bytes, len));
    return x->head.overflowed ? 0 : len;
}

static size_t take_body(char *bytes, size_t size, size_t count, void *context) {
    struct exchange *x = context;
    buf_append(&x->body, slice_of(bytes, size * count));
    return x->body.overflowed ? 0 : size * count;
}

static bool is_clean(struct slice text) {
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if (c < 0x20 || c == 0x7f) return false;
    }
    return true;
}

static bool add_header(struct exchange *x, const char *name, struct slice value) {
    char line[HEADER_LINE_MAX];
    if (!is_clean(value)) return false;
    /* A header with an empty value is written with ';'. */
    int len =
        snprintf(line, sizeof line, value.len > 0 ? "%s: %.*s" : "%s;%.*s", name, SLICE_FMT(value));
    if (len < 0 || (size_t)len >= sizeof line) return false;
    struct curl_slist *longer = curl_slist_append(x->headers, line);
    if (longer == NULL) return false;
    x->headers = longer;
    explicit_bzero(line, sizeof line);
    return true;
}

static bool has_body(const struct client_request *request) {
    struct slice method = slice_str(request->method);
    return slice_eq(method, SLICE("POST")) || slice_eq(method, SLICE("PUT")) ||
           slice_eq(method, SLICE("PATCH"));
}

static struct status make_ready(struct exchange *x, struct note *note) {
    const struct client_request *request = x->request;
    bool good = request->url.len < sizeof x->url && is_clean(request->url) &&
                request->header_count <= CLIENT_HEADERS_MAX;
    if (good) {
        memcpy(x->url, request->url.ptr, request->url.len);
        x->url[request->url.len] = 0;
    }
    for (size_t i = 0; i < request->header_count && good; i++) {
        good = add_header(x, request->headers[i].name, request->headers[i].value);
    }
    /* No waiting for a "100 Continue": our bodies are small. */
    struct curl_slist *longer = curl_slist_append(x->headers, "Expect:");
    if (longer != NULL) x->headers = longer;
    if (good) return status_ok();
    return note_status(note, STATUS_INVALID, "a request with a URL or header that can't be");
}

static long milliseconds(int64_t time_ns) {
    return (long)((time_ns + NS_PER_MS - 1) / NS_PER_MS);
}

#define SET(option, value) good = good && curl_easy_setopt(handle, option, value) == CURLE_OK

static bool set_options(const struct client *client, struct exchange *x, int64_t left_ns) {
    CURL *handle = x->handle;
    bool good = true;
    SET(CURLOPT_URL, x->url);
    SET(CURLOPT_NOSIGNAL, 1L);
    SET(CURLOPT_PROTOCOLS_STR, "http,https");
    SET(CURLOPT_FOLLOWLOCATION, 0L);
    SET(CURLOPT_NOPROXY, "*");
    SET(CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1);
    SET(CURLOPT_SSL_VERIFYPEER, 1L);
    SET(CURLOPT_SSL_VERIFYHOST, 2L);
    if (client->ca_file != NULL) {
        SET(CURLOPT_CAINFO, client->ca_file);
        SET(CURLOPT_CAPATH, NULL);
    }
    SET(CURLOPT_TIMEOUT_MS, milliseconds(left_ns));
    SET(CURLOPT_CONNECTTIMEOUT_MS,
        milliseconds(left_ns < client->connect_timeout_ns ? left_ns : client->connect_timeout_ns));
    SET(CURLOPT_MAXCONNECTS, 1L);
    SET(CURLOPT_TCP_KEEPALIVE, 1L);
    SET(CURLOPT_ERRORBUFFER, x->error);
    SET(CURLOPT_HTTPHEADER, x->headers);
    SET(CURLOPT_HEADERFUNCTION, take_head);
    SET(CURLOPT_HEADERDATA, x);
    SET(CURLOPT_WRITEFUNCTION, take_body);
    SET(CURLOPT_WRITEDATA, x);
    if (has_body(x->request)) {
        SET(CURLOPT_POST, 1L);
        SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)x->request->body.len);
        SET(CURLOPT_POSTFIELDS, x->request->body.len > 0 ? x->request->body.ptr : "");
    }
    if (slice_eq(slice_str(x->request->method), SLICE("HEAD"))) SET(CURLOPT_NOBODY, 1L);
    SET(CURLOPT_CUSTOMREQUEST, x->request->method);
    return good;
}

/* Without the query, in which there may be what nobody should read. */
static struct status fail(const struct exchange *x, enum status_code code, const char *why,
                          struct note *note) {
    struct slice url = x->request->url;
    return note_status(note, code, "%s %.*s: %s", x->request->method,
                       SLICE_FMT(slice_take(url, slice_find_char(url, '?'))), why);
}

static struct status status_of_curl(const struct exchange *x, CURLcode code, struct note *note) {
    const char *why = x->error[0] != 0 ? x->error : curl_easy_strerror(code);
    switch (code) {
        case CURLE_OPERATION_TIMEDOUT:
            return fail(x, STATUS_TIMEOUT, why, note);
        case CURLE_WRITE_ERROR:
            if (!x->body.overflowed && !x->head.overflowed) break;
            return fail(x, STATUS_TOO_LARGE, "the answer is larger than was asked for", note);
        case CURLE_OUT_OF_MEMORY:
            return fail(x, STATUS_NO_MEMORY, why, note);
        case CURLE_UNSUPPORTED_PROTOCOL:
        case CURLE_URL_MALFORMAT:
            return fail(x, STATUS_INVALID, why, note);
        default:
            break;
    }
    return fail(x, STATUS_IO, why, note);
}

static struct status perform(struct client *client, struct exchange *x, int64_t deadline_ns,
                             struct arena *arena, struct note *note,
                             struct client_response *ret_response) {
    long status = 0;
    int64_t left_ns = deadline_ns - now_ns();
    if (left_ns <= 0) return fail(x, STATUS_TIMEOUT, "no connection became free", note);
    if (!set_options(client, x, left_ns)) return fail(x, STATUS_NO_MEMORY, "libcurl", note);
    CURLcode code = curl_easy_perform(x->handle);
    if (code != CURLE_OK) return status_of_curl(x, code, note);
    curl_easy_getinfo(x->handle, CURLINFO_RESPONSE_CODE, &status);
    *ret_response = (struct client_response){.status = (int)status,
                                             .head = arena_dup(arena, buf_slice(&x->head)),
                                             .body = arena_dup(arena, buf_slice(&x->body))};
    return arena_ok(arena);
}

static struct status run(struct client *client, struct exchange *x, struct arena *arena,
                         struct note *note, struct client_response *ret_response) {
    int64_t deadline_ns = now_ns() + x->request->deadline_ns;
    TRY(make_ready(x, note));
    struct status s = handle_take(client, deadline_ns, &x->handle);
    if (!is_ok(s)) return fail(x, s.code, "no connection became free", note);
    s = x->handle != NULL ? perform(client, x, deadline_ns, arena, note, ret_response)
                          : status_of(STATUS_NO_MEMORY);
    handle_give(client, x->handle);
    return s;
}

struct status client_send(struct client *client, const struct client_request *request,
                          struct arena *arena, struct note *note,
                          struct client_response *ret_response) {
    struct exchange *x = calloc(1, sizeof *x);
    CHECK(request->deadline_ns > 0 && request->response_bytes_max <= CLIENT_BODY_BYTES_MAX);
    if (x == NULL) return status_of(STATUS_NO_MEMORY);
    x->request = request;
    buf_init(&x->head, CLIENT_HEAD_BYTES_MAX);
    buf_init(&x->body, request->response_bytes_max);
    struct status s = run(client, x, arena, note, ret_response);
    /* There may be secrets in all of it. */
    if (x->body.ptr != NULL) explicit_bzero(x->body.ptr, x->body.len);
    if (x->head.ptr != NULL) explicit_bzero(x->head.ptr, x->head.len);
    for (struct curl_slist *line = x->headers; line != NULL; line = line->next) {
        explicit_bzero(line->data, strlen(line->data));
    }
    curl_slist_free_all(x->headers);
    buf_fini(&x->body);
    buf_fini(&x->head);
    free(x);
    return s;
}

struct slice client_header_find(const struct client_response *response, const char *name) {
    struct slice rest = response->head;
    while (rest.len > 0) {
        struct slice line, word, value;
        slice_cut(rest, '\n', &line, &rest);
        if (slice_ends_with(line, SLICE("\r"))) line.len--;
        if (slice_cut(line, ':', &word, &value) && slice_eq_nocase(word, slice_str(name))) {
            return slice_trim(value);
        }
    }
    return SLICE("");
}
