#include "s3/cors.h"

#include "base/check.h"
#include "http/text.h"

enum { WORDS_MAX = 100, EXPOSED_BYTES_MAX = 4096 };

/* A configuration on its way in. */
struct parse {
    struct arena *arena;
    struct note *note;
    bool malformed;
};

static struct status malformed(struct parse *p) {
    p->malformed = true;
    return note_status(p->note, STATUS_INVALID,
                       "The XML you provided was not well-formed or did not validate against our "
                       "published schema");
}

static size_t count_same(const struct xml_node *node) {
    size_t count = 0;
    for (; node != NULL; node = xml_next_same(node)) count++;
    return count;
}

static struct status words_read(struct parse *p, const struct xml_node *rule, const char *name,
                                struct cors_words *ret_words) {
    const struct xml_node *node = xml_child(rule, name);
    size_t count = count_same(node);
    if (count > WORDS_MAX) return malformed(p);
    struct slice *items = arena_calloc(p->arena, count, sizeof *items);
    TRY(arena_ok(p->arena));
    for (size_t i = 0; i < count; i++, node = xml_next_same(node)) {
        items[i] = slice_trim(node->text);
        if (items[i].len == 0) return malformed(p);
    }
    *ret_words = (struct cors_words){items, count};
    return status_ok();
}

static struct status methods_check(struct parse *p, const struct cors_words *methods) {
    static const char *const known[] = {"GET", "PUT", "POST", "DELETE", "HEAD"};
    for (size_t i = 0; i < methods->count; i++) {
        bool found = false;
        for (size_t k = 0; k < ARRAY_LEN(known) && !found; k++) {
            found = slice_eq(methods->items[i], slice_str(known[k]));
        }
        if (!found) {
            return note_status(p->note, STATUS_INVALID,
                               "Found unsupported HTTP method in CORS config. Unsupported method "
                               "is %.*s",
                               SLICE_FMT(slice_take(methods->items[i], 64)));
        }
    }
    return status_ok();
}

static size_t count_stars(struct slice text) {
    size_t count = 0;
    for (size_t i = 0; i < text.len; i++) count += text.ptr[i] == '*';
    return count;
}

static struct status stars_check(struct parse *p, const char *what, const struct cors_words *words,
                                 size_t max) {
    for (size_t i = 0; i < words->count; i++) {
        if (count_stars(words->items[i]) > max) {
            return note_status(p->note, STATUS_INVALID, "%s \"%.*s\" can not have %s wildcard.",
                               what, SLICE_FMT(slice_take(words->items[i], 128)),
                               max == 0 ? "any" : "more than one");
        }
    }
    return status_ok();
}

/* They are said in every answer: each must be a header's name, and all must fit into a head. */
static struct status exposed_check(struct parse *p, const struct cors_words *exposed) {
    size_t bytes = 0;
    for (size_t i = 0; i < exposed->count; i++) {
        bytes += exposed->items[i].len;
        if (http_is_token(exposed->items[i]) && bytes <= EXPOSED_BYTES_MAX) continue;
        return note_status(p->note, STATUS_INVALID,
                           "ExposeHeader \"%.*s\" is no header's name, or they are too long.",
                           SLICE_FMT(slice_take(exposed->items[i], 128)));
    }
    return status_ok();
}

static struct status rule_read(struct parse *p, const struct xml_node *node,
                               struct cors_rule *ret_rule) {
    ret_rule->id = slice_trim(xml_text(node, "ID"));
    TRY(words_read(p, node, "AllowedOrigin", &ret_rule->origins));
    TRY(words_read(p, node, "AllowedMethod", &ret_rule->methods));
    TRY(words_read(p, node, "AllowedHeader", &ret_rule->headers));
    TRY(words_read(p, node, "ExposeHeader", &ret_rule->exposed));
    if (ret_rule->origins.count == 0 || ret_rule->methods.count == 0) return malformed(p);
    TRY(methods_check(p, &ret_rule->methods));
    TRY(stars_check(p, "AllowedOrigin", &ret_rule->origins, 1));
    TRY(stars_check(p, "AllowedHeader", &ret_rule->headers, 1));
    TRY(stars_check(p, "ExposeHeader", &ret_rule->exposed, 0));
    TRY(exposed_check(p, &ret_rule->exposed));
    if (xml_child(node, "MaxAgeSeconds") == NULL) return status_ok();
    ret_rule->has_max_age = true;
    bool fine =
        xml_u64(node, "MaxAgeSeconds", &ret_rule->max_age_s) && ret_rule->max_age_s <= INT32_MAX;
    return fine ? status_ok() : malformed(p);
}

static struct status rules_read(struct parse *p, struct slice document, struct cors *ret_cors) {
    const struct xml_node *root;
    struct note why = {0};
    struct status s = xml_parse(p->arena, document, NULL, &why, &root);
    if (status_is(s, STATUS_INVALID) || status_is(s, STATUS_TOO_LARGE)) return malformed(p);
    TRY(s);
    const struct xml_node *node = xml_child(root, "CORSRule");
    size_t count = count_same(node);
    if (!xml_is(root, "CORSConfiguration") || count == 0 || count > CORS_RULES_MAX) {
        return malformed(p);
    }
    struct cors_rule *rules = arena_calloc(p->arena, count, sizeof *rules);
    TRY(arena_ok(p->arena));
    for (size_t i = 0; i < count; i++, node = xml_next_same(node)) {
        TRY(rule_read(p, node, &rules[i]));
    }
    *ret_cors = (struct cors){rules, count};
    return status_ok();
}

struct status cors_parse(struct arena *arena, struct slice document, struct note *note,
                         bool *ret_is_malformed, struct cors *ret_cors) {
    struct parse p = {.arena = arena, .note = note};
    struct status s =
        document.len > CORS_DOCUMENT_MAX ? malformed(&p) : rules_read(&p, document, ret_cors);
    *ret_is_malformed = p.malformed;
    return s;
}

/* Whether `text` fits `pattern`, in which one '*' stands for any run. */
static bool fits(struct slice pattern, struct slice text, bool ignore_case) {
    size_t star = slice_find_char(pattern, '*');
    if (star == pattern.len) {
        return ignore_case ? slice_eq_nocase(pattern, text) : slice_eq(pattern, text);
    }
    struct slice head = slice_take(pattern, star);
    struct slice tail = slice_skip(pattern, star + 1);
    if (text.len < head.len + tail.len) return false;
    struct slice text_head = slice_take(text, head.len);
    struct slice text_tail = slice_skip(text, text.len - tail.len);
    return ignore_case ? slice_eq_nocase(head, text_head) && slice_eq_nocase(tail, text_tail)
                       : slice_eq(head, text_head) && slice_eq(tail, text_tail);
}

static bool any_fits(const struct cors_words *words, struct slice text, bool ignore_case) {
    for (size_t i = 0; i < words->count; i++) {
        if (fits(words->items[i], text, ignore_case)) return true;
    }
    return false;
}

static bool headers_fit(const struct cors_rule *rule, struct slice headers) {
    struct slice name;
    while (http_list_next(&headers, &name)) {
        if (!any_fits(&rule->headers, name, true)) return false;
    }
    return true;
}

const struct cors_rule *cors_match(const struct cors *cors, const struct cors_question *question) {
    for (size_t i = 0; i < cors->rule_count; i++) {
        const struct cors_rule *rule = &cors->rules[i];
        if (any_fits(&rule->origins, question->origin, false) &&
            any_fits(&rule->methods, question->method, false) &&
            headers_fit(rule, question->headers)) {
            return rule;
        }
    }
    return NULL;
}

static struct slice joined(const struct cors_words *words, struct arena *arena) {
    struct slice *parts = arena_calloc(arena, 2 * words->count, sizeof *parts);
    if (parts == NULL || words->count == 0) return (struct slice){0};
    for (size_t i = 0; i < words->count; i++) {
        parts[2 * i] = words->items[i];
        parts[2 * i + 1] = SLICE(", ");
    }
    return arena_join(arena, parts, 2 * words->count - 1);
}

static bool allows_everybody(const struct cors_rule *rule) {
    for (size_t i = 0; i < rule->origins.count; i++) {
        if (slice_eq(rule->origins.items[i], SLICE("*"))) return true;
    }
    return false;
}

void cors_answer(const struct cors_rule *rule, const struct cors_question *question,
                 bool is_preflight, struct arena *arena, struct http_response *response) {
    bool everybody = allows_everybody(rule);
    http_response_set(response, SLICE("Access-Control-Allow-Origin"),
                      everybody ? SLICE("*") : question->origin);
    if (!everybody) http_response_set_str(response, "Access-Control-Allow-Credentials", "true");
    http_response_set(response, SLICE("Access-Control-Allow-Methods"),
                      joined(&rule->methods, arena));
    if (rule->exposed.count > 0) {
        http_response_set(response, SLICE("Access-Control-Expose-Headers"),
                          joined(&rule->exposed, arena));
    }
    if (is_preflight && question->headers.len > 0) {
        http_response_set(response, SLICE("Access-Control-Allow-Headers"), question->headers);
    }
    if (rule->has_max_age) {
        http_response_set_u64(response, "Access-Control-Max-Age", rule->max_age_s);
    }
    http_response_set_str(response, "Vary",
                          "Origin, Access-Control-Request-Headers, Access-Control-Request-Method");
}
