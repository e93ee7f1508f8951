/* A whole request head, given to auth_identify: nothing may break, nothing forged may pass. */
#include "auth/auth.h"
#include "base/check.h"
#include "base/date.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { ARENA_BLOCK = 16 * 1024, ARENA_LIMIT = 512 * 1024 };

/* Knows every key, by a secret that no input was signed with. */
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

static void identify(const struct http_head *head, struct arena *arena) {
    static const char *const clocks[] = {"20130524T000000Z", "20261124T060416Z"};
    struct identity identity = {&any_key_ops};
    struct http_query query;
    if (!is_ok(http_query_parse(arena, head->query, &query))) return;
    for (size_t i = 0; i < ARRAY_LEN(clocks); i++) {
        struct auth_request request = {
            .head = head,
            .query = &query,
            .identity = &identity,
            .allow_sigv2 = true,
            .allow_anonymous = true,
        };
        struct note note = {0};
        struct auth_denial denial = {0};
        struct auth_result result;
        CHECK(date_parse_compact(slice_str(clocks[i]), &request.now_ns));
        struct status status = auth_identify(&request, arena, &note, &denial, &result);
        if (is_ok(status)) CHECK(result.kind == AUTH_ANONYMOUS && result.principal.anonymous);
        if (status_is(status, STATUS_REFUSED)) {
            CHECK(denial.refusal != AUTH_REFUSAL_NONE && note.text[0] != '\0');
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct http_head head;
    struct arena arena;
    size_t head_len;
    struct note note;
    arena_init(&arena, ARENA_BLOCK, ARENA_LIMIT);
    if (http_head_parse(slice_of(data, size), &head, &head_len, &note) == HTTP_HEAD_COMPLETE) {
        identify(&head, &arena);
    }
    arena_fini(&arena);
    return 0;
}
