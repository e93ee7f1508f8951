#include "engine/home.h"

#include <fcntl.h>
#include <stdio.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/codec.h"
#include "engine/checksum.h"

enum { IDENTITY_MAX = 256, HOME_FORMAT_ROCKSDB = 1, HOME_FORMAT_FILES = 2 };

static const char identity_name[] = "store";
static const char lock_name[] = "lock";

/* What may lie in a directory that is about to become a store: what a crash left of an earlier
 * attempt, what a fresh file system has, what the server puts beside the store. */
static const char *const harmless_names[] = {
    "lock", "reserve", "meta", "lost+found", "secret.key", "admin.sock", "admin.lock",
};

struct foreign_visitor {
    struct fs_visitor visitor;
    char name[FS_NAME_MAX + 1];
};

static bool name_is_harmless(const char *name) {
    if (name[0] == '.') return true;
    for (size_t i = 0; i < ARRAY_LEN(harmless_names); i++) {
        if (strcmp(harmless_names[i], name) == 0) return true;
    }
    return false;
}

static bool visit_foreign(struct fs_visitor *visitor, const char *name) {
    struct foreign_visitor *self = CONTAINER_OF(visitor, struct foreign_visitor, visitor);
    if (name_is_harmless(name)) return true;
    snprintf(self->name, sizeof self->name, "%s", name);
    return false;
}

static void identity_print(const struct home *home, struct buf *text) {
    buf_printf(text, "hink store\nformat %d\nid ", HOME_FORMAT);
    hex_encode(text, slice_of(home->store_id, sizeof home->store_id));
    buf_append_char(text, '\n');
    uint32_t sum = checksum_crc32c(0, text->ptr, text->len);
    buf_printf(text, "crc32c %08x\n", sum);
}

/* The rest of a line that begins with `word`, taken off `*text`; false if the line is another. */
static bool line_take(struct slice *text, struct slice word, struct slice *ret_rest) {
    struct slice line;
    if (!slice_cut(*text, '\n', &line, text) || !slice_starts_with(line, word)) return false;
    *ret_rest = slice_skip(line, word.len);
    return true;
}

static struct status identity_parse(struct home *home, struct slice text, struct note *note) {
    struct slice rest = text;
    struct slice value;
    uint64_t format;
    if (!line_take(&rest, SLICE("hink store"), &value) || value.len != 0) {
        return note_status(note, STATUS_INVALID, "its file 'store' is not one of hink's");
    }
    if (!line_take(&rest, SLICE("format "), &value) || !slice_parse_u64(value, &format)) {
        return note_status(note, STATUS_CORRUPT, "its file 'store' is damaged");
    }
    if (format == HOME_FORMAT_ROCKSDB) {
        return note_status(note, STATUS_UNSUPPORTED,
                           "it was made by the first engine, over RocksDB, which this version does "
                           "not read: serve it with the version that made it and copy the objects "
                           "into a new directory");
    }
    if (format == HOME_FORMAT_FILES) {
        return note_status(note, STATUS_UNSUPPORTED,
                           "it keeps large objects in files of their own, which this version does "
                           "not read: serve it with the version that made it and copy the objects "
                           "into a new directory");
    }
    if (format != HOME_FORMAT) {
        return note_status(note, STATUS_UNSUPPORTED,
                           "it has format %llu, this version of hink reads format %d only",
                           (unsigned long long)format, HOME_FORMAT);
    }
    char expected[IDENTITY_MAX];
    struct buf print;
    buf_init_fixed(&print, expected, sizeof expected);
    if (line_take(&rest, SLICE("id "), &value) &&
        hex_decode(value, home->store_id, sizeof home->store_id)) {
        identity_print(home, &print);
    }
    if (!slice_eq(buf_slice(&print), text)) {
        return note_status(note, STATUS_CORRUPT, "its file 'store' is damaged");
    }
    return status_ok();
}

/* A directory without identity becomes a store if nothing of anybody else's lies in it. */
static struct status identity_begin(struct home *home, struct random *random, struct note *note) {
    struct foreign_visitor visitor = {.visitor = {visit_foreign}};
    TRY(fs_dir_walk(home->fs, home->dir_fd, &visitor.visitor));
    if (visitor.name[0]) {
        return note_status(note, STATUS_INVALID,
                           "it is not a hink store, and not empty: there is '%s'", visitor.name);
    }
    home->is_new = true;
    random_fill(random, home->store_id, sizeof home->store_id);
    return status_ok();
}

static struct status identity_read(struct home *home, struct random *random, struct note *note) {
    char text[IDENTITY_MAX];
    size_t len;
    struct status s = fs_read_small(home->fs, home->dir_fd, identity_name, text, sizeof text, &len);
    if (status_is(s, STATUS_NOT_FOUND)) return identity_begin(home, random, note);
    if (status_is(s, STATUS_TOO_LARGE)) {
        return note_status(note, STATUS_INVALID, "its file 'store' is not one of hink's");
    }
    TRY(s);
    return identity_parse(home, slice_of(text, len), note);
}

static struct status lock_take(struct home *home, struct note *note) {
    pid_t holder = 0;
    struct status s = fs_lock(home->fs, home->dir_fd, lock_name, &home->lock_fd, &holder);
    if (!status_is(s, STATUS_BUSY)) return s;
    if (holder == 0) return note_status(note, STATUS_BUSY, "it is in use by another process");
    return note_status(note, STATUS_BUSY, "it is in use by process %d", (int)holder);
}

static struct status open_steps(struct home *home, struct random *random, const char *path,
                                struct note *note) {
    struct status s = fs_dir_open(home->fs, AT_FDCWD, path, &home->dir_fd);
    if (status_is(s, STATUS_NOT_FOUND)) {
        TRY(fs_dir_make(home->fs, AT_FDCWD, path));
        s = fs_dir_open(home->fs, AT_FDCWD, path, &home->dir_fd);
    }
    TRY(s);
    TRY(lock_take(home, note));
    return identity_read(home, random, note);
}

struct status home_open(struct home *home, struct fs *fs, struct random *random, const char *path,
                        struct note *note) {
    *home = (struct home){.fs = fs, .dir_fd = -1, .lock_fd = -1};
    struct note reason = {0};
    struct status s = open_steps(home, random, path, &reason);
    if (is_ok(s)) return s;
    const char *text = reason.text[0] ? reason.text : status_text(s.code);
    note_set(note, "data directory %s: %s", path, text);
    home_close(home);
    return s;
}

struct status home_sign(struct home *home, struct note *note) {
    char storage[IDENTITY_MAX];
    struct buf text;
    buf_init_fixed(&text, storage, sizeof storage);
    identity_print(home, &text);
    CHECK(is_ok(buf_ok(&text)));
    struct status s = fs_write_small(home->fs, home->dir_fd, identity_name, buf_slice(&text));
    if (!is_ok(s)) note_set(note, "can't write the store's identity: %s", status_text(s.code));
    return s;
}

void home_close(struct home *home) {
    fs_close(home->fs, &home->dir_fd);
    fs_close(home->fs, &home->lock_fd);
}
