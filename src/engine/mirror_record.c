#include "engine/mirror_record.h"

#include <string.h>

#include "engine/bytes.h"
#include "engine/checksum.h"

enum { RECORD_MAGIC = 0x31626d68 /* "hmb1" */, RECORD_FORMAT = 1, AT_MEMBERS = 72 };

void mirror_record_encode(const struct mirror_record *record, char *out) {
    memset(out, 0, MIRROR_RECORD_BYTES);
    bytes_put_u32(out, RECORD_MAGIC);
    bytes_put_u32(out + 8, RECORD_FORMAT);
    bytes_put_u32(out + 12, record->count);
    memcpy(out + 16, record->store.bytes, MIRROR_ID_LEN);
    memcpy(out + 32, record->own.bytes, MIRROR_ID_LEN);
    bytes_put_u64(out + 48, record->serial);
    bytes_put_u64(out + 56, record->epoch);
    bytes_put_u64(out + 64, (uint64_t)record->written_ns);
    for (unsigned i = 0; i < record->count; i++) {
        memcpy(out + AT_MEMBERS + (size_t)i * MIRROR_ID_LEN, record->members[i].bytes,
               MIRROR_ID_LEN);
    }
    bytes_put_u32(out + 4, checksum_crc32c(0, out + 8, MIRROR_RECORD_BYTES - 8));
}

bool mirror_record_parse(const char *bytes, struct mirror_record *ret_record) {
    if (bytes_get_u32(bytes) != RECORD_MAGIC || bytes_get_u32(bytes + 8) != RECORD_FORMAT ||
        bytes_get_u32(bytes + 4) != checksum_crc32c(0, bytes + 8, MIRROR_RECORD_BYTES - 8)) {
        return false;
    }
    struct mirror_record record = {
        .serial = bytes_get_u64(bytes + 48),
        .epoch = bytes_get_u64(bytes + 56),
        .written_ns = (int64_t)bytes_get_u64(bytes + 64),
        .count = bytes_get_u32(bytes + 12),
    };
    if (record.count > MIRROR_COPIES_MAX) return false;
    memcpy(record.store.bytes, bytes + 16, MIRROR_ID_LEN);
    memcpy(record.own.bytes, bytes + 32, MIRROR_ID_LEN);
    for (unsigned i = 0; i < record.count; i++) {
        memcpy(record.members[i].bytes, bytes + AT_MEMBERS + (size_t)i * MIRROR_ID_LEN,
               MIRROR_ID_LEN);
    }
    *ret_record = record;
    return true;
}

bool mirror_id_eq(const struct mirror_id *a, const struct mirror_id *b) {
    return memcmp(a->bytes, b->bytes, MIRROR_ID_LEN) == 0;
}

bool mirror_record_has(const struct mirror_record *record, const struct mirror_id *id) {
    for (unsigned i = 0; i < record->count; i++) {
        if (mirror_id_eq(&record->members[i], id)) return true;
    }
    return false;
}

bool mirror_record_serves(const struct mirror_record *record) {
    return record->epoch > 0 && mirror_record_has(record, &record->own);
}
