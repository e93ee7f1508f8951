/* MD5 in lanes: every kernel and lane against OpenSSL, streams of many threads, and no gaps. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include <openssl/evp.h>

#include "crypto/md5_stream.h"

enum { BUFFER = 1 << 20 };

static unsigned char *bytes_make(unsigned seed, size_t len) {
    unsigned char *bytes = malloc(len + 1);
    uint32_t x = seed * 2654435761U + 1;
    for (size_t i = 0; i < len; i++) {
        x ^= x << 13;
        x ^= x >> 17;
        x ^= x << 5;
        bytes[i] = (unsigned char)x;
    }
    return bytes;
}

static void openssl_md5(const void *bytes, size_t len, unsigned char out[MD5_STREAM_LEN]) {
    assert_int_equal(EVP_Digest(bytes, len, out, NULL, EVP_md5(), NULL), 1);
}

/* The digest of whole blocks, from the chaining value: padding by hand. */
static void finish(uint32_t state[4], size_t blocks, unsigned char out[MD5_STREAM_LEN]) {
    unsigned char last[MD5_BLOCK_LEN] = {0x80};
    uint64_t bits = (uint64_t)blocks * MD5_BLOCK_LEN * 8;
    for (size_t i = 0; i < 8; i++) last[56 + i] = (unsigned char)(bits >> (8 * i));
    md5_blocks(state, last, 1);
    for (size_t i = 0; i < 16; i++) out[i] = (unsigned char)(state[i / 4] >> (8 * (i % 4)));
}

static void test_every_lane_of_every_kernel(void **state) {
    (void)state;
    const struct md5_kernel *kernel;
    for (size_t k = 0; (kernel = md5_kernel_at(k)); k++) {
        print_message("kernel %s\n", kernel->name);
        static const size_t counts[] = {1, 2, 3, 17, 1000};
        for (size_t n = 0; n < sizeof counts / sizeof counts[0]; n++) {
            size_t blocks = counts[n];
            unsigned char *messages[MD5_LANES_MAX];
            const unsigned char *in[MD5_LANES_MAX];
            struct md5_lanes lanes;
            for (unsigned i = 0; i < kernel->lanes; i++) {
                messages[i] = bytes_make(i + 100, blocks * MD5_BLOCK_LEN + 1);
                in[i] = messages[i] + i % 2; /* not aligned */
                for (size_t w = 0; w < 4; w++) lanes.words[w][i] = md5_initial[w];
            }
            kernel->run(&lanes, in, blocks);
            for (unsigned i = 0; i < kernel->lanes; i++) {
                uint32_t words[4];
                for (size_t w = 0; w < 4; w++) words[w] = lanes.words[w][i];
                unsigned char got[MD5_STREAM_LEN];
                unsigned char expected[MD5_STREAM_LEN];
                finish(words, blocks, got);
                openssl_md5(in[i], blocks * MD5_BLOCK_LEN, expected);
                assert_memory_equal(got, expected, sizeof got);
                free(messages[i]);
            }
        }
    }
    assert_ptr_equal(md5_kernel_best(), md5_kernel_at(0));
}

static void expect_stream(struct md5_service *service, const unsigned char *bytes, size_t len,
                          size_t step) {
    struct md5_stream stream;
    md5_stream_begin(&stream, service);
    for (size_t at = 0; at < len; at += step) {
        md5_stream_update(&stream, slice_take(slice_of(bytes + at, len - at), step));
    }
    unsigned char got[MD5_STREAM_LEN];
    unsigned char expected[MD5_STREAM_LEN];
    md5_stream_final(&stream, got);
    openssl_md5(bytes, len, expected);
    assert_memory_equal(got, expected, sizeof got);
}

static void test_lengths_and_pieces(void **state) {
    (void)state;
    unsigned char *bytes = bytes_make(1, 300000);
    for (size_t len = 0; len < 300; len++) {
        expect_stream(md5_service_shared(), bytes, len, 1 + len / 3);
    }
    static const size_t steps[] = {1, 63, 64, 65, 4096, 4097, 100000, 300000};
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        expect_stream(md5_service_shared(), bytes, 300000, steps[i]);
    }
    free(bytes);
}

/* Two digests in one pass, of pieces that begin and end anywhere, alone and in a crowd. */
static void expect_both(struct md5_service *service, const unsigned char *bytes, size_t len,
                        size_t step) {
    struct md5_stream stream;
    struct digest sha256;
    md5_stream_begin(&stream, service);
    digest_init(&sha256, DIGEST_SHA256);
    for (size_t at = 0; at < len; at += step) {
        md5_stream_update_with(&stream, &sha256, slice_take(slice_of(bytes + at, len - at), step));
    }
    unsigned char got[DIGEST_SHA256_LEN];
    unsigned char expected[DIGEST_SHA256_LEN];
    digest_final(&sha256, got);
    assert_int_equal(EVP_Digest(bytes, len, expected, NULL, EVP_sha256(), NULL), 1);
    assert_memory_equal(got, expected, DIGEST_SHA256_LEN);
    md5_stream_final(&stream, got);
    openssl_md5(bytes, len, expected);
    assert_memory_equal(got, expected, MD5_STREAM_LEN);
}

static void test_two_digests_in_one_pass(void **state) {
    (void)state;
    static const size_t steps[] = {1, 63, 64, 65, 4096, 4097, 5000, 100000, 300000};
    unsigned char *bytes = bytes_make(1, 300000);
    struct md5_service *service = md5_service_new(&(struct md5_service_config){.processors = 1});
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        expect_both(service, bytes, 300000, steps[i]);
        expect_both(service, bytes, 299937, steps[i]);
    }
    struct md5_stream streams[3]; /* a crowd */
    for (size_t i = 0; i < 3; i++) {
        md5_stream_begin(&streams[i], service);
        md5_stream_update(&streams[i], slice_of(bytes, 100000));
    }
    expect_both(service, bytes, 299937, 65536);
    md5_service_free(&service);
    free(bytes);
}

struct upload {
    struct md5_service *service;
    unsigned char *bytes;
    size_t len;
    size_t step;
    unsigned rounds;
    bool wrong;
};

static void *upload_run(void *argument) {
    struct upload *upload = argument;
    for (unsigned round = 0; round < upload->rounds; round++) {
        struct md5_stream stream;
        md5_stream_begin(&stream, upload->service);
        size_t len = upload->len - round;
        for (size_t at = 0; at < len; at += upload->step) {
            md5_stream_update(&stream,
                              slice_take(slice_of(upload->bytes + at, len - at), upload->step));
        }
        unsigned char got[MD5_STREAM_LEN];
        unsigned char expected[MD5_STREAM_LEN];
        md5_stream_final(&stream, got);
        EVP_Digest(upload->bytes, len, expected, NULL, EVP_md5(), NULL);
        if (memcmp(got, expected, sizeof got) != 0) upload->wrong = true;
    }
    return NULL;
}

static void many_streams(const struct md5_kernel *kernel, unsigned processors, unsigned count) {
    struct md5_service_config config = {.kernel = kernel, .processors = processors};
    struct md5_service *service = md5_service_new(&config);
    pthread_t threads[64];
    struct upload uploads[64];
    for (unsigned i = 0; i < count; i++) {
        uploads[i] = (struct upload){
            .service = service,
            .bytes = bytes_make(i, BUFFER),
            .len = BUFFER - 37 * i,
            .step = i % 3 == 0   ? 64 * 1024
                    : i % 3 == 1 ? 8192 + 13 * i
                                 : 300001,
            .rounds = 6,
        };
        assert_int_equal(pthread_create(&threads[i], NULL, upload_run, &uploads[i]), 0);
    }
    uint64_t taken = 0;
    for (unsigned i = 0; i < count; i++) {
        pthread_join(threads[i], NULL);
        assert_false(uploads[i].wrong);
        free(uploads[i].bytes);
        taken += uploads[i].rounds * uploads[i].len;
    }
    struct md5_service_stats stats;
    md5_service_stats_read(service, &stats);
    print_message("%u streams, %s: %.0f %% in lanes\n", count, kernel->name,
                  100.0 * (double)stats.bytes_in_lanes / (double)taken);
    assert_true(stats.bytes_alone + stats.bytes_in_lanes <= taken);
    md5_service_free(&service);
    assert_null(service);
}

static void test_many_streams(void **state) {
    (void)state;
    const struct md5_kernel *kernel;
    for (size_t k = 0; (kernel = md5_kernel_at(k)); k++) {
        many_streams(kernel, 1, 2);
        many_streams(kernel, 1, 16);
        many_streams(kernel, 3, 40);
    }
}

/* What one client takes in, one stream after the other, is computed alone; and so it is again after
 * a crowd, part of which went without a word. */
static void test_who_is_there_is_seen(void **state) {
    (void)state;
    struct md5_service *service = md5_service_new(&(struct md5_service_config){.processors = 1});
    struct md5_service_stats stats;
    unsigned char *bytes = bytes_make(1, BUFFER);
    for (size_t i = 0; i < 40; i++) expect_stream(service, bytes, BUFFER - i, 128 * 1024);
    md5_service_stats_read(service, &stats);
    assert_int_equal(stats.bytes_in_lanes, 0);
    struct md5_stream streams[5];
    for (size_t i = 0; i < 5; i++) {
        md5_stream_begin(&streams[i], service);
        md5_stream_update(&streams[i], slice_of(bytes, BUFFER));
    }
    for (size_t i = 0; i < 40; i++) expect_stream(service, bytes, BUFFER - i, 128 * 1024);
    md5_service_stats_read(service, &stats);
    uint64_t alone = stats.bytes_alone;
    expect_stream(service, bytes, BUFFER, 128 * 1024);
    md5_service_stats_read(service, &stats);
    assert_int_equal(stats.bytes_alone - alone, BUFFER);
    md5_service_free(&service);
    free(bytes);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_lane_of_every_kernel),
        cmocka_unit_test(test_lengths_and_pieces),
        cmocka_unit_test(test_two_digests_in_one_pass),
        cmocka_unit_test(test_many_streams),
        cmocka_unit_test(test_who_is_there_is_seen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
