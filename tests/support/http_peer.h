/*
 * http_peer.h - a small HTTP server inside of a test, that answers as the test wants
 *
 * One thread serves all connections; `answer` is called on it, with a lock held that the test takes
 * by http_peer_lock when it changes what `answer` looks at.
 *
 *     http_peer_start ── requests ── http_peer_stop
 */
#ifndef SUPPORT_HTTP_PEER_H
#define SUPPORT_HTTP_PEER_H

#include <pthread.h>

#include "base/buf.h"
#include "base/slice.h"

enum { HTTP_PEER_CONNECTIONS = 32, HTTP_PEER_REQUEST_MAX = 32 * 1024 };

struct http_peer_request {
    struct slice method;
    struct slice target;
    struct slice head; /* all of it */
    struct slice body;
};

struct http_peer {
    /* Appends a whole response, head included, to `out`; false: says nothing, and hangs up. */
    bool (*answer)(struct http_peer *peer, const struct http_peer_request *request,
                   struct buf *out);
    void *context;
    int port;
    unsigned connections; /* accepted so far */
    unsigned requests;    /* answered so far */
    bool is_silent;       /* requests are read and not answered, until it is false again */
    pthread_mutex_t lock; /* of all of it */
    pthread_t thread;
    int listener;
    int wake[2];
};

/* Listens on a free port of 127.0.0.1. `peer->answer` and `context` are set. */
void http_peer_start(struct http_peer *peer);
void http_peer_stop(struct http_peer *peer);

/* Stops to listen, and hangs up; and listens on the same port again. */
void http_peer_go_away(struct http_peer *peer);
void http_peer_come_back(struct http_peer *peer);

/* The value of a header of the request; empty where there is none. */
struct slice http_peer_header(const struct http_peer_request *request, const char *name);

/* Appends a response with that body. `headers` are whole lines, or "". */
void http_peer_say(struct buf *out, int status, const char *headers, struct slice body);

#endif
