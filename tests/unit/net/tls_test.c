/* TLS: handshakes, names, reloading, files; with certificates made here. */
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include "unit/net/support.h"

/* Three certificates in a directory of their own, told apart by their common names. */
struct certificates {
    char directory[32];
    char paths[3][2][64]; /* certificate, key */
};

static void certificate_write(const char *name, const char *certificate_path,
                              const char *key_path) {
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *x509 = X509_new();
    assert_non_null(key);
    ASN1_INTEGER_set(X509_get_serialNumber(x509), 1);
    X509_gmtime_adj(X509_getm_notBefore(x509), -3600);
    X509_gmtime_adj(X509_getm_notAfter(x509), 86400);
    X509_set_pubkey(x509, key);
    X509_NAME *subject = X509_get_subject_name(x509);
    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const unsigned char *)name, -1, -1, 0);
    X509_set_issuer_name(x509, subject);
    assert_true(X509_sign(x509, key, EVP_sha256()) > 0);
    FILE *file = fopen(certificate_path, "we");
    assert_int_equal(PEM_write_X509(file, x509), 1);
    fclose(file);
    file = fopen(key_path, "we");
    assert_int_equal(PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL), 1);
    fclose(file);
    X509_free(x509);
    EVP_PKEY_free(key);
}

static void certificates_make(struct certificates *made) {
    static const char *const names[3] = {"first", "second", "third"};
    snprintf(made->directory, sizeof(made->directory), "/tmp/net-tls-XXXXXX");
    assert_non_null(mkdtemp(made->directory));
    for (int i = 0; i < 3; i++) {
        snprintf(made->paths[i][0], sizeof(made->paths[i][0]), "%s/%d.crt", made->directory, i);
        snprintf(made->paths[i][1], sizeof(made->paths[i][1]), "%s/%d.key", made->directory, i);
        certificate_write(names[i], made->paths[i][0], made->paths[i][1]);
    }
}

static void certificates_remove(struct certificates *made) {
    for (int i = 0; i < 6; i++) assert_int_equal(unlink(made->paths[i / 2][i % 2]), 0);
    assert_int_equal(rmdir(made->directory), 0);
}

struct tls_fixture {
    struct fixture *fixture;
    struct certificates certificates;
    struct net_tls_identity identities[3];
    SSL_CTX *client;
    SSL_SESSION *session; /* the last one a server gave us */
};

static const char *const second_hosts[] = {"second.example", "*.second.example"};
static const char *const third_hosts[] = {"third.example"};

static int keep_session(SSL *ssl, SSL_SESSION *session) {
    struct tls_fixture *tls = SSL_get_app_data(ssl);
    SSL_SESSION_free(tls->session);
    tls->session = session;
    return 1;
}

static struct tls_fixture *tls_fixture_new(void) {
    struct tls_fixture *tls = calloc(1, sizeof(*tls));
    certificates_make(&tls->certificates);
    tls->fixture = fixture_new();
    for (int i = 0; i < 3; i++) {
        tls->identities[i].certificate_path = tls->certificates.paths[i][0];
        tls->identities[i].key_path = tls->certificates.paths[i][1];
    }
    tls->identities[1].hosts = second_hosts;
    tls->identities[1].host_count = 2;
    tls->identities[2].hosts = third_hosts;
    tls->identities[2].host_count = 1;
    tls->fixture->listeners[0].identities = tls->identities;
    tls->fixture->listeners[0].identity_count = 3;
    tls->client = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_session_cache_mode(tls->client, SSL_SESS_CACHE_CLIENT);
    SSL_CTX_sess_set_new_cb(tls->client, keep_session);
    return tls;
}

static void tls_fixture_free(struct tls_fixture *tls) {
    fixture_free(tls->fixture);
    SSL_SESSION_free(tls->session);
    SSL_CTX_free(tls->client);
    certificates_remove(&tls->certificates);
    free(tls);
}

static SSL *tls_client(struct tls_fixture *tls, const char *host) {
    SSL *ssl = SSL_new(tls->client);
    SSL_set_app_data(ssl, tls);
    SSL_set_fd(ssl, client_connect(tls->fixture, 0));
    if (host) SSL_set_tlsext_host_name(ssl, (void *)(uintptr_t)host);
    return ssl;
}

static SSL *tls_connect(struct tls_fixture *tls, const char *host) {
    SSL *ssl = tls_client(tls, host);
    assert_int_equal(SSL_connect(ssl), 1);
    return ssl;
}

static void tls_close(SSL *ssl) {
    int fd = SSL_get_fd(ssl);
    /* Without this the session would count as broken. */
    SSL_set_shutdown(ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
    SSL_free(ssl);
    close(fd);
}

static void tls_send(SSL *ssl, const char *text) {
    assert_int_equal(SSL_write(ssl, text, (int)strlen(text)), strlen(text));
}

static void tls_expect_bytes(SSL *ssl, const void *expected, size_t len) {
    char *got = malloc(len + 1);
    size_t have = 0;
    while (have < len) {
        int n = SSL_read(ssl, got + have, (int)(len - have));
        if (n <= 0) fail_msg("%zu of %zu bytes, then error %d", have, len, SSL_get_error(ssl, n));
        have += (size_t)n;
    }
    assert_memory_equal(got, expected, len);
    free(got);
}

static void tls_expect(SSL *ssl, const char *text) {
    tls_expect_bytes(ssl, text, strlen(text));
}

static void expect_name(SSL *ssl, const char *name) {
    char common[64];
    X509 *x509 = SSL_get1_peer_certificate(ssl);
    assert_non_null(x509);
    X509_NAME_get_text_by_NID(X509_get_subject_name(x509), NID_commonName, common, sizeof(common));
    X509_free(x509);
    assert_string_equal(common, name);
}

static void test_serves(void **state) {
    (void)state;
    static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
    struct tls_fixture *tls = tls_fixture_new();
    fixture_start(tls->fixture);
    for (size_t i = 0; i < ARRAY_LEN(versions); i++) {
        SSL *ssl = tls_client(tls, "second.example");
        SSL_set_max_proto_version(ssl, versions[i]);
        assert_int_equal(SSL_connect(ssl), 1);
        for (int n = 0; n < 20; n++) {
            tls_send(ssl, "PING\r\n\r\n");
            tls_expect(ssl, "PONG\n");
        }
        tls_send(ssl, "INFO\r\n\r\nECHO 3\r\n\r\nabcPING\r\n\r\nPI");
        tls_expect(ssl,
                   "peer=127.0.0.1 socket=127.0.0.1 local=127.0.0.1 tls=1 "
                   "sni=second.example version=");
        tls_expect(ssl, SSL_get_version(ssl));
        tls_expect(ssl, " n=20\nabcPONG\n");
        tls_send(ssl, "NG\r\n\r\nBYE\r\n\r\n");
        tls_expect(ssl, "PONG\nBYE\n");
        char byte;
        assert_int_equal(SSL_get_error(ssl, SSL_read(ssl, &byte, 1)), SSL_ERROR_ZERO_RETURN);
        tls_close(ssl);
    }
    assert_int_equal(fixture_stats(tls->fixture).handshakes, 2);
    tls_fixture_free(tls);
}

static void test_old_versions_are_refused(void **state) {
    (void)state;
    struct tls_fixture *tls = tls_fixture_new();
    fixture_start(tls->fixture);
    SSL *ssl = tls_client(tls, NULL);
    SSL_set_security_level(ssl, 0);
    SSL_set_min_proto_version(ssl, TLS1_VERSION);
    SSL_set_max_proto_version(ssl, TLS1_1_VERSION);
    assert_true(SSL_connect(ssl) <= 0);
    tls_close(ssl);
    AWAIT_STAT(tls->fixture, handshakes_failed, 1);
    tls_fixture_free(tls);
}

static void test_alpn(void **state) {
    (void)state;
    struct tls_fixture *tls = tls_fixture_new();
    fixture_start(tls->fixture);
    const unsigned char *chosen;
    unsigned len;
    SSL *ssl = tls_client(tls, NULL);
    SSL_set_alpn_protos(ssl, (const unsigned char *)"\x02h2\x08http/1.1", 12);
    assert_int_equal(SSL_connect(ssl), 1);
    SSL_get0_alpn_selected(ssl, &chosen, &len);
    assert_int_equal(len, 8);
    assert_memory_equal(chosen, "http/1.1", 8);
    tls_close(ssl);
    ssl = tls_client(tls, NULL);
    SSL_set_alpn_protos(ssl, (const unsigned char *)"\x02h2", 3);
    assert_true(SSL_connect(ssl) <= 0);
    tls_close(ssl);
    tls_fixture_free(tls);
}

static void test_names_choose_certificates(void **state) {
    (void)state;
    static const char *const cases[][2] = {
        {NULL, "first"},
        {"nobody.example", "first"},
        {"second.example", "second"},
        {"SECOND.example", "second"},
        {"bucket.second.example", "second"},
        {"third.example", "third"},
        {"bucket.third.example", "first"},
    };
    struct tls_fixture *tls = tls_fixture_new();
    fixture_start(tls->fixture);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        SSL *ssl = tls_connect(tls, cases[i][0]);
        expect_name(ssl, cases[i][1]);
        tls_close(ssl);
    }
    tls_fixture_free(tls);
}

static void test_reload(void **state) {
    (void)state;
    struct tls_fixture *tls = tls_fixture_new();
    struct note note = {""};
    char(*paths)[2][64] = tls->certificates.paths;
    fixture_start(tls->fixture);
    SSL *before = tls_connect(tls, NULL);
    expect_name(before, "first");
    certificate_write("renewed", paths[0][0], paths[0][1]);
    assert_true(is_ok(net_server_tls_reload(tls->fixture->server, &note)));
    SSL *after = tls_connect(tls, NULL);
    expect_name(after, "renewed");
    tls_send(before, "PING\r\n\r\n");
    tls_expect(before, "PONG\n");
    tls_close(before);
    tls_close(after);

    /* One that can't be loaded leaves all as they are, those before it too. */
    certificate_write("again", paths[0][0], paths[0][1]);
    FILE *file = fopen(paths[2][1], "we");
    fputs("no key\n", file);
    fclose(file);
    assert_true(status_is(net_server_tls_reload(tls->fixture->server, &note), STATUS_INVALID));
    assert_non_null(strstr(note.text, paths[2][1]));
    after = tls_connect(tls, NULL);
    expect_name(after, "renewed");
    tls_close(after);
    tls_fixture_free(tls);
}

static void test_key_of_another_certificate(void **state) {
    (void)state;
    struct tls_fixture *tls = tls_fixture_new();
    struct note note = {""};
    tls->identities[0].key_path = tls->identities[1].key_path;
    struct net_server *server = NULL;
    assert_true(status_is(net_server_open(&tls->fixture->config, &note, &server), STATUS_INVALID));
    assert_non_null(strstr(note.text, tls->identities[1].key_path));
    tls_fixture_free(tls);
}

/* A ticket opens the next connection, after a reload too. */
static void test_resumes(void **state) {
    (void)state;
    struct tls_fixture *tls = tls_fixture_new();
    struct note note;
    fixture_start(tls->fixture);
    for (int i = 0; i < 3; i++) {
        SSL *ssl = tls_client(tls, "second.example");
        if (tls->session) SSL_set_session(ssl, tls->session);
        assert_int_equal(SSL_connect(ssl), 1);
        if (SSL_session_reused(ssl) != (i > 0)) fail_msg("connection %d", i);
        tls_send(ssl, "PING\r\n\r\n");
        tls_expect(ssl, "PONG\n");
        assert_non_null(tls->session);
        tls_close(ssl);
        if (i == 1) assert_true(is_ok(net_server_tls_reload(tls->fixture->server, &note)));
    }
    tls_fixture_free(tls);
}

static void test_plain_words_on_a_tls_port(void **state) {
    (void)state;
    struct tls_fixture *tls = tls_fixture_new();
    fixture_start(tls->fixture);
    int fd = client_connect(tls->fixture, 0);
    char buffer[64];
    client_send(fd, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    while (recv(fd, buffer, sizeof(buffer), 0) > 0) continue;
    AWAIT_STAT(tls->fixture, handshakes_failed, 1);
    assert_int_equal(fixture_stats(tls->fixture).requests, 0);
    client_close(fd);
    tls_fixture_free(tls);
}

static void test_handshake_deadline(void **state) {
    (void)state;
    struct tls_fixture *tls = tls_fixture_new();
    tls->fixture->config.limits.handshake_timeout_ns = 30 * NS_PER_MS;
    fixture_start(tls->fixture);
    int silent = client_connect(tls->fixture, 0);
    int slow = client_connect(tls->fixture, 0);
    client_send_bytes(slow, "\x16\x03\x01", 3);
    client_expect_end(silent);
    char byte;
    assert_true(recv(slow, &byte, 1, 0) <= 0);
    AWAIT_STAT(tls->fixture, handshakes_failed, 2);
    client_close(silent);
    client_close(slow);
    tls_fixture_free(tls);
}

static void test_files_and_bodies(void **state) {
    (void)state;
    enum { LEN = 1000000 };
    struct tls_fixture *tls = tls_fixture_new();
    char path[] = "/tmp/net-file-XXXXXX";
    char *bytes = malloc(LEN);
    for (uint64_t i = 0; i < LEN; i++) bytes[i] = pattern_at(i);
    tls->fixture->file_fd = mkstemp(path);
    tls->fixture->file_len = LEN;
    unlink(path);
    assert_int_equal(write(tls->fixture->file_fd, bytes, LEN), LEN);
    fixture_start(tls->fixture);
    SSL *ssl = tls_connect(tls, NULL);
    tls_send(ssl, "FILE\r\n\r\n");
    tls_expect(ssl, "FILE\n");
    tls_expect_bytes(ssl, bytes, LEN);
    tls_send(ssl, "BIG 500000\r\n\r\n");
    for (int i = 0; i < 500000; i++) bytes[i] = pattern_at((uint64_t)i);
    tls_expect_bytes(ssl, bytes, 500000);
    tls_send(ssl, "ECHO 100000\r\n\r\n");
    assert_int_equal(SSL_write(ssl, bytes, 100000), 100000);
    tls_expect_bytes(ssl, bytes, 100000);
    tls_close(ssl);
    free(bytes);
    tls_fixture_free(tls);
}

static void test_refusal_is_said_in_tls(void **state) {
    (void)state;
    struct tls_fixture *tls = tls_fixture_new();
    tls->fixture->config.limits.head_timeout_ns = 30 * NS_PER_MS;
    fixture_start(tls->fixture);
    SSL *ssl = tls_connect(tls, NULL);
    tls_send(ssl, "PI");
    tls_expect(ssl, "REFUSED 3\n");
    tls_close(ssl);
    tls_fixture_free(tls);
}

static void test_behind_a_proxy(void **state) {
    (void)state;
    struct tls_fixture *tls = tls_fixture_new();
    struct net_network loopback;
    assert_true(is_ok(net_network_parse(SLICE("127.0.0.0/8"), &loopback)));
    tls->fixture->config.trusted = &loopback;
    tls->fixture->config.trusted_count = 1;
    tls->fixture->listeners[0].proxy_protocol = true;
    fixture_start(tls->fixture);
    SSL *ssl = tls_client(tls, NULL);
    client_send_bytes(SSL_get_fd(ssl),
                      "\r\n\r\n\0\r\nQUIT\n\x21\x11\x00\x0c\xc0\0\2\1\xc0\0\2\2\0\1\0\2", 28);
    assert_int_equal(SSL_connect(ssl), 1);
    tls_send(ssl, "INFO\r\n\r\n");
    tls_expect(ssl, "peer=192.0.2.1 socket=127.0.0.1 local=192.0.2.2 tls=1 ");
    tls_close(ssl);
    tls_fixture_free(tls);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_serves),
        cmocka_unit_test(test_old_versions_are_refused),
        cmocka_unit_test(test_alpn),
        cmocka_unit_test(test_names_choose_certificates),
        cmocka_unit_test(test_reload),
        cmocka_unit_test(test_key_of_another_certificate),
        cmocka_unit_test(test_resumes),
        cmocka_unit_test(test_plain_words_on_a_tls_port),
        cmocka_unit_test(test_handshake_deadline),
        cmocka_unit_test(test_files_and_bodies),
        cmocka_unit_test(test_refusal_is_said_in_tls),
        cmocka_unit_test(test_behind_a_proxy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
