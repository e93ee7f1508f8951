/*
 * listing.h - what the listings of S3 have in common: parameters, tokens, encoded names
 *
 * Threads: the worker that serves the request.
 */
#ifndef S3_LISTING_H
#define S3_LISTING_H

#include "object/object.h"
#include "s3/call.h"
#include "xml/writer.h"

/* Room for a page of the longest names there are, escaped. */
enum { S3_LISTING_DOCUMENT_MAX = 24 * 1024 * 1024 };

/* What clients may say in every listing of keys. */
struct s3_listing {
    struct slice prefix;
    struct slice delimiter; /* empty: none */
    size_t max;             /* entries of a page */
    bool is_url;            /* encoding-type=url */
};

/*
 * Reads prefix, delimiter, encoding-type and the number `max_name` (max-keys, max-uploads), which
 * is at most `max` and `max` where it is absent. Errors: REFUSED (InvalidArgument).
 */
struct status s3_listing_parse(struct s3_call *call, const char *max_name, size_t max,
                               struct s3_listing *ret_listing);

/*
 * Reads the number parameter `name` from `least` to 2^31-1, `absent` where it is not there.
 * Errors: REFUSED (InvalidArgument).
 */
struct status s3_number_param(struct s3_call *call, const char *name, uint64_t least,
                              uint64_t absent, uint64_t *ret_value);

/* Writes an element whose text is a name: percent-encoded where the client asked for it. */
void s3_listing_name(struct xml_writer *writer, const struct s3_listing *listing,
                     const char *element, struct slice name);

/* Writes <CommonPrefixes><Prefix>…</Prefix></CommonPrefixes>. */
void s3_listing_common_prefix(struct xml_writer *writer, const struct s3_listing *listing,
                              struct slice name);

/* Writes an element with ID and DisplayName: Owner, Initiator. */
void s3_listing_person(struct xml_writer *writer, const char *element, struct slice id,
                       struct slice display_name);

/* Writes ChecksumAlgorithm and ChecksumType, where there is a checksum. */
void s3_listing_checksum(struct xml_writer *writer, const struct object_checksum *checksum);

/* Looks at x-amz-optional-object-attributes. Errors: REFUSED (InvalidArgument). */
struct status s3_listing_check_attributes(struct s3_call *call);

/* Which listing a token belongs to; each refuses those of the others. */
enum s3_token_kind { S3_TOKEN_BUCKETS = 1, S3_TOKEN_OBJECTS = 2 };

/*
 * The continuation token for what comes behind `name`; opaque to clients, and the same on every
 * server. Owns: it lies in the call's arena; empty when that overflowed.
 */
struct slice s3_token_encode(struct s3_call *call, enum s3_token_kind kind, struct slice name);

/* The name in a token. Errors: REFUSED (InvalidArgument). */
struct status s3_token_decode(struct s3_call *call, enum s3_token_kind kind, struct slice token,
                              struct slice *ret_name);

#endif
