#include "auth/aws_chunked.h"
#include "base/codec.h"
#include "base/date.h"
#include "s3/s3.h"

/* S3's error for each refusal of auth; whether its own sentence is better than the note. */
static const struct {
    enum s3_error error;
    bool own_message;
} refusal_errors[AUTH_REFUSAL_COUNT] = {
    [AUTH_REFUSAL_ANONYMOUS] = {S3_ERROR_ACCESS_DENIED, true},
    [AUTH_REFUSAL_TWO_KINDS] = {S3_ERROR_INVALID_ARGUMENT, false},
    [AUTH_REFUSAL_TYPE_UNKNOWN] = {S3_ERROR_INVALID_ARGUMENT, false},
    [AUTH_REFUSAL_ALGORITHM_UNSUPPORTED] = {S3_ERROR_NOT_IMPLEMENTED, false},
    [AUTH_REFUSAL_SIGV2_DISABLED] = {S3_ERROR_INVALID_REQUEST, false},
    [AUTH_REFUSAL_MALFORMED_HEADER] = {S3_ERROR_AUTHORIZATION_HEADER_MALFORMED, false},
    [AUTH_REFUSAL_MALFORMED_QUERY] = {S3_ERROR_AUTHORIZATION_QUERY_PARAMETERS, false},
    [AUTH_REFUSAL_MALFORMED_SIGV2] = {S3_ERROR_INVALID_ARGUMENT, false},
    [AUTH_REFUSAL_TOKEN_UNSUPPORTED] = {S3_ERROR_INVALID_TOKEN, false},
    [AUTH_REFUSAL_DATE_MISSING] = {S3_ERROR_ACCESS_DENIED, false},
    [AUTH_REFUSAL_SKEWED] = {S3_ERROR_REQUEST_TIME_TOO_SKEWED, true},
    [AUTH_REFUSAL_NOT_YET_VALID] = {S3_ERROR_ACCESS_DENIED, false},
    [AUTH_REFUSAL_EXPIRED] = {S3_ERROR_ACCESS_DENIED, false},
    [AUTH_REFUSAL_UNSIGNED_HEADERS] = {S3_ERROR_ACCESS_DENIED, false},
    [AUTH_REFUSAL_PAYLOAD_HASH_MISSING] = {S3_ERROR_INVALID_REQUEST, false},
    [AUTH_REFUSAL_PAYLOAD_HASH_INVALID] = {S3_ERROR_INVALID_ARGUMENT, false},
    [AUTH_REFUSAL_DECODED_LENGTH_MISSING] = {S3_ERROR_MISSING_CONTENT_LENGTH, false},
    [AUTH_REFUSAL_DECODED_LENGTH_INVALID] = {S3_ERROR_INVALID_ARGUMENT, false},
    [AUTH_REFUSAL_TRAILER_INVALID] = {S3_ERROR_INVALID_REQUEST, false},
    [AUTH_REFUSAL_ACCESS_KEY_UNKNOWN] = {S3_ERROR_INVALID_ACCESS_KEY_ID, true},
    [AUTH_REFUSAL_SIGNATURE_MISMATCH] = {S3_ERROR_SIGNATURE_DOES_NOT_MATCH, true},
    [AUTH_REFUSAL_BODY_INCOMPLETE] = {S3_ERROR_INCOMPLETE_BODY, false},
    [AUTH_REFUSAL_CHUNK_MISMATCH] = {S3_ERROR_SIGNATURE_DOES_NOT_MATCH, false},
    [AUTH_REFUSAL_TRAILER_MALFORMED] = {S3_ERROR_MALFORMED_TRAILER, false},
};

static struct status refuse_for(struct s3_call *call, enum auth_refusal refusal) {
    enum s3_error error = refusal_errors[refusal].error;
    if (error == S3_ERROR_NONE) error = S3_ERROR_ACCESS_DENIED;
    if (refusal_errors[refusal].own_message || call->note == NULL || call->note->text[0] == '\0') {
        return s3_refuse(call, error, NULL);
    }
    return s3_refuse(call, error, "%s", call->note->text);
}

/* The bytes as S3 shows them: "47 45 54". */
static struct slice spaced_hex(struct s3_call *call, struct slice bytes) {
    char *out = arena_alloc(call->arena, bytes.len * 3 + 1);
    if (out == NULL || bytes.len == 0) return slice_of("", 0);
    for (size_t i = 0; i < bytes.len; i++) {
        static const char digits[] = "0123456789abcdef";
        unsigned char byte = (unsigned char)bytes.ptr[i];
        out[i * 3] = digits[byte >> 4];
        out[i * 3 + 1] = digits[byte & 15];
        out[i * 3 + 2] = ' ';
    }
    return slice_of(out, bytes.len * 3 - 1);
}

static void tell_mismatch(struct s3_call *call) {
    const struct auth_denial *denial = &call->denial;
    s3_refuse_with(call, "AWSAccessKeyId", denial->access_key);
    s3_refuse_with(call, "StringToSign", denial->string_to_sign);
    s3_refuse_with(call, "SignatureProvided", denial->signature_provided);
    s3_refuse_with(call, "StringToSignBytes", spaced_hex(call, denial->string_to_sign));
    if (denial->canonical_request.len == 0) return;
    s3_refuse_with(call, "CanonicalRequest", denial->canonical_request);
    s3_refuse_with(call, "CanonicalRequestBytes", spaced_hex(call, denial->canonical_request));
}

static struct slice iso_time(struct s3_call *call, int64_t time_ns) {
    char text[DATE_TEXT_CAP];
    date_format_iso_ms(time_ns, text);
    return arena_dup(call->arena, slice_str(text));
}

static void tell_skew(struct s3_call *call) {
    s3_refuse_with(call, "RequestTime", iso_time(call, call->denial.request_time_ns));
    s3_refuse_with(call, "ServerTime", iso_time(call, call->now_ns));
    s3_refuse_with(call, "MaxAllowedSkewMilliseconds",
                   arena_printf(call->arena, "%d", AUTH_SKEW_MAX_S * 1000));
}

static void tell_expiry(struct s3_call *call) {
    const struct auth_denial *denial = &call->denial;
    if (denial->expires_s > 0) {
        s3_refuse_with(call, "X-Amz-Expires",
                       arena_printf(call->arena, "%llu", (unsigned long long)denial->expires_s));
    }
    s3_refuse_with(call, "ServerTime", iso_time(call, call->now_ns));
}

struct status s3_refuse_denial(struct s3_call *call) {
    const struct auth_denial *denial = &call->denial;
    switch (denial->refusal) {
        case AUTH_REFUSAL_SIGNATURE_MISMATCH:
            tell_mismatch(call);
            break;
        case AUTH_REFUSAL_ACCESS_KEY_UNKNOWN:
            s3_refuse_with(call, "AWSAccessKeyId", denial->access_key);
            break;
        case AUTH_REFUSAL_SKEWED:
            tell_skew(call);
            break;
        case AUTH_REFUSAL_EXPIRED:
        case AUTH_REFUSAL_NOT_YET_VALID:
            tell_expiry(call);
            break;
        case AUTH_REFUSAL_UNSIGNED_HEADERS:
            s3_refuse_with(call, "HeadersNotSigned", denial->unsigned_headers);
            break;
        default:
            break;
    }
    return refuse_for(call, denial->refusal);
}

struct status s3_refuse_body(struct s3_call *call, struct status status) {
    if (call->body_chunked != NULL) {
        enum auth_refusal refusal = aws_chunked_refusal(call->body_chunked);
        if (refusal != AUTH_REFUSAL_NONE) return refuse_for(call, refusal);
    }
    switch (status.code) {
        case STATUS_CLOSED:
            return s3_refuse(call, S3_ERROR_INCOMPLETE_BODY, NULL);
        case STATUS_TIMEOUT:
            return s3_refuse(call, S3_ERROR_REQUEST_TIMEOUT, NULL);
        case STATUS_INVALID:
        case STATUS_TOO_LARGE:
            return s3_refuse(call, S3_ERROR_INVALID_REQUEST,
                             "The chunked framing of the request's body is malformed.");
        default:
            return status;
    }
}
