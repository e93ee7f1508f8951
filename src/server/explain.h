/*
 * explain.h - policy.explain of the administration socket: JSON to a question of s3/explain.h
 *
 * Members of the request: "action", "bucket"; and where they are wanted "key", "version_id",
 * "region", "access_key" or "user" and "project" (nobody's: anonymous), "source_ip", "tls",
 * "facts" (an object: condition keys, each a string or an array of strings), "policy" (a document
 * to judge by), "owner" (of the bucket, where there is no store). The reply has an "explanation".
 *
 * Threads: any. Blocks: as the store.
 */
#ifndef SERVER_EXPLAIN_H
#define SERVER_EXPLAIN_H

#include "base/buf.h"
#include "identity/builtin.h"
#include "json/reader.h"
#include "json/writer.h"
#include "server/zone.h"

/* What an explanation is made from; all NULL where there is no store. */
struct explain {
    const struct zone *zone;
    struct builtin *identity;
};

/*
 * Answers `request` with a member "explanation" written to `writer`.
 * Errors: INVALID; NOT_FOUND; noted; those of the store.
 */
struct status explain_run(const struct explain *explain, const struct json *request,
                          struct arena *arena, struct note *note, struct json_writer *writer);

#endif
