#include "keystone/auth_request.h"

#include "base/check.h"
#include "identity/builtin_login.h"

static struct slice text_of(const struct json *object, const char *name) {
    struct slice text = json_get_string(object, name);
    return text.ptr != NULL ? text : SLICE("");
}

/* Whom or what `object` names; names need a domain, ids do not. */
static struct status read_named(const struct json *object, const char *word, struct note *note,
                                struct keystone_named *ret_named) {
    const struct json *domain = json_get(object, "domain");
    struct keystone_named named = {.id = text_of(object, "id"),
                                   .name = text_of(object, "name"),
                                   .domain_id = text_of(domain, "id"),
                                   .domain_name = text_of(domain, "name")};
    if (named.id.len == 0 && named.name.len == 0) {
        return note_status(note, STATUS_INVALID, "The %s needs an id or a name.", word);
    }
    if (named.id.len == 0 && named.domain_id.len == 0 && named.domain_name.len == 0) {
        return note_status(note, STATUS_INVALID, "The name of a %s needs its domain.", word);
    }
    *ret_named = named;
    return status_ok();
}

static struct status read_password(const struct json *identity, struct note *note,
                                   struct keystone_auth_request *request) {
    const struct json *user = json_get(json_get(identity, "password"), "user");
    if (!json_string(json_get(user, "password"), &request->password)) {
        return note_status(note, STATUS_INVALID, "The method password needs a user's password.");
    }
    return read_named(user, "user", note, &request->user);
}

static struct status read_token(const struct json *identity, struct note *note,
                                struct keystone_auth_request *request) {
    request->token = text_of(json_get(identity, "token"), "id");
    if (request->token.len > 0) return status_ok();
    return note_status(note, STATUS_INVALID, "The method token needs the token's id.");
}

static struct status read_application(const struct json *identity, struct note *note,
                                      struct keystone_auth_request *request) {
    const struct json *from = json_get(identity, "application_credential");
    request->application = (struct keystone_application){.id = text_of(from, "id"),
                                                         .name = text_of(from, "name"),
                                                         .secret = text_of(from, "secret")};
    if (request->application.secret.len == 0) {
        return note_status(note, STATUS_INVALID, "An application credential needs its secret.");
    }
    if (request->application.id.len > 0) return status_ok();
    if (request->application.name.len == 0) {
        return note_status(note, STATUS_INVALID,
                           "An application credential needs its id, or its name and user.");
    }
    return read_named(json_get(from, "user"), "user", note, &request->user);
}

static const struct method {
    const char *word;
    unsigned bit;
    struct status (*read)(const struct json *identity, struct note *note,
                          struct keystone_auth_request *request);
} methods[] = {
    {"password", BUILTIN_METHOD_PASSWORD, read_password},
    {"token", BUILTIN_METHOD_TOKEN, read_token},
    {"application_credential", BUILTIN_METHOD_APPLICATION, read_application},
};

static struct status read_method(const struct json *item, const struct json *identity,
                                 struct note *note, struct keystone_auth_request *request) {
    struct slice word = SLICE("");
    (void)json_string(item, &word);
    for (size_t i = 0; i < ARRAY_LEN(methods); i++) {
        if (!slice_eq(word, slice_str(methods[i].word))) continue;
        request->methods |= methods[i].bit;
        return methods[i].read(identity, note, request);
    }
    return note_status(note, STATUS_UNSUPPORTED,
                       "There is no authentication method '%.*s'; there are password, token and "
                       "application_credential.",
                       SLICE_FMT(slice_take(word, 80)));
}

static struct status read_scope(const struct json *scope, struct note *note,
                                struct keystone_auth_request *request) {
    struct slice word;
    bool unscoped = json_get(scope, "unscoped") != NULL ||
                    (json_string(scope, &word) && slice_eq(word, SLICE("unscoped")));
    if (scope == NULL) return status_ok();
    if (unscoped) {
        request->scope = KEYSTONE_SCOPE_UNSCOPED;
        return status_ok();
    }
    const struct json *project = json_get(scope, "project");
    if (json_type(project) != JSON_OBJECT) {
        return note_status(note, STATUS_UNSUPPORTED,
                           "There is no such scope; there are project and unscoped.");
    }
    request->scope = KEYSTONE_SCOPE_PROJECT;
    return read_named(project, "project", note, &request->project);
}

struct status keystone_auth_request_read(const struct json *document, struct note *note,
                                         struct keystone_auth_request *ret_request) {
    const struct json *auth = json_get(document, "auth");
    const struct json *identity = json_get(auth, "identity");
    const struct json *wanted = json_get(identity, "methods");
    struct keystone_auth_request request = {.scope = KEYSTONE_SCOPE_NONE};
    if (json_type(wanted) != JSON_ARRAY || json_count(wanted) == 0) {
        return note_status(note, STATUS_INVALID,
                           "The request needs auth.identity.methods, a list of methods.");
    }
    JSON_EACH(item, wanted) TRY(read_method(item, identity, note, &request));
    bool mixed = (request.methods & BUILTIN_METHOD_APPLICATION) != 0 &&
                 request.methods != BUILTIN_METHOD_APPLICATION;
    if (mixed) {
        return note_status(note, STATUS_UNSUPPORTED,
                           "The method application_credential stands alone.");
    }
    TRY(read_scope(json_get(auth, "scope"), note, &request));
    *ret_request = request;
    return status_ok();
}
