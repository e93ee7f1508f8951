/*
 * admin_store.h - administration of what the store lies on: drives, repair, scrub
 *
 *     drive.list  drive.add  drive.drain  drive.replace  drive.remove
 *     scrub.start  scrub.status  scrub.stop
 *     store.status
 *
 * A drive is named by its number, its path or its id.
 *
 * Threads: as admin_execute.
 */
#ifndef SERVER_ADMIN_STORE_H
#define SERVER_ADMIN_STORE_H

#include "json/reader.h"
#include "json/writer.h"
#include "server/admin.h"

/*
 * Executes `op` if it is one of these, and says in `*ret_known` whether it was; members of the
 * reply go to `writer`, whose object is open. Errors: those of the engine; INVALID; UNSUPPORTED
 * (there is no engine); noted.
 */
struct status admin_store_run(const struct admin *admin, struct slice op,
                              const struct json *request, struct json_writer *writer,
                              struct note *note, bool *ret_known);

#endif
