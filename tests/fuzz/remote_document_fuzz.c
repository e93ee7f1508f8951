/* What a Keystone answers, of every kind: nothing breaks, and what is taken is within limits. */
#include "base/check.h"
#include "identity/remote_document.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const words[] = {"member", "reader", "admin"};
static const struct remote_roles roles = {
    .reader = {words + 1, 1}, .member = {words, 1}, .admin = {words + 2, 1}};

static void check_principal(const struct principal *who) {
    CHECK(who->user_id.len <= IDENTITY_ID_MAX && who->project_id.len <= IDENTITY_ID_MAX);
    CHECK(who->user_name.len <= IDENTITY_NAME_MAX);
    CHECK(memchr(who->user_id.ptr != NULL ? who->user_id.ptr : "", '\n', who->user_id.len) == NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct slice text = slice_of(data, size);
    struct arena arena;
    struct principal who = {.user_id = SLICE("u1"), .project_id = SLICE("p1")};
    struct remote_credential credential;
    struct remote_entity entity;
    int64_t expires_ns;
    arena_init(&arena, 64 * 1024, 16 * 1024 * 1024);
    if (is_ok(remote_token_read(text, &roles, &arena, &who))) check_principal(&who);
    who = (struct principal){.user_id = SLICE("u1"), .project_id = SLICE("p1")};
    if (is_ok(remote_assignments_read(text, &roles, &arena, &who))) check_principal(&who);
    if (is_ok(remote_credential_read(text, SLICE("AKONE"), &arena, &credential))) {
        CHECK(credential.secret.len > 0 && credential.secret.len <= IDENTITY_SECRET_KEY_MAX);
    }
    if (is_ok(remote_entity_read(text, "user", &arena, &entity))) {
        CHECK(entity.id.len > 0 && entity.id.len <= IDENTITY_ID_MAX);
    }
    (void)remote_entity_pick(text, "project", SLICE("acme"), &arena, &entity).code;
    (void)remote_token_expiry(text, &expires_ns).code;
    arena_fini(&arena);
    return 0;
}
