/*
 * call.h - what the operations of this room share: refusing, asking, writing
 *
 * Only the .c files of keystone/ include it.
 *
 * Threads: as keystone.h.
 */
#ifndef KEYSTONE_CALL_H
#define KEYSTONE_CALL_H

#include "json/writer.h"
#include "keystone/keystone.h"

/* The operations of routes.def. Errors: REFUSED (the error document is made); those of the store.
 */
#define KEYSTONE_ROUTE(method, pattern, name, needs_token, function) \
    struct status keystone_##function(struct keystone_call *call);
#include "keystone/routes.def"
#undef KEYSTONE_ROUTE

/* Answers with Keystone's error document; gives REFUSED. */
struct status keystone_refuse(struct keystone_call *call, int http_status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The refusals that several operations have: nobody has proved anything; not theirs to ask. */
struct status keystone_refuse_unauthorized(struct keystone_call *call);
struct status keystone_refuse_forbidden(struct keystone_call *call);

/* Could not find WORD: ID. */
struct status keystone_refuse_absent(struct keystone_call *call, const char *word, struct slice id);

/* Begins the answer's document. */
struct json_writer keystone_document(struct keystone_call *call);

/* Whether the bearer administers everything, or is that user, or administers that project. */
bool keystone_is_admin(const struct keystone_call *call);
bool keystone_is_self(const struct keystone_call *call, struct slice user_id);
bool keystone_is_project_admin(const struct keystone_call *call, struct slice project_id);

/* Parses the body as a JSON object, for the rest of the call. Errors: REFUSED; NO_MEMORY. */
struct status keystone_parse_body(struct keystone_call *call);

/* The value of a query parameter; an empty slice with a NULL ptr where there is none. */
struct slice keystone_query(const struct keystone_call *call, const char *name);

/* "http://host:5000", without "/v3". Owns: the arena. */
struct slice keystone_base_url(struct keystone_call *call);

/* "links": {"self": BASE/v3/PATH}, and the links of a list that has no further pages. */
void keystone_write_self(struct keystone_call *call, struct json_writer *w, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void keystone_write_list_links(struct keystone_call *call, struct json_writer *w);

/* {"id": ID, "name": NAME} of a domain. */
void keystone_write_domain(struct json_writer *w, const struct builtin_entity *domain);

/* "roles": [...] */
void keystone_write_roles(struct json_writer *w, unsigned roles);

/* The catalogue as an array, for the bearer's project. catalog.c */
void keystone_write_catalog(struct keystone_call *call, struct json_writer *w);

#endif
