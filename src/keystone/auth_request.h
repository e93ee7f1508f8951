/*
 * auth_request.h - the body of POST /v3/auth/tokens as values
 *
 * Threads: pure functions.
 * Spec: Identity API v3, "Password authentication with scoped authorization" and its siblings.
 */
#ifndef KEYSTONE_AUTH_REQUEST_H
#define KEYSTONE_AUTH_REQUEST_H

#include "base/note.h"
#include "json/reader.h"

enum keystone_scope { KEYSTONE_SCOPE_NONE, KEYSTONE_SCOPE_UNSCOPED, KEYSTONE_SCOPE_PROJECT };

/* Something named by its id, or by its name in a domain that is itself named by id or name. */
struct keystone_named {
    struct slice id; /* empty: by name */
    struct slice name;
    struct slice domain_id; /* empty: by name */
    struct slice domain_name;
};

/* An application credential: by its id, or by its name and its user. */
struct keystone_application {
    struct slice id;
    struct slice name;
    struct slice secret;
};

struct keystone_auth_request {
    unsigned methods; /* BUILTIN_METHOD_* bits, at least one */
    struct keystone_named user;
    struct slice password;
    struct slice token;
    struct keystone_application application; /* by its name: of `user` */
    enum keystone_scope scope;
    struct keystone_named project;
};

/*
 * Reads the request out of the document of the body.
 * Owns: the slices lie in the document.
 * Errors: INVALID (something is missing or of the wrong kind); UNSUPPORTED (a method or a scope
 * that there is not); noted.
 */
struct status keystone_auth_request_read(const struct json *document, struct note *note,
                                         struct keystone_auth_request *ret_request);

#endif
