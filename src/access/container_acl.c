#include "access/container_acl.h"

#include "base/check.h"

/* ---- clean ---------------------------------------------------------------------------------- */

static bool next_element(struct slice *rest, struct slice *ret_element) {
    while (rest->len > 0) {
        struct slice element, behind;
        slice_cut(*rest, ',', &element, &behind);
        *rest = behind;
        *ret_element = slice_trim(element);
        if (ret_element->len > 0) return true;
    }
    return false;
}

static bool is_referrer_word(struct slice word) {
    return slice_eq(word, SLICE(".r")) || slice_eq(word, SLICE(".ref")) ||
           slice_eq(word, SLICE(".referer")) || slice_eq(word, SLICE(".referrer"));
}

static struct status clean_referrer(struct slice element, struct slice host, bool writes,
                                    struct buf *out, struct note *note) {
    bool negates = host.len > 0 && host.ptr[0] == '-';
    if (writes) {
        return note_status(note, STATUS_INVALID, "Referrers not allowed in write ACL: '%.*s'",
                           SLICE_FMT(element));
    }
    if (negates) host = slice_trim(slice_skip(host, 1));
    if (host.len > 1 && host.ptr[0] == '*') host = slice_trim(slice_skip(host, 1));
    if (host.len == 0 || slice_eq(host, SLICE("."))) {
        return note_status(note, STATUS_INVALID,
                           "No host/domain value after referrer designation in ACL: '%.*s'",
                           SLICE_FMT(element));
    }
    buf_append_str(out, negates ? ".r:-" : ".r:");
    buf_append(out, host);
    return status_ok();
}

static struct status clean_element(struct slice element, bool writes, struct buf *out,
                                   struct note *note) {
    struct slice first, second;
    bool has_colon = slice_cut(element, ':', &first, &second);
    first = slice_trim(first);
    if (!has_colon || first.len == 0 || first.ptr[0] != '.') {
        buf_append(out, element);
        return status_ok();
    }
    if (is_referrer_word(first)) {
        return clean_referrer(element, slice_trim(second), writes, out, note);
    }
    return note_status(note, STATUS_INVALID, "Unknown designator '%.*s' in ACL: '%.*s'",
                       SLICE_FMT(first), SLICE_FMT(element));
}

struct status container_acl_clean(struct slice text, bool writes, struct buf *out,
                                  struct note *note) {
    struct slice element;
    bool begun = false;
    if (text.len > CONTAINER_ACL_MAX) {
        return note_status(note, STATUS_TOO_LARGE, "The ACL is longer than %d bytes.",
                           CONTAINER_ACL_MAX);
    }
    while (next_element(&text, &element)) {
        if (begun) buf_append_char(out, ',');
        begun = true;
        TRY(clean_element(element, writes, out, note));
    }
    return buf_ok(out);
}

/* ---- ask ------------------------------------------------------------------------------------ */

static bool is_name(struct slice text, struct slice id, struct slice name, bool names_count) {
    if (text.len == 0) return false;
    if (slice_eq(text, id)) return true;
    return names_count && slice_eq(text, name);
}

static bool has_role(struct slice role_names, struct slice word) {
    while (role_names.len > 0) {
        struct slice role, rest;
        slice_cut(role_names, ',', &role, &rest);
        role_names = rest;
        if (role.len > 0 && slice_eq_nocase(role, word)) return true;
    }
    return false;
}

bool container_acl_means(struct slice element, const struct container_acl_who *who) {
    struct slice project, user;
    if (who->anonymous || element.len == 0 || element.ptr[0] == '.') return false;
    if (!slice_cut(element, ':', &project, &user)) {
        if (slice_eq(element, who->user_id) || has_role(who->role_names, element)) return true;
        return !who->for_itself &&
               is_name(element, who->project_id, who->project_name, who->names_count);
    }
    bool any_user = slice_eq(user, SLICE("*"));
    bool user_fits = any_user || is_name(user, who->user_id, who->user_name, who->names_count);
    bool project_fits = slice_eq(project, SLICE("*")) ||
                        is_name(project, who->project_id, who->project_name, who->names_count);
    return user_fits && project_fits && !(any_user && who->for_itself);
}

/* The host of a Referer; "unknown" where it has none. Spec: Swift, referrer_allowed. */
static struct slice host_of(struct slice referer) {
    size_t scheme = slice_find(referer, SLICE("://"), 0);
    struct slice host, rest, user;
    if (scheme == referer.len) return SLICE("unknown");
    referer = slice_skip(referer, scheme + 3);
    size_t end = 0;
    while (end < referer.len && strchr("/?#", referer.ptr[end]) == NULL) end++;
    referer = slice_take(referer, end);
    if (slice_cut(referer, '@', &user, &rest)) referer = rest;
    slice_cut(referer, ':', &host, &rest);
    return host.len > 0 ? host : SLICE("unknown");
}

static bool host_fits(struct slice pattern, struct slice host) {
    if (slice_eq_nocase(pattern, host)) return true;
    return pattern.len > 0 && pattern.ptr[0] == '.' && host.len > pattern.len &&
           slice_eq_nocase(slice_skip(host, host.len - pattern.len), pattern);
}

/* The last referrer that fits decides. */
static bool referrer_allows(struct slice acl, struct slice referer) {
    struct slice host = host_of(referer);
    struct slice element;
    bool allowed = false;
    while (next_element(&acl, &element)) {
        if (!slice_starts_with(element, SLICE(".r:"))) continue;
        struct slice pattern = slice_skip(element, 3);
        bool negates = pattern.len > 0 && pattern.ptr[0] == '-';
        if (negates) pattern = slice_skip(pattern, 1);
        bool fits = host_fits(pattern, host) || (!negates && slice_eq(pattern, SLICE("*")));
        if (fits) allowed = !negates;
    }
    return allowed;
}

static bool has_element(struct slice acl, struct slice word) {
    struct slice element;
    while (next_element(&acl, &element)) {
        if (slice_eq(element, word)) return true;
    }
    return false;
}

enum container_acl_verdict container_acl_ask(struct slice acl, bool lists,
                                             const struct container_acl_who *who) {
    struct slice rest = acl;
    struct slice element;
    while (next_element(&rest, &element)) {
        if (container_acl_means(element, who)) return CONTAINER_ACL_NAMED;
    }
    bool counts = !lists || has_element(acl, SLICE(".rlistings"));
    if (counts && referrer_allows(acl, who->referer)) return CONTAINER_ACL_PUBLIC;
    return CONTAINER_ACL_NOTHING;
}

bool container_acl_is_public(struct slice acl) {
    struct slice element;
    while (next_element(&acl, &element)) {
        bool negates = slice_starts_with(element, SLICE(".r:-"));
        if (slice_starts_with(element, SLICE(".r:")) && !negates) return true;
    }
    return false;
}
