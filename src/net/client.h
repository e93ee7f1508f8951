/*
 * client.h - the client's end of a connection, plain or TLS, that never blocks
 *
 *     resolve ── open ── ready? (again after each wait) ── send / recv ── close
 *
 * Every call says at once what it could do, or which event of the socket to wait for; waiting is
 * the caller's. For the load generator; requests of the server itself go through client/.
 *
 * Threads: one at a time for a connection; a struct net_client_tls may be shared.
 */
#ifndef NET_CLIENT_H
#define NET_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "base/note.h"
#include "base/status.h"

enum { NET_CLIENT_ADDRESSES_MAX = 8 };

struct net_client_tls;

/* What a name and a port stand for. */
struct net_client_addresses {
    size_t count;
    socklen_t lens[NET_CLIENT_ADDRESSES_MAX];
    struct sockaddr_storage addresses[NET_CLIENT_ADDRESSES_MAX];
};

enum net_client_result {
    NET_CLIENT_DONE,       /* the step is done; of send and recv, at least one byte */
    NET_CLIENT_WAIT_READ,  /* go on when the socket can be read */
    NET_CLIENT_WAIT_WRITE, /* go on when it can be written */
    NET_CLIENT_CLOSED,     /* the peer has said its last byte */
    NET_CLIENT_FAILED      /* net_client.failure says why */
};

struct net_client {
    int fd; /* -1: not open */
    void *ssl;
    bool is_ready;
    const char *failure; /* a few words, static; NULL */
};

/*
 * Finds the addresses of a host name or a numeric address.
 * Errors: NOT_FOUND, noted. Blocks: asks the resolver.
 */
struct status net_client_resolve(const char *host, const char *port, struct note *note,
                                 struct net_client_addresses *ret_addresses);

/*
 * Makes what the TLS connections share: the certificates to trust are those of `ca_file`, or the
 * system's where it is NULL; with `insecure` anybody is trusted.
 * Owns: the caller; net_client_tls_close. Errors: INVALID, noted. Blocks: reads files.
 */
struct status net_client_tls_open(const char *ca_file, bool insecure, struct note *note,
                                  struct net_client_tls **ret_tls);

/* Gives it back; connections keep what they use. NULL is allowed. */
void net_client_tls_close(struct net_client_tls **tls);

/*
 * Begins a connection; with `tls`, the peer has to prove that it is `host`.
 * Owns: the caller; net_client_close, also after FAILED.
 */
enum net_client_result net_client_open(struct net_client *client, const struct sockaddr *address,
                                       socklen_t address_len, struct net_client_tls *tls,
                                       const char *host);

/* Goes on with connecting and the handshake; DONE when bytes can be exchanged. */
enum net_client_result net_client_ready(struct net_client *client);

/* Sends what goes out now of `count` pieces. */
enum net_client_result net_client_send(struct net_client *client, const struct iovec *pieces,
                                       int count, size_t *ret_len);

/* Receives what is there, at most `cap` bytes. */
enum net_client_result net_client_recv(struct net_client *client, void *buffer, size_t cap,
                                       size_t *ret_len);

/* Ends the connection; one that is not open is allowed. */
void net_client_close(struct net_client *client);

#endif
