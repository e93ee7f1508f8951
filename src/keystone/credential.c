/*
 * EC2 credentials, which are our access keys, by both of their doors: OS-EC2 below a user, and
 * /v3/credentials, where the id is the SHA-256 of the access key.
 */
#include "base/check.h"
#include "base/codec.h"
#include "crypto/digest.h"
#include "keystone/call.h"

enum { PAGE = 200, ID_LEN = 2 * DIGEST_SHA256_LEN };

/* An access key is worth all rights of its user, so what has only some of them gets none. */
static struct status check_whole(struct keystone_call *call) {
    if (call->bearer.application_id.len == 0) return status_ok();
    return keystone_refuse(call, 403,
                           "An application credential has nothing to do with EC2 credentials.");
}

/* --- documents --- */

static void write_ec2(struct keystone_call *call, struct json_writer *w,
                      const struct builtin_key *key) {
    json_begin_object(w);
    json_member_string(w, "user_id", key->user_id);
    json_member_string(w, "tenant_id", key->project_id);
    json_member_string(w, "access", key->access_key);
    json_member_string(w, "secret", key->secret);
    json_member_str(w, "trust_id", NULL);
    keystone_write_self(call, w, "users/%.*s/credentials/OS-EC2/%.*s", SLICE_FMT(key->user_id),
                        SLICE_FMT(key->access_key));
    json_end_object(w);
}

/* The id that /v3/credentials knows an access key by. */
static void id_of(struct slice access_key, char *out) {
    uint8_t bytes[DIGEST_SHA256_LEN];
    struct buf buf;
    digest_sha256(access_key, bytes);
    buf_init_fixed(&buf, out, ID_LEN);
    hex_encode(&buf, slice_of(bytes, sizeof bytes));
}

static void write_credential(struct keystone_call *call, struct json_writer *w,
                             const struct builtin_key *key) {
    char id[ID_LEN];
    id_of(key->access_key, id);
    /* Room for both, should each of their characters be escaped. */
    char blob_bytes[6 * (IDENTITY_ACCESS_KEY_MAX + IDENTITY_SECRET_KEY_MAX) + 64];
    struct buf blob;
    struct json_writer inner;
    buf_init_fixed(&blob, blob_bytes, sizeof blob_bytes);
    json_writer_init(&inner, &blob);
    json_begin_object(&inner);
    json_member_string(&inner, "access", key->access_key);
    json_member_string(&inner, "secret", key->secret);
    json_member_str(&inner, "trust_id", NULL);
    json_end_object(&inner);
    json_begin_object(w);
    json_member_string(w, "id", slice_of(id, sizeof id));
    json_member_string(w, "user_id", key->user_id);
    json_member_string(w, "project_id", key->project_id);
    json_member_str(w, "type", "ec2");
    json_member_string(w, "blob", buf_slice(&blob));
    keystone_write_self(call, w, "credentials/%.*s", ID_LEN, id);
    json_end_object(w);
    explicit_bzero(blob_bytes, sizeof blob_bytes);
}

/* How a key is written, for one of the doors. */
struct key_form {
    void (*write)(struct keystone_call *call, struct json_writer *w, const struct builtin_key *key);
};

static const struct key_form ec2_form = {write_ec2};
static const struct key_form credential_form = {write_credential};

static struct status answer_one(struct keystone_call *call, const struct builtin_key *key,
                                const struct key_form *form) {
    struct json_writer w = keystone_document(call);
    json_begin_object(&w);
    json_key(&w, "credential");
    form->write(call, &w, key);
    json_end_object(&w);
    return status_ok();
}

/* --- whose it is --- */

/* The one rule: a key is for its owner, and for who administers all or its project. */
static bool may_touch(const struct keystone_call *call, const struct builtin_key *key) {
    return keystone_is_self(call, key->user_id) || keystone_is_project_admin(call, key->project_id);
}

/*
 * Lists the keys of a user (of everybody for an empty id), those of them that the caller may see.
 */
static struct status answer_list(struct keystone_call *call, struct slice user_id,
                                 const struct key_form *form) {
    struct builtin *store = call->service->store;
    struct builtin_key *page = arena_calloc(call->arena, PAGE, sizeof *page);
    struct json_writer w = keystone_document(call);
    struct slice after = SLICE("");
    bool more = true;
    TRY(arena_ok(call->arena));
    json_begin_object(&w);
    json_key(&w, "credentials");
    json_begin_array(&w);
    while (more) {
        size_t count;
        TRY(builtin_key_list(store, user_id, after, call->arena, page, PAGE, &count, &more));
        for (size_t i = 0; i < count; i++) {
            struct builtin_key key;
            if (!may_touch(call, &page[i])) continue;
            struct status s =
                builtin_key_reveal(store, page[i].access_key, call->arena, call->note, &key);
            if (status_is(s, STATUS_NOT_FOUND)) continue; /* deleted meanwhile */
            TRY(s);
            form->write(call, &w, &key);
        }
        if (count == 0) break;
        after = page[count - 1].access_key;
        TRY(buf_ok(&call->document));
    }
    json_end_array(&w);
    keystone_write_list_links(call, &w);
    json_end_object(&w);
    return status_ok();
}

/* Makes a key for a user in a project in which the user has a role. */
static struct status create(struct keystone_call *call, const struct builtin_key *wanted,
                            const struct key_form *form) {
    struct builtin *store = call->service->store;
    struct builtin_entity user, project;
    struct builtin_key made;
    unsigned roles;
    if (!keystone_is_self(call, wanted->user_id) && !keystone_is_admin(call)) {
        return keystone_refuse_forbidden(call);
    }
    struct status s = builtin_find(store, BUILTIN_USER, SLICE(""), wanted->user_id, call->arena,
                                   call->note, &user);
    bool absent = status_is(s, STATUS_NOT_FOUND);
    if (!absent) TRY(s);
    if (absent || !slice_eq(user.id, wanted->user_id)) {
        return keystone_refuse_absent(call, "user", wanted->user_id);
    }
    s = builtin_find(store, BUILTIN_PROJECT, SLICE(""), wanted->project_id, call->arena, call->note,
                     &project);
    absent = status_is(s, STATUS_NOT_FOUND);
    if (!absent) TRY(s);
    if (absent || !slice_eq(project.id, wanted->project_id)) {
        return keystone_refuse_absent(call, "project", wanted->project_id);
    }
    /* Spec-deviation: Keystone makes a key where there is no role, and everybody who takes it has
     * to ask for roles each time. Here there is none, and the key ends with the role. */
    TRY(builtin_roles_of(store, &user, &project, call->arena, &roles));
    if (roles == 0) {
        return keystone_refuse(call, 403, "The user has no role in project %.*s.",
                               SLICE_FMT(project.id));
    }
    TRY(builtin_key_create(store, wanted, call->arena, call->note, &made));
    call->response.status = 201;
    return answer_one(call, &made, form);
}

/* --- OS-EC2 --- */

struct status keystone_ec2_create(struct keystone_call *call) {
    TRY(check_whole(call));
    TRY(keystone_parse_body(call));
    struct slice project_id = json_get_string(call->request, "tenant_id");
    if (project_id.len == 0) project_id = call->bearer.project.id;
    if (project_id.len == 0) {
        return keystone_refuse(call, 400, "The request needs a tenant_id.");
    }
    struct builtin_key wanted = {
        .user_id = call->words[0], .project_id = project_id, .enabled = true, .needs_role = true};
    return create(call, &wanted, &ec2_form);
}

struct status keystone_ec2_list(struct keystone_call *call) {
    TRY(check_whole(call));
    struct slice user_id = call->words[0];
    bool may = keystone_is_self(call, user_id) || keystone_is_admin(call) ||
               (call->bearer.roles & BUILTIN_ROLE_ADMIN) != 0;
    return may ? answer_list(call, user_id, &ec2_form) : keystone_refuse_forbidden(call);
}

/* The key in the path; what is not the caller's looks like what is not there. */
static struct status find_ec2(struct keystone_call *call, struct builtin_key *ret_key) {
    struct slice user_id = call->words[0];
    struct slice access_key = call->words[1];
    struct status s =
        builtin_key_reveal(call->service->store, access_key, call->arena, call->note, ret_key);
    bool absent = status_is(s, STATUS_NOT_FOUND);
    if (!absent) TRY(s);
    bool found = !absent && slice_eq(ret_key->user_id, user_id);
    if (found && may_touch(call, ret_key)) return status_ok();
    if (!keystone_is_self(call, user_id) && !keystone_is_admin(call)) {
        return keystone_refuse_forbidden(call);
    }
    return keystone_refuse_absent(call, "credential", access_key);
}

struct status keystone_ec2_show(struct keystone_call *call) {
    TRY(check_whole(call));
    struct builtin_key key;
    TRY(find_ec2(call, &key));
    return answer_one(call, &key, &ec2_form);
}

struct status keystone_ec2_delete(struct keystone_call *call) {
    TRY(check_whole(call));
    struct builtin_key key;
    TRY(find_ec2(call, &key));
    TRY(builtin_key_delete(call->service->store, key.access_key, call->note));
    call->response.status = 204;
    return status_ok();
}

/* --- /v3/credentials --- */

struct status keystone_credential_list(struct keystone_call *call) {
    TRY(check_whole(call));
    struct slice type = keystone_query(call, "type");
    struct slice user_id = keystone_query(call, "user_id");
    if (user_id.len > IDENTITY_ID_MAX) return keystone_refuse_absent(call, "user", user_id);
    if (user_id.len == 0) {
        bool all = keystone_is_admin(call) || (call->bearer.roles & BUILTIN_ROLE_ADMIN) != 0;
        user_id = all ? SLICE("") : call->bearer.user.id;
    }
    if (type.ptr != NULL && !slice_eq(type, SLICE("ec2"))) {
        struct json_writer w = keystone_document(call);
        json_begin_object(&w);
        json_key(&w, "credentials");
        json_begin_array(&w);
        json_end_array(&w);
        keystone_write_list_links(call, &w);
        json_end_object(&w);
        return status_ok();
    }
    return answer_list(call, user_id, &credential_form);
}

/* Looks for the key of that id among those of a user, or of everybody for an empty user id. */
static struct status search(struct keystone_call *call, struct slice user_id, struct slice id,
                            struct slice *ret_access_key) {
    struct builtin_key *page = arena_calloc(call->arena, PAGE, sizeof *page);
    struct slice after = SLICE("");
    bool more = true;
    TRY(arena_ok(call->arena));
    while (more) {
        size_t count;
        TRY(builtin_key_list(call->service->store, user_id, after, call->arena, page, PAGE, &count,
                             &more));
        for (size_t i = 0; i < count; i++) {
            char text[ID_LEN];
            id_of(page[i].access_key, text);
            if (!slice_eq(slice_of(text, sizeof text), id)) continue;
            *ret_access_key = page[i].access_key;
            return status_ok();
        }
        if (count == 0) break;
        after = page[count - 1].access_key;
    }
    return status_of(STATUS_NOT_FOUND);
}

static struct status find_credential(struct keystone_call *call, struct builtin_key *ret_key) {
    struct slice access_key;
    struct slice id = call->words[0];
    struct status s = search(call, call->bearer.user.id, id, &access_key);
    bool elsewhere = keystone_is_admin(call) || (call->bearer.roles & BUILTIN_ROLE_ADMIN) != 0;
    if (status_is(s, STATUS_NOT_FOUND) && elsewhere) s = search(call, SLICE(""), id, &access_key);
    if (is_ok(s)) {
        s = builtin_key_reveal(call->service->store, access_key, call->arena, call->note, ret_key);
    }
    bool hidden = is_ok(s) && !may_touch(call, ret_key);
    if (hidden || status_is(s, STATUS_NOT_FOUND)) {
        return keystone_refuse_absent(call, "credential", id);
    }
    return s;
}

struct status keystone_credential_show(struct keystone_call *call) {
    TRY(check_whole(call));
    struct builtin_key key;
    TRY(find_credential(call, &key));
    return answer_one(call, &key, &credential_form);
}

struct status keystone_credential_delete(struct keystone_call *call) {
    TRY(check_whole(call));
    struct builtin_key key;
    TRY(find_credential(call, &key));
    TRY(builtin_key_delete(call->service->store, key.access_key, call->note));
    call->response.status = 204;
    return status_ok();
}

struct status keystone_credential_create(struct keystone_call *call) {
    TRY(check_whole(call));
    TRY(keystone_parse_body(call));
    const struct json *credential = json_get(call->request, "credential");
    struct json *blob = NULL;
    if (!slice_eq(json_get_string(credential, "type"), SLICE("ec2"))) {
        return keystone_refuse(call, 400, "Credentials of type ec2 are kept here, and no others.");
    }
    struct slice user_id = json_get_string(credential, "user_id");
    struct slice project_id = json_get_string(credential, "project_id");
    struct status s = json_parse(json_get_string(credential, "blob"), call->note, &blob);
    struct builtin_key wanted = {.access_key = json_get_string(blob, "access"),
                                 .secret = json_get_string(blob, "secret"),
                                 .user_id = user_id.len > 0 ? user_id : call->bearer.user.id,
                                 .project_id = project_id,
                                 .enabled = true,
                                 .needs_role = true};
    bool whole = is_ok(s) && wanted.access_key.len > 0 && wanted.secret.len > 0;
    if (!whole || project_id.len == 0) {
        s = keystone_refuse(call, 400,
                            "The request needs a project_id, and a blob with access and secret.");
    } else {
        s = create(call, &wanted, &credential_form);
    }
    json_free(&blob);
    return s;
}
