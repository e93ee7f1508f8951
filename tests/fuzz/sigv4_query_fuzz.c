/* A query string as that of a presigned URL; what comes through is canonical and stays so. */
#include "auth/auth.h"
#include "base/check.h"
#include "base/date.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { ARENA_BLOCK = 16 * 1024, ARENA_LIMIT = 1024 * 1024 };

static struct status any_key_find(struct identity *identity, struct slice access_key,
                                  struct arena *arena, struct identity_key *ret_key) {
    (void)identity;
    *ret_key = (struct identity_key){
        .secret = SLICE("a secret that signs nothing"),
        .principal = {.user_id = SLICE("user"), .access_key = arena_dup(arena, access_key)},
    };
    return arena_ok(arena);
}

static const struct identity_ops any_key_ops = {.key_find = any_key_find};

/* The canonical form of a canonical query is itself. */
static void canonical_twice(struct arena *arena, const struct http_query *query) {
    struct http_query again;
    struct slice once = sigv4_canonical_query(arena, query, (struct slice){0}, false);
    CHECK(is_ok(http_query_parse(arena, once, &again)));
    struct slice twice = sigv4_canonical_query(arena, &again, (struct slice){0}, false);
    CHECK(!is_ok(arena_ok(arena)) || slice_eq(once, twice));
}

static void identify(const struct http_head *head, const struct http_query *query,
                     struct arena *arena) {
    struct identity identity = {&any_key_ops};
    struct auth_request request = {
        .head = head,
        .query = query,
        .identity = &identity,
        .allow_sigv2 = true,
        .allow_anonymous = true,
    };
    struct note note = {0};
    struct auth_denial denial = {0};
    struct auth_result result;
    CHECK(date_parse_compact(SLICE("20130524T000000Z"), &request.now_ns));
    struct status status = auth_identify(&request, arena, &note, &denial, &result);
    if (is_ok(status)) CHECK(result.kind == AUTH_ANONYMOUS);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct http_head head;
    static struct http_query query;
    struct arena arena;
    arena_init(&arena, ARENA_BLOCK, ARENA_LIMIT);
    head.method_text = SLICE("GET");
    head.authority = SLICE("examplebucket.s3.amazonaws.com");
    head.path = SLICE("/test.txt");
    head.query = slice_take(slice_of(data, size), HTTP_TARGET_MAX);
    if (is_ok(http_query_parse(&arena, head.query, &query))) {
        canonical_twice(&arena, &query);
        identify(&head, &query, &arena);
    }
    arena_fini(&arena);
    return 0;
}
