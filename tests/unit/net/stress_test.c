/* Many clients at once who behave in every way, with budgets so small that all paths are taken. */
#include "os/random.h"
#include "unit/net/support.h"

enum { CLIENTS = 12, ROUNDS = 150 };

struct client {
    struct fixture *fixture;
    uint64_t seed;
    unsigned answered;
};

/* Reads whatever comes until `len` bytes are there or the server has enough of us. */
static size_t read_some(int fd, size_t len) {
    char buffer[4096];
    size_t have = 0;
    while (have < len) {
        size_t want = len - have < sizeof(buffer) ? len - have : sizeof(buffer);
        ssize_t n = recv(fd, buffer, want, 0);
        if (n <= 0) break;
        have += (size_t)n;
    }
    return have;
}

static bool try_send(int fd, const char *text, size_t len) {
    return send(fd, text, len, MSG_NOSIGNAL) == (ssize_t)len;
}

static void round_of_pings(struct client *client, struct random_seeded *random, int fd) {
    const char *ping = "PING\r\n\r\n";
    uint64_t count = 1 + random_seeded_below(random, 8);
    for (uint64_t i = 0; i < count; i++) {
        size_t cut = random_seeded_below(random, 8);
        if (!try_send(fd, ping, cut) || !try_send(fd, ping + cut, 8 - cut)) return;
        if (read_some(fd, 5) == 5) client->answered++;
    }
}

static void round_of_echo(struct client *client, struct random_seeded *random, int fd) {
    char text[64], body[5000];
    size_t len = random_seeded_below(random, sizeof(body));
    memset(body, 'x', sizeof(body));
    int head = snprintf(text, sizeof(text), "%s %zu\r\n\r\n",
                        random_seeded_below(random, 2) ? "ECHO" : "LINES", len);
    if (!try_send(fd, text, (size_t)head) || !try_send(fd, body, len)) return;
    if (read_some(fd, len) == len) client->answered++;
}

static void one_round(struct client *client, struct random_seeded *random) {
    int fd = client_connect(client->fixture, 0);
    switch (random_seeded_below(random, 8)) {
        case 0:
            (void)try_send(fd, "PIN", 3);
            break;
        case 1:
            (void)try_send(fd, "BYE\r\n\r\nPING\r\n\r\n", 15);
            (void)read_some(fd, 100);
            break;
        case 2:
            (void)try_send(fd, "ABORT\r\n\r\n", 9);
            (void)read_some(fd, 100);
            break;
        case 3:
            (void)try_send(fd, "BIG 300000\r\n\r\n", 14);
            (void)read_some(fd, 1000);
            break;
        case 4:
            (void)try_send(fd, "ECHO 1000\r\n\r\nfew", 16);
            break;
        case 5:
            round_of_echo(client, random, fd);
            break;
        default:
            round_of_pings(client, random, fd);
            break;
    }
    close(fd);
}

static void *client_run(void *argument) {
    struct client *client = argument;
    struct random_seeded random;
    random_seeded_init(&random, client->seed);
    for (int i = 0; i < ROUNDS; i++) one_round(client, &random);
    return NULL;
}

static void run_clients(struct fixture *fixture) {
    struct client clients[CLIENTS];
    pthread_t threads[CLIENTS];
    unsigned answered = 0;
    for (unsigned i = 0; i < CLIENTS; i++) {
        clients[i] = (struct client){.fixture = fixture, .seed = i + 1};
        pthread_create(&threads[i], NULL, client_run, &clients[i]);
    }
    for (unsigned i = 0; i < CLIENTS; i++) {
        pthread_join(threads[i], NULL);
        answered += clients[i].answered;
    }
    assert_true(answered > 0);
}

static void test_survives(void **state) {
    (void)state;
    struct fixture *fixture = fixture_new();
    fixture->config.limits = (struct net_limits){.connections_max = 10,
                                                 .workers_max = 4,
                                                 .workers_without_body = 1,
                                                 .queue_max = 2,
                                                 .head_memory_max_bytes = 2048,
                                                 .head_timeout_ns = 20 * NS_PER_MS,
                                                 .idle_timeout_ns = 20 * NS_PER_MS,
                                                 .io_timeout_ns = 50 * NS_PER_MS,
                                                 .linger_timeout_ns = 5 * NS_PER_MS};
    fixture_start(fixture);
    run_clients(fixture);
    net_server_drain(fixture->server, 10 * NS_PER_S);
    struct net_stats stats = fixture_stats(fixture);
    assert_int_equal(stats.connections_open, 0);
    assert_int_equal(stats.head_memory_bytes, 0);
    fixture_free(fixture);
}

static void test_closes_under_load(void **state) {
    (void)state;
    for (int i = 0; i < 5; i++) {
        struct fixture *fixture = fixture_new();
        fixture_start(fixture);
        int fds[50];
        for (size_t n = 0; n < ARRAY_LEN(fds); n++) {
            fds[n] = client_connect(fixture, 0);
            client_send(fds[n], n % 3 == 0 ? "PING\r\n\r\nSOAK\r\n\r\n" : "PING\r\n\r\nPI");
        }
        net_server_close(&fixture->server);
        for (size_t n = 0; n < ARRAY_LEN(fds); n++) client_close(fds[n]);
        fixture_free(fixture);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_survives),
        cmocka_unit_test(test_closes_under_load),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
