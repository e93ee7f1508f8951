/*
 * upload_call.h - what the operations on an upload and its parts have in common
 *
 * Threads: the worker that serves the request.
 */
#ifndef S3_UPLOAD_CALL_H
#define S3_UPLOAD_CALL_H

#include "object/upload.h"
#include "s3/call.h"
#include "xml/writer.h"

/*
 * Finds the upload that the call names.
 * Owns: `*ret_upload` lies in call->arena. Errors: REFUSED (NoSuchUpload); CORRUPT; IO.
 */
struct status s3_upload_of(struct s3_call *call, struct upload *ret_upload);

/* The number of the part that the call names. Errors: REFUSED (InvalidArgument). */
struct status s3_part_number_of(struct s3_call *call, uint32_t *ret_number);

/*
 * Ends the document and makes it the answer.
 * Owns: takes the bytes of `text` over, on failure too. Errors: NO_MEMORY; TOO_LARGE.
 */
struct status s3_upload_answer(struct s3_call *call, struct xml_writer *xml, struct buf *text);

#endif
