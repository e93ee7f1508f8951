/*
 * keystone.h - the part of OpenStack Identity v3 that clients of an object store need
 *
 * Tokens for passwords and for tokens, the catalogue of the zone's endpoints, projects and users of
 * the caller, roles, and EC2 credentials, out of the built-in identity store. One request is one
 * call: what came in is filled in by the server, what goes out is there when keystone_serve
 * returns.
 *
 *     head + body ── keystone_serve ── response + document
 *
 * Whoever has the store's `admin` flag may read and change everybody's; whoever has the role admin
 * in a project may read and delete the access keys of that project. Everybody else has their own.
 * There are no domain- or system-scoped tokens, no trusts and groups. The token of an application
 * credential has nothing to do with access keys: they have all rights of their user.
 *
 * Blocks: as the store; a password is computed. Threads: any, one at a time for a call.
 * Spec: OpenStack Identity API v3; its OS-EC2 extension.
 */
#ifndef KEYSTONE_KEYSTONE_H
#define KEYSTONE_KEYSTONE_H

#include "base/buf.h"
#include "http/response.h"
#include "identity/builtin_login.h"
#include "json/reader.h"

enum {
    KEYSTONE_BODY_BYTES_MAX = 64 * 1024,
    KEYSTONE_DOCUMENT_BYTES_MAX = 8 * 1024 * 1024,
    KEYSTONE_SEGMENTS_MAX = 8, /* of a path */
    KEYSTONE_WORDS_MAX = 3     /* of them, those that stand for something */
};

/* Where a region of the zone is reached. */
struct keystone_endpoint {
    struct slice region;
    struct slice url; /* as clients see it, without a '/' at its end; empty: made of the rest */
    bool tls;
    struct slice host; /* empty: the one that the client has reached us at */
    struct slice port; /* empty: the scheme's own */
};

/* What all calls work with; outlives them. */
struct keystone_service {
    struct builtin *store;
    const struct keystone_endpoint *endpoints;
    size_t endpoint_count;
    struct slice url; /* ours, as clients see it, without "/v3"; empty: by the Host header */
    int64_t token_lifetime_ns;
};

struct keystone_call;

/* A row of routes.def. */
struct keystone_route {
    enum http_method method;
    const char *pattern;
    const char *name; /* for logs: identity:ec2_create_credential */
    bool needs_token;
    struct status (*run)(struct keystone_call *call);
};

/* The rows of routes.def, in its order, and the index of one. */
size_t keystone_route_count(void);
const struct keystone_route *keystone_route_at(size_t index);
size_t keystone_route_index(const struct keystone_route *route);

/* One request. The first half is the caller's to fill in, the second is what comes of it. */
struct keystone_call {
    const struct keystone_service *service;
    const struct http_head *head;
    struct slice body;
    struct slice source;     /* address or network of the client: guesses are counted by it */
    struct slice request_id; /* "req-…" */
    bool tls;
    int64_t now_ns;
    struct arena *arena;
    struct note *note;

    struct http_response response;      /* without Date, Connection and Content-Length */
    struct buf document;                /* may hold secrets: the caller wipes it */
    const struct keystone_route *route; /* NULL: no such operation */
    struct builtin_bearer bearer;       /* no user id: nobody has proved anything */
    struct http_query query;
    struct slice words[KEYSTONE_WORDS_MAX]; /* the segments in the places of {} */
    struct json *request;
    struct slice error; /* what was answered instead of what was asked for; for logs */
    bool internal;      /* the error is ours, and `note` has more about it */
};

/*
 * Answers a request; whatever is wrong is in the answer.
 * Owns: `call->document`, until keystone_fini; all else lies in the arena.
 */
void keystone_serve(struct keystone_call *call);

/* Answers with an error that was found before the call, as for a body that is too large. */
void keystone_refuse_early(struct keystone_call *call, int http_status, const char *message);

/* Wipes and gives back the document. */
void keystone_fini(struct keystone_call *call);

#endif
