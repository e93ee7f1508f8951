/*
 * config.h - what the operator asked for: the configuration file as values
 *
 * An INI file. Every key is a row of config.def and is shown, with its default, in conf/hink.conf.
 * Nothing is opened for writing here, and nothing is half-accepted: an unknown section or key, a
 * duplicate, a value that does not parse or is out of bounds, a name that leads nowhere, a path
 * that can't be used is one line "FILE:LINE: what is wrong" in the note.
 *
 *     [server] [identity] [tempauth] [limits] [proxy] [log]   once each
 *     [policy NAME] ◀─offered by─ [region NAME] ◀─leads to─ [endpoint NAME]
 *
 *     config_load or config_default ── read ── config_free
 *
 * Lists are separated by commas, or the key is repeated. Sizes have units (64MiB), durations too
 * (30s, 500ms, 5m); yes/no values are on and off. A line has at most 198 bytes. Relative paths
 * are taken from the directory the process was started in.
 *
 * Threads: a configuration does not change once loaded; any number may read it.
 */
#ifndef SERVER_CONFIG_H
#define SERVER_CONFIG_H

#include <sys/socket.h>

#include "access/acl.h"
#include "base/arena.h"
#include "base/note.h"
#include "identity/tempauth.h"
#include "net/address.h"
#include "server/access_log.h"
#include "server/log.h"

enum {
    CONFIG_DRIVES_MAX = 64,
    CONFIG_POLICIES_MAX = 64,
    CONFIG_REGIONS_MAX = 64,
    CONFIG_ENDPOINTS_MAX = 256,
    CONFIG_LISTENERS_MAX = 256,
    CONFIG_NAME_MAX = 63,
    CONFIG_ADDRESS_TEXT_MAX = 64
};

/* A list of words: policy names, host names. */
struct config_words {
    const char **items;
    size_t count;
};

/* An address to listen on. `*:9000` is every address of the machine, IPv6 and IPv4. */
struct config_address {
    struct sockaddr_storage address;
    socklen_t length;
    char text[CONFIG_ADDRESS_TEXT_MAX]; /* 127.0.0.1:9000, [::1]:9000 */
};

struct config_addresses {
    struct config_address *items;
    size_t count;
};

/* Networks whose word is taken. */
struct config_networks {
    struct net_network *items;
    size_t count;
};

struct config_server {
    const char *zone;
    const char *data_dir;
    const char *key_file;     /* never NULL once loaded */
    const char *admin_socket; /* never NULL once loaded */
    struct config_addresses admin_listen;
    bool verify_always;
    bool sigv2;
    enum acl_ownership object_ownership;
    bool block_public_access;
    struct config_addresses keystone_listen;
    const char *keystone_url;         /* without a '/' at its end; NULL: by the Host header */
    const char *keystone_certificate; /* NULL: plain HTTP */
    const char *keystone_key;         /* both or none */
    int64_t token_lifetime_ns;
    const char *user;  /* NULL: stay who we are */
    const char *group; /* NULL: the user's own */
};

enum config_identity_mode { CONFIG_IDENTITY_BUILTIN, CONFIG_IDENTITY_KEYSTONE };

/* Where users come from. All but `mode` is for an existing Keystone. */
struct config_identity {
    enum config_identity_mode mode;
    const char *url; /* never NULL with a Keystone, as is service_user */
    const char *service_user;
    const char *service_password_file; /* one of the two, with a Keystone */
    const char *service_password;
    const char *service_user_domain;
    const char *service_project;
    const char *service_project_domain;
    const char *ca_file; /* NULL: the system's authorities */
    int64_t timeout_ns;
    int64_t refresh_ns;
    int64_t stale_max_ns;
    struct config_words reader_roles;
    struct config_words member_roles;
    struct config_words admin_roles;
    struct config_words reseller_roles;
    struct config_words service_roles;
};

/* Users of Swift's old authentication. */
struct config_tempauth_users {
    struct tempauth_user *items;
    size_t count;
};

struct config_tempauth {
    bool enabled;
    bool builtin_users;
    struct config_tempauth_users users;
};

struct config_limits {
    uint64_t workers;
    uint64_t workers_without_body; /* below `workers` */
    uint64_t connections;
    uint64_t body_memory_bytes;
    int64_t handshake_timeout_ns;
    int64_t head_timeout_ns;
    int64_t idle_timeout_ns;
    int64_t io_timeout_ns;
    uint64_t body_rate_bytes; /* a second */
    int64_t shutdown_timeout_ns;
    uint64_t buckets_per_project;
    uint64_t repair_rate_bytes; /* a second; 0: as fast as can be */
    uint64_t scrub_rate_bytes;
    int64_t scrub_interval_ns; /* 0: never by itself */
};

struct config_proxy {
    struct config_networks trusted;
    bool proxy_protocol;
    bool forwarded_headers;
};

struct config_log {
    enum log_level level;
    const char *access_log; /* NULL: off */
    enum access_log_format access_log_format;
};

enum config_media { CONFIG_MEDIA_HDD, CONFIG_MEDIA_SSD };

/* Where large data lies; without any, in the data directory. */
struct config_drive {
    const char *name;
    const char *path;
    enum config_media media;
    bool metadata; /* a copy of the metadata lies on it, too */
};

/* k data and m parity pieces; both 0 where the policy keeps whole copies. */
struct config_erasure_code {
    unsigned data_pieces;
    unsigned parity_pieces;
};

struct config_policy {
    const char *name;
    enum config_media media;
    uint64_t copies; /* 0 with an erasure code */
    struct config_erasure_code erasure_code;
    uint64_t min_copies; /* copies or pieces */
    bool allow_reduced_redundancy;
    bool same_device;
};

struct config_region {
    const char *name;
    struct config_words policies; /* offered; each is the name of a policy; never empty */
    const char *default_policy;   /* one of them */
    bool replicated;
};

struct config_endpoint {
    const char *name;
    const char *region_name;
    const struct config_region *region;
    struct config_addresses listen;
    const char *url;                   /* without a '/' at its end; NULL: by hosts and listen */
    struct config_words hosts;         /* lower case; "*.NAME" serves buckets as host names */
    struct config_words website_hosts; /* the same for web sites; a plain name is a bucket's */
    bool swift;                        /* serve the Swift API, too */
    const char *tls_certificate;
    const char *tls_key; /* both or none */
};

/*
 * A port to open, with the endpoints that share it: they are told apart by host name, and at most
 * one of them has no hosts and takes what the others don't.
 */
struct config_listener {
    struct config_address address;
    bool tls;
    const struct config_endpoint **endpoints;
    size_t endpoint_count;
};

struct config {
    const char *path;                 /* the file it came from; NULL without one */
    const char *accept_metadata_from; /* of the command line, not of the file; NULL: nothing */
    struct config_server server;
    struct config_identity identity;
    struct config_tempauth tempauth;
    struct config_limits limits;
    struct config_proxy proxy;
    struct config_log log;
    struct config_drive *drives;
    size_t drive_count;
    struct config_policy *policies;
    size_t policy_count;
    struct config_region *regions;
    size_t region_count;
    struct config_endpoint *endpoints;
    size_t endpoint_count;
    struct config_listener *listeners;
    size_t listener_count;
    struct arena arena; /* everything above lies here */
};

/*
 * Reads and checks the file at `path`.
 * Owns: the caller; config_free.
 * Errors: INVALID, NOT_FOUND, DENIED, IO, all with "FILE:LINE: …" (or "FILE: …" where no line is
 * to blame) in `note`.
 * Blocks: reads files, and asks the system for users.
 */
struct status config_load(const char *path, struct note *note, struct config **ret_config);

/* The same from the text of a file named `name`, without looking at paths, users and groups. */
struct status config_parse(const char *name, struct slice text, struct note *note,
                           struct config **ret_config);

/* What `hink serve` is told without a file. Each may be NULL, but for the data directory. */
struct config_options {
    const char *data_dir;
    const char *listen;       /* 127.0.0.1:9000 */
    const char *admin_listen; /* none */
};

/*
 * The configuration for running without a file: region us-east-1, policy standard, one copy.
 * Owns: the caller; config_free.
 * Errors: INVALID, NOT_FOUND, DENIED, with the option in `note`.
 */
struct status config_default(const struct config_options *options, struct note *note,
                             struct config **ret_config);

/* Gives everything back and nulls the pointer; NULL is allowed. */
void config_free(struct config **config);

/* The policy or region of that name; NULL where there is none. */
const struct config_policy *config_policy_find(const struct config *config, struct slice name);
const struct config_region *config_region_find(const struct config *config, struct slice name);

/* Whether the region offers the policy. */
bool config_region_offers(const struct config_region *region, struct slice policy);

/*
 * The endpoint of `listener` that a Host header (without its port) leads to: the one that has the
 * name, else the one that has no names or is alone there; NULL where neither is. `*ret_bucket` is
 * what stands before the host name of a "*.NAME", empty otherwise. `*ret_website` says that the
 * name is one for web sites; without a '*' it is the bucket's. Spec: S3 User Guide, "Virtual
 * hosting of general purpose buckets".
 */
const struct config_endpoint *config_endpoint_find(const struct config_listener *listener,
                                                   struct slice host, struct slice *ret_bucket,
                                                   bool *ret_website);

#endif
