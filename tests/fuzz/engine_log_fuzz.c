/* The payload of a group with any bytes: it is refused, or replayed; and any block as a header. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "engine/log_format.h"
#include "engine/meta_inside.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char *bytes = malloc(size + 1);
    CHECK(bytes);
    if (size > 0) memcpy(bytes, data, size);
    struct log_header header;
    if (size >= LOG_HEADER_LEN && log_header_parse(bytes, 7, &header)) {
        CHECK(header.part < header.part_count);
    }
    struct layer *layer = layer_new();
    struct status s = meta_changes_replay(slice_of(bytes, size), 1, layer);
    CHECK(is_ok(s) || status_is(s, STATUS_CORRUPT));
    size_t names = 0;
    for (const struct layer_node *n = layer_first(layer); n; n = layer_next(n)) {
        CHECK(layer_node_name(n).len > KV_PARTITION_LEN);
        names++;
    }
    CHECK(names == layer_count(layer));
    layer_free(&layer);
    free(bytes);
    return 0;
}
