/* Passwords: set, and checked at a gate that lets few guess, and few compute at once. */
#include <pthread.h>
#include <stdlib.h>

#include "base/check.h"
#include "crypto/ct.h"
#include "identity/builtin_account.h"
#include "identity/guess.h"

enum { WORK_ARENA_BLOCK = 16 * 1024, WORK_ARENA_LIMIT = 1024 * 1024 };

struct builtin_login_gate {
    struct guess_table *guesses;
    pthread_mutex_t lock; /* of what follows */
    pthread_cond_t freed;
    unsigned computing;
    unsigned waiting;
};

struct builtin_login_gate *builtin_login_gate_new(struct random *random) {
    struct builtin_login_gate *gate = calloc(1, sizeof *gate);
    if (gate == NULL) return NULL;
    gate->guesses = guess_table_new(random);
    if (gate->guesses == NULL) {
        free(gate);
        return NULL;
    }
    CHECK(pthread_mutex_init(&gate->lock, NULL) == 0);
    CHECK(pthread_cond_init(&gate->freed, NULL) == 0);
    return gate;
}

void builtin_login_gate_free(struct builtin_login_gate **gate) {
    if (*gate == NULL) return;
    guess_table_free(&(*gate)->guesses);
    pthread_cond_destroy(&(*gate)->freed);
    pthread_mutex_destroy(&(*gate)->lock);
    free(*gate);
    *gate = NULL;
}

/* Waits for a turn to compute; BUSY where too many wait already. */
static struct status gate_enter(struct builtin_login_gate *gate) {
    pthread_mutex_lock(&gate->lock);
    bool crowded = gate->waiting >= BUILTIN_LOGINS_WAITING_MAX;
    if (!crowded) {
        gate->waiting++;
        while (gate->computing >= BUILTIN_LOGINS_AT_ONCE) {
            pthread_cond_wait(&gate->freed, &gate->lock);
        }
        gate->waiting--;
        gate->computing++;
    }
    pthread_mutex_unlock(&gate->lock);
    return crowded ? status_of(STATUS_BUSY) : status_ok();
}

static void gate_leave(struct builtin_login_gate *gate) {
    pthread_mutex_lock(&gate->lock);
    gate->computing--;
    pthread_cond_signal(&gate->freed);
    pthread_mutex_unlock(&gate->lock);
}

struct status builtin_derive_secret(struct builtin *store, struct slice secret, const uint8_t *salt,
                                    struct password_cost cost, uint8_t *out) {
    TRY(gate_enter(store->gate));
    struct status s = password_derive(secret, salt, cost, out);
    gate_leave(store->gate);
    return s;
}

/* --- setting --- */

/* A password as it will be stored. */
struct new_password {
    struct password_cost cost;
    uint8_t salt[PASSWORD_SALT_LEN];
    uint8_t hash[PASSWORD_HASH_LEN];
};

static struct status attempt_set(struct builtin_account_change *change, struct arena *arena,
                                 Identity__Account *account) {
    struct new_password *wanted = change->context;
    Identity__Password *password = ARENA_NEW(arena, Identity__Password);
    TRY(arena_ok(arena));
    *password = (Identity__Password)IDENTITY__PASSWORD__INIT;
    password->log_n = wanted->cost.log_n;
    password->r = wanted->cost.r;
    password->p = wanted->cost.p;
    password->salt = (ProtobufCBinaryData){sizeof wanted->salt, wanted->salt};
    password->hash = (ProtobufCBinaryData){sizeof wanted->hash, wanted->hash};
    password->changed_ns = clock_wall_ns(change->store->clock);
    account->password = password;
    /* Who knew the old password holds no token any more; and none is left to be revoked. */
    if (account->tokens_not_before_ns < password->changed_ns) {
        account->tokens_not_before_ns = password->changed_ns;
    } else {
        account->tokens_not_before_ns++;
    }
    account->n_revoked = 0;
    return status_ok();
}

struct status builtin_password_set(struct builtin *store, struct slice user_id,
                                   struct slice password, struct note *note) {
    bool sane = password.len >= BUILTIN_PASSWORD_MIN &&
                builtin_text_is_valid(password, BUILTIN_PASSWORD_MAX);
    if (!sane) {
        return note_status(note, STATUS_INVALID,
                           "a password is %d to %d bytes of UTF-8 without control characters",
                           BUILTIN_PASSWORD_MIN, BUILTIN_PASSWORD_MAX);
    }
    struct new_password wanted = {.cost = store->password_cost};
    random_fill(store->random, wanted.salt, sizeof wanted.salt);
    struct status s = builtin_derive_secret(store, password, wanted.salt, wanted.cost, wanted.hash);
    if (!is_ok(s)) return note_status(note, s.code, "hashing: %s", status_text(s.code));
    struct builtin_account_change change = {.store = store,
                                            .user_id = user_id,
                                            .note = note,
                                            .attempt = attempt_set,
                                            .context = &wanted};
    s = builtin_account_change(&change);
    ct_wipe(&wanted, sizeof wanted);
    return s;
}

struct status builtin_password_is_set(struct builtin *store, struct slice user_id, bool *ret_is) {
    struct arena arena;
    Identity__Account *account;
    arena_init(&arena, WORK_ARENA_BLOCK, WORK_ARENA_LIMIT);
    struct status s = status_ok();
    *ret_is = false;
    if (builtin_id_is_valid(user_id))
        s = builtin_account_read(store, user_id, &arena, NULL, &account);
    if (is_ok(s) && builtin_id_is_valid(user_id)) *ret_is = account->password != NULL;
    arena_fini(&arena);
    return s;
}

/* --- checking --- */

/* What there is to compare with; a password that nobody has where there is no such user. */
struct expected {
    struct password_cost cost;
    bool real;
    uint8_t salt[PASSWORD_SALT_LEN];
    uint8_t hash[PASSWORD_HASH_LEN];
};

static struct status find_expected(struct builtin *store, struct slice user_id, struct arena *arena,
                                   struct expected *ret_expected) {
    struct builtin_entity user;
    Identity__Account *account;
    *ret_expected = (struct expected){.cost = store->password_cost};
    if (!builtin_id_is_valid(user_id)) return status_ok();
    struct status s = builtin_entity_read_enabled(store, BUILTIN_USER, user_id, arena, &user);
    if (status_is(s, STATUS_NOT_FOUND)) return status_ok();
    TRY(s);
    TRY(builtin_account_read(store, user_id, arena, NULL, &account));
    const Identity__Password *password = account->password;
    if (password == NULL) return status_ok();
    ret_expected->cost = (struct password_cost){password->log_n, password->r, password->p};
    if (!password_cost_is_sane(ret_expected->cost)) return status_of(STATUS_CORRUPT);
    ret_expected->real = true;
    memcpy(ret_expected->salt, password->salt.data, PASSWORD_SALT_LEN);
    memcpy(ret_expected->hash, password->hash.data, PASSWORD_HASH_LEN);
    return status_ok();
}

static struct status check_password(struct builtin *store, const struct builtin_login *login) {
    struct arena arena;
    struct expected expected;
    uint8_t hash[PASSWORD_HASH_LEN];
    arena_init(&arena, WORK_ARENA_BLOCK, WORK_ARENA_LIMIT);
    struct status s = find_expected(store, login->user_id, &arena, &expected);
    if (is_ok(s))
        s = builtin_derive_secret(store, login->password, expected.salt, expected.cost, hash);
    if (is_ok(s)) {
        bool equal = ct_equal(hash, expected.hash, sizeof hash);
        if (!equal || !expected.real) s = status_of(STATUS_DENIED);
    }
    ct_wipe(hash, sizeof hash);
    ct_wipe(&expected, sizeof expected);
    arena_fini(&arena);
    return s;
}

bool builtin_guess_begin(struct builtin *store, struct slice user, struct slice source,
                         int64_t *ret_wait_ns) {
    int64_t now_ns = clock_mono_ns(store->clock);
    *ret_wait_ns = 0;
    return guess_begin(store->gate->guesses, user, source, now_ns, ret_wait_ns);
}

void builtin_guess_right(struct builtin *store, struct slice user, struct slice source) {
    guess_right(store->gate->guesses, user, source);
}

struct status builtin_login(struct builtin *store, const struct builtin_login *login,
                            int64_t *ret_wait_ns) {
    *ret_wait_ns = 0;
    if (login->password.len > BUILTIN_PASSWORD_MAX) return status_of(STATUS_DENIED);
    struct guess_table *guesses = store->gate->guesses;
    int64_t now_ns = clock_mono_ns(store->clock);
    if (!guess_begin(guesses, login->user_id, login->source, now_ns, ret_wait_ns)) {
        return status_of(STATUS_BUSY);
    }
    struct status s = check_password(store, login);
    if (is_ok(s)) guess_right(guesses, login->user_id, login->source);
    return s;
}
