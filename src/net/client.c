#include "net/client.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/check.h"

/* One SSL call takes an int; a TLS record holds 16 KiB. */
enum { TLS_PIECE_MAX = 1 << 20, TLS_GATHER_MAX = 16 * 1024 };

struct net_client_tls {
    SSL_CTX *context;
    bool insecure;
};

struct status net_client_resolve(const char *host, const char *port, struct note *note,
                                 struct net_client_addresses *ret_addresses) {
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    struct addrinfo *list = NULL;
    int error = getaddrinfo(host, port, &hints, &list);
    if (error != 0) {
        return note_status(note, STATUS_NOT_FOUND, "%s: %s", host, gai_strerror(error));
    }
    struct net_client_addresses found = {0};
    for (struct addrinfo *a = list; a != NULL; a = a->ai_next) {
        if (found.count == NET_CLIENT_ADDRESSES_MAX) break;
        memcpy(&found.addresses[found.count], a->ai_addr, a->ai_addrlen);
        found.lens[found.count++] = a->ai_addrlen;
    }
    freeaddrinfo(list);
    *ret_addresses = found;
    return status_ok();
}

static void context_configure(SSL_CTX *context, bool insecure) {
    static const unsigned char alpn[] = {8, 'h', 't', 't', 'p', '/', '1', '.', '1'};
    CHECK(SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) == 1);
    CHECK(SSL_CTX_set_alpn_protos(context, alpn, sizeof alpn) == 0);
    SSL_CTX_set_options(context, SSL_OP_IGNORE_UNEXPECTED_EOF);
    SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_verify(context, insecure ? SSL_VERIFY_NONE : SSL_VERIFY_PEER, NULL);
}

struct status net_client_tls_open(const char *ca_file, bool insecure, struct note *note,
                                  struct net_client_tls **ret_tls) {
    struct net_client_tls *tls = calloc(1, sizeof *tls);
    CHECK(tls != NULL);
    tls->insecure = insecure;
    tls->context = SSL_CTX_new(TLS_client_method());
    CHECK(tls->context != NULL);
    context_configure(tls->context, insecure);
    bool loaded = ca_file != NULL ? SSL_CTX_load_verify_locations(tls->context, ca_file, NULL) == 1
                                  : SSL_CTX_set_default_verify_paths(tls->context) == 1;
    ERR_clear_error();
    if (!loaded) {
        net_client_tls_close(&tls);
        return note_status(note, STATUS_INVALID, "%s: no certificates can be read from it",
                           ca_file ? ca_file : "the system's store");
    }
    *ret_tls = tls;
    return status_ok();
}

void net_client_tls_close(struct net_client_tls **tls) {
    if (*tls != NULL) SSL_CTX_free((*tls)->context);
    free(*tls);
    *tls = NULL;
}

static enum net_client_result failed(struct net_client *client, const char *why) {
    client->failure = why;
    return NET_CLIENT_FAILED;
}

static enum net_client_result failed_errno(struct net_client *client, int error) {
    const char *words = strerrordesc_np(error);
    return failed(client, words != NULL ? words : "unknown error");
}

/* Whether `host` is a numeric address, which has no SNI and another kind of name to prove. */
static bool is_numeric(const char *host) {
    unsigned char bytes[16];
    return inet_pton(AF_INET, host, bytes) == 1 || inet_pton(AF_INET6, host, bytes) == 1;
}

static bool ssl_make(struct net_client *client, struct net_client_tls *tls, const char *host) {
    SSL *ssl = SSL_new(tls->context);
    if (ssl == NULL) return false;
    client->ssl = ssl;
    SSL_set_connect_state(ssl);
    if (SSL_set_fd(ssl, client->fd) != 1) return false;
    if (is_numeric(host)) {
        return tls->insecure || X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host) == 1;
    }
    return SSL_set_tlsext_host_name(ssl, (void *)(uintptr_t)host) == 1 &&
           (tls->insecure || SSL_set1_host(ssl, host) == 1);
}

enum net_client_result net_client_open(struct net_client *client, const struct sockaddr *address,
                                       socklen_t address_len, struct net_client_tls *tls,
                                       const char *host) {
    int one = 1;
    *client = (struct net_client){.fd = -1};
    client->fd = socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (client->fd < 0) return failed_errno(client, errno);
    (void)setsockopt(client->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (tls != NULL && !ssl_make(client, tls, host)) return failed(client, "TLS can't be set up");
    if (connect(client->fd, address, address_len) == 0) return net_client_ready(client);
    if (errno == EINPROGRESS) return NET_CLIENT_WAIT_WRITE;
    return failed_errno(client, errno);
}

/* What to make of an SSL call that did not succeed. */
static enum net_client_result tls_result(struct net_client *client, int outcome) {
    switch (SSL_get_error(client->ssl, outcome)) {
        case SSL_ERROR_WANT_READ:
            return NET_CLIENT_WAIT_READ;
        case SSL_ERROR_WANT_WRITE:
            return NET_CLIENT_WAIT_WRITE;
        case SSL_ERROR_ZERO_RETURN:
            return NET_CLIENT_CLOSED;
        case SSL_ERROR_SYSCALL:
            if (errno != 0) return failed_errno(client, errno);
            return NET_CLIENT_CLOSED;
        default:
            break;
    }
    long verified = SSL_get_verify_result(client->ssl);
    const char *why = ERR_reason_error_string(ERR_peek_last_error());
    if (!client->is_ready && verified != X509_V_OK) why = X509_verify_cert_error_string(verified);
    ERR_clear_error();
    return failed(client, why != NULL ? why : "TLS failed");
}

static bool is_connected(struct net_client *client, enum net_client_result *ret_result) {
    int error = 0;
    socklen_t len = sizeof error;
    struct sockaddr_storage peer;
    if (getsockopt(client->fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0) error = errno;
    if (error != 0) {
        *ret_result = failed_errno(client, error);
        return false;
    }
    len = sizeof peer;
    *ret_result = NET_CLIENT_WAIT_WRITE;
    return getpeername(client->fd, (struct sockaddr *)&peer, &len) == 0;
}

enum net_client_result net_client_ready(struct net_client *client) {
    enum net_client_result result;
    if (client->is_ready) return NET_CLIENT_DONE;
    if (!is_connected(client, &result)) return result;
    if (client->ssl != NULL) {
        ERR_clear_error();
        errno = 0;
        int outcome = SSL_do_handshake(client->ssl);
        if (outcome != 1) {
            result = tls_result(client, outcome);
            return result == NET_CLIENT_CLOSED ? failed(client, "closed in the handshake") : result;
        }
    }
    client->is_ready = true;
    return NET_CLIENT_DONE;
}

/* A head and a small body go out as one record. */
static enum net_client_result tls_send(struct net_client *client, const struct iovec *pieces,
                                       int count, size_t *ret_len) {
    char gathered[TLS_GATHER_MAX];
    size_t total = 0;
    const void *from = pieces[0].iov_base;
    size_t len = pieces[0].iov_len;
    for (int i = 0; i < count; i++) total += pieces[i].iov_len;
    if (count > 1 && total <= sizeof gathered) {
        len = 0;
        for (int i = 0; i < count; i++) {
            memcpy(gathered + len, pieces[i].iov_base, pieces[i].iov_len);
            len += pieces[i].iov_len;
        }
        from = gathered;
    }
    ERR_clear_error();
    errno = 0;
    int n = SSL_write(client->ssl, from, len > TLS_PIECE_MAX ? TLS_PIECE_MAX : (int)len);
    if (n <= 0) return tls_result(client, n);
    *ret_len = (size_t)n;
    return NET_CLIENT_DONE;
}

enum net_client_result net_client_send(struct net_client *client, const struct iovec *pieces,
                                       int count, size_t *ret_len) {
    CHECK(count > 0 && pieces[0].iov_len > 0);
    if (client->ssl != NULL) return tls_send(client, pieces, count, ret_len);
    struct msghdr message = {.msg_iov = (struct iovec *)(uintptr_t)pieces,
                             .msg_iovlen = (size_t)count};
    ssize_t n;
    do {
        n = sendmsg(client->fd, &message, MSG_NOSIGNAL);
    } while (n < 0 && errno == EINTR);
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return NET_CLIENT_WAIT_WRITE;
    if (n < 0) return failed_errno(client, errno);
    *ret_len = (size_t)n;
    return NET_CLIENT_DONE;
}

enum net_client_result net_client_recv(struct net_client *client, void *buffer, size_t cap,
                                       size_t *ret_len) {
    if (client->ssl != NULL) {
        ERR_clear_error();
        errno = 0;
        int len = SSL_read(client->ssl, buffer, cap > TLS_PIECE_MAX ? TLS_PIECE_MAX : (int)cap);
        if (len <= 0) return tls_result(client, len);
        *ret_len = (size_t)len;
        return NET_CLIENT_DONE;
    }
    ssize_t n;
    do {
        n = recv(client->fd, buffer, cap, 0);
    } while (n < 0 && errno == EINTR);
    if (n == 0) return NET_CLIENT_CLOSED;
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return NET_CLIENT_WAIT_READ;
    if (n < 0) return failed_errno(client, errno);
    *ret_len = (size_t)n;
    return NET_CLIENT_DONE;
}

void net_client_close(struct net_client *client) {
    SSL_free(client->ssl);
    if (client->fd >= 0) close(client->fd);
    *client = (struct net_client){.fd = -1};
}
