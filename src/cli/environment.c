/* What containers are given through their environment. */
#include <stdlib.h>

#include "cli/cli.h"

/* A name that a bucket may have; the store judges the finer points. */
static bool is_bucket_name(struct slice name) {
    if (name.len < 3 || name.len > 63) return false;
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        bool inner = i > 0 && i + 1 < name.len;
        bool letter = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
        if (!letter && !(inner && (c == '-' || c == '.'))) return false;
    }
    return true;
}

bool cli_next_bucket(struct slice *buckets, struct slice *ret_name) {
    struct slice name = {0};
    while (name.len == 0 && buckets->len > 0) {
        slice_cut(*buckets, ',', &name, buckets);
        name = slice_trim(name);
    }
    if (name.len > 0) *ret_name = name;
    return name.len > 0;
}

static struct status check_buckets(struct slice buckets, struct note *note) {
    struct slice name;
    while (cli_next_bucket(&buckets, &name)) {
        if (is_bucket_name(name)) continue;
        return note_status(note, STATUS_INVALID, "HINK_BUCKETS: '%.*s' is not a bucket's name",
                           SLICE_FMT(slice_take(name, 80)));
    }
    return status_ok();
}

static bool is_graphic(struct slice s) {
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] <= 0x20 || s.ptr[i] > 0x7e) return false;
    }
    return true;
}

static struct status check_keys(const struct cli_environment *e, struct note *note) {
    if (e->access_key.len == 0 && e->secret_key.len == 0) return status_ok();
    if (e->secret_key.len == 0) {
        return note_status(note, STATUS_INVALID, "HINK_ACCESS_KEY needs HINK_SECRET_KEY too");
    }
    if (e->access_key.len == 0) {
        return note_status(note, STATUS_INVALID, "HINK_SECRET_KEY needs HINK_ACCESS_KEY too");
    }
    if (e->access_key.len < 3 || e->access_key.len > 128 || !is_graphic(e->access_key)) {
        return note_status(note, STATUS_INVALID,
                           "HINK_ACCESS_KEY must have 3 to 128 characters without blanks");
    }
    if (e->secret_key.len < 8 || e->secret_key.len > 256 || !is_graphic(e->secret_key)) {
        return note_status(note, STATUS_INVALID,
                           "HINK_SECRET_KEY must have 8 to 256 characters without blanks");
    }
    return status_ok();
}

struct status cli_environment_read(struct note *note, struct cli_environment *ret_environment) {
    struct cli_environment environment = {
        .access_key = slice_str(getenv("HINK_ACCESS_KEY")),
        .secret_key = slice_str(getenv("HINK_SECRET_KEY")),
        .buckets = slice_str(getenv("HINK_BUCKETS")),
    };
    TRY(check_keys(&environment, note));
    TRY(check_buckets(environment.buckets, note));
    *ret_environment = environment;
    return status_ok();
}
