/* Whether the paths, users and groups of a configuration can be used, without touching them. */
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/config_load.h"

enum { PATH_TEXT_MAX = 4096 };

/* Writes the folder that `path` lies in to `out`; false where the path is too long. */
static bool parent_of(const char *path, char *out) {
    size_t len = strlen(path);
    while (len > 1 && path[len - 1] == '/') len--;
    while (len > 0 && path[len - 1] != '/') len--;
    while (len > 1 && path[len - 1] == '/') len--;
    if (len >= PATH_TEXT_MAX) return false;
    memcpy(out, len > 0 ? path : ".", len > 0 ? len : 1);
    out[len > 0 ? len : 1] = 0;
    return true;
}

/* 0, or the errno that speaks against making something in the folder of `path`. */
static int folder_error(const char *path, bool may_be_made) {
    char folder[PATH_TEXT_MAX];
    if (!parent_of(path, folder)) return ENAMETOOLONG;
    struct stat st;
    while (may_be_made && stat(folder, &st) != 0 && errno == ENOENT) {
        char upper[PATH_TEXT_MAX];
        if (!parent_of(folder, upper) || strcmp(upper, folder) == 0) break;
        memcpy(folder, upper, sizeof folder);
    }
    if (stat(folder, &st) != 0) return errno;
    if (!S_ISDIR(st.st_mode)) return ENOTDIR;
    return access(folder, W_OK | X_OK) == 0 ? 0 : errno;
}

static int data_dir_error(const char *path) {
    struct stat st;
    if (stat(path, &st) != 0) return errno == ENOENT ? folder_error(path, true) : errno;
    if (!S_ISDIR(st.st_mode)) return ENOTDIR;
    return access(path, R_OK | W_OK | X_OK) == 0 ? 0 : errno;
}

static int readable_error(const char *path) {
    struct stat st;
    if (stat(path, &st) != 0) return errno;
    if (S_ISDIR(st.st_mode)) return EISDIR;
    return access(path, R_OK) == 0 ? 0 : errno;
}

static int appendable_error(const char *path) {
    struct stat st;
    if (stat(path, &st) != 0) return errno == ENOENT ? folder_error(path, false) : errno;
    if (S_ISDIR(st.st_mode)) return EISDIR;
    return access(path, W_OK) == 0 ? 0 : errno;
}

/* A file that is made beside the store, or was made before; only the owner may read it. */
static int key_file_error(const char *path) {
    struct stat st;
    if (stat(path, &st) != 0) return errno == ENOENT ? folder_error(path, true) : errno;
    return readable_error(path);
}

static struct status check(struct config_loader *loader, const void *object, const char *key,
                           const char *path, int error) {
    if (error == 0) return status_ok();
    const struct config_block *block = config_block_of(loader, object);
    return config_refuse(loader, config_line_of(block, key), "%s: %s: %s", key, path,
                         strerrordesc_np(error));
}

static struct status check_private(struct config_loader *loader, const char *path) {
    struct stat st;
    if (stat(path, &st) != 0 || (st.st_mode & 077) == 0) return status_ok();
    const struct config_block *block = config_block_of(loader, &loader->config->server);
    return config_refuse(loader, config_line_of(block, "key_file"),
                         "key_file: %s: others may read it (mode %03o); it must be 0600", path,
                         (unsigned)st.st_mode & 0777);
}

static struct status check_account(struct config_loader *loader, const char *key, const char *name,
                                   bool known) {
    if (known) return status_ok();
    const struct config_block *block = config_block_of(loader, &loader->config->server);
    return config_refuse(loader, config_line_of(block, key), "%s: there is no %s '%s'", key, key,
                         name);
}

/* Start-up is single-threaded, so the static buffers of getpwnam and getgrnam are nobody else's. */
static struct status check_server(struct config_loader *loader) {
    const struct config_server *server = &loader->config->server;
    TRY(check(loader, server, "data", server->data_dir, data_dir_error(server->data_dir)));
    TRY(check(loader, server, "key_file", server->key_file, key_file_error(server->key_file)));
    TRY(check_private(loader, server->key_file));
    TRY(check(loader, server, "admin_socket", server->admin_socket,
              folder_error(server->admin_socket, true)));
    if (server->keystone_certificate != NULL) {
        TRY(check(loader, server, "keystone_certificate", server->keystone_certificate,
                  readable_error(server->keystone_certificate)));
        TRY(check(loader, server, "keystone_key", server->keystone_key,
                  readable_error(server->keystone_key)));
    }
    if (server->user != NULL) {
        TRY(check_account(loader, "user", server->user, getpwnam(server->user) != NULL));
    }
    if (server->group != NULL) {
        TRY(check_account(loader, "group", server->group, getgrnam(server->group) != NULL));
    }
    return status_ok();
}

struct status config_check_paths(struct config_loader *loader) {
    const struct config *config = loader->config;
    TRY(check_server(loader));
    const char *access_log = config->log.access_log;
    if (access_log != NULL) {
        TRY(check(loader, &config->log, "access_log", access_log, appendable_error(access_log)));
    }
    const struct config_identity *identity = &config->identity;
    if (identity->service_password_file != NULL) {
        TRY(check(loader, identity, "service_password_file", identity->service_password_file,
                  readable_error(identity->service_password_file)));
    }
    if (identity->ca_file != NULL) {
        TRY(check(loader, identity, "ca_file", identity->ca_file,
                  readable_error(identity->ca_file)));
    }
    for (size_t i = 0; i < config->endpoint_count; i++) {
        const struct config_endpoint *e = &config->endpoints[i];
        if (e->tls_certificate == NULL) continue;
        TRY(check(loader, e, "tls_certificate", e->tls_certificate,
                  readable_error(e->tls_certificate)));
        TRY(check(loader, e, "tls_key", e->tls_key, readable_error(e->tls_key)));
    }
    return status_ok();
}
