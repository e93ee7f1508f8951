#include "server/store.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/date.h"
#include "os/fs.h"

enum { PATH_TEXT_MAX = 4096 };

/* Opens the directory `name` in `*dir_fd`, made if it is missing, in the place of `*dir_fd`. */
static struct status step_down(int *dir_fd, const char *name) {
    struct fs *fs = fs_system();
    int inner;
    struct status s = fs_dir_open(fs, *dir_fd, name, &inner);
    if (status_is(s, STATUS_NOT_FOUND)) {
        s = fs_dir_make(fs, *dir_fd, name);
        if (is_ok(s) || status_is(s, STATUS_EXISTS)) s = fs_dir_open(fs, *dir_fd, name, &inner);
    }
    if (is_ok(s)) {
        fs_close(fs, dir_fd);
        *dir_fd = inner;
    }
    return s;
}

/* Cuts the last component off `path`, and the slashes around it. */
static void cut_last(char *path) {
    size_t len = strlen(path);
    while (len > 0 && path[len - 1] == '/') len--;
    while (len > 0 && path[len - 1] != '/') len--;
    while (len > 0 && path[len - 1] == '/') len--;
    path[len] = 0;
}

static struct status make_directories(char *path, bool absolute) {
    int dir_fd;
    TRY(fs_dir_open(fs_system(), AT_FDCWD, absolute ? "/" : ".", &dir_fd));
    struct status s = status_ok();
    for (char *name; is_ok(s) && (name = strsep(&path, "/")) != NULL;) {
        if (name[0] != 0) s = step_down(&dir_fd, name);
    }
    fs_close(fs_system(), &dir_fd);
    return s;
}

struct status store_make_parents(const char *path, struct note *note) {
    char text[PATH_TEXT_MAX];
    if (snprintf(text, sizeof text, "%s", path) >= (int)sizeof text) {
        return note_status(note, STATUS_INVALID, "the path is too long: %.80s...", path);
    }
    cut_last(text);
    if (text[0] == 0 || access(text, F_OK) == 0) return status_ok();
    struct status s = make_directories(text, path[0] == '/');
    if (is_ok(s)) return s;
    return note_status(note, s.code, "%s: the directory above it can't be made: %s", path,
                       status_text(s.code));
}

static struct status open_engine(const struct config *config, bool serving, struct note *note,
                                 struct engine **ret_engine) {
    struct engine_policy policies[CONFIG_POLICIES_MAX];
    for (size_t i = 0; i < config->policy_count; i++) {
        const struct config_policy *policy = &config->policies[i];
        policies[i] = (struct engine_policy){
            .name = policy->name,
            .copies = (unsigned)policy->copies,
            .data_pieces = policy->erasure_code.data_pieces,
            .parity_pieces = policy->erasure_code.parity_pieces,
            .min_pieces = (unsigned)policy->min_copies,
            .on_hdd = policy->media == CONFIG_MEDIA_HDD,
            .same_device = policy->same_device,
            .allow_reduced_redundancy = policy->allow_reduced_redundancy,
        };
    }
    struct engine_drive drives[CONFIG_DRIVES_MAX];
    for (size_t i = 0; i < config->drive_count; i++) {
        const struct config_drive *drive = &config->drives[i];
        drives[i] = (struct engine_drive){.name = drive->name,
                                          .path = drive->path,
                                          .is_hdd = drive->media == CONFIG_MEDIA_HDD,
                                          .has_metadata = drive->metadata};
    }
    struct engine_config engine = {
        .data_dir = config->server.data_dir,
        .policies = policies,
        .policy_count = config->policy_count,
        .drives = drives,
        .drive_count = config->drive_count,
        .repair_rate_bytes = config->limits.repair_rate_bytes,
        .scrub_rate_bytes = config->limits.scrub_rate_bytes,
        .scrub_interval_s = (unsigned)(config->limits.scrub_interval_ns / NS_PER_S),
        .verify_always = config->server.verify_always,
        .no_mending = !serving,
        .accept_metadata_from = config->accept_metadata_from};
    TRY(store_make_parents(config->server.data_dir, note));
    return engine_open(&engine, clock_system(), random_system(), note, ret_engine);
}

static struct status open_identity(const struct config *config, struct engine *engine,
                                   struct note *note, struct builtin **ret_identity) {
    struct key_file key;
    TRY(store_make_parents(config->server.key_file, note));
    TRY(key_file_load(config->server.key_file, true, random_system(), note, &key));
    struct builtin_options options = {
        .kv = engine_kv(engine), .clock = clock_system(), .random = random_system(), .key = &key};
    struct status s = builtin_open(&options, note, ret_identity);
    key_file_wipe(&key);
    return s;
}

struct status store_open(const struct config *config, bool serving, struct note *note,
                         struct store *ret_store) {
    struct store store = {0};
    TRY(open_engine(config, serving, note, &store.engine));
    struct status s = open_identity(config, store.engine, note, &store.identity);
    if (is_ok(s)) {
        *ret_store = store;
    } else {
        engine_close(&store.engine);
    }
    return s;
}

void store_close(struct store *store) {
    builtin_close(&store->identity);
    engine_close(&store->engine);
}
