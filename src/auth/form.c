#include "auth/form.h"

#include "auth/pass.h"
#include "crypto/ct.h"

static struct status mismatch(struct auth_pass *pass, struct slice provided, struct slice policy) {
    pass->denial.string_to_sign = policy;
    pass->denial.signature_provided = provided;
    return auth_refuse(pass, AUTH_REFUSAL_SIGNATURE_MISMATCH,
                       "The signature is not the one this server computes for the policy. Check "
                       "the secret key and how the policy is signed.");
}

static struct status date_check(struct auth_pass *pass, const struct auth_form *form,
                                const struct sigv4_scope *scope) {
    int64_t time_ns;
    if (!date_parse_compact(form->date, &time_ns)) {
        return auth_refuse(pass, AUTH_REFUSAL_DATE_MISSING,
                           "The form needs x-amz-date, as in 20130524T000000Z.");
    }
    if (slice_eq(scope->date, slice_take(form->date, SIGV4_DATE_LEN))) return status_ok();
    return auth_refuse(pass, AUTH_REFUSAL_MALFORMED_QUERY,
                       "The credential's date is not that of x-amz-date.");
}

static struct status verify_v4(struct auth_pass *pass, const struct auth_form *form) {
    struct sigv4_scope scope;
    struct slice secret;
    unsigned char key[SIGV4_DIGEST_LEN];
    char expected[SIGV4_HEX_LEN];
    struct key_cache *cache = pass->request->key_cache;
    if (!slice_eq(form->algorithm, SLICE("AWS4-HMAC-SHA256"))) {
        return auth_refuse(pass, AUTH_REFUSAL_ALGORITHM_UNSUPPORTED,
                           "x-amz-algorithm must be AWS4-HMAC-SHA256.");
    }
    TRY(sigv4_credential_parse(pass, form->credential, AUTH_REFUSAL_MALFORMED_QUERY, &scope));
    TRY(date_check(pass, form, &scope));
    TRY(auth_key_look_up(pass, scope.access_key, &secret));
    bool cached = key_cache_signing_key(cache, secret, &scope, key);
    sigv4_signature(key, form->policy, expected);
    bool matches = form->signature.len == sizeof expected &&
                   ct_equal(form->signature.ptr, expected, sizeof expected);
    if (matches && !cached) key_cache_keep(cache, secret, &scope, key);
    explicit_bzero(key, sizeof key);
    return matches ? status_ok() : mismatch(pass, form->signature, form->policy);
}

static struct status verify_v2(struct auth_pass *pass, const struct auth_form *form) {
    struct slice secret;
    if (!pass->request->allow_sigv2) {
        return auth_refuse(pass, AUTH_REFUSAL_SIGV2_DISABLED,
                           "Signature version 2 is turned off here; sign with AWS4-HMAC-SHA256.");
    }
    pass->denial.access_key = form->access_key;
    TRY(auth_key_look_up(pass, form->access_key, &secret));
    if (sigv2_signature_matches(form->signature_v2, secret, form->policy)) return status_ok();
    return mismatch(pass, form->signature_v2, form->policy);
}

static struct status verify(struct auth_pass *pass, const struct auth_form *form) {
    bool is_v4 = form->signature.ptr != NULL || form->credential.ptr != NULL;
    bool is_v2 = form->signature_v2.ptr != NULL || form->access_key.ptr != NULL;
    if (!is_v4 && !is_v2 && form->policy.ptr == NULL) {
        pass->result.principal = (struct principal){.anonymous = true};
        return status_ok();
    }
    if (is_v4 && is_v2) {
        return auth_refuse(pass, AUTH_REFUSAL_TWO_KINDS, "A form is signed in one way.");
    }
    if (form->token.ptr != NULL) {
        return auth_refuse(pass, AUTH_REFUSAL_TOKEN_UNSUPPORTED,
                           "Security tokens are not issued here.");
    }
    bool is_whole = form->policy.len > 0 &&
                    (is_v4 ? form->signature.ptr != NULL : form->signature_v2.ptr != NULL);
    if (!is_whole) {
        return auth_refuse(pass, AUTH_REFUSAL_MALFORMED_SIGV2,
                           "A form has a policy, a signature and an access key, or none of them.");
    }
    pass->denial.kind = pass->result.kind = is_v4 ? AUTH_SIGV4_QUERY : AUTH_SIGV2_QUERY;
    return is_v4 ? verify_v4(pass, form) : verify_v2(pass, form);
}

struct status auth_identify_form(const struct auth_request *request, const struct auth_form *form,
                                 struct arena *arena, struct note *note,
                                 struct auth_denial *ret_denial, struct auth_result *ret_result) {
    struct auth_pass pass = {.request = request, .arena = arena, .note = note};
    struct status status = verify(&pass, form);
    if (is_ok(status)) status = arena_ok(arena);
    if (status_is(status, STATUS_REFUSED)) *ret_denial = pass.denial;
    if (is_ok(status)) *ret_result = pass.result;
    return status;
}
