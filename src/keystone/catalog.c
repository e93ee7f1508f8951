/* The catalogue: where each service of each region is reached. */
#include "base/check.h"
#include "base/codec.h"
#include "crypto/digest.h"
#include "http/url.h"
#include "keystone/call.h"

static const char *const interfaces[] = {"public", "internal", "admin"};

/* Services as clients look them up; the path is what follows an endpoint's address. */
static const struct service {
    const char *type;
    const char *name;
    const char *path;
    bool of_project; /* the project's id follows */
} services[] = {
    {"identity", "keystone", "/v3/", false},
    {"s3", "s3", "", false},
    {"object-store", "swift", "/swift/v1/AUTH_", true},
};

/* An id that stays the same over restarts: 32 digits of a digest of what it stands for. */
static void write_id(struct json_writer *w, struct slice a, struct slice b, struct slice c) {
    uint8_t bytes[DIGEST_SHA256_LEN];
    char text[2 * DIGEST_SHA256_LEN];
    struct digest digest;
    struct buf buf;
    struct slice parts[] = {a, b, c};
    digest_init(&digest, DIGEST_SHA256);
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        digest_update(&digest, parts[i]);
        digest_update(&digest, SLICE("|"));
    }
    digest_final(&digest, bytes);
    buf_init_fixed(&buf, text, sizeof text);
    hex_encode(&buf, slice_of(bytes, DIGEST_SHA256_LEN / 2));
    json_member_string(w, "id", buf_slice(&buf));
}

static struct slice address_of(struct keystone_call *call,
                               const struct keystone_endpoint *endpoint) {
    struct slice host = endpoint->host, port;
    if (endpoint->url.len > 0) return endpoint->url;
    if (host.len == 0 && (!http_authority_split(call->head->authority, &host, &port) ||
                          host.len == 0 || slice_find_char(host, '"') < host.len)) {
        host = SLICE("localhost");
    }
    bool brackets = slice_find_char(host, ':') < host.len;
    return arena_printf(call->arena, "%s://%s%.*s%s%s%.*s", endpoint->tls ? "https" : "http",
                        brackets ? "[" : "", SLICE_FMT(host), brackets ? "]" : "",
                        endpoint->port.len > 0 ? ":" : "", SLICE_FMT(endpoint->port));
}

static void write_endpoint(struct keystone_call *call, struct json_writer *w,
                           const struct service *service, const struct keystone_endpoint *endpoint,
                           const char *interface) {
    bool is_us = service == &services[0];
    struct slice parts[] = {is_us ? keystone_base_url(call) : address_of(call, endpoint),
                            slice_str(service->path),
                            service->of_project ? call->bearer.project.id : SLICE("")};
    struct slice url = arena_join(call->arena, parts, ARRAY_LEN(parts));
    struct slice place[] = {endpoint->region, SLICE(" "), url};
    json_begin_object(w);
    write_id(w, slice_str(service->type), arena_join(call->arena, place, 3), slice_str(interface));
    json_member_str(w, "interface", interface);
    json_member_string(w, "region_id", endpoint->region);
    json_member_string(w, "url", url);
    json_member_string(w, "region", endpoint->region);
    json_end_object(w);
}

/* Whether an endpoint before this one has led to the region already. */
static bool is_repeated(const struct keystone_service *service, size_t index) {
    for (size_t i = 0; i < index; i++) {
        if (slice_eq(service->endpoints[i].region, service->endpoints[index].region)) return true;
    }
    return false;
}

static void write_service(struct keystone_call *call, struct json_writer *w,
                          const struct service *service) {
    const struct keystone_service *zone = call->service;
    json_begin_object(w);
    json_key(w, "endpoints");
    json_begin_array(w);
    for (size_t i = 0; i < zone->endpoint_count; i++) {
        if (is_repeated(zone, i)) continue;
        for (size_t j = 0; j < ARRAY_LEN(interfaces); j++) {
            write_endpoint(call, w, service, &zone->endpoints[i], interfaces[j]);
        }
    }
    json_end_array(w);
    write_id(w, slice_str(service->type), SLICE(""), SLICE(""));
    json_member_str(w, "type", service->type);
    json_member_str(w, "name", service->name);
    json_end_object(w);
}

void keystone_write_catalog(struct keystone_call *call, struct json_writer *w) {
    json_key(w, "catalog");
    json_begin_array(w);
    for (size_t i = 0; i < ARRAY_LEN(services); i++) write_service(call, w, &services[i]);
    json_end_array(w);
}

struct status keystone_catalog_show(struct keystone_call *call) {
    if (call->bearer.project.id.len == 0) return keystone_refuse_forbidden(call);
    struct json_writer w = keystone_document(call);
    json_begin_object(&w);
    keystone_write_catalog(call, &w);
    keystone_write_self(call, &w, "auth/catalog");
    json_end_object(&w);
    return status_ok();
}
