/*
 * pass.h - one request's way through this room, shared by its files only
 *
 *     auth_identify ──▶ sigv4_verify_header | sigv4_verify_query | sigv2_verify_header | …
 *
 * Each verifier fills pass->result and answers OK, or refuses by auth_refuse.
 *
 * Threads: one at a time.
 */
#ifndef AUTH_PASS_H
#define AUTH_PASS_H

#include "auth/auth.h"

struct auth_pass {
    const struct auth_request *request;
    struct arena *arena;
    struct note *note;
    struct auth_denial denial;
    struct auth_result result;
};

/* Records the refusal with a sentence for people, and answers REFUSED. */
struct status auth_refuse(struct auth_pass *pass, enum auth_refusal refusal, const char *format,
                          ...) __attribute__((format(printf, 3, 4)));

/*
 * Looks the access key up; its principal goes into the result, its secret to `ret_secret`.
 * Errors: REFUSED (ACCESS_KEY_UNKNOWN, ROLE_MISSING); those of the look-up.
 */
struct status auth_key_look_up(struct auth_pass *pass, struct slice access_key,
                               struct slice *ret_secret);

/*
 * The time a header-signed request says it was made: x-amz-date where it is there, else Date.
 * `*ret_is_amz` says which.
 * Errors: REFUSED (DATE_MISSING; SKEWED where it is more than AUTH_SKEW_MAX_S from now).
 */
struct status auth_header_time(struct auth_pass *pass, int64_t *ret_time_ns, bool *ret_is_amz);

/* Whether `a` is at most `seconds` later than `b`; for any two times. */
bool auth_time_within(int64_t a_ns, int64_t b_ns, int64_t seconds);

/* Whether both times are within AUTH_SKEW_MAX_S of each other. */
bool auth_is_skewed(int64_t a_ns, int64_t b_ns);

/*
 * Fills the payload part of the result from x-amz-content-sha256 (`hash`, which the caller has
 * found; a NULL ptr where there is none), x-amz-decoded-content-length and x-amz-trailer.
 * Signed chunks are only possible where `chain_possible`.
 * Errors: REFUSED.
 */
struct status auth_payload_parse(struct auth_pass *pass, struct slice hash, bool chain_possible);

/*
 * The only header of that name; an empty slice with a NULL ptr where there is none.
 * Errors: REFUSED with `refusal` where there are several.
 */
struct status auth_header_single(struct auth_pass *pass, struct slice name,
                                 enum auth_refusal refusal, struct slice *ret_value);

/* Refuses a request that brings a security token, in a header or in the query. */
struct status auth_token_refuse(struct auth_pass *pass);

/*
 * Takes KEY/YYYYMMDD/REGION/s3/aws4_request apart; key and region go into denial and result.
 * Errors: REFUSED with `malformed`.
 */
struct status sigv4_credential_parse(struct auth_pass *pass, struct slice credential,
                                     enum auth_refusal malformed, struct sigv4_scope *ret_scope);

/*
 * Whether `provided`, in base64, is the SigV2 signature of `text`. Compares in constant time. A '+'
 * of the base64 that a client forgot to encode has become a space.
 */
bool sigv2_signature_matches(struct slice provided, struct slice secret, struct slice text);

/* Verify one kind each, completely; the result is whole afterwards. */
struct status sigv4_verify_header(struct auth_pass *pass, struct slice authorization);
struct status sigv4_verify_query(struct auth_pass *pass);
struct status sigv2_verify_header(struct auth_pass *pass, struct slice authorization);
struct status sigv2_verify_query(struct auth_pass *pass);

#endif
