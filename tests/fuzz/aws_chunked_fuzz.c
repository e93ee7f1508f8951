/*
 * A chunked body. The first four bytes choose the mode, the size of the pulls on either side and
 * whether a trailer is announced; the next two the decoded length.
 */
#include "auth/aws_chunked.h"
#include "base/check.h"
#include "base/stream.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { PREFIX = 6, DATA_MAX = 256 };

static void result_init(const uint8_t *choice, struct auth_result *result) {
    static const enum auth_payload modes[] = {AUTH_PAYLOAD_STREAMING_UNSIGNED_TRAILER,
                                              AUTH_PAYLOAD_STREAMING_SIGNED,
                                              AUTH_PAYLOAD_STREAMING_SIGNED_TRAILER};
    *result = (struct auth_result){.payload = modes[choice[0] % ARRAY_LEN(modes)]};
    result->decoded_length = (uint64_t)choice[4] << 8 | choice[5];
    result->chain.scope = SLICE("20130524/us-east-1/s3/aws4_request");
    memcpy(result->chain.time, "20130524T000000Z", sizeof result->chain.time);
    memset(result->chain.previous, '0', sizeof result->chain.previous);
    result->trailers.names[0] = SLICE("x-amz-checksum-crc32");
    result->trailers.names[1] = SLICE("x-amz-checksum-sha256");
    /* Trailers are announced in the trailer modes only: auth_identify sees to that. */
    bool has_trailers = result->payload != AUTH_PAYLOAD_STREAMING_SIGNED;
    result->trailers.count = has_trailers ? choice[3] % 3u : 0;
}

/* Pulls to the end or to the first refusal; neither may take more pulls than there are bytes. */
static void body_read(struct aws_chunked *chunked, const struct auth_result *result, size_t cap,
                      size_t size) {
    char buffer[DATA_MAX];
    uint64_t total = 0;
    size_t pulls = 0;
    bool end = false;
    while (!end) {
        size_t len = 0;
        struct status status = source_pull(&chunked->source, buffer, cap, &len, &end);
        if (!is_ok(status)) {
            CHECK(aws_chunked_refusal(chunked) != AUTH_REFUSAL_NONE);
            return;
        }
        CHECK(len <= cap && pulls++ <= size + 1);
        total += len;
    }
    CHECK(total == result->decoded_length);
    for (size_t i = 0; i < result->trailers.count; i++) {
        CHECK(aws_chunked_trailer(chunked, result->trailers.names[i]).ptr != NULL);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct aws_chunked chunked;
    struct auth_result result;
    struct slice_source inner;
    struct note note = {0};
    if (size < PREFIX) return 0;
    result_init(data, &result);
    slice_source_init(&inner, slice_of(data + PREFIX, size - PREFIX), data[1]);
    aws_chunked_init(&chunked, &inner.source, &result, &note);
    body_read(&chunked, &result, (size_t)data[2] + 1, size);
    aws_chunked_fini(&chunked);
    return 0;
}
