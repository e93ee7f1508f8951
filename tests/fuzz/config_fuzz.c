/* Any bytes as a configuration file: refused with one line, or a configuration that holds. */
#include <stdlib.h>

#include "base/check.h"
#include "server/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What must be true of every configuration that was accepted. */
static void check_config(const struct config *config) {
    CHECK(config->server.data_dir != NULL && config->server.admin_socket != NULL);
    CHECK(config->limits.workers_without_body < config->limits.workers);
    CHECK(config->endpoint_count > 0 && config->listener_count > 0);
    for (size_t i = 0; i < config->region_count; i++) {
        const struct config_region *region = &config->regions[i];
        CHECK(config_region_offers(region, slice_str(region->default_policy)));
        for (size_t j = 0; j < region->policies.count; j++) {
            CHECK(config_policy_find(config, slice_str(region->policies.items[j])) != NULL);
        }
    }
    for (size_t i = 0; i < config->listener_count; i++) {
        struct slice bucket;
        bool website;
        CHECK(config->listeners[i].endpoint_count > 0);
        const struct config_endpoint *endpoint = config_endpoint_find(
            &config->listeners[i], SLICE("bucket.localhost"), &bucket, &website);
        CHECK(endpoint == NULL || endpoint->region != NULL);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct config *config = NULL;
    struct note note = {0};
    struct status s = config_parse("f", slice_of(data, size), &note, &config);
    if (is_ok(s)) {
        check_config(config);
        config_free(&config);
    } else {
        CHECK(config == NULL && note.text[0] != 0);
        CHECK(slice_find_char(slice_str(note.text), '\n') == strlen(note.text));
    }
    return 0;
}
