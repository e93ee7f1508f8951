#include "server/admin_command.h"

#include <stdio.h>
#include <unistd.h>

#include "engine/engine.h"
#include "server/admin.h"

struct status admin_command_config(const struct cli_where *where, struct note *note,
                                   struct config **ret_config) {
    if (where->config != NULL) return config_load(where->config, note, ret_config);
    struct config_options options = {
        .data_dir = where->data, .listen = where->listen, .admin_listen = where->admin_listen};
    return config_default(&options, note, ret_config);
}

struct status admin_command_check_config(const char *path, struct note *note) {
    struct config *config;
    TRY(config_load(path, note, &config));
    config_free(&config);
    return status_ok();
}

struct status admin_command_socket(const struct cli_where *where, struct note *note, char *out,
                                   size_t cap) {
    struct config *config;
    TRY(admin_command_config(where, note, &config));
    struct status s = status_ok();
    int len = snprintf(out, cap, "%s", config->server.admin_socket);
    if (len < 0 || (size_t)len >= cap) {
        s = note_status(note, STATUS_INVALID, "the path of the admin socket is too long: %s",
                        config->server.admin_socket);
    }
    config_free(&config);
    return s;
}

static struct status open_engine(const struct config *config, struct note *note,
                                 struct engine **ret_engine) {
    struct engine_policy policies[CONFIG_POLICIES_MAX];
    for (size_t i = 0; i < config->policy_count; i++) {
        const struct config_policy *policy = &config->policies[i];
        policies[i] = (struct engine_policy){
            .name = policy->name,
            .copies = (unsigned)policy->copies,
            .data_pieces = policy->erasure_code.data_pieces,
            .parity_pieces = policy->erasure_code.parity_pieces,
            .allow_reduced_redundancy = policy->allow_reduced_redundancy,
        };
    }
    struct engine_config engine = {.data_dir = config->server.data_dir,
                                   .policies = policies,
                                   .policy_count = config->policy_count};
    return engine_open(&engine, clock_system(), random_system(), note, ret_engine);
}

static struct status open_identity(const struct config *config, struct engine *engine,
                                   struct note *note, struct builtin **ret_store) {
    struct key_file key;
    TRY(key_file_load(config->server.key_file, true, random_system(), note, &key));
    struct builtin_options options = {
        .kv = engine_kv(engine), .clock = clock_system(), .random = random_system(), .key = &key};
    struct status s = builtin_open(&options, note, ret_store);
    key_file_wipe(&key);
    return s;
}

static struct status execute(const struct config *config, struct slice request, struct note *note,
                             struct buf *reply) {
    struct engine *engine;
    struct builtin *store;
    if (access(config->server.data_dir, F_OK) != 0) {
        return note_status(note, STATUS_NOT_FOUND,
                           "there is no store in %s yet; hink serve makes it",
                           config->server.data_dir);
    }
    TRY(open_engine(config, note, &engine));
    struct status s = open_identity(config, engine, note, &store);
    if (is_ok(s)) {
        struct admin admin = {.identity = store};
        admin_execute(&admin, request, reply);
        builtin_close(&store);
    }
    engine_close(&engine);
    return s;
}

struct status admin_command_offline(const struct cli_where *where, struct slice request,
                                    struct note *note, struct buf *reply) {
    struct config *config;
    TRY(admin_command_config(where, note, &config));
    struct status s = execute(config, request, note, reply);
    config_free(&config);
    return s;
}
