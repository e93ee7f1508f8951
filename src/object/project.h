/*
 * project.h - what a project says about all its buckets: documents, kept as they were given
 *
 * As a bucket's configuration (config.h), for a project as a whole and in all regions of the zone:
 * a door has validated the document, and this room does not look into it. A change counts for
 * requests that begin after it.
 *
 * Threads: any. Blocks: as kv.
 */
#ifndef OBJECT_PROJECT_H
#define OBJECT_PROJECT_H

#include "base/arena.h"
#include "object/store.h"

/* Kinds of documents; the value is a byte of the key on disk. */
enum project_config { PROJECT_CONFIG_PUBLIC_ACCESS = 'b' };

enum { PROJECT_CONFIG_DOCUMENT_MAX = 64 * 1024 };

/*
 * Reads a document.
 * Owns: `*ret_document` lies in `arena`.
 * Errors: NOT_FOUND; CORRUPT; IO; NO_MEMORY.
 */
struct status project_config_get(struct object_store *store, struct slice project_id,
                                 enum project_config kind, struct arena *arena,
                                 struct slice *ret_document);

/*
 * Puts a document in the place of what was there. Errors: INVALID (no project has such an id);
 * TOO_LARGE; as kv_commit.
 */
struct status project_config_put(struct object_store *store, struct slice project_id,
                                 enum project_config kind, struct slice document);

/* Removes a document; to remove what is not there succeeds. Errors: as above. */
struct status project_config_delete(struct object_store *store, struct slice project_id,
                                    enum project_config kind);

#endif
