#include "server/listen.h"

#include <stdlib.h>

#include "base/check.h"

enum { PRIVILEGED_CONNECTIONS_MAX = 64 };

/* Everything that net_server_open reads, for as long as it does. */
struct listen_plan {
    struct net_listener_config *listeners;
    size_t listener_count;
    struct net_tls_identity *identities;
    size_t identity_count;
};

static void plan_init(struct listen_plan *plan, const struct config *config) {
    size_t identities = 0;
    for (size_t i = 0; i < config->listener_count; i++) {
        identities += config->listeners[i].endpoint_count;
    }
    size_t keystone = config->server.keystone_listen.count;
    size_t listeners = config->listener_count + keystone + config->server.admin_listen.count;
    identities += keystone;
    *plan = (struct listen_plan){.listeners = calloc(listeners, sizeof *plan->listeners),
                                 .identities = calloc(identities, sizeof *plan->identities)};
    CHECK(plan->listeners != NULL && plan->identities != NULL);
}

static struct net_listener_config *plan_listener(struct listen_plan *plan,
                                                 const struct config_address *address) {
    struct net_listener_config *listener = &plan->listeners[plan->listener_count++];
    listener->address = address->address;
    listener->address_len = address->length;
    /* "*:9000" is IPv4 too; "[::]:9000" is not, and may stand beside "0.0.0.0:9000". */
    bool all = address->text[0] == '*';
    listener->ipv6_only = address->address.ss_family == AF_INET6 && !all;
    return listener;
}

static void plan_identity(struct listen_plan *plan, struct net_listener_config *listener,
                          const struct config_endpoint *endpoint) {
    plan->identities[plan->identity_count++] =
        (struct net_tls_identity){.hosts = endpoint->hosts.items,
                                  .host_count = endpoint->hosts.count,
                                  .certificate_path = endpoint->tls_certificate,
                                  .key_path = endpoint->tls_key};
    listener->identity_count++;
}

/* The first identity is the default: that of the endpoint that takes any host, where there is one.
 */
static void plan_tls(struct listen_plan *plan, struct net_listener_config *listener,
                     const struct config_listener *from) {
    listener->identities = plan->identities + plan->identity_count;
    for (size_t i = 0; i < from->endpoint_count; i++) {
        if (from->endpoints[i]->hosts.count == 0) plan_identity(plan, listener, from->endpoints[i]);
    }
    for (size_t i = 0; i < from->endpoint_count; i++) {
        if (from->endpoints[i]->hosts.count > 0) plan_identity(plan, listener, from->endpoints[i]);
    }
}

static void plan_keystone(struct listen_plan *plan, const struct config *config,
                          const struct config_address *address) {
    struct net_listener_config *listener = plan_listener(plan, address);
    listener->proxy_protocol = config->proxy.proxy_protocol;
    if (config->server.keystone_certificate == NULL) return;
    struct net_tls_identity *identity = &plan->identities[plan->identity_count++];
    *identity = (struct net_tls_identity){.certificate_path = config->server.keystone_certificate,
                                          .key_path = config->server.keystone_key};
    listener->identities = identity;
    listener->identity_count = 1;
}

static void plan_make(struct listen_plan *plan, const struct config *config) {
    for (size_t i = 0; i < config->listener_count; i++) {
        const struct config_listener *from = &config->listeners[i];
        struct net_listener_config *listener = plan_listener(plan, &from->address);
        listener->proxy_protocol = config->proxy.proxy_protocol;
        if (from->tls) plan_tls(plan, listener, from);
    }
    for (size_t i = 0; i < config->server.keystone_listen.count; i++) {
        plan_keystone(plan, config, &config->server.keystone_listen.items[i]);
    }
    for (size_t i = 0; i < config->server.admin_listen.count; i++) {
        struct net_listener_config *listener =
            plan_listener(plan, &config->server.admin_listen.items[i]);
        listener->privileged = true;
        listener->connections_max = PRIVILEGED_CONNECTIONS_MAX;
    }
}

static struct net_limits limits_of(const struct config_limits *from) {
    return (struct net_limits){.connections_max = (unsigned)from->connections,
                               .workers_max = (unsigned)from->workers,
                               .workers_without_body = (unsigned)from->workers_without_body,
                               .body_memory_max_bytes = from->body_memory_bytes,
                               .handshake_timeout_ns = from->handshake_timeout_ns,
                               .head_timeout_ns = from->head_timeout_ns,
                               .idle_timeout_ns = from->idle_timeout_ns,
                               .io_timeout_ns = from->io_timeout_ns,
                               .body_rate_bytes = from->body_rate_bytes};
}

struct status listen_open(const struct config *config, const struct net_handler *handler,
                          void *context, struct note *note, struct net_server **ret_server) {
    struct listen_plan plan;
    plan_init(&plan, config);
    plan_make(&plan, config);
    struct net_config net = {.limits = limits_of(&config->limits),
                             .listeners = plan.listeners,
                             .listener_count = plan.listener_count,
                             .trusted = config->proxy.trusted.items,
                             .trusted_count = config->proxy.trusted.count,
                             .handler = handler,
                             .context = context};
    struct status s = net_server_open(&net, note, ret_server);
    free(plan.listeners);
    free(plan.identities);
    return s;
}

enum listen_kind listen_kind_of(const struct config *config, size_t index) {
    if (index < config->listener_count) return LISTEN_S3;
    size_t keystone_end = config->listener_count + config->server.keystone_listen.count;
    return index < keystone_end ? LISTEN_KEYSTONE : LISTEN_ADMIN;
}
