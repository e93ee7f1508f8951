#define XXH_STATIC_LINKING_ONLY /* the sizes of its states */
#include "crypto/checksum.h"

#include <endian.h>
#include <isa-l/crc.h>
#include <xxhash.h>

#include "base/check.h"
#include "base/codec.h"
#include "crypto/crc.h"
#include "crypto/digest.h"

/* The functions of one kind, over its own state. */
struct checksum_ops {
    void (*init)(void *state);
    void (*update)(void *state, struct slice bytes);
    void (*final)(const void *state, unsigned char *out);
    const struct crc_polynomial *polynomial; /* of what combines */
};

_Static_assert(sizeof(struct digest) <= CHECKSUM_STATE_MAX, "a digest fits");
_Static_assert(sizeof(XXH64_state_t) <= CHECKSUM_STATE_MAX, "an XXH64 state fits");
_Static_assert(sizeof(XXH3_state_t) <= CHECKSUM_STATE_MAX, "an XXH3 state fits");

static void put_32(unsigned char *out, uint32_t value) {
    value = htobe32(value);
    memcpy(out, &value, sizeof value);
}

static void put_64(unsigned char *out, uint64_t value) {
    value = htobe64(value);
    memcpy(out, &value, sizeof value);
}

static void crc_init(void *state) {
    *(uint64_t *)state = 0;
}

/* Both libraries' functions take no const, and one of them an int for a length. */
static void crc32_update(void *state, struct slice bytes) {
    uint32_t *crc = state;
    *crc = crc32_gzip_refl(*crc, (unsigned char *)(uintptr_t)bytes.ptr, bytes.len);
}

static void crc32c_update(void *state, struct slice bytes) {
    uint32_t *crc = state;
    while (bytes.len > 0) {
        struct slice piece = slice_take(bytes, (size_t)1 << 30);
        *crc = ~crc32_iscsi((unsigned char *)(uintptr_t)piece.ptr, (int)piece.len, ~*crc);
        bytes = slice_skip(bytes, piece.len);
    }
}

static void crc32_final(const void *state, unsigned char *out) {
    put_32(out, *(const uint32_t *)state);
}

static void crc64nvme_update(void *state, struct slice bytes) {
    uint64_t *crc = state;
    *crc = crc64nvme(*crc, bytes.ptr, bytes.len);
}

static void crc64nvme_final(const void *state, unsigned char *out) {
    put_64(out, *(const uint64_t *)state);
}

static void sha1_init(void *state) {
    digest_init(state, DIGEST_SHA1);
}

static void sha256_init(void *state) {
    digest_init(state, DIGEST_SHA256);
}

static void sha512_init(void *state) {
    digest_init(state, DIGEST_SHA512);
}

static void md5_init(void *state) {
    digest_init(state, DIGEST_MD5);
}

static void any_digest_update(void *state, struct slice bytes) {
    digest_update(state, bytes);
}

static void any_digest_final(const void *state, unsigned char *out) {
    digest_final(state, out);
}

static void xxh64_init(void *state) {
    CHECK(XXH64_reset(state, 0) == XXH_OK);
}

static void xxh64_update(void *state, struct slice bytes) {
    CHECK(XXH64_update(state, bytes.ptr, bytes.len) == XXH_OK);
}

static void xxh64_final(const void *state, unsigned char *out) {
    put_64(out, XXH64_digest(state));
}

static void xxh3_init(void *state) {
    /* It leaves some of what it reads later to its caller (XXH3_INITSTATE). */
    memset(state, 0, sizeof(XXH3_state_t));
    CHECK(XXH3_64bits_reset(state) == XXH_OK);
}

static void xxh3_update(void *state, struct slice bytes) {
    CHECK(XXH3_64bits_update(state, bytes.ptr, bytes.len) == XXH_OK);
}

static void xxh3_final(const void *state, unsigned char *out) {
    put_64(out, XXH3_64bits_digest(state));
}

static void xxh128_init(void *state) {
    memset(state, 0, sizeof(XXH3_state_t));
    CHECK(XXH3_128bits_reset(state) == XXH_OK);
}

static void xxh128_update(void *state, struct slice bytes) {
    CHECK(XXH3_128bits_update(state, bytes.ptr, bytes.len) == XXH_OK);
}

static void xxh128_final(const void *state, unsigned char *out) {
    XXH128_hash_t value = XXH3_128bits_digest(state);
    put_64(out, value.high64);
    put_64(out + 8, value.low64);
}

static const struct checksum_ops kind_ops[CHECKSUM_KIND_COUNT] = {
    [CHECKSUM_CRC32] = {crc_init, crc32_update, crc32_final, &crc_polynomial_crc32},
    [CHECKSUM_CRC32C] = {crc_init, crc32c_update, crc32_final, &crc_polynomial_crc32c},
    [CHECKSUM_CRC64NVME] = {crc_init, crc64nvme_update, crc64nvme_final, &crc_polynomial_crc64nvme},
    [CHECKSUM_SHA1] = {sha1_init, any_digest_update, any_digest_final, NULL},
    [CHECKSUM_SHA256] = {sha256_init, any_digest_update, any_digest_final, NULL},
    [CHECKSUM_SHA512] = {sha512_init, any_digest_update, any_digest_final, NULL},
    [CHECKSUM_MD5] = {md5_init, any_digest_update, any_digest_final, NULL},
    [CHECKSUM_XXHASH64] = {xxh64_init, xxh64_update, xxh64_final, NULL},
    [CHECKSUM_XXHASH3] = {xxh3_init, xxh3_update, xxh3_final, NULL},
    [CHECKSUM_XXHASH128] = {xxh128_init, xxh128_update, xxh128_final, NULL},
};

static const struct {
    const char *name;
    const char *suffix;
    size_t len;
    bool combines;
} kinds[CHECKSUM_KIND_COUNT] = {
#define CHECKSUM(NAME, name, suffix, len, combines) {name, suffix, len, combines},
#include "crypto/checksum.def"
#undef CHECKSUM
};

static const struct checksum_ops *ops_of(enum checksum_kind kind) {
    CHECK((size_t)kind < CHECKSUM_KIND_COUNT);
    return &kind_ops[kind];
}

void checksum_init(struct checksum *checksum, enum checksum_kind kind) {
    checksum->kind = kind;
    ops_of(kind)->init(checksum->state);
}

void checksum_update(struct checksum *checksum, struct slice bytes) {
    if (bytes.len > 0) ops_of(checksum->kind)->update(checksum->state, bytes);
}

void checksum_final(const struct checksum *checksum, struct checksum_value *ret_value) {
    *ret_value = (struct checksum_value){.kind = checksum->kind, .len = kinds[checksum->kind].len};
    ops_of(checksum->kind)->final(checksum->state, ret_value->bytes);
}

void checksum_of(enum checksum_kind kind, struct slice bytes, struct checksum_value *ret_value) {
    struct checksum checksum;
    checksum_init(&checksum, kind);
    checksum_update(&checksum, bytes);
    checksum_final(&checksum, ret_value);
}

bool checksum_combines(enum checksum_kind kind) {
    return kinds[kind].combines;
}

static uint64_t value_number(const struct checksum_value *value) {
    uint64_t number = 0;
    for (size_t i = 0; i < value->len; i++) number = number << 8 | value->bytes[i];
    return number;
}

void checksum_combine(struct checksum_value *whole, const struct checksum_value *next,
                      uint64_t next_len) {
    const struct crc_polynomial *polynomial = ops_of(whole->kind)->polynomial;
    CHECK(whole->kind == next->kind && polynomial != NULL);
    uint64_t number = crc_combine(polynomial, value_number(whole), value_number(next), next_len);
    if (whole->len == sizeof(uint32_t)) {
        put_32(whole->bytes, (uint32_t)number);
    } else {
        put_64(whole->bytes, number);
    }
}

const char *checksum_name(enum checksum_kind kind) {
    return kinds[kind].name;
}

const char *checksum_suffix(enum checksum_kind kind) {
    return kinds[kind].suffix;
}

size_t checksum_len(enum checksum_kind kind) {
    return kinds[kind].len;
}

bool checksum_kind_find(struct slice name, enum checksum_kind *ret_kind) {
    for (int i = 0; i < CHECKSUM_KIND_COUNT; i++) {
        /* A suffix is its name in lower case. */
        if (!slice_eq_nocase(name, slice_str(kinds[i].name))) continue;
        *ret_kind = (enum checksum_kind)i;
        return true;
    }
    return false;
}

bool checksum_value_parse(enum checksum_kind kind, struct slice base64,
                          struct checksum_value *ret_value) {
    struct checksum_value value = {.kind = kind, .len = checksum_len(kind)};
    if (!base64_decode_exact(base64, value.bytes, value.len)) return false;
    *ret_value = value;
    return true;
}

bool checksum_value_eq(const struct checksum_value *a, const struct checksum_value *b) {
    return a->kind == b->kind && slice_eq(slice_of(a->bytes, a->len), slice_of(b->bytes, b->len));
}
