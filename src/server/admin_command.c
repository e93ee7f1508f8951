#include "server/admin_command.h"

#include <stdio.h>
#include <unistd.h>

#include "base/check.h"
#include "engine/data.h"
#include "object/bucket.h"
#include "object/check.h"
#include "server/admin.h"
#include "server/store.h"
#include "server/zone.h"

struct status admin_command_config(const struct cli_where *where, struct note *note,
                                   struct config **ret_config) {
    struct config_options options = {
        .data_dir = where->data, .listen = where->listen, .admin_listen = where->admin_listen};
    if (where->config != NULL) {
        TRY(config_load(where->config, note, ret_config));
    } else {
        TRY(config_default(&options, note, ret_config));
    }
    (*ret_config)->accept_metadata_from = where->accept_metadata_from;
    return status_ok();
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

static struct status project_has_buckets(void *context, struct slice project_id, bool *ret_has) {
    return bucket_project_has_any(context, project_id, ret_has);
}

static struct status execute_on(const struct config *config, const struct store *store,
                                struct slice request, struct note *note, struct buf *reply) {
    struct object_store_config parts = {.kv = engine_kv(store->engine),
                                        .blob = engine_blob(store->engine),
                                        .clock = clock_system(),
                                        .random = random_system()};
    struct object_store *objects;
    struct zone zone;
    TRY(object_store_open(&parts, note, &objects));
    zone_init(&zone, config, objects, builtin_identity(store->identity));
    struct admin admin = {.identity = store->identity,
                          .is_elsewhere = config->identity.mode == CONFIG_IDENTITY_KEYSTONE,
                          .project_has_buckets = project_has_buckets,
                          .context = objects,
                          .zone = &zone,
                          .engine = store->engine};
    admin_execute(&admin, request, reply);
    zone_fini(&zone);
    object_store_close(&objects);
    return status_ok();
}

static struct status execute(const struct config *config, struct slice request, struct note *note,
                             struct buf *reply) {
    struct store store;
    if (access(config->server.data_dir, F_OK) != 0) {
        return note_status(note, STATUS_NOT_FOUND,
                           "there is no store in %s yet; hink serve makes it",
                           config->server.data_dir);
    }
    TRY(store_open(config, false, note, &store));
    struct status s = execute_on(config, &store, request, note, reply);
    store_close(&store);
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

void admin_command_document(struct slice request, struct buf *reply) {
    struct admin none = {0};
    admin_execute(&none, request, reply);
}

/* ---- hink check ---- */

struct partitions {
    struct object_partitions partitions;
    struct engine *engine;
};

static struct status partitions_find(struct object_partitions *partitions,
                                     struct kv_partition *partition, bool *ret_found) {
    struct partitions *self = CONTAINER_OF(partitions, struct partitions, partitions);
    return engine_partition_find(self->engine, partition, ret_found);
}

/* The object layer first, as what it finds to be garbage is no leak below. */
static struct status check_store(const struct store *store, bool blocks,
                                 struct findings *findings) {
    struct partitions partitions = {{partitions_find}, store->engine};
    TRY(engine_check_metadata(store->engine, findings));
    TRY(object_check(engine_kv(store->engine), &partitions.partitions, findings));
    return data_check(engine_data(store->engine), blocks, findings);
}

/* A store that can't be opened for its damage is a finding, not a failure of the check. */
static struct status check_config(const struct config *config, bool blocks, struct note *note,
                                  struct findings *findings) {
    struct store store;
    if (access(config->server.data_dir, F_OK) != 0) {
        return note_status(note, STATUS_NOT_FOUND, "there is no store in %s",
                           config->server.data_dir);
    }
    struct status s = store_open(config, false, note, &store);
    if (status_is(s, STATUS_CORRUPT)) {
        findings_say(findings, FINDING_METADATA, false, "%s", note->text);
        return status_ok();
    }
    TRY(s);
    s = check_store(&store, blocks, findings);
    if (!is_ok(s)) note_set(note, "the check ended early: %s", status_text(s.code));
    store_close(&store);
    return s;
}

struct status admin_command_check(const struct cli_where *where, bool blocks, struct note *note,
                                  struct findings *findings) {
    struct config *config;
    TRY(admin_command_config(where, note, &config));
    struct status s = check_config(config, blocks, note, findings);
    config_free(&config);
    return s;
}
