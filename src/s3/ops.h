/*
 * ops.h - the functions that the rows of ops.def name
 *
 * op_x_check looks at parameters and headers before anything is read, op_x does it. Both return
 * REFUSED after s3_refuse, or the status of a lower room, which reply.c translates.
 *
 * Threads: the worker that serves the request. Blocks: a check never.
 */
#ifndef S3_OPS_H
#define S3_OPS_H

#include "s3/call.h"

#endif
