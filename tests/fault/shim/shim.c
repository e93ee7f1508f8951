/*
 * shim.c - what would be left if the power failed now
 *
 * An LD_PRELOAD library. Below SHIM_ROOT it watches what a program writes and syncs, and keeps
 * beside it what is durable by the strictest reading of POSIX: a file holds what it held at its
 * last fsync or fdatasync, a directory has the names it had at its last fsync, and nothing else
 * counts. The syncs themselves are not passed on.
 *
 *     SHIM_ROOT=DIR      the directory that is watched, an absolute path without links
 *     SHIM_SHADOW=DIR    made by the caller; DIR/tree is what is durable, DIR/lock is locked
 *                        (flock) while it changes
 *     SHIM_NAMES=eager   names are durable at once: the other extreme that is allowed
 *     SHIM_IMAGES=DIR    before each sync, DIR/N is made, a copy of the tree, and DIR/N.acked, a
 *                        copy of SHIM_ACKED as it is then
 *     SHIM_TORN=SEED     in these images some of the unsynced sectors of 512 bytes survive
 *     SHIM_SKIP=RULES    syncs that do nothing, though they succeed
 *     SHIM_FAIL=RULE     calls that fail
 *
 * A rule is KIND:PATTERN, where PATTERN is matched (fnmatch) against the path below the root; more
 * are separated by `;`. SHIM_SKIP has the kinds file and dir. SHIM_FAIL is KIND:PATTERN:N:ERRNO,
 * and lets the N-th such call fail with that number, or with `N+` all from the N-th on; its kinds
 * are file, dir, write, create, link, rename, unlink, allocate. With the number 255 it does not
 * fail, but never returns, as on a drive that hangs.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

enum { PATH_CAP = 4096, DIRTY_CAP = 4096, SECTOR = 512, RULES_MAX = 8 };

/* A file with unsynced writes. */
struct dirty {
    ino_t inode;
    ino_t shadow_inode;
    int fd; /* our own, for reading */
    off_t low;
    off_t high;
};

struct rule {
    char kind[16];
    char pattern[256];
    long at; /* SHIM_FAIL: which call */
    bool onwards;
    int error;
    long seen;
};

static struct {
    pthread_once_t once;
    pthread_mutex_t lock;
    char root[PATH_CAP];
    char shadow[PATH_CAP];
    char images[PATH_CAP];
    const char *acked;
    bool on;
    bool eager;
    bool torn;
    uint64_t chance;
    long image_count;
    int lock_fd;
    struct dirty dirty[DIRTY_CAP];
    size_t dirty_count;
    struct rule skips[RULES_MAX];
    size_t skip_count;
    struct rule fails[RULES_MAX];
    size_t fail_count;
} shim = {.once = PTHREAD_ONCE_INIT, .lock = PTHREAD_MUTEX_INITIALIZER};

static void die(const char *what) {
    dprintf(2, "shim: %s: %s\n", what, strerrordesc_np(errno));
    abort();
}

#define REAL(name)                 \
    static __typeof__(name) *real; \
    if (!real) real = (__typeof__(name) *)(uintptr_t)dlsym(RTLD_NEXT, #name)

static int real_openat(int at, const char *path, int flags, mode_t mode) {
    REAL(openat);
    return real(at, path, flags, mode);
}

static ssize_t real_pwrite(int fd, const void *bytes, size_t len, off_t offset) {
    REAL(pwrite);
    return real(fd, bytes, len, offset);
}

static int real_unlinkat(int at, const char *path, int flags) {
    REAL(unlinkat);
    return real(at, path, flags);
}

static int real_linkat(int at, const char *from, int to_at, const char *to, int flags) {
    REAL(linkat);
    return real(at, from, to_at, to, flags);
}

static int real_ftruncate(int fd, off_t len) {
    REAL(ftruncate);
    return real(fd, len);
}

static int real_mkdirat(int at, const char *path, mode_t mode) {
    REAL(mkdirat);
    return real(at, path, mode);
}

/* ---- setting up ---- */

static size_t rules_parse(const char *text, struct rule *rules) {
    size_t count = 0;
    char *copy = strdup(text ? text : "");
    char *rest = copy;
    for (char *one; (one = strsep(&rest, ";")) && count < RULES_MAX;) {
        char *kind = strsep(&one, ":");
        char *pattern = one ? strsep(&one, ":") : NULL;
        char *number = one ? strsep(&one, ":") : NULL;
        if (!pattern) continue;
        struct rule *rule = &rules[count++];
        snprintf(rule->kind, sizeof rule->kind, "%s", kind);
        snprintf(rule->pattern, sizeof rule->pattern, "%s", pattern);
        rule->at = number ? strtol(number, NULL, 10) : 0;
        rule->onwards = number && strchr(number, '+');
        rule->error = one ? (int)strtol(one, NULL, 10) : EIO;
    }
    free(copy);
    return count;
}

static void set_up(void) {
    const char *root = getenv("SHIM_ROOT");
    const char *shadow = getenv("SHIM_SHADOW");
    if (!root || !shadow) return;
    snprintf(shim.root, sizeof shim.root, "%s", root);
    snprintf(shim.shadow, sizeof shim.shadow, "%s", shadow);
    const char *images = getenv("SHIM_IMAGES");
    snprintf(shim.images, sizeof shim.images, "%s", images ? images : "");
    shim.acked = getenv("SHIM_ACKED");
    const char *names = getenv("SHIM_NAMES");
    shim.eager = names && strcmp(names, "eager") == 0;
    const char *torn = getenv("SHIM_TORN");
    shim.torn = torn;
    shim.chance = torn ? strtoull(torn, NULL, 10) : 0;
    shim.skip_count = rules_parse(getenv("SHIM_SKIP"), shim.skips);
    shim.fail_count = rules_parse(getenv("SHIM_FAIL"), shim.fails);
    char path[PATH_CAP + 16];
    snprintf(path, sizeof path, "%s/tree", shadow);
    real_mkdirat(AT_FDCWD, path, 0700);
    snprintf(path, sizeof path, "%s/inodes", shadow);
    real_mkdirat(AT_FDCWD, path, 0700);
    snprintf(path, sizeof path, "%s/lock", shadow);
    shim.lock_fd = real_openat(AT_FDCWD, path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (shim.lock_fd < 0) die("can't make the lock");
    shim.on = true;
}

static void enter(void) {
    pthread_mutex_lock(&shim.lock);
    while (flock(shim.lock_fd, LOCK_EX) != 0) continue;
}

static void leave(void) {
    flock(shim.lock_fd, LOCK_UN);
    pthread_mutex_unlock(&shim.lock);
}

static bool is_on(void) {
    pthread_once(&shim.once, set_up);
    return shim.on;
}

/* The path below the root that an absolute path has; NULL if it is elsewhere. */
static const char *below_root(const char *path) {
    size_t len = strlen(shim.root);
    if (strncmp(path, shim.root, len) != 0) return NULL;
    if (path[len] == '\0') return path + len;
    return path[len] == '/' ? path + len + 1 : NULL;
}

/* The path of an open file, `storage` of PATH_CAP bytes; NULL if it is not below the root. */
static const char *fd_path(int fd, char *storage) {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t len = readlink(link, storage, PATH_CAP - 1);
    if (len <= 0) return NULL;
    storage[len] = '\0';
    return below_root(storage);
}

/* The path of a name, its directory looked through by the kernel. */
static const char *name_path(int at, const char *name, char *storage) {
    char dir[PATH_CAP];
    const char *slash = strrchr(name, '/');
    snprintf(dir, sizeof dir, "%.*s", slash ? (int)(slash - name) + 1 : 1, slash ? name : ".");
    int fd = real_openat(at, dir, O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
    if (fd < 0) return NULL;
    const char *below = fd_path(fd, storage);
    close(fd);
    if (!below) return NULL;
    size_t len = strlen(storage);
    snprintf(storage + len, PATH_CAP - len, "/%s", slash ? slash + 1 : name);
    return below_root(storage);
}

/* ---- rules ---- */

static bool rule_matches(const struct rule *rule, const char *kind, const char *path) {
    return strcmp(rule->kind, kind) == 0 && fnmatch(rule->pattern, path, 0) == 0;
}

static bool is_skipped(const char *kind, const char *path) {
    for (size_t i = 0; i < shim.skip_count; i++) {
        if (rule_matches(&shim.skips[i], kind, path)) return true;
    }
    return false;
}

/* Whether this call is to fail; sets errno then. */
enum { HANGS = 255 }; /* no errno */

static bool fails(const char *kind, const char *path) {
    bool failing = false;
    if (!path) return false;
    pthread_mutex_lock(&shim.lock);
    for (size_t i = 0; i < shim.fail_count; i++) {
        struct rule *rule = &shim.fails[i];
        if (!rule_matches(rule, kind, path)) continue;
        rule->seen++;
        if (rule->seen != rule->at && !(rule->onwards && rule->seen > rule->at)) continue;
        failing = true;
        errno = rule->error;
    }
    pthread_mutex_unlock(&shim.lock);
    while (failing && errno == HANGS) pause();
    return failing;
}

/* ---- the durable tree ---- */

static void inode_path(ino_t inode, char *out) {
    snprintf(out, PATH_CAP + 64, "%s/inodes/%llu", shim.shadow, (unsigned long long)inode);
}

static int inode_open(ino_t inode) {
    char path[PATH_CAP + 64];
    inode_path(inode, path);
    int fd = real_openat(AT_FDCWD, path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0) die(path);
    return fd;
}

static struct dirty *dirty_find(ino_t inode) {
    for (size_t i = 0; i < shim.dirty_count; i++) {
        if (shim.dirty[i].inode == inode) return &shim.dirty[i];
    }
    return NULL;
}

static void dirty_forget(struct dirty *dirty) {
    close(dirty->fd);
    *dirty = shim.dirty[--shim.dirty_count];
}

/* A file that was made: its number may have been another's before. */
static void inode_begin(int fd) {
    struct stat st;
    if (fstat(fd, &st) != 0) return;
    char path[PATH_CAP + 64];
    inode_path(st.st_ino, path);
    real_unlinkat(AT_FDCWD, path, 0);
    struct dirty *old = dirty_find(st.st_ino);
    if (old) dirty_forget(old);
}

static void note_write(int fd, off_t from, off_t to) {
    struct stat st;
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) return;
    struct dirty *dirty = dirty_find(st.st_ino);
    if (!dirty) {
        if (shim.dirty_count == DIRTY_CAP) die("too many unsynced files");
        char path[64];
        snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
        int own = real_openat(AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
        if (own < 0) die(path);
        dirty = &shim.dirty[shim.dirty_count++];
        *dirty = (struct dirty){.inode = st.st_ino, .fd = own, .low = from, .high = to};
    }
    if (from < dirty->low) dirty->low = from;
    if (to > dirty->high) dirty->high = to;
}

static void copy_range(int from, int to, off_t low, off_t high) {
    char buffer[64 * 1024];
    while (low < high) {
        size_t want = (size_t)(high - low) < sizeof buffer ? (size_t)(high - low) : sizeof buffer;
        ssize_t n = pread(from, buffer, want, low);
        if (n <= 0) return;
        if (real_pwrite(to, buffer, (size_t)n, low) != n) die("can't write the shadow");
        low += n;
    }
}

static void file_synced(int fd) {
    struct stat st;
    if (fstat(fd, &st) != 0) return;
    int to = inode_open(st.st_ino);
    struct dirty *dirty = dirty_find(st.st_ino);
    if (dirty) copy_range(dirty->fd, to, dirty->low, dirty->high);
    if (dirty) dirty_forget(dirty);
    if (real_ftruncate(to, st.st_size) != 0) die("can't cut the shadow");
    close(to);
}

/* Takes away the durable names of a directory that it does not have any more. */
static void names_remove(const char *live, const char *tree) {
    DIR *dir = opendir(tree);
    if (!dir) return;
    for (struct dirent *entry; (entry = readdir(dir));) {
        char path[2 * PATH_CAP];
        struct stat st;
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
        snprintf(path, sizeof path, "%s/%s", live, entry->d_name);
        if (lstat(path, &st) == 0) continue;
        snprintf(path, sizeof path, "%s/%s", tree, entry->d_name);
        real_unlinkat(AT_FDCWD, path, 0);
    }
    closedir(dir);
}

/* Makes one name durable: a directory is empty until it is synced itself. */
static void name_add(const char *live, const char *tree) {
    struct stat st;
    struct stat there;
    if (lstat(live, &st) != 0) return;
    if (S_ISDIR(st.st_mode)) {
        real_mkdirat(AT_FDCWD, tree, 0700);
        return;
    }
    if (!S_ISREG(st.st_mode)) return;
    char inode[PATH_CAP + 64];
    inode_path(st.st_ino, inode);
    close(inode_open(st.st_ino));
    struct stat kept;
    if (stat(inode, &kept) != 0) die(inode);
    if (lstat(tree, &there) == 0 && there.st_ino == kept.st_ino) return;
    real_unlinkat(AT_FDCWD, tree, 0);
    if (real_linkat(AT_FDCWD, inode, AT_FDCWD, tree, 0) != 0) die(tree);
}

static void dir_synced(const char *below) {
    char live[PATH_CAP + 8];
    char tree[PATH_CAP + 16];
    snprintf(live, sizeof live, "%s/%s", shim.root, below);
    snprintf(tree, sizeof tree, "%s/tree/%s", shim.shadow, below);
    struct stat st;
    if (stat(tree, &st) != 0) return; /* its own name is not durable yet */
    names_remove(live, tree);
    DIR *dir = opendir(live);
    if (!dir) return;
    for (struct dirent *entry; (entry = readdir(dir));) {
        char from[2 * PATH_CAP];
        char to[2 * PATH_CAP];
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
        snprintf(from, sizeof from, "%s/%s", live, entry->d_name);
        snprintf(to, sizeof to, "%s/%s", tree, entry->d_name);
        name_add(from, to);
    }
    closedir(dir);
}

/* With SHIM_NAMES=eager, the directory of a name that has just changed. */
static void name_changed(const char *path) {
    if (!shim.eager || !path) return;
    char dir[PATH_CAP];
    const char *slash = strrchr(path, '/');
    snprintf(dir, sizeof dir, "%.*s", slash ? (int)(slash - path) : 0, path);
    enter();
    dir_synced(dir);
    leave();
}

/* ---- images ---- */

static uint64_t chance_next(void) {
    uint64_t z = (shim.chance += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

/* Lets some sectors of what is not synced survive in a copy; the length too, now and then. */
static void tear(const struct dirty *dirty, int to) {
    if (chance_next() % 3 == 0) return;
    struct stat st;
    if (fstat(to, &st) != 0) die("can't look at an image");
    for (off_t at = dirty->low - dirty->low % SECTOR; at < dirty->high; at += SECTOR) {
        off_t low = at > dirty->low ? at : dirty->low;
        off_t high = at + SECTOR < dirty->high ? at + SECTOR : dirty->high;
        if (chance_next() % 8 == 0) continue;
        copy_range(dirty->fd, to, low, high);
    }
}

static void copy_file(const char *from, const char *to) {
    int in = real_openat(AT_FDCWD, from, O_RDONLY | O_CLOEXEC, 0);
    int out = real_openat(AT_FDCWD, to, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    struct stat st;
    if (in < 0 || out < 0 || fstat(in, &st) != 0) die(to);
    copy_range(in, out, 0, st.st_size);
    if (real_ftruncate(out, st.st_size) != 0) die(to);
    for (size_t i = 0; shim.torn && i < shim.dirty_count; i++) {
        char path[PATH_CAP + 64];
        struct stat kept;
        inode_path(shim.dirty[i].inode, path);
        if (stat(path, &kept) == 0 && kept.st_ino == st.st_ino) tear(&shim.dirty[i], out);
    }
    close(in);
    close(out);
}

static void copy_tree(const char *from, const char *to) {
    if (real_mkdirat(AT_FDCWD, to, 0700) != 0) die(to);
    DIR *dir = opendir(from);
    if (!dir) die(from);
    for (struct dirent *entry; (entry = readdir(dir));) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
        char *in = NULL;
        char *out = NULL;
        struct stat st;
        if (asprintf(&in, "%s/%s", from, entry->d_name) < 0) die("no memory");
        if (asprintf(&out, "%s/%s", to, entry->d_name) < 0) die("no memory");
        if (lstat(in, &st) != 0) die(in);
        if (S_ISDIR(st.st_mode)) {
            copy_tree(in, out);
        } else {
            copy_file(in, out);
        }
        free(in);
        free(out);
    }
    closedir(dir);
}

/* What a power failure at this instant would leave. */
static void image_make(void) {
    if (!shim.images[0]) return;
    char from[PATH_CAP + 64];
    char to[PATH_CAP + 64];
    snprintf(from, sizeof from, "%s/tree", shim.shadow);
    snprintf(to, sizeof to, "%s/%ld", shim.images, ++shim.image_count);
    copy_tree(from, to);
    if (!shim.acked) return;
    snprintf(to, sizeof to, "%s/%ld.acked", shim.images, shim.image_count);
    struct stat st;
    if (stat(shim.acked, &st) == 0) copy_file(shim.acked, to);
}

/* ---- what is watched ---- */

static int sync_any(int fd) {
    char storage[PATH_CAP];
    const char *path = fd_path(fd, storage);
    struct stat st;
    if (!path || fstat(fd, &st) != 0) return 0;
    const char *kind = S_ISDIR(st.st_mode) ? "dir" : "file";
    if (fails(kind, path)) return -1;
    enter();
    image_make();
    if (!is_skipped(kind, path)) {
        if (S_ISDIR(st.st_mode)) {
            dir_synced(path);
        } else {
            file_synced(fd);
        }
    }
    leave();
    return 0;
}

int fsync(int fd) {
    if (is_on()) return sync_any(fd);
    REAL(fsync);
    return real(fd);
}

int fdatasync(int fd) {
    if (is_on()) return sync_any(fd);
    REAL(fdatasync);
    return real(fd);
}

/* Makes nothing durable. */
int sync_file_range(int fd, off_t offset, off_t len, unsigned flags) {
    REAL(sync_file_range);
    return real(fd, offset, len, flags);
}

static void wrote(int fd, off_t from, ssize_t len) {
    if (len <= 0) return;
    enter();
    note_write(fd, from, from + len);
    leave();
}

/* Whether writes to `fd` are watched; `*ret_fails` that this one is to fail. */
static bool write_begins(int fd, bool *ret_fails) {
    *ret_fails = false;
    if (!is_on()) return false;
    char storage[PATH_CAP];
    const char *path = fd_path(fd, storage);
    if (path) *ret_fails = fails("write", path);
    return path;
}

/* Where a write at the file's position begins: at its end for O_APPEND. */
static off_t position(int fd) {
    struct stat st;
    bool appends = fcntl(fd, F_GETFL) & O_APPEND;
    return appends && fstat(fd, &st) == 0 ? st.st_size : lseek(fd, 0, SEEK_CUR);
}

ssize_t write(int fd, const void *bytes, size_t len) {
    REAL(write);
    bool failing;
    bool watched = write_begins(fd, &failing);
    if (failing) return -1;
    off_t from = watched ? position(fd) : 0;
    ssize_t n = real(fd, bytes, len);
    if (watched) wrote(fd, from, n);
    return n;
}

ssize_t pwrite(int fd, const void *bytes, size_t len, off_t offset) {
    bool failing;
    bool watched = write_begins(fd, &failing);
    if (failing) return -1;
    ssize_t n = real_pwrite(fd, bytes, len, offset);
    if (watched) wrote(fd, offset, n);
    return n;
}

ssize_t writev(int fd, const struct iovec *parts, int count) {
    REAL(writev);
    bool failing;
    bool watched = write_begins(fd, &failing);
    if (failing) return -1;
    off_t from = watched ? position(fd) : 0;
    ssize_t n = real(fd, parts, count);
    if (watched) wrote(fd, from, n);
    return n;
}

ssize_t pwritev(int fd, const struct iovec *parts, int count, off_t offset) {
    REAL(pwritev);
    bool failing;
    bool watched = write_begins(fd, &failing);
    if (failing) return -1;
    ssize_t n = real(fd, parts, count, offset);
    if (watched) wrote(fd, offset, n);
    return n;
}

int fallocate(int fd, int mode, off_t offset, off_t len) {
    REAL(fallocate);
    char storage[PATH_CAP];
    if (is_on() && fails("allocate", fd_path(fd, storage))) return -1;
    return real(fd, mode, offset, len);
}

int posix_fallocate(int fd, off_t offset, off_t len) {
    REAL(posix_fallocate);
    char storage[PATH_CAP];
    if (is_on() && fails("allocate", fd_path(fd, storage))) return errno;
    return real(fd, offset, len);
}

int openat(int at, const char *path, int flags, ...) {
    va_list list;
    va_start(list, flags);
    mode_t mode = flags & (O_CREAT | __O_TMPFILE) ? va_arg(list, mode_t) : 0;
    va_end(list);
    bool nameless = (flags & O_TMPFILE) == O_TMPFILE;
    if (!is_on() || !(flags & O_CREAT || nameless)) return real_openat(at, path, flags, mode);
    char storage[PATH_CAP];
    const char *below = name_path(at, path, storage);
    if (!below) return real_openat(at, path, flags, mode);
    if (fails("create", below)) return -1;
    struct stat st;
    bool fresh = nameless || fstatat(at, path, &st, AT_SYMLINK_NOFOLLOW) != 0;
    enter();
    int fd = real_openat(at, path, flags, mode);
    if (fd >= 0 && fresh) inode_begin(fd);
    leave();
    if (fd >= 0 && fresh && !nameless) name_changed(below);
    return fd;
}

int open(const char *path, int flags, ...) {
    va_list list;
    va_start(list, flags);
    mode_t mode = flags & (O_CREAT | __O_TMPFILE) ? va_arg(list, mode_t) : 0;
    va_end(list);
    return openat(AT_FDCWD, path, flags, mode);
}

int creat(const char *path, mode_t mode) {
    return openat(AT_FDCWD, path, O_WRONLY | O_CREAT | O_TRUNC, mode);
}

int linkat(int at, const char *from, int to_at, const char *to, int flags) {
    if (!is_on()) return real_linkat(at, from, to_at, to, flags);
    char storage[PATH_CAP];
    const char *below = name_path(to_at, to, storage);
    if (fails("link", below)) return -1;
    int result = real_linkat(at, from, to_at, to, flags);
    if (result == 0) name_changed(below);
    return result;
}

int link(const char *from, const char *to) {
    return linkat(AT_FDCWD, from, AT_FDCWD, to, 0);
}

int renameat(int at, const char *from, int to_at, const char *to) {
    REAL(renameat);
    if (!is_on()) return real(at, from, to_at, to);
    char storage[PATH_CAP];
    const char *below = name_path(to_at, to, storage);
    if (fails("rename", below)) return -1;
    int result = real(at, from, to_at, to);
    if (result == 0) name_changed(below);
    return result;
}

int rename(const char *from, const char *to) {
    return renameat(AT_FDCWD, from, AT_FDCWD, to);
}

int unlinkat(int at, const char *path, int flags) {
    if (!is_on()) return real_unlinkat(at, path, flags);
    char storage[PATH_CAP];
    const char *below = name_path(at, path, storage);
    if (fails("unlink", below)) return -1;
    int result = real_unlinkat(at, path, flags);
    if (result == 0) name_changed(below);
    return result;
}

int unlink(const char *path) {
    return unlinkat(AT_FDCWD, path, 0);
}

int mkdirat(int at, const char *path, mode_t mode) {
    int result = real_mkdirat(at, path, mode);
    if (result != 0 || !is_on()) return result;
    char storage[PATH_CAP];
    name_changed(name_path(at, path, storage));
    return result;
}

int mkdir(const char *path, mode_t mode) {
    return mkdirat(AT_FDCWD, path, mode);
}

/* The names that programs built for large files use. On 64-bit machines they are the same. */
int open64(const char *path, int flags, ...) __attribute__((alias("open")));
int openat64(int at, const char *path, int flags, ...) __attribute__((alias("openat")));
int creat64(const char *path, mode_t mode) __attribute__((alias("creat")));
ssize_t pwrite64(int fd, const void *bytes, size_t len, off_t offset)
    __attribute__((alias("pwrite")));
ssize_t pwritev64(int fd, const struct iovec *parts, int count, off_t offset)
    __attribute__((alias("pwritev")));
int fallocate64(int fd, int mode, off_t offset, off_t len) __attribute__((alias("fallocate")));
int posix_fallocate64(int fd, off_t offset, off_t len) __attribute__((alias("posix_fallocate")));
