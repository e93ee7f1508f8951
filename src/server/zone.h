/*
 * zone.h - the configuration as the doors want it: regions, their policies, the services
 *
 *     zone_init ── zone_region*, zone_swift_region* ── zone_fini
 *
 * Threads: does not change once it is made; any number may read it.
 */
#ifndef SERVER_ZONE_H
#define SERVER_ZONE_H

#include "s3/call.h"
#include "server/config.h"
#include "swift/call.h"

struct zone {
    struct s3_service service;
    const struct config *config;
    struct s3_region *regions;  /* in the order of config->regions */
    struct s3_policy *policies; /* of all regions, one region behind the other */
    struct swift_service swift;
    struct swift_region *swift_regions; /* in the same order, as are the names of their policies */
    struct slice *swift_policies;
};

/* Owns: the zone's arrays, until zone_fini; what it is given must outlive it. */
void zone_init(struct zone *zone, const struct config *config, struct object_store *objects,
               struct identity *identity);

/* Lets people log in at /auth/v1.0; NULL: nobody. */
void zone_set_tempauth(struct zone *zone, struct tempauth *tempauth);

/* Gives the arrays back; a zone of zeros is allowed. */
void zone_fini(struct zone *zone);

/* The region that an endpoint leads to. */
const struct s3_region *zone_region(const struct zone *zone,
                                    const struct config_endpoint *endpoint);

/* The same for Swift. */
const struct swift_region *zone_swift_region(const struct zone *zone,
                                             const struct config_endpoint *endpoint);

#endif
