/* Tokens: made for a password or another token, shown, and revoked. */
#include "base/check.h"
#include "base/codec.h"
#include "base/date.h"
#include "identity/builtin_application.h"
#include "keystone/auth_request.h"
#include "keystone/call.h"

/* --- the document --- */

static void write_date(struct json_writer *w, const char *name, int64_t time_ns) {
    char text[DATE_TEXT_CAP + 3];
    date_format_iso_ms(time_ns, text);
    /* Keystone writes microseconds, and clients of its parse exactly that. */
    memcpy(text + DATE_ISO_MS_LEN - 1, "000Z", 5);
    json_member_str(w, name, text);
}

static void write_methods(struct json_writer *w, unsigned methods) {
    json_key(w, "methods");
    json_begin_array(w);
    if ((methods & BUILTIN_METHOD_PASSWORD) != 0) json_write_str(w, "password");
    if ((methods & BUILTIN_METHOD_TOKEN) != 0) json_write_str(w, "token");
    if ((methods & BUILTIN_METHOD_APPLICATION) != 0) {
        json_write_str(w, "application_credential");
    }
    json_end_array(w);
}

/* Spec: RFC 4648 section 5, without padding. */
static void write_audit_id(struct json_writer *w, const uint8_t *audit_id) {
    char text[2 * BUILTIN_AUDIT_ID_LEN];
    struct buf buf;
    buf_init_fixed(&buf, text, sizeof text);
    base64_encode(&buf, slice_of(audit_id, BUILTIN_AUDIT_ID_LEN));
    while (buf.len > 0 && text[buf.len - 1] == '=') buf.len--;
    for (size_t i = 0; i < buf.len; i++) {
        if (text[i] == '+') text[i] = '-';
        if (text[i] == '/') text[i] = '_';
    }
    json_key(w, "audit_ids");
    json_begin_array(w);
    json_write_string(w, buf_slice(&buf));
    json_end_array(w);
}

static void write_user(struct json_writer *w, const struct builtin_bearer *bearer) {
    json_key(w, "user");
    json_begin_object(w);
    json_key(w, "domain");
    keystone_write_domain(w, &bearer->user_domain);
    json_member_string(w, "id", bearer->user.id);
    json_member_string(w, "name", bearer->user.name);
    json_member_str(w, "password_expires_at", NULL);
    json_end_object(w);
}

static void write_project(struct json_writer *w, const struct builtin_bearer *bearer) {
    json_key(w, "project");
    json_begin_object(w);
    json_key(w, "domain");
    keystone_write_domain(w, &bearer->project_domain);
    json_member_string(w, "id", bearer->project.id);
    json_member_string(w, "name", bearer->project.name);
    json_end_object(w);
    json_member_bool(w, "is_domain", false);
    keystone_write_roles(w, bearer->roles);
}

/* Says what a token is worth. The catalogue is that of the call's bearer, who is made this one. */
static void answer_token(struct keystone_call *call, const struct builtin_bearer *bearer,
                         struct slice text) {
    struct builtin_bearer asking = call->bearer;
    struct json_writer w = keystone_document(call);
    call->bearer = *bearer;
    json_begin_object(&w);
    json_key(&w, "token");
    json_begin_object(&w);
    write_methods(&w, bearer->methods);
    write_user(&w, bearer);
    write_audit_id(&w, bearer->audit_id);
    write_date(&w, "expires_at", bearer->expires_ns);
    write_date(&w, "issued_at", bearer->issued_ns);
    if (bearer->application_id.len > 0) {
        json_key(&w, "application_credential");
        json_begin_object(&w);
        json_member_string(&w, "id", bearer->application_id);
        json_member_bool(&w, "restricted", !bearer->application_unrestricted);
        json_end_object(&w);
    }
    bool scoped = bearer->project.id.len > 0;
    if (scoped) write_project(&w, bearer);
    if (scoped && http_query_find(&call->query, SLICE("nocatalog")) == NULL) {
        keystone_write_catalog(call, &w);
    }
    json_end_object(&w);
    json_end_object(&w);
    http_response_set(&call->response, SLICE("X-Subject-Token"), text);
    if (asking.user.id.len > 0) call->bearer = asking;
}

/* --- making --- */

/*
 * The id of the domain of that name. Keystone's first domain is called Default, and that is what
 * people have in their openrc files; ours is called default.
 */
static struct status find_domain(struct keystone_call *call, struct slice name,
                                 struct slice *ret_id) {
    struct builtin_entity domain;
    struct status s = builtin_find(call->service->store, BUILTIN_DOMAIN, SLICE(""), name,
                                   call->arena, call->note, &domain);
    bool is_default = slice_eq_nocase(name, SLICE(BUILTIN_DEFAULT));
    if (!is_ok(s) && !(is_default && status_is(s, STATUS_NOT_FOUND))) return s;
    *ret_id = is_ok(s) ? domain.id : SLICE(BUILTIN_DEFAULT);
    return status_ok();
}

/* Finds what is named by id or by name; NOT_FOUND for what nobody can be, too. */
static struct status find_named(struct keystone_call *call, enum builtin_kind kind,
                                const struct keystone_named *named,
                                struct builtin_entity *ret_entity) {
    struct builtin *store = call->service->store;
    struct builtin_entity entity;
    struct slice domain_id = named->domain_id;
    if (named->id.len > 0) {
        TRY(builtin_find(store, kind, SLICE(""), named->id, call->arena, call->note, &entity));
        /* The store takes a name for an id where there is no such id; a protocol must not. */
        if (!slice_eq(entity.id, named->id)) return status_of(STATUS_NOT_FOUND);
        *ret_entity = entity;
        return status_ok();
    }
    if (domain_id.len == 0) TRY(find_domain(call, named->domain_name, &domain_id));
    TRY(builtin_find(store, kind, domain_id, named->name, call->arena, call->note, &entity));
    bool same = slice_eq(entity.name, named->name) && slice_eq(entity.domain_id, domain_id);
    if (!same) return status_of(STATUS_NOT_FOUND);
    *ret_entity = entity;
    return status_ok();
}

static struct status refuse_to_wait(struct keystone_call *call, int64_t wait_ns) {
    if (wait_ns == 0) {
        http_response_set_str(&call->response, "Retry-After", "1");
        return keystone_refuse(call, 503, "Too many others log in just now. Try again.");
    }
    uint64_t seconds = (uint64_t)((wait_ns + NS_PER_S - 1) / NS_PER_S);
    http_response_set_u64(&call->response, "Retry-After", seconds);
    return keystone_refuse(call, 429, "Too many attempts. Wait %llu seconds.",
                           (unsigned long long)seconds);
}

static struct status check_password(struct keystone_call *call,
                                    const struct keystone_auth_request *request,
                                    struct slice *ret_user_id) {
    struct builtin_entity user = {.id = SLICE("")};
    struct status s = find_named(call, BUILTIN_USER, &request->user, &user);
    if (!is_ok(s) && !status_is(s, STATUS_NOT_FOUND)) return s;
    bool found = is_ok(s);
    /* Who is not there is checked like everybody else, so that the time does not tell. */
    struct slice claimed[] = {SLICE("?"), request->user.id, request->user.name};
    struct builtin_login login = {
        .user_id = found ? user.id : arena_join(call->arena, claimed, ARRAY_LEN(claimed)),
        .password = request->password,
        .source = call->source,
    };
    int64_t wait_ns;
    s = builtin_login(call->service->store, &login, &wait_ns);
    if (status_is(s, STATUS_BUSY)) return refuse_to_wait(call, wait_ns);
    if (status_is(s, STATUS_DENIED)) return keystone_refuse_unauthorized(call);
    TRY(s);
    *ret_user_id = user.id;
    return status_ok();
}

/* The credential says who it is, in which project, and with what. */
static struct status check_application(struct keystone_call *call,
                                       const struct keystone_auth_request *request,
                                       struct builtin_token_wanted *wanted) {
    struct builtin_entity user = {.id = SLICE("")};
    struct builtin_application found;
    struct builtin_application_login login = {.id = request->application.id,
                                              .name = request->application.name,
                                              .secret = request->application.secret,
                                              .source = call->source};
    int64_t wait_ns;
    if (login.id.len == 0) {
        struct status s = find_named(call, BUILTIN_USER, &request->user, &user);
        if (!is_ok(s) && !status_is(s, STATUS_NOT_FOUND)) return s;
        login.user_id = user.id;
    }
    struct status s =
        builtin_application_login(call->service->store, &login, call->arena, &wait_ns, &found);
    if (status_is(s, STATUS_BUSY)) return refuse_to_wait(call, wait_ns);
    if (status_is(s, STATUS_DENIED)) return keystone_refuse_unauthorized(call);
    TRY(s);
    wanted->user_id = found.user_id;
    wanted->project_id = found.project_id;
    wanted->application_id = found.id;
    bool sooner = found.expires_ns != 0 && found.expires_ns < wanted->expires_ns;
    if (sooner) wanted->expires_ns = found.expires_ns;
    return status_ok();
}

/* Who the methods prove the caller to be; all of them must say the same. */
static struct status prove(struct keystone_call *call, const struct keystone_auth_request *request,
                           struct builtin_token_wanted *wanted) {
    wanted->methods = request->methods;
    wanted->expires_ns = call->now_ns + call->service->token_lifetime_ns;
    if ((request->methods & BUILTIN_METHOD_APPLICATION) != 0) {
        return check_application(call, request, wanted);
    }
    if ((request->methods & BUILTIN_METHOD_TOKEN) != 0) {
        struct builtin_bearer bearer;
        struct status s =
            builtin_token_open(call->service->store, request->token, call->arena, &bearer);
        if (status_is(s, STATUS_NOT_FOUND)) return keystone_refuse_unauthorized(call);
        TRY(s);
        if (bearer.application_id.len > 0) {
            return keystone_refuse(call, 403,
                                   "A token of an application credential is not changed for "
                                   "another one.");
        }
        wanted->user_id = bearer.user.id;
        wanted->methods |= bearer.methods;
        /* A token does not live on in the tokens that it was changed for. */
        if (bearer.expires_ns < wanted->expires_ns) wanted->expires_ns = bearer.expires_ns;
    }
    if ((request->methods & BUILTIN_METHOD_PASSWORD) == 0) return status_ok();
    struct slice user_id;
    TRY(check_password(call, request, &user_id));
    bool other = wanted->user_id.len > 0 && !slice_eq(wanted->user_id, user_id);
    if (other) return keystone_refuse_unauthorized(call);
    wanted->user_id = user_id;
    return status_ok();
}

struct status keystone_token_create(struct keystone_call *call) {
    struct keystone_auth_request request;
    struct builtin_token_wanted wanted = {.project_id = SLICE("")};
    TRY(keystone_parse_body(call));
    struct status s = keystone_auth_request_read(call->request, call->note, &request);
    if (!is_ok(s)) return keystone_refuse(call, 400, "%s", call->note->text);
    TRY(prove(call, &request, &wanted));
    if (request.scope == KEYSTONE_SCOPE_PROJECT) {
        struct builtin_entity project;
        s = find_named(call, BUILTIN_PROJECT, &request.project, &project);
        if (status_is(s, STATUS_NOT_FOUND)) return keystone_refuse_unauthorized(call);
        TRY(s);
        bool elsewhere = wanted.application_id.len > 0 && !slice_eq(wanted.project_id, project.id);
        if (elsewhere) return keystone_refuse_unauthorized(call);
        wanted.project_id = project.id;
    }
    struct slice text;
    struct builtin_bearer bearer;
    s = builtin_token_issue(call->service->store, &wanted, call->arena, &text, &bearer);
    if (status_is(s, STATUS_DENIED)) return keystone_refuse_unauthorized(call);
    TRY(s);
    call->response.status = 201;
    answer_token(call, &bearer, text);
    return status_ok();
}

/* --- showing and revoking --- */

/* The token that the request is about: one's own, or anybody's for an administrator. */
static struct status open_subject(struct keystone_call *call, struct slice *ret_text,
                                  struct builtin_bearer *ret_bearer) {
    struct slice text = http_head_find(call->head, SLICE("x-subject-token"));
    if (text.len == 0) {
        return keystone_refuse(call, 400, "The request needs the header X-Subject-Token.");
    }
    struct status s = builtin_token_open(call->service->store, text, call->arena, ret_bearer);
    bool gone = status_is(s, STATUS_NOT_FOUND);
    if (!gone) TRY(s);
    bool own = !gone && keystone_is_self(call, ret_bearer->user.id);
    if (!own && !keystone_is_admin(call)) return keystone_refuse_forbidden(call);
    if (gone) return keystone_refuse(call, 404, "Failed to validate token.");
    *ret_text = text;
    return status_ok();
}

struct status keystone_token_show(struct keystone_call *call) {
    struct slice text;
    struct builtin_bearer bearer;
    TRY(open_subject(call, &text, &bearer));
    answer_token(call, &bearer, text);
    return status_ok();
}

struct status keystone_token_delete(struct keystone_call *call) {
    struct slice text;
    struct builtin_bearer bearer;
    TRY(open_subject(call, &text, &bearer));
    TRY(builtin_token_revoke(call->service->store, &bearer, call->note));
    call->response.status = 204;
    return status_ok();
}
