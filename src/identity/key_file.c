/* The file of the key that secrets at rest are encrypted under. */
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "identity/builtin.h"
#include "os/fs.h"

enum { PATH_TEXT_MAX = 4096 };

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

static struct status note_failed(struct note *note, const char *path, struct status s) {
    return note_status(note, s.code, "key file %s: %s", path, status_text(s.code));
}

static struct status read_open(int fd, const char *path, struct note *note,
                               struct key_file *ret_key) {
    struct stat st;
    if (fstat(fd, &st) != 0) return note_failed(note, path, status_of(STATUS_IO));
    if ((st.st_mode & 077) != 0) {
        return note_status(note, STATUS_DENIED,
                           "key file %s: others may read it (mode %03o); it must be 0600", path,
                           (unsigned)st.st_mode & 0777);
    }
    if (!S_ISREG(st.st_mode) || st.st_size != BUILTIN_KEY_FILE_LEN) {
        return note_status(note, STATUS_CORRUPT, "key file %s: not a file of exactly %d bytes",
                           path, BUILTIN_KEY_FILE_LEN);
    }
    struct status s = fs_read(fs_system(), fd, 0, ret_key->bytes, sizeof ret_key->bytes);
    return is_ok(s) ? s : note_failed(note, path, s);
}

static struct status read_key(int folder, const char *name, const char *path, struct note *note,
                              struct key_file *ret_key) {
    int fd;
    struct status s = fs_open_read(fs_system(), folder, name, &fd);
    if (!is_ok(s)) return note_failed(note, path, s);
    s = read_open(fd, path, note, ret_key);
    close(fd);
    return s;
}

/* Makes the file; EXISTS where somebody else was faster. */
static struct status make_key(int folder, const char *name, struct random *random) {
    struct key_file key;
    struct fs_temp temp;
    TRY(fs_temp_create(fs_system(), folder, &temp));
    random_fill(random, key.bytes, sizeof key.bytes);
    struct status s = fs_write(fs_system(), temp.fd, 0, slice_of(key.bytes, sizeof key.bytes));
    key_file_wipe(&key);
    if (is_ok(s)) s = fs_sync_data(fs_system(), temp.fd);
    if (is_ok(s)) return fs_temp_publish(fs_system(), &temp, name);
    fs_temp_discard(fs_system(), &temp);
    return s;
}

struct status key_file_load(const char *path, bool may_make, struct random *random,
                            struct note *note, struct key_file *ret_key) {
    int folder;
    const char *name;
    struct status s = open_folder(path, &folder, &name);
    if (!is_ok(s)) return note_failed(note, path, s);
    s = read_key(folder, name, path, note, ret_key);
    if (status_is(s, STATUS_NOT_FOUND) && may_make) {
        s = make_key(folder, name, random);
        bool there = is_ok(s) || status_is(s, STATUS_EXISTS);
        s = there ? read_key(folder, name, path, note, ret_key) : note_failed(note, path, s);
    }
    close(folder);
    return s;
}

void key_file_wipe(struct key_file *key) {
    explicit_bzero(key->bytes, sizeof key->bytes);
}
