/*
 * tagging.h - tag sets: as XML, as the x-amz-tagging header, within S3's limits
 *
 * Threads: pure functions.
 * Spec: S3 API, PutObjectTagging, PutBucketTagging; S3 User Guide, "Categorizing your storage using
 * tags".
 */
#ifndef S3_TAGGING_H
#define S3_TAGGING_H

#include "base/arena.h"
#include "base/note.h"
#include "xml/writer.h"

enum {
    TAGGING_OBJECT_TAGS_MAX = 10,
    TAGGING_BUCKET_TAGS_MAX = 50,
    TAGGING_KEY_CHARS_MAX = 128,
    TAGGING_VALUE_CHARS_MAX = 256,
    TAGGING_DOCUMENT_MAX = 64 * 1024
};

struct tag {
    struct slice key;
    struct slice value;
};

struct tag_set {
    const struct tag *items;
    size_t count;
};

/* What is wrong with tags, for the door's error. */
enum tagging_defect {
    TAGGING_MALFORMED, /* MalformedXML */
    TAGGING_INVALID,   /* InvalidTag */
    TAGGING_TOO_MANY,  /* BadRequest for objects */
    TAGGING_ARGUMENT   /* InvalidArgument: the header's form */
};

/*
 * Parses a Tagging document with at most `max` tags.
 * Owns: the tags lie in `arena`.
 * Errors: INVALID with `*ret_defect`, noted; NO_MEMORY.
 */
struct status tagging_parse(struct arena *arena, struct slice document, size_t max,
                            struct note *note, enum tagging_defect *ret_defect,
                            struct tag_set *ret_tags);

/* The same for the value of x-amz-tagging, "a=1&b=2" in percent-encoding. */
struct status tagging_parse_header(struct arena *arena, struct slice header, size_t max,
                                   struct note *note, enum tagging_defect *ret_defect,
                                   struct tag_set *ret_tags);

/* Writes <TagSet>…</TagSet>. */
void tagging_write(struct xml_writer *writer, const struct tag_set *tags);

#endif
