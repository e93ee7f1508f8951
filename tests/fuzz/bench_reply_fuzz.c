/* Any bytes as a response: what is made of it does not depend on the pieces it comes in. */
#include <stdint.h>

#include "base/check.h"
#include "cli/bench_reply.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t read_pieces(struct bench_reply *reply, struct slice bytes, size_t step,
                          bool is_head) {
    size_t at = 0;
    bench_reply_begin(reply, is_head);
    while (at < bytes.len && reply->state < BENCH_REPLY_DONE) {
        struct slice piece = slice_take(slice_skip(bytes, at), step);
        size_t used = bench_reply_take(reply, piece);
        CHECK(used > 0 && used <= piece.len);
        CHECK(used == piece.len || reply->state >= BENCH_REPLY_DONE);
        at += used;
    }
    return at;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 2) return 0;
    struct slice bytes = slice_of(data + 2, size - 2);
    static struct bench_reply whole, pieces;
    char code[BENCH_REPLY_CODE_MAX], code_pieces[BENCH_REPLY_CODE_MAX];
    bool is_head = data[1] & 1;
    size_t used = read_pieces(&whole, bytes, SIZE_MAX, is_head);
    size_t used_pieces = read_pieces(&pieces, bytes, 1 + data[0], is_head);
    CHECK(whole.state == pieces.state);
    if (whole.state == BENCH_REPLY_BAD) return 0;
    CHECK(used == used_pieces && whole.status == pieces.status && whole.keeps == pieces.keeps);
    CHECK(whole.body_bytes == pieces.body_bytes && whole.error_len == pieces.error_len);
    bench_reply_error_code(&whole, code);
    bench_reply_error_code(&pieces, code_pieces);
    CHECK(strcmp(code, code_pieces) == 0);
    bench_reply_closed(&whole);
    CHECK(whole.state >= BENCH_REPLY_DONE);
    return 0;
}
