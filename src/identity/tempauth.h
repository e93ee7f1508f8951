/*
 * tempauth.h - Swift's legacy authentication (v1): users of the configuration, and tokens for them
 *
 *     X-Auth-User, X-Auth-Key ── tempauth_login ──▶ X-Auth-Token, and the account of X-Storage-Url
 *
 * A user belongs to an account, which is a project by that id. Users of the group ".admin" may do
 * everything in their account, those of ".reseller_admin" in every one, and others only what lists
 * let them do; "service" makes a token count as one of a service. Any other group is a name that
 * lists may have. With `builtin_users`, users of our own store log in as PROJECT:USER too, and get
 * the tokens that the Identity API makes.
 *
 * A token is a sealed record that the bearer keeps. It ends with its time, with the user, and with
 * the user's password. tempauth_identity finds tokens and names of these users, and asks the
 * identity behind it for all others.
 *
 * Guesses are slowed together with those at the Identity API (guess.h).
 *
 * Blocks: tempauth_login as builtin_login, for users of our own; the rest as the identity behind.
 * Threads: any.
 * Spec: OpenStack Swift, "Authentication", TempAuth and Auth version 1.
 */
#ifndef IDENTITY_TEMPAUTH_H
#define IDENTITY_TEMPAUTH_H

#include "identity/builtin.h"

enum {
    TEMPAUTH_USERS_MAX = 1000,
    TEMPAUTH_GROUPS_MAX = 16,
    TEMPAUTH_KEY_MAX = 256,
    TEMPAUTH_TOKEN_MAX = 1024
};

/* One user. */
struct tempauth_user {
    struct slice account; /* IDENTITY_ID_MAX: a project's id */
    struct slice name;
    struct slice key;
    struct slice groups[TEMPAUTH_GROUPS_MAX];
    size_t group_count;
};

/*
 * Reads "ACCOUNT:NAME KEY [GROUP…]", with spaces in between.
 * Owns: what `*ret_user` points to lies in `text`.
 * Errors: INVALID, noted (the key is not in the note).
 */
struct status tempauth_user_parse(struct slice text, struct note *note,
                                  struct tempauth_user *ret_user);

struct tempauth_options {
    struct builtin *store;     /* its key file seals the tokens, and it counts the guesses */
    struct identity *identity; /* who all others are */
    struct clock *clock;
    struct random *random;
    const struct tempauth_user *users; /* they, and all they point to, outlive the tempauth */
    size_t user_count;
    bool builtin_users;
    int64_t token_lifetime_ns;
};

struct tempauth;

/*
 * Owns: the caller, until tempauth_close; what it is given outlives it.
 * Errors: EXISTS (a user is there twice), noted; NO_MEMORY.
 */
struct status tempauth_open(const struct tempauth_options *options, struct note *note,
                            struct tempauth **ret_tempauth);

/* Ends it; NULL is allowed. */
void tempauth_close(struct tempauth **tempauth);

/* The look-up interface, of these users and all others; lives as long as the tempauth. */
struct identity *tempauth_identity(struct tempauth *tempauth);

/* Who logs in: "ACCOUNT:NAME" as the old headers have it. */
struct tempauth_login {
    struct slice user;
    struct slice key;
    struct slice source; /* address, or network, of the client: guesses are counted by it */
};

/* What comes of it. */
struct tempauth_grant {
    struct slice token;
    struct slice project_id; /* X-Storage-Url is …/AUTH_ and this */
    int64_t expires_ns;
};

/*
 * Logs somebody in.
 * Owns: `*ret_grant` lies in `arena`.
 * Errors: DENIED (401); BUSY (`*ret_wait_ns` is for how long; 0: too many others log in); CORRUPT,
 * IO, NO_MEMORY.
 */
struct status tempauth_login(struct tempauth *tempauth, const struct tempauth_login *login,
                             struct arena *arena, int64_t *ret_wait_ns,
                             struct tempauth_grant *ret_grant);

#endif
