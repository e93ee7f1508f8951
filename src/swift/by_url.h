/*
 * by_url.h - requests that prove themselves by a temporary URL
 *
 *     swift_url_authenticate ─ … ─ run ─ swift_url_answer
 *
 * Whoever has the URL acts for the account of the key, or within the container of the key, with the
 * one method and object that it was signed for. Nothing else of the query counts, and what could
 * lead elsewhere (a manifest, a link, a copy) may not be put by it.
 *
 * Threads: the worker that serves the request. Blocks: as the store.
 * Spec: Swift, middleware/tempurl.py.
 */
#ifndef SWIFT_BY_URL_H
#define SWIFT_BY_URL_H

#include "swift/call.h"
#include "swift/tempurl.h"

/* What is known of the URL, from authenticate on. */
struct swift_by_url {
    struct swift_tempurl tempurl;
    bool of_container; /* signed with a container's key: no other is reached */
};

/*
 * Authenticates a call whose query claims to be a temporary URL's.
 * Errors: REFUSED (401; 400: a header that may not be sent so); IO; NO_MEMORY.
 */
struct status swift_url_authenticate(struct swift_call *call);

/* Adds what an answer to a temporary URL has: Content-Disposition, Expires; and takes away what it
 * is not to tell. */
struct status swift_url_answer(struct swift_call *call);

/* The keys of the call's account and container, SWIFT_TEMPURL_KEYS_MAX of them, the container's
 * last; empty where there is none. Errors: CORRUPT; IO; NO_MEMORY. */
struct status swift_url_keys(struct swift_call *call, struct slice *keys);

enum { SWIFT_URL_CONTAINER_KEYS = 2 }; /* from this index on they are the container's */

/* Makes the principal one that acts for the account, or within the container only. */
void swift_url_principal(struct swift_call *call, bool of_container);

/* Whether a call may ask about a bucket, by what its URL reaches. */
bool swift_url_reaches(const struct swift_call *call, const struct bucket *bucket);

#endif
