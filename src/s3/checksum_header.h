/*
 * checksum_header.h - S3's checksums in requests and answers: which one, of what value, where
 *
 *     x-amz-checksum-crc32: …            the value is in the head
 *     x-amz-trailer: x-amz-checksum-…    it comes behind the body
 *     x-amz-sdk-checksum-algorithm: …    must name the same one
 *
 * At most one checksum goes with a body. What a client does not send is CRC64NVME.
 *
 * Threads: the worker that serves the request.
 */
#ifndef S3_CHECKSUM_HEADER_H
#define S3_CHECKSUM_HEADER_H

#include "object/object.h"
#include "s3/call.h"
#include "xml/writer.h"

/* What S3 computes where the client names nothing. */
#define S3_CHECKSUM_DEFAULT CHECKSUM_CRC64NVME

enum s3_checksum_place { S3_CHECKSUM_IN_HEAD, S3_CHECKSUM_IN_AWS_TRAILER, S3_CHECKSUM_IN_TRAILER };

/* The checksum that a request's body must turn out to have. */
struct s3_checksum_wish {
    bool present;
    enum checksum_kind kind;
    enum s3_checksum_place place;
    struct checksum_value value; /* where it is in the head */
};

/*
 * Reads what the head says about the checksum of the body.
 * Errors: REFUSED (InvalidRequest: more than one, an unknown algorithm, or none beside
 * x-amz-sdk-checksum-algorithm; BadDigest: a value that is none).
 * Spec: S3, "Checking object integrity".
 */
struct status s3_checksum_wish_of(struct s3_call *call, struct s3_checksum_wish *ret_wish);

/*
 * Reads the checksum of a whole object that CompleteMultipartUpload announces; "…-N" is a composite
 * one of N parts, and `*ret_part_count` N (0: not said). `ret_expected->present` says whether
 * there is one. Errors: REFUSED, as above.
 */
struct status s3_checksum_of_object(struct s3_call *call, struct object_checksum *ret_expected,
                                    uint64_t *ret_part_count);

/*
 * Reads x-amz-checksum-algorithm, as CreateMultipartUpload and CopyObject have it;
 * `*ret_present` says whether it is there. Errors: REFUSED (InvalidRequest).
 */
struct status s3_checksum_algorithm(struct s3_call *call, bool *ret_present,
                                    enum checksum_kind *ret_kind);

/* Reads x-amz-checksum-type in the same way. Errors: REFUSED (InvalidRequest). */
struct status s3_checksum_type(struct s3_call *call, bool *ret_present,
                               enum object_checksum_type *ret_type);

/* "COMPOSITE" or "FULL_OBJECT". */
const char *s3_checksum_type_name(enum object_checksum_type type);

/*
 * The value as S3 writes it: base64, and behind a composite one the number of its parts.
 * Owns: `arena`.
 */
struct slice s3_checksum_text(struct arena *arena, const struct object_checksum *checksum,
                              uint32_t part_count);

/* Sets x-amz-checksum-… of the answer, where there is a checksum. */
void s3_checksum_answer(struct s3_call *call, const struct object_checksum *checksum,
                        uint32_t part_count);

/* The same with x-amz-checksum-type. */
void s3_checksum_answer_typed(struct s3_call *call, const struct object_checksum *checksum,
                              uint32_t part_count);

/* Writes <ChecksumCRC32>…, where there is a checksum. */
void s3_checksum_element(struct xml_writer *xml, struct arena *arena,
                         const struct object_checksum *checksum, uint32_t part_count);

/* The name of that element. */
const char *s3_checksum_element_name(enum checksum_kind kind);

/* Refuses a body whose checksum is not the one announced. Always answers REFUSED. */
struct status s3_checksum_mismatch(struct s3_call *call, enum checksum_kind kind);

#endif
