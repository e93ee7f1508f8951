#include "s3/acl_document.h"

#include "base/check.h"
#include "http/text.h"
#include "xml/reader.h"

#define XSI "xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" xsi:type="

static const struct {
    enum acl_grantee_kind kind;
    const char *uri;
} groups[] = {
    {ACL_EVERYBODY, "http://acs.amazonaws.com/groups/global/AllUsers"},
    {ACL_AUTHENTICATED, "http://acs.amazonaws.com/groups/global/AuthenticatedUsers"},
    {ACL_LOG_DELIVERY, "http://acs.amazonaws.com/groups/s3/LogDelivery"},
};

static const struct {
    const char *name;
    const char *header;
    unsigned permission;
} permissions[] = {
    {"READ", "x-amz-grant-read", ACL_READ},
    {"WRITE", "x-amz-grant-write", ACL_WRITE},
    {"READ_ACP", "x-amz-grant-read-acp", ACL_READ_ACP},
    {"WRITE_ACP", "x-amz-grant-write-acp", ACL_WRITE_ACP},
    {"FULL_CONTROL", "x-amz-grant-full-control", ACL_FULL_CONTROL},
};

/* A list on its way in. */
struct parse {
    struct arena *arena;
    struct note *note;
    enum acl_defect defect;
    struct acl_grant *grants;
    size_t count;
};

static struct status refuse(struct parse *p, enum acl_defect defect, const char *text) {
    p->defect = defect;
    return note_status(p->note, STATUS_INVALID, "%s", text);
}

static struct status malformed(struct parse *p) {
    return refuse(p, ACL_DEFECT_MALFORMED,
                  "The XML you provided was not well-formed or did not validate against our "
                  "published schema");
}

static struct status begin(struct parse *p) {
    p->grants = arena_calloc(p->arena, ACL_GRANTS_MAX, sizeof *p->grants);
    return arena_ok(p->arena);
}

static struct status grant_add(struct parse *p, const struct acl_grant *grant) {
    if (p->count == ACL_GRANTS_MAX) {
        return refuse(p, ACL_DEFECT_MALFORMED, "An access control list has at most 100 grants.");
    }
    p->grants[p->count++] = *grant;
    return status_ok();
}

static struct status group_find(struct parse *p, struct slice uri,
                                enum acl_grantee_kind *ret_kind) {
    for (size_t i = 0; i < ARRAY_LEN(groups); i++) {
        if (!slice_eq(uri, slice_str(groups[i].uri))) continue;
        *ret_kind = groups[i].kind;
        return status_ok();
    }
    return refuse(p, ACL_DEFECT_ARGUMENT, "Invalid group uri");
}

static struct status by_email(struct parse *p) {
    return refuse(p, ACL_DEFECT_EMAIL,
                  "The e-mail address you provided does not match any account on record.");
}

static struct status grantee_read(struct parse *p, const struct xml_node *node,
                                  struct acl_grant *grant) {
    if (xml_child(node, "URI")) {
        return group_find(p, slice_trim(xml_text(node, "URI")), &grant->kind);
    }
    if (xml_child(node, "EmailAddress")) return by_email(p);
    grant->kind = ACL_USER;
    grant->id = slice_trim(xml_text(node, "ID"));
    grant->name = slice_trim(xml_text(node, "DisplayName"));
    return grant->id.len > 0 ? status_ok() : malformed(p);
}

static struct status grant_read(struct parse *p, const struct xml_node *node) {
    struct acl_grant grant = {0};
    const struct xml_node *grantee = xml_child(node, "Grantee");
    struct slice name = slice_trim(xml_text(node, "Permission"));
    if (grantee == NULL) return malformed(p);
    for (size_t i = 0; i < ARRAY_LEN(permissions); i++) {
        if (slice_eq(name, slice_str(permissions[i].name))) {
            grant.permission = permissions[i].permission;
        }
    }
    if (grant.permission == 0) return malformed(p);
    TRY(grantee_read(p, grantee, &grant));
    return grant_add(p, &grant);
}

static struct status document_read(struct parse *p, struct slice document, struct acl *acl) {
    const struct xml_node *root;
    struct note why = {0};
    struct status s = xml_parse(p->arena, document, NULL, &why, &root);
    if (status_is(s, STATUS_INVALID) || status_is(s, STATUS_TOO_LARGE)) return malformed(p);
    TRY(s);
    const struct xml_node *owner = xml_child(root, "Owner");
    const struct xml_node *list = xml_child(root, "AccessControlList");
    if (!xml_is(root, "AccessControlPolicy") || owner == NULL || list == NULL) return malformed(p);
    acl->owner_id = slice_trim(xml_text(owner, "ID"));
    acl->owner_name = slice_trim(xml_text(owner, "DisplayName"));
    if (acl->owner_id.len == 0) return malformed(p);
    const struct xml_node *node = xml_child(list, "Grant");
    for (; node != NULL; node = xml_next_same(node)) TRY(grant_read(p, node));
    return status_ok();
}

struct status acl_document_parse(struct arena *arena, struct slice document, struct note *note,
                                 enum acl_defect *ret_defect, struct acl *ret_acl) {
    struct parse p = {.arena = arena, .note = note};
    struct acl acl = {0};
    TRY(begin(&p));
    struct status s =
        document.len > ACL_DOCUMENT_MAX ? malformed(&p) : document_read(&p, document, &acl);
    *ret_defect = p.defect;
    acl.grants = p.grants;
    acl.grant_count = p.count;
    if (is_ok(s)) *ret_acl = acl;
    return s;
}

bool acl_headers_are_there(const struct http_head *head) {
    for (size_t i = 0; i < ARRAY_LEN(permissions); i++) {
        if (http_head_count(head, slice_str(permissions[i].header)) > 0) return true;
    }
    return false;
}

/* One element of a grant header: kind="value", the quotes optional. */
static struct status grantee_parse(struct parse *p, struct slice element, struct acl_grant *grant) {
    struct slice kind;
    struct slice value;
    if (!slice_cut(element, '=', &kind, &value)) {
        return refuse(p, ACL_DEFECT_ARGUMENT, "Argument format not recognized");
    }
    kind = slice_trim(kind);
    value = slice_trim(value);
    if (value.len >= 2 && value.ptr[0] == '"' && value.ptr[value.len - 1] == '"') {
        value = slice_of(value.ptr + 1, value.len - 2);
    }
    if (slice_eq_nocase(kind, SLICE("uri"))) return group_find(p, value, &grant->kind);
    if (slice_eq_nocase(kind, SLICE("emailAddress"))) return by_email(p);
    if (!slice_eq_nocase(kind, SLICE("id")) || value.len == 0) {
        return refuse(p, ACL_DEFECT_ARGUMENT, "Argument format not recognized");
    }
    grant->kind = ACL_USER;
    grant->id = value;
    return status_ok();
}

static struct status header_parse(struct parse *p, struct slice list, unsigned permission) {
    struct slice element;
    while (http_list_next(&list, &element)) {
        struct acl_grant grant = {.permission = permission};
        TRY(grantee_parse(p, element, &grant));
        TRY(grant_add(p, &grant));
    }
    return status_ok();
}

static struct status headers_read(struct parse *p, const struct http_head *head) {
    for (size_t i = 0; i < ARRAY_LEN(permissions); i++) {
        struct slice name = slice_str(permissions[i].header);
        for (size_t h = 0; h < head->header_count; h++) {
            if (!slice_eq_nocase(head->headers[h].name, name)) continue;
            TRY(header_parse(p, head->headers[h].value, permissions[i].permission));
        }
    }
    return status_ok();
}

struct status acl_headers_parse(const struct http_head *head, const struct acl_owners *owners,
                                struct arena *arena, struct note *note, enum acl_defect *ret_defect,
                                struct acl *ret_acl) {
    struct parse p = {.arena = arena, .note = note};
    TRY(begin(&p));
    struct status s = headers_read(&p, head);
    *ret_defect = p.defect;
    if (is_ok(s)) {
        *ret_acl = (struct acl){owners->owner_id, owners->owner_name, p.grants, p.count};
    }
    return s;
}

static const char *group_uri(enum acl_grantee_kind kind) {
    for (size_t i = 0; i < ARRAY_LEN(groups); i++) {
        if (groups[i].kind == kind) return groups[i].uri;
    }
    return "";
}

static void person_write(struct xml_writer *writer, struct slice id, struct slice name) {
    xml_element(writer, "ID", id);
    if (name.len > 0) xml_element(writer, "DisplayName", name);
}

static void grant_write(struct xml_writer *writer, const struct acl_grant *grant,
                        const char *permission) {
    xml_open(writer, "Grant");
    if (grant->kind == ACL_USER) {
        xml_open_with(writer, "Grantee", XSI "\"CanonicalUser\"");
        person_write(writer, grant->id, grant->name);
    } else {
        xml_open_with(writer, "Grantee", XSI "\"Group\"");
        xml_element_str(writer, "URI", group_uri(grant->kind));
    }
    xml_close(writer, "Grantee");
    xml_element_str(writer, "Permission", permission);
    xml_close(writer, "Grant");
}

/* The grants to groups, or those to users. */
static void grants_write(struct xml_writer *writer, const struct acl *acl, bool to_users) {
    for (size_t i = 0; i < acl->grant_count; i++) {
        if ((acl->grants[i].kind == ACL_USER) != to_users) continue;
        for (size_t p = 0; p < ARRAY_LEN(permissions); p++) {
            if (permissions[p].permission == acl->grants[i].permission) {
                grant_write(writer, &acl->grants[i], permissions[p].name);
            }
        }
    }
}

/* The order of grants means nothing; Ceph's suite wants groups before users. */
void acl_document_write(struct xml_writer *writer, const struct acl *acl) {
    xml_declaration(writer);
    xml_open_ns(writer, "AccessControlPolicy", XML_NS_S3);
    xml_open(writer, "Owner");
    person_write(writer, acl->owner_id, acl->owner_name);
    xml_close(writer, "Owner");
    xml_open(writer, "AccessControlList");
    grants_write(writer, acl, false);
    grants_write(writer, acl, true);
    xml_close(writer, "AccessControlList");
    xml_close(writer, "AccessControlPolicy");
}
