/*
 * receive_bench - the least that a durable upload can cost, beside which hink's are read
 *
 * Usage: receive_bench DIR PORT
 * Takes PUTs over HTTP on 127.0.0.1:PORT, a thread for each connection: receives a MiB, takes it
 * into the MD5 that is computed side by side with those of the others, writes it O_DIRECT over
 * blocks that are there already, and at the end of a body waits for fdatasync. It checks nothing,
 * keeps no metadata, and runs until it is killed; its files in DIR stay behind.
 */
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/codec.h"
#include "crypto/md5_stream.h"

enum { PIECE = 1 << 20, FILE_PIECES = 64, CONNECTIONS_MAX = 64, HEAD_MAX = 8192 };

static const char *folder;

/* A connection: its file, and what was read behind a head. */
struct receiver {
    int fd;
    int file;
    unsigned char *piece;
    char head[HEAD_MAX];
    size_t head_len;
};

static void file_make(struct receiver *self, int number) {
    char name[4096];
    snprintf(name, sizeof name, "%s/receive-%d", folder, number);
    self->file = open(name, O_RDWR | O_CREAT | O_DIRECT | O_CLOEXEC, 0600);
    CHECK(self->file >= 0);
    memset(self->piece, 1, PIECE);
    for (int i = 0; i < FILE_PIECES; i++) {
        CHECK(pwrite(self->file, self->piece, PIECE, (off_t)i * PIECE) == PIECE);
    }
    CHECK(fsync(self->file) == 0);
}

/* Reads a head; its length, 0 at the end of the connection. */
static size_t head_read(struct receiver *self) {
    for (;;) {
        char *end = memmem(self->head, self->head_len, "\r\n\r\n", 4);
        if (end) return (size_t)(end - self->head) + 4;
        CHECK(self->head_len < sizeof self->head - 1);
        ssize_t n =
            recv(self->fd, self->head + self->head_len, sizeof self->head - 1 - self->head_len, 0);
        if (n <= 0) return 0;
        self->head_len += (size_t)n;
    }
}

static size_t body_len(const struct receiver *self, size_t head_len) {
    const char *field = memmem(self->head, head_len, "Content-Length: ", 16);
    CHECK(field);
    return strtoull(field + 16, NULL, 10);
}

/* Fills the piece from what is behind the head and from the socket. */
static bool piece_fill(struct receiver *self, size_t len) {
    size_t have = self->head_len < len ? self->head_len : len;
    memcpy(self->piece, self->head, have);
    memmove(self->head, self->head + have, self->head_len - have);
    self->head_len -= have;
    while (have < len) {
        ssize_t n = recv(self->fd, self->piece + have, len - have, 0);
        if (n <= 0) return false;
        have += (size_t)n;
    }
    return true;
}

static bool body_receive(struct receiver *self, size_t len, unsigned char md5[MD5_STREAM_LEN]) {
    struct md5_stream stream;
    off_t at = 0;
    md5_stream_begin(&stream, md5_service_shared());
    for (; len > 0; at += PIECE) {
        size_t n = len < PIECE ? len : PIECE;
        if (!piece_fill(self, n)) return false;
        md5_stream_update(&stream, slice_of(self->piece, n));
        CHECK(pwrite(self->file, self->piece, PIECE, at % (FILE_PIECES * PIECE)) == PIECE);
        len -= n;
    }
    CHECK(fdatasync(self->file) == 0);
    md5_stream_final(&stream, md5);
    return true;
}

static bool answer(struct receiver *self, const unsigned char md5[MD5_STREAM_LEN]) {
    char storage[256];
    struct buf text;
    buf_init_fixed(&text, storage, sizeof storage);
    buf_append(&text, SLICE("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nETag: \""));
    hex_encode(&text, slice_of(md5, MD5_STREAM_LEN));
    buf_append(&text, SLICE("\"\r\n\r\n"));
    return send(self->fd, storage, text.len, MSG_NOSIGNAL) == (ssize_t)text.len;
}

static void *receiver_run(void *argument) {
    struct receiver *self = argument;
    unsigned char md5[MD5_STREAM_LEN];
    size_t head_len;
    while ((head_len = head_read(self)) > 0) {
        size_t len = body_len(self, head_len);
        memmove(self->head, self->head + head_len, self->head_len - head_len);
        self->head_len -= head_len;
        if (!body_receive(self, len, md5) || !answer(self, md5)) break;
    }
    close(self->fd);
    self->fd = -1;
    return NULL;
}

static int listen_on(int port) {
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int on = 1;
    CHECK(fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0);
    CHECK(bind(fd, (struct sockaddr *)&address, sizeof address) == 0);
    CHECK(listen(fd, CONNECTIONS_MAX) == 0);
    return fd;
}

int main(int argc, char **argv) {
    if (argc != 3) {
        fprintf(stderr, "usage: receive_bench DIR PORT\n");
        return 2;
    }
    folder = argv[1];
    static struct receiver receivers[CONNECTIONS_MAX];
    static pthread_t threads[CONNECTIONS_MAX];
    for (int i = 0; i < CONNECTIONS_MAX; i++) receivers[i].fd = -1;
    int listener = listen_on((int)strtol(argv[2], NULL, 10));
    printf("ready\n");
    fflush(stdout);
    for (;;) {
        int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
        int i = 0;
        while (i < CONNECTIONS_MAX && __atomic_load_n(&receivers[i].fd, __ATOMIC_ACQUIRE) >= 0) i++;
        CHECK(fd >= 0 && i < CONNECTIONS_MAX);
        struct receiver *self = &receivers[i];
        if (self->piece) CHECK(pthread_join(threads[i], NULL) == 0);
        if (!self->piece) {
            self->piece = aligned_alloc(4096, PIECE);
            CHECK(self->piece);
            file_make(self, i);
        }
        self->head_len = 0;
        self->fd = fd;
        CHECK(pthread_create(&threads[i], NULL, receiver_run, self) == 0);
    }
}
