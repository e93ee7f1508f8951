/*
 * delete_document.h - the list of keys that DeleteObjects brings
 *
 *     <Delete>
 *       <Quiet>true</Quiet>
 *       <Object><Key>…</Key><VersionId>…</VersionId><ETag>…</ETag>…</Object> …
 *
 * Threads: pure but for the source.
 */
#ifndef S3_DELETE_DOCUMENT_H
#define S3_DELETE_DOCUMENT_H

#include "base/arena.h"
#include "base/note.h"
#include "base/stream.h"

enum { S3_DELETE_KEYS_MAX = 1000, S3_DELETE_DOCUMENT_MAX = 2 * 1024 * 1024 };

/* A key, and what is required of its object. */
struct s3_delete_key {
    struct slice key;
    struct slice version; /* NULL ptr: none is named */
    struct slice etag;    /* NULL ptr: any */
    bool has_size;
    uint64_t size;
    bool has_modified;
    int64_t modified_ns;
};

struct s3_delete_list {
    bool quiet;
    struct s3_delete_key *keys;
    size_t count;
};

/*
 * Reads the document from `source`, to its verified end.
 * Owns: `*ret_list` lies in `arena`.
 * Errors: INVALID (not such a document, or too large a one), noted; NO_MEMORY; those of the source.
 * Spec: S3 DeleteObjects.
 */
struct status s3_delete_list_read(struct arena *arena, struct source *source, struct note *note,
                                  struct s3_delete_list *ret_list);

#endif
