/*
 * form.h - who signed a form upload: the proof stands in the form's fields, not in the head
 *
 * What is signed is the policy document as it was sent, in base64. Whether the form keeps to the
 * policy is for the door to check.
 *
 * Threads: any; a request's structs belong to its thread.
 * Spec: S3 API, "Authenticating Requests: Browser-Based Uploads Using POST", both versions.
 */
#ifndef AUTH_FORM_H
#define AUTH_FORM_H

#include "auth/auth.h"

/* The fields; a NULL ptr where the form does not have one. */
struct auth_form {
    struct slice policy; /* in base64 */
    /* version 4 */
    struct slice algorithm;  /* x-amz-algorithm */
    struct slice credential; /* x-amz-credential */
    struct slice date;       /* x-amz-date */
    struct slice signature;  /* x-amz-signature */
    /* version 2 */
    struct slice access_key;   /* AWSAccessKeyId */
    struct slice signature_v2; /* signature */
    struct slice token;        /* x-amz-security-token */
};

/*
 * Answers who signed the form; the anonymous principal where it has neither policy nor signature.
 * Of `request` the identity, the key cache, the time and what is allowed count.
 * Owns: the result's and the denial's slices lie in `arena` or in the form.
 * Errors: as auth_identify.
 * Blocks: for one key look-up.
 */
struct status auth_identify_form(const struct auth_request *request, const struct auth_form *form,
                                 struct arena *arena, struct note *note,
                                 struct auth_denial *ret_denial, struct auth_result *ret_result);

#endif
