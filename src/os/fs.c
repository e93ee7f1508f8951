#include "os/fs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/check.h"
#include "os/random.h"

static const char temp_prefix[] = ".temp-";

static struct status from_errno(void) {
    return status_from_errno(errno);
}

static void fd_close(int *fd) {
    if (*fd >= 0) close(*fd);
    *fd = -1;
}

/* openat that is not interrupted. */
static int open_at(int at_fd, const char *name, int flags, mode_t mode) {
    int fd;
    do {
        fd = openat(at_fd, name, flags | O_CLOEXEC, mode);
    } while (fd < 0 && errno == EINTR);
    return fd;
}

static struct status system_dir_open(struct fs *fs, int at_fd, const char *name, int *ret_fd) {
    (void)fs;
    int fd = open_at(at_fd, name, O_RDONLY | O_DIRECTORY, 0);
    if (fd < 0) return from_errno();
    *ret_fd = fd;
    return status_ok();
}

static struct status system_dir_make(struct fs *fs, int at_fd, const char *name) {
    (void)fs;
    return mkdirat(at_fd, name, 0700) == 0 ? status_ok() : from_errno();
}

static struct status system_dir_sync(struct fs *fs, int dir_fd) {
    (void)fs;
    return fsync(dir_fd) == 0 ? status_ok() : status_of(STATUS_IO);
}

static struct status system_dir_walk(struct fs *fs, int dir_fd, struct fs_visitor *visitor) {
    (void)fs;
    int fd = open_at(dir_fd, ".", O_RDONLY | O_DIRECTORY, 0);
    if (fd < 0) return from_errno();
    DIR *dir = fdopendir(fd);
    if (!dir) {
        fd_close(&fd);
        return status_of(STATUS_NO_MEMORY);
    }
    struct dirent *entry;
    bool more = true;
    errno = 0;
    while (more && (entry = readdir(dir))) {
        bool dots = strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0;
        if (!dots) more = visitor->visit(visitor, entry->d_name);
        errno = 0;
    }
    struct status s = errno == 0 ? status_ok() : status_of(STATUS_IO);
    closedir(dir);
    return s;
}

static struct status system_open_read(struct fs *fs, int dir_fd, const char *name, int *ret_fd) {
    (void)fs;
    int fd = open_at(dir_fd, name, O_RDONLY | O_NOFOLLOW, 0);
    if (fd < 0) return from_errno();
    *ret_fd = fd;
    return status_ok();
}

static struct status system_open_write(struct fs *fs, int dir_fd, const char *name, unsigned flags,
                                       int *ret_fd) {
    (void)fs;
    int how = O_RDWR | O_NOFOLLOW | (flags & FS_CREATE ? O_CREAT : 0);
    int fd = -1;
    if (flags & FS_DIRECT) fd = open_at(dir_fd, name, how | O_DIRECT, 0600);
    /* Some file systems (tmpfs of older kernels) know no O_DIRECT and say EINVAL. */
    bool refused = fd < 0 && (flags & FS_DIRECT) && errno == EINVAL;
    if (!(flags & FS_DIRECT) || refused) fd = open_at(dir_fd, name, how, 0600);
    if (fd < 0) return from_errno();
    *ret_fd = fd;
    return status_ok();
}

static void system_close(struct fs *fs, int fd) {
    (void)fs;
    close(fd);
}

static struct status system_size(struct fs *fs, int fd, uint64_t *ret_bytes) {
    (void)fs;
    struct stat st;
    if (fstat(fd, &st) != 0) return status_of(STATUS_IO);
    *ret_bytes = (uint64_t)st.st_size;
    return status_ok();
}

/* A file with a temporary name, for file systems that have no nameless ones. */
static struct status temp_create_named(int dir_fd, struct fs_temp *ret_temp) {
    uint64_t number;
    random_fill(random_system(), &number, sizeof number);
    struct fs_temp temp = {.dir_fd = dir_fd};
    snprintf(temp.name, sizeof temp.name, "%s%016llx", temp_prefix, (unsigned long long)number);
    temp.fd = open_at(dir_fd, temp.name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
    if (temp.fd < 0) return from_errno();
    *ret_temp = temp;
    return status_ok();
}

static struct status system_temp_create(struct fs *fs, int dir_fd, bool named,
                                        struct fs_temp *ret_temp) {
    (void)fs;
    if (named) return temp_create_named(dir_fd, ret_temp);
    int fd = open_at(dir_fd, ".", O_RDWR | O_TMPFILE, 0600);
    if (fd < 0 && (errno == EOPNOTSUPP || errno == EISDIR || errno == EINVAL || errno == ENOENT)) {
        return temp_create_named(dir_fd, ret_temp);
    }
    if (fd < 0) return from_errno();
    *ret_temp = (struct fs_temp){.fd = fd, .dir_fd = dir_fd};
    return status_ok();
}

static struct status system_write(struct fs *fs, int fd, uint64_t offset, struct slice bytes) {
    (void)fs;
    while (bytes.len > 0) {
        ssize_t n = pwrite(fd, bytes.ptr, bytes.len, (off_t)offset);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return from_errno();
        bytes = slice_skip(bytes, (size_t)n);
        offset += (uint64_t)n;
    }
    return status_ok();
}

static struct status system_read(struct fs *fs, int fd, uint64_t offset, void *buffer, size_t len) {
    (void)fs;
    char *at = buffer;
    while (len > 0) {
        ssize_t n = pread(fd, at, len, (off_t)offset);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return status_of(STATUS_IO);
        if (n == 0) return status_of(STATUS_RANGE);
        at += n;
        len -= (size_t)n;
        offset += (uint64_t)n;
    }
    return status_ok();
}

/* With delayed allocation a drive may turn out to be full only here. */
static struct status sync_status(int result) {
    if (result == 0) return status_ok();
    bool full = errno == ENOSPC || errno == EDQUOT;
    return status_of(full ? STATUS_NO_SPACE : STATUS_IO);
}

static struct status system_sync_data(struct fs *fs, int fd) {
    (void)fs;
    return sync_status(fdatasync(fd));
}

static struct status system_write_back(struct fs *fs, int fd, uint64_t offset, uint64_t len,
                                       bool wait) {
    (void)fs;
    unsigned flags = SYNC_FILE_RANGE_WRITE;
    if (wait) flags |= SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WAIT_AFTER;
    if (sync_file_range(fd, (off_t)offset, (off_t)len, flags) != 0) {
        bool absent = errno == ESPIPE || errno == EINVAL || errno == ENOSYS;
        return absent ? status_ok() : sync_status(-1);
    }
    if (wait) posix_fadvise(fd, (off_t)offset, (off_t)len, POSIX_FADV_DONTNEED);
    return status_ok();
}

static struct status system_link(struct fs *fs, struct fs_temp *temp, const char *name) {
    (void)fs;
    if (temp->name[0]) {
        if (linkat(temp->dir_fd, temp->name, temp->dir_fd, name, 0) != 0) return from_errno();
        unlinkat(temp->dir_fd, temp->name, 0);
        temp->name[0] = '\0';
        return status_ok();
    }
    char path[64];
    snprintf(path, sizeof path, "/proc/self/fd/%d", temp->fd);
    bool linked = linkat(AT_FDCWD, path, temp->dir_fd, name, AT_SYMLINK_FOLLOW) == 0;
    /* Without /proc the kernel lets us name our own file if it is new enough, or we are root. */
    if (!linked && errno == ENOENT) {
        linked = linkat(temp->fd, "", temp->dir_fd, name, AT_EMPTY_PATH) == 0;
    }
    return linked ? status_ok() : from_errno();
}

static struct status system_replace(struct fs *fs, struct fs_temp *temp, const char *name) {
    (void)fs;
    CHECK(temp->name[0]);
    if (renameat(temp->dir_fd, temp->name, temp->dir_fd, name) != 0) return from_errno();
    temp->name[0] = '\0';
    return status_ok();
}

static struct status system_remove(struct fs *fs, int dir_fd, const char *name) {
    (void)fs;
    return unlinkat(dir_fd, name, 0) == 0 ? status_ok() : from_errno();
}

static struct status system_preallocate(struct fs *fs, int fd, uint64_t len) {
    (void)fs;
    int error = posix_fallocate(fd, 0, (off_t)len);
    return error == 0 ? status_ok() : status_from_errno(error);
}

static struct status system_discard(struct fs *fs, int fd, uint64_t offset, uint64_t len) {
    (void)fs;
    int mode = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
    return fallocate(fd, mode, (off_t)offset, (off_t)len) == 0 ? status_ok() : from_errno();
}

static struct status system_device(struct fs *fs, int dir_fd, uint64_t *ret_device) {
    (void)fs;
    struct stat st;
    if (fstat(dir_fd, &st) != 0) return status_of(STATUS_IO);
    *ret_device = (uint64_t)st.st_dev;
    return status_ok();
}

/* Asks page by page; nothing is read, and no page becomes ours. */
/* What cachestat takes and gives. Linux has it since 6.5; the C library's headers may be older. */
struct cache_range {
    uint64_t offset;
    uint64_t len;
};

struct cache_figures {
    uint64_t cached;
    uint64_t others[4];
};

enum { PAGE = 4096, SYS_CACHESTAT = 451 };

/* Asks the kernel how many pages of the file are cached, which it knows by large pieces; false: it
 * can't be asked. */
static bool cached_pages(int fd, uint64_t offset, uint64_t len, uint64_t *ret_pages) {
    struct cache_range range = {offset, len};
    struct cache_figures figures = {0};
    if (syscall(SYS_CACHESTAT, fd, &range, &figures, 0) != 0) return false;
    *ret_pages = figures.cached;
    return true;
}

static bool system_is_cached(struct fs *fs, int fd, uint64_t offset, uint64_t len) {
    (void)fs;
    enum { PAGES_AT_ONCE = 1024 };
    uint64_t pages;
    if (len > 0 && cached_pages(fd, offset, len, &pages)) {
        return pages >= (offset % PAGE + len + PAGE - 1) / PAGE;
    }
    unsigned char there[PAGES_AT_ONCE];
    uint64_t end = offset + len;
    bool cached = true;
    for (offset -= offset % PAGE; cached && offset < end;) {
        size_t n = end - offset < PAGES_AT_ONCE * PAGE ? (size_t)(end - offset)
                                                       : (size_t)PAGES_AT_ONCE * PAGE;
        void *map = mmap(NULL, n, PROT_READ, MAP_SHARED, fd, (off_t)offset);
        if (map == MAP_FAILED) return false;
        cached = mincore(map, n, there) == 0;
        for (size_t i = 0; cached && i < (n + PAGE - 1) / PAGE; i++) cached = there[i] & 1;
        munmap(map, n);
        offset += n;
    }
    return cached;
}

static struct status system_space(struct fs *fs, int dir_fd, struct fs_space *ret_space) {
    (void)fs;
    struct statvfs v;
    if (fstatvfs(dir_fd, &v) != 0) return status_of(STATUS_IO);
    *ret_space = (struct fs_space){.free_bytes = (uint64_t)v.f_bavail * v.f_frsize,
                                   .total_bytes = (uint64_t)v.f_blocks * v.f_frsize};
    return status_ok();
}

/* Who has locked the file, by what it wrote there; 0 if that is no number. */
static pid_t lock_holder(int fd) {
    char text[16];
    ssize_t n = pread(fd, text, sizeof text, 0);
    struct slice line = slice_of(text, n > 0 ? (size_t)n : 0);
    struct slice digits;
    struct slice rest;
    uint64_t number;
    if (!slice_cut(line, '\n', &digits, &rest) || !slice_parse_u64(digits, &number)) return 0;
    return number <= INT32_MAX ? (pid_t)number : 0;
}

static struct status system_lock(struct fs *fs, int dir_fd, const char *name, int *ret_fd,
                                 pid_t *ret_holder) {
    (void)fs;
    int fd = open_at(dir_fd, name, O_RDWR | O_CREAT | O_NOFOLLOW, 0600);
    if (fd < 0) return from_errno();
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        bool taken = errno == EWOULDBLOCK;
        if (taken) *ret_holder = lock_holder(fd);
        fd_close(&fd);
        return status_of(taken ? STATUS_BUSY : STATUS_IO);
    }
    char text[16];
    int len = snprintf(text, sizeof text, "%d\n", (int)getpid());
    if (ftruncate(fd, 0) != 0 || pwrite(fd, text, (size_t)len, 0) != len) {
        struct status s = from_errno();
        fd_close(&fd);
        return s;
    }
    *ret_fd = fd;
    return status_ok();
}

static const struct fs_ops system_ops = {
    .dir_open = system_dir_open,
    .dir_make = system_dir_make,
    .dir_sync = system_dir_sync,
    .dir_walk = system_dir_walk,
    .open_read = system_open_read,
    .open_write = system_open_write,
    .close = system_close,
    .size = system_size,
    .lock = system_lock,
    .temp_create = system_temp_create,
    .write = system_write,
    .read = system_read,
    .sync_data = system_sync_data,
    .write_back = system_write_back,
    .link = system_link,
    .replace = system_replace,
    .remove = system_remove,
    .preallocate = system_preallocate,
    .discard = system_discard,
    .device = system_device,
    .is_cached = system_is_cached,
    .space = system_space,
};

struct fs *fs_system(void) {
    static struct fs system_fs = {&system_ops};
    return &system_fs;
}

struct status fs_dir_open(struct fs *fs, int at_fd, const char *name, int *ret_fd) {
    return fs->ops->dir_open(fs, at_fd, name, ret_fd);
}

/* The directory that holds `name`: `at_fd` itself, or what stands before the last slash. */
static struct status parent_open(struct fs *fs, int at_fd, const char *name, int *ret_fd) {
    const char *slash = strrchr(name, '/');
    char *parent = slash > name ? strndup(name, (size_t)(slash - name)) : strdup(slash ? "/" : ".");
    CHECK(parent);
    struct status s = fs_dir_open(fs, at_fd, parent, ret_fd);
    free(parent);
    return s;
}

struct status fs_dir_make(struct fs *fs, int at_fd, const char *name) {
    TRY(fs->ops->dir_make(fs, at_fd, name));
    int parent_fd;
    TRY(parent_open(fs, at_fd, name, &parent_fd));
    struct status s = fs_dir_sync(fs, parent_fd);
    fs_close(fs, &parent_fd);
    return s;
}

struct status fs_dir_sync(struct fs *fs, int dir_fd) {
    return fs->ops->dir_sync(fs, dir_fd);
}

struct status fs_open_read(struct fs *fs, int dir_fd, const char *name, int *ret_fd) {
    return fs->ops->open_read(fs, dir_fd, name, ret_fd);
}

struct status fs_temp_create(struct fs *fs, int dir_fd, struct fs_temp *ret_temp) {
    return fs->ops->temp_create(fs, dir_fd, false, ret_temp);
}

bool fs_temp_is_name(const char *name) {
    return strncmp(name, temp_prefix, sizeof temp_prefix - 1) == 0;
}

struct status fs_open_write(struct fs *fs, int dir_fd, const char *name, unsigned flags,
                            int *ret_fd) {
    return fs->ops->open_write(fs, dir_fd, name, flags, ret_fd);
}

void fs_close(struct fs *fs, int *fd) {
    if (*fd >= 0) fs->ops->close(fs, *fd);
    *fd = -1;
}

struct status fs_size(struct fs *fs, int fd, uint64_t *ret_bytes) {
    return fs->ops->size(fs, fd, ret_bytes);
}

struct status fs_write(struct fs *fs, int fd, uint64_t offset, struct slice bytes) {
    return fs->ops->write(fs, fd, offset, bytes);
}

struct status fs_read(struct fs *fs, int fd, uint64_t offset, void *buffer, size_t len) {
    return fs->ops->read(fs, fd, offset, buffer, len);
}

struct status fs_sync_data(struct fs *fs, int fd) {
    return fs->ops->sync_data(fs, fd);
}

struct status fs_temp_publish(struct fs *fs, struct fs_temp *temp, const char *name) {
    struct status s = fs->ops->link(fs, temp, name);
    if (is_ok(s)) s = fs_dir_sync(fs, temp->dir_fd);
    fs_temp_discard(fs, temp);
    return s;
}

struct status fs_temp_replace(struct fs *fs, struct fs_temp *temp, const char *name) {
    struct status s = fs->ops->replace(fs, temp, name);
    if (is_ok(s)) s = fs_dir_sync(fs, temp->dir_fd);
    fs_temp_discard(fs, temp);
    return s;
}

void fs_temp_discard(struct fs *fs, struct fs_temp *temp) {
    /* A name that stays behind is known by its form, and removed at the next start. */
    if (temp->name[0]) IGNORE_STATUS(fs_remove(fs, temp->dir_fd, temp->name));
    temp->name[0] = '\0';
    fs_close(fs, &temp->fd);
}

struct status fs_remove(struct fs *fs, int dir_fd, const char *name) {
    return fs->ops->remove(fs, dir_fd, name);
}

struct status fs_preallocate(struct fs *fs, int fd, uint64_t len) {
    return fs->ops->preallocate(fs, fd, len);
}

struct status fs_discard(struct fs *fs, int fd, uint64_t offset, uint64_t len) {
    return fs->ops->discard(fs, fd, offset, len);
}

bool fs_is_cached(struct fs *fs, int fd, uint64_t offset, uint64_t len) {
    return fs->ops->is_cached(fs, fd, offset, len);
}

struct status fs_device(struct fs *fs, int dir_fd, uint64_t *ret_device) {
    return fs->ops->device(fs, dir_fd, ret_device);
}

struct status fs_space_read(struct fs *fs, int dir_fd, struct fs_space *ret_space) {
    return fs->ops->space(fs, dir_fd, ret_space);
}

struct status fs_dir_walk(struct fs *fs, int dir_fd, struct fs_visitor *visitor) {
    return fs->ops->dir_walk(fs, dir_fd, visitor);
}

struct status fs_lock(struct fs *fs, int dir_fd, const char *name, int *ret_fd, pid_t *ret_holder) {
    return fs->ops->lock(fs, dir_fd, name, ret_fd, ret_holder);
}

struct status fs_read_small(struct fs *fs, int dir_fd, const char *name, void *buffer, size_t cap,
                            size_t *ret_len) {
    int fd;
    TRY(fs_open_read(fs, dir_fd, name, &fd));
    uint64_t size = 0;
    struct status s = fs_size(fs, fd, &size);
    if (is_ok(s) && size > cap) s = status_of(STATUS_TOO_LARGE);
    if (is_ok(s)) s = fs_read(fs, fd, 0, buffer, (size_t)size);
    fs_close(fs, &fd);
    if (is_ok(s)) *ret_len = (size_t)size;
    return s;
}

struct status fs_write_small(struct fs *fs, int dir_fd, const char *name, struct slice bytes) {
    struct fs_temp temp;
    /* A rename needs a name to begin with. */
    TRY(fs->ops->temp_create(fs, dir_fd, true, &temp));
    struct status s = fs_write(fs, temp.fd, 0, bytes);
    if (is_ok(s)) s = fs_sync_data(fs, temp.fd);
    if (is_ok(s)) return fs_temp_replace(fs, &temp, name);
    fs_temp_discard(fs, &temp);
    return s;
}

struct status fs_write_back(struct fs *fs, int fd, uint64_t offset, uint64_t len, bool wait) {
    return fs->ops->write_back(fs, fd, offset, len, wait);
}
