/* The check of a store that is not served: records against space, pieces against checksums. */
#include <stdlib.h>

#include "base/check.h"
#include "base/codec.h"
#include "engine/data_move.h"
#include "engine/data_store.h"
#include "kv/driver.h"

enum { ID_TEXT_CAP = 2 * BLOB_ID_LEN + 1, MARK_ARENA_BLOCK = 1024, MARK_ARENA_MAX = 4 << 20 };

/* The units that records name, drive by drive and volume by volume. */
struct named_space {
    struct extent_map *maps; /* of volume n maps[n - 1] */
    uint32_t count;
};

struct check {
    struct data_visitor visitor;
    struct data_store *store;
    struct findings *findings;
    bool blocks;
    struct named_space spaces[DRIVE_NUMBER_MAX + 1];
    uint64_t blobs;
    uint64_t bytes_done;  /* read of blocks */
    uint64_t bytes_total; /* in use on all drives */
    uint64_t lacking;     /* blobs short of pieces */
};

static const char *id_text(struct blob_id id, char out[ID_TEXT_CAP]) {
    struct buf text;
    buf_init_fixed(&text, out, ID_TEXT_CAP);
    hex_encode(&text, slice_of(id.bytes, BLOB_ID_LEN));
    out[ID_TEXT_CAP - 1] = 0;
    return out;
}

/* ---- space ---- */

static void spaces_begin(struct check *check) {
    struct data_drive drive;
    for (uint32_t n = 0; data_drive_next(check->store, n, &drive); n = drive.number + 1) {
        struct named_space *space = &check->spaces[drive.number];
        struct volumes *volumes = data_volumes_to_read(check->store, drive.number);
        check->bytes_total += drive.space.in_use;
        if (!volumes) continue;
        space->count = volumes->count;
        space->maps = calloc(space->count + 1, sizeof *space->maps);
        CHECK(space->maps);
        for (uint32_t i = 0; i < space->count; i++) {
            extent_map_init(&space->maps[i], volumes_units(volumes, i + 1));
            CHECK(extent_map_take(&space->maps[i], 0, 1)); /* its header */
        }
    }
}

static void spaces_end(struct check *check) {
    for (uint32_t n = 0; n <= DRIVE_NUMBER_MAX; n++) {
        struct named_space *space = &check->spaces[n];
        for (uint32_t i = 0; i < space->count; i++) extent_map_fini(&space->maps[i]);
        free(space->maps);
    }
}

/* Whether the extents of a piece are there, and nobody else's. */
static bool piece_has_its_space(struct check *check, const struct piece *piece) {
    struct named_space *space = &check->spaces[piece->drive];
    bool right = true;
    for (size_t e = 0; piece->volumes && e < piece->count; e++) {
        const struct extent *extent = &piece->spans[e].extent;
        right &= extent->volume <= space->count &&
                 extent_map_take(&space->maps[extent->volume - 1], extent->start, extent->count);
    }
    return right;
}

/* Units that are in use, and no record names them: by the map of moved bodies (B11), as all else
 * is found from the records at the open. Only a checkpoint changes that map. */
static void leaks_find(struct check *check) {
    for (uint32_t n = 1; n <= DRIVE_NUMBER_MAX; n++) {
        struct named_space *space = &check->spaces[n];
        struct volumes *volumes = data_volumes_to_read(check->store, n);
        uint64_t leaked = 0;
        for (uint32_t i = 0; volumes && i < space->count; i++) {
            leaked += volumes_leaked(volumes, i + 1, &space->maps[i]);
        }
        if (leaked == 0) continue;
        findings_say(check->findings, FINDING_LEAK, false,
                     "drive %u: %llu units of 4 KiB are in use, and no record names them", n,
                     (unsigned long long)leaked);
    }
}

/* ---- one blob ---- */

/* Blocks that are wrong, and of these those that could be made right. */
struct block_count {
    uint64_t wrong;
    uint64_t mended;
};

/* Looks at a block; one that is wrong is read as a client would, which writes it again. */
static void block_look(struct check *check, struct data_blocks *blocks, uint64_t stripe,
                       unsigned piece, unsigned char *block, struct block_count *count) {
    check->bytes_done += layout_cell(&blocks->blob->layout, stripe);
    if (is_ok(data_block_check(blocks, stripe, piece))) return;
    count->wrong++;
    if (!check->findings->repair) return;
    if (!is_ok(data_block_get(blocks, stripe, piece, block))) return;
    count->mended += is_ok(data_block_check(blocks, stripe, piece));
}

/* Whether the stripe can be had, from whichever pieces; nothing is written. */
static bool stripe_is_there(struct data_blocks *blocks, uint64_t stripe, unsigned char *block) {
    for (unsigned i = 0; i < blocks->blob->layout.data; i++) {
        if (is_ok(data_block_check(blocks, stripe, i))) continue;
        if (!is_ok(data_block_rebuild(blocks, stripe, i, block))) return false;
    }
    return true;
}

static void tables_look(struct check *check, struct data_blocks *blocks,
                        struct block_count *count) {
    const struct data_blob *blob = blocks->blob;
    for (uint64_t group = 0; group < layout_last_group(&blob->layout); group++) {
        for (unsigned i = 0; i < layout_pieces(&blob->layout); i++) {
            if (!blob->pieces[i].volumes || is_ok(data_table_check(blocks, i, group))) continue;
            count->wrong++;
            count->mended += check->findings->repair && is_ok(data_table_mend(blocks, i, group));
        }
    }
}

static void blocks_look(struct check *check, struct data_blob *blob) {
    char text[ID_TEXT_CAP];
    struct data_blocks blocks;
    struct block_count count = {0};
    uint64_t lost = 0;
    unsigned char *block = aligned_alloc(EXTENT_UNIT, LAYOUT_BLOCK);
    CHECK(block);
    data_blocks_init(&blocks, check->store, blob);
    tables_look(check, &blocks, &count);
    for (uint64_t stripe = 0; stripe < layout_stripes(&blob->layout); stripe++) {
        uint64_t before = count.wrong - count.mended;
        for (unsigned i = 0; i < layout_pieces(&blob->layout); i++) {
            if (!blob->pieces[i].volumes) continue;
            block_look(check, &blocks, stripe, i, block, &count);
        }
        /* With every block right only missing pieces can make it unreadable: that is seen below. */
        if (count.wrong - count.mended > before) lost += !stripe_is_there(&blocks, stripe, block);
        findings_step(check->findings, "blocks", check->bytes_done, check->bytes_total);
    }
    data_blocks_fini(&blocks);
    free(block);
    if (count.wrong > 0) {
        findings_say(check->findings, FINDING_BLOCK, count.mended == count.wrong,
                     "blob %s: %llu of its blocks are wrong", id_text(blob->id, text),
                     (unsigned long long)count.wrong);
    }
    if (lost > 0) {
        findings_say(check->findings, FINDING_LOST, false,
                     "blob %s: %llu of its stripes can't be read from any pieces",
                     id_text(blob->id, text), (unsigned long long)lost);
    }
}

static void pieces_look(struct check *check, struct data_blob *blob) {
    char text[ID_TEXT_CAP];
    unsigned readable = 0;
    for (unsigned i = 0; i < layout_pieces(&blob->layout); i++) {
        const struct piece *piece = &blob->pieces[i];
        readable += piece->volumes != NULL;
        if (piece_has_its_space(check, piece)) continue;
        findings_say(check->findings, FINDING_OVERLAP, false,
                     "blob %s: space of its piece %u on drive %u is another's too, or not there",
                     id_text(blob->id, text), i, piece->drive);
    }
    check->lacking += data_blob_is_short(check->store, blob);
    if (readable < blob->layout.data) {
        findings_say(check->findings, FINDING_LOST, false,
                     "blob %s of %llu bytes: only %u of the %u pieces that it needs are on drives "
                     "that are there",
                     id_text(blob->id, text), (unsigned long long)blob->layout.size, readable,
                     blob->layout.data);
    } else if (check->blocks) {
        blocks_look(check, blob);
    }
}

static bool visit_check(struct data_visitor *visitor, struct kv_partition partition,
                        struct blob_id id, struct slice value) {
    struct check *check = CONTAINER_OF(visitor, struct check, visitor);
    char text[ID_TEXT_CAP];
    Engine__BlobRecord *record = data_record_parse(value);
    check->blobs++;
    if (!record) {
        findings_say(check->findings, FINDING_RECORD, false, "the record of blob %s is damaged",
                     id_text(id, text));
    } else if (record->striped) {
        struct data_blob blob;
        data_blob_init(&blob, check->store, partition, id, record);
        pieces_look(check, &blob);
        data_blob_fini(&blob);
    }
    data_record_free(record);
    return true;
}

/* ---- marks without a record ---- */

static struct status is_there(struct data_store *store, struct kv_partition partition,
                              enum blob_key_kind kind, struct blob_id id, bool *ret_there) {
    struct blob_key key = blob_key_make(kind, id);
    struct arena arena;
    struct slice value;
    arena_init(&arena, MARK_ARENA_BLOCK, MARK_ARENA_MAX);
    struct status s = kv_get(store->store.kv, partition, blob_key_slice(&key), &arena, &value);
    arena_fini(&arena);
    *ret_there = is_ok(s);
    return status_is(s, STATUS_NOT_FOUND) ? status_ok() : s;
}

static struct status mark_remove(struct data_store *store, struct kv_partition partition,
                                 enum blob_key_kind kind, struct blob_id id) {
    struct blob_key mark = blob_key_make(kind, id);
    struct blob_key record = blob_key_make(BLOB_KEY_RECORD, id);
    struct kv_batch *batch = kv_batch_new();
    kv_batch_guard_absent(batch, blob_key_slice(&record));
    kv_batch_delete(batch, blob_key_slice(&mark));
    struct status s = kv_commit(store->store.kv, partition, batch, NULL);
    kv_batch_free(&batch);
    return s;
}

/* A candidate is taken off by the next collection, and its counter with it. */
static struct status mark_look(struct check *check, struct kv_partition partition,
                               enum blob_key_kind kind, struct blob_id id) {
    bool there;
    bool candidate;
    char text[ID_TEXT_CAP];
    TRY(is_there(check->store, partition, BLOB_KEY_RECORD, id, &there));
    if (there) return status_ok();
    TRY(is_there(check->store, partition, BLOB_KEY_GARBAGE, id, &candidate));
    if (candidate) return status_ok();
    if (check->findings->repair) TRY(mark_remove(check->store, partition, kind, id));
    findings_say(check->findings, FINDING_LEAK, check->findings->repair,
                 "the mark '%c' of blob %s has no record beside it", (char)kind, id_text(id, text));
    return status_ok();
}

static struct status marks_look(struct check *check, struct kv_partition partition,
                                enum blob_key_kind kind) {
    const char prefix[] = {BLOB_KEY_PREFIX, (char)kind};
    struct kv_cursor *cursor;
    bool found;
    TRY(kv_cursor_open(check->store->store.kv, partition, slice_of(prefix, sizeof prefix),
                       &cursor));
    struct status s = kv_cursor_seek(cursor, slice_of(prefix, sizeof prefix), &found);
    while (is_ok(s) && found) {
        struct slice key = kv_cursor_key(cursor);
        struct blob_id id;
        if (key.len == BLOB_KEY_LEN) {
            memcpy(id.bytes, key.ptr + 2, sizeof id.bytes);
            s = mark_look(check, partition, kind, id);
        }
        if (is_ok(s)) s = kv_cursor_next(cursor, &found);
    }
    kv_cursor_close(&cursor);
    return s;
}

static struct status all_marks_look(struct check *check) {
    static const enum blob_key_kind kinds[] = {BLOB_KEY_EXTRA, BLOB_KEY_PLACED, BLOB_KEY_SHORT};
    struct kv *kv = check->store->store.kv;
    struct kv_partition partition = {{0}};
    for (bool more = true; more; more = data_partition_next(&partition)) {
        bool found;
        TRY(kv->ops->partition_find(kv, partition, &found, &partition));
        if (!found) break;
        if (kv_partition_eq(partition, kv_partition_system)) continue; /* has other keys there */
        for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
            TRY(marks_look(check, partition, kinds[i]));
        }
    }
    return status_ok();
}

/* ---- the check ---- */

static struct status lacking_mend(struct check *check) {
    if (check->lacking == 0) return status_ok();
    uint64_t left = check->lacking;
    if (check->findings->repair) {
        struct data_stats stats;
        findings_step(check->findings, "repair", 0, 0);
        TRY(data_repair(check->store, true));
        data_stats_read(check->store, &stats);
        left = stats.blobs_lacking;
    }
    if (check->lacking > left) {
        findings_say(
            check->findings, FINDING_SHORT, true,
            "%llu blobs were short of pieces, or had them on drives that are out of service",
            (unsigned long long)(check->lacking - left));
    }
    if (left > 0) {
        findings_say(
            check->findings, FINDING_SHORT, false,
            "%llu blobs are short of pieces, or have them on drives that are out of service",
            (unsigned long long)left);
    }
    return status_ok();
}

static struct status check_steps(struct check *check) {
    data_move_flush(check->store); /* what was deleted is free after it */
    spaces_begin(check);
    TRY(data_walk(check->store, (struct data_position){0}, DATA_WALK_ALL, &check->visitor));
    TRY(all_marks_look(check));
    leaks_find(check);
    return lacking_mend(check);
}

struct status data_check(struct data_store *store, bool blocks, struct findings *findings) {
    struct check *check = calloc(1, sizeof *check);
    CHECK(check);
    check->visitor.visit = visit_check;
    check->store = store;
    check->findings = findings;
    check->blocks = blocks;
    struct status s = check_steps(check);
    spaces_end(check);
    free(check);
    return s;
}
