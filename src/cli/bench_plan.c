#include "cli/bench_plan.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/date.h"

enum { MIX_ROUND = 20, MIX_PUTS = 4, PAGE_KEYS = 1000 };

/* A third of the time that a signature is good for. */
static const int64_t kept_ns = 300 * NS_PER_S;

/* Of 20 requests 12 get, 4 put, 2 head, 1 list, 1 delete, spread out. */
static const enum bench_operation mix[MIX_ROUND] = {
    BENCH_GET,  BENCH_GET, BENCH_PUT,  BENCH_GET, BENCH_HEAD, BENCH_GET,   BENCH_GET,
    BENCH_PUT,  BENCH_GET, BENCH_LIST, BENCH_GET, BENCH_GET,  BENCH_PUT,   BENCH_GET,
    BENCH_HEAD, BENCH_GET, BENCH_GET,  BENCH_PUT, BENCH_GET,  BENCH_DELETE};

/* Scatters the tickets over the objects, the same way in each run. */
static uint64_t scatter(uint64_t ticket, uint64_t objects) {
    uint64_t x = ticket * UINT64_C(0x9e3779b97f4a7c15);
    x = (x ^ (x >> 32)) * UINT64_C(0xd6e8feb86659fd93);
    return (x ^ (x >> 32)) % objects;
}

/* A number of eight digits for each ticket, no two the same: the factor has no divisor in common
 * with the modulus. */
static uint64_t shuffled(uint64_t ticket) {
    return ticket * 61803399 % (BENCH_OBJECTS_MAX + UINT64_C(1));
}

/*
 * A mixed run writes behind the objects that it reads, and deletes the first of the four that it
 * wrote some rounds ago, so that no request fails because of another.
 */
static void mixed_request(const struct bench_plan *plan, uint64_t ticket,
                          struct bench_request *request) {
    uint64_t round = ticket / MIX_ROUND;
    size_t place = ticket % MIX_ROUND;
    request->operation = mix[place];
    if (request->operation == BENCH_DELETE && round < plan->lag) request->operation = BENCH_HEAD;
    if (request->operation == BENCH_PUT) {
        request->index = plan->objects + MIX_PUTS * round + place / 5;
    } else if (request->operation == BENCH_DELETE) {
        request->index = plan->objects + MIX_PUTS * (round - plan->lag);
    } else {
        request->index = scatter(ticket, plan->objects);
    }
}

bool bench_plan_request(const struct bench_plan *plan, uint64_t ticket,
                        struct bench_request *ret_request) {
    if (plan->tickets > 0 && ticket >= plan->tickets) return false;
    struct bench_request request = {.operation = plan->operation, .index = ticket};
    if (plan->operation == BENCH_MIXED) {
        mixed_request(plan, ticket, &request);
    } else if (plan->operation == BENCH_GET || plan->operation == BENCH_HEAD) {
        request.index = scatter(ticket, plan->objects);
    } else if (plan->operation == BENCH_LIST) {
        request.index = 0;
        if (plan->objects > PAGE_KEYS) request.index = scatter(ticket, plan->objects - PAGE_KEYS);
    } else if (plan->operation == BENCH_PUT && plan->objects > 0) {
        request.index = ticket % plan->objects;
    }
    if (request.index > BENCH_OBJECTS_MAX) return false;
    if (plan->random_keys) request.index = shuffled(request.index);
    *ret_request = request;
    return true;
}

uint64_t bench_plan_objects(const struct bench_plan *plan, uint64_t tickets) {
    uint64_t objects = plan->objects;
    if (plan->operation == BENCH_MIXED) objects += MIX_PUTS * (tickets / MIX_ROUND + 1);
    if (plan->operation == BENCH_PUT && (objects == 0 || objects > tickets)) objects = tickets;
    return objects <= BENCH_OBJECTS_MAX ? objects : BENCH_OBJECTS_MAX;
}

struct status bench_heads_init(struct bench_heads *heads, const struct bench_options *options,
                               bool sign, const char *body_sha256, uint64_t kept_max) {
    memset(heads, 0, sizeof *heads);
    heads->options = options;
    heads->sign = sign;
    memcpy(heads->body_sha256, body_sha256, sizeof heads->body_sha256);
    if (!sign) return status_ok();
    for (int i = 0; i < BENCH_OPERATION_COUNT; i++) heads->kept[i].count = kept_max;
    heads->kept[BENCH_DELETE].count = 0; /* never comes again */
    return sigv4_signer_init(&heads->signer, slice_str(options->access_key),
                             slice_str(options->secret_key), slice_str(options->region));
}

void bench_heads_fini(struct bench_heads *heads) {
    for (int i = 0; i < BENCH_OPERATION_COUNT; i++) {
        free(heads->kept[i].bytes);
        free(heads->kept[i].made_ns);
    }
    sigv4_signer_fini(&heads->signer);
}

static void append_path(struct buf *out, const struct bench_options *options,
                        const struct bench_request *request) {
    buf_append_char(out, '/');
    buf_append_str(out, options->bucket);
    if (request->operation == BENCH_LIST) return;
    buf_printf(out, "/hinkbench/%08llu", (unsigned long long)request->index);
}

static struct slice method_of(enum bench_operation operation) {
    static const char *const methods[BENCH_OPERATION_COUNT] = {
        [BENCH_GET] = "GET",       [BENCH_PUT] = "PUT",  [BENCH_HEAD] = "HEAD",
        [BENCH_DELETE] = "DELETE", [BENCH_LIST] = "GET", [BENCH_MIXED] = ""};
    return slice_str(methods[operation]);
}

/* The query of a page, in the order in which it is signed. */
static struct slice append_query(const struct bench_options *options,
                                 const struct bench_request *request, struct buf *out) {
    buf_append_char(out, '?');
    size_t at = out->len;
    if (options->delimiter) buf_append(out, SLICE("delimiter=%2F&"));
    buf_append(out, SLICE("list-type=2&prefix=hinkbench%2F"));
    if (options->objects > PAGE_KEYS) {
        buf_printf(out, "&start-after=hinkbench%%2F%08llu", (unsigned long long)request->index);
    }
    return slice_of(out->ptr + at, out->len - at);
}

static void append_signature(struct bench_heads *heads, const struct bench_request *request,
                             struct slice path, struct slice query, int64_t wall_ns,
                             struct buf *out) {
    struct sigv4_unsigned unsigned_request = {
        .method = method_of(request->operation),
        .host = slice_str(heads->options->authority),
        .path = path,
        .query = query,
        .payload_hash = SIGV4_EMPTY_SHA256,
    };
    if (request->operation == BENCH_PUT) {
        unsigned_request.payload_hash = slice_of(heads->body_sha256, sizeof heads->body_sha256);
        if (heads->options->unsigned_payload)
            unsigned_request.payload_hash = SIGV4_UNSIGNED_PAYLOAD;
    }
    /* Its parts are bounded by bench_options_parse and sigv4_signer_init. */
    CHECK(is_ok(sigv4_sign(&heads->signer, &unsigned_request, wall_ns, out)));
}

/* Builds a head; its length. */
static size_t build(struct bench_heads *heads, const struct bench_request *request, int64_t wall_ns,
                    char *out) {
    struct slice query = {0};
    struct buf head;
    buf_init_fixed(&head, out, BENCH_HEAD_MAX);
    buf_append(&head, method_of(request->operation));
    buf_append_char(&head, ' ');
    size_t path_at = head.len;
    append_path(&head, heads->options, request);
    struct slice path = slice_of(head.ptr + path_at, head.len - path_at);
    if (request->operation == BENCH_LIST) {
        query = append_query(heads->options, request, &head);
    }
    buf_append(&head, SLICE(" HTTP/1.1\r\nHost: "));
    buf_append_str(&head, heads->options->authority);
    buf_append(&head, SLICE("\r\n"));
    if (heads->sign) append_signature(heads, request, path, query, wall_ns, &head);
    if (request->operation == BENCH_PUT) {
        buf_append(&head, SLICE("Content-Length: "));
        buf_append_u64(&head, heads->options->size_bytes);
        buf_append(&head, SLICE("\r\n"));
    }
    buf_append(&head, SLICE("\r\n"));
    CHECK(is_ok(buf_ok(&head)));
    return head.len;
}

/* Room for kept heads of `len` bytes each; without memory for it none is kept. */
static bool kept_begin(struct bench_kept_heads *kept, size_t len) {
    kept->len = len;
    kept->bytes = calloc(kept->count, len);
    kept->made_ns = calloc(kept->count, sizeof kept->made_ns[0]);
    if (kept->bytes != NULL && kept->made_ns != NULL) return true;
    kept->count = 0;
    return false;
}

size_t bench_heads_write(struct bench_heads *heads, const struct bench_request *request,
                         int64_t wall_ns, char *out) {
    struct bench_kept_heads *kept = &heads->kept[request->operation];
    if (request->index >= kept->count) return build(heads, request, wall_ns, out);
    if (kept->bytes != NULL && kept->made_ns[request->index] > wall_ns - kept_ns) {
        memcpy(out, kept->bytes + request->index * kept->len, kept->len);
        return kept->len;
    }
    size_t len = build(heads, request, wall_ns, out);
    if (kept->bytes == NULL && !kept_begin(kept, len)) return len;
    /* Index, date and signature have fixed widths: all heads of an operation are of one length. */
    CHECK(len == kept->len);
    memcpy(kept->bytes + request->index * len, out, len);
    kept->made_ns[request->index] = wall_ns;
    return len;
}
