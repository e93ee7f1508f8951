/*
 * acl_text.h - access control lists as they are stored: a line of text for each grant
 *
 *     uF testid M. Tester       full control for a project or user, by id and name
 *     e1                        READ for everybody
 *     -                         alone: nothing for anybody
 *
 * The first letter says who (u, e: everybody, a: authenticated, l: log delivery), the second is the
 * permission in hexadecimal. Whose the list is lies beside it, with the thing.
 *
 * Threads: pure functions.
 */
#ifndef ACCESS_ACL_TEXT_H
#define ACCESS_ACL_TEXT_H

#include "access/acl.h"

/* The most bytes that a list can have, as many as an object has room for (object.h). */
enum { ACL_TEXT_MAX = 16 * 1024 };

/*
 * Writes the grants of a list. Line breaks in a name become blanks.
 * Owns: `*ret_text` lies in `arena`.
 * Errors: TOO_LARGE; INVALID (an id with a blank in it, or none); NO_MEMORY.
 */
struct status acl_text_encode(const struct acl *acl, struct arena *arena, struct slice *ret_text);

/*
 * Reads them back; the owner is left empty.
 * Owns: the grants lie in `arena`, what they point to in `text`.
 * Errors: CORRUPT; NO_MEMORY.
 */
struct status acl_text_decode(struct slice text, struct arena *arena, struct acl *ret_acl);

#endif
