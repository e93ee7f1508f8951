/*
 * remote_document.h - what Keystone answers, as values
 *
 * The documents come from a service that is trusted to say who is who, and not trusted to be well
 * formed. Ids and names are taken only within the limits of identity.h.
 *
 * Threads: pure functions.
 * Spec: OpenStack Identity API v3.
 */
#ifndef IDENTITY_REMOTE_DOCUMENT_H
#define IDENTITY_REMOTE_DOCUMENT_H

#include "identity/remote.h"

/* A user, project or domain. */
struct remote_entity {
    struct slice id;
    struct slice name;
    struct slice domain_id; /* empty for a domain */
    bool enabled;
};

/*
 * Reads {"WORD": {…}}, or the one of that name in {"WORDs": […]}; `word` is "user", "project" or
 * "domain".
 * Owns: all of `*ret_entity` lies in `arena`.
 * Errors: CORRUPT; NOT_FOUND (not in the list); NO_MEMORY.
 */
struct status remote_entity_read(struct slice text, const char *word, struct arena *arena,
                                 struct remote_entity *ret_entity);
struct status remote_entity_pick(struct slice text, const char *word, struct slice name,
                                 struct arena *arena, struct remote_entity *ret_entity);

/* An EC2 credential. */
struct remote_credential {
    struct slice secret;
    struct slice user_id;
    struct slice project_id;
    bool is_delegated; /* made with a trust, an application credential or an OAuth token */
};

/*
 * Reads {"credential": {…}} of the access key.
 * Owns: all of `*ret_credential` lies in `arena`.
 * Errors: CORRUPT; NOT_FOUND (no EC2 credential of that access key, or a useless one, as users may
 * write what they like there); NO_MEMORY.
 */
struct status remote_credential_read(struct slice text, struct slice access_key,
                                     struct arena *arena, struct remote_credential *ret_credential);

/*
 * Reads {"role_assignments": […]} with names, of one user in one project, into the names, domains
 * and roles of `principal`; no roles where the list is empty.
 * Owns: all of it lies in `arena`.
 * Errors: CORRUPT; NO_MEMORY.
 */
struct status remote_assignments_read(struct slice text, const struct remote_roles *roles,
                                      struct arena *arena, struct principal *principal);

/*
 * Reads {"token": {…}}.
 * Owns: all of `*ret_principal` lies in `arena`.
 * Errors: CORRUPT; NO_MEMORY.
 */
struct status remote_token_read(struct slice text, const struct remote_roles *roles,
                                struct arena *arena, struct principal *ret_principal);

/* When the token expires that was made by POST /v3/auth/tokens; CORRUPT. */
struct status remote_token_expiry(struct slice text, int64_t *ret_expires_ns);

#endif
