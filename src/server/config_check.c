/* What follows from other values, and what does not fit together. */
#include <stdio.h>

#include "base/check.h"
#include "engine/engine.h"
#include "server/config_load.h"

/* Room for sun_path, which the path of a Unix socket must fit in. */
enum { SOCKET_PATH_MAX = 107 };

static struct status need_key(struct config_loader *loader, const struct config_block *block,
                              const char *key) {
    const char *word = config_section_word(block->section);
    bool named = block->name[0] != 0;
    return config_refuse(loader, block->line, "[%s%s%s] needs the key '%s'", word, named ? " " : "",
                         block->name, key);
}

static struct status complete_server(struct config_loader *loader) {
    struct config_server *server = &loader->config->server;
    struct arena *arena = &loader->config->arena;
    const struct config_block *block = config_block_of(loader, server);
    if (server->data_dir == NULL) return need_key(loader, block, "data");
    if (server->key_file == NULL) {
        server->key_file = arena_printf(arena, "%s/secret.key", server->data_dir).ptr;
    }
    if (server->admin_socket == NULL) {
        server->admin_socket = arena_printf(arena, "%s/admin.sock", server->data_dir).ptr;
    }
    TRY(arena_ok(arena));
    if ((server->keystone_certificate == NULL) != (server->keystone_key == NULL)) {
        bool has_key = server->keystone_key != NULL;
        return config_refuse(
            loader, config_line_of(block, has_key ? "keystone_key" : "keystone_certificate"),
            "keystone_certificate and keystone_key are given together");
    }
    if (slice_ends_with(slice_str(server->keystone_url), SLICE("/v3"))) {
        return config_refuse(loader, config_line_of(block, "keystone_url"),
                             "keystone_url: '%s' is to be without /v3", server->keystone_url);
    }
    if (server->group != NULL && server->user == NULL) {
        return config_refuse(loader, config_line_of(block, "group"), "group: needs 'user' too");
    }
    if (strlen(server->admin_socket) > SOCKET_PATH_MAX) {
        bool given = config_line_of(block, "admin_socket") != block->line;
        return config_refuse(loader, config_line_of(block, given ? "admin_socket" : "data"),
                             "admin_socket: '%s' is longer than the %d bytes of a socket's path; "
                             "set admin_socket to a shorter one",
                             server->admin_socket, SOCKET_PATH_MAX);
    }
    return status_ok();
}

static void roles_or_else(struct config_words *roles, const char **items, size_t count) {
    if (roles->count == 0) *roles = (struct config_words){items, count};
}

static void complete_roles(struct config_identity *identity) {
    static const char *reader[] = {"reader"};
    static const char *member[] = {"member", "_member_", "swiftoperator"};
    static const char *admin[] = {"admin"};
    static const char *reseller[] = {"ResellerAdmin"};
    static const char *service[] = {"service"};
    roles_or_else(&identity->reader_roles, reader, ARRAY_LEN(reader));
    roles_or_else(&identity->member_roles, member, ARRAY_LEN(member));
    roles_or_else(&identity->admin_roles, admin, ARRAY_LEN(admin));
    roles_or_else(&identity->reseller_roles, reseller, ARRAY_LEN(reseller));
    roles_or_else(&identity->service_roles, service, ARRAY_LEN(service));
}

static struct status complete_tempauth(struct config_loader *loader) {
    const struct config_tempauth *tempauth = &loader->config->tempauth;
    const struct config_block *block = config_block_of(loader, tempauth);
    bool elsewhere = loader->config->identity.mode == CONFIG_IDENTITY_KEYSTONE;
    if (elsewhere && tempauth->builtin_users) {
        return config_refuse(loader, config_line_of(block, "builtin_users"),
                             "builtin_users: there are none with 'mode = keystone'");
    }
    if (!tempauth->enabled || tempauth->builtin_users || tempauth->users.count > 0) {
        return status_ok();
    }
    return config_refuse(loader, config_line_of(block, "enabled"),
                         "enabled: needs a 'user', or builtin_users = on");
}

/* What is not NULL is for a Keystone only, or what is NULL is needed for one. */
static struct status complete_identity(struct config_loader *loader) {
    const struct config_server *server = &loader->config->server;
    struct config_identity *identity = &loader->config->identity;
    const struct config_block *block = config_block_of(loader, identity);
    if (identity->mode == CONFIG_IDENTITY_BUILTIN) {
        if (identity->url == NULL) return status_ok();
        return config_refuse(loader, config_line_of(block, "url"),
                             "url: is for 'mode = keystone'; the mode is builtin");
    }
    complete_roles(identity);
    if (identity->url == NULL) return need_key(loader, block, "url");
    if (identity->service_user == NULL) return need_key(loader, block, "service_user");
    if ((identity->service_password == NULL) == (identity->service_password_file == NULL)) {
        return config_refuse(loader, block->line,
                             "[identity] needs one of service_password_file and service_password");
    }
    if (server->keystone_listen.count > 0) {
        return config_refuse(
            loader, config_line_of(config_block_of(loader, server), "keystone_listen"),
            "keystone_listen: the built-in Identity API has no users with 'mode = keystone'");
    }
    if (identity->stale_max_ns < identity->refresh_ns) {
        return config_refuse(loader, config_line_of(block, "identity_stale_max"),
                             "identity_stale_max: must not be below identity_refresh");
    }
    return status_ok();
}

static struct status complete_limits(struct config_loader *loader) {
    struct config_limits *limits = &loader->config->limits;
    if (limits->workers_without_body == 0) limits->workers_without_body = (limits->workers + 3) / 4;
    if (limits->workers_without_body < limits->workers) return status_ok();
    return config_refuse(
        loader, config_line_of(config_block_of(loader, limits), "workers_without_body"),
        "workers_without_body: %llu must be below workers (%llu)",
        (unsigned long long)limits->workers_without_body, (unsigned long long)limits->workers);
}

static struct status complete_proxy(struct config_loader *loader) {
    const struct config_proxy *proxy = &loader->config->proxy;
    const struct config_block *block = config_block_of(loader, proxy);
    if (proxy->trusted.count > 0) return status_ok();
    if (proxy->proxy_protocol) {
        return config_refuse(loader, config_line_of(block, "proxy_protocol"),
                             "proxy_protocol: needs 'trusted', the addresses it is taken from");
    }
    if (proxy->forwarded_headers) {
        return config_refuse(loader, config_line_of(block, "forwarded_headers"),
                             "forwarded_headers: needs 'trusted', the addresses they are taken "
                             "from");
    }
    return status_ok();
}

static struct status complete_drive(struct config_loader *loader,
                                    const struct config_drive *drive) {
    const struct config_block *block = config_block_of(loader, drive);
    if (drive->path == NULL) return need_key(loader, block, "path");
    for (const struct config_drive *other = loader->config->drives; other != drive; other++) {
        if (strcmp(other->path, drive->path) != 0) continue;
        return config_refuse(loader, config_line_of(block, "path"),
                             "path: [drive %s] has that directory already", other->name);
    }
    if (drive->metadata && strcmp(drive->path, loader->config->server.data_dir) == 0) {
        return config_refuse(loader, config_line_of(block, "metadata"),
                             "metadata: the data directory has a copy anyway");
    }
    return status_ok();
}

static struct status check_metadata(struct config_loader *loader) {
    unsigned count = 1; /* in the data directory */
    for (size_t i = 0; i < loader->config->drive_count; i++) {
        const struct config_drive *drive = &loader->config->drives[i];
        if (drive->metadata && strcmp(drive->name, "data") == 0) {
            return config_refuse(
                loader, config_block_of(loader, drive)->line,
                "a drive with metadata can't be called 'data': that is the copy in "
                "the data directory");
        }
        count += drive->metadata;
        if (count <= ENGINE_METADATA_COPIES_MAX) continue;
        return config_refuse(loader, config_line_of(config_block_of(loader, drive), "metadata"),
                             "metadata: may be on %d drives, beside the data directory",
                             ENGINE_METADATA_COPIES_MAX - 1);
    }
    return status_ok();
}

/* Pieces of an object under the policy, and how many must be there to read it. */
static void policy_pieces(const struct config_policy *policy, uint64_t *ret_all,
                          uint64_t *ret_needed) {
    const struct config_erasure_code *code = &policy->erasure_code;
    bool coded = code->data_pieces != 0;
    *ret_all = coded ? code->data_pieces + code->parity_pieces : policy->copies;
    *ret_needed = coded ? code->data_pieces : 1;
}

static struct status complete_policy(struct config_loader *loader, struct config_policy *policy) {
    const struct config_block *block = config_block_of(loader, policy);
    bool coded = policy->erasure_code.data_pieces != 0;
    if (coded && policy->copies != 0) {
        return config_refuse(loader, config_line_of(block, "erasure_code"),
                             "erasure_code: a policy has this or 'copies', not both");
    }
    if (!coded && policy->copies == 0) policy->copies = 1;
    uint64_t all;
    uint64_t needed;
    policy_pieces(policy, &all, &needed);
    if (policy->min_copies == 0) {
        policy->min_copies = coded ? needed + 1 : policy->copies / 2 + 1;
    }
    if (policy->min_copies < needed || policy->min_copies > all) {
        return config_refuse(loader, config_line_of(block, "min_copies"),
                             "min_copies: must be from %llu to %llu for this policy",
                             (unsigned long long)needed, (unsigned long long)all);
    }
    return status_ok();
}

static struct status complete_region(struct config_loader *loader, struct config_region *region) {
    const struct config_block *block = config_block_of(loader, region);
    if (region->policies.count == 0) return need_key(loader, block, "policies");
    for (size_t i = 0; i < region->policies.count; i++) {
        const char *policy = region->policies.items[i];
        if (config_policy_find(loader->config, slice_str(policy)) != NULL) continue;
        return config_refuse(loader, config_line_of(block, "policies"),
                             "policies: there is no [policy %s]", policy);
    }
    if (region->default_policy == NULL) region->default_policy = region->policies.items[0];
    if (!config_region_offers(region, slice_str(region->default_policy))) {
        return config_refuse(loader, config_line_of(block, "default_policy"),
                             "default_policy: '%s' is not one of the region's policies",
                             region->default_policy);
    }
    return status_ok();
}

static struct status complete_endpoint(struct config_loader *loader,
                                       struct config_endpoint *endpoint) {
    const struct config_block *block = config_block_of(loader, endpoint);
    if (endpoint->region_name == NULL) return need_key(loader, block, "region");
    if (endpoint->listen.count == 0) return need_key(loader, block, "listen");
    endpoint->region = config_region_find(loader->config, slice_str(endpoint->region_name));
    if (endpoint->region == NULL) {
        return config_refuse(loader, config_line_of(block, "region"),
                             "region: there is no [region %s]", endpoint->region_name);
    }
    if (endpoint->tls_certificate != NULL && endpoint->tls_key == NULL) {
        return config_refuse(loader, config_line_of(block, "tls_certificate"),
                             "tls_certificate: needs 'tls_key' too");
    }
    if (endpoint->tls_certificate == NULL && endpoint->tls_key != NULL) {
        return config_refuse(loader, config_line_of(block, "tls_key"),
                             "tls_key: needs 'tls_certificate' too");
    }
    return status_ok();
}

static struct config_listener *find_listener(struct config *config, const char *address) {
    for (size_t i = 0; i < config->listener_count; i++) {
        if (strcmp(config->listeners[i].address.text, address) == 0) return &config->listeners[i];
    }
    return NULL;
}

static bool has_host(const struct config_endpoint *endpoint, const char *host) {
    for (size_t i = 0; i < endpoint->hosts.count; i++) {
        if (strcmp(endpoint->hosts.items[i], host) == 0) return true;
    }
    for (size_t i = 0; i < endpoint->website_hosts.count; i++) {
        if (strcmp(endpoint->website_hosts.items[i], host) == 0) return true;
    }
    return false;
}

/* Refuses a name of `endpoint` that `other` at the same address has. */
static struct status check_hosts(struct config_loader *loader,
                                 const struct config_endpoint *endpoint, const char *key,
                                 const struct config_words *hosts,
                                 const struct config_endpoint *other, const char *address) {
    for (size_t i = 0; i < hosts->count; i++) {
        if (!has_host(other, hosts->items[i])) continue;
        return config_refuse(loader, config_line_of(config_block_of(loader, endpoint), key),
                             "%s: '%s' at %s is taken by [endpoint %s]", key, hosts->items[i],
                             address, other->name);
    }
    return status_ok();
}

/* Refuses a second endpoint at an address that could not be told from the first. */
static struct status check_shared(struct config_loader *loader,
                                  const struct config_listener *listener,
                                  const struct config_endpoint *endpoint) {
    unsigned line = config_line_of(config_block_of(loader, endpoint), "listen");
    const char *address = listener->address.text;
    if (listener->tls != (endpoint->tls_certificate != NULL)) {
        return config_refuse(loader, line, "listen: %s can't be both with and without TLS",
                             address);
    }
    for (size_t i = 0; i < listener->endpoint_count; i++) {
        const struct config_endpoint *other = listener->endpoints[i];
        if (other->hosts.count == 0 && endpoint->hosts.count == 0) {
            return config_refuse(loader, line,
                                 "listen: %s is shared with [endpoint %s]; one of them needs "
                                 "'hosts'",
                                 address, other->name);
        }
        TRY(check_hosts(loader, endpoint, "hosts", &endpoint->hosts, other, address));
        TRY(check_hosts(loader, endpoint, "website_hosts", &endpoint->website_hosts, other,
                        address));
    }
    return status_ok();
}

static struct status join_listener(struct config_loader *loader,
                                   const struct config_endpoint *endpoint,
                                   const struct config_address *address) {
    struct config *config = loader->config;
    struct config_listener *listener = find_listener(config, address->text);
    if (listener == NULL) {
        if (config->listener_count == CONFIG_LISTENERS_MAX) {
            return config_refuse(loader,
                                 config_line_of(config_block_of(loader, endpoint), "listen"),
                                 "listen: more than %d addresses", (int)CONFIG_LISTENERS_MAX);
        }
        listener = &config->listeners[config->listener_count++];
        listener->address = *address;
        listener->tls = endpoint->tls_certificate != NULL;
    }
    TRY(check_shared(loader, listener, endpoint));
    const struct config_endpoint **grown =
        arena_calloc(&config->arena, listener->endpoint_count + 1, sizeof(void *));
    if (grown == NULL) return status_of(STATUS_NO_MEMORY);
    for (size_t i = 0; i < listener->endpoint_count; i++) grown[i] = listener->endpoints[i];
    grown[listener->endpoint_count++] = endpoint;
    listener->endpoints = grown;
    return status_ok();
}

/* Refuses addresses of [server] that an endpoint has. */
static struct status check_free(struct config_loader *loader, const char *key,
                                const struct config_addresses *addresses) {
    struct config *config = loader->config;
    for (size_t i = 0; i < addresses->count; i++) {
        const struct config_listener *taken = find_listener(config, addresses->items[i].text);
        if (taken == NULL) continue;
        return config_refuse(loader, config_line_of(config_block_of(loader, &config->server), key),
                             "%s: %s is taken by [endpoint %s]", key, taken->address.text,
                             taken->endpoints[0]->name);
    }
    return status_ok();
}

static struct status check_apart(struct config_loader *loader) {
    const struct config_server *server = &loader->config->server;
    for (size_t i = 0; i < server->keystone_listen.count; i++) {
        const char *address = server->keystone_listen.items[i].text;
        for (size_t j = 0; j < server->admin_listen.count; j++) {
            if (strcmp(server->admin_listen.items[j].text, address) != 0) continue;
            return config_refuse(loader,
                                 config_line_of(config_block_of(loader, server), "keystone_listen"),
                                 "keystone_listen: %s is taken by admin_listen", address);
        }
    }
    return status_ok();
}

static struct status complete_listeners(struct config_loader *loader) {
    struct config *config = loader->config;
    config->listeners =
        arena_calloc(&config->arena, CONFIG_LISTENERS_MAX, sizeof *config->listeners);
    if (config->listeners == NULL) return status_of(STATUS_NO_MEMORY);
    for (size_t i = 0; i < config->endpoint_count; i++) {
        const struct config_endpoint *endpoint = &config->endpoints[i];
        for (size_t j = 0; j < endpoint->listen.count; j++) {
            TRY(join_listener(loader, endpoint, &endpoint->listen.items[j]));
        }
    }
    TRY(check_free(loader, "admin_listen", &config->server.admin_listen));
    TRY(check_free(loader, "keystone_listen", &config->server.keystone_listen));
    return check_apart(loader);
}

static struct status check_reached(struct config_loader *loader,
                                   const struct config_region *region) {
    for (size_t i = 0; i < loader->config->endpoint_count; i++) {
        if (loader->config->endpoints[i].region == region) return status_ok();
    }
    return config_refuse(loader, config_block_of(loader, region)->line,
                         "no [endpoint NAME] leads to region '%s'", region->name);
}

struct status config_complete(struct config_loader *loader) {
    struct config *config = loader->config;
    TRY(complete_server(loader));
    TRY(complete_identity(loader));
    TRY(complete_tempauth(loader));
    TRY(complete_limits(loader));
    TRY(complete_proxy(loader));
    for (size_t i = 0; i < config->drive_count; i++) {
        TRY(complete_drive(loader, &config->drives[i]));
    }
    TRY(check_metadata(loader));
    for (size_t i = 0; i < config->policy_count; i++) {
        TRY(complete_policy(loader, &config->policies[i]));
    }
    for (size_t i = 0; i < config->region_count; i++) {
        TRY(complete_region(loader, &config->regions[i]));
    }
    for (size_t i = 0; i < config->endpoint_count; i++) {
        TRY(complete_endpoint(loader, &config->endpoints[i]));
    }
    if (config->endpoint_count == 0) {
        return config_refuse(loader, 0, "there is no [endpoint NAME], so nothing to serve");
    }
    TRY(complete_listeners(loader));
    for (size_t i = 0; i < config->region_count; i++) {
        TRY(check_reached(loader, &config->regions[i]));
    }
    return status_ok();
}

/* How well `host` fits `pattern`: the length matched, 0 for not at all. */
static size_t match_host(const char *pattern, struct slice host, struct slice *ret_bucket) {
    struct slice p = slice_str(pattern);
    if (!slice_starts_with(p, SLICE("*."))) {
        *ret_bucket = SLICE("");
        return slice_eq_nocase(p, host) ? p.len + 1 : 0;
    }
    struct slice suffix = slice_skip(p, 1);
    if (host.len <= suffix.len) return 0;
    struct slice tail = slice_skip(host, host.len - suffix.len);
    if (!slice_eq_nocase(tail, suffix)) return 0;
    *ret_bucket = slice_take(host, host.len - suffix.len);
    return suffix.len;
}

/* The best fit so far. */
struct host_fit {
    const struct config_endpoint *endpoint;
    struct slice bucket;
    bool website;
    size_t length;
};

static void fit_hosts(const struct config_endpoint *endpoint, bool website, struct slice host,
                      struct host_fit *best) {
    const struct config_words *hosts = website ? &endpoint->website_hosts : &endpoint->hosts;
    for (size_t i = 0; i < hosts->count; i++) {
        struct slice bucket = SLICE("");
        size_t length = match_host(hosts->items[i], host, &bucket);
        if (length <= best->length) continue;
        *best = (struct host_fit){endpoint, bucket, website, length};
    }
}

const struct config_endpoint *config_endpoint_find(const struct config_listener *listener,
                                                   struct slice host, struct slice *ret_bucket,
                                                   bool *ret_website) {
    struct host_fit best = {.bucket = SLICE("")};
    for (size_t i = 0; i < listener->endpoint_count; i++) {
        const struct config_endpoint *endpoint = listener->endpoints[i];
        bool takes_any = endpoint->hosts.count == 0 || listener->endpoint_count == 1;
        if (takes_any && best.endpoint == NULL) best.endpoint = endpoint;
        fit_hosts(endpoint, false, host, &best);
        fit_hosts(endpoint, true, host, &best);
    }
    if (best.endpoint == NULL) return NULL;
    *ret_bucket = best.website && best.bucket.len == 0 ? host : best.bucket;
    *ret_website = best.website;
    return best.endpoint;
}
