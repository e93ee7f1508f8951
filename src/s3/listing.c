#include "s3/listing.h"

#include "base/codec.h"
#include "object/object.h"

#define NUMBER_MAX UINT64_C(2147483647)

/* ---- parameters --------------------------------------------------------------------------- */

/* S3's other way to write a parameter's name: "maxKeys" for "max-keys". */
static struct slice camel_case(struct s3_call *call, const char *name) {
    char *out = arena_cstr(call->arena, slice_str(name));
    if (out == NULL) return slice_str(name);
    size_t len = 0;
    for (size_t i = 0; name[i] != '\0'; i++) {
        bool raise = i > 0 && name[i - 1] == '-' && name[i] >= 'a' && name[i] <= 'z';
        if (name[i] != '-') out[len++] = raise ? (char)(name[i] - 'a' + 'A') : name[i];
    }
    return slice_of(out, len);
}

static struct status refuse_number(struct s3_call *call, const char *name, struct slice text,
                                   uint64_t least, bool is_number) {
    s3_refuse_with(call, "ArgumentName", is_number ? camel_case(call, name) : slice_str(name));
    s3_refuse_with(call, "ArgumentValue", text);
    if (!is_number) {
        return s3_refuse(call, S3_ERROR_INVALID_ARGUMENT,
                         "Provided %s not an integer or within integer range", name);
    }
    return s3_refuse(call, S3_ERROR_INVALID_ARGUMENT,
                     "Argument %.*s must be an integer between %llu and %llu",
                     SLICE_FMT(camel_case(call, name)), (unsigned long long)least,
                     (unsigned long long)NUMBER_MAX);
}

struct status s3_number_param(struct s3_call *call, const char *name, uint64_t least,
                              uint64_t absent, uint64_t *ret_value) {
    struct slice text = s3_param(call, name);
    uint64_t value = absent;
    bool is_negative = slice_starts_with(text, SLICE("-"));
    if (text.len > 0 && !slice_parse_u64(slice_skip(text, is_negative), &value)) {
        return refuse_number(call, name, text, least, false);
    }
    if (value > NUMBER_MAX) return refuse_number(call, name, text, least, false);
    if ((is_negative && value > 0) || value < least) {
        return refuse_number(call, name, text, least, true);
    }
    *ret_value = value;
    return status_ok();
}

struct status s3_listing_parse(struct s3_call *call, const char *max_name, size_t max,
                               struct s3_listing *ret_listing) {
    struct s3_listing listing = {
        .prefix = s3_param(call, "prefix"),
        .delimiter = s3_param(call, "delimiter"),
    };
    uint64_t wanted;
    TRY(s3_number_param(call, max_name, 0, max, &wanted));
    listing.max = wanted < max ? (size_t)wanted : max;
    struct slice encoding = s3_param(call, "encoding-type");
    listing.is_url = slice_eq_nocase(encoding, SLICE("url"));
    if (encoding.len > 0 && !listing.is_url) {
        return s3_refuse_argument(call, "encoding-type", encoding,
                                  "Invalid Encoding Method specified in Request");
    }
    *ret_listing = listing;
    return status_ok();
}

/* ---- elements ----------------------------------------------------------------------------- */

static void write_encoded(struct xml_writer *writer, const char *element, struct slice name) {
    xml_open(writer, element);
    /* What this makes needs no escaping. */
    percent_encode(writer->buf, name, true);
    xml_close(writer, element);
}

void s3_listing_name(struct xml_writer *writer, const struct s3_listing *listing,
                     const char *element, struct slice name) {
    if (listing->is_url && name.len > 0) {
        write_encoded(writer, element, name);
    } else {
        xml_element(writer, element, name);
    }
}

void s3_listing_common_prefix(struct xml_writer *writer, const struct s3_listing *listing,
                              struct slice name) {
    xml_open(writer, "CommonPrefixes");
    s3_listing_name(writer, listing, "Prefix", name);
    xml_close(writer, "CommonPrefixes");
}

void s3_listing_person(struct xml_writer *writer, const char *element, struct slice id,
                       struct slice display_name) {
    xml_open(writer, element);
    xml_element(writer, "ID", id);
    xml_element(writer, "DisplayName", display_name);
    xml_close(writer, element);
}

/* ---- tokens ------------------------------------------------------------------------------- */

struct slice s3_token_encode(struct s3_call *call, enum s3_token_kind kind, struct slice name) {
    size_t cap = (name.len + 1) * 2;
    char *storage = arena_alloc(call->arena, cap);
    if (storage == NULL) return slice_of(NULL, 0);
    struct buf buf;
    char mark = (char)kind;
    buf_init_fixed(&buf, storage, cap);
    hex_encode(&buf, slice_of(&mark, 1));
    hex_encode(&buf, name);
    return buf_slice(&buf);
}

static bool token_parse(struct s3_call *call, enum s3_token_kind kind, struct slice token,
                        struct slice *ret_name) {
    size_t len = token.len / 2;
    if (len < 2 || len > OBJECT_KEY_MAX + 1) return false;
    char *bytes = arena_alloc(call->arena, len);
    if (bytes == NULL || !hex_decode(token, bytes, len)) return false;
    *ret_name = slice_of(bytes + 1, len - 1);
    return bytes[0] == (char)kind && utf8_is_valid(*ret_name);
}

struct status s3_token_decode(struct s3_call *call, enum s3_token_kind kind, struct slice token,
                              struct slice *ret_name) {
    struct slice name;
    bool good = token_parse(call, kind, token, &name);
    TRY(arena_ok(call->arena));
    if (!good) {
        return s3_refuse_argument(call, "continuation-token", token,
                                  "The continuation token provided is incorrect");
    }
    *ret_name = name;
    return status_ok();
}

void s3_listing_checksum(struct xml_writer *writer, const struct object_checksum *checksum) {
    if (!checksum->present) return;
    bool is_full = checksum->type == OBJECT_CHECKSUM_FULL;
    xml_element_str(writer, "ChecksumAlgorithm", checksum_name(checksum->value.kind));
    xml_element_str(writer, "ChecksumType", is_full ? "FULL_OBJECT" : "COMPOSITE");
}

struct status s3_listing_check_attributes(struct s3_call *call) {
    const char *name = "x-amz-optional-object-attributes";
    struct slice value = s3_header(call, name);
    /* Nothing here is ever being restored, so the attribute is left out, as S3 does then. */
    if (value.len == 0 || slice_eq(value, SLICE("RestoreStatus"))) return status_ok();
    return s3_refuse_argument(call, name, value, "Invalid attribute name specified");
}
