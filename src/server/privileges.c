#include "server/privileges.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <unistd.h>

static struct status refuse(const struct privileges *p, struct note *note, const char *what) {
    return note_status(note, STATUS_DENIED, "becoming user %s: %s: %s", p->user, what,
                       strerrordesc_np(errno));
}

/* Start-up is single-threaded, so the static buffers of getpwnam and getgrnam are nobody else's. */
static struct status find_ids(const struct config_server *server, struct note *note,
                              struct privileges *privileges) {
    const struct passwd *user = getpwnam(server->user);
    if (user == NULL) {
        return note_status(note, STATUS_INVALID, "there is no user '%s'", server->user);
    }
    privileges->uid = user->pw_uid;
    privileges->gid = user->pw_gid;
    if (server->group == NULL) return status_ok();
    const struct group *group = getgrnam(server->group);
    if (group == NULL) {
        return note_status(note, STATUS_INVALID, "there is no group '%s'", server->group);
    }
    privileges->gid = group->gr_gid;
    return status_ok();
}

struct status privileges_find(const struct config_server *server, struct note *note,
                              struct privileges *ret_privileges) {
    struct privileges found = {.user = server->user};
    if (server->user == NULL) {
        *ret_privileges = found;
        return status_ok();
    }
    TRY(find_ids(server, note, &found));
    found.change = geteuid() == 0 && found.uid != 0;
    if (geteuid() != 0 && geteuid() != found.uid) {
        return note_status(note, STATUS_DENIED, "only root can become user '%s'", server->user);
    }
    *ret_privileges = found;
    return status_ok();
}

struct status privileges_enter(const struct privileges *p, struct note *note) {
    if (!p->change) return status_ok();
    if (initgroups(p->user, p->gid) != 0) return refuse(p, note, "its groups");
    if (setegid(p->gid) != 0) return refuse(p, note, "its group");
    if (seteuid(p->uid) != 0) return refuse(p, note, "the user");
    return status_ok();
}

struct status privileges_leave(const struct privileges *p, struct note *note) {
    if (!p->change) return status_ok();
    if (seteuid(0) != 0 || setegid(0) != 0) return refuse(p, note, "and root again");
    return status_ok();
}

struct status privileges_drop(const struct privileges *p, struct note *note) {
    if (!p->change) return status_ok();
    if (setresgid(p->gid, p->gid, p->gid) != 0) return refuse(p, note, "its group");
    if (setresuid(p->uid, p->uid, p->uid) != 0) return refuse(p, note, "the user");
    if (setuid(0) == 0) return note_status(note, STATUS_DENIED, "root is still to be had");
    return status_ok();
}
