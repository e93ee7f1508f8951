/*
 * large.h - objects that stand for others: segments, prefixes, symbolic links
 *
 *     SEGMENTS   a manifest names ranges of other objects, with their ETags and sizes
 *     PREFIX     all objects of a container whose keys begin so, as they are when it is read
 *     SYMLINK    another object, of this or of another project
 *
 *     open ─ follow ─ verify ─ send       no byte goes out of a segment that is not as it must be
 *
 * What they are made of lies in containers of the same project and region, and may be large itself,
 * to a depth of OBJECT_SEGMENTS_DEPTH_MAX. Whoever reads needs a right to each of the others: the
 * door says so through a gate, which is asked about each of them. An object that was uploaded in
 * parts has its bytes itself and needs no gate.
 *
 * A segment that has gone or changed is CONFLICT. object_reader_verify finds that out before the
 * first byte goes out, as far as OBJECT_SEGMENTS_LOOK_MAX segments go; what happens while bytes are
 * sent ends the sending with CONFLICT, and never gives others, or fewer, for the right ones.
 *
 * Threads: any; a reader belongs to one at a time. Blocks: as kv and blob.
 */
#ifndef OBJECT_LARGE_H
#define OBJECT_LARGE_H

#include "object/object.h"

enum {
    OBJECT_SEGMENTS_MAX = 1000,         /* of one object */
    OBJECT_SEGMENTS_DEPTH_MAX = 10,     /* objects with segments in objects with segments */
    OBJECT_SEGMENTS_LOOK_MAX = 10000,   /* looked at before the first byte goes out */
    OBJECT_PREFIX_SEGMENTS_MAX = 10000, /* objects that a prefix may stand for */
    OBJECT_SYMLINK_DEPTH_MAX = 2        /* links from one to the next */
};

/* What is asked before another object is read. */
struct object_gate {
    /*
     * Whether the reader may read this object. Errors: whatever refuses it.
     */
    struct status (*may_read)(const struct object_gate *gate, const struct bucket *bucket,
                              const struct object_info *info);
    /* Whether its keys may be listed; NULL: they may, if they are read. */
    struct status (*may_list)(const struct object_gate *gate, const struct bucket *bucket);
};

/* What is to be opened. */
struct object_opening {
    struct object_store *store;
    const struct bucket *bucket;
    struct slice key;
    struct object_version version;
    const struct object_gate *gate;
    bool asks_first; /* also about the object that is named, not only about targets of links */
};

/* What was found at the end of the links. */
struct object_opened {
    struct bucket bucket;
    struct object_info info;
    struct object_reader *reader; /* the caller's, until object_reader_close */
    bool is_target;               /* there was a link */
    bool is_other;                /* what was found is not what the link says: CONFLICT */
    struct object_link link;      /* the last one that was followed */
};

/*
 * Opens an object as object_open_version, and follows symbolic links from there on.
 * Owns: what it points to, but for the reader, lies in `arena`; it is written on failure too, as
 * far as it came, without a reader. Errors: as object_open_version; CONFLICT (links in a circle or
 * too many; a target that is not what its link says); the gate's.
 */
struct status object_open_target(const struct object_opening *opening, struct arena *arena,
                                 struct object_opened *ret_opened);

/*
 * Lets the reader go on to segments; without it, reading from one is UNSUPPORTED. What a prefix
 * stands for is found now: size, ETag (the MD5 of the ETags) and time of `info` become those of the
 * whole.
 * Owns: `gate` must live as long as the reader.
 * Errors: NOT_FOUND (there is no such container); TOO_LARGE; the gate's; CORRUPT; IO; NO_MEMORY.
 */
struct status object_reader_follow(struct object_reader *reader, const struct object_gate *gate,
                                   struct object_info *info, struct arena *arena);

/*
 * Whether all segments with bytes of that range are there and as they must be.
 * Errors: CONFLICT; RANGE; the gate's; CORRUPT; IO.
 */
struct status object_reader_verify(struct object_reader *reader, uint64_t offset, uint64_t len);

/* The ETag by which others know the object: of one with segments, without what S3 adds to it. */
struct slice object_link_etag(const struct object_info *info);

/* A segment, or a part: then it has no container. */
struct object_segment {
    struct slice container;
    struct slice object;
    struct slice etag;    /* which the object must have; of a part its MD5, empty if not known */
    uint64_t object_size; /* and its size */
    uint64_t first;       /* the range in it */
    uint64_t size;
    struct slice content_type;
    int64_t modified_ns;
    bool large;        /* the object has segments itself */
    struct slice data; /* the bytes themselves, instead of all that */
};

/* An object that is to be made of segments. */
struct object_large {
    struct slice key;
    struct object_meta meta;
    const struct object_segment *segments;
    size_t count;
    struct slice etag;          /* of the whole, as Swift has it; "-N" is added */
    struct slice manifest_etag; /* of the list as it was given */
    const struct object_condition *condition;
};

/*
 * Makes an object of segments, in the place of what the key had; durable on return. Whether they
 * are there is the caller's to look at.
 * Owns: `*ret_info` lies in `arena`.
 * Errors: TOO_LARGE; as object_writer_commit.
 */
struct status object_large_put(struct object_store *store, const struct bucket *bucket,
                               const struct object_large *large, struct arena *arena,
                               struct object_info *ret_info);

/*
 * Reads what an object with a manifest is made of, segments or parts.
 * Owns: `*ret_segments` lies in `arena`.
 * Errors: NOT_FOUND (the object was replaced meanwhile); UNSUPPORTED (it has no manifest); CORRUPT;
 * IO; NO_MEMORY.
 */
struct status object_segments_read(struct object_store *store, const struct bucket *bucket,
                                   const struct object_info *info, struct arena *arena,
                                   struct object_segment **ret_segments, size_t *ret_count);

#endif
