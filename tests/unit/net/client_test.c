/* The client's end, plain and TLS, against the server of this room. */
#include "net/client.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "unit/net/support.h"

/* A certificate for localhost and 127.0.0.1 that vouches for itself. */
struct certificate {
    char directory[32];
    char certificate_path[64];
    char key_path[64];
};

static void extension_add(X509 *x509, int nid, const char *value) {
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, nid, value);
    assert_non_null(extension);
    assert_int_equal(X509_add_ext(x509, extension, -1), 1);
    X509_EXTENSION_free(extension);
}

static void certificate_make(struct certificate *made) {
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *x509 = X509_new();
    snprintf(made->directory, sizeof(made->directory), "/tmp/net-client-XXXXXX");
    assert_non_null(mkdtemp(made->directory));
    snprintf(made->certificate_path, sizeof(made->certificate_path), "%s/crt", made->directory);
    snprintf(made->key_path, sizeof(made->key_path), "%s/key", made->directory);
    X509_set_version(x509, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(x509), 1);
    X509_gmtime_adj(X509_getm_notBefore(x509), -3600);
    X509_gmtime_adj(X509_getm_notAfter(x509), 86400);
    X509_set_pubkey(x509, key);
    X509_NAME *subject = X509_get_subject_name(x509);
    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const unsigned char *)"t", -1, -1, 0);
    X509_set_issuer_name(x509, subject);
    extension_add(x509, NID_subject_alt_name, "DNS:localhost,IP:127.0.0.1");
    extension_add(x509, NID_basic_constraints, "critical,CA:TRUE");
    assert_true(X509_sign(x509, key, EVP_sha256()) > 0);
    FILE *file = fopen(made->certificate_path, "we");
    assert_int_equal(PEM_write_X509(file, x509), 1);
    fclose(file);
    file = fopen(made->key_path, "we");
    assert_int_equal(PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL), 1);
    fclose(file);
    X509_free(x509);
    EVP_PKEY_free(key);
}

static void certificate_remove(struct certificate *made) {
    assert_int_equal(unlink(made->certificate_path), 0);
    assert_int_equal(unlink(made->key_path), 0);
    assert_int_equal(rmdir(made->directory), 0);
}

/* Waits for what a call asks for; false when it asks for nothing. */
static bool waited(const struct net_client *client, enum net_client_result result) {
    if (result != NET_CLIENT_WAIT_READ && result != NET_CLIENT_WAIT_WRITE) return false;
    short events = result == NET_CLIENT_WAIT_READ ? POLLIN : POLLOUT;
    struct pollfd wait = {.fd = client->fd, .events = events};
    assert_int_equal(poll(&wait, 1, 10000), 1);
    return true;
}

static enum net_client_result connect_to(struct fixture *fixture, struct net_client_tls *tls,
                                         const char *host, struct net_client *client) {
    struct net_address address;
    struct sockaddr_storage sockaddr;
    net_server_address(fixture->server, 0, &address);
    socklen_t len = net_address_to_sockaddr(&address, &sockaddr);
    enum net_client_result result =
        net_client_open(client, (const struct sockaddr *)&sockaddr, len, tls, host);
    while (waited(client, result)) result = net_client_ready(client);
    return result;
}

static void send_all(struct net_client *client, struct slice first, struct slice second) {
    size_t sent = 0;
    while (sent < first.len + second.len) {
        struct iovec pieces[2];
        int count = 0;
        size_t len;
        if (sent < first.len) {
            struct slice rest = slice_skip(first, sent);
            pieces[count++] = (struct iovec){(char *)(uintptr_t)rest.ptr, rest.len};
        }
        struct slice rest = slice_skip(second, sent > first.len ? sent - first.len : 0);
        if (rest.len > 0) {
            pieces[count++] = (struct iovec){(char *)(uintptr_t)rest.ptr, rest.len};
        }
        enum net_client_result result = net_client_send(client, pieces, count, &len);
        if (waited(client, result)) continue;
        assert_int_equal(result, NET_CLIENT_DONE);
        sent += len;
    }
}

static void assert_receives(struct net_client *client, struct slice expected) {
    char buffer[1000];
    size_t at = 0;
    while (at < expected.len) {
        size_t len;
        enum net_client_result result = net_client_recv(client, buffer, sizeof(buffer), &len);
        if (waited(client, result)) continue;
        assert_int_equal(result, NET_CLIENT_DONE);
        assert_true(len <= expected.len - at);
        assert_memory_equal(buffer, expected.ptr + at, len);
        at += len;
    }
}

static void exchange(struct net_client *client) {
    static char large[300000];
    for (size_t i = 0; i < sizeof(large); i++) large[i] = pattern_at(i);
    send_all(client, SLICE("PING\r\n\r\n"), SLICE(""));
    assert_receives(client, SLICE("PONG\n"));
    send_all(client, SLICE("ECHO 5\r\n\r\n"), SLICE("hello"));
    assert_receives(client, SLICE("hello"));
    send_all(client, SLICE("ECHO 9000\r\n\r\n"), slice_of(large, 9000));
    assert_receives(client, slice_of(large, 9000));
    send_all(client, SLICE("BIG 300000\r\n\r\n"), SLICE(""));
    assert_receives(client, slice_of(large, sizeof(large)));
    send_all(client, SLICE("BYE\r\n\r\n"), SLICE(""));
    assert_receives(client, SLICE("BYE\n"));
    enum net_client_result result;
    char byte;
    size_t len;
    do {
        result = net_client_recv(client, &byte, 1, &len);
    } while (waited(client, result));
    assert_int_equal(result, NET_CLIENT_CLOSED);
}

static void test_plain(void **state) {
    (void)state;
    struct fixture *fixture = fixture_new();
    struct net_client client;
    fixture_start(fixture);
    assert_int_equal(connect_to(fixture, NULL, "127.0.0.1", &client), NET_CLIENT_DONE);
    assert_int_equal(net_client_ready(&client), NET_CLIENT_DONE);
    exchange(&client);
    net_client_close(&client);
    assert_int_equal(client.fd, -1);
    net_client_close(&client);
    fixture_free(fixture);
}

static void test_refused(void **state) {
    (void)state;
    struct net_client client;
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof(in);
    /* A port that is bound and that nobody listens at. */
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&in, len), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&in, &len), 0);
    enum net_client_result result =
        net_client_open(&client, (struct sockaddr *)&in, len, NULL, "127.0.0.1");
    while (waited(&client, result)) result = net_client_ready(&client);
    assert_int_equal(result, NET_CLIENT_FAILED);
    assert_string_equal(client.failure, "Connection refused");
    net_client_close(&client);
    close(fd);
}

static void test_tls(void **state) {
    (void)state;
    static const char *const hosts[] = {"127.0.0.1", "localhost"};
    struct certificate made;
    struct note note = {""};
    struct net_client_tls *tls;
    struct net_client client;
    certificate_make(&made);
    struct net_tls_identity identity = {.certificate_path = made.certificate_path,
                                        .key_path = made.key_path};
    struct fixture *fixture = fixture_new();
    fixture->listeners[0].identities = &identity;
    fixture->listeners[0].identity_count = 1;
    fixture_start(fixture);
    assert_true(is_ok(net_client_tls_open(made.certificate_path, false, &note, &tls)));
    for (size_t i = 0; i < ARRAY_LEN(hosts); i++) {
        assert_int_equal(connect_to(fixture, tls, hosts[i], &client), NET_CLIENT_DONE);
        exchange(&client);
        net_client_close(&client);
    }
    /* The certificate is for neither. */
    assert_int_equal(connect_to(fixture, tls, "other.example", &client), NET_CLIENT_FAILED);
    assert_string_equal(client.failure, "hostname mismatch");
    net_client_close(&client);
    assert_int_equal(connect_to(fixture, tls, "127.0.0.2", &client), NET_CLIENT_FAILED);
    assert_string_equal(client.failure, "IP address mismatch");
    net_client_close(&client);
    net_client_tls_close(&tls);
    /* The system does not know who signed it, and with `insecure` nobody asks. */
    assert_true(is_ok(net_client_tls_open(NULL, false, &note, &tls)));
    assert_int_equal(connect_to(fixture, tls, "localhost", &client), NET_CLIENT_FAILED);
    assert_non_null(strstr(client.failure, "self-signed"));
    net_client_close(&client);
    net_client_tls_close(&tls);
    assert_true(is_ok(net_client_tls_open(NULL, true, &note, &tls)));
    assert_int_equal(connect_to(fixture, tls, "other.example", &client), NET_CLIENT_DONE);
    exchange(&client);
    net_client_close(&client);
    net_client_tls_close(&tls);
    assert_null(tls);
    fixture_free(fixture);
    certificate_remove(&made);
}

/* TLS to somebody who answers in the clear, and certificates that are none. */
static void test_no_tls(void **state) {
    (void)state;
    struct fixture *fixture = fixture_new();
    struct net_client_tls *tls;
    struct net_client client;
    struct note note = {""};
    fixture_start(fixture);
    assert_true(is_ok(net_client_tls_open(NULL, true, &note, &tls)));
    struct net_address address;
    struct sockaddr_storage sockaddr;
    net_server_address(fixture->server, 0, &address);
    socklen_t len = net_address_to_sockaddr(&address, &sockaddr);
    enum net_client_result result =
        net_client_open(&client, (const struct sockaddr *)&sockaddr, len, tls, "localhost");
    /* The hello has no end of a head in it: it is cut off when it is too old, or by us. */
    if (waited(&client, result)) result = net_client_ready(&client);
    assert_int_equal(result, NET_CLIENT_WAIT_READ);
    net_client_close(&client);
    net_client_tls_close(&tls);
    fixture_free(fixture);
    assert_true(status_is(net_client_tls_open("/dev/null", false, &note, &tls), STATUS_INVALID));
    assert_string_equal(note.text, "/dev/null: no certificates can be read from it");
    net_client_tls_close(&tls);
}

static void test_resolve(void **state) {
    (void)state;
    struct net_client_addresses found;
    struct note note = {""};
    assert_true(is_ok(net_client_resolve("127.0.0.1", "80", &note, &found)));
    assert_int_equal(found.count, 1);
    struct net_address address =
        net_address_of((const struct sockaddr *)&found.addresses[0], found.lens[0]);
    char text[NET_ADDRESS_TEXT_MAX];
    net_address_format(&address, text);
    assert_string_equal(text, "127.0.0.1:80");
    assert_true(is_ok(net_client_resolve("::1", "443", &note, &found)));
    assert_true(status_is(net_client_resolve("no.such.host.invalid", "80", &note, &found),
                          STATUS_NOT_FOUND));
    assert_non_null(strstr(note.text, "no.such.host.invalid: "));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plain),  cmocka_unit_test(test_refused), cmocka_unit_test(test_tls),
        cmocka_unit_test(test_no_tls), cmocka_unit_test(test_resolve),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
