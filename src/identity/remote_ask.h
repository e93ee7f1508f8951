/*
 * remote_ask.h - questions to Keystone in the name of our user there
 *
 * Logs in when it has to, keeps the token while it is good, and logs in again where Keystone does
 * not take it any more. One login at a time; after a failed one the next waits a second.
 *
 * Threads: any, but for open and close.
 */
#ifndef IDENTITY_REMOTE_ASK_H
#define IDENTITY_REMOTE_ASK_H

#include "base/note.h"
#include "client/client.h"
#include "identity/remote.h"

struct remote_asker;

/* As remote_open. */
struct status remote_asker_open(const struct remote_options *options, struct note *note,
                                struct remote_asker **ret_asker);
void remote_asker_close(struct remote_asker **asker);

/*
 * GET of /v3 and `path`; with `subject` as X-Subject-Token where it is not empty.
 * Owns: `*ret_body` lies in `arena`.
 * Errors: NOT_FOUND (404); TOO_LARGE; BUSY, TIMEOUT, IO (no answer, or none to this); noted.
 */
struct status remote_asker_get(struct remote_asker *asker, struct slice path, struct slice subject,
                               struct arena *arena, struct note *note, struct slice *ret_body);

/* Logs in anew. Errors: DENIED; BUSY, TIMEOUT, IO; noted. */
struct status remote_asker_login(struct remote_asker *asker, struct note *note);

#endif
