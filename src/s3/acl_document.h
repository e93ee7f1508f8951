/*
 * acl_document.h - access control lists as clients write them: XML, and x-amz-grant-* headers
 *
 * Threads: pure functions.
 * Spec: S3 API, PutObjectAcl, GetObjectAcl.
 */
#ifndef S3_ACL_DOCUMENT_H
#define S3_ACL_DOCUMENT_H

#include "access/acl.h"
#include "base/note.h"
#include "http/head.h"
#include "xml/writer.h"

enum { ACL_DOCUMENT_MAX = 64 * 1024 };

/* What is wrong with a list, for the door's error. */
enum acl_defect {
    ACL_DEFECT_MALFORMED, /* MalformedACLError */
    ACL_DEFECT_ARGUMENT,  /* InvalidArgument */
    ACL_DEFECT_EMAIL      /* UnresolvableGrantByEmailAddress */
};

/*
 * Parses an AccessControlPolicy. Grantees are told by their elements (ID, URI, EmailAddress).
 * Owns: `*ret_acl` lies in `arena`.
 * Errors: INVALID with `*ret_defect`, noted; NO_MEMORY.
 */
struct status acl_document_parse(struct arena *arena, struct slice document, struct note *note,
                                 enum acl_defect *ret_defect, struct acl *ret_acl);

/* Whether the head has a header x-amz-grant-*. */
bool acl_headers_are_there(const struct http_head *head);

/*
 * Makes a list of the headers x-amz-grant-read, -write, -read-acp, -write-acp and -full-control:
 * id="…", uri="…", emailAddress="…", separated by commas.
 * Owns: `*ret_acl` lies in `arena`; owner as given. Errors: as acl_document_parse.
 */
struct status acl_headers_parse(const struct http_head *head, const struct acl_owners *owners,
                                struct arena *arena, struct note *note, enum acl_defect *ret_defect,
                                struct acl *ret_acl);

/* Writes a whole AccessControlPolicy. */
void acl_document_write(struct xml_writer *writer, const struct acl *acl);

#endif
