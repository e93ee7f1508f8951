#include "identity/builtin_application.h"

#include "base/check.h"
#include "base/codec.h"
#include "crypto/ct.h"
#include "identity/builtin_account.h"

enum { ID_TAIL_BYTES = 8, SECRET_BYTES = BUILTIN_APPLICATION_SECRET_LEN / 2 };

/* A '.' and the hexadecimal digits that tell those of a user apart. */
enum { ID_TAIL_LEN = 1 + 2 * ID_TAIL_BYTES };

_Static_assert((int)BUILTIN_APPLICATION_ID_MAX == (int)IDENTITY_ID_MAX + (int)ID_TAIL_LEN,
               "an id is a user's and what tells them apart");

/* Whose it is; false where nobody's can be. */
static bool user_of(struct slice id, struct slice *ret_user_id) {
    if (id.len <= ID_TAIL_LEN) return false;
    *ret_user_id = slice_take(id, id.len - ID_TAIL_LEN);
    return id.ptr[ret_user_id->len] == '.' && builtin_id_is_valid(*ret_user_id);
}

static struct builtin_application read_message(const Identity__ApplicationCredential *message,
                                               struct slice user_id) {
    return (struct builtin_application){.id = slice_str(message->id),
                                        .user_id = user_id,
                                        .project_id = slice_str(message->project_id),
                                        .name = slice_str(message->name),
                                        .description = slice_str(message->description),
                                        .roles = message->roles,
                                        .unrestricted = message->unrestricted,
                                        .created_ns = message->created_ns,
                                        .expires_ns = message->expires_ns};
}

/* Whether its project is there, and the very one that it was made in. */
static struct status check_project(struct builtin *store,
                                   const Identity__ApplicationCredential *message,
                                   struct arena *arena, bool *ret_is_there) {
    struct builtin_entity project;
    struct status s = builtin_entity_read(store, BUILTIN_PROJECT, slice_str(message->project_id),
                                          arena, NULL, &project);
    *ret_is_there = is_ok(s) && project.created_ns == message->project_created_ns;
    return status_is(s, STATUS_NOT_FOUND) ? status_ok() : s;
}

/* The one of that id, or of that name where the id is empty; NULL where there is none. */
static Identity__ApplicationCredential *pick(const Identity__Account *account, struct slice id,
                                             struct slice name) {
    for (size_t i = 0; i < account->n_application_credentials; i++) {
        Identity__ApplicationCredential *message = account->application_credentials[i];
        struct slice own = slice_str(id.len > 0 ? message->id : message->name);
        if (slice_eq(own, id.len > 0 ? id : name)) return message;
    }
    return NULL;
}

/* --- making --- */

struct draft {
    struct builtin_application wanted;
    int64_t project_created_ns;
    struct password_cost cost;
    uint8_t salt[PASSWORD_SALT_LEN];
    uint8_t hash[PASSWORD_HASH_LEN];
};

static struct status fill(const struct draft *draft, struct arena *arena,
                          Identity__ApplicationCredential *message) {
    const struct builtin_application *wanted = &draft->wanted;
    uint8_t *bytes = arena_alloc(arena, PASSWORD_SALT_LEN + PASSWORD_HASH_LEN);
    Identity__Password *secret = ARENA_NEW(arena, Identity__Password);
    *message = (Identity__ApplicationCredential)IDENTITY__APPLICATION_CREDENTIAL__INIT;
    message->id = arena_cstr(arena, wanted->id);
    message->name = arena_cstr(arena, wanted->name);
    message->description = arena_cstr(arena, wanted->description);
    message->project_id = arena_cstr(arena, wanted->project_id);
    TRY(arena_ok(arena));
    memcpy(bytes, draft->salt, PASSWORD_SALT_LEN);
    memcpy(bytes + PASSWORD_SALT_LEN, draft->hash, PASSWORD_HASH_LEN);
    *secret = (Identity__Password)IDENTITY__PASSWORD__INIT;
    secret->log_n = draft->cost.log_n;
    secret->r = draft->cost.r;
    secret->p = draft->cost.p;
    secret->salt = (ProtobufCBinaryData){PASSWORD_SALT_LEN, bytes};
    secret->hash = (ProtobufCBinaryData){PASSWORD_HASH_LEN, bytes + PASSWORD_SALT_LEN};
    secret->changed_ns = wanted->created_ns;
    message->secret = secret;
    message->project_created_ns = draft->project_created_ns;
    message->roles = wanted->roles;
    message->unrestricted = wanted->unrestricted;
    message->created_ns = wanted->created_ns;
    message->expires_ns = wanted->expires_ns;
    return status_ok();
}

/* Drops those that are over, so that they take no room and no name. */
static void drop_over(struct builtin *store, struct arena *arena, Identity__Account *account) {
    int64_t now_ns = clock_wall_ns(store->clock);
    size_t kept = 0;
    for (size_t i = 0; i < account->n_application_credentials; i++) {
        Identity__ApplicationCredential *message = account->application_credentials[i];
        bool there = true;
        struct status s = check_project(store, message, arena, &there);
        bool expired = message->expires_ns != 0 && message->expires_ns <= now_ns;
        if (!expired && (there || !is_ok(s))) account->application_credentials[kept++] = message;
    }
    account->n_application_credentials = kept;
}

static struct status attempt_create(struct builtin_account_change *change, struct arena *arena,
                                    Identity__Account *account) {
    const struct draft *draft = change->context;
    drop_over(change->store, arena, account);
    size_t count = account->n_application_credentials;
    if (pick(account, SLICE(""), draft->wanted.name) != NULL) {
        return note_status(change->note, STATUS_EXISTS,
                           "there is an application credential '%.*s' already",
                           SLICE_FMT(slice_take(draft->wanted.name, 80)));
    }
    if (count >= BUILTIN_APPLICATIONS_MAX) {
        return note_status(change->note, STATUS_TOO_LARGE,
                           "a user has at most %d application credentials",
                           BUILTIN_APPLICATIONS_MAX);
    }
    Identity__ApplicationCredential **grown = arena_calloc(arena, count + 1, sizeof *grown);
    Identity__ApplicationCredential *message = ARENA_NEW(arena, Identity__ApplicationCredential);
    TRY(arena_ok(arena));
    TRY(fill(draft, arena, message));
    if (count > 0) memcpy(grown, account->application_credentials, count * sizeof *grown);
    grown[count] = message;
    account->application_credentials = grown;
    account->n_application_credentials = count + 1;
    return status_ok();
}

static struct slice random_hex(struct builtin *store, size_t len, struct arena *arena) {
    uint8_t bytes[SECRET_BYTES];
    char text[2 * SECRET_BYTES];
    struct buf buf;
    CHECK(len <= sizeof bytes);
    random_fill(store->random, bytes, len);
    buf_init_fixed(&buf, text, sizeof text);
    hex_encode(&buf, slice_of(bytes, len));
    struct slice copy = arena_dup(arena, buf_slice(&buf));
    ct_wipe(bytes, sizeof bytes);
    ct_wipe(text, sizeof text);
    return copy;
}

static struct status check_wanted(const struct builtin_application *wanted, struct note *note) {
    bool named = wanted->name.len > 0 && builtin_text_is_valid(wanted->name, IDENTITY_NAME_MAX) &&
                 builtin_text_is_valid(wanted->description, BUILTIN_DESCRIPTION_MAX);
    if (!named) return note_status(note, STATUS_INVALID, "the name or description can't be");
    bool secret =
        wanted->secret.len == 0 || (wanted->secret.len >= BUILTIN_PASSWORD_MIN &&
                                    builtin_text_is_valid(wanted->secret, IDENTITY_SECRET_KEY_MAX));
    if (!secret) {
        return note_status(note, STATUS_INVALID, "a secret is %d to %d bytes without controls",
                           BUILTIN_PASSWORD_MIN, IDENTITY_SECRET_KEY_MAX);
    }
    if (wanted->roles != 0) return status_ok();
    return note_status(note, STATUS_INVALID, "an application credential needs a role");
}

struct status builtin_application_create(struct builtin *store,
                                         const struct builtin_application *wanted,
                                         struct arena *arena, struct note *note,
                                         struct builtin_application *ret_application) {
    struct draft draft = {.wanted = *wanted, .cost = store->password_cost};
    struct builtin_entity project;
    TRY(check_wanted(wanted, note));
    TRY(builtin_find(store, BUILTIN_PROJECT, SLICE(""), wanted->project_id, arena, note, &project));
    struct slice parts[] = {wanted->user_id, SLICE("."), random_hex(store, ID_TAIL_BYTES, arena)};
    draft.wanted.id = arena_join(arena, parts, ARRAY_LEN(parts));
    if (wanted->secret.len == 0) draft.wanted.secret = random_hex(store, SECRET_BYTES, arena);
    TRY(arena_ok(arena));
    draft.wanted.created_ns = clock_wall_ns(store->clock);
    draft.project_created_ns = project.created_ns;
    random_fill(store->random, draft.salt, sizeof draft.salt);
    TRY(builtin_derive_secret(store, draft.wanted.secret, draft.salt, draft.cost, draft.hash));
    struct builtin_account_change change = {.store = store,
                                            .user_id = wanted->user_id,
                                            .note = note,
                                            .attempt = attempt_create,
                                            .context = &draft};
    TRY(builtin_account_change(&change));
    *ret_application = draft.wanted;
    return status_ok();
}

/* --- finding --- */

struct status builtin_application_find(struct builtin *store, struct slice id, struct arena *arena,
                                       struct builtin_application *ret_application) {
    struct slice user_id;
    Identity__Account *account;
    bool is_there;
    if (!user_of(id, &user_id)) return status_of(STATUS_NOT_FOUND);
    TRY(builtin_account_read(store, user_id, arena, NULL, &account));
    const Identity__ApplicationCredential *message = pick(account, id, SLICE(""));
    if (message == NULL) return status_of(STATUS_NOT_FOUND);
    TRY(check_project(store, message, arena, &is_there));
    if (!is_there) return status_of(STATUS_NOT_FOUND);
    *ret_application = read_message(message, slice_str(account->user_id));
    return status_ok();
}

struct status builtin_application_list(struct builtin *store, struct slice user_id,
                                       struct arena *arena,
                                       struct builtin_application **ret_applications,
                                       size_t *ret_count) {
    Identity__Account *account;
    size_t count = 0;
    if (!builtin_id_is_valid(user_id)) return status_of(STATUS_NOT_FOUND);
    TRY(builtin_account_read(store, user_id, arena, NULL, &account));
    struct builtin_application *list =
        arena_calloc(arena, account->n_application_credentials + 1, sizeof *list);
    TRY(arena_ok(arena));
    for (size_t i = 0; i < account->n_application_credentials; i++) {
        bool is_there;
        TRY(check_project(store, account->application_credentials[i], arena, &is_there));
        if (!is_there) continue;
        list[count++] =
            read_message(account->application_credentials[i], slice_str(account->user_id));
    }
    *ret_applications = list;
    *ret_count = count;
    return status_ok();
}

static struct status attempt_delete(struct builtin_account_change *change, struct arena *arena,
                                    Identity__Account *account) {
    const struct slice *id = change->context;
    const Identity__ApplicationCredential *gone = pick(account, *id, SLICE(""));
    size_t kept = 0;
    (void)arena;
    if (gone == NULL) {
        return note_status(change->note, STATUS_NOT_FOUND, "there is no such credential");
    }
    for (size_t i = 0; i < account->n_application_credentials; i++) {
        Identity__ApplicationCredential *message = account->application_credentials[i];
        if (message != gone) account->application_credentials[kept++] = message;
    }
    account->n_application_credentials = kept;
    return status_ok();
}

struct status builtin_application_delete(struct builtin *store, struct slice id,
                                         struct note *note) {
    struct slice user_id;
    if (!user_of(id, &user_id)) return status_of(STATUS_NOT_FOUND);
    struct builtin_account_change change = {.store = store,
                                            .user_id = user_id,
                                            .note = note,
                                            .attempt = attempt_delete,
                                            .context = &id};
    return builtin_account_change(&change);
}

/* --- logging in --- */

/* What there is to compare with; a secret that nobody has where there is none. */
struct expected {
    struct builtin_application application;
    struct password_cost cost;
    bool real;
    uint8_t salt[PASSWORD_SALT_LEN];
    uint8_t hash[PASSWORD_HASH_LEN];
};

static struct status find_expected(struct builtin *store,
                                   const struct builtin_application_login *login,
                                   struct arena *arena, struct expected *ret_expected) {
    Identity__Account *account;
    struct builtin_entity user;
    struct slice user_id = login->user_id;
    *ret_expected = (struct expected){.cost = store->password_cost};
    if (login->id.len > 0 && !user_of(login->id, &user_id)) return status_ok();
    if (!builtin_id_is_valid(user_id)) return status_ok();
    struct status s = builtin_entity_read_enabled(store, BUILTIN_USER, user_id, arena, &user);
    if (status_is(s, STATUS_NOT_FOUND)) return status_ok();
    TRY(s);
    TRY(builtin_account_read(store, user_id, arena, NULL, &account));
    const Identity__ApplicationCredential *message = pick(account, login->id, login->name);
    if (message == NULL) return status_ok();
    bool expired = message->expires_ns != 0 && message->expires_ns <= clock_wall_ns(store->clock);
    ret_expected->application = read_message(message, user.id);
    ret_expected->cost =
        (struct password_cost){message->secret->log_n, message->secret->r, message->secret->p};
    if (!password_cost_is_sane(ret_expected->cost)) return status_of(STATUS_CORRUPT);
    TRY(check_project(store, message, arena, &ret_expected->real));
    ret_expected->real = ret_expected->real && !expired;
    memcpy(ret_expected->salt, message->secret->salt.data, PASSWORD_SALT_LEN);
    memcpy(ret_expected->hash, message->secret->hash.data, PASSWORD_HASH_LEN);
    return status_ok();
}

static struct status check_secret(struct builtin *store,
                                  const struct builtin_application_login *login,
                                  struct arena *arena,
                                  struct builtin_application *ret_application) {
    struct expected expected;
    uint8_t hash[PASSWORD_HASH_LEN];
    TRY(find_expected(store, login, arena, &expected));
    TRY(builtin_derive_secret(store, login->secret, expected.salt, expected.cost, hash));
    bool equal = ct_equal(hash, expected.hash, sizeof hash);
    ct_wipe(hash, sizeof hash);
    if (!equal || !expected.real) return status_of(STATUS_DENIED);
    *ret_application = expected.application;
    return status_ok();
}

struct status builtin_application_login(struct builtin *store,
                                        const struct builtin_application_login *login,
                                        struct arena *arena, int64_t *ret_wait_ns,
                                        struct builtin_application *ret_application) {
    /* Guesses are counted by what is guessed at, and never as the user's own. */
    struct slice parts[] = {SLICE("application:"), login->id,  SLICE(":"),
                            login->user_id,        SLICE(":"), login->name};
    struct slice counted = arena_join(arena, parts, ARRAY_LEN(parts));
    *ret_wait_ns = 0;
    TRY(arena_ok(arena));
    if (login->secret.len > BUILTIN_PASSWORD_MAX) return status_of(STATUS_DENIED);
    if (!builtin_guess_begin(store, counted, login->source, ret_wait_ns)) {
        return status_of(STATUS_BUSY);
    }
    struct status s = check_secret(store, login, arena, ret_application);
    if (is_ok(s)) builtin_guess_right(store, counted, login->source);
    return s;
}
