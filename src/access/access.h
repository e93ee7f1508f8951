/*
 * access.h - may they?
 *
 * One evaluator for every door. Today a project owns its buckets: its users may do everything in
 * them, administrators of the store in all, others nothing. Policies, ACLs and public access blocks
 * will be further fields of the request; an explicit denial will be final.
 *
 * Threads: pure functions.
 */
#ifndef ACCESS_ACCESS_H
#define ACCESS_ACCESS_H

#include "base/slice.h"

/* A question. */
struct access_request {
    const char *action; /* "s3:GetObject" */
    struct slice principal_project;
    bool principal_anonymous;
    bool principal_admin;
    struct slice owner_project; /* of the bucket; empty for the service itself */
};

/* Whether it is allowed. */
bool access_allows(const struct access_request *request);

#endif
