/*
 * early.h - an answer that begins before its operation is done, so that the client does not give up
 *
 *     pulse ─▶ HTTP/1.1 200, <?xml …?>
 *     pulse ─▶ one blank …
 *     done  ─▶ the document: a result, or an error, whose status nobody sees any more
 *
 * Blocks: as the connection. Threads: the worker that serves the request.
 * Spec: S3 CopyObject: "a 200 OK response can contain either a success or an error".
 */
#ifndef S3_EARLY_H
#define S3_EARLY_H

#include "s3/call.h"
#include "xml/writer.h"

/*
 * So many bytes copied lie between two pulses. Reading, digesting and writing them takes a fraction
 * of a second on a good drive, and seconds on a bad one.
 */
#define S3_EARLY_PULSE_BYTES (UINT64_C(128) * 1024 * 1024)

/* Says that it still goes on. Errors: those of the connection: the client is gone. */
struct status s3_early_pulse(struct s3_call *call);

/* Writes the XML declaration, unless a pulse has said it already. */
void s3_early_declaration(struct s3_call *call, struct xml_writer *xml);

#endif
