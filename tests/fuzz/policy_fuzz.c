/* Any bytes as a bucket policy: refused with a sentence, or asked without a crash. */
#include <stdint.h>

#include "access/policy.h"
#include "base/check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool find_fact(const struct policy_facts *facts, struct slice key,
                      struct policy_values *ret_values) {
    (void)facts;
    static const struct slice values[] = {{"10.1.2.3", 8}, {"true", 4}};
    if (key.len % 2 == 0) return false;
    *ret_values = (struct policy_values){values, 1 + key.len % 2};
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct arena arena;
    struct note note = {0};
    const struct policy *policy = NULL;
    arena_init(&arena, 4096, 1024 * 1024);
    struct status s = policy_parse(&arena, slice_of(data, size), SLICE("b"), &note, &policy);
    if (is_ok(s)) {
        struct policy_facts facts = {find_fact};
        struct policy_question question = {.principal = {.account = SLICE("acme"),
                                                         .user_id = SLICE("u1"),
                                                         .user_name = SLICE("alice")},
                                           .action = SLICE("s3:GetObject"),
                                           .resource = SLICE("arn:aws:s3:::b/k"),
                                           .facts = &facts};
        enum policy_effect once = policy_evaluate(policy, &question, NULL);
        CHECK(once == policy_evaluate(policy, &question, NULL));
        policy_is_public(policy);
    } else {
        CHECK(note.text[0] != '\0' || status_is(s, STATUS_NO_MEMORY));
    }
    arena_fini(&arena);
    return 0;
}
