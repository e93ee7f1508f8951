/*
 * forwarded.h - who the client behind trusted proxies is
 *
 * Only to be asked when the other end of the socket is itself a configured proxy: the headers are
 * anybody's words otherwise, and aws:SourceIp with them. What an address is, and which are trusted,
 * the caller says.
 *
 * Threads: pure functions.
 */
#ifndef HTTP_FORWARDED_H
#define HTTP_FORWARDED_H

#include "base/slice.h"
#include "http/head.h"

enum http_hop {
    HTTP_HOP_MALFORMED, /* no address: nothing to its left can be believed */
    HTTP_HOP_CLIENT,    /* an address that is no proxy of ours */
    HTTP_HOP_PROXY      /* a trusted proxy, whose word about its own client counts */
};

/*
 * The client's address as the X-Forwarded-For headers have it: from the right, the first hop that
 * is no trusted proxy; the leftmost proxy where all are. Empty where there is no usable one: then
 * it is the other end of the socket. `judge` is asked about each hop's text (which may have a
 * port). Owns: `head`.
 */
struct slice http_forwarded_client(const struct http_head *head,
                                   enum http_hop (*judge)(void *context, struct slice hop),
                                   void *context);

/*
 * Whether the nearest proxy says by X-Forwarded-Proto that its client spoke https. False in
 * `*ret_https` for http; the answer is false where it says neither.
 */
bool http_forwarded_proto(const struct http_head *head, bool *ret_https);

#endif
