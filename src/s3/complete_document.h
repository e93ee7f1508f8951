/*
 * complete_document.h - the list of parts that CompleteMultipartUpload brings
 *
 *     <CompleteMultipartUpload>
 *       <Part><PartNumber>1</PartNumber><ETag>…</ETag><ChecksumCRC32>…</ChecksumCRC32></Part> …
 *
 * Threads: pure but for the source.
 */
#ifndef S3_COMPLETE_DOCUMENT_H
#define S3_COMPLETE_DOCUMENT_H

#include "object/upload.h"

enum { S3_PART_LIST_DOCUMENT_MAX = 4 * 1024 * 1024 };

struct s3_part_list {
    struct upload_listed_part *parts;
    size_t count;
};

/*
 * Reads the document from `source`, to its verified end. Whether numbers ascend and parts are
 * there, upload_complete says.
 * Owns: `*ret_list` lies in `arena`.
 * Errors: INVALID: not such a document, or, where `*ret_is_argument`, a value in it that makes no
 * sense, noted; NO_MEMORY; those of the source.
 */
struct status s3_part_list_read(struct arena *arena, struct source *source, struct note *note,
                                bool *ret_is_argument, struct s3_part_list *ret_list);

#endif
