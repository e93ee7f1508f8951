/* Roles: what was given to a user, project by project, in the user's account. */
#include "base/check.h"
#include "identity/builtin_account.h"

/* The last two have the names that Swift knows them by. */
static const char *const words[BUILTIN_ROLE_COUNT] = {"reader", "member", "admin", "ResellerAdmin",
                                                      "service"};

enum {
    ADMINISTRATORS_ROLES =
        BUILTIN_ROLE_READER | BUILTIN_ROLE_MEMBER | BUILTIN_ROLE_ADMIN | BUILTIN_ROLE_RESELLER
};

const char *builtin_role_word(unsigned index) {
    CHECK(index < BUILTIN_ROLE_COUNT);
    return words[index];
}

unsigned builtin_role_parse(struct slice word) {
    for (unsigned i = 0; i < BUILTIN_ROLE_COUNT; i++) {
        if (slice_eq(word, slice_str(words[i]))) return 1U << i;
    }
    return 0;
}

/* With all roles that these include: each includes those below it. */
unsigned builtin_roles_with_included(unsigned roles) {
    for (unsigned i = BUILTIN_ROLE_LEVELS - 1; i > 0; i--) {
        if ((roles & 1U << i) != 0) roles |= 1U << (i - 1);
    }
    return roles & BUILTIN_ROLES_ALL;
}

/* With all roles that include one of these. */
static unsigned with_including(unsigned roles) {
    for (unsigned i = 1; i < BUILTIN_ROLE_LEVELS; i++) {
        if ((roles & 1U << (i - 1)) != 0) roles |= 1U << i;
    }
    return roles & BUILTIN_ROLES_ALL;
}

/* Whether the grant is about this very project, and not one of the same id before it. */
static bool is_about(const Identity__Grant *grant, const struct builtin_entity *project) {
    return slice_eq(slice_str(grant->project_id), project->id) &&
           grant->project_created_ns == project->created_ns;
}

struct status builtin_roles_of(struct builtin *store, const struct builtin_entity *user,
                               const struct builtin_entity *project, struct arena *arena,
                               unsigned *ret_roles) {
    Identity__Account *account;
    *ret_roles = ADMINISTRATORS_ROLES;
    if (user->admin) return status_ok();
    TRY(builtin_account_read(store, user->id, arena, NULL, &account));
    unsigned roles = 0;
    for (size_t i = 0; i < account->n_grants; i++) {
        if (is_about(account->grants[i], project)) roles |= account->grants[i]->roles;
    }
    *ret_roles = builtin_roles_with_included(roles);
    return status_ok();
}

/* What a change of roles is about. */
struct role_change {
    struct builtin_entity project;
    unsigned give;
    unsigned take;
};

/* Drops grants of projects that are gone, so that they take no room. */
static void drop_stale(struct builtin *store, struct arena *arena, Identity__Account *account) {
    size_t kept = 0;
    for (size_t i = 0; i < account->n_grants; i++) {
        struct builtin_entity project;
        struct slice id = slice_str(account->grants[i]->project_id);
        struct status s = builtin_entity_read(store, BUILTIN_PROJECT, id, arena, NULL, &project);
        bool stale =
            status_is(s, STATUS_NOT_FOUND) || (is_ok(s) && !is_about(account->grants[i], &project));
        if (!stale) account->grants[kept++] = account->grants[i];
    }
    account->n_grants = kept;
}

/* The list with room for one more, and a grant of nothing as its last. */
static struct status append_grant(const struct role_change *wanted, struct arena *arena,
                                  Identity__Account *account, Identity__Grant **ret_grant) {
    size_t count = account->n_grants;
    Identity__Grant **grown = arena_calloc(arena, count + 1, sizeof(Identity__Grant *));
    Identity__Grant *grant = ARENA_NEW(arena, Identity__Grant);
    char *project_id = arena_cstr(arena, wanted->project.id);
    TRY(arena_ok(arena));
    if (count > 0) memcpy(grown, account->grants, count * sizeof(Identity__Grant *));
    *grant = (Identity__Grant)IDENTITY__GRANT__INIT;
    grant->project_id = project_id;
    grant->project_created_ns = wanted->project.created_ns;
    grown[count] = grant;
    account->grants = grown;
    account->n_grants = count + 1;
    *ret_grant = grant;
    return status_ok();
}

static struct status attempt(struct builtin_account_change *change, struct arena *arena,
                             Identity__Account *account) {
    const struct role_change *wanted = change->context;
    Identity__Grant *grant = NULL;
    drop_stale(change->store, arena, account);
    for (size_t i = 0; i < account->n_grants; i++) {
        if (is_about(account->grants[i], &wanted->project)) grant = account->grants[i];
    }
    if (grant == NULL && account->n_grants == BUILTIN_GRANTS_MAX) {
        return note_status(change->note, STATUS_TOO_LARGE,
                           "the user has roles in %d projects already", BUILTIN_GRANTS_MAX);
    }
    if (grant == NULL) TRY(append_grant(wanted, arena, account, &grant));
    grant->roles = (grant->roles | wanted->give) & ~wanted->take;
    size_t kept = 0;
    for (size_t i = 0; i < account->n_grants; i++) {
        if (account->grants[i]->roles != 0) account->grants[kept++] = account->grants[i];
    }
    account->n_grants = kept;
    return status_ok();
}

static struct status change_roles(struct builtin *store, struct slice user_id,
                                  struct slice project_id, struct role_change wanted,
                                  struct note *note) {
    struct arena arena;
    arena_init(&arena, BUILTIN_RECORD_BYTES_MAX, 4 * BUILTIN_RECORD_BYTES_MAX);
    struct status s = status_of(STATUS_NOT_FOUND);
    if (builtin_id_is_valid(project_id)) {
        s = builtin_entity_read(store, BUILTIN_PROJECT, project_id, &arena, NULL, &wanted.project);
    }
    if (is_ok(s)) {
        struct builtin_account_change change = {.store = store,
                                                .user_id = user_id,
                                                .note = note,
                                                .attempt = attempt,
                                                .context = &wanted};
        s = builtin_account_change(&change);
    } else {
        s = note_status(note, s.code, "project '%.*s': %s", SLICE_FMT(slice_take(project_id, 80)),
                        status_text(s.code));
    }
    arena_fini(&arena);
    return s;
}

struct status builtin_role_grant(struct builtin *store, struct slice user_id,
                                 struct slice project_id, unsigned roles, struct note *note) {
    struct role_change wanted = {.give = builtin_roles_with_included(roles)};
    return change_roles(store, user_id, project_id, wanted, note);
}

struct status builtin_role_revoke(struct builtin *store, struct slice user_id,
                                  struct slice project_id, unsigned roles, struct note *note) {
    struct role_change wanted = {.take = with_including(roles)};
    return change_roles(store, user_id, project_id, wanted, note);
}

struct status builtin_grant_list(struct builtin *store, struct slice user_id, struct arena *arena,
                                 struct note *note, struct builtin_grant **ret_grants,
                                 size_t *ret_count) {
    Identity__Account *account;
    struct builtin_entity user;
    TRY(builtin_find(store, BUILTIN_USER, SLICE(""), user_id, arena, note, &user));
    TRY(builtin_account_read(store, user.id, arena, NULL, &account));
    struct builtin_grant *grants = arena_calloc(arena, account->n_grants + 1, sizeof *grants);
    TRY(arena_ok(arena));
    size_t count = 0;
    for (size_t i = 0; i < account->n_grants; i++) {
        const Identity__Grant *grant = account->grants[i];
        struct builtin_grant *out = &grants[count];
        struct status s = builtin_entity_read(store, BUILTIN_PROJECT, slice_str(grant->project_id),
                                              arena, NULL, &out->project);
        if (status_is(s, STATUS_NOT_FOUND)) continue;
        TRY(s);
        if (!is_about(grant, &out->project)) continue;
        out->roles = builtin_roles_with_included(grant->roles);
        count++;
    }
    *ret_grants = grants;
    *ret_count = count;
    return status_ok();
}
