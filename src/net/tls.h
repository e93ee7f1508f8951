/*
 * tls.h - the server's side of TLS: certificates by host name, loaded again while serving
 *
 * A struct net_tls is what one listener needs. A set of certificates does not change; a reload
 * puts a new one in its place, and connections keep the one they began with.
 *
 *     net_tls_open ── net_tls_ssl* ── (prepare ── commit | drop)* ── net_tls_close
 *
 * TLS 1.2 and 1.3, forward secrecy and AEAD only, ALPN http/1.1, session tickets whose keys are
 * kept over a reload, kTLS where kernel and library agree.
 *
 * Threads: net_tls_ssl from any; the others serialised by the caller.
 */
#ifndef NET_TLS_H
#define NET_TLS_H

#include <openssl/ssl.h>
#include <stdbool.h>

#include "base/note.h"
#include "base/status.h"
#include "net/server.h"

struct net_tls;
struct tls_set;

/*
 * Loads the certificates; the paths are copied.
 * Owns: the caller; net_tls_close.
 * Errors: INVALID with the file in `note`, NO_MEMORY. Blocks: reads files.
 */
struct status net_tls_open(const struct net_tls_identity *identities, size_t count,
                           struct note *note, struct net_tls **ret_tls);

/* Gives everything back and nulls the pointer; connections keep what they use. */
void net_tls_close(struct net_tls **tls);

/*
 * A new server side of TLS on socket `fd`, with the certificates of now.
 * Owns: the caller; SSL_free. Errors: NO_MEMORY.
 */
struct status net_tls_ssl(struct net_tls *tls, int fd, SSL **ret_ssl);

/*
 * Loads the files again, beside what is in use.
 * Owns: the caller; net_tls_commit or net_tls_drop. Errors: as net_tls_open. Blocks: reads files.
 */
struct status net_tls_prepare(struct net_tls *tls, struct note *note, struct tls_set **ret_set);

/* Makes `*set` the certificates for new connections, and nulls it. */
void net_tls_commit(struct net_tls *tls, struct tls_set **set);

/* Gives back a set that was not committed, and nulls it. */
void net_tls_drop(struct tls_set **set);

/* Whether the kernel takes over TLS records: the module can be attached to a socket here. */
bool net_tls_ktls_probe(void);

#endif
