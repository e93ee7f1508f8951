/*
 * zone.h - the configuration as the S3 door wants it: regions, their policies, the service
 *
 *     zone_init ── zone_region* ── zone_fini
 *
 * Threads: does not change once it is made; any number may read it.
 */
#ifndef SERVER_ZONE_H
#define SERVER_ZONE_H

#include "s3/call.h"
#include "server/config.h"

struct zone {
    struct s3_service service;
    const struct config *config;
    struct s3_region *regions;  /* in the order of config->regions */
    struct s3_policy *policies; /* of all regions, one region behind the other */
};

/* Owns: the zone's arrays, until zone_fini; what it is given must outlive it. */
void zone_init(struct zone *zone, const struct config *config, struct object_store *objects,
               struct identity *identity);

/* Gives the arrays back; a zone of zeros is allowed. */
void zone_fini(struct zone *zone);

/* The region that an endpoint leads to. */
const struct s3_region *zone_region(const struct zone *zone,
                                    const struct config_endpoint *endpoint);

#endif
