#include "server/first.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/codec.h"
#include "identity/builtin_login.h"
#include "os/fs.h"
#include "os/random.h"
#include "server/log.h"

/* What the administrator logs in to the Identity API with, in the data directory. */
#define PASSWORD_FILE "admin.password"
enum { PASSWORD_LEN = 32 };

enum { ARENA_BLOCK_BYTES = 4096, ARENA_BYTES_MAX = 1024 * 1024, URL_TEXT_MAX = 384 };

static struct status write_key(struct first *first, const struct builtin_key *key,
                               struct note *note) {
    snprintf(first->access_key, sizeof first->access_key, "%.*s", SLICE_FMT(key->access_key));
    snprintf(first->secret_key, sizeof first->secret_key, "%.*s", SLICE_FMT(key->secret));
    return cli_write_credentials(first->credential_file, key->access_key, key->secret, note);
}

/* What an earlier start left for people; its absence is no error. */
static void read_key(struct first *first) {
    struct status s =
        cli_read_credentials(first->credential_file, first->access_key, sizeof first->access_key);
    if (!is_ok(s)) first->credential_file[0] = 0;
}

static struct status make_user(const struct zone *zone, struct builtin *identity,
                               const struct cli_environment *environment, struct arena *arena,
                               struct note *note, struct first *first, struct slice *ret_project) {
    struct identity_bootstrap_result result;
    TRY(identity_bootstrap(identity, environment->access_key, environment->secret_key, arena, note,
                           &result));
    *ret_project = result.project_id;
    struct status s = status_ok();
    const char *data_dir = zone->config->server.data_dir;
    snprintf(first->credential_file, sizeof first->credential_file, "%s/credentials", data_dir);
    if (environment->access_key.len > 0) {
        /* Who set the environment knows the key. */
        snprintf(first->access_key, sizeof first->access_key, "%.*s",
                 SLICE_FMT(environment->access_key));
        first->credential_file[0] = 0;
    } else if (result.made_key) {
        s = write_key(first, &result.key, note);
    } else {
        read_key(first);
    }
    if (result.made_key) {
        explicit_bzero((void *)(uintptr_t)result.key.secret.ptr, result.key.secret.len);
    }
    return s;
}

/* Keeps it where only the server's user may read it. */
static struct status write_password(const char *data_dir, struct slice password,
                                    struct note *note) {
    char text[PASSWORD_LEN + 1];
    int folder;
    memcpy(text, password.ptr, PASSWORD_LEN);
    text[PASSWORD_LEN] = '\n';
    struct status s = fs_dir_open(fs_system(), AT_FDCWD, data_dir, &folder);
    if (is_ok(s)) {
        s = fs_write_small(fs_system(), folder, PASSWORD_FILE, slice_of(text, sizeof text));
        close(folder);
    }
    explicit_bzero(text, sizeof text);
    return is_ok(s) ? s
                    : note_status(note, s.code, "%s/%s: %s", data_dir, PASSWORD_FILE,
                                  status_text(s.code));
}

/*
 * Where the Identity API is served, somebody must be able to log in there: the administrator gets a
 * password, unless there is one. It is on the drive before it counts, so that it is never lost.
 */
static struct status make_password(const struct config *config, struct builtin *identity,
                                   struct arena *arena, struct note *note) {
    struct builtin_entity admin;
    uint8_t bytes[PASSWORD_LEN / 2];
    char text[PASSWORD_LEN];
    struct buf buf;
    bool is_set;
    if (config->server.keystone_listen.count == 0) return status_ok();
    struct status s = builtin_find(identity, BUILTIN_USER, SLICE(BUILTIN_DEFAULT),
                                   SLICE(BUILTIN_ADMIN), arena, note, &admin);
    if (status_is(s, STATUS_NOT_FOUND)) return status_ok();
    TRY(s);
    TRY(builtin_password_is_set(identity, admin.id, &is_set));
    if (is_set || !admin.admin) return status_ok();
    random_fill(random_system(), bytes, sizeof bytes);
    buf_init_fixed(&buf, text, sizeof text);
    hex_encode(&buf, slice_of(bytes, sizeof bytes));
    s = write_password(config->server.data_dir, buf_slice(&buf), note);
    if (is_ok(s)) s = builtin_password_set(identity, admin.id, buf_slice(&buf), note);
    explicit_bzero(bytes, sizeof bytes);
    explicit_bzero(text, sizeof text);
    TRY(s);
    log_line(LOG_INFO, "the password of user %s for the Identity API is in %s/%s", BUILTIN_ADMIN,
             config->server.data_dir, PASSWORD_FILE);
    return status_ok();
}

static struct status make_bucket(const struct zone *zone, const struct builtin_entity *owner,
                                 struct slice project_id, struct slice name, struct arena *arena,
                                 struct note *note) {
    const struct s3_region *region = zone_region(zone, &zone->config->endpoints[0]);
    struct bucket_wanted wanted = {.name = name,
                                   .region = region->name,
                                   .project_id = project_id,
                                   .owner_id = owner->id,
                                   .owner_name = owner->name,
                                   .policy = region->default_policy,
                                   .claim_s3_name = true,
                                   .buckets_max = zone->service.buckets_per_project};
    struct bucket bucket;
    struct status s = bucket_create(zone->service.objects, &wanted, arena, note, &bucket);
    if (!status_is(s, STATUS_EXISTS)) return s;
    if (slice_eq(bucket.project_id, project_id)) return status_ok();
    return note_status(note, STATUS_EXISTS,
                       "HINK_BUCKETS: bucket '%.*s' belongs to another project", SLICE_FMT(name));
}

static struct status make_buckets(const struct zone *zone, struct builtin *identity,
                                  struct slice buckets, struct slice project_id,
                                  struct arena *arena, struct note *note) {
    struct builtin_entity owner;
    struct slice name;
    if (buckets.len == 0) return status_ok();
    TRY(builtin_find(identity, BUILTIN_USER, SLICE(BUILTIN_DEFAULT), SLICE(BUILTIN_ADMIN), arena,
                     note, &owner));
    while (cli_next_bucket(&buckets, &name)) {
        TRY(make_bucket(zone, &owner, project_id, name, arena, note));
    }
    return status_ok();
}

struct status first_make(const struct zone *zone, struct builtin *identity, struct note *note,
                         struct first *ret_first) {
    struct cli_environment environment;
    struct arena arena;
    struct first first = {0};
    struct slice project_id;
    if (zone->config->identity.mode == CONFIG_IDENTITY_KEYSTONE) {
        *ret_first = first;
        return status_ok();
    }
    TRY(cli_environment_read(note, &environment));
    arena_init(&arena, ARENA_BLOCK_BYTES, ARENA_BYTES_MAX);
    struct status s = make_user(zone, identity, &environment, &arena, note, &first, &project_id);
    if (is_ok(s)) s = make_password(zone->config, identity, &arena, note);
    if (is_ok(s)) {
        s = make_buckets(zone, identity, environment.buckets, project_id, &arena, note);
    }
    arena_fini(&arena);
    if (is_ok(s)) *ret_first = first;
    first_wipe(&first);
    return s;
}

/* Everybody's address is not one to type: this machine's own is. */
static void reachable(struct net_address *address) {
    static const uint8_t any[16] = {0};
    static const uint8_t one[16] = {[15] = 1};
    if (memcmp(address->ip, any, sizeof any) != 0) return;
    if (address->family == NET_IPV4) memcpy(address->ip, (uint8_t[]){127, 0, 0, 1}, 4);
    if (address->family == NET_IPV6) memcpy(address->ip, one, sizeof one);
}

/* The name to use where several endpoints share an address; NULL: the address will do. */
static const char *own_host(const struct config_listener *listener,
                            const struct config_endpoint *endpoint) {
    if (listener->endpoint_count == 1) return NULL;
    for (size_t i = 0; i < endpoint->hosts.count; i++) {
        if (endpoint->hosts.items[i][0] != '*') return endpoint->hosts.items[i];
    }
    return NULL;
}

struct greeting {
    char urls[CONFIG_ENDPOINTS_MAX][URL_TEXT_MAX];
    const char *endpoints[CONFIG_ENDPOINTS_MAX];
    const char *regions[CONFIG_ENDPOINTS_MAX];
    size_t count;
};

static void add_endpoint(struct greeting *greeting, const struct config_listener *listener,
                         const struct config_endpoint *endpoint, struct net_address address) {
    if (greeting->count == CONFIG_ENDPOINTS_MAX) return;
    char text[NET_ADDRESS_TEXT_MAX];
    char *url = greeting->urls[greeting->count];
    const char *scheme = listener->tls ? "https" : "http";
    const char *host = own_host(listener, endpoint);
    reachable(&address);
    net_address_format(&address, text);
    if (host != NULL) {
        snprintf(url, URL_TEXT_MAX, "%s://%s:%u", scheme, host, (unsigned)address.port);
    } else {
        snprintf(url, URL_TEXT_MAX, "%s://%s", scheme, text);
    }
    greeting->endpoints[greeting->count] = url;
    greeting->regions[greeting->count++] = endpoint->region_name;
}

void first_greet(const struct first *first, const struct config *config, struct net_server *net) {
    static struct greeting greeting;
    greeting.count = 0;
    for (size_t i = 0; i < config->listener_count; i++) {
        struct net_address address;
        net_server_address(net, i, &address);
        for (size_t j = 0; j < config->listeners[i].endpoint_count; j++) {
            const struct config_endpoint *endpoint = config->listeners[i].endpoints[j];
            add_endpoint(&greeting, &config->listeners[i], endpoint, address);
        }
    }
    for (size_t i = 0; i < greeting.count; i++) {
        log_line(LOG_INFO, "serving region %s at %s", greeting.regions[i], greeting.endpoints[i]);
    }
    struct cli_greeting words = {
        .zone = config->server.zone,
        .endpoints = greeting.endpoints,
        .regions = greeting.regions,
        .endpoint_count = greeting.count,
        .access_key = slice_str(first->access_key),
        .secret_key = slice_str(first->secret_key),
        .credential_file = first->credential_file[0] ? first->credential_file : NULL};
    /* A server whose standard output is closed serves all the same. */
    IGNORE_STATUS(cli_greet(STDOUT_FILENO, &words));
}

void first_wipe(struct first *first) {
    explicit_bzero(first->secret_key, sizeof first->secret_key);
}
