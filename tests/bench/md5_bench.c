/*
 * md5_bench - what the MD5 of uploads costs, alone and side by side
 *
 * Usage: md5_bench [SECONDS]
 * For 1, 2, 4, 8, 16 and 32 threads that each take in pieces of 256 KiB: GB/s of wall time and per
 * second of processor time, by OpenSSL and by the service.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <openssl/evp.h>

#include "base/check.h"
#include "crypto/md5_stream.h"

enum { PIECE = 256 * 1024 };

static atomic_bool stop;
static atomic_ullong taken;
static bool by_openssl;

static double seconds_of(clockid_t clock) {
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void *run(void *argument) {
    (void)argument;
    unsigned char *piece = calloc(1, PIECE);
    CHECK(piece);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    CHECK(context && EVP_DigestInit_ex(context, EVP_md5(), NULL) == 1);
    struct md5_stream stream;
    md5_stream_begin(&stream, md5_service_shared());
    while (!atomic_load(&stop)) {
        if (by_openssl) {
            EVP_DigestUpdate(context, piece, PIECE);
        } else {
            md5_stream_update(&stream, slice_of(piece, PIECE));
        }
        atomic_fetch_add(&taken, PIECE);
    }
    EVP_MD_CTX_free(context);
    free(piece);
    return NULL;
}

static void measure(unsigned count, double seconds) {
    pthread_t threads[64];
    atomic_store(&stop, false);
    atomic_store(&taken, 0);
    double wall = seconds_of(CLOCK_MONOTONIC);
    double processor = seconds_of(CLOCK_PROCESS_CPUTIME_ID);
    for (unsigned i = 0; i < count; i++) CHECK(pthread_create(&threads[i], NULL, run, NULL) == 0);
    struct timespec pause = {(time_t)seconds, (long)(1e9 * (seconds - (double)(time_t)seconds))};
    nanosleep(&pause, NULL);
    atomic_store(&stop, true);
    for (unsigned i = 0; i < count; i++) pthread_join(threads[i], NULL);
    wall = seconds_of(CLOCK_MONOTONIC) - wall;
    processor = seconds_of(CLOCK_PROCESS_CPUTIME_ID) - processor;
    double gb = (double)atomic_load(&taken) / 1e9;
    printf("%7s %2u threads  %5.2f GB/s  %5.2f GB per processor second\n",
           by_openssl ? "openssl" : "service", count, gb / wall, gb / processor);
}

int main(int argc, char **argv) {
    double seconds = argc > 1 ? strtod(argv[1], NULL) : 1;
    printf("kernel %s\n", md5_kernel_best()->name);
    for (unsigned count = 1; count <= 32; count *= 2) {
        for (int i = 0; i < 2; i++) {
            by_openssl = i == 0;
            measure(count, seconds);
        }
    }
    return 0;
}
