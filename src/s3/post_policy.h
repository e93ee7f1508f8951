/*
 * post_policy.h - what the signer of a form upload allows: a policy document and its conditions
 *
 * The document is JSON: an expiration, and conditions that must hold for the form's fields. Every
 * field must be covered by a condition, but for those that carry the proof itself, the file, its
 * checksum, and those named x-ignore-…
 *
 * Threads: pure functions.
 * Spec: S3 API, "POST policy".
 */
#ifndef S3_POST_POLICY_H
#define S3_POST_POLICY_H

#include "base/note.h"
#include "base/slice.h"
#include "base/status.h"
#include "http/form.h"

enum { POST_POLICY_CONDITIONS_MAX = 256 };

/* What is known of the form when its file begins. */
struct post_policy_subject {
    const struct http_form *form;
    struct slice bucket; /* of the request's address: what `bucket` is held against */
    struct slice key;    /* with the file's name in it where the field has ${filename} */
    int64_t now_ns;
};

/* How many bytes the file may have. */
struct post_policy_range {
    uint64_t min_bytes;
    uint64_t max_bytes; /* UINT64_MAX: the policy does not say */
};

/*
 * Checks a policy document (decoded from base64) against a form.
 * Errors: INVALID (no policy document: InvalidPolicyDocument); DENIED (expired, a condition does
 * not hold, a field without a condition: AccessDenied); TOO_LARGE; all noted in S3's words.
 */
struct status post_policy_check(struct slice document, const struct post_policy_subject *subject,
                                struct note *note, struct post_policy_range *ret_range);

#endif
