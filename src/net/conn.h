/*
 * conn.h - one connection, as the thread that serves a request on it sees it
 *
 * The bytes of the head are there already. A body is pulled from net_conn_source, an answer is
 * pushed into net_conn_sink; both block under the server's deadlines: TIMEOUT when nothing moves
 * for io_timeout_ns, or when the average falls below body_rate_bytes. Only time spent waiting for
 * the client counts, so that a slow disk of ours is not blamed on it.
 *
 * Writes are corked: small pieces gather in a buffer and leave together with the next large one,
 * at net_conn_flush, or after serve. A head and a small body are one segment.
 *
 * Life: valid during net_handler.serve. Threads: the worker that serves.
 */
#ifndef NET_CONN_H
#define NET_CONN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"
#include "base/status.h"
#include "base/stream.h"
#include "net/address.h"

struct net_conn;
struct net_server;

/* What becomes of a connection after a request. */
enum net_next {
    NET_CLOSE, /* half-close, drain a little so that the client reads the answer, close */
    NET_KEEP,  /* bytes that were not consumed begin the next request */
    NET_ABORT  /* cut at once: the answer broke off and must not look complete */
};

/*
 * The bytes that are here and not consumed: the head, and what came with it.
 * Owns: the connection; they stay in place until serve returns, net_conn_source or not.
 */
struct slice net_conn_bytes(const struct net_conn *conn);

/* Drops the first `n` of net_conn_bytes: the head, once it is parsed. */
void net_conn_consume(struct net_conn *conn, size_t n);

/*
 * The bytes behind what was consumed, without an end: whoever knows the framing asks for no more
 * than the body has. Large pulls go straight into the caller's buffer.
 * Errors: CLOSED (the client left), TIMEOUT, IO.
 */
struct source *net_conn_source(struct net_conn *conn);

/*
 * Where the answer goes; has send_file.
 * Errors: CLOSED, TIMEOUT, IO; the same again for every later write.
 */
struct sink *net_conn_sink(struct net_conn *conn);

/*
 * Sends what is corked now: after "100 Continue", or before a long computation.
 * Errors: those of the sink.
 */
struct status net_conn_flush(struct net_conn *conn);

/* Whether the client has gone or closed its side, as far as is known without waiting. */
bool net_conn_peer_closed(struct net_conn *conn);

/* The client: who connected, or whom a trusted PROXY header named. */
const struct net_address *net_conn_peer(const struct net_conn *conn);

/* Who really is at the other end of the socket: the proxy, where there is one. */
const struct net_address *net_conn_socket_peer(const struct net_conn *conn);

/* Our end of the socket; the PROXY header's destination where there is one. */
void net_conn_local(const struct net_conn *conn, struct net_address *ret_address);

/* Which of net_config.listeners it came through. */
size_t net_conn_listener(const struct net_conn *conn);

/* Whether it is encrypted, and the host name asked for in the handshake (empty: none). */
bool net_conn_is_tls(const struct net_conn *conn);
struct slice net_conn_sni(const struct net_conn *conn);

/* "TLSv1.3" and "TLS_AES_128_GCM_SHA256"; "-" where it is plain. */
const char *net_conn_tls_version(const struct net_conn *conn);
const char *net_conn_tls_cipher(const struct net_conn *conn);

/* A number no other connection of this server has, and how many requests came before this one. */
uint64_t net_conn_id(const struct net_conn *conn);
uint32_t net_conn_request_index(const struct net_conn *conn);

/* When the first byte of this head was here. Units: ns of clock_mono_ns. */
int64_t net_conn_head_began_ns(const struct net_conn *conn);

/* Bytes of this request: pulled from the source; given to the sink. */
uint64_t net_conn_bytes_in(const struct net_conn *conn);
uint64_t net_conn_bytes_out(const struct net_conn *conn);

/* The server it belongs to, for budgets and net_server_is_draining. */
struct net_server *net_conn_server(const struct net_conn *conn);

/* What net_handler.worker_begin made for this worker; NULL without one. */
void *net_conn_worker_data(const struct net_conn *conn);

#endif
