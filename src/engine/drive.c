#include "engine/drive.h"

#include <fcntl.h>
#include <stdio.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/codec.h"
#include "engine/checksum.h"

enum { IDENTITY_MAX = 256, READ_ERRORS_MAX = 8 };

static const char identity_name[] = "drive";
static const char lock_name[] = "drive.lock";

/* What may lie in a directory that is about to become a drive. */
static const char *const harmless_names[] = {
    "drive.lock", "volumes", "lost+found", "store", "lock",       "reserve",    "kv",
    "log",        "index",   "meta",       "blobs", "secret.key", "admin.sock", "admin.lock",
};

static const char *const state_texts[] = {
    [DRIVE_SERVING] = "serving", [DRIVE_MISSING] = "missing",     [DRIVE_FOREIGN] = "foreign",
    [DRIVE_SWAPPED] = "swapped", [DRIVE_READ_ONLY] = "read-only", [DRIVE_DAMAGED] = "damaged",
    [DRIVE_FAILED] = "failed",   [DRIVE_HUNG] = "hung",
};

static const char *const media_texts[] = {[DRIVE_SSD] = "ssd", [DRIVE_HDD] = "hdd"};

struct foreign_visitor {
    struct fs_visitor visitor;
    char name[FS_NAME_MAX + 1];
};

static bool visit_foreign(struct fs_visitor *visitor, const char *name) {
    struct foreign_visitor *self = CONTAINER_OF(visitor, struct foreign_visitor, visitor);
    if (name[0] == '.') return true;
    for (size_t i = 0; i < ARRAY_LEN(harmless_names); i++) {
        if (strcmp(harmless_names[i], name) == 0) return true;
    }
    snprintf(self->name, sizeof self->name, "%s", name);
    return false;
}

static void settle(struct drive *drive, enum drive_state state, const char *reason) {
    pthread_mutex_lock(&drive->lock);
    note_set(&drive->line, "drive %s: %s", drive->path, reason);
    atomic_store(&drive->state, (int)state);
    pthread_mutex_unlock(&drive->lock);
}

static void identity_print(const struct drive *drive, struct buf *text) {
    buf_printf(text, "hink drive\nformat %d\nstore ", DRIVE_FORMAT);
    hex_encode(text, slice_of(drive->store.bytes, DRIVE_ID_LEN));
    buf_append_str(text, "\ndrive ");
    hex_encode(text, slice_of(drive->id.bytes, DRIVE_ID_LEN));
    buf_printf(text, "\nmedia %s\n", drive_media_text(drive->media));
    buf_printf(text, "crc32c %08x\n", checksum_crc32c(0, text->ptr, text->len));
}

/* The rest of a line that begins with `word`, taken off `*text`; false if the line is another. */
static bool line_take(struct slice *text, struct slice word, struct slice *ret_rest) {
    struct slice line;
    if (!slice_cut(*text, '\n', &line, text) || !slice_starts_with(line, word)) return false;
    *ret_rest = slice_skip(line, word.len);
    return true;
}

static bool id_take(struct slice *text, struct slice word, struct drive_id *id) {
    struct slice value;
    return line_take(text, word, &value) && hex_decode(value, id->bytes, sizeof id->bytes);
}

/* Whether the text is an identity in every byte; it is in the drive then. */
static bool identity_parse(struct drive *drive, struct slice text) {
    struct slice rest = text;
    struct slice value;
    if (!line_take(&rest, SLICE("hink drive"), &value) || value.len != 0) return false;
    if (!line_take(&rest, SLICE("format "), &value) || !slice_eq(value, SLICE("1"))) return false;
    if (!id_take(&rest, SLICE("store "), &drive->store)) return false;
    if (!id_take(&rest, SLICE("drive "), &drive->id)) return false;
    if (!line_take(&rest, SLICE("media "), &value)) return false;
    if (!drive_media_parse(value, &drive->media)) return false;
    char expected[IDENTITY_MAX];
    struct buf print;
    buf_init_fixed(&print, expected, sizeof expected);
    identity_print(drive, &print);
    return slice_eq(buf_slice(&print), text);
}

static struct status identity_write(struct drive *drive) {
    char storage[IDENTITY_MAX];
    struct buf text;
    buf_init_fixed(&text, storage, sizeof storage);
    identity_print(drive, &text);
    CHECK(is_ok(buf_ok(&text)));
    return fs_write_small(drive->fs, drive->dir_fd, identity_name, buf_slice(&text));
}

/* Why a call on the directory failed, in the words of a state. */
static void settle_by_status(struct drive *drive, struct status s, const char *what) {
    char reason[NOTE_TEXT_MAX];
    if (status_is(s, STATUS_BUSY)) {
        settle(drive, DRIVE_FOREIGN, "it is in use by another process");
    } else if (status_is(s, STATUS_DENIED)) {
        settle(drive, DRIVE_READ_ONLY, "its file system is read-only, or not ours to write");
    } else if (status_is(s, STATUS_NOT_FOUND)) {
        settle(drive, DRIVE_MISSING, "there is no such directory");
    } else {
        snprintf(reason, sizeof reason, "can't %s: %s", what, status_text(s.code));
        settle(drive, status_is(s, STATUS_NO_SPACE) ? DRIVE_READ_ONLY : DRIVE_DAMAGED, reason);
    }
}

/* Locks a drive that is the right one; where that can't be, it can't be written to either. */
static void lock_take(struct drive *drive) {
    pid_t holder = 0;
    struct status s = fs_lock(drive->fs, drive->dir_fd, lock_name, &drive->lock_fd, &holder);
    if (!is_ok(s)) settle_by_status(drive, s, "lock it");
}

static void identity_begin(struct drive *drive, struct random *random,
                           const struct drive_config *config) {
    struct foreign_visitor visitor = {.visitor = {visit_foreign}};
    struct status s = fs_dir_walk(drive->fs, drive->dir_fd, &visitor.visitor);
    if (!is_ok(s)) {
        settle_by_status(drive, s, "list it");
    } else if (visitor.name[0] && !config->is_data_dir) {
        char reason[NOTE_TEXT_MAX];
        snprintf(reason, sizeof reason, "it is no drive of hink's, and not empty: there is '%s'",
                 visitor.name);
        settle(drive, DRIVE_FOREIGN, reason);
    } else if (config->expected) {
        settle(drive, DRIVE_MISSING, "it is empty: is its drive mounted?");
    } else {
        lock_take(drive);
        if (drive_state(drive) != DRIVE_SERVING) return;
        drive->store = config->store;
        drive->media = config->media;
        random_fill(random, drive->id.bytes, sizeof drive->id.bytes);
        s = identity_write(drive);
        drive->is_new = is_ok(s);
        if (!is_ok(s)) settle_by_status(drive, s, "write its identity");
    }
}

static bool id_eq(const struct drive_id *a, const struct drive_id *b) {
    return memcmp(a->bytes, b->bytes, sizeof a->bytes) == 0;
}

static void identity_check(struct drive *drive, struct random *random,
                           const struct drive_config *config) {
    char text[IDENTITY_MAX];
    size_t len = 0;
    struct status s =
        fs_read_small(drive->fs, drive->dir_fd, identity_name, text, sizeof text, &len);
    if (status_is(s, STATUS_NOT_FOUND)) {
        identity_begin(drive, random, config);
    } else if (!is_ok(s) && !status_is(s, STATUS_TOO_LARGE)) {
        settle_by_status(drive, s, "read its identity");
    } else if (!is_ok(s) || !identity_parse(drive, slice_of(text, len))) {
        settle(drive, DRIVE_DAMAGED, "its file 'drive' is damaged, or of a newer version");
    } else if (!id_eq(&drive->store, &config->store)) {
        settle(drive, DRIVE_FOREIGN, "it belongs to another store");
    } else if (config->expected && !id_eq(&drive->id, config->expected)) {
        settle(drive, DRIVE_SWAPPED, "it is another drive of this store than the one expected");
    } else {
        lock_take(drive);
    }
}

/* Opens the directory; a new drive's is made, in a parent that is there. */
static bool dir_open(struct drive *drive, const struct drive_config *config) {
    struct status s = fs_dir_open(drive->fs, AT_FDCWD, drive->path, &drive->dir_fd);
    if (status_is(s, STATUS_NOT_FOUND) && !config->expected) {
        s = fs_dir_make(drive->fs, AT_FDCWD, drive->path);
        if (is_ok(s)) s = fs_dir_open(drive->fs, AT_FDCWD, drive->path, &drive->dir_fd);
    }
    if (!is_ok(s)) {
        settle_by_status(drive, s, "open it");
        return false;
    }
    s = fs_device(drive->fs, drive->dir_fd, &drive->device);
    if (is_ok(s)) return true;
    settle_by_status(drive, s, "look at it");
    return false;
}

void drive_open(struct drive *drive, struct fs *fs, struct random *random,
                const struct drive_config *config) {
    *drive = (struct drive){.fs = fs, .dir_fd = -1, .lock_fd = -1, .media = config->media};
    CHECK(pthread_mutex_init(&drive->lock, NULL) == 0);
    CHECK(strlen(config->path) < sizeof drive->path);
    snprintf(drive->path, sizeof drive->path, "%s", config->path);
    if (dir_open(drive, config)) identity_check(drive, random, config);
}

void drive_absent(struct drive *drive, struct fs *fs, const char *path, enum drive_media media) {
    *drive = (struct drive){.fs = fs, .dir_fd = -1, .lock_fd = -1, .media = media};
    CHECK(pthread_mutex_init(&drive->lock, NULL) == 0);
    CHECK(strlen(path) < sizeof drive->path);
    snprintf(drive->path, sizeof drive->path, "%s", path);
    settle(drive, DRIVE_MISSING, "it is not among the directories of the configuration");
}

void drive_move(struct drive *to, struct drive *from) {
    *to = *from; /* but for the lock, which is made anew */
    CHECK(pthread_mutex_init(&to->lock, NULL) == 0);
    from->dir_fd = from->lock_fd = -1;
    pthread_mutex_destroy(&from->lock);
}

void drive_refuse(struct drive *drive, enum drive_state state, const char *reason) {
    settle(drive, state, reason);
}

void drive_close(struct drive *drive) {
    fs_close(drive->fs, &drive->dir_fd);
    fs_close(drive->fs, &drive->lock_fd);
    pthread_mutex_destroy(&drive->lock);
}

enum drive_state drive_state(const struct drive *drive) {
    return (enum drive_state)atomic_load(&drive->state);
}

bool drive_takes_writes(const struct drive *drive) {
    return drive_state(drive) == DRIVE_SERVING;
}

bool drive_takes_reads(const struct drive *drive) {
    enum drive_state state = drive_state(drive);
    return state == DRIVE_SERVING || state == DRIVE_FAILED || state == DRIVE_READ_ONLY;
}

void drive_read_ended(struct drive *drive, struct status s) {
    if (is_ok(s)) {
        if (atomic_load_explicit(&drive->read_errors, memory_order_relaxed) > 0) {
            atomic_store(&drive->read_errors, 0);
        }
    } else if (status_is(s, STATUS_IO)) {
        drive_charge(drive);
        if (atomic_fetch_add(&drive->read_errors, 1) + 1 >= READ_ERRORS_MAX) {
            drive_fail(drive, "reading", s);
        }
    }
}

void drive_charge(struct drive *drive) {
    atomic_fetch_add(&drive->errors, 1);
}

void drive_fail(struct drive *drive, const char *what, struct status why) {
    drive_charge(drive);
    pthread_mutex_lock(&drive->lock);
    if (drive_state(drive) == DRIVE_SERVING) {
        note_set(&drive->line, "drive %s: %s failed: %s; it is out of service until the restart",
                 drive->path, what, status_text(why.code));
        atomic_store(&drive->state, (int)DRIVE_FAILED);
    }
    pthread_mutex_unlock(&drive->lock);
}

void drive_hang(struct drive *drive) {
    drive_charge(drive);
    settle(drive, DRIVE_HUNG, "it does not answer; it is out of service until the restart");
}

void drive_line(struct drive *drive, struct note *note) {
    pthread_mutex_lock(&drive->lock);
    if (drive_state(drive) != DRIVE_SERVING) note_set(note, "%s", drive->line.text);
    pthread_mutex_unlock(&drive->lock);
}

const char *drive_state_text(enum drive_state state) {
    CHECK((size_t)state < ARRAY_LEN(state_texts));
    return state_texts[state];
}

const char *drive_media_text(enum drive_media media) {
    CHECK((size_t)media < ARRAY_LEN(media_texts));
    return media_texts[media];
}

bool drive_media_parse(struct slice word, enum drive_media *ret_media) {
    for (size_t i = 0; i < ARRAY_LEN(media_texts); i++) {
        if (!slice_eq(word, slice_str(media_texts[i]))) continue;
        *ret_media = (enum drive_media)i;
        return true;
    }
    return false;
}
