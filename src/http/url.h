/*
 * url.h - http and https URLs, and the authority (host and port) in them
 *
 * Threads: pure functions.
 */
#ifndef HTTP_URL_H
#define HTTP_URL_H

#include "base/note.h"
#include "base/slice.h"
#include "base/status.h"

struct http_url {
    bool https;
    struct slice authority; /* as written: what a Host header has */
    struct slice host;      /* without the brackets of an IPv6 address */
    uint16_t port;          /* 80 or 443 where none was written */
    struct slice path;      /* begins with '/'; "/" where none was written */
    struct slice query;     /* raw, without '?' */
};

/*
 * Parses an absolute http or https URL without user information and fragment.
 * Owns: the slices point into `text`, or to constants.
 * Errors: INVALID, noted.
 * Spec: RFC 9110 section 4.2; RFC 3986 section 3.
 */
struct status http_url_parse(struct slice text, struct note *note, struct http_url *ret_url);

/*
 * Splits "host", "host:80", "[::1]" or "[::1]:80"; the host comes without brackets, the port is
 * empty where there is none. False where it is malformed; an empty authority is an empty host.
 * Spec: RFC 3986 section 3.2.
 */
bool http_authority_split(struct slice authority, struct slice *ret_host, struct slice *ret_port);

#endif
