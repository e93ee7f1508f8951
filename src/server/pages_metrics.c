/* What the connections, the store and the process have to tell, beside the requests. */
#include <stdio.h>
#include <unistd.h>

#include "base/check.h"
#include "base/date.h"
#include "engine/data.h"
#include "engine/meta.h"
#include "engine/mirror.h"
#include "server/pages.h"

/* A figure of a struct of uint64_t. */
struct figure {
    const char *name;
    const char *type;
    const char *help;
    size_t offset;
};

static void render_figures(struct buf *out, const struct figure *figures, size_t count,
                           const void *values) {
    for (size_t i = 0; i < count; i++) {
        uint64_t value = *(const uint64_t *)((const char *)values + figures[i].offset);
        metrics_render_value(out, figures[i].name, figures[i].type, figures[i].help, value);
    }
}

#define NET(name, type, help, field) \
    { "hink_" name, type, help, offsetof(struct net_stats, field) }
static const struct figure net_figures[] = {
    NET("connections_open", "gauge", "Connections open now.", connections_open),
    NET("connections_idle", "gauge", "Kept, and waiting for a request.", connections_idle),
    NET("connections_head", "gauge", "With a request head coming in.", connections_head),
    NET("connections_queued", "gauge", "With a request that waits for a worker.",
        connections_queued),
    NET("connections_active", "gauge", "Being served.", connections_active),
    NET("connections_lingering", "gauge", "Answered, and being drained.", connections_lingering),
    NET("connections_accepted_total", "counter", "Connections accepted.", accepted),
    NET("connections_refused_total", "counter", "Refused: too many were open.",
        refused_connections),
    NET("requests_refused_queue_total", "counter", "Refused: too many waited for a worker.",
        refused_queue),
    NET("requests_refused_memory_total", "counter", "Refused: the memory for heads was used up.",
        refused_memory),
    NET("head_timeouts_total", "counter", "Request heads that took too long.", head_timeouts),
    NET("idle_timeouts_total", "counter", "Kept connections closed for being idle.", idle_timeouts),
    NET("io_timeouts_total", "counter", "Bodies that stood still or were too slow.", io_timeouts),
    NET("handshakes_total", "counter", "PROXY headers and TLS handshakes.", handshakes),
    NET("handshakes_failed_total", "counter", "Of these, failed.", handshakes_failed),
    NET("network_received_bytes_total", "counter", "Bytes of bodies as they came.", bytes_in),
    NET("network_sent_bytes_total", "counter", "Bytes of answers, heads included.", bytes_out),
    NET("workers", "gauge", "Worker threads.", workers),
    NET("workers_busy", "gauge", "Worker threads that serve a request.", workers_busy),
    NET("workers_with_body", "gauge", "Of these, with a body.", body_workers),
    NET("head_memory_bytes", "gauge", "Memory of heads that are coming in.", head_memory_bytes),
    NET("body_memory_bytes", "gauge", "Memory given out for bodies.", body_memory_bytes),
};

#define KV(name, type, help, field) \
    { "hink_store_" name, type, help, offsetof(struct kv_stats, field) }
static const struct figure kv_figures[] = {
    KV("records", "gauge", "Records, roughly.", entries),
    KV("records_disk_bytes", "gauge", "What they take on the drive.", bytes_on_disk),
    KV("commits_total", "counter", "Batches of records made durable.", commits),
    KV("commit_groups_total", "counter", "Synced writes that they shared.", commit_groups),
    KV("commit_conflicts_total", "counter", "Batches refused by a guard.", conflicts),
};

#define BLOB(name, type, help, field) \
    { "hink_store_" name, type, help, offsetof(struct blob_stats, field) }
static const struct figure blob_figures[] = {
    BLOB("free_bytes", "gauge", "Space left on the drives.", bytes_free),
    BLOB("size_bytes", "gauge", "Size of the drives.", bytes_total),
    BLOB("corrupt_blocks_total", "counter", "Blocks that did not match their checksum.",
         corrupt_blocks),
    BLOB("collected_blobs_total", "counter", "Blobs whose space was given back.", collected_blobs),
};

#define OBJECT(name, type, help, field) \
    { "hink_" name, type, help, offsetof(struct object_store_stats, field) }
static const struct figure object_figures[] = {
    OBJECT("tidied_blobs_total", "counter", "Blobs freed by the housekeeping.", tidied_blobs),
    OBJECT("tidied_buckets_total", "counter", "Deleted buckets whose rest was removed.",
           tidied_buckets),
    OBJECT("commit_retries_total", "counter", "Changes made again because of a race.",
           commit_retries),
};

#define DATA(name, type, help, field) \
    { "hink_store_" name, type, help, offsetof(struct data_stats, field) }
static const struct figure data_figures[] = {
    DATA("blocks_repaired_total", "counter", "Blocks made again while a reader waited.",
         blocks_repaired),
    DATA("blobs_short_total", "counter", "Blobs written with fewer pieces than their policy has.",
         blobs_short),
    DATA("repair_blobs", "gauge", "Blobs seen by the present pass of the repair, or the last.",
         repair.blobs_done),
    DATA("repair_bytes", "gauge", "Bytes it has read.", repair.bytes_done),
    DATA("repaired_pieces_total", "counter", "Lost pieces made again.", repair.repaired),
    DATA("repair_failed", "gauge", "Blobs that it could not make whole.", repair.failed),
    DATA("scrub_blobs", "gauge", "Blobs seen by the present scrub, or the last.", scrub.blobs_done),
    DATA("scrub_bytes", "gauge", "Bytes it has read.", scrub.bytes_done),
    DATA("scrub_repaired_total", "counter", "Blocks that scrubs made again.", scrub.repaired),
    DATA("scrub_failed", "gauge", "Damaged blobs that it could not repair.", scrub.failed),
    DATA("pieces", "gauge", "Pieces of blobs on drives.", pieces),
    DATA("pieces_short", "gauge", "Of these, on drives that don't serve or are being emptied.",
         pieces_short),
    DATA("blobs_lacking", "gauge",
         "Blobs that could not be made whole when all were looked at last.", blobs_lacking),
    DATA("overlaps_total", "counter", "Extents that two records name.", overlaps),
};

#define META(name, type, help, field) \
    { "hink_metadata_" name, type, help, offsetof(struct meta_stats, field) }
static const struct figure meta_figures[] = {
    META("checkpoints_total", "counter", "Moves of records from the log into the index.",
         checkpoints),
    META("checkpoint_nanoseconds", "gauge", "How long the last one took.", checkpoint_ns),
    META("slowed_total", "counter", "Commits that had to wait for a checkpoint.", slowed),
    META("refused_total", "counter", "Commits refused because they would have waited too long.",
         refused),
    META("layers_bytes", "gauge", "Records in memory that are not in the index yet.", layers_bytes),
    META("log_used_bytes", "gauge", "Of the log, not in the index yet.", log_used_bytes),
    META("log_file_bytes", "gauge", "The log's file.", log_file_bytes),
    META("index_file_bytes", "gauge", "The index's file.", index_file_bytes),
    META("index_live_bytes", "gauge", "Of these, in use.", index_live_bytes),
    META("cache_bytes", "gauge", "Pages of the index in memory.", cache_bytes),
};

/* A figure of one drive. */
struct drive_figure {
    const char *name;
    const char *help;
    size_t offset;
};

#define DRIVE(name, help, field) \
    { "hink_drive_" name, help, offsetof(struct data_drive, field) }
static const struct drive_figure drive_figures[] = {
    DRIVE("size_bytes", "Size of the drive.", space.total),
    DRIVE("used_bytes", "What blobs take on it.", space.in_use),
    DRIVE("free_bytes", "What blobs may still take.", space.usable),
    DRIVE("reserved_bytes", "Promised to small objects that are still in the log.", space.reserved),
    DRIVE("pieces", "Pieces of blobs that lie there.", pieces),
    DRIVE("pieces_short", "Of these, to be made elsewhere.", pieces_short),
    DRIVE("errors", "Failed calls and wrong blocks since the start.", errors),
};

/* Backslash, quote and line end, as the format wants them. */
static void append_label(struct buf *out, const char *text) {
    for (; *text; text++) {
        if (*text == '\\' || *text == '"') buf_append_char(out, '\\');
        if (*text == '\n') {
            buf_append_str(out, "\\n");
        } else {
            buf_append_char(out, *text);
        }
    }
}

static void render_drive(struct buf *out, const char *name, const struct data_drive *drive,
                         uint64_t value) {
    buf_printf(out, "%s{drive=\"%u\",path=\"", name, drive->number);
    append_label(out, drive->path);
    buf_printf(out, "\",media=\"%s\"} %llu\n", drive_media_text(drive->media),
               (unsigned long long)value);
}

static void render_each_drive(struct data_store *data, struct buf *out) {
    struct data_drive drive;
    for (size_t i = 0; i < ARRAY_LEN(drive_figures); i++) {
        const struct drive_figure *figure = &drive_figures[i];
        buf_printf(out, "# HELP %s %s\n# TYPE %s gauge\n", figure->name, figure->help,
                   figure->name);
        for (uint32_t n = 0; data_drive_next(data, n, &drive); n = drive.number + 1) {
            render_drive(out, figure->name, &drive,
                         *(const uint64_t *)((const char *)&drive + figure->offset));
        }
    }
    buf_printf(out,
               "# HELP hink_drive_in_service 1 while the drive serves.\n"
               "# TYPE hink_drive_in_service gauge\n");
    for (uint32_t n = 0; data_drive_next(data, n, &drive); n = drive.number + 1) {
        render_drive(out, "hink_drive_in_service", &drive, drive.state == DRIVE_SERVING);
    }
}

static void render_policy(struct buf *out, const char *name, const char *policy, uint64_t value) {
    buf_printf(out, "%s{policy=\"", name);
    append_label(out, policy);
    buf_printf(out, "\"} %llu\n", (unsigned long long)value);
}

static void render_each_policy(struct data_store *data, struct buf *out) {
    struct data_policy_space space;
    buf_printf(out,
               "# HELP hink_policy_free_bytes What objects may still take, on drives that "
               "policies share.\n# TYPE hink_policy_free_bytes gauge\n");
    for (size_t i = 0; data_policy_space_read(data, i, &space); i++) {
        render_policy(out, "hink_policy_free_bytes", space.name, space.free);
    }
    buf_printf(out,
               "# HELP hink_policy_small_bytes What small objects take in volumes, in all "
               "copies.\n# TYPE hink_policy_small_bytes gauge\n");
    for (size_t i = 0; data_policy_space_read(data, i, &space); i++) {
        render_policy(out, "hink_policy_small_bytes", space.name, space.small);
    }
}

/* What is configured, and whether a pass is under way. */
static void render_passes(const struct config_limits *limits, const struct data_stats *data,
                          struct buf *out) {
    metrics_render_value(out, "hink_store_repair_running", "gauge", "1 while repair looks.",
                         data->repair.running);
    metrics_render_value(out, "hink_store_repair_rate_bytes", "gauge",
                         "Bytes a second that it may read; 0: no limit.",
                         limits->repair_rate_bytes);
    metrics_render_value(out, "hink_store_scrub_running", "gauge", "1 while a scrub is begun.",
                         data->scrub.running);
    metrics_render_value(out, "hink_store_scrub_stopped", "gauge",
                         "1 while a scrub is stopped by hand.", data->scrub_paused);
    metrics_render_value(out, "hink_store_scrub_rate_bytes", "gauge",
                         "Bytes a second that it may read; 0: no limit.", limits->scrub_rate_bytes);
    metrics_render_value(out, "hink_store_scrub_interval_seconds", "gauge",
                         "From the end of a scrub to the next; 0: never by itself.",
                         (uint64_t)(limits->scrub_interval_ns / NS_PER_S));
    metrics_render_value(out, "hink_store_scrub_ended_seconds", "gauge",
                         "When the last scrub ended, since 1970.",
                         (uint64_t)(data->scrub.ended_ns / NS_PER_S));
}

/* How many of the drives are in service, and how many are not. */
static void render_drives(struct data_store *data, struct buf *out) {
    struct data_drive drive;
    uint64_t serving = 0;
    uint64_t others = 0;
    for (uint32_t n = 0; data_drive_next(data, n, &drive); n = drive.number + 1) {
        if (drive.state == DRIVE_SERVING) {
            serving++;
        } else {
            others++;
        }
    }
    metrics_render_value(out, "hink_drives_serving", "gauge", "Drives in service.", serving);
    metrics_render_value(out, "hink_drives_out_of_service", "gauge",
                         "Drives that are missing, failed or otherwise not used.", others);
}

/* One figure of each copy of the metadata. */
static void render_copies(struct mirror *mirror, const struct figure *figure, struct buf *out) {
    buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", figure->name, figure->help, figure->name,
               figure->type);
    for (size_t i = 0; i < mirror_count(mirror); i++) {
        struct mirror_copy copy;
        mirror_copy_read(mirror, i, &copy);
        uint64_t value = *(const uint64_t *)((const char *)&copy + figure->offset);
        buf_printf(out, "%s{copy=\"%s\"} %llu\n", figure->name, copy.name,
                   (unsigned long long)value);
    }
}

#define COPY(name, type, help, field) \
    { "hink_metadata_" name, type, help, offsetof(struct mirror_copy, field) }
static const struct figure copy_figures[] = {
    COPY("filled_bytes", "gauge", "Bytes copied to a copy that is being filled.", filled_bytes),
    COPY("fill_bytes", "gauge", "Bytes that it will have.", fill_bytes),
    COPY("mended_total", "counter", "Places read wrong and put right from another copy.", mended),
};

/* The copies of the metadata: which state each is in, how far it is filled. */
static void render_metadata(struct mirror *mirror, struct buf *out) {
    metrics_render_value(out, "hink_metadata_copies", "gauge",
                         "Copies of the metadata that there are to be.", mirror_count(mirror));
    metrics_render_value(out, "hink_metadata_copies_serving", "gauge", "Of these, in service.",
                         mirror_serving(mirror, true));
    metrics_render_value(out, "hink_metadata_epoch", "gauge",
                         "How often the set of copies in service has changed.",
                         mirror_epoch(mirror));
    buf_append_str(out,
                   "# HELP hink_metadata_copy_state 1 for the state that a copy is in.\n"
                   "# TYPE hink_metadata_copy_state gauge\n");
    for (size_t i = 0; i < mirror_count(mirror); i++) {
        struct mirror_copy copy;
        mirror_copy_read(mirror, i, &copy);
        buf_printf(out, "hink_metadata_copy_state{copy=\"%s\",state=\"%s\"} 1\n", copy.name,
                   mirror_state_text(copy.state));
    }
    for (size_t i = 0; i < ARRAY_LEN(copy_figures); i++) {
        render_copies(mirror, &copy_figures[i], out);
    }
}

static uint64_t resident_bytes(void) {
    unsigned long long size = 0, resident = 0;
    FILE *file = fopen("/proc/self/statm", "re");
    if (file == NULL) return 0;
    if (fscanf(file, "%llu %llu", &size, &resident) != 2) resident = 0;
    fclose(file);
    return resident * (uint64_t)sysconf(_SC_PAGESIZE);
}

static void render_store(const struct pages *pages, struct buf *out) {
    struct kv_stats kv = {0};
    struct blob_stats blob = {0};
    struct object_store_stats object = {0};
    struct data_stats data = {0};
    struct meta_stats meta = {0};
    struct note note;
    uint64_t reduced = 0;
    kv_stats_read(engine_kv(pages->engine), &kv);
    blob_stats_read(engine_blob(pages->engine), &blob);
    object_store_stats_read(pages->objects, &object);
    for (size_t i = 0; i < pages->config->policy_count; i++) {
        if (engine_redundancy_note(pages->engine, i, &note)) reduced++;
    }
    metrics_render_value(out, "hink_store_healthy", "gauge", "1 while writes are taken.",
                         is_ok(engine_health(pages->engine, &note)));
    metrics_render_value(out, "hink_policies_reduced", "gauge",
                         "Storage policies kept with fewer copies than they promise.", reduced);
    render_figures(out, kv_figures, ARRAY_LEN(kv_figures), &kv);
    render_figures(out, blob_figures, ARRAY_LEN(blob_figures), &blob);
    data_stats_read(engine_data(pages->engine), &data);
    render_figures(out, data_figures, ARRAY_LEN(data_figures), &data);
    render_passes(&pages->config->limits, &data, out);
    render_drives(engine_data(pages->engine), out);
    render_metadata(engine_mirror(pages->engine), out);
    render_each_drive(engine_data(pages->engine), out);
    render_each_policy(engine_data(pages->engine), out);
    engine_meta_stats_read(pages->engine, &meta);
    render_figures(out, meta_figures, ARRAY_LEN(meta_figures), &meta);
    render_figures(out, object_figures, ARRAY_LEN(object_figures), &object);
}

static void render_remote(const struct remote *remote, struct buf *out) {
    struct remote_counts counts;
    remote_count(remote, &counts);
    metrics_render_value(out, "hink_keystone_up", "gauge", "1 unless Keystone did not answer last.",
                         !counts.is_away);
    metrics_render_value(out, "hink_keystone_hits_total", "counter",
                         "Keys, tokens and names answered out of the cache.", counts.hits);
    metrics_render_value(out, "hink_keystone_asks_total", "counter",
                         "Keys, tokens and names that Keystone was asked about.", counts.asks);
    metrics_render_value(out, "hink_keystone_failures_total", "counter",
                         "Of these, without an answer.", counts.failures);
}

void pages_metrics(const struct pages *pages, struct net_server *net, struct buf *out) {
    struct net_stats stats;
    net_server_stats(net, &stats);
    buf_printf(out,
               "# HELP hink_info Version and zone.\n# TYPE hink_info gauge\n"
               "hink_info{version=\"%s\",zone=\"%s\"} 1\n",
               HINK_VERSION, pages->config->server.zone);
    metrics_render(pages->metrics, out);
    render_figures(out, net_figures, ARRAY_LEN(net_figures), &stats);
    render_store(pages, out);
    if (pages->remote != NULL) render_remote(pages->remote, out);
    metrics_render_value(out, "process_resident_memory_bytes", "gauge", "Resident memory.",
                         resident_bytes());
}
