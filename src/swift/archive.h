/*
 * archive.h - a tar archive as it comes in: one file after the other, nothing kept
 *
 *     open ── [next ── pull from the source]* ── close
 *
 * What is in the archive is never written to a file here, nothing of it is followed, and only the
 * one form that was announced is read: tar as it is, or in gzip or bzip2. Over libarchive
 * (docs/decisions/0008). Memory is bounded by libarchive's buffers, whatever the archive says.
 *
 * Threads: one at a time. Blocks: as the source below.
 */
#ifndef SWIFT_ARCHIVE_H
#define SWIFT_ARCHIVE_H

#include "base/stream.h"
#include "object/object.h"

enum swift_archive_kind { SWIFT_ARCHIVE_TAR, SWIFT_ARCHIVE_TAR_GZ, SWIFT_ARCHIVE_TAR_BZ2 };

/* The kind that a word names: "tar", "tar.gz", "tar.bz2", in any case; false: none. */
bool swift_archive_kind_of(struct slice word, enum swift_archive_kind *ret_kind);

struct swift_archive;

/* A file of an archive. */
struct swift_archive_member {
    struct slice name; /* as it is in there; valid until the next one */
    uint64_t size;
    struct slice type; /* its media type, if the archive says; else empty */
};

/*
 * Opens an archive over the bytes of `body`.
 * Owns: the caller, until swift_archive_close; `body` must outlive it. Errors: NO_MEMORY.
 */
struct status swift_archive_open(struct source *body, enum swift_archive_kind kind,
                                 struct swift_archive **ret_archive);

/*
 * Goes on to the next regular file; `*ret_found` is false at the end.
 * Errors: INVALID (it is no such archive: swift_archive_defect); those of the body.
 */
struct status swift_archive_next(struct swift_archive *archive,
                                 struct swift_archive_member *ret_member, bool *ret_found);

/* The bytes of the file that next went to, for one who pulls them to their end. */
struct source *swift_archive_source(struct swift_archive *archive);

/*
 * The user metadata that the archive has for it (extended attributes user.meta.*), added to
 * `pairs`. Owns: it lies in `arena`. Errors: NO_MEMORY.
 */
struct status swift_archive_meta(struct swift_archive *archive, struct arena *arena,
                                 struct object_pairs *pairs);

/* Whether nothing more can be read of it because of what is in it, and why. */
bool swift_archive_is_broken(const struct swift_archive *archive);
const char *swift_archive_defect(const struct swift_archive *archive);

/* Ends it; NULL is allowed. */
void swift_archive_close(struct swift_archive **archive);

#endif
