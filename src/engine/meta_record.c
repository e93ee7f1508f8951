/* The payload of a group in the log: its changes, one behind the other. */
#include "engine/bytes.h"
#include "engine/meta_inside.h"

enum { CHANGE_HEADER_LEN = 8 + KV_PARTITION_LEN };

/* One change: key length, a zero, value length (0: deleted), partition, key, value. */
void meta_change_encode(struct log_buffer *buffer, struct kv_partition partition, struct slice key,
                        struct slice value) {
    char *at = log_buffer_add(buffer, CHANGE_HEADER_LEN + key.len + value.len);
    bytes_put_u16(at, (uint16_t)key.len);
    bytes_put_u16(at + 2, 0);
    bytes_put_u32(at + 4, (uint32_t)value.len);
    memcpy(at + 8, partition.id, KV_PARTITION_LEN);
    memcpy(at + CHANGE_HEADER_LEN, key.ptr, key.len);
    if (value.len > 0) memcpy(at + CHANGE_HEADER_LEN + key.len, value.ptr, value.len);
}

struct status meta_changes_replay(struct slice payload, uint64_t sequence, struct layer *layer) {
    while (payload.len > 0) {
        if (payload.len < CHANGE_HEADER_LEN) return status_of(STATUS_CORRUPT);
        size_t key_len = bytes_get_u16(payload.ptr);
        size_t value_len = bytes_get_u32(payload.ptr + 4);
        size_t len = CHANGE_HEADER_LEN + key_len + value_len;
        if (key_len == 0 || key_len > KV_KEY_MAX || value_len > KV_VALUE_MAX || len > payload.len) {
            return status_of(STATUS_CORRUPT);
        }
        /* Partition and key lie together as the name does. */
        struct slice name = slice_of(payload.ptr + 8, KV_PARTITION_LEN + key_len);
        layer_set(layer, sequence, name,
                  slice_of(payload.ptr + CHANGE_HEADER_LEN + key_len, value_len));
        payload = slice_skip(payload, len);
    }
    return status_ok();
}
