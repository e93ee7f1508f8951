/*
 * builtin_record.h - protobuf records to and from an arena
 *
 * Only the .c files of builtin.h include it.
 *
 * Threads: pure functions.
 */
#ifndef IDENTITY_BUILTIN_RECORD_H
#define IDENTITY_BUILTIN_RECORD_H

#include "base/arena.h"
#include "identity/records.pb-c.h"

/*
 * Decodes a message of the given descriptor; what it points to lies in `arena`.
 * Errors: CORRUPT; NO_MEMORY.
 */
struct status builtin_record_decode(const ProtobufCMessageDescriptor *descriptor, struct slice raw,
                                    struct arena *arena, void **ret_message);

/* A copy of the slice as the C string that protobuf wants; at most `cap` bytes with its NUL. */
char *builtin_record_text(struct slice text, char *out, size_t cap);

#endif
