#include "auth/aws_chunked.h"

#include "base/check.h"
#include "crypto/ct.h"

#define CHUNK_SIGNATURE "chunk-signature="
#define TRAILER_SIGNATURE "x-amz-trailer-signature"

enum { HEX_SIZE_MAX = 16 };

static bool is_signed(const struct aws_chunked *chunked) {
    return chunked->mode != AUTH_PAYLOAD_STREAMING_UNSIGNED_TRAILER;
}

static bool has_trailers(const struct aws_chunked *chunked) {
    return chunked->mode != AUTH_PAYLOAD_STREAMING_SIGNED;
}

static struct status refuse(struct aws_chunked *chunked, enum status_code code,
                            enum auth_refusal refusal, const char *words) {
    chunked->refusal = refusal;
    return note_status(chunked->note, code, "%s", words);
}

static struct status framing_refuse(struct aws_chunked *chunked, const char *words) {
    return refuse(chunked, STATUS_INVALID, AUTH_REFUSAL_BODY_INCOMPLETE, words);
}

static struct slice input_slice(const struct aws_chunked *chunked) {
    return slice_of(chunked->input + chunked->input_at, chunked->input_len - chunked->input_at);
}

/* Pulls from the source before this one; its end is always too early here (CVE-2026-49017). */
static struct status inner_pull(struct aws_chunked *chunked, void *buffer, size_t cap,
                                size_t *ret_len) {
    if (chunked->inner_ended) {
        return refuse(chunked, STATUS_CLOSED, AUTH_REFUSAL_BODY_INCOMPLETE,
                      "The body ended before its last chunk.");
    }
    return source_pull(chunked->inner, buffer, cap, ret_len, &chunked->inner_ended);
}

/* Adds to the input what there is, moving the rest to its front first. */
static struct status input_refill(struct aws_chunked *chunked) {
    struct slice rest = input_slice(chunked);
    size_t len = 0;
    memmove(chunked->input, rest.ptr, rest.len);
    chunked->input_at = 0;
    chunked->input_len = rest.len;
    TRY(inner_pull(chunked, chunked->input + rest.len, sizeof chunked->input - rest.len, &len));
    chunked->input_len += len;
    return status_ok();
}

/*
 * The next line without what ends it. `*ret_bare` says that it ended in LF alone.
 * Owns: the input, until the next refill.
 */
static struct status line_read(struct aws_chunked *chunked, struct slice *ret_line,
                               bool *ret_bare) {
    struct slice input = input_slice(chunked);
    size_t at = slice_find_char(input, '\n');
    while (at == input.len) {
        if (input.len > AWS_CHUNKED_LINE_MAX) {
            return framing_refuse(chunked, "A line of the chunked body is too long.");
        }
        TRY(input_refill(chunked));
        input = input_slice(chunked);
        at = slice_find_char(input, '\n');
    }
    struct slice line = slice_take(input, at);
    bool bare = line.len == 0 || line.ptr[line.len - 1] != '\r';
    if (!bare) line.len--;
    if (line.len > AWS_CHUNKED_LINE_MAX || slice_find_char(line, '\r') < line.len) {
        return framing_refuse(chunked, "A line of the chunked body is malformed.");
    }
    chunked->input_at += at + 1;
    *ret_line = line;
    *ret_bare = bare;
    return status_ok();
}

/* A line that ends in CRLF. */
static struct status strict_line_read(struct aws_chunked *chunked, struct slice *ret_line) {
    bool bare;
    struct slice line;
    TRY(line_read(chunked, &line, &bare));
    if (bare) return framing_refuse(chunked, "A line of the chunked body ends without CR.");
    *ret_line = line;
    return status_ok();
}

static struct status blank_line_read(struct aws_chunked *chunked) {
    struct slice line;
    TRY(strict_line_read(chunked, &line));
    if (line.len == 0) return status_ok();
    return framing_refuse(chunked, "A chunk is longer than its header says.");
}

static int hex_digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

static bool hex_size_parse(struct slice text, uint64_t *ret_size) {
    uint64_t size = 0;
    if (text.len == 0 || text.len > HEX_SIZE_MAX) return false;
    for (size_t i = 0; i < text.len; i++) {
        int digit = hex_digit(text.ptr[i]);
        if (digit < 0) return false;
        size = size << 4 | (uint64_t)digit;
    }
    *ret_size = size;
    return true;
}

/* Keeps the signature that a chunk's header brings; there is one exactly in the signed modes. */
static struct status extension_parse(struct aws_chunked *chunked, bool there,
                                     struct slice extension) {
    struct slice name = SLICE(CHUNK_SIGNATURE);
    if (!is_signed(chunked)) {
        if (!there) return status_ok();
        return framing_refuse(chunked, "A chunk of an unsigned body has an extension.");
    }
    if (!slice_starts_with(extension, name) || extension.len != name.len + SIGV4_HEX_LEN) {
        return framing_refuse(chunked, "A chunk lacks its chunk-signature.");
    }
    memcpy(chunked->chunk_signature, extension.ptr + name.len, SIGV4_HEX_LEN);
    return status_ok();
}

static struct status chunk_begin(struct aws_chunked *chunked) {
    struct slice line;
    struct slice size_text;
    struct slice extension;
    TRY(strict_line_read(chunked, &line));
    bool there = slice_cut(line, ';', &size_text, &extension);
    if (!hex_size_parse(size_text, &chunked->chunk_left)) {
        return framing_refuse(chunked, "A chunk's size is not a hexadecimal number.");
    }
    TRY(extension_parse(chunked, there, extension));
    if (chunked->chunk_left > chunked->total_left) {
        return framing_refuse(chunked,
                              "The body is longer than x-amz-decoded-content-length says.");
    }
    return status_ok();
}

static struct status mismatch_refuse(struct aws_chunked *chunked, const char *words) {
    return refuse(chunked, STATUS_MISMATCH, AUTH_REFUSAL_CHUNK_MISMATCH, words);
}

/* Verifies the chunk whose data has been digested, and moves the chain on. */
static struct status chunk_verify(struct aws_chunked *chunked) {
    unsigned char sum[SIGV4_DIGEST_LEN];
    char expected[SIGV4_HEX_LEN];
    if (!is_signed(chunked)) return status_ok();
    digest_final(&chunked->digest, sum);
    sigv4_chunk_signature(&chunked->chain, sum, expected);
    if (!ct_equal(expected, chunked->chunk_signature, sizeof expected)) {
        return mismatch_refuse(chunked, "The signature of a chunk does not match its data.");
    }
    memcpy(chunked->chain.previous, expected, sizeof expected);
    digest_init(&chunked->digest, DIGEST_SHA256);
    return status_ok();
}

/* Moves up to `cap` bytes of the chunk to `buffer`: those at hand, else straight from inner. */
static struct status data_read(struct aws_chunked *chunked, char *buffer, size_t cap,
                               size_t *ret_len) {
    struct slice ready = input_slice(chunked);
    size_t len = 0;
    if (cap > chunked->chunk_left) cap = (size_t)chunked->chunk_left;
    if (ready.len > 0) {
        len = ready.len < cap ? ready.len : cap;
        memcpy(buffer, ready.ptr, len);
        chunked->input_at += len;
    } else {
        TRY(inner_pull(chunked, buffer, cap, &len));
    }
    if (is_signed(chunked)) digest_update(&chunked->digest, slice_of(buffer, len));
    chunked->chunk_left -= len;
    chunked->total_left -= len;
    *ret_len = len;
    return status_ok();
}

/* A chunk that fits is gathered whole, so that none of it is passed on before it is verified. */
static struct status chunk_read(struct aws_chunked *chunked, char *buffer, size_t cap,
                                size_t *ret_len) {
    bool fits = chunked->chunk_left <= cap;
    size_t filled = 0;
    do {
        size_t len = 0;
        TRY(data_read(chunked, buffer + filled, cap - filled, &len));
        filled += len;
    } while (fits && chunked->chunk_left > 0);
    if (chunked->chunk_left == 0) {
        TRY(chunk_verify(chunked));
        chunked->state = AWS_CHUNKED_DATA_END;
    }
    *ret_len = filled;
    return status_ok();
}

static struct status trailers_refuse(struct aws_chunked *chunked, const char *words) {
    return refuse(chunked, STATUS_INVALID, AUTH_REFUSAL_TRAILER_MALFORMED, words);
}

/*
 * One client ends trailer lines in LF, and the last of them in LF CRLF: what follows a bare LF at
 * once is part of the line's end, not an empty line.
 */
static struct status trailer_line_read(struct aws_chunked *chunked, struct slice *ret_line) {
    bool bare;
    struct slice line;
    TRY(line_read(chunked, &line, &bare));
    if (bare) {
        size_t line_at = chunked->input_at - 1 - line.len;
        while (chunked->input_len - chunked->input_at < 2) {
            size_t ahead = chunked->input_at;
            chunked->input_at = line_at; /* keep the line over the refill */
            TRY(input_refill(chunked));
            chunked->input_at = ahead - line_at;
            line_at = 0;
        }
        line = slice_of(chunked->input + line_at, line.len);
        bool crlf = slice_starts_with(input_slice(chunked), SLICE("\r\n"));
        if (crlf) chunked->input_at += 2;
    }
    *ret_line = line;
    return status_ok();
}

/* Copies "name:value\n" into the text that is signed; the value is found again by its trailer. */
static struct status trailer_keep(struct aws_chunked *chunked, struct slice name,
                                  struct slice value) {
    size_t index = 0;
    const struct auth_trailers *announced = &chunked->announced;
    while (index < announced->count && !slice_eq_nocase(announced->names[index], name)) index++;
    if (index == announced->count) {
        return trailers_refuse(chunked, "A trailer came that x-amz-trailer does not announce.");
    }
    if (chunked->trailer_values[index].ptr != NULL) {
        return trailers_refuse(chunked, "A trailer came twice.");
    }
    struct buf text;
    buf_init_fixed(&text, chunked->trailers + chunked->trailers_len,
                   sizeof chunked->trailers - chunked->trailers_len);
    buf_append(&text, announced->names[index]);
    buf_append_char(&text, ':');
    buf_append(&text, value);
    buf_append_char(&text, '\n');
    if (!is_ok(buf_ok(&text))) return trailers_refuse(chunked, "The trailers are too long.");
    chunked->trailer_values[index] = slice_of(text.ptr + text.len - 1 - value.len, value.len);
    chunked->trailers_len += text.len;
    return status_ok();
}

static struct status trailer_signature_verify(struct aws_chunked *chunked, struct slice provided) {
    unsigned char sum[SIGV4_DIGEST_LEN];
    char expected[SIGV4_HEX_LEN];
    digest_sha256(slice_of(chunked->trailers, chunked->trailers_len), sum);
    sigv4_trailer_signature(&chunked->chain, sum, expected);
    if (provided.len == sizeof expected && ct_equal(expected, provided.ptr, sizeof expected)) {
        return status_ok();
    }
    return mismatch_refuse(chunked, "The signature of the trailers does not match them.");
}

/* Reads the lines up to the empty one; the trailers' signature, where there is one, is the last. */
static struct status trailer_lines_read(struct aws_chunked *chunked) {
    struct slice line;
    struct slice name;
    struct slice value;
    bool verified = !is_signed(chunked);
    for (;;) {
        TRY(trailer_line_read(chunked, &line));
        if (line.len == 0) break;
        bool pair = slice_cut(line, ':', &name, &value);
        name = slice_trim(name);
        value = slice_trim(value);
        if (!pair || (is_signed(chunked) && verified)) {
            return trailers_refuse(chunked, "A trailer is malformed or in the wrong place.");
        }
        if (is_signed(chunked) && slice_eq_nocase(name, SLICE(TRAILER_SIGNATURE))) {
            TRY(trailer_signature_verify(chunked, value));
            verified = true;
        } else {
            TRY(trailer_keep(chunked, name, value));
        }
    }
    if (verified) return status_ok();
    return trailers_refuse(chunked, "The trailers lack their signature.");
}

static struct status trailers_read(struct aws_chunked *chunked) {
    TRY(trailer_lines_read(chunked));
    for (size_t i = 0; i < chunked->announced.count; i++) {
        if (chunked->trailer_values[i].ptr == NULL) {
            return trailers_refuse(chunked, "A trailer that x-amz-trailer announces did not come.");
        }
    }
    return status_ok();
}

/* Nothing may follow, and the source before this one must know that it has ended. */
static struct status inner_end(struct aws_chunked *chunked) {
    bool garbage = input_slice(chunked).len > 0;
    while (!garbage && !chunked->inner_ended) {
        char byte;
        size_t len = 0;
        TRY(source_pull(chunked->inner, &byte, sizeof byte, &len, &chunked->inner_ended));
        garbage = len > 0;
    }
    if (!garbage) return status_ok();
    return framing_refuse(chunked, "Something follows the end of the chunked body.");
}

/* After the header of the last, empty chunk: everything that is left to verify. */
static struct status body_end(struct aws_chunked *chunked) {
    if (chunked->total_left > 0) {
        return framing_refuse(chunked,
                              "The body is shorter than x-amz-decoded-content-length says.");
    }
    TRY(chunk_verify(chunked));
    TRY(has_trailers(chunked) ? trailers_read(chunked) : blank_line_read(chunked));
    return inner_end(chunked);
}

static struct status aws_chunked_pull(struct source *source, void *buffer, size_t cap,
                                      size_t *ret_len, bool *ret_end) {
    struct aws_chunked *chunked = CONTAINER_OF(source, struct aws_chunked, source);
    CHECK(chunked->state != AWS_CHUNKED_DONE && cap > 0);
    if (chunked->state == AWS_CHUNKED_DATA_END) {
        TRY(blank_line_read(chunked));
        chunked->state = AWS_CHUNKED_HEADER;
    }
    if (chunked->state == AWS_CHUNKED_HEADER) {
        TRY(chunk_begin(chunked));
        chunked->state = AWS_CHUNKED_DATA;
    }
    if (chunked->chunk_left == 0) {
        TRY(body_end(chunked));
        chunked->state = AWS_CHUNKED_DONE;
        *ret_len = 0;
        *ret_end = true;
        return status_ok();
    }
    TRY(chunk_read(chunked, buffer, cap, ret_len));
    *ret_end = false;
    return status_ok();
}

static const struct source_ops aws_chunked_ops = {.pull = aws_chunked_pull};

void aws_chunked_init(struct aws_chunked *chunked, struct source *inner,
                      const struct auth_result *result, struct note *note) {
    CHECK(auth_payload_is_chunked(result->payload));
    memset(chunked, 0, offsetof(struct aws_chunked, input));
    chunked->source.ops = &aws_chunked_ops;
    chunked->inner = inner;
    chunked->mode = result->payload;
    chunked->announced = result->trailers;
    chunked->chain = result->chain;
    chunked->note = note;
    chunked->total_left = result->decoded_length;
    if (is_signed(chunked)) digest_init(&chunked->digest, DIGEST_SHA256);
}

void aws_chunked_fini(struct aws_chunked *chunked) {
    explicit_bzero(&chunked->chain, sizeof chunked->chain);
}

enum auth_refusal aws_chunked_refusal(const struct aws_chunked *chunked) {
    return chunked->refusal;
}

struct slice aws_chunked_trailer(const struct aws_chunked *chunked, struct slice name) {
    CHECK(chunked->state == AWS_CHUNKED_DONE);
    for (size_t i = 0; i < chunked->announced.count; i++) {
        if (slice_eq(chunked->announced.names[i], name)) return chunked->trailer_values[i];
    }
    return (struct slice){0};
}
