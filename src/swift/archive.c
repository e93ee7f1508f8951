#include "swift/archive.h"

#include <archive.h>
#include <archive_entry.h>
#include <stdlib.h>

#include "base/check.h"

enum { PIECE_MAX = 64 * 1024, META_MAX = 90 };

struct swift_archive {
    struct source source; /* of the file it stands at */
    struct source *body;
    enum swift_archive_kind kind;
    struct archive *reader;
    struct archive_entry *entry;
    bool any;              /* a byte of the body came */
    bool ended;            /* the body has ended */
    bool any_member;       /* a header was read */
    struct status of_body; /* what the body said last */
    const char *defect;    /* NULL: none */
    char piece[PIECE_MAX];
};

bool swift_archive_kind_of(struct slice word, enum swift_archive_kind *ret_kind) {
    static const char *const words[] = {[SWIFT_ARCHIVE_TAR] = "tar",
                                        [SWIFT_ARCHIVE_TAR_GZ] = "tar.gz",
                                        [SWIFT_ARCHIVE_TAR_BZ2] = "tar.bz2"};
    while (word.len > 0 && word.ptr[0] == '.') word = slice_skip(word, 1);
    while (word.len > 0 && word.ptr[word.len - 1] == '.') word = slice_take(word, word.len - 1);
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        if (!slice_eq_nocase(word, slice_str(words[i]))) continue;
        *ret_kind = (enum swift_archive_kind)i;
        return true;
    }
    return false;
}

/* ---- reading -------------------------------------------------------------------------------- */

/* libarchive asks for bytes; 0 is the end, below 0 a failure. */
static la_ssize_t give(struct archive *reader, void *context, const void **ret_bytes) {
    struct swift_archive *archive = context;
    size_t len = 0;
    (void)reader;
    *ret_bytes = archive->piece;
    while (len == 0 && !archive->ended && is_ok(archive->of_body)) {
        archive->of_body = source_pull(archive->body, archive->piece, sizeof archive->piece, &len,
                                       &archive->ended);
    }
    archive->any |= len > 0;
    return is_ok(archive->of_body) ? (la_ssize_t)len : ARCHIVE_FATAL;
}

static bool reader_setup(struct swift_archive *archive) {
    struct archive *reader = archive->reader;
    int filter = ARCHIVE_OK;
    if (archive->kind == SWIFT_ARCHIVE_TAR_GZ) filter = archive_read_support_filter_gzip(reader);
    if (archive->kind == SWIFT_ARCHIVE_TAR_BZ2) filter = archive_read_support_filter_bzip2(reader);
    if (filter != ARCHIVE_OK || archive_read_support_format_tar(reader) != ARCHIVE_OK) return false;
    return archive_read_open(reader, archive, NULL, give, NULL) == ARCHIVE_OK;
}

struct status swift_archive_open(struct source *body, enum swift_archive_kind kind,
                                 struct swift_archive **ret_archive) {
    struct swift_archive *archive = calloc(1, sizeof *archive);
    if (!archive) return status_of(STATUS_NO_MEMORY);
    archive->body = body;
    archive->kind = kind;
    archive->of_body = status_ok();
    archive->reader = archive_read_new();
    if (!archive->reader) {
        free(archive);
        return status_of(STATUS_NO_MEMORY);
    }
    /* What is no archive at all is told by the first look for a file. */
    if (!reader_setup(archive) && is_ok(archive->of_body)) archive->defect = "invalid header";
    *ret_archive = archive;
    return status_ok();
}

void swift_archive_close(struct swift_archive **archive) {
    if (!*archive) return;
    archive_read_free((*archive)->reader);
    free(*archive);
    *archive = NULL;
}

bool swift_archive_is_broken(const struct swift_archive *archive) {
    return archive->defect != NULL;
}

const char *swift_archive_defect(const struct swift_archive *archive) {
    return archive->defect;
}

/* What the body said is its own affair; everything else is the archive's fault. */
static struct status broken(struct swift_archive *archive, const char *defect) {
    TRY(archive->of_body);
    archive->defect = archive->any ? defect : "empty file";
    return status_of(STATUS_INVALID);
}

/* Whether it is compressed as was announced: libarchive also takes what is not. */
static const char *form_defect(const struct swift_archive *archive) {
    int code = archive_filter_code(archive->reader, 0);
    if (archive->kind == SWIFT_ARCHIVE_TAR_GZ && code != ARCHIVE_FILTER_GZIP) {
        return "not a gzip file";
    }
    if (archive->kind == SWIFT_ARCHIVE_TAR_BZ2 && code != ARCHIVE_FILTER_BZIP2) {
        return "not a bzip2 file";
    }
    return NULL;
}

/* Names are bytes; where the archive says that they are UTF-8, it says how. */
static struct slice name_of(struct archive_entry *entry) {
    const char *name = archive_entry_pathname_utf8(entry);
    if (!name) name = archive_entry_pathname(entry);
    return slice_str(name);
}

static bool is_file(struct archive_entry *entry) {
    return archive_entry_filetype(entry) == AE_IFREG && !archive_entry_hardlink(entry);
}

/* The value of an extended attribute; empty where there is none. */
static struct slice attribute(struct archive_entry *entry, const char *wanted) {
    const char *name;
    const void *value;
    size_t len;
    archive_entry_xattr_reset(entry);
    while (archive_entry_xattr_next(entry, &name, &value, &len) == ARCHIVE_OK) {
        if (name && strcmp(name, wanted) == 0) return slice_of(value, len);
    }
    return SLICE("");
}

struct status swift_archive_next(struct swift_archive *archive,
                                 struct swift_archive_member *ret_member, bool *ret_found) {
    int result = ARCHIVE_OK;
    if (archive->defect) return broken(archive, archive->defect);
    do {
        result = archive_read_next_header(archive->reader, &archive->entry);
        if (result == ARCHIVE_EOF && archive->any_member) break;
        const char *defect = form_defect(archive);
        if (defect) return broken(archive, defect);
        if (result < ARCHIVE_WARN || result == ARCHIVE_EOF)
            return broken(archive, "invalid header");
        archive->any_member = true;
    } while (!is_file(archive->entry));
    *ret_found = result != ARCHIVE_EOF;
    if (!*ret_found) return status_ok();
    int64_t size = archive_entry_size(archive->entry);
    *ret_member =
        (struct swift_archive_member){.name = name_of(archive->entry),
                                      .size = size > 0 ? (uint64_t)size : 0,
                                      .type = attribute(archive->entry, "user.mime_type")};
    return status_ok();
}

static struct status member_pull(struct source *source, void *buffer, size_t cap, size_t *ret_len,
                                 bool *ret_end) {
    struct swift_archive *archive = CONTAINER_OF(source, struct swift_archive, source);
    la_ssize_t len = archive_read_data(archive->reader, buffer, cap);
    if (len < 0) return broken(archive, "unexpected end of data");
    *ret_len = (size_t)len;
    *ret_end = len == 0;
    return status_ok();
}

static const struct source_ops member_ops = {.pull = member_pull};

struct source *swift_archive_source(struct swift_archive *archive) {
    archive->source.ops = &member_ops;
    return &archive->source;
}

/* ---- metadata ------------------------------------------------------------------------------- */

static bool is_meta(const char *name) {
    return name && slice_starts_with(slice_str(name), SLICE("user.meta.")) &&
           strlen(name) > strlen("user.meta.");
}

/* A name in small letters, as metadata has them. */
static struct slice meta_name(const char *name, struct arena *arena) {
    struct slice from = slice_skip(slice_str(name), strlen("user.meta."));
    char *out = arena_alloc(arena, from.len);
    if (!out) return SLICE("");
    for (size_t i = 0; i < from.len; i++) {
        char c = from.ptr[i];
        out[i] = c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
    }
    return slice_of(out, from.len);
}

struct status swift_archive_meta(struct swift_archive *archive, struct arena *arena,
                                 struct object_pairs *pairs) {
    struct object_pair *all = arena_calloc(arena, pairs->count + META_MAX, sizeof *all);
    size_t count = pairs->count;
    const char *name;
    const void *value;
    size_t len;
    if (!all) return status_of(STATUS_NO_MEMORY);
    if (count > 0) memcpy(all, pairs->items, count * sizeof *all);
    archive_entry_xattr_reset(archive->entry);
    while (archive_entry_xattr_next(archive->entry, &name, &value, &len) == ARCHIVE_OK) {
        if (!is_meta(name) || count == pairs->count + META_MAX) continue;
        all[count++] =
            (struct object_pair){meta_name(name, arena), arena_dup(arena, slice_of(value, len))};
    }
    *pairs = (struct object_pairs){all, count};
    return arena_ok(arena);
}
