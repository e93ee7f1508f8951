/* Projects, users and roles: one's own, and everybody's for administrators. */
#include "base/check.h"
#include "keystone/call.h"

enum { PAGE = 200 };

/* --- documents --- */

static void write_project(struct keystone_call *call, struct json_writer *w,
                          const struct builtin_entity *project) {
    json_begin_object(w);
    json_member_string(w, "id", project->id);
    json_member_string(w, "name", project->name);
    json_member_string(w, "domain_id", project->domain_id);
    json_member_string(w, "description", project->description);
    json_member_bool(w, "enabled", project->enabled);
    json_member_string(w, "parent_id", project->domain_id);
    json_member_bool(w, "is_domain", false);
    json_key(w, "tags");
    json_begin_array(w);
    json_end_array(w);
    json_key(w, "options");
    json_begin_object(w);
    json_end_object(w);
    keystone_write_self(call, w, "projects/%.*s", SLICE_FMT(project->id));
    json_end_object(w);
}

static void write_user(struct keystone_call *call, struct json_writer *w,
                       const struct builtin_entity *user) {
    json_begin_object(w);
    json_member_string(w, "id", user->id);
    json_member_string(w, "name", user->name);
    json_member_string(w, "domain_id", user->domain_id);
    json_member_string(w, "description", user->description);
    json_member_bool(w, "enabled", user->enabled);
    json_member_str(w, "password_expires_at", NULL);
    json_key(w, "options");
    json_begin_object(w);
    json_end_object(w);
    keystone_write_self(call, w, "users/%.*s", SLICE_FMT(user->id));
    json_end_object(w);
}

static void write_entity(struct keystone_call *call, struct json_writer *w,
                         const struct builtin_entity *entity) {
    if (entity->kind == BUILTIN_USER) {
        write_user(call, w, entity);
    } else {
        write_project(call, w, entity);
    }
}

/* Whether the entity is among those that the query asks for. */
static bool is_wanted(const struct keystone_call *call, const struct builtin_entity *entity) {
    struct slice name = keystone_query(call, "name");
    struct slice domain_id = keystone_query(call, "domain_id");
    if (name.ptr != NULL && !slice_eq(name, entity->name)) return false;
    return domain_id.ptr == NULL || slice_eq(domain_id, entity->domain_id);
}

static void begin_list(struct keystone_call *call, struct json_writer *w, const char *name) {
    *w = keystone_document(call);
    json_begin_object(w);
    json_key(w, name);
    json_begin_array(w);
}

static struct status end_list(struct keystone_call *call, struct json_writer *w) {
    json_end_array(w);
    keystone_write_list_links(call, w);
    json_end_object(w);
    return status_ok();
}

/* Everybody, or everything, of a kind. */
static struct status list_all(struct keystone_call *call, enum builtin_kind kind,
                              struct json_writer *w) {
    struct builtin_entity *page = arena_calloc(call->arena, PAGE, sizeof *page);
    struct slice after = SLICE("");
    bool more = true;
    TRY(arena_ok(call->arena));
    while (more) {
        size_t count;
        TRY(builtin_list(call->service->store, kind, after, call->arena, page, PAGE, &count,
                         &more));
        for (size_t i = 0; i < count; i++) {
            if (is_wanted(call, &page[i])) write_entity(call, w, &page[i]);
        }
        if (count == 0) break;
        after = page[count - 1].id;
        TRY(buf_ok(w->buf));
    }
    return status_ok();
}

/* The enabled projects that a user has roles in. */
static struct status list_granted(struct keystone_call *call, struct slice user_id,
                                  struct json_writer *w) {
    struct builtin_grant *grants;
    size_t count;
    TRY(builtin_grant_list(call->service->store, user_id, call->arena, call->note, &grants,
                           &count));
    for (size_t i = 0; i < count; i++) {
        bool shown = grants[i].project.enabled && is_wanted(call, &grants[i].project);
        if (shown) write_project(call, w, &grants[i].project);
    }
    return status_ok();
}

/* Finds by id alone: in a path a name is not an id. */
static struct status find_by_id(struct keystone_call *call, enum builtin_kind kind, struct slice id,
                                struct builtin_entity *ret_entity) {
    struct status s = builtin_find(call->service->store, kind, SLICE(""), id, call->arena,
                                   call->note, ret_entity);
    bool other = is_ok(s) && !slice_eq(ret_entity->id, id);
    if (other || status_is(s, STATUS_NOT_FOUND)) {
        return keystone_refuse_absent(call, builtin_kind_word(kind), id);
    }
    return s;
}

/* --- projects --- */

struct status keystone_project_list_own(struct keystone_call *call) {
    struct json_writer w;
    begin_list(call, &w, "projects");
    if (keystone_is_admin(call)) {
        TRY(list_all(call, BUILTIN_PROJECT, &w));
    } else {
        TRY(list_granted(call, call->bearer.user.id, &w));
    }
    return end_list(call, &w);
}

struct status keystone_project_list(struct keystone_call *call) {
    return keystone_project_list_own(call);
}

struct status keystone_project_show(struct keystone_call *call) {
    struct builtin_entity project;
    unsigned roles = 0;
    struct slice id = call->words[0];
    if (keystone_is_admin(call)) {
        TRY(find_by_id(call, BUILTIN_PROJECT, id, &project));
    } else {
        /* Whether there is such a project is nobody's business who has no role in it. */
        struct status s = builtin_find(call->service->store, BUILTIN_PROJECT, SLICE(""), id,
                                       call->arena, call->note, &project);
        bool there = is_ok(s) && slice_eq(project.id, id);
        if (!is_ok(s) && !status_is(s, STATUS_NOT_FOUND)) return s;
        if (there) {
            TRY(builtin_roles_of(call->service->store, &call->bearer.user, &project, call->arena,
                                 &roles));
        }
        if (roles == 0) return keystone_refuse_forbidden(call);
    }
    struct json_writer w = keystone_document(call);
    json_begin_object(&w);
    json_key(&w, "project");
    write_project(call, &w, &project);
    json_end_object(&w);
    return status_ok();
}

/* --- users --- */

struct status keystone_user_list(struct keystone_call *call) {
    struct json_writer w;
    begin_list(call, &w, "users");
    if (keystone_is_admin(call)) {
        TRY(list_all(call, BUILTIN_USER, &w));
    } else if (is_wanted(call, &call->bearer.user)) {
        write_user(call, &w, &call->bearer.user);
    }
    return end_list(call, &w);
}

struct status keystone_user_show(struct keystone_call *call) {
    struct builtin_entity user;
    struct slice id = call->words[0];
    if (!keystone_is_self(call, id) && !keystone_is_admin(call)) {
        return keystone_refuse_forbidden(call);
    }
    TRY(find_by_id(call, BUILTIN_USER, id, &user));
    struct json_writer w = keystone_document(call);
    json_begin_object(&w);
    json_key(&w, "user");
    write_user(call, &w, &user);
    json_end_object(&w);
    return status_ok();
}

struct status keystone_user_projects(struct keystone_call *call) {
    struct builtin_entity user;
    struct slice id = call->words[0];
    if (keystone_is_self(call, id)) return keystone_project_list_own(call);
    if (!keystone_is_admin(call)) return keystone_refuse_forbidden(call);
    TRY(find_by_id(call, BUILTIN_USER, id, &user));
    struct json_writer w;
    begin_list(call, &w, "projects");
    if (user.admin) {
        TRY(list_all(call, BUILTIN_PROJECT, &w));
    } else {
        TRY(list_granted(call, id, &w));
    }
    return end_list(call, &w);
}

/* --- roles --- */

static void write_role(struct keystone_call *call, struct json_writer *w, const char *word) {
    json_begin_object(w);
    json_member_str(w, "id", word);
    json_member_str(w, "name", word);
    json_member_str(w, "domain_id", NULL);
    json_member_str(w, "description", NULL);
    json_key(w, "options");
    json_begin_object(w);
    json_end_object(w);
    keystone_write_self(call, w, "roles/%s", word);
    json_end_object(w);
}

/* Lists those of `roles` whose name the query does not exclude. */
static struct status answer_roles(struct keystone_call *call, unsigned roles) {
    struct slice name = keystone_query(call, "name");
    struct json_writer w;
    begin_list(call, &w, "roles");
    for (unsigned i = 0; i < BUILTIN_ROLE_COUNT; i++) {
        const char *word = builtin_role_word(i);
        bool wanted = name.ptr == NULL || slice_eq(name, slice_str(word));
        if ((roles & 1U << i) != 0 && wanted) write_role(call, &w, word);
    }
    return end_list(call, &w);
}

struct status keystone_role_list(struct keystone_call *call) {
    return answer_roles(call, BUILTIN_ROLES_ALL);
}

struct status keystone_role_show(struct keystone_call *call) {
    for (unsigned i = 0; i < BUILTIN_ROLE_COUNT; i++) {
        const char *word = builtin_role_word(i);
        if (!slice_eq(call->words[0], slice_str(word))) continue;
        struct json_writer w = keystone_document(call);
        json_begin_object(&w);
        json_key(&w, "role");
        write_role(call, &w, word);
        json_end_object(&w);
        return status_ok();
    }
    return keystone_refuse_absent(call, "role", call->words[0]);
}

/* --- grants: /v3/projects/{}/users/{}/roles/{} --- */

static struct status find_grant(struct keystone_call *call, struct builtin_entity *ret_user,
                                struct builtin_entity *ret_project, unsigned *ret_roles) {
    if (!keystone_is_admin(call)) return keystone_refuse_forbidden(call);
    TRY(find_by_id(call, BUILTIN_PROJECT, call->words[0], ret_project));
    TRY(find_by_id(call, BUILTIN_USER, call->words[1], ret_user));
    return builtin_roles_of(call->service->store, ret_user, ret_project, call->arena, ret_roles);
}

struct status keystone_grant_list(struct keystone_call *call) {
    struct builtin_entity user, project;
    unsigned roles;
    TRY(find_grant(call, &user, &project, &roles));
    return answer_roles(call, roles);
}

/* Finds the grant, and the role that the path names. */
static struct status find_role(struct keystone_call *call, struct builtin_entity *ret_user,
                               struct builtin_entity *ret_project, unsigned *ret_roles,
                               unsigned *ret_role) {
    TRY(find_grant(call, ret_user, ret_project, ret_roles));
    *ret_role = builtin_role_parse(call->words[2]);
    return *ret_role != 0 ? status_ok() : keystone_refuse_absent(call, "role", call->words[2]);
}

struct status keystone_grant_check(struct keystone_call *call) {
    struct builtin_entity user, project;
    unsigned roles, role;
    TRY(find_role(call, &user, &project, &roles, &role));
    if ((roles & role) == 0) {
        return keystone_refuse_absent(call, "role assignment with role", call->words[2]);
    }
    call->response.status = 204;
    return status_ok();
}

struct status keystone_grant_create(struct keystone_call *call) {
    struct builtin_entity user, project;
    unsigned roles, role;
    TRY(find_role(call, &user, &project, &roles, &role));
    TRY(builtin_role_grant(call->service->store, user.id, project.id, role, call->note));
    call->response.status = 204;
    return status_ok();
}

struct status keystone_grant_delete(struct keystone_call *call) {
    struct builtin_entity user, project;
    unsigned roles, role;
    TRY(find_role(call, &user, &project, &roles, &role));
    if ((roles & role) == 0) {
        return keystone_refuse_absent(call, "role assignment with role", call->words[2]);
    }
    TRY(builtin_role_revoke(call->service->store, user.id, project.id, role, call->note));
    call->response.status = 204;
    return status_ok();
}
