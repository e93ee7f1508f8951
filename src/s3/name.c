#include "s3/name.h"

#include "base/check.h"

static bool is_letter_or_digit(char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

/* Four groups of digits between dots: what a resolver takes for an address. */
static bool looks_like_ipv4(struct slice name) {
    size_t groups = 0;
    while (name.len > 0) {
        struct slice group;
        struct slice rest;
        uint64_t value;
        slice_cut(name, '.', &group, &rest);
        if (group.len > 3 || !slice_parse_u64(group, &value)) return false;
        groups++;
        name = rest;
    }
    return groups == 4;
}

static const char *chars_complaint(struct slice name) {
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        if (!is_letter_or_digit(c) && c != '-' && c != '.') {
            return "A bucket name consists of lower-case letters, digits, hyphens and dots.";
        }
        bool after_dot = i > 0 && name.ptr[i - 1] == '.';
        bool after_hyphen = i > 0 && name.ptr[i - 1] == '-';
        if ((c == '.' && (after_dot || after_hyphen)) || (c == '-' && after_dot)) {
            return "A dot in a bucket name stands between letters or digits.";
        }
    }
    if (!is_letter_or_digit(name.ptr[0]) || !is_letter_or_digit(name.ptr[name.len - 1])) {
        return "A bucket name begins and ends with a letter or a digit.";
    }
    return NULL;
}

/* Names that S3 keeps for itself. */
static bool is_reserved(struct slice name) {
    static const char *const prefixes[] = {"xn--", "sthree-", "amzn-s3-demo-"};
    static const char *const suffixes[] = {"-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3"};
    for (size_t i = 0; i < ARRAY_LEN(prefixes); i++) {
        if (slice_starts_with(name, slice_str(prefixes[i]))) return true;
    }
    for (size_t i = 0; i < ARRAY_LEN(suffixes); i++) {
        if (slice_ends_with(name, slice_str(suffixes[i]))) return true;
    }
    return false;
}

const char *s3_bucket_name_complaint(struct slice name) {
    if (name.len < S3_BUCKET_NAME_MIN || name.len > S3_BUCKET_NAME_MAX) {
        return "A bucket name is 3 to 63 characters long.";
    }
    const char *complaint = chars_complaint(name);
    if (complaint != NULL) return complaint;
    if (looks_like_ipv4(name)) return "A bucket name is not formatted like an IP address.";
    if (is_reserved(name)) return "The bucket name has a prefix or a suffix that is reserved.";
    return NULL;
}
