#include "server/admin_store.h"

#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/codec.h"
#include "base/date.h"
#include "engine/data.h"
#include "engine/meta.h"
#include "engine/mirror.h"

struct request {
    const struct admin *admin;
    struct data_store *data;
    const struct json *json;
    struct json_writer *writer;
    struct note *note;
};

static struct status need(const struct request *r, const char *name, struct slice *ret_text) {
    *ret_text = json_get_string(r->json, name);
    if (ret_text->len > 0) return status_ok();
    return note_status(r->note, STATUS_INVALID, "the request needs \"%s\"", name);
}

static struct status need_path(const struct request *r, char path[DRIVE_PATH_MAX]) {
    struct slice text;
    TRY(need(r, "path", &text));
    if (text.len >= DRIVE_PATH_MAX || memchr(text.ptr, 0, text.len)) {
        return note_status(r->note, STATUS_INVALID, "that is no path of a drive");
    }
    snprintf(path, DRIVE_PATH_MAX, "%.*s", SLICE_FMT(text));
    return status_ok();
}

static struct status need_drive(const struct request *r, uint32_t *ret_number) {
    struct slice word;
    TRY(need(r, "name", &word));
    if (data_drive_find(r->data, word, ret_number)) return status_ok();
    return note_status(r->note, STATUS_NOT_FOUND,
                       "there is no drive '%.*s'; hink drive list has their numbers and paths",
                       SLICE_FMT(slice_take(word, 200)));
}

static bool flag(const struct request *r, const char *name) {
    bool yes = false;
    return json_bool(json_get(r->json, name), &yes) && yes;
}

static void write_date(struct json_writer *w, const char *name, int64_t time_ns) {
    char text[DATE_TEXT_CAP];
    if (time_ns == 0) return;
    date_format_iso_ms(time_ns, text);
    json_member_str(w, name, text);
}

/* ---- drives ---- */

static void write_drive(struct json_writer *w, const struct data_drive *drive) {
    char storage[2 * DRIVE_ID_LEN + 1];
    struct buf id;
    buf_init_fixed(&id, storage, sizeof storage);
    hex_encode(&id, slice_of(drive->id.bytes, DRIVE_ID_LEN));
    json_begin_object(w);
    json_member_u64(w, "number", drive->number);
    json_member_str(w, "path", drive->path);
    json_member_string(w, "id", buf_slice(&id));
    json_member_str(w, "media", drive_media_text(drive->media));
    json_member_str(w, "state", data_drive_word(drive));
    json_member_bool(w, "serving", drive->state == DRIVE_SERVING);
    json_member_bool(w, "draining", drive->draining);
    if (drive->successor != 0) json_member_u64(w, "successor", drive->successor);
    json_member_u64(w, "size_bytes", drive->space.total);
    json_member_u64(w, "used_bytes", drive->space.in_use);
    json_member_u64(w, "free_bytes", drive->space.usable);
    json_member_u64(w, "pieces", drive->pieces);
    json_member_u64(w, "pieces_short", drive->pieces_short);
    json_member_u64(w, "errors", drive->errors);
    json_member_str(w, "detail", drive->line.text);
    json_end_object(w);
}

static struct status drive_list(const struct request *r) {
    struct data_drive drive;
    json_key(r->writer, "items");
    json_begin_array(r->writer);
    for (uint32_t n = 0; data_drive_next(r->data, n, &drive); n = drive.number + 1) {
        write_drive(r->writer, &drive);
    }
    json_end_array(r->writer);
    return status_ok();
}

/* The drive that was worked on, as it is now, and whether anybody works for it. */
static struct status drive_show(const struct request *r, uint32_t number) {
    struct data_drive drive;
    if (data_drive_next(r->data, number, &drive) && drive.number == number) {
        json_key(r->writer, "drive");
        write_drive(r->writer, &drive);
    }
    json_member_bool(r->writer, "server", r->admin->serving);
    return status_ok();
}

/* The medium that is asked for, or the one that all drives have. */
static struct status media_find(const struct request *r, enum drive_media *ret_media) {
    struct slice word = json_get_string(r->json, "media");
    struct data_drive drive;
    bool seen[2] = {false, false};
    if (word.len > 0) {
        if (drive_media_parse(word, ret_media)) return status_ok();
        return note_status(r->note, STATUS_INVALID, "a medium is hdd or ssd");
    }
    for (uint32_t n = 0; data_drive_next(r->data, n, &drive); n = drive.number + 1) {
        seen[drive.media] = true;
        *ret_media = drive.media;
    }
    if (seen[DRIVE_SSD] != seen[DRIVE_HDD]) return status_ok();
    return note_status(r->note, STATUS_INVALID,
                       "say --media hdd or --media ssd: this store has drives of both");
}

static struct status drive_add(const struct request *r) {
    char path[DRIVE_PATH_MAX];
    enum drive_media media = DRIVE_HDD;
    uint32_t number;
    TRY(need_path(r, path));
    TRY(media_find(r, &media));
    TRY(data_drive_add(r->data, path, media, r->note, &number));
    return drive_show(r, number);
}

static struct status drive_drain(const struct request *r) {
    uint32_t number;
    TRY(need_drive(r, &number));
    TRY(data_drive_drain(r->data, number, !flag(r, "stop")));
    return drive_show(r, number);
}

static struct status drive_replace(const struct request *r) {
    char path[DRIVE_PATH_MAX];
    uint32_t number;
    uint32_t fresh;
    TRY(need_path(r, path));
    TRY(need_drive(r, &number));
    TRY(data_drive_replace(r->data, number, path, r->note, &fresh));
    return drive_show(r, fresh);
}

static struct status drive_remove(const struct request *r) {
    uint32_t number;
    TRY(need_drive(r, &number));
    return data_drive_remove(r->data, number, flag(r, "lose_data"), r->note);
}

/* ---- repair and scrub ---- */

static void write_progress(struct json_writer *w, const struct data_progress *progress) {
    json_member_bool(w, "running", progress->running);
    json_member_u64(w, "blobs", progress->blobs_done);
    json_member_u64(w, "bytes", progress->bytes_done);
    json_member_u64(w, "repaired", progress->repaired);
    json_member_u64(w, "failed", progress->failed);
    write_date(w, "started", progress->started_ns);
    if (!progress->running) write_date(w, "ended", progress->ended_ns);
}

static const char *scrub_word(const struct data_stats *stats) {
    if (stats->scrub_paused) return "stopped";
    if (stats->scrub.running) return "running";
    return stats->scrub.started_ns == 0 ? "never" : "done";
}

static void write_scrub(const struct request *r) {
    struct data_stats stats;
    uint64_t used = 0;
    struct data_drive drive;
    data_stats_read(r->data, &stats);
    for (uint32_t n = 0; data_drive_next(r->data, n, &drive); n = drive.number + 1) {
        used += drive.space.in_use;
    }
    json_key(r->writer, "scrub");
    json_begin_object(r->writer);
    json_member_str(r->writer, "state", scrub_word(&stats));
    write_progress(r->writer, &stats.scrub);
    json_member_u64(r->writer, "bytes_total", used);
    json_end_object(r->writer);
}

static struct status scrub_status(const struct request *r) {
    write_scrub(r);
    return status_ok();
}

static struct status scrub_start(const struct request *r) {
    if (!r->admin->serving) {
        return note_status(r->note, STATUS_UNSUPPORTED,
                           "no server runs; hink check looks at a store that is stopped");
    }
    data_scrub_start(r->data);
    write_scrub(r);
    return status_ok();
}

static struct status scrub_stop(const struct request *r) {
    data_scrub_stop(r->data);
    write_scrub(r);
    return status_ok();
}

/* ---- the store ---- */

/* The copies of the metadata, each with its state. */
static void write_copies(const struct request *r) {
    struct mirror *mirror = engine_mirror(r->admin->engine);
    struct json_writer *w = r->writer;
    json_key(w, "copies");
    json_begin_array(w);
    for (size_t i = 0; i < mirror_count(mirror); i++) {
        struct mirror_copy copy;
        mirror_copy_read(mirror, i, &copy);
        json_begin_object(w);
        json_member_str(w, "name", copy.name);
        json_member_str(w, "path", copy.path);
        json_member_str(w, "state", mirror_state_text(copy.state));
        json_member_str(w, "line", copy.line.text);
        json_member_u64(w, "filled_bytes", copy.filled_bytes);
        json_member_u64(w, "fill_bytes", copy.fill_bytes);
        json_member_u64(w, "mended", copy.mended);
        json_end_object(w);
    }
    json_end_array(w);
}

static void write_metadata(const struct request *r) {
    struct meta_stats stats;
    struct kv_stats kv;
    struct json_writer *w = r->writer;
    engine_meta_stats_read(r->admin->engine, &stats);
    kv_stats_read(engine_kv(r->admin->engine), &kv);
    json_key(w, "metadata");
    json_begin_object(w);
    json_member_u64(w, "records", kv.entries);
    json_member_u64(w, "checkpoints", stats.checkpoints);
    json_member_u64(w, "checkpoint_ms", stats.checkpoint_ns / NS_PER_MS);
    json_member_u64(w, "slowed", stats.slowed);
    json_member_u64(w, "refused", stats.refused);
    json_member_u64(w, "layers_bytes", stats.layers_bytes);
    json_member_u64(w, "log_used_bytes", stats.log_used_bytes);
    json_member_u64(w, "log_file_bytes", stats.log_file_bytes);
    json_member_u64(w, "index_file_bytes", stats.index_file_bytes);
    json_member_u64(w, "index_live_bytes", stats.index_live_bytes);
    json_member_u64(w, "cache_bytes", stats.cache_bytes);
    write_copies(r);
    json_end_object(w);
}

static struct status store_status(const struct request *r) {
    struct data_stats stats;
    struct blob_stats blob;
    struct note health = {0};
    struct json_writer *w = r->writer;
    data_stats_read(r->data, &stats);
    blob_stats_read(engine_blob(r->admin->engine), &blob);
    json_member_bool(w, "server", r->admin->serving);
    json_member_bool(w, "healthy", is_ok(engine_health(r->admin->engine, &health)));
    if (!health.text[0]) IGNORE_STATUS(data_health(r->data, &health)); /* its line is enough */
    json_member_str(w, "health", health.text);
    json_member_u64(w, "size_bytes", blob.bytes_total);
    json_member_u64(w, "free_bytes", blob.bytes_free);
    json_member_u64(w, "pieces", stats.pieces);
    json_member_u64(w, "pieces_short", stats.pieces_short);
    json_member_u64(w, "objects_lacking", stats.blobs_lacking);
    json_member_u64(w, "corrupt_blocks", blob.corrupt_blocks);
    json_member_u64(w, "blocks_repaired", stats.blocks_repaired);
    json_key(w, "repair");
    json_begin_object(w);
    write_progress(w, &stats.repair);
    json_end_object(w);
    write_scrub(r);
    write_metadata(r);
    return drive_list(r);
}

static const struct {
    const char *op;
    struct status (*run)(const struct request *r);
} operations[] = {
    {"drive.list", drive_list},     {"drive.add", drive_add},
    {"drive.drain", drive_drain},   {"drive.replace", drive_replace},
    {"drive.remove", drive_remove}, {"scrub.status", scrub_status},
    {"scrub.start", scrub_start},   {"scrub.stop", scrub_stop},
    {"store.status", store_status},
};

struct status admin_store_run(const struct admin *admin, struct slice op,
                              const struct json *request, struct json_writer *writer,
                              struct note *note, bool *ret_known) {
    for (size_t i = 0; i < ARRAY_LEN(operations); i++) {
        if (!slice_eq(op, slice_str(operations[i].op))) continue;
        *ret_known = true;
        if (!admin->engine) return note_status(note, STATUS_UNSUPPORTED, "there is no store");
        struct request r = {admin, engine_data(admin->engine), request, writer, note};
        return operations[i].run(&r);
    }
    *ret_known = false;
    return status_ok();
}
