#include "support/s3_call.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
/* cmocka.h needs the headers above before it */
#include <cmocka.h>

#include "base/check.h"

/* As much memory as a session gives a request. */
enum { ARENA_BLOCK = 32 * 1024, ARENA_MAX = 32 << 20, ANSWER_MAX = 64 << 20 };

static const struct s3_policy policies[] = {
    {{"standard", 8}}, {{"hp.intensive", 12}}, {{"gp.archive", 10}}};

static const struct s3_region regions[] = {
    {.name = {"europe-se-1", 11},
     .policies = policies,
     .policy_count = 3,
     .default_policy = {"standard", 8}},
    {.name = {"europe-se-1-rep", 15},
     .policies = policies,
     .policy_count = 2,
     .default_policy = {"standard", 8},
     .replicated = true},
};

#define PERSON(id, name, project)                                                              \
    {                                                                                          \
        .user_id = {"user-" id, sizeof("user-" id) - 1}, .user_name = {name, sizeof name - 1}, \
        .project_id = {"project-" project, sizeof("project-" project) - 1},                    \
        .project_name = {"Project " project, sizeof("Project " project) - 1},                  \
        .roles = IDENTITY_ROLE_READER | IDENTITY_ROLE_MEMBER, .access_key = {                  \
            "AK" id,                                                                           \
            sizeof("AK" id) - 1                                                                \
        }                                                                                      \
    }

static const struct principal people[] = {
    [S3_TEST_ALICE] = PERSON("alice", "Alice", "a"),
    [S3_TEST_BOB] = PERSON("bob", "Bob", "b"),
    [S3_TEST_CAROL] = PERSON("carol", "Carol", "a"),
    [S3_TEST_ADMIN] = PERSON("admin", "Admin", "z"),
    [S3_TEST_NOBODY] = {.anonymous = true},
};

/* Their access keys all have the same secret. */
static struct status find_key(struct identity *identity, struct slice access_key,
                              struct arena *arena, struct identity_key *ret_key) {
    (void)identity;
    (void)arena;
    for (size_t i = 0; i < ARRAY_LEN(people); i++) {
        if (people[i].anonymous || !slice_eq(people[i].access_key, access_key)) continue;
        *ret_key = (struct identity_key){slice_str(S3_TEST_SECRET), people[i]};
        return status_ok();
    }
    return status_of(STATUS_NOT_FOUND);
}

static struct status find_name(struct identity *who, struct slice id, struct arena *arena,
                               struct slice *ret_name) {
    (void)who;
    (void)arena;
    for (size_t i = 0; i < ARRAY_LEN(people); i++) {
        if (people[i].anonymous) continue;
        bool is_project = slice_eq(people[i].project_id, id);
        if (!is_project && !slice_eq(people[i].user_id, id)) continue;
        *ret_name = is_project ? people[i].project_name : people[i].user_name;
        return status_ok();
    }
    return status_of(STATUS_NOT_FOUND);
}

static const struct identity_ops identity_ops = {.key_find = find_key, .name_find = find_name};
static struct identity identity = {&identity_ops};

/* ---- the world ---------------------------------------------------------------------------- */

static struct status test_write(struct sink *sink, struct slice bytes) {
    struct s3_test *test = CONTAINER_OF(sink, struct s3_test, sink);
    buf_append(&test->body_bytes, bytes);
    return buf_ok(&test->body_bytes);
}

static const struct sink_ops test_sink_ops = {.write = test_write};

static struct status early_begin(struct s3_call *call) {
    struct s3_test *test = call->session;
    CHECK(!call->early);
    call->early = true;
    return http_response_encode(&call->response, &test->head_bytes);
}

static struct status early_write(struct s3_call *call, struct slice bytes) {
    struct s3_test *test = call->session;
    CHECK(call->early);
    return test_write(&test->sink, bytes);
}

static const struct s3_transport transport = {early_begin, early_write};

void s3_test_open(struct s3_test *test) {
    *test = (struct s3_test){.who = S3_TEST_ALICE, .sink = {&test_sink_ops}};
    test_store_open(&test->store, TEST_DRIVER_MEM);
    clock_manual_init(&test->clock, S3_TEST_NOW_NS);
    random_seeded_init(&test->random, 1);
    struct object_store_config config = {
        .kv = test->store.kv,
        .blob = test->store.blob,
        .clock = &test->clock.clock,
        .random = &test->random.random,
    };
    CHECK(is_ok(object_store_open(&config, &test->note, &test->objects)));
    test->service = (struct s3_service){
        .objects = test->objects,
        .regions = regions,
        .region_count = ARRAY_LEN(regions),
        .buckets_per_project = 1000,
        .identity = &identity,
        .allow_sigv2 = true,
    };
    arena_init(&test->arena, ARENA_BLOCK, ARENA_MAX);
    buf_init(&test->request, ANSWER_MAX);
    buf_init(&test->head_bytes, ANSWER_MAX);
    buf_init(&test->body_bytes, ANSWER_MAX);
}

void s3_test_close(struct s3_test *test) {
    object_store_close(&test->objects);
    test_store_close(&test->store);
    arena_fini(&test->arena);
    buf_fini(&test->request);
    buf_fini(&test->head_bytes);
    buf_fini(&test->body_bytes);
}

/* ---- a request ---------------------------------------------------------------------------- */

static void parse_request(struct s3_test *test, const char *what, const char *headers,
                          struct slice body) {
    buf_clear(&test->request);
    buf_printf(&test->request, "%s HTTP/1.1\r\nHost: localhost\r\n%s", what,
               headers != NULL ? headers : "");
    bool chunked = headers != NULL && strstr(headers, "Transfer-Encoding") != NULL;
    if (body.len > 0 && !chunked) {
        buf_printf(&test->request, "Content-Length: %zu\r\n", body.len);
    }
    buf_append_str(&test->request, "\r\n");
    size_t head_len;
    enum http_head_verdict verdict =
        http_head_parse(buf_slice(&test->request), &test->request_head, &head_len, &test->note);
    if (verdict != HTTP_HEAD_COMPLETE) fail_msg("%s: bad head: %s", what, test->note.text);
    struct status parsed = http_query_parse(&test->arena, test->request_head.query, &test->query);
    if (!is_ok(parsed)) fail_msg("%s: bad query", what);
}

static void begin_call(struct s3_test *test) {
    test->call = (struct s3_call){
        .service = &test->service,
        .region = &regions[test->region],
        .transport = &transport,
        .session = test,
        .arena = &test->arena,
        .note = &test->note,
        .head = &test->request_head,
        .query = &test->query,
        .bucket_from_host = slice_str(test->bucket_from_host),
        .is_website = test->is_website,
        .request_id = SLICE("REQUEST"),
        .host_id = SLICE("HOST"),
        .source_ip = SLICE("127.0.0.1"),
        .now_ns = test->clock.now_ns,
    };
    http_response_init(&test->call.response, &test->arena);
}

static void identify(struct s3_test *test) {
    struct auth_result *auth = &test->call.auth;
    auth->principal = people[test->who];
    auth->principal.admin = test->who == S3_TEST_ADMIN;
    auth->kind = test->who == S3_TEST_NOBODY ? AUTH_ANONYMOUS : AUTH_SIGV4_HEADER;
}

static void admit(struct s3_test *test, struct slice body) {
    struct slice sent = test->body_is_cut ? slice_take(body, body.len / 2) : body;
    slice_source_init(&test->connection, sent, test->body_step);
    http_body_source_init(&test->framing, &test->request_head, &test->connection.source,
                          &test->note);
    test->call.body = &test->framing.source;
    test->call.body_framing = &test->framing;
    bool chunked = test->request_head.body == HTTP_BODY_CHUNKED;
    test->call.body_length = chunked ? UINT64_MAX : body.len;
    if (!auth_payload_is_chunked(test->call.auth.payload)) return;
    aws_chunked_init(&test->aws_chunked, &test->framing.source, &test->call.auth, &test->note);
    test->call.body = &test->aws_chunked.source;
    test->call.body_chunked = &test->aws_chunked;
    test->call.body_length = test->call.auth.decoded_length;
}

static struct status walk(struct s3_test *test, struct slice body) {
    struct s3_call *call = &test->call;
    TRY(s3_route(call));
    TRY(s3_check(call));
    TRY(s3_authorize(call));
    admit(test, body);
    return s3_run(call);
}

static void collect_answer(struct s3_test *test) {
    struct s3_call *call = &test->call;
    if (!call->early) CHECK(is_ok(http_response_encode(&call->response, &test->head_bytes)));
    bool bare = !call->early && http_status_has_no_body(call->response.status, call->head->method);
    if (bare) {
        CHECK(call->answer.document.len == 0);
    } else if (call->answer.send != NULL) {
        CHECK(is_ok(call->answer.send(call, &test->sink)));
        CHECK(test->body_bytes.len == call->answer.length);
    } else {
        buf_append(&test->body_bytes, call->answer.document);
    }
    if (call->answer.done != NULL) call->answer.done(call);
    CHECK(is_ok(arena_ok(&test->arena)));
    test->status = call->response.status;
    test->head = buf_slice(&test->head_bytes);
    test->body = buf_slice(&test->body_bytes);
}

int s3_test_send(struct s3_test *test, const char *what, const char *headers, struct slice body) {
    arena_reset(&test->arena);
    buf_clear(&test->head_bytes);
    buf_clear(&test->body_bytes);
    test->note.text[0] = '\0';
    test->internal = false;
    parse_request(test, what, headers, body);
    begin_call(test);
    identify(test);
    if (test->prepare != NULL) test->prepare(test);
    test->outcome = walk(test, body);
    if (!is_ok(test->outcome)) s3_reply_error(&test->call, test->outcome, &test->internal);
    collect_answer(test);
    return test->status;
}

int s3_test_get(struct s3_test *test, const char *what) {
    return s3_test_send(test, what, NULL, SLICE(""));
}

/* ---- the answer --------------------------------------------------------------------------- */

struct slice s3_test_header(const struct s3_test *test, const char *name) {
    return http_response_find(&test->call.response, slice_str(name));
}

struct slice s3_test_element(const struct s3_test *test, const char *name) {
    char open[64];
    char close[64];
    snprintf(open, sizeof open, "<%s>", name);
    snprintf(close, sizeof close, "</%s>", name);
    size_t at = slice_find(test->body, slice_str(open), 0);
    if (at == test->body.len) return slice_of(NULL, 0);
    at += strlen(open);
    size_t end = slice_find(test->body, slice_str(close), at);
    return slice_of(test->body.ptr + at, end - at);
}

size_t s3_test_count(const struct s3_test *test, const char *text) {
    size_t count = 0;
    size_t at = slice_find(test->body, slice_str(text), 0);
    while (at < test->body.len) {
        count++;
        at = slice_find(test->body, slice_str(text), at + 1);
    }
    return count;
}

void s3_test_expect(struct s3_test *test, const char *what, const char *headers, struct slice body,
                    int status, const char *code) {
    int got = s3_test_send(test, what, headers, body);
    struct slice got_code = s3_test_element(test, "Code");
    bool same_code = code == NULL || slice_eq(got_code, slice_str(code));
    if (got == status && same_code) return;
    fail_msg("%s: %d %.*s instead of %d %s\n%.*s", what, got, SLICE_FMT(got_code), status,
             code != NULL ? code : "", SLICE_FMT(test->body));
}

/* ---- short cuts --------------------------------------------------------------------------- */

void s3_test_store(struct s3_test *test, const char *bucket, struct slice key, struct slice bytes) {
    const struct principal *alice = &people[S3_TEST_ALICE];
    struct bucket found;
    struct object_writer *writer;
    struct arena arena;
    struct object_put put = {
        .key = key,
        .meta = {.owner_id = alice->project_id, .owner_name = alice->project_name},
        .size_hint = bytes.len,
    };
    struct object_seal seal = {.etag = SLICE("etag")};
    seal.checksum.present = true;
    checksum_of(CHECKSUM_CRC64NVME, bytes, &seal.checksum.value);
    arena_init(&arena, ARENA_BLOCK, ARENA_MAX);
    CHECK(is_ok(bucket_find(test->objects, regions[test->region].name, alice->project_id,
                            slice_str(bucket), &arena, &test->note, &found)));
    CHECK(is_ok(object_writer_begin(test->objects, &found, &put, &test->note, &writer)));
    CHECK(is_ok(object_writer_write(writer, bytes)));
    CHECK(is_ok(object_writer_commit(&writer, &seal, &arena, NULL)));
    arena_fini(&arena);
}
