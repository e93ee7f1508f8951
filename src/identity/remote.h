/*
 * remote.h - identity out of an existing Keystone
 *
 * An access key is looked up by the id that Keystone gives its credential, the SHA-256 of the
 * access key, as a user of ours who may read them all; so its secret is here, and every kind of
 * signature can be checked. A secret alone proves nothing: that its user, its project and their
 * domains are enabled, and which roles the user has in the project, is asked with it and again
 * whenever `refresh_ns` has passed. Tokens are validated by Keystone and again as often.
 *
 *     remote_open ── identity_* (identity.h) on any number of threads ── remote_close
 *
 * Answers are kept (remote_cache.h) for refresh_ns, and, while Keystone does not answer, for
 * stale_max_ns; after that BUSY, and never a yes. Keys made with a trust or an application
 * credential are denied: their rights are less than those of their user.
 *
 * Blocks: a look-up that nobody has made lately waits for Keystone, up to six requests of
 * `timeout_ns` each.
 * Threads: any.
 * Spec: OpenStack Identity API v3.
 */
#ifndef IDENTITY_REMOTE_H
#define IDENTITY_REMOTE_H

#include "identity/identity.h"
#include "os/clock.h"

enum { REMOTE_TOKEN_MAX = IDENTITY_TOKEN_MAX };

struct remote_words {
    const char *const *items;
    size_t count;
};

/* Which roles of Keystone, by name, in any case, are ours. One role may be several of them. */
struct remote_roles {
    struct remote_words reader;
    struct remote_words member;
    struct remote_words admin;
    struct remote_words reseller;
    struct remote_words service;
};

/* Whom we are there. */
struct remote_user {
    struct slice name;
    struct slice password;
    struct slice domain; /* name, or id */
    struct slice project;
    struct slice project_domain;
};

struct remote_options {
    struct slice url; /* with or without "/v3" */
    struct remote_user user;
    struct remote_roles roles;
    const char *ca_file; /* NULL: the system's certificates */
    struct clock *clock;
    int64_t timeout_ns;   /* of a request */
    int64_t refresh_ns;   /* 0: a minute */
    int64_t stale_max_ns; /* 0: a quarter of an hour */
    int64_t retry_ns;     /* 0: 2 s */
    /* Told, from any thread, when Keystone has gone away and when it is back; may be NULL. */
    void (*tell)(void *context, bool is_problem, const char *text);
    void *context;
};

struct remote;

/*
 * Makes the source. Keystone is not asked yet, and need not be there.
 * Owns: the caller, until remote_close; what the options point to is copied, but for the clock.
 * Errors: INVALID; NO_MEMORY; noted.
 */
struct status remote_open(const struct remote_options *options, struct note *note,
                          struct remote **ret_remote);

/* Ends it and wipes what it held in memory; NULL is allowed. */
void remote_close(struct remote **remote);

/* The look-up interface; lives as long as the source. */
struct identity *remote_identity(struct remote *remote);

/*
 * Asks Keystone for a token of ours, to see that it answers and knows us.
 * Errors: DENIED (not with this user); BUSY, TIMEOUT, IO; noted.
 */
struct status remote_probe(struct remote *remote, struct note *note);

/* What has happened so far, for metrics. */
struct remote_counts {
    uint64_t hits;     /* look-ups answered out of the cache */
    uint64_t asks;     /* look-ups that had to ask Keystone */
    uint64_t failures; /* asks that got no answer */
    bool is_away;      /* the last one did */
};

/* Counts since remote_open. */
void remote_count(const struct remote *remote, struct remote_counts *ret_counts);

#endif
