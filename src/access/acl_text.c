#include "access/acl_text.h"

#include "base/buf.h"
#include "base/check.h"

static const char kind_letters[] = {
    [ACL_USER] = 'u', [ACL_EVERYBODY] = 'e', [ACL_AUTHENTICATED] = 'a', [ACL_LOG_DELIVERY] = 'l'};

#define NOTHING "-\n" /* a list without grants, which is not the same as no list */

static const char digits[] = "0123456789ABCDEF";

/* ---- writing -------------------------------------------------------------------------------- */

static bool is_word(struct slice id) {
    for (size_t i = 0; i < id.len; i++) {
        if ((unsigned char)id.ptr[i] <= 0x20) return false;
    }
    return id.len > 0;
}

static void name_write(struct buf *buf, struct slice name) {
    for (size_t i = 0; i < name.len; i++) {
        bool breaks = name.ptr[i] == '\n' || name.ptr[i] == '\r';
        buf_append_char(buf, breaks ? ' ' : name.ptr[i]);
    }
}

static struct status grant_write(struct buf *buf, const struct acl_grant *grant) {
    buf_append_char(buf, kind_letters[grant->kind]);
    buf_append_char(buf, digits[grant->permission & ACL_FULL_CONTROL]);
    if (grant->kind == ACL_USER) {
        if (!is_word(grant->id)) return status_of(STATUS_INVALID);
        buf_append_char(buf, ' ');
        buf_append(buf, grant->id);
        buf_append_char(buf, ' ');
        name_write(buf, grant->name);
    }
    buf_append_char(buf, '\n');
    return status_ok();
}

struct status acl_text_encode(const struct acl *acl, struct arena *arena, struct slice *ret_text) {
    struct buf buf;
    buf_init(&buf, ACL_TEXT_MAX);
    struct status s = status_ok();
    if (acl->grant_count == 0) buf_append_str(&buf, NOTHING);
    for (size_t i = 0; is_ok(s) && i < acl->grant_count; i++) {
        s = grant_write(&buf, &acl->grants[i]);
    }
    if (is_ok(s)) s = buf_ok(&buf);
    struct slice text = is_ok(s) ? arena_dup(arena, buf_slice(&buf)) : (struct slice){0};
    buf_fini(&buf);
    TRY(s);
    TRY(arena_ok(arena));
    *ret_text = text;
    return status_ok();
}

/* ---- reading -------------------------------------------------------------------------------- */

static bool kind_read(char letter, enum acl_grantee_kind *ret_kind) {
    for (size_t i = 0; i < ARRAY_LEN(kind_letters); i++) {
        if (kind_letters[i] != letter) continue;
        *ret_kind = (enum acl_grantee_kind)i;
        return true;
    }
    return false;
}

static bool grant_read(struct slice line, struct acl_grant *ret_grant) {
    struct acl_grant grant = {0};
    if (line.len < 2 || !kind_read(line.ptr[0], &grant.kind)) return false;
    const char *digit = memchr(digits, line.ptr[1], ACL_FULL_CONTROL + 1);
    if (digit == NULL) return false;
    grant.permission = (unsigned)(digit - digits);
    struct slice rest = slice_skip(line, 2);
    if (grant.kind == ACL_USER) {
        if (rest.len < 2 || rest.ptr[0] != ' ') return false;
        if (!slice_cut(slice_skip(rest, 1), ' ', &grant.id, &grant.name)) return false;
    } else if (rest.len > 0) {
        return false;
    }
    *ret_grant = grant;
    return grant.kind != ACL_USER || grant.id.len > 0;
}

struct status acl_text_decode(struct slice text, struct arena *arena, struct acl *ret_acl) {
    size_t lines = 0;
    if (slice_eq(text, SLICE(NOTHING))) {
        *ret_acl = (struct acl){0};
        return status_ok();
    }
    for (size_t i = 0; i < text.len; i++) lines += text.ptr[i] == '\n';
    if (text.len > ACL_TEXT_MAX || lines > ACL_GRANTS_MAX) return status_of(STATUS_CORRUPT);
    struct acl_grant *grants = arena_calloc(arena, lines, sizeof *grants);
    TRY(arena_ok(arena));
    struct slice rest = text;
    for (size_t i = 0; i < lines; i++) {
        struct slice line;
        slice_cut(rest, '\n', &line, &rest);
        if (!grant_read(line, &grants[i])) return status_of(STATUS_CORRUPT);
    }
    if (rest.len > 0) return status_of(STATUS_CORRUPT);
    *ret_acl = (struct acl){.grants = grants, .grant_count = lines};
    return status_ok();
}
