/*
 * aws_chunked.h - the body inside a body that AWS clients send: chunks, signatures, trailers
 *
 *     framing ◀─pull─ aws_chunked ◀─pull─ digests …
 *
 *     hex-size[;chunk-signature=…] CRLF data CRLF   … any number of chunks
 *     0[;chunk-signature=…] CRLF
 *     [name:value CRLF]… [x-amz-trailer-signature:… CRLF]   for the trailer modes
 *     CRLF
 *
 * A source of the data alone. The signature of a chunk is verified at its last byte: a chunk that
 * fits the buffer of the pull is passed on only once it is known to be good, a longer one is passed
 * on while it is digested, so that no memory depends on what a client sends. Nothing is ever an
 * `end` before all of it was verified: the last chunk, its signature, the trailers, the announced
 * length, and that nothing follows.
 *
 * Spec-deviation: a chunk may be of any size. S3 refuses those below 8 KiB but for the last, which
 * only makes some streaming clients fail.
 *
 * Blocks: as the source before it does. Threads: one at a time.
 */
#ifndef AUTH_AWS_CHUNKED_H
#define AUTH_AWS_CHUNKED_H

#include "auth/auth.h"
#include "base/note.h"
#include "base/stream.h"
#include "crypto/digest.h"

enum {
    AWS_CHUNKED_INPUT_SIZE = 4096,
    AWS_CHUNKED_LINE_MAX = 1024,          /* a chunk's header, a trailer line; without its CRLF */
    AWS_CHUNKED_TRAILERS_MAX_BYTES = 2048 /* of all trailers, as "name:value\n" */
};

enum aws_chunked_state {
    AWS_CHUNKED_HEADER,
    AWS_CHUNKED_DATA,
    AWS_CHUNKED_DATA_END,
    AWS_CHUNKED_DONE
};

struct aws_chunked {
    struct source source; /* pull from this */
    struct source *inner;
    enum auth_payload mode;
    struct auth_trailers announced;
    struct sigv4_chain chain;
    struct note *note;
    enum auth_refusal refusal;
    enum aws_chunked_state state;
    uint64_t total_left; /* of x-amz-decoded-content-length */
    uint64_t chunk_left;
    char chunk_signature[SIGV4_HEX_LEN];
    struct digest digest; /* of the data of this chunk */
    struct slice trailer_values[AUTH_TRAILERS_MAX];
    char trailers[AWS_CHUNKED_TRAILERS_MAX_BYTES];
    size_t trailers_len;
    bool inner_ended;
    size_t input_at;
    size_t input_len;
    char input[AWS_CHUNKED_INPUT_SIZE];
};

/*
 * Makes a source of the data framed in `inner`, as the result of auth_identify says it is.
 * `result->payload` is one of the chunked modes.
 * Owns: nothing; `inner`, `note` and what `result` points to must outlive it.
 * Errors of the pull: those of `inner`; INVALID, MISMATCH, CLOSED or TOO_LARGE with the reason in
 * aws_chunked_refusal and in `note`. CLOSED means that `inner` ended too early.
 */
void aws_chunked_init(struct aws_chunked *chunked, struct source *inner,
                      const struct auth_result *result, struct note *note);

/* Wipes the signing key. */
void aws_chunked_fini(struct aws_chunked *chunked);

/* Why a pull failed; AUTH_REFUSAL_NONE where the failure was the source's own. */
enum auth_refusal aws_chunked_refusal(const struct aws_chunked *chunked);

/*
 * The value of the trailer `name` (lower case); an empty slice with a NULL ptr where there is none.
 * Owns: `chunked`. Order: after the end only.
 */
struct slice aws_chunked_trailer(const struct aws_chunked *chunked, struct slice name);

#endif
