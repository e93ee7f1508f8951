#include "server/user_source.h"

#include <stdio.h>
#include <string.h>

#include "os/clock.h"
#include "server/log.h"

enum { PASSWORD_MAX = 1024 };

/* The first line of the file. */
static struct status read_password(const char *path, char *out, struct note *note) {
    FILE *file = fopen(path, "re");
    bool got = file != NULL && fgets(out, PASSWORD_MAX, file) != NULL;
    if (file != NULL) fclose(file);
    out[got ? strcspn(out, "\r\n") : 0] = 0;
    if (out[0] != 0) return status_ok();
    return note_status(note, STATUS_INVALID,
                       "service_password_file: no password in the first line of %s", path);
}

static void tell(void *context, bool is_problem, const char *text) {
    (void)context;
    log_line(is_problem ? LOG_WARNING : LOG_INFO, "identity: %s", text);
}

static struct remote_words words_of(const struct config_words *words) {
    return (struct remote_words){words->items, words->count};
}

static struct status open_remote(const struct config_identity *from, struct slice password,
                                 struct note *note, struct remote **ret_remote) {
    struct remote_options options = {
        .url = slice_str(from->url),
        .user = {.name = slice_str(from->service_user),
                 .password = password,
                 .domain = slice_str(from->service_user_domain),
                 .project = slice_str(from->service_project),
                 .project_domain = slice_str(from->service_project_domain)},
        .roles = {.reader = words_of(&from->reader_roles),
                  .member = words_of(&from->member_roles),
                  .admin = words_of(&from->admin_roles),
                  .reseller = words_of(&from->reseller_roles),
                  .service = words_of(&from->service_roles)},
        .ca_file = from->ca_file,
        .clock = clock_system(),
        .timeout_ns = from->timeout_ns,
        .refresh_ns = from->refresh_ns,
        .stale_max_ns = from->stale_max_ns,
        .tell = tell};
    return remote_open(&options, note, ret_remote);
}

static struct status open_tempauth(const struct config *config, struct user_source *source,
                                   struct note *note) {
    struct tempauth_options options = {.store = source->builtin,
                                       .identity = user_source_identity(source),
                                       .clock = clock_system(),
                                       .random = random_system(),
                                       .users = config->tempauth.users.items,
                                       .user_count = config->tempauth.users.count,
                                       .builtin_users = config->tempauth.builtin_users,
                                       .token_lifetime_ns = config->server.token_lifetime_ns};
    if (!config->tempauth.enabled) return status_ok();
    return tempauth_open(&options, note, &source->tempauth);
}

struct status user_source_open(const struct config *config, struct builtin *builtin,
                               struct note *note, struct user_source *ret_source) {
    const struct config_identity *identity = &config->identity;
    char bytes[PASSWORD_MAX];
    *ret_source = (struct user_source){.builtin = builtin};
    if (identity->mode == CONFIG_IDENTITY_BUILTIN) return open_tempauth(config, ret_source, note);
    struct slice password = slice_str(identity->service_password);
    if (identity->service_password_file != NULL) {
        TRY(read_password(identity->service_password_file, bytes, note));
        password = slice_str(bytes);
    }
    struct status s = open_remote(identity, password, note, &ret_source->remote);
    explicit_bzero(bytes, sizeof bytes);
    return is_ok(s) ? open_tempauth(config, ret_source, note) : s;
}

void user_source_close(struct user_source *source) {
    tempauth_close(&source->tempauth);
    remote_close(&source->remote);
    *source = (struct user_source){0};
}

struct identity *user_source_identity(const struct user_source *source) {
    if (source->tempauth != NULL) return tempauth_identity(source->tempauth);
    return source->remote != NULL ? remote_identity(source->remote)
                                  : builtin_identity(source->builtin);
}

void user_source_greet(const struct user_source *source, const struct config *config) {
    struct note note = {0};
    if (source->remote == NULL) return;
    struct status s = remote_probe(source->remote, &note);
    if (is_ok(s)) {
        log_line(LOG_INFO, "identity: users are those of %s", config->identity.url);
    } else {
        log_line(LOG_ERROR, "identity: %s", note.text[0] ? note.text : status_text(s.code));
    }
}
