/*
 * mem.h - the blob reference: bytes in memory, freed when collected, easy to believe
 */
#ifndef BLOB_MEM_H
#define BLOB_MEM_H

#include "blob/blob.h"

/*
 * A new, empty store over `kv` that knows the policies named in `policies` (NULL-terminated).
 * Owns: the caller, until blob_store_close; `kv` must outlive it.
 */
struct blob_store *blob_mem_open(struct kv *kv, const char *const *policies);

#endif
