/* The file that the first key is kept in, in the form of ~/.aws/credentials. */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "cli/cli.h"
#include "os/fs.h"

enum { CREDENTIALS_BYTES_MAX = 1024, PATH_TEXT_MAX = 4096 };

/* Opens the folder of `path`; `*ret_name` is the last component. */
static struct status open_folder(const char *path, int *ret_fd, const char **ret_name) {
    char folder[PATH_TEXT_MAX];
    const char *slash = strrchr(path, '/');
    size_t len = slash == NULL ? 0 : (size_t)(slash - path);
    if (len >= sizeof folder) return status_of(STATUS_INVALID);
    if (slash == path) len = 1;
    memcpy(folder, slash != NULL ? path : ".", slash != NULL ? len : 1);
    folder[slash != NULL ? len : 1] = 0;
    TRY(fs_dir_open(fs_system(), AT_FDCWD, folder, ret_fd));
    *ret_name = slash != NULL ? slash + 1 : path;
    return status_ok();
}

struct status cli_write_credentials(const char *path, struct slice access_key,
                                    struct slice secret_key, struct note *note) {
    char text[CREDENTIALS_BYTES_MAX];
    int len = snprintf(text, sizeof text,
                       "[default]\naws_access_key_id = %.*s\naws_secret_access_key = %.*s\n",
                       SLICE_FMT(access_key), SLICE_FMT(secret_key));
    if (len < 0 || len >= (int)sizeof text) return status_of(STATUS_TOO_LARGE);
    int folder;
    const char *name;
    struct status s = open_folder(path, &folder, &name);
    if (is_ok(s)) {
        s = fs_write_small(fs_system(), folder, name, slice_of(text, (size_t)len));
        close(folder);
    }
    explicit_bzero(text, sizeof text);
    return is_ok(s) ? s : note_status(note, s.code, "%s: %s", path, status_text(s.code));
}

static bool find_access_key(struct slice text, struct slice *ret_access_key) {
    while (text.len > 0) {
        struct slice line;
        struct slice name;
        struct slice value;
        slice_cut(text, '\n', &line, &text);
        if (!slice_cut(line, '=', &name, &value)) continue;
        if (!slice_eq(slice_trim(name), SLICE("aws_access_key_id"))) continue;
        *ret_access_key = slice_trim(value);
        return ret_access_key->len > 0;
    }
    return false;
}

static struct status read_file(const char *path, char *text, size_t *ret_len) {
    int folder;
    const char *name;
    TRY(open_folder(path, &folder, &name));
    struct status s =
        fs_read_small(fs_system(), folder, name, text, CREDENTIALS_BYTES_MAX, ret_len);
    close(folder);
    return s;
}

struct status cli_read_credentials(const char *path, char *ret_access_key, size_t cap) {
    char text[CREDENTIALS_BYTES_MAX];
    size_t len = 0;
    struct status s = read_file(path, text, &len);
    struct slice access_key;
    if (is_ok(s)) {
        bool found = find_access_key(slice_of(text, len), &access_key);
        if (!found || access_key.len >= cap) s = status_of(STATUS_CORRUPT);
    }
    if (is_ok(s)) snprintf(ret_access_key, cap, "%.*s", SLICE_FMT(access_key));
    explicit_bzero(text, sizeof text);
    return s;
}
