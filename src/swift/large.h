/*
 * large.h - objects that stand for others, read by this door: what is behind them is asked for too
 *
 *     swift_large_open ─ (authorize the object) ─ swift_large_follow ─ swift_large_verify
 *
 * Threads: the worker that serves the request. Blocks: as the store.
 * Spec: Swift, middleware/slo.py, dlo.py, symlink.py.
 */
#ifndef SWIFT_LARGE_H
#define SWIFT_LARGE_H

#include "object/large.h"
#include "swift/call.h"

/* An object as it is read; lives as long as its reader. */
struct swift_large {
    struct object_gate gate; /* first; asks for s3:GetObject and s3:ListBucket */
    struct swift_call *call;
    struct object_opened opened;
};

/*
 * Opens an object, and the one that it is a link to, unless the link itself is asked for.
 * Errors: NOT_FOUND; REFUSED (409: a circle, too many links, another target; 401, 403); IO.
 */
struct status swift_large_open(struct swift_call *call, const struct bucket *bucket,
                               struct slice key, const struct object_version *version,
                               struct swift_large *ret_large);

/* Finds out what the whole of it is (object_reader_follow). Errors: REFUSED; as that. */
struct status swift_large_follow(struct swift_large *large);

/* Whether its bytes in that range are there. Errors: REFUSED (409); as object_reader_verify. */
struct status swift_large_verify(struct swift_large *large, uint64_t offset, uint64_t len);

/* Ends it. */
void swift_large_close(struct swift_large *large);

/* Whether an object is a static large object for Swift: of segments, or uploaded in parts. */
bool swift_is_static_large(const struct object_info *info);

enum { SWIFT_ETAG_TEXT_CAP = OBJECT_ETAG_MAX + 2 };

/*
 * The ETag as this door says it: in quotation marks where it is not the MD5 of the bytes.
 * Owns: it lies in `out`, SWIFT_ETAG_TEXT_CAP bytes.
 */
struct slice swift_etag_text(const struct object_info *info, char *out);

/* The ETag of an object with segments, for a listing; empty where it has none. Owns: as above. */
struct slice swift_slo_etag(const struct object_info *info, char *out);

enum { SWIFT_SYMLINK_PATH_CAP = 4 * 1024 + 512 };

/*
 * The path that a link leads to, for a listing; empty where it is none.
 * Owns: it lies in `out`, SWIFT_SYMLINK_PATH_CAP bytes.
 */
struct slice swift_symlink_path(const struct swift_call *call, const struct object_info *info,
                                char *out);

/* Says what the object is beside its bytes: X-Static-Large-Object, X-Object-Manifest, X-Delete-At.
 */
void swift_large_answer(struct swift_call *call, const struct object_info *info);

/* Says Content-Location: where what a link leads to is. */
void swift_location_answer(struct swift_call *call, struct slice project_id, struct slice container,
                           struct slice object);

/* Says what a link leads to. */
void swift_symlink_answer(struct swift_call *call, const struct object_info *info);

/*
 * Reads X-Object-Manifest; no link where it is absent or empty.
 * Owns: it lies in call->arena. Errors: REFUSED (400).
 */
struct status swift_prefix_read(struct swift_call *call, struct object_link *ret_link);

#endif
