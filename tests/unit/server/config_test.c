/* The configuration file: what it gives, what it refuses and in which line. */
#include "server/config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
/* cmocka wants the above first */
#include <cmocka.h>

#include "base/check.h"
#include "base/date.h"
#include "server/config_load.h"

#define SERVER "[server]\ndata = /tmp\n"
#define POLICY "[policy p]\n"
#define REGION "[region r]\npolicies = p\n"
#define ENDPOINT "[endpoint e]\nregion = r\nlisten = 127.0.0.1:9000\n"
#define REST POLICY REGION ENDPOINT
#define WHOLE SERVER REST

static struct config *parse(const char *text) {
    struct note note = {0};
    struct config *config = NULL;
    struct status s = config_parse("f", slice_str(text), &note, &config);
    if (!is_ok(s)) print_error("%s\n", note.text);
    assert_true(is_ok(s));
    return config;
}

static void assert_refused(const char *text, const char *expected) {
    struct note note = {0};
    struct config *config = NULL;
    struct status s = config_parse("f", slice_str(text), &note, &config);
    if (is_ok(s)) print_error("accepted: %s\n", text);
    assert_true(status_is(s, STATUS_INVALID));
    assert_null(config);
    assert_string_equal(note.text, expected);
}

static void test_smallest_file_has_the_defaults(void **state) {
    (void)state;
    struct config *c = parse(WHOLE);
    assert_string_equal(c->path, "f");
    assert_string_equal(c->server.zone, "local");
    assert_string_equal(c->server.data_dir, "/tmp");
    assert_string_equal(c->server.key_file, "/tmp/secret.key");
    assert_string_equal(c->server.admin_socket, "/tmp/admin.sock");
    assert_int_equal(c->server.admin_listen.count, 0);
    assert_true(c->server.sigv2);
    assert_false(c->server.verify_always);
    assert_null(c->server.user);
    assert_int_equal(c->limits.workers, 256);
    assert_int_equal(c->limits.workers_without_body, 64);
    assert_int_equal(c->limits.body_memory_bytes, 256 << 20);
    assert_int_equal(c->limits.head_timeout_ns, 30 * NS_PER_S);
    assert_int_equal(c->limits.buckets_per_project, 1000);
    assert_false(c->proxy.proxy_protocol);
    assert_null(c->log.access_log);
    assert_int_equal(c->log.level, LOG_INFO);
    assert_int_equal(c->policies[0].copies, 1);
    assert_int_equal(c->policies[0].min_copies, 1);
    assert_string_equal(c->regions[0].default_policy, "p");
    assert_ptr_equal(c->endpoints[0].region, &c->regions[0]);
    config_free(&c);
    assert_null(c);
    config_free(&c);
}

static void test_values_of_every_type(void **state) {
    (void)state;
    struct config *c = parse(
        "\xef\xbb\xbf; remark\r\n[server] ; remark\r\n  zone = z-1 ; remark\r\n\tdata=/d\r\n"
        "admin_listen = 127.0.0.1:1, [::1]:2\nadmin_listen = *:3\nsigv2 = off\n"
        "verify_always = on\n"
        "object_ownership = writer\n"
        "[limits]\nworkers : 8\nbody_memory = 1 GiB\nio_timeout = 1500ms\nbody_rate = 4kB\n"
        "idle_timeout = 2m\nshutdown_timeout = 0s\n"
        "[proxy]\ntrusted = 10.0.0.0/8, ::1, 192.0.2.7\nproxy_protocol = on\n"
        "[log]\nlevel = debug\naccess_log = /a b\naccess_log_format = s3\n"
        "[policy p]\nmedia = ssd\nerasure_code = 4 + 2\nallow_reduced_redundancy = on\n"
        "[policy q]\ncopies = 3\n" REGION
        "replicated = on\npolicies = q\ndefault_policy = q\n"
        "[endpoint e]\nregion=r\nlisten=localhost:9000\nhosts = S3.Example.com, "
        "*.s3.example.com\n");
    assert_string_equal(c->server.zone, "z-1");
    assert_int_equal(c->server.admin_listen.count, 3);
    assert_string_equal(c->server.admin_listen.items[1].text, "[::1]:2");
    assert_string_equal(c->server.admin_listen.items[2].text, "*:3");
    assert_int_equal(c->server.admin_listen.items[2].address.ss_family, AF_INET6);
    assert_false(c->server.sigv2);
    assert_true(c->server.verify_always);
    assert_int_equal(c->server.object_ownership, ACL_OBJECT_WRITER);
    assert_int_equal(c->limits.workers, 8);
    assert_int_equal(c->limits.workers_without_body, 2);
    assert_int_equal(c->limits.body_memory_bytes, 1 << 30);
    assert_int_equal(c->limits.io_timeout_ns, 1500 * NS_PER_MS);
    assert_int_equal(c->limits.idle_timeout_ns, 120 * NS_PER_S);
    assert_int_equal(c->limits.shutdown_timeout_ns, 0);
    assert_int_equal(c->limits.body_rate_bytes, 4000);
    assert_int_equal(c->proxy.trusted.count, 3);
    assert_int_equal(c->log.level, LOG_DEBUG);
    assert_string_equal(c->log.access_log, "/a b");
    assert_int_equal(c->log.access_log_format, ACCESS_LOG_S3);
    assert_int_equal(c->policies[0].media, CONFIG_MEDIA_SSD);
    assert_int_equal(c->policies[0].copies, 0);
    assert_int_equal(c->policies[0].erasure_code.parity_pieces, 2);
    assert_int_equal(c->policies[0].min_copies, 5);
    assert_true(c->policies[0].allow_reduced_redundancy);
    assert_int_equal(c->policies[1].min_copies, 2);
    assert_true(c->regions[0].replicated);
    assert_true(config_region_offers(&c->regions[0], SLICE("q")));
    assert_false(config_region_offers(&c->regions[0], SLICE("x")));
    assert_string_equal(c->endpoints[0].hosts.items[0], "s3.example.com");
    assert_string_equal(c->listeners[0].address.text, "127.0.0.1:9000");
    assert_null(config_region_find(c, SLICE("nosuch")));
    config_free(&c);
}

static void test_refuses_what_is_no_line(void **state) {
    (void)state;
    assert_refused("x = 1\n", "f:1: 'x' stands before any section");
    assert_refused("[server]\nnonsense\n", "f:2: neither a [section] nor 'key = value'");
    assert_refused("[server]\n\n[limits\n", "f:3: a section is [WORD] or [WORD NAME]");
    assert_refused("[server] x\n", "f:1: a section is [WORD] or [WORD NAME]");
    assert_refused("[servr]\n", "f:1: unknown section [servr]; is it [server]?");
    assert_refused("[x]\n", "f:1: unknown section [x]");
    assert_refused("[server a]\n", "f:1: [server] takes no name");
    assert_refused("[policy]\n",
                   "f:1: [policy NAME] needs a name of letters, digits, '.', '_' and '-'");
    assert_refused("[policy a b]\n",
                   "f:1: [policy NAME] needs a name of letters, digits, '.', '_' and '-'");
    assert_refused("[server]\n[log]\n[server]\n", "f:3: [server] is there already, in line 1");
    assert_refused(POLICY "\n" POLICY, "f:3: [policy p] is there already, in line 1");
    assert_refused("[server]\nzone = \x01\n", "f:2: the line is not UTF-8 text");
    assert_refused("[server]\nzone = \xff\n", "f:2: the line is not UTF-8 text");
    assert_refused("[server]\ndat = 1\n", "f:2: unknown key 'dat' in [server]; is it 'data'?");
    assert_refused("[log]\nlevel = info\nlevel = info\n", "f:3: level is there already, in line 2");
    assert_refused("", "f: [server] needs the key 'data'");
    char text[400] = "[server]\ndata = ";
    memset(text + strlen(text), 'a', 300);
    assert_refused(text, "f:2: the line is longer than 198 bytes");
}

static void test_refuses_bad_values(void **state) {
    (void)state;
    assert_refused("[log]\nlevel =\n",
                   "f:2: level: '' is not 'error', 'warning', 'info' or 'debug'");
    assert_refused("[server]\nobject_ownership = mine\n",
                   "f:2: object_ownership: 'mine' is not 'enforced', 'preferred' or 'writer'");
    assert_refused("[server]\nsigv2 = yes\n", "f:2: sigv2: 'yes' is not 'on' or 'off'");
    assert_refused("[limits]\nworkers = 1\n", "f:2: workers: 1 is out of bounds: from 2 to 4096");
    assert_refused("[limits]\nworkers = -1\n", "f:2: workers: '-1' is not a whole number");
    assert_refused("[limits]\nbody_memory = 1\n",
                   "f:2: body_memory: 1 is out of bounds: from 1MiB to 1TiB");
    assert_refused("[limits]\nbody_memory = 99999999999999999999\n",
                   "f:2: body_memory: '99999999999999999999' is not a size, as in 64MiB");
    assert_refused("[limits]\nbody_memory = 16777216TiB\n",
                   "f:2: body_memory: '16777216TiB' is not a size, as in 64MiB");
    assert_refused("[limits]\nio_timeout = 30\n",
                   "f:2: io_timeout: '30' is not a duration with its unit, as in 500ms, 30s, 5m");
    assert_refused("[limits]\nio_timeout = 2h\n",
                   "f:2: io_timeout: 2h is out of bounds: from 100ms to 1h");
    assert_refused("[limits]\nworkers = 4\nworkers_without_body = 4\n" SERVER REST,
                   "f:3: workers_without_body: 4 must be below workers (4)");
    assert_refused("[server]\ndata =\n", "f:2: data: '' is not a path");
    assert_refused("[server]\ndata = /d # here\n",
                   "f:2: data: '/d # here' is not a path: a remark that begins with # needs a line "
                   "of its own");
    assert_refused("[log]\naccess_log_format = xml\n",
                   "f:2: access_log_format: 'xml' is not 'json' or 's3'");
    assert_refused("[policy p]\nmedia = tape\n", "f:2: media: 'tape' is not 'hdd' or 'ssd'");
    assert_refused("[policy p]\nerasure_code = 1+2\n",
                   "f:2: erasure_code: '1+2' is not an erasure code of 2 to 24 data and 1 to 8 "
                   "parity pieces, as 4+2");
    assert_refused("[region r]\npolicies = p, p\n", "f:2: policies: 'p' is there twice");
    assert_refused("[region r]\npolicies = p\npolicies = p\n", "f:3: policies: 'p' is there twice");
    assert_refused("[region r]\npolicies = p,,q\n", "f:2: policies: an entry of the list is empty");
}

static void test_refuses_bad_addresses(void **state) {
    (void)state;
    static const char *const addresses[] = {
        "9000",     "127.0.0.1", "127.0.0.1:65536", "127.0.0.1:",   "::1:9000", "[127.0.0.1]:9000",
        "[*]:9000", "host:9000", "127.0.0.256:80",  "127.0.0.1:-1", "[::1]9000"};
    for (size_t i = 0; i < ARRAY_LEN(addresses); i++) {
        char text[128];
        char expected[256];
        snprintf(text, sizeof text, "[endpoint e]\nlisten = %s\n", addresses[i]);
        snprintf(expected, sizeof expected,
                 "f:2: listen: '%s' is not an address to listen on, as in 127.0.0.1:9000, "
                 "[::1]:9000, *:9000",
                 addresses[i]);
        assert_refused(text, expected);
    }
    static const char *const networks[] = {"10.0.0.0/33", "10.0.0.1/8", "::/129", "x", "1.2.3.4/"};
    for (size_t i = 0; i < ARRAY_LEN(networks); i++) {
        char text[128];
        char expected[256];
        snprintf(text, sizeof text, "[proxy]\ntrusted = %s\n", networks[i]);
        snprintf(expected, sizeof expected,
                 "f:2: trusted: '%s' is not a network, as in 10.0.0.0/8 (no bits set after the "
                 "prefix)",
                 networks[i]);
        assert_refused(text, expected);
    }
    static const char *const hosts[] = {"*", "*.", "a..b", ".a", "a.", "a:9000", "a/b", "*.*.a"};
    for (size_t i = 0; i < ARRAY_LEN(hosts); i++) {
        char text[128];
        char expected[256];
        snprintf(text, sizeof text, "[endpoint e]\nhosts = %s\n", hosts[i]);
        snprintf(expected, sizeof expected,
                 "f:2: hosts: '%s' is not a host name or *.NAME, without a port", hosts[i]);
        assert_refused(text, expected);
    }
}

static void test_refuses_what_does_not_fit_together(void **state) {
    (void)state;
    assert_refused(SERVER, "f: there is no [endpoint NAME], so nothing to serve");
    assert_refused(SERVER "[region r]\n", "f:3: [region r] needs the key 'policies'");
    assert_refused(SERVER REGION, "f:4: policies: there is no [policy p]");
    assert_refused(SERVER POLICY REGION "default_policy = q\n",
                   "f:6: default_policy: 'q' is not one of the region's policies");
    assert_refused(SERVER POLICY REGION "[endpoint e]\n",
                   "f:6: [endpoint e] needs the key 'region'");
    assert_refused(SERVER POLICY REGION "[endpoint e]\nregion = r\n",
                   "f:6: [endpoint e] needs the key 'listen'");
    assert_refused(SERVER POLICY "[endpoint e]\nlisten = *:1\nregion = r\n",
                   "f:6: region: there is no [region r]");
    assert_refused(WHOLE "[region s]\npolicies = p\n",
                   "f:9: no [endpoint NAME] leads to region 's'");
    assert_refused(WHOLE "tls_key = /k\n", "f:9: tls_key: needs 'tls_certificate' too");
    assert_refused(WHOLE "tls_certificate = /c\n", "f:9: tls_certificate: needs 'tls_key' too");
    assert_refused(SERVER "[policy p]\ncopies = 3\nerasure_code = 4+2\n" REGION ENDPOINT,
                   "f:5: erasure_code: a policy has this or 'copies', not both");
    assert_refused(SERVER "[policy p]\ncopies = 3\nmin_copies = 4\n" REGION ENDPOINT,
                   "f:5: min_copies: must be from 1 to 3 for this policy");
    assert_refused(SERVER "[policy p]\nerasure_code = 4+2\nmin_copies = 3\n" REGION ENDPOINT,
                   "f:5: min_copies: must be from 4 to 6 for this policy");
    assert_refused(SERVER "group = g\n" REST, "f:3: group: needs 'user' too");
    assert_refused(WHOLE "[proxy]\nproxy_protocol = on\n",
                   "f:10: proxy_protocol: needs 'trusted', the addresses it is taken from");
    assert_refused(WHOLE "[proxy]\nforwarded_headers = on\n",
                   "f:10: forwarded_headers: needs 'trusted', the addresses they are taken from");
    assert_refused(SERVER "keystone_listen = 127.0.0.1:9000\n" REST,
                   "f:3: keystone_listen: 127.0.0.1:9000 is taken by [endpoint e]");
    assert_refused(SERVER "keystone_listen = 127.0.0.1:1\nadmin_listen = 127.0.0.1:1\n" REST,
                   "f:3: keystone_listen: 127.0.0.1:1 is taken by admin_listen");
    assert_refused(SERVER "keystone_key = /k\n" REST,
                   "f:3: keystone_certificate and keystone_key are given together");
    assert_refused(SERVER "keystone_url = https://h/v3\n" REST,
                   "f:3: keystone_url: 'https://h/v3' is to be without /v3");
    assert_refused(SERVER "admin_listen = 127.0.0.1:9000\n" REST,
                   "f:3: admin_listen: 127.0.0.1:9000 is taken by [endpoint e]");
}

static void test_refuses_endpoints_that_cannot_be_told_apart(void **state) {
    (void)state;
    assert_refused(WHOLE "[endpoint f]\nregion = r\nlisten = 127.0.0.1:9000\n",
                   "f:11: listen: 127.0.0.1:9000 is shared with [endpoint e]; one of them needs "
                   "'hosts'");
    assert_refused(WHOLE
                   "hosts = a\n[endpoint f]\nregion = r\nlisten = 127.0.0.1:9000\n"
                   "hosts = b\nhosts = A\n",
                   "f:13: hosts: 'a' at 127.0.0.1:9000 is taken by [endpoint e]");
    assert_refused(WHOLE
                   "[endpoint f]\nregion = r\nlisten = 127.0.0.1:9000\nhosts = b\n"
                   "tls_key = /k\ntls_certificate = /c\n",
                   "f:11: listen: 127.0.0.1:9000 can't be both with and without TLS");
}

static void assert_leads(const struct config_listener *listener, const char *host,
                         const char *endpoint, const char *bucket) {
    struct slice name = SLICE("untouched");
    bool website = false;
    const struct config_endpoint *found =
        config_endpoint_find(listener, slice_str(host), &name, &website);
    if (endpoint == NULL) {
        assert_null(found);
        return;
    }
    assert_non_null(found);
    assert_string_equal(found->name, endpoint);
    assert_true(slice_eq(name, slice_str(bucket)));
}

static void test_host_names_lead_to_endpoints(void **state) {
    (void)state;
    struct config *c = parse(WHOLE
                             "hosts = a.example, *.a.example\n[endpoint f]\nregion = r\n"
                             "listen = 127.0.0.1:9000\nhosts = b.a.example, *.b.a.example\n");
    assert_int_equal(c->listener_count, 1);
    assert_int_equal(c->listeners[0].endpoint_count, 2);
    assert_leads(&c->listeners[0], "a.example", "e", "");
    assert_leads(&c->listeners[0], "A.Example", "e", "");
    assert_leads(&c->listeners[0], "bucket.a.example", "e", "bucket");
    assert_leads(&c->listeners[0], "my.bucket.a.example", "e", "my.bucket");
    assert_leads(&c->listeners[0], "b.a.example", "f", "");
    assert_leads(&c->listeners[0], "x.b.a.example", "f", "x");
    assert_leads(&c->listeners[0], ".a.example", NULL, "");
    assert_leads(&c->listeners[0], "127.0.0.1", NULL, "");
    config_free(&c);
    c = parse(WHOLE "hosts = a.example\n");
    assert_leads(&c->listeners[0], "127.0.0.1", "e", "");
    config_free(&c);
    c = parse(WHOLE "[endpoint f]\nregion = r\nlisten = 127.0.0.1:9000\nhosts = *.s3\n");
    assert_leads(&c->listeners[0], "127.0.0.1", "e", "");
    assert_leads(&c->listeners[0], "x.s3", "f", "x");
    config_free(&c);
}

static void test_host_names_of_web_sites(void **state) {
    (void)state;
    struct config *c = parse(WHOLE "hosts = a, *.a\nwebsite_hosts = *.site.a, www.shop\n");
    static const struct {
        const char *host;
        const char *bucket;
        bool website;
    } cases[] = {{"x.a", "x", false},
                 {"x.site.a", "x", true},
                 {"www.shop", "www.shop", true},
                 {"site.a", "site", false},
                 {"a", "", false}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct slice bucket = SLICE("");
        bool website = false;
        assert_non_null(
            config_endpoint_find(&c->listeners[0], slice_str(cases[i].host), &bucket, &website));
        assert_true(slice_eq(bucket, slice_str(cases[i].bucket)));
        assert_int_equal(website, cases[i].website);
    }
    config_free(&c);
    assert_refused(WHOLE
                   "hosts = a\n[endpoint f]\nregion = r\nlisten = 127.0.0.1:9000\n"
                   "hosts = b\nwebsite_hosts = a\n",
                   "f:14: website_hosts: 'a' at 127.0.0.1:9000 is taken by [endpoint e]");
}

static bool trusted(const struct config *c, const char *text) {
    struct net_address address;
    assert_true(is_ok(net_address_parse_ip(slice_str(text), &address)));
    for (size_t i = 0; i < c->proxy.trusted.count; i++) {
        if (net_network_contains(&c->proxy.trusted.items[i], &address)) return true;
    }
    return false;
}

static void test_networks(void **state) {
    (void)state;
    struct config *c = parse(WHOLE "[proxy]\ntrusted = 10.0.0.0/9, 192.0.2.7, fd00::/8\n");
    assert_true(trusted(c, "10.127.255.255"));
    assert_false(trusted(c, "10.128.0.0"));
    assert_true(trusted(c, "192.0.2.7"));
    assert_false(trusted(c, "192.0.2.8"));
    assert_true(trusted(c, "fd12::1"));
    assert_false(trusted(c, "::2"));
    config_free(&c);
}

/* A folder of the test's own, with a configuration file in it. */
struct fixture {
    char dir[64];
    char file[80];
};

static int make_fixture(void **state) {
    static struct fixture f;
    snprintf(f.dir, sizeof f.dir, "/tmp/hink-config-XXXXXX");
    if (mkdtemp(f.dir) == NULL) return -1;
    snprintf(f.file, sizeof f.file, "%s/hink.conf", f.dir);
    *state = &f;
    return 0;
}

static void write_file(const char *dir, const char *name, const char *text, mode_t mode) {
    char path[128];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(path, mode), 0);
}

static int remove_fixture(void **state) {
    struct fixture *f = *state;
    static const char *const names[] = {"hink.conf", "plain", "key", "folder"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        char path[128];
        snprintf(path, sizeof path, "%s/%s", f->dir, names[i]);
        if (remove(path) != 0) continue;
    }
    return rmdir(f->dir);
}

/* Loads `format` with the folder's name for its %s; the note must be "FILE" and `expected`. */
static void assert_load_refused(const struct fixture *f, const char *lines, const char *expected) {
    char text[1024];
    char whole[1024];
    snprintf(text, sizeof text, "%s%s", lines, REST);
    write_file(f->dir, "hink.conf", text, 0644);
    struct note note = {0};
    struct config *config = NULL;
    assert_true(status_is(config_load(f->file, &note, &config), STATUS_INVALID));
    snprintf(whole, sizeof whole, "%s%s", f->file, expected);
    assert_string_equal(note.text, whole);
}

static void test_refuses_paths_that_cannot_be_used(void **state) {
    struct fixture *f = *state;
    assert_int_equal(chdir(f->dir), 0);
    write_file(f->dir, "plain", "", 0644);
    assert_load_refused(f, "[server]\ndata = plain\n", ":2: data: plain: Not a directory");
    assert_load_refused(f, "[server]\ndata = plain/x\n", ":2: data: plain/x: Not a directory");
    assert_load_refused(f, "[server]\ndata = d\nkey_file = plain\n",
                        ":3: key_file: plain: others may read it (mode 644); it must be 0600");
    assert_load_refused(f, "[server]\ndata = d\nkey_file = .\n", ":3: key_file: .: Is a directory");
    assert_load_refused(f, "[server]\ndata = d\nadmin_socket = plain/s\n",
                        ":3: admin_socket: plain/s: Not a directory");
    assert_load_refused(f, "[server]\ndata = d\nuser = nosuchuser\n",
                        ":3: user: there is no user 'nosuchuser'");
    assert_load_refused(f, "[server]\ndata = d\nuser = root\ngroup = nosuchgroup\n",
                        ":4: group: there is no group 'nosuchgroup'");
    assert_load_refused(f, "[server]\ndata = d\n[log]\naccess_log = none/log\n",
                        ":4: access_log: none/log: No such file or directory");
    assert_load_refused(f, "[server]\ndata = d\n[log]\naccess_log = .\n",
                        ":4: access_log: .: Is a directory");
    assert_load_refused(f,
                        "[server]\ndata = d\n[endpoint s]\nregion = r\nlisten = *:1\n"
                        "tls_certificate = plain\ntls_key = none\n",
                        ":7: tls_key: none: No such file or directory");
    /* Nothing was made on the way. */
    assert_int_equal(access("d", F_OK), -1);
    assert_int_equal(chdir("/"), 0);
}

static void test_refuses_a_socket_path_that_is_too_long(void **state) {
    (void)state;
    char data[150];
    char text[512];
    char expected[NOTE_TEXT_MAX];
    memset(data, 'a', 120);
    data[120] = 0;
    snprintf(text, sizeof text, "[server]\ndata = %s\n%s", data, REST);
    snprintf(expected, sizeof expected,
             "f:2: admin_socket: '%s/admin.sock' is longer than the 107 bytes of a socket's path; "
             "set admin_socket to a shorter one",
             data);
    assert_refused(text, expected);
}

static void test_missing_and_unreadable_files(void **state) {
    struct fixture *f = *state;
    struct note note = {0};
    struct config *config = NULL;
    char expected[256];
    assert_true(status_is(config_load(f->file, &note, &config), STATUS_NOT_FOUND));
    snprintf(expected, sizeof expected, "%s: No such file or directory", f->file);
    assert_string_equal(note.text, expected);
    assert_false(is_ok(config_load(f->dir, &note, &config)));
}

static void test_default_needs_no_file(void **state) {
    struct fixture *f = *state;
    struct note note = {0};
    struct config *c = NULL;
    struct config_options options = {.data_dir = f->dir};
    assert_true(is_ok(config_default(&options, &note, &c)));
    assert_null(c->path);
    assert_string_equal(c->regions[0].name, "us-east-1");
    assert_string_equal(c->regions[0].default_policy, "standard");
    assert_int_equal(c->policies[0].copies, 1);
    assert_string_equal(c->listeners[0].address.text, "127.0.0.1:9000");
    assert_int_equal(c->server.admin_listen.count, 0);
    config_free(&c);
    options.listen = "*:80,[::1]:81";
    options.admin_listen = "127.0.0.1:1";
    assert_true(is_ok(config_default(&options, &note, &c)));
    assert_int_equal(c->listener_count, 2);
    assert_int_equal(c->server.admin_listen.count, 1);
    config_free(&c);
    options.listen = "9000";
    assert_false(is_ok(config_default(&options, &note, &c)));
    assert_string_equal(note.text,
                        "--listen: '9000' is not an address to listen on, as in 127.0.0.1:9000, "
                        "[::1]:9000, *:9000");
    options = (struct config_options){.data_dir = "/dev/null/x"};
    assert_false(is_ok(config_default(&options, &note, &c)));
    assert_string_equal(note.text, "data: /dev/null/x: Not a directory");
}

/* The shipped example shows every key, and every key it shows is one. */
static void test_drives(void **state) {
    (void)state;
    struct config *config = parse(
        "[server]\ndata = d\n[drive one]\npath = one\nmedia = ssd\n"
        "[drive two]\npath = two\n" REST);
    assert_int_equal(config->drive_count, 2);
    assert_string_equal(config->drives[0].name, "one");
    assert_string_equal(config->drives[0].path, "one");
    assert_int_equal(config->drives[0].media, CONFIG_MEDIA_SSD);
    assert_int_equal(config->drives[1].media, CONFIG_MEDIA_HDD);
    config_free(&config);
    assert_refused("[server]\ndata = d\n[drive one]\nmedia = ssd\n" REST,
                   "f:3: [drive one] needs the key 'path'");
    assert_refused("[server]\ndata = d\n[drive one]\npath = x\n[drive two]\npath = x\n" REST,
                   "f:6: path: [drive one] has that directory already");
}

#define WITH_METADATA(name) "[drive " name "]\npath = " name "\nmetadata = on\n"

static void test_metadata_drives(void **state) {
    (void)state;
    struct config *config =
        parse("[server]\ndata = d\n" WITH_METADATA("one") WITH_METADATA("two") REST);
    assert_true(config->drives[0].metadata);
    assert_true(config->drives[1].metadata);
    config_free(&config);
    config = parse("[server]\ndata = d\n[drive one]\npath = one\n" REST);
    assert_false(config->drives[0].metadata);
    config_free(&config);
    assert_refused("[server]\ndata = d\n" WITH_METADATA("one") WITH_METADATA("two")
                       WITH_METADATA("three") REST,
                   "f:11: metadata: may be on 2 drives, beside the data directory");
    assert_refused("[server]\ndata = d\n" WITH_METADATA("d") REST,
                   "f:5: metadata: the data directory has a copy anyway");
    assert_refused(
        "[server]\ndata = x\n" WITH_METADATA("data") REST,
        "f:3: a drive with metadata can't be called 'data': that is the copy in the data "
        "directory");
}

#define KEYSTONE "[server]\ndata = d\n[identity]\nmode = keystone\n"

static void test_identity(void **state) {
    (void)state;
    struct config *config = parse("[server]\ndata = d\n" REST);
    assert_int_equal(config->identity.mode, CONFIG_IDENTITY_BUILTIN);
    config_free(&config);
    config = parse(KEYSTONE
                   "url = https://k:5000/v3\nservice_user = hink\nservice_password = a b c\n"
                   "member_roles = editor\n" REST);
    assert_string_equal(config->identity.url, "https://k:5000/v3");
    assert_string_equal(config->identity.service_password, "a b c");
    assert_string_equal(config->identity.service_user_domain, "Default");
    assert_int_equal(config->identity.refresh_ns, 60 * INT64_C(1000000000));
    assert_int_equal(config->identity.stale_max_ns, 900 * INT64_C(1000000000));
    assert_int_equal(config->identity.member_roles.count, 1);
    assert_string_equal(config->identity.member_roles.items[0], "editor");
    assert_string_equal(config->identity.reseller_roles.items[0], "ResellerAdmin");
    config_free(&config);
    assert_refused("[server]\ndata = d\n[identity]\nmode = ldap\n" REST,
                   "f:4: mode: 'ldap' is not 'builtin' or 'keystone'");
    assert_refused(KEYSTONE REST, "f:3: [identity] needs the key 'url'");
    assert_refused(KEYSTONE "url = http://k\n" REST,
                   "f:3: [identity] needs the key 'service_user'");
    assert_refused(KEYSTONE "url = http://k\nservice_user = u\n" REST,
                   "f:3: [identity] needs one of service_password_file and service_password");
    assert_refused("[server]\ndata = d\n[identity]\nurl = http://k\n" REST,
                   "f:4: url: is for 'mode = keystone'; the mode is builtin");
    assert_refused(KEYSTONE
                   "url = http://k\nservice_user = u\nservice_password = p\n"
                   "identity_stale_max = 30s\n" REST,
                   "f:8: identity_stale_max: must not be below identity_refresh");
    assert_refused(
        "[server]\ndata = d\nkeystone_listen = 127.0.0.1:5000\n[identity]\n"
        "mode = keystone\nurl = http://k\nservice_user = u\n"
        "service_password = p\n" REST,
        "f:3: keystone_listen: the built-in Identity API has no users with "
        "'mode = keystone'");
}

static void test_example_shows_every_key(void **state) {
    (void)state;
    static char text[32 * 1024];
    FILE *file = fopen(TEST_DATA_DIR "/../../conf/hink.conf", "r");
    assert_non_null(file);
    text[fread(text, 1, sizeof text - 1, file)] = 0;
    fclose(file);
    for (size_t i = 0; i < config_row_count(); i++) {
        const struct config_row *row = config_row_at(i);
        char section[64];
        char key[64];
        char remark[64];
        snprintf(section, sizeof section, "\n[%s", config_section_word(row->section));
        const char *begin = strstr(text, section);
        if (!begin) { /* a section that need not be there is a remark */
            snprintf(section, sizeof section, "\n;[%s", config_section_word(row->section));
            begin = strstr(text, section);
        }
        assert_non_null(begin);
        const char *end = strstr(begin + 1, "\n[");
        snprintf(key, sizeof key, "\n%s = ", row->key);
        snprintf(remark, sizeof remark, "\n;%s = ", row->key);
        const char *at = strstr(begin, key);
        const char *at_remark = strstr(begin, remark);
        bool shown = (at && (!end || at < end)) || (at_remark && (!end || at_remark < end));
        if (!shown) print_error("[%s] %s is not shown\n", section + 2, row->key);
        assert_true(shown);
        char shown_default[96];
        snprintf(shown_default, sizeof shown_default, "\n;%s = %s\n", row->key,
                 row->initial ? row->initial : "");
        bool wrong_default = row->initial && at_remark && !strstr(begin, shown_default);
        if (wrong_default) print_error("the default of %s is %s\n", row->key, row->initial);
        assert_false(wrong_default);
    }
    /* With every remark taken away it is still a configuration, but for what excludes another. */
    for (char *c = text; (c = strstr(c, "\n;")) != NULL; c++) {
        if (strncmp(c, "\n;erasure_code", 14) == 0 || strncmp(c, "\n;url", 5) == 0) continue;
        if (strncmp(c, "\n;user", 6) == 0 || strncmp(c, "\n;group", 7) == 0) continue;
        c[1] = ' ';
    }
    struct config *config = parse(text);
    config_free(&config);
}

static void test_example_zones_are_the_pages(void **state) {
    (void)state;
    static const char *const files[] = {"europe-se-1a.conf", "europe-se-1b.conf"};
    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        char path[512];
        snprintf(path, sizeof path, TEST_DATA_DIR "/../../conf/%s", files[i]);
        struct note note = {0};
        struct config *c = NULL;
        struct status s = config_load(path, &note, &c);
        if (!is_ok(s)) print_error("%s\n", note.text);
        assert_true(is_ok(s));
        assert_memory_equal(c->server.zone, files[i], strlen("europe-se-1a"));
        assert_int_equal(c->policy_count, 4);
        const struct config_region *alone = config_region_find(c, SLICE("europe-se-1"));
        const struct config_region *rep = config_region_find(c, SLICE("europe-se-1-rep"));
        assert_int_equal(alone->policies.count, 4);
        assert_int_equal(rep->policies.count, 2);
        assert_false(alone->replicated);
        assert_true(rep->replicated);
        assert_string_equal(alone->default_policy, "gp.recurring");
        assert_string_equal(rep->default_policy, "gp.recurring");
        assert_false(config_region_offers(rep, SLICE("gp.archive")));
        assert_true(config_region_offers(rep, SLICE("hp.intensive")));
        assert_int_equal(c->listener_count, 2);
        assert_string_equal(c->listeners[0].address.text, i ? "127.0.0.1:9010" : "127.0.0.1:9000");
        assert_string_equal(c->listeners[1].address.text, i ? "127.0.0.1:9011" : "127.0.0.1:9001");
        config_free(&c);
    }
}

static void test_bounded(void **state) {
    (void)state;
    static char text[64 * 1024];
    size_t len = 0;
    for (int i = 0; i <= CONFIG_POLICIES_MAX; i++) {
        len += (size_t)snprintf(text + len, sizeof text - len, "[policy p%d]\n", i);
    }
    assert_refused(text, "f:65: too many [policy NAME] sections");
    len = (size_t)snprintf(text, sizeof text, "[region r]\n");
    for (int i = 0; i <= 64; i++) {
        len += (size_t)snprintf(text + len, sizeof text - len, "policies = p%d\n", i);
    }
    assert_refused(text, "f:66: policies: more than 64 entries");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_smallest_file_has_the_defaults),
        cmocka_unit_test(test_values_of_every_type),
        cmocka_unit_test(test_refuses_what_is_no_line),
        cmocka_unit_test(test_refuses_bad_values),
        cmocka_unit_test(test_refuses_bad_addresses),
        cmocka_unit_test(test_refuses_what_does_not_fit_together),
        cmocka_unit_test(test_refuses_endpoints_that_cannot_be_told_apart),
        cmocka_unit_test(test_host_names_lead_to_endpoints),
        cmocka_unit_test(test_host_names_of_web_sites),
        cmocka_unit_test(test_networks),
        cmocka_unit_test_setup_teardown(test_refuses_paths_that_cannot_be_used, make_fixture,
                                        remove_fixture),
        cmocka_unit_test(test_refuses_a_socket_path_that_is_too_long),
        cmocka_unit_test_setup_teardown(test_missing_and_unreadable_files, make_fixture,
                                        remove_fixture),
        cmocka_unit_test_setup_teardown(test_default_needs_no_file, make_fixture, remove_fixture),
        cmocka_unit_test(test_drives),
        cmocka_unit_test(test_metadata_drives),
        cmocka_unit_test(test_identity),
        cmocka_unit_test(test_example_shows_every_key),
        cmocka_unit_test(test_example_zones_are_the_pages),
        cmocka_unit_test(test_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
