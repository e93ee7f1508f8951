/* Ten thousand connections that say nothing, or begin to say something, cost little. */
#include <sys/resource.h>
#include <sys/wait.h>

#include "unit/net/support.h"

enum { CONNECTIONS = 10000, SPARE_FDS = 200, LIMIT_BYTES = 20 << 20 };

#ifndef __has_feature
#define __has_feature(name) 0 /* gcc has macros instead */
#endif

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || \
    __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
static const bool measurable = false;
#else
static const bool measurable = true;
#endif

static bool raise_fd_limit(void) {
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    if (limit.rlim_cur >= CONNECTIONS + SPARE_FDS) return true;
    limit.rlim_cur = CONNECTIONS + SPARE_FDS;
    if (limit.rlim_max < limit.rlim_cur) limit.rlim_max = limit.rlim_cur;
    return setrlimit(RLIMIT_NOFILE, &limit) == 0;
}

static size_t resident_bytes(void) {
    char text[128];
    FILE *file = fopen("/proc/self/statm", "re");
    assert_non_null(file);
    assert_non_null(fgets(text, sizeof(text), file));
    fclose(file);
    char *end;
    (void)strtoul(text, &end, 10);
    return strtoul(end, NULL, 10) * (size_t)sysconf(_SC_PAGESIZE);
}

/* A process of its own holds the clients' ends, until `hold` is closed at our end. */
static void clients_run(struct sockaddr_storage to, socklen_t len, const char *words, int hold) {
    for (int i = 0; i < CONNECTIONS; i++) {
        int fd = socket(to.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (fd < 0 || connect(fd, (struct sockaddr *)&to, len) != 0) _exit(1);
        if (*words && send(fd, words, strlen(words), MSG_NOSIGNAL) < 0) _exit(1);
    }
    char byte;
    (void)!read(hold, &byte, 1);
    _exit(0);
}

static pid_t clients_start(struct fixture *fixture, const char *words, int *ret_hold) {
    int hold[2];
    struct net_address address;
    struct sockaddr_storage to;
    net_server_address(fixture->server, 0, &address);
    socklen_t len = net_address_to_sockaddr(&address, &to);
    assert_int_equal(pipe(hold), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        close(hold[1]);
        clients_run(to, len, words, hold[0]);
    }
    close(hold[0]);
    *ret_hold = hold[1];
    return pid;
}

static void clients_stop(pid_t pid, int hold) {
    int outcome;
    close(hold);
    assert_int_equal(waitpid(pid, &outcome, 0), pid);
    assert_int_equal(outcome, 0);
}

static void expect_service(struct fixture *fixture) {
    int fd = client_connect(fixture, 0);
    client_send(fd, "PING\r\n\r\n");
    client_expect(fd, "PONG\n");
    client_close(fd);
}

static void test_idle_costs_little(void **state) {
    (void)state;
    if (!raise_fd_limit()) {
        print_message("skipped: the limit of open files can't be raised to %d\n",
                      CONNECTIONS + SPARE_FDS);
        skip();
    }
    struct fixture *fixture = fixture_new();
    fixture_start(fixture);
    expect_service(fixture);
    size_t before = resident_bytes();
    int hold;
    pid_t pid = clients_start(fixture, "", &hold);
    AWAIT_STAT(fixture, connections_idle, CONNECTIONS);
    size_t cost = resident_bytes() - before;
    print_message("%d idle connections: %zu KiB\n", CONNECTIONS, cost / 1024);
    if (measurable) assert_true(cost < LIMIT_BYTES);
    expect_service(fixture);
    clients_stop(pid, hold);
    fixture_free(fixture);
}

static void test_begun_heads_cost_little(void **state) {
    (void)state;
    if (!raise_fd_limit()) skip();
    struct fixture *fixture = fixture_new();
    fixture_start(fixture);
    int hold;
    pid_t pid = clients_start(fixture, "PING\r\nX-Header: some hundred bytes or less", &hold);
    AWAIT_STAT(fixture, connections_head, CONNECTIONS);
    assert_true(fixture_stats(fixture).head_memory_bytes < 16u << 20);
    assert_int_equal(fixture_stats(fixture).workers_busy, 0);
    expect_service(fixture);
    clients_stop(pid, hold);
    fixture_free(fixture);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_idle_costs_little),
        cmocka_unit_test(test_begun_heads_cost_little),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
