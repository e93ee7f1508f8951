#include "net/tls.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/check.h"

/* A certificate of a set, ready for use. */
struct tls_entry {
    const struct net_tls_identity *identity; /* lies in the net_tls */
    SSL_CTX *context;
};

/* References: one of the net_tls, one of each context's callback argument is not needed, since a
 * connection holds the set for as long as it may still ask for a name (SSL ex_data). */
struct tls_set {
    unsigned references; /* atomic */
    size_t count;
    struct tls_entry entries[];
};

struct net_tls {
    pthread_mutex_t lock;
    struct tls_set *current; /* guarded by lock */
    struct net_tls_identity *identities;
    size_t count;
};

static int set_index = -1;
static pthread_once_t set_index_once = PTHREAD_ONCE_INIT;

static void set_unref(struct tls_set *set) {
    if (set == NULL || __atomic_sub_fetch(&set->references, 1, __ATOMIC_ACQ_REL) > 0) return;
    for (size_t i = 0; i < set->count; i++) SSL_CTX_free(set->entries[i].context);
    free(set);
}

static void set_index_free(void *parent, void *ptr, CRYPTO_EX_DATA *data, int index, long argl,
                           void *argp) {
    (void)parent, (void)data, (void)index, (void)argl, (void)argp;
    set_unref(ptr);
}

static void set_index_make(void) {
    set_index = SSL_get_ex_new_index(0, NULL, NULL, NULL, set_index_free);
    CHECK(set_index >= 0);
}

static bool host_matches(struct slice pattern, struct slice host) {
    if (!slice_starts_with(pattern, SLICE("*."))) return slice_eq_nocase(pattern, host);
    struct slice suffix = slice_skip(pattern, 1);
    if (host.len <= suffix.len) return false;
    return slice_eq_nocase(slice_skip(host, host.len - suffix.len), suffix);
}

static bool identity_matches(const struct net_tls_identity *identity, struct slice host) {
    for (size_t i = 0; i < identity->host_count; i++) {
        if (host_matches(slice_str(identity->hosts[i]), host)) return true;
    }
    return false;
}

/* Spec: RFC 6066 section 3. A name that is not ours gets the default certificate: clients that
 * check will say so, and those behind an address-only endpoint go on working. */
static int on_server_name(SSL *ssl, int *alert, void *argument) {
    (void)alert, (void)argument;
    const struct tls_set *set = SSL_get_ex_data(ssl, set_index);
    struct slice host = slice_str(SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name));
    if (host.len == 0) return SSL_TLSEXT_ERR_NOACK;
    for (size_t i = 0; i < set->count; i++) {
        if (!identity_matches(set->entries[i].identity, host)) continue;
        SSL_set_SSL_CTX(ssl, set->entries[i].context);
        return SSL_TLSEXT_ERR_OK;
    }
    return SSL_TLSEXT_ERR_NOACK;
}

/* Spec: RFC 7301 section 3.2. */
static int on_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_len,
                   const unsigned char *in, unsigned in_len, void *argument) {
    (void)ssl, (void)argument;
    static const unsigned char ours[] = {8, 'h', 't', 't', 'p', '/', '1', '.', '1'};
    unsigned char *chosen = NULL;
    int found = SSL_select_next_proto(&chosen, out_len, ours, sizeof(ours), in, in_len);
    *out = chosen;
    return found == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

static struct status context_fails(struct note *note, const char *what, const char *path) {
    const char *reason = ERR_reason_error_string(ERR_peek_last_error());
    ERR_clear_error();
    return note_status(note, STATUS_INVALID, "%s %s: %s", what, path,
                       reason ? reason : "can't be read");
}

static struct status context_load(SSL_CTX *context, const struct net_tls_identity *identity,
                                  struct note *note) {
    ERR_clear_error();
    if (SSL_CTX_use_certificate_chain_file(context, identity->certificate_path) != 1) {
        return context_fails(note, "certificate", identity->certificate_path);
    }
    if (SSL_CTX_use_PrivateKey_file(context, identity->key_path, SSL_FILETYPE_PEM) != 1) {
        return context_fails(note, "key", identity->key_path);
    }
    if (SSL_CTX_check_private_key(context) != 1) {
        return context_fails(note, "key does not fit the certificate:", identity->key_path);
    }
    return status_ok();
}

static void context_configure(SSL_CTX *context) {
    static const unsigned char session_context[] = "hink";
    CHECK(SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) == 1);
    CHECK(SSL_CTX_set_cipher_list(context, "ECDHE+AESGCM:ECDHE+CHACHA20") == 1);
    SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                     SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA |
                                     SSL_OP_IGNORE_UNEXPECTED_EOF | SSL_OP_ENABLE_KTLS);
    /* An idle connection keeps no record buffers. */
    SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                  SSL_MODE_RELEASE_BUFFERS);
    /* Tickets only: a cache of sessions would be memory that clients choose. */
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    CHECK(SSL_CTX_set_session_id_context(context, session_context, sizeof(session_context) - 1));
    SSL_CTX_set_tlsext_servername_callback(context, on_server_name);
    SSL_CTX_set_alpn_select_cb(context, on_alpn, NULL);
}

static struct status context_new(const struct net_tls_identity *identity, struct note *note,
                                 SSL_CTX **ret_context) {
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());
    if (context == NULL) return status_of(STATUS_NO_MEMORY);
    context_configure(context);
    struct status loaded = context_load(context, identity, note);
    if (!is_ok(loaded)) {
        SSL_CTX_free(context);
        return loaded;
    }
    *ret_context = context;
    return status_ok();
}

/* All contexts of a listener open each other's tickets, those of before a reload too. */
static void share_ticket_keys(SSL_CTX *from, struct tls_set *set) {
    unsigned char keys[256];
    long len = SSL_CTX_get_tlsext_ticket_keys(from, NULL, 0);
    CHECK(len > 0 && (size_t)len <= sizeof(keys));
    if (SSL_CTX_get_tlsext_ticket_keys(from, keys, len) != 1) return;
    for (size_t i = 0; i < set->count; i++) {
        SSL_CTX_set_tlsext_ticket_keys(set->entries[i].context, keys, len);
    }
    OPENSSL_cleanse(keys, sizeof(keys));
}

static struct status set_new(const struct net_tls *tls, struct note *note,
                             struct tls_set **ret_set) {
    struct tls_set *set = calloc(1, sizeof(*set) + tls->count * sizeof(set->entries[0]));
    if (set == NULL) return status_of(STATUS_NO_MEMORY);
    set->references = 1;
    for (size_t i = 0; i < tls->count; i++) {
        struct status made = context_new(&tls->identities[i], note, &set->entries[i].context);
        if (!is_ok(made)) {
            set_unref(set);
            return made;
        }
        set->entries[i].identity = &tls->identities[i];
        set->count = i + 1;
    }
    *ret_set = set;
    return status_ok();
}

static void identity_fini(struct net_tls_identity *identity) {
    for (size_t i = 0; i < identity->host_count; i++) free((void *)(uintptr_t)identity->hosts[i]);
    free((void *)(uintptr_t)identity->hosts);
    free((void *)(uintptr_t)identity->certificate_path);
    free((void *)(uintptr_t)identity->key_path);
}

static char *copy_text(const char *text) {
    char *copy = strdup(text);
    CHECK(copy != NULL);
    return copy;
}

static void identity_copy(struct net_tls_identity *to, const struct net_tls_identity *from) {
    const char **hosts = calloc(from->host_count + 1, sizeof(hosts[0]));
    CHECK(hosts != NULL);
    for (size_t i = 0; i < from->host_count; i++) hosts[i] = copy_text(from->hosts[i]);
    to->hosts = hosts;
    to->host_count = from->host_count;
    to->certificate_path = copy_text(from->certificate_path);
    to->key_path = copy_text(from->key_path);
}

struct status net_tls_open(const struct net_tls_identity *identities, size_t count,
                           struct note *note, struct net_tls **ret_tls) {
    pthread_once(&set_index_once, set_index_make);
    struct net_tls *tls = calloc(1, sizeof(*tls));
    CHECK(tls != NULL && count > 0);
    tls->identities = calloc(count, sizeof(tls->identities[0]));
    CHECK(tls->identities != NULL);
    tls->count = count;
    for (size_t i = 0; i < count; i++) identity_copy(&tls->identities[i], &identities[i]);
    CHECK(pthread_mutex_init(&tls->lock, NULL) == 0);
    struct status made = set_new(tls, note, &tls->current);
    if (!is_ok(made)) {
        net_tls_close(&tls);
        return made;
    }
    share_ticket_keys(tls->current->entries[0].context, tls->current);
    *ret_tls = tls;
    return status_ok();
}

void net_tls_close(struct net_tls **tls_ptr) {
    struct net_tls *tls = *tls_ptr;
    *tls_ptr = NULL;
    if (tls == NULL) return;
    set_unref(tls->current);
    for (size_t i = 0; i < tls->count; i++) identity_fini(&tls->identities[i]);
    free(tls->identities);
    pthread_mutex_destroy(&tls->lock);
    free(tls);
}

static struct tls_set *current_ref(struct net_tls *tls) {
    pthread_mutex_lock(&tls->lock);
    struct tls_set *set = tls->current;
    __atomic_add_fetch(&set->references, 1, __ATOMIC_RELAXED);
    pthread_mutex_unlock(&tls->lock);
    return set;
}

struct status net_tls_ssl(struct net_tls *tls, int fd, SSL **ret_ssl) {
    struct tls_set *set = current_ref(tls);
    SSL *ssl = SSL_new(set->entries[0].context);
    if (ssl == NULL || SSL_set_ex_data(ssl, set_index, set) != 1) {
        SSL_free(ssl);
        set_unref(set);
        return status_of(STATUS_NO_MEMORY);
    }
    if (SSL_set_fd(ssl, fd) != 1) {
        SSL_free(ssl);
        return status_of(STATUS_NO_MEMORY);
    }
    SSL_set_accept_state(ssl);
    *ret_ssl = ssl;
    return status_ok();
}

struct status net_tls_prepare(struct net_tls *tls, struct note *note, struct tls_set **ret_set) {
    struct tls_set *set = NULL;
    TRY(set_new(tls, note, &set));
    struct tls_set *before = current_ref(tls);
    share_ticket_keys(before->entries[0].context, set);
    set_unref(before);
    *ret_set = set;
    return status_ok();
}

void net_tls_commit(struct net_tls *tls, struct tls_set **set) {
    pthread_mutex_lock(&tls->lock);
    struct tls_set *before = tls->current;
    tls->current = *set;
    pthread_mutex_unlock(&tls->lock);
    *set = NULL;
    set_unref(before);
}

void net_tls_drop(struct tls_set **set) {
    set_unref(*set);
    *set = NULL;
}

static bool probe_connected(int listener, int client) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof(address);
    if (bind(listener, (struct sockaddr *)&address, len) != 0 || listen(listener, 1) != 0 ||
        getsockname(listener, (struct sockaddr *)&address, &len) != 0 ||
        connect(client, (struct sockaddr *)&address, len) != 0) {
        return false;
    }
    return setsockopt(client, SOL_TCP, TCP_ULP, "tls", sizeof("tls")) == 0;
}

bool net_tls_ktls_probe(void) {
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool there = listener >= 0 && client >= 0 && probe_connected(listener, client);
    if (client >= 0) close(client);
    if (listener >= 0) close(listener);
    return there;
}
