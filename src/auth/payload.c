/* What a head says about its body: the digest, the framing, the trailers to come. */
#include "auth/pass.h"
#include "base/check.h"
#include "base/codec.h"

static const struct {
    const char *word;
    enum auth_payload payload;
    bool supported;
} payload_words[] = {
    {"UNSIGNED-PAYLOAD", AUTH_PAYLOAD_UNSIGNED, true},
    {"STREAMING-AWS4-HMAC-SHA256-PAYLOAD", AUTH_PAYLOAD_STREAMING_SIGNED, true},
    {"STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER", AUTH_PAYLOAD_STREAMING_SIGNED_TRAILER, true},
    {"STREAMING-UNSIGNED-PAYLOAD-TRAILER", AUTH_PAYLOAD_STREAMING_UNSIGNED_TRAILER, true},
    {"STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD", AUTH_PAYLOAD_STREAMING_SIGNED, false},
    {"STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD-TRAILER", AUTH_PAYLOAD_STREAMING_SIGNED, false},
    {"STREAMING-AWS4-HMAC-SHA256-EVENTS", AUTH_PAYLOAD_STREAMING_SIGNED, false},
};

bool auth_payload_is_chunked(enum auth_payload payload) {
    return payload == AUTH_PAYLOAD_STREAMING_SIGNED ||
           payload == AUTH_PAYLOAD_STREAMING_SIGNED_TRAILER ||
           payload == AUTH_PAYLOAD_STREAMING_UNSIGNED_TRAILER;
}

static bool has_trailers(enum auth_payload payload) {
    return payload == AUTH_PAYLOAD_STREAMING_SIGNED_TRAILER ||
           payload == AUTH_PAYLOAD_STREAMING_UNSIGNED_TRAILER;
}

static bool is_signed_chunks(enum auth_payload payload) {
    return payload == AUTH_PAYLOAD_STREAMING_SIGNED ||
           payload == AUTH_PAYLOAD_STREAMING_SIGNED_TRAILER;
}

static struct status payload_word_parse(struct auth_pass *pass, struct slice word) {
    for (size_t i = 0; i < ARRAY_LEN(payload_words); i++) {
        if (!slice_eq(word, slice_str(payload_words[i].word))) continue;
        if (!payload_words[i].supported) {
            return auth_refuse(pass, AUTH_REFUSAL_ALGORITHM_UNSUPPORTED,
                               "A payload of the kind %s is not supported here.",
                               payload_words[i].word);
        }
        pass->result.payload = payload_words[i].payload;
        return status_ok();
    }
    return auth_refuse(pass, AUTH_REFUSAL_PAYLOAD_HASH_INVALID,
                       "x-amz-content-sha256 is a SHA-256 in 64 hexadecimal digits, "
                       "UNSIGNED-PAYLOAD, or one of the STREAMING- words.");
}

static struct status payload_kind_parse(struct auth_pass *pass, struct slice hash) {
    if (hex_decode(hash, pass->result.payload_sha256, SIGV4_DIGEST_LEN)) {
        pass->result.payload = AUTH_PAYLOAD_SHA256;
        return status_ok();
    }
    return payload_word_parse(pass, hash);
}

/* Whether Content-Encoding lists aws-chunked. */
static bool encoding_is_aws_chunked(const struct http_head *head) {
    struct slice rest = http_head_find(head, SLICE("content-encoding"));
    struct slice coding;
    bool more = true;
    while (more) {
        more = slice_cut(rest, ',', &coding, &rest);
        if (slice_eq_nocase(slice_trim(coding), SLICE("aws-chunked"))) return true;
    }
    return false;
}

/* A body without a payload hash: SDKs without credentials still send trailers, in chunks. */
static void payload_guess(struct auth_pass *pass) {
    const struct http_head *head = pass->request->head;
    bool chunked = http_head_find(head, SLICE("x-amz-decoded-content-length")).ptr != NULL &&
                   encoding_is_aws_chunked(head);
    pass->result.payload =
        chunked ? AUTH_PAYLOAD_STREAMING_UNSIGNED_TRAILER : AUTH_PAYLOAD_UNSIGNED;
}

static struct status decoded_length_parse(struct auth_pass *pass) {
    struct slice text;
    TRY(auth_header_single(pass, SLICE("x-amz-decoded-content-length"),
                           AUTH_REFUSAL_DECODED_LENGTH_INVALID, &text));
    if (text.ptr == NULL) {
        return auth_refuse(pass, AUTH_REFUSAL_DECODED_LENGTH_MISSING,
                           "A body in aws-chunked needs x-amz-decoded-content-length.");
    }
    if (!slice_parse_u64(text, &pass->result.decoded_length)) {
        return auth_refuse(pass, AUTH_REFUSAL_DECODED_LENGTH_INVALID,
                           "x-amz-decoded-content-length is not a number.");
    }
    return status_ok();
}

static struct status trailer_name_add(struct auth_pass *pass, struct slice name) {
    struct auth_trailers *trailers = &pass->result.trailers;
    struct slice prefix = SLICE("x-amz-checksum-");
    bool known = slice_starts_with_nocase(name, prefix) && name.len > prefix.len;
    if (!known || trailers->count == AUTH_TRAILERS_MAX) {
        return auth_refuse(pass, AUTH_REFUSAL_TRAILER_INVALID,
                           "x-amz-trailer names at most %d headers x-amz-checksum-*.",
                           AUTH_TRAILERS_MAX);
    }
    char *lower = arena_alloc(pass->arena, name.len);
    if (lower == NULL) return status_of(STATUS_NO_MEMORY);
    for (size_t i = 0; i < name.len; i++) {
        bool upper = name.ptr[i] >= 'A' && name.ptr[i] <= 'Z';
        lower[i] = (char)(name.ptr[i] + (upper ? 'a' - 'A' : 0));
    }
    struct slice added = slice_of(lower, name.len);
    for (size_t i = 0; i < trailers->count; i++) {
        if (slice_eq(trailers->names[i], added)) return status_ok();
    }
    trailers->names[trailers->count++] = added;
    return status_ok();
}

static struct status trailer_names_parse(struct auth_pass *pass, struct slice list) {
    struct slice name;
    bool more = true;
    while (more) {
        more = slice_cut(list, ',', &name, &list);
        name = slice_trim(name);
        if (name.len > 0) TRY(trailer_name_add(pass, name));
    }
    return status_ok();
}

static struct status trailers_parse(struct auth_pass *pass) {
    const struct http_head *head = pass->request->head;
    for (size_t i = 0; i < head->header_count; i++) {
        if (!slice_eq_nocase(head->headers[i].name, SLICE("x-amz-trailer"))) continue;
        if (!has_trailers(pass->result.payload)) {
            return auth_refuse(pass, AUTH_REFUSAL_TRAILER_INVALID,
                               "x-amz-trailer announces trailers, but the payload named by "
                               "x-amz-content-sha256 has none.");
        }
        TRY(trailer_names_parse(pass, head->headers[i].value));
    }
    return status_ok();
}

struct status auth_payload_parse(struct auth_pass *pass, struct slice hash, bool chain_possible) {
    if (hash.ptr == NULL) {
        payload_guess(pass);
    } else {
        TRY(payload_kind_parse(pass, hash));
    }
    if (is_signed_chunks(pass->result.payload) && !chain_possible) {
        return auth_refuse(pass, AUTH_REFUSAL_PAYLOAD_HASH_INVALID,
                           "Signed chunks need a request that is signed with AWS4-HMAC-SHA256.");
    }
    if (auth_payload_is_chunked(pass->result.payload)) TRY(decoded_length_parse(pass));
    return trailers_parse(pass);
}
