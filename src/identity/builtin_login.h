/*
 * builtin_login.h - what a user of the built-in store can prove, and what that is good for
 *
 * Passwords, roles in projects, and tokens. A password is kept as scrypt; guessing one is slowed by
 * address and by user, and few are computed at once. A token is a sealed record that the bearer
 * keeps: the store holds only which were revoked, at most BUILTIN_REVOKED_MAX of a user. What a
 * bearer may do is looked up each time, so that a role, a user or a project that is taken away
 * takes effect at once, and a new password ends the tokens that came before it.
 *
 *     builtin_login ── builtin_token_issue ── builtin_token_open* ── builtin_token_revoke
 *
 * Users with `admin` set have the roles admin and ResellerAdmin in every project. Roles are given
 * to others one by one; admin includes member, and member includes reader. Who has ResellerAdmin in
 * the project of a token may work with that in every project (identity.h), and service is for
 * tokens of services.
 *
 * Blocks: every call may wait for a drive; builtin_login computes, and waits for its turn.
 * Threads: any.
 */
#ifndef IDENTITY_BUILTIN_LOGIN_H
#define IDENTITY_BUILTIN_LOGIN_H

#include "identity/builtin.h"

enum {
    BUILTIN_PASSWORD_MIN = 8,
    BUILTIN_PASSWORD_MAX = 1024,
    BUILTIN_GRANTS_MAX = 256,  /* projects in which one user has roles */
    BUILTIN_REVOKED_MAX = 256, /* of one user; beyond it all of the user's tokens are revoked */
    BUILTIN_AUDIT_ID_LEN = 16,
    BUILTIN_TOKEN_TEXT_MAX = 1024,
    BUILTIN_LOGINS_AT_ONCE = 4, /* each takes PASSWORD_MEMORY_MAX_BYTES at most */
    BUILTIN_LOGINS_WAITING_MAX = 64
};

/* Roles are bits, the ones of identity.h. */
enum {
    BUILTIN_ROLE_READER = IDENTITY_ROLE_READER,
    BUILTIN_ROLE_MEMBER = IDENTITY_ROLE_MEMBER,
    BUILTIN_ROLE_ADMIN = IDENTITY_ROLE_ADMIN,
    BUILTIN_ROLE_RESELLER = IDENTITY_ROLE_RESELLER,
    BUILTIN_ROLE_SERVICE = IDENTITY_ROLE_SERVICE,
    BUILTIN_ROLES_ALL = 31,
    BUILTIN_ROLE_LEVELS = 3, /* the first ones, each of which includes those before it */
    BUILTIN_ROLE_COUNT = 5
};

/* "reader", "member", "admin", "ResellerAdmin", "service": the word of bit `index`; the bit of a
 * word, 0 for none. */
const char *builtin_role_word(unsigned index);
unsigned builtin_role_parse(struct slice word);

/* The roles with all that they include. */
unsigned builtin_roles_with_included(unsigned roles);

/*
 * Sets the password of a user, by its id, and ends the tokens the user has.
 * Errors: INVALID (too short, too long, control characters); NOT_FOUND; as kv_commit; noted.
 */
struct status builtin_password_set(struct builtin *store, struct slice user_id,
                                   struct slice password, struct note *note);

/* Whether a user has a password, by its id. Errors: CORRUPT; IO. */
struct status builtin_password_is_set(struct builtin *store, struct slice user_id, bool *ret_is);

/* Who says that they are whom, from where. */
struct builtin_login {
    struct slice user_id; /* or what was given instead, where there is no such user */
    struct slice password;
    struct slice source; /* address, or network, of the client: guesses are counted by it */
};

/*
 * Whether the password is that of an enabled user in an enabled domain. Takes as long for a user
 * who is not there. After some failures the next attempt has to wait; `*ret_wait_ns` is how long.
 * Errors: DENIED (no, or no such user); BUSY (wait; 0 in `*ret_wait_ns` says that too many others
 * log in just now); CORRUPT; IO.
 */
struct status builtin_login(struct builtin *store, const struct builtin_login *login,
                            int64_t *ret_wait_ns);

/*
 * The counting of guesses for doors that check passwords themselves: builtin_guess_begin is false
 * where it is too early for one, and `*ret_wait_ns` is for how long; after a right one
 * builtin_guess_right.
 */
bool builtin_guess_begin(struct builtin *store, struct slice user, struct slice source,
                         int64_t *ret_wait_ns);
void builtin_guess_right(struct builtin *store, struct slice user, struct slice source);

/* A key of 32 bytes for the purpose `label`, out of the key file. */
void builtin_derive_key(struct builtin *store, struct slice label, uint8_t *out);

/* Gives roles to a user, or takes them away, in a project; both by id. Taking an included role
 * takes the roles that include it. Errors: NOT_FOUND; TOO_LARGE; as kv_commit; noted. */
struct status builtin_role_grant(struct builtin *store, struct slice user_id,
                                 struct slice project_id, unsigned roles, struct note *note);
struct status builtin_role_revoke(struct builtin *store, struct slice user_id,
                                  struct slice project_id, unsigned roles, struct note *note);

/* The roles a user has in a project, included ones too; 0 for none. Errors: CORRUPT; IO. */
struct status builtin_roles_of(struct builtin *store, const struct builtin_entity *user,
                               const struct builtin_entity *project, struct arena *arena,
                               unsigned *ret_roles);

/* A project in which a user has roles. */
struct builtin_grant {
    struct builtin_entity project;
    unsigned roles; /* included ones too */
};

/*
 * Lists the projects in which roles were given to a user, at most BUILTIN_GRANTS_MAX; those that an
 * administrator has without that are not among them.
 * Owns: `*ret_grants` lies in `arena`.
 * Errors: NOT_FOUND (the user); CORRUPT; IO; noted.
 */
struct status builtin_grant_list(struct builtin *store, struct slice user_id, struct arena *arena,
                                 struct note *note, struct builtin_grant **ret_grants,
                                 size_t *ret_count);

/* How a bearer has proved who they are; bits. */
enum {
    BUILTIN_METHOD_PASSWORD = 1,
    BUILTIN_METHOD_TOKEN = 2,
    BUILTIN_METHOD_APPLICATION = 4 /* builtin_application.h */
};

/* Who holds a token, as of now. */
struct builtin_bearer {
    struct builtin_entity user;
    struct builtin_entity user_domain;
    struct builtin_entity project; /* no id: unscoped */
    struct builtin_entity project_domain;
    unsigned roles; /* in the project, included ones too */
    unsigned methods;
    struct slice application_id; /* of an application credential; empty: all of the user's rights */
    bool application_unrestricted;
    int64_t issued_ns;
    int64_t expires_ns;
    uint8_t audit_id[BUILTIN_AUDIT_ID_LEN];
};

/* What a token is to be. */
struct builtin_token_wanted {
    struct slice user_id;
    struct slice project_id; /* empty: unscoped */
    unsigned methods;
    struct slice application_id; /* empty: all of the user's rights */
    int64_t expires_ns;
};

/*
 * Makes a token.
 * Owns: all of it lies in `arena`.
 * Errors: DENIED (user or project is not there or disabled, or no role in the project); CORRUPT;
 * IO.
 */
struct status builtin_token_issue(struct builtin *store, const struct builtin_token_wanted *wanted,
                                  struct arena *arena, struct slice *ret_text,
                                  struct builtin_bearer *ret_bearer);

/*
 * Who holds the token, and what they may.
 * Owns: `*ret_bearer` lies in `arena`.
 * Errors: NOT_FOUND (no token of ours, expired, revoked, or nothing is left of what it was good
 * for); CORRUPT; IO.
 */
struct status builtin_token_open(struct builtin *store, struct slice text, struct arena *arena,
                                 struct builtin_bearer *ret_bearer);

/* Makes an opened token void, durably. Errors: as kv_commit; noted. */
struct status builtin_token_revoke(struct builtin *store, const struct builtin_bearer *bearer,
                                   struct note *note);

#endif
