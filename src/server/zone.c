#include "server/zone.h"

#include <stdlib.h>

#include "base/check.h"
#include "server/decision_log.h"
#include "server/session.h"

/* Fills in one region; `policies` is where its policies go. How many there are. */
static size_t region_init(struct s3_region *region, const struct config_region *from,
                          struct s3_policy *policies) {
    for (size_t i = 0; i < from->policies.count; i++) {
        policies[i].name = slice_str(from->policies.items[i]);
    }
    *region = (struct s3_region){.name = slice_str(from->name),
                                 .policies = policies,
                                 .policy_count = from->policies.count,
                                 .default_policy = slice_str(from->default_policy),
                                 .replicated = from->replicated};
    return from->policies.count;
}

static size_t swift_region_init(struct swift_region *region, const struct config_region *from,
                                struct slice *policies) {
    for (size_t i = 0; i < from->policies.count; i++) {
        policies[i] = slice_str(from->policies.items[i]);
    }
    *region = (struct swift_region){.name = slice_str(from->name),
                                    .policies = policies,
                                    .policy_count = from->policies.count,
                                    .default_policy = slice_str(from->default_policy),
                                    .replicated = from->replicated};
    return from->policies.count;
}

static void swift_init(struct zone *zone, const struct config *config, size_t policy_count) {
    size_t next = 0;
    zone->swift_regions = calloc(config->region_count, sizeof *zone->swift_regions);
    zone->swift_policies = calloc(policy_count, sizeof *zone->swift_policies);
    CHECK(zone->swift_regions != NULL && zone->swift_policies != NULL);
    for (size_t i = 0; i < config->region_count; i++) {
        next += swift_region_init(&zone->swift_regions[i], &config->regions[i],
                                  zone->swift_policies + next);
    }
    zone->swift = (struct swift_service){.objects = zone->service.objects,
                                         .identity = zone->service.identity,
                                         .buckets_per_project = config->limits.buckets_per_project,
                                         .decide = session_swift_decide};
}

void zone_init(struct zone *zone, const struct config *config, struct object_store *objects,
               struct identity *identity) {
    size_t policy_count = 0;
    for (size_t i = 0; i < config->region_count; i++) {
        policy_count += config->regions[i].policies.count;
    }
    zone->config = config;
    zone->regions = calloc(config->region_count, sizeof *zone->regions);
    zone->policies = calloc(policy_count, sizeof *zone->policies);
    CHECK(zone->regions != NULL && zone->policies != NULL);
    size_t next = 0;
    for (size_t i = 0; i < config->region_count; i++) {
        next += region_init(&zone->regions[i], &config->regions[i], zone->policies + next);
    }
    zone->service = (struct s3_service){.objects = objects,
                                        .regions = zone->regions,
                                        .region_count = config->region_count,
                                        .buckets_per_project = config->limits.buckets_per_project,
                                        .identity = identity,
                                        .allow_sigv2 = config->server.sigv2,
                                        .object_ownership = config->server.object_ownership,
                                        .block_public_access = config->server.block_public_access,
                                        .decided = decision_log};
    swift_init(zone, config, policy_count);
}

void zone_fini(struct zone *zone) {
    free(zone->regions);
    free(zone->policies);
    free(zone->swift_regions);
    free(zone->swift_policies);
    *zone = (struct zone){0};
}

const struct s3_region *zone_region(const struct zone *zone,
                                    const struct config_endpoint *endpoint) {
    return &zone->regions[endpoint->region - zone->config->regions];
}

const struct swift_region *zone_swift_region(const struct zone *zone,
                                             const struct config_endpoint *endpoint) {
    return &zone->swift_regions[endpoint->region - zone->config->regions];
}

void zone_set_tempauth(struct zone *zone, struct tempauth *tempauth) {
    zone->swift.tempauth = tempauth;
}
