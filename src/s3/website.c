#include "s3/website.h"

#include "base/buf.h"
#include "base/codec.h"
#include "http/text.h"

enum { LOCATION_MAX = 8 * 1024 };

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

static struct status wrong(struct parse *p, const char *text) {
    return note_status(p->note, STATUS_INVALID, "%s", text);
}

static struct status protocol_read(struct parse *p, const struct xml_node *node,
                                   enum website_protocol *ret_protocol) {
    struct slice text = slice_trim(xml_text(node, "Protocol"));
    if (xml_child(node, "Protocol") == NULL) {
        *ret_protocol = WEBSITE_PROTOCOL_SAME;
    } else if (slice_eq(text, SLICE("http"))) {
        *ret_protocol = WEBSITE_PROTOCOL_HTTP;
    } else if (slice_eq(text, SLICE("https"))) {
        *ret_protocol = WEBSITE_PROTOCOL_HTTPS;
    } else {
        return wrong(p,
                     "Invalid protocol, protocol can be http or https. If not defined the "
                     "protocol will be selected automatically.");
    }
    return status_ok();
}

/* The text of a child; a NULL ptr where it is not there. */
static struct slice text_of(const struct xml_node *node, const char *name) {
    const struct xml_node *child = xml_child(node, name);
    if (child == NULL) return (struct slice){0};
    return child->text.ptr ? child->text : SLICE("");
}

/* Goes into a Location as it is. */
static struct status host_read(struct parse *p, const struct xml_node *node,
                               struct slice *ret_host) {
    *ret_host = text_of(node, "HostName");
    bool has_blank = slice_find_char(*ret_host, ' ') < ret_host->len ||
                     slice_find_char(*ret_host, '\t') < ret_host->len;
    if (http_is_field_value(*ret_host) && !has_blank) return status_ok();
    return wrong(p, "The HostName is not well formed");
}

static struct status redirect_read(struct parse *p, const struct xml_node *node,
                                   struct website_redirect *ret_redirect) {
    TRY(protocol_read(p, node, &ret_redirect->protocol));
    TRY(host_read(p, node, &ret_redirect->host));
    ret_redirect->replace_key_prefix = text_of(node, "ReplaceKeyPrefixWith");
    ret_redirect->replace_key = text_of(node, "ReplaceKeyWith");
    ret_redirect->status = 301;
    if (ret_redirect->replace_key.ptr && ret_redirect->replace_key_prefix.ptr) {
        return wrong(p, "You can only define ReplaceKeyPrefix or ReplaceKey but not both.");
    }
    if (xml_child(node, "HttpRedirectCode") == NULL) return status_ok();
    uint64_t code;
    if (!xml_u64(node, "HttpRedirectCode", &code) || code <= 300 || code >= 400) {
        return wrong(p,
                     "The provided HTTP redirect code is not valid. Valid codes are 3XX except "
                     "300.");
    }
    ret_redirect->status = (int)code;
    return status_ok();
}

static struct status rule_read(struct parse *p, const struct xml_node *node,
                               struct website_rule *ret_rule) {
    const struct xml_node *redirect = xml_child(node, "Redirect");
    const struct xml_node *condition = xml_child(node, "Condition");
    if (redirect == NULL) return malformed(p);
    TRY(redirect_read(p, redirect, &ret_rule->redirect));
    if (condition == NULL) return status_ok();
    ret_rule->key_prefix = text_of(condition, "KeyPrefixEquals");
    bool has_status = xml_child(condition, "HttpErrorCodeReturnedEquals") != NULL;
    if (!has_status && ret_rule->key_prefix.ptr == NULL) {
        return wrong(p,
                     "Condition cannot be empty. To redirect all requests without a condition, "
                     "the condition element shouldn't be present.");
    }
    if (!has_status) return status_ok();
    uint64_t code;
    if (!xml_u64(condition, "HttpErrorCodeReturnedEquals", &code) || code < 400 || code > 599) {
        return wrong(p, "The provided HTTP error code is not valid. Valid codes are 4XX or 5XX.");
    }
    ret_rule->error_status = (int)code;
    return status_ok();
}

static struct status rules_read(struct parse *p, const struct xml_node *list,
                                struct website *website) {
    size_t count = 0;
    const struct xml_node *node = xml_child(list, "RoutingRule");
    for (const struct xml_node *n = node; n != NULL; n = xml_next_same(n)) count++;
    if (count == 0) return malformed(p);
    if (count > WEBSITE_RULES_MAX) {
        return wrong(p,
                     "Too many routing rules defined, maximum number of rules per website "
                     "configuration: 50.");
    }
    struct website_rule *rules = arena_calloc(p->arena, count, sizeof *rules);
    TRY(arena_ok(p->arena));
    for (size_t i = 0; i < count; i++, node = xml_next_same(node)) {
        TRY(rule_read(p, node, &rules[i]));
    }
    website->rules = rules;
    website->rule_count = count;
    return status_ok();
}

static struct status all_read(struct parse *p, const struct xml_node *all,
                              struct website *website) {
    website->redirects_all = true;
    TRY(protocol_read(p, all, &website->all.protocol));
    TRY(host_read(p, all, &website->all.host));
    website->all.status = 301;
    return website->all.host.len > 0 ? status_ok() : malformed(p);
}

static struct status pages_read(struct parse *p, const struct xml_node *root,
                                struct website *website) {
    website->index_suffix = text_of(xml_child(root, "IndexDocument"), "Suffix");
    if (website->index_suffix.len == 0 ||
        slice_find_char(website->index_suffix, '/') < website->index_suffix.len) {
        return wrong(p, "The IndexDocument Suffix is not well formed");
    }
    const struct xml_node *error = xml_child(root, "ErrorDocument");
    if (error != NULL) website->error_key = text_of(error, "Key");
    if (error != NULL && website->error_key.len == 0) return malformed(p);
    const struct xml_node *rules = xml_child(root, "RoutingRules");
    return rules ? rules_read(p, rules, website) : status_ok();
}

static struct status document_read(struct parse *p, struct slice document,
                                   struct website *website) {
    const struct xml_node *root;
    struct note why = {0};
    struct status s = xml_parse(p->arena, document, NULL, &why, &root);
    if (status_is(s, STATUS_INVALID) || status_is(s, STATUS_TOO_LARGE)) return malformed(p);
    TRY(s);
    if (!xml_is(root, "WebsiteConfiguration")) return malformed(p);
    const struct xml_node *all = xml_child(root, "RedirectAllRequestsTo");
    if (all == NULL) return pages_read(p, root, website);
    if (xml_child(root, "IndexDocument") || xml_child(root, "ErrorDocument") ||
        xml_child(root, "RoutingRules")) {
        return wrong(p,
                     "RedirectAllRequestsTo cannot be provided in conjunction with other Routing "
                     "Rules.");
    }
    return all_read(p, all, website);
}

struct status website_parse(struct arena *arena, struct slice document, struct note *note,
                            bool *ret_is_malformed, struct website *ret_website) {
    struct parse p = {.arena = arena, .note = note};
    struct website website = {0};
    struct status s =
        document.len > WEBSITE_DOCUMENT_MAX ? malformed(&p) : document_read(&p, document, &website);
    *ret_is_malformed = p.malformed;
    if (is_ok(s)) *ret_website = website;
    return s;
}

const struct website_rule *website_rule_match(const struct website *website, struct slice key,
                                              int status) {
    for (size_t i = 0; i < website->rule_count; i++) {
        const struct website_rule *rule = &website->rules[i];
        if (rule->error_status != 0 && rule->error_status != status) continue;
        if (slice_starts_with(key, rule->key_prefix)) return rule;
    }
    return NULL;
}

struct slice website_index_key(const struct website *website, struct slice key,
                               struct arena *arena) {
    bool is_folder = key.len == 0 || key.ptr[key.len - 1] == '/';
    if (!is_folder) return key;
    struct slice parts[] = {key, website->index_suffix};
    return arena_join(arena, parts, 2);
}

struct slice website_location(const struct website_redirect *redirect, struct slice rule_prefix,
                              struct slice key, bool https, struct slice host,
                              struct arena *arena) {
    struct buf buf;
    buf_init(&buf, LOCATION_MAX);
    if (redirect->protocol != WEBSITE_PROTOCOL_SAME) {
        https = redirect->protocol == WEBSITE_PROTOCOL_HTTPS;
    }
    buf_append_str(&buf, https ? "https://" : "http://");
    buf_append(&buf, redirect->host.len > 0 ? redirect->host : host);
    buf_append_char(&buf, '/');
    if (redirect->replace_key.ptr) {
        percent_encode(&buf, redirect->replace_key, true);
    } else if (redirect->replace_key_prefix.ptr) {
        percent_encode(&buf, redirect->replace_key_prefix, true);
        percent_encode(&buf, slice_skip(key, rule_prefix.len), true);
    } else {
        percent_encode(&buf, key, true);
    }
    struct slice location =
        is_ok(buf_ok(&buf)) ? arena_dup(arena, buf_slice(&buf)) : (struct slice){0};
    buf_fini(&buf);
    return location;
}
