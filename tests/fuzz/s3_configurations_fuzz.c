/* Any bytes as a configuration document; the first one chooses which. Refused with a sentence, or
 * taken, and then written and asked without a crash. */
#include <stdint.h>

#include "base/check.h"
#include "s3/acl_document.h"
#include "s3/cors.h"
#include "s3/lock_document.h"
#include "s3/public_access.h"
#include "s3/tagging.h"
#include "s3/website.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct arena arena;
static struct note note;

static struct status read_cors(struct slice text) {
    struct cors cors;
    bool malformed;
    TRY(cors_parse(&arena, text, &note, &malformed, &cors));
    struct cors_question question = {SLICE("https://a.b"), SLICE("GET"), SLICE("x-a, x-b")};
    const struct cors_rule *rule = cors_match(&cors, &question);
    struct http_response response;
    http_response_init(&response, &arena);
    if (rule) cors_answer(rule, &question, true, &arena, &response);
    return status_ok();
}

static struct status read_website(struct slice text) {
    struct website website;
    bool malformed;
    TRY(website_parse(&arena, text, &note, &malformed, &website));
    const struct website_rule *rule = website_rule_match(&website, SLICE("docs/a b"), 404);
    if (rule) {
        website_location(&rule->redirect, rule->key_prefix, SLICE("docs/a b"), true, SLICE("h"),
                         &arena);
    }
    return status_ok();
}

static struct status read_tagging(struct slice text) {
    enum tagging_defect defect;
    struct tag_set tags;
    TRY(tagging_parse(&arena, text, TAGGING_BUCKET_TAGS_MAX, &note, &defect, &tags));
    CHECK(tags.count <= TAGGING_BUCKET_TAGS_MAX);
    return status_ok();
}

static struct status read_tagging_header(struct slice text) {
    enum tagging_defect defect;
    struct tag_set tags;
    TRY(tagging_parse_header(&arena, text, TAGGING_OBJECT_TAGS_MAX, &note, &defect, &tags));
    CHECK(tags.count <= TAGGING_OBJECT_TAGS_MAX);
    return status_ok();
}

static struct status read_acl(struct slice text) {
    enum acl_defect defect;
    struct acl acl;
    TRY(acl_document_parse(&arena, text, &note, &defect, &acl));
    acl_is_public(&acl);
    return status_ok();
}

static struct status read_lock(struct slice text) {
    enum lock_defect defect;
    struct lock_default rule;
    TRY(lock_default_parse(&arena, text, &note, &defect, &rule));
    CHECK(lock_default_until_ns(&rule, 0) >= 0);
    return status_ok();
}

static struct status read_retention(struct slice text) {
    enum lock_defect defect;
    struct lock_retention retention;
    return lock_retention_parse(&arena, text, &note, &defect, &retention);
}

static struct status read_versioning(struct slice text) {
    enum lock_defect defect;
    bool given;
    bool enabled;
    return versioning_parse(&arena, text, &note, &defect, &given, &enabled);
}

static struct status read_block(struct slice text) {
    struct public_access block;
    return public_access_parse(&arena, text, &note, &block);
}

static struct status (*const readers[])(struct slice text) = {
    read_cors, read_website,   read_tagging,    read_tagging_header, read_acl,
    read_lock, read_retention, read_versioning, read_block};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size == 0) return 0;
    arena_init(&arena, 16 * 1024, 4 * 1024 * 1024);
    note.text[0] = '\0';
    struct status s = readers[data[0] % ARRAY_LEN(readers)](slice_of(data + 1, size - 1));
    CHECK(is_ok(s) || note.text[0] != '\0' || status_is(s, STATUS_NO_MEMORY));
    arena_fini(&arena);
    return 0;
}
