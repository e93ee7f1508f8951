/*
 * machine_bench - what this machine can do, beside which the figures of a server on it are read
 *
 * Usage: machine_bench DIR [SECONDS]
 * Prints a line "NAME VALUE UNIT" for each figure; DIR is where the server's data would lie. The
 * files made in it are removed.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/check.h"
#include "base/date.h"
#include "crypto/aead.h"
#include "crypto/checksum.h"
#include "os/clock.h"

enum { PIECE_LEN = 1 << 20, BLOCK_LEN = 4096, FILE_PIECES = 256 };

static unsigned char piece[PIECE_LEN];
static double seconds = 2;

static double now_s(void) {
    return (double)clock_mono_ns(clock_system()) / (double)NS_PER_S;
}

static void say(const char *name, double value, const char *unit) {
    printf("%s %.1f %s\n", name, value, unit);
    fflush(stdout);
}

/* What every acknowledgement costs at least: append a block and wait until it is durable. */
static void measure_syncs(int fd) {
    double begin = now_s();
    unsigned count = 0;
    off_t at = 0;
    for (; now_s() - begin < seconds; count++, at += BLOCK_LEN) {
        CHECK(pwrite(fd, piece, BLOCK_LEN, at) == BLOCK_LEN);
        CHECK(fdatasync(fd) == 0);
    }
    say("sync_append_4k", count / (now_s() - begin), "1/s");
    begin = now_s();
    for (count = 0; now_s() - begin < seconds; count++) {
        CHECK(pwrite(fd, piece, BLOCK_LEN, 0) == BLOCK_LEN);
        CHECK(fdatasync(fd) == 0);
    }
    say("sync_overwrite_4k", count / (now_s() - begin), "1/s");
}

static void measure_stream(int fd) {
    double begin = now_s();
    for (int i = 0; i < FILE_PIECES; i++) {
        CHECK(pwrite(fd, piece, PIECE_LEN, (off_t)i * PIECE_LEN) == PIECE_LEN);
    }
    CHECK(fdatasync(fd) == 0);
    say("write_synced", FILE_PIECES / (now_s() - begin), "MiB/s");
    begin = now_s();
    for (int i = 0; i < FILE_PIECES; i++) {
        CHECK(pread(fd, piece, PIECE_LEN, (off_t)i * PIECE_LEN) == PIECE_LEN);
    }
    say("read_cached", FILE_PIECES / (now_s() - begin), "MiB/s");
}

static void measure_checksums(void) {
    static const enum checksum_kind kinds[] = {CHECKSUM_MD5, CHECKSUM_SHA256, CHECKSUM_CRC32C,
                                               CHECKSUM_CRC64NVME, CHECKSUM_XXHASH3};
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        struct checksum_value value;
        unsigned count = 0;
        double begin = now_s();
        for (; now_s() - begin < seconds / 4; count++) {
            checksum_of(kinds[i], slice_of(piece, sizeof piece), &value);
        }
        say(checksum_suffix(kinds[i]), count / (now_s() - begin), "MiB/s");
    }
}

static void measure_sealing(void) {
    static unsigned char sealed[PIECE_LEN + AEAD_TAG_LEN];
    unsigned char key[AEAD_KEY_LEN] = {1}, nonce[AEAD_NONCE_LEN] = {2};
    unsigned count = 0;
    double begin = now_s();
    for (; now_s() - begin < seconds / 4; count++) {
        aead_seal(key, nonce, SLICE(""), slice_of(piece, sizeof piece), sealed);
    }
    say("aes256gcm", count / (now_s() - begin), "MiB/s");
}

int main(int argc, char **argv) {
    char path[4096];
    if (argc < 2) return fprintf(stderr, "usage: machine_bench DIR [SECONDS]\n"), 2;
    if (argc > 2) seconds = strtod(argv[2], NULL);
    snprintf(path, sizeof path, "%s/machine_bench.%ld", argv[1], (long)getpid());
    for (size_t i = 0; i < sizeof piece; i++) piece[i] = (unsigned char)(i * 2654435761u >> 13);
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0) return fprintf(stderr, "%s can't be made\n", path), 1;
    measure_syncs(fd);
    measure_stream(fd);
    close(fd);
    unlink(path);
    measure_checksums();
    measure_sealing();
    return 0;
}
