/*
 * proxy.h - the PROXY protocol, version 2: who the client behind a load balancer is
 *
 * Strict: the fixed part first, so that no byte behind the header is read; then the rest, whose
 * length is bounded. Version 1 (text) is not spoken.
 *
 * Threads: pure functions.
 */
#ifndef NET_PROXY_H
#define NET_PROXY_H

#include <stdbool.h>

#include "base/slice.h"
#include "base/status.h"
#include "net/address.h"

enum { NET_PROXY_FIXED_BYTES = 16, NET_PROXY_REST_MAX = 1024 };

/* What a header says. */
struct net_proxy {
    bool local; /* the proxy speaks for itself (a health check): addresses stay the socket's */
    struct net_address source;
    struct net_address destination;
};

/*
 * The number of bytes behind the fixed part, from its NET_PROXY_FIXED_BYTES bytes.
 * Errors: INVALID (not version 2, or unknown command), TOO_LARGE.
 * Spec: The PROXY protocol, section 2.2.
 */
struct status net_proxy_rest_len(const uint8_t fixed[NET_PROXY_FIXED_BYTES], size_t *ret_len);

/*
 * Parses a whole header, whose fixed part net_proxy_rest_len accepted.
 * Errors: INVALID: addresses or extensions cut short, a wrong checksum, a client that is not named.
 * Spec: The PROXY protocol, section 2.2.
 */
struct status net_proxy_parse(struct slice header, struct net_proxy *ret_proxy);

#endif
