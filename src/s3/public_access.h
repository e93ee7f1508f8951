/*
 * public_access.h - the public access block of a bucket: four switches, as XML
 *
 * Threads: pure functions.
 * Spec: S3 API, PutPublicAccessBlock.
 */
#ifndef S3_PUBLIC_ACCESS_H
#define S3_PUBLIC_ACCESS_H

#include "base/arena.h"
#include "base/note.h"

enum { PUBLIC_ACCESS_DOCUMENT_MAX = 16 * 1024 };

struct public_access {
    bool block_acls;   /* refuse lists that are public */
    bool ignore_acls;  /* lists that are public give nothing to the public */
    bool block_policy; /* refuse policies that are public */
    bool restrict_all; /* a public policy counts for the owner's project only */
};

/*
 * Parses a PublicAccessBlockConfiguration; a switch that is not there is off.
 * Errors: INVALID (MalformedXML), noted; NO_MEMORY.
 */
struct status public_access_parse(struct arena *arena, struct slice document, struct note *note,
                                  struct public_access *ret_block);

#endif
