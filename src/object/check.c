#include "object/check.h"

#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/codec.h"
#include "blob/check.h"
#include "object/inner.h"

enum {
    ARENA_BLOCK = 64 * 1024,
    ARENA_MAX = 64 * 1024 * 1024,
    STEP_EVERY = 1024,
    NAME_TEXT_MAX = 80
};

/* What was counted in one partition. */
struct sums {
    int64_t objects;
    int64_t bytes;
    int64_t versions;
    int64_t version_bytes;
};

struct check {
    struct kv *kv;
    struct findings *findings;
    struct arena arena;        /* of one entry */
    struct tally incarnations; /* that the directory names */
    struct tally projects;     /* hashes of their ids, once a bucket */
    uint64_t entries;
    /* of the partition that is being looked at */
    struct kv_partition partition;
    char name[NAME_TEXT_MAX + 1]; /* of its bucket */
    struct sums sums;
    struct tally blobs;     /* references */
    struct tally manifests; /* references */
    struct tally uploads;   /* that are in progress */
};

/* Sees the entries of a table; `key` is whole. */
struct table {
    struct slice prefix;
    struct status (*entry)(struct check *check, struct slice key, struct slice value);
};

static struct status table_walk(struct check *check, struct kv_partition partition,
                                const struct table *table) {
    struct kv_cursor *cursor;
    bool found;
    TRY(kv_cursor_open(check->kv, partition, table->prefix, &cursor));
    struct status s = kv_cursor_seek(cursor, table->prefix, &found);
    while (is_ok(s) && found) {
        arena_reset(&check->arena);
        if (++check->entries % STEP_EVERY == 0) {
            findings_step(check->findings, "records", check->entries, 0);
        }
        s = table->entry(check, kv_cursor_key(cursor), kv_cursor_value(cursor));
        if (is_ok(s)) s = kv_cursor_next(cursor, &found);
    }
    kv_cursor_close(&cursor);
    return s;
}

static struct status value_get(struct check *check, struct kv_partition partition,
                               const struct key *key, struct slice *ret_value, bool *ret_found) {
    struct status s = kv_get(check->kv, partition, key_slice(key), &check->arena, ret_value);
    *ret_found = is_ok(s);
    return status_is(s, STATUS_NOT_FOUND) ? status_ok() : s;
}

static struct status batch_end(struct check *check, struct kv_partition partition,
                               struct kv_batch **batch) {
    struct status s = kv_commit(check->kv, partition, *batch, NULL);
    kv_batch_free(batch);
    return s;
}

/* A record that does not parse is one finding, and the check goes on. */
static struct status damaged(struct check *check, const char *what, struct slice key) {
    char storage[2 * KV_KEY_MAX + 1];
    struct buf text;
    buf_init_fixed(&text, storage, sizeof storage);
    hex_encode(&text, slice_take(key, 60));
    findings_say(check->findings, FINDING_RECORD, false, "bucket %s: %s is damaged (key %.*s)",
                 check->name, what, SLICE_FMT(buf_slice(&text)));
    return status_ok();
}

/* ---- references ---- */

static void content_count(struct check *check, const struct object_content *content) {
    if (content->kind == OBJECT_CONTENT_BLOB) tally_add(&check->blobs, content->id.bytes);
    if (content->kind == OBJECT_CONTENT_MANIFEST) tally_add(&check->manifests, content->id.bytes);
}

static struct status entry_object(struct check *check, struct slice key, struct slice value) {
    struct object_info info;
    if (!is_ok(record_decode_object(value, NULL, &info))) {
        return damaged(check, "the record of an object", key);
    }
    content_count(check, &info.content);
    check->sums.objects++;
    check->sums.bytes += object_own_bytes(&info);
    return status_ok();
}

static struct status entry_version(struct check *check, struct slice key, struct slice value) {
    struct object_info info;
    if (!is_ok(record_decode_object(value, NULL, &info))) {
        return damaged(check, "the record of a version", key);
    }
    content_count(check, &info.content);
    check->sums.versions++;
    check->sums.version_bytes += object_own_bytes(&info);
    return status_ok();
}

static struct status entry_upload(struct check *check, struct slice key, struct slice value) {
    struct slice object_key;
    struct key_id id;
    struct upload upload;
    bool right = is_ok(key_upload_parse(key, &check->arena, &object_key, &id)) &&
                 is_ok(record_decode_upload(value, NULL, &upload));
    if (!right) return damaged(check, "the record of an upload", key);
    tally_add(&check->uploads, id.bytes);
    return status_ok();
}

/* Parts whose upload nobody knows would never be freed: the mark of its end sees to that. */
static struct status part_end(struct check *check, struct key_id upload) {
    struct key mark = key_of_id(KEY_ENDED, upload);
    struct slice raw;
    TRY(record_encode_mark(0, &check->arena, &raw));
    struct kv_batch *batch = kv_batch_new();
    kv_batch_put(batch, key_slice(&mark), raw);
    return batch_end(check, check->partition, &batch);
}

static struct status entry_part(struct check *check, struct slice key, struct slice value) {
    struct key_id upload;
    uint32_t number;
    struct record_part part;
    bool right =
        is_ok(key_part_parse(key, &upload, &number)) && is_ok(record_decode_part(value, &part));
    if (!right) return damaged(check, "the record of a part", key);
    if (part.size > 0) tally_add(&check->blobs, part.blob.bytes);
    if (tally_take(&check->uploads, upload.bytes) > 0) return status_ok();
    struct key mark = key_of_id(KEY_ENDED, upload);
    struct slice unused;
    bool ended;
    TRY(value_get(check, check->partition, &mark, &unused, &ended));
    if (ended) return status_ok();
    if (check->findings->repair) TRY(part_end(check, upload));
    findings_say(check->findings, FINDING_LEAK, check->findings->repair,
                 "bucket %s: part %u belongs to an upload that is not there", check->name, number);
    return status_ok();
}

/* ---- manifests ---- */

/* What the partition says of one manifest, beside its record. */
struct standing {
    int64_t extra;
    bool is_candidate;
    uint32_t released;
};

static struct status standing_read(struct check *check, struct key_id id,
                                   struct standing *ret_standing) {
    struct key extra = key_of_id(KEY_MANIFEST_EXTRA, id);
    struct key garbage = key_of_id(KEY_MANIFEST_GARBAGE, id);
    struct standing standing = {0};
    struct slice value;
    bool found;
    TRY(value_get(check, check->partition, &extra, &value, &found));
    if (found) TRY(kv_counter_parse(value, &standing.extra));
    TRY(value_get(check, check->partition, &garbage, &value, &standing.is_candidate));
    if (standing.is_candidate) {
        TRY(record_decode_manifest_garbage(value, &standing.released));
    }
    *ret_standing = standing;
    return status_ok();
}

static struct status standing_mend(struct check *check, struct key_id id,
                                   const struct standing *standing, uint32_t references) {
    struct key extra = key_of_id(KEY_MANIFEST_EXTRA, id);
    struct key garbage = key_of_id(KEY_MANIFEST_GARBAGE, id);
    struct slice raw;
    TRY(record_encode_manifest_garbage(standing->released, &check->arena, &raw));
    struct kv_batch *batch = kv_batch_new();
    kv_batch_add(batch, key_slice(&extra), (int64_t)references - 1 - standing->extra, INT64_MIN,
                 INT64_MAX);
    if (references == 0) kv_batch_put(batch, key_slice(&garbage), raw);
    return batch_end(check, check->partition, &batch);
}

static struct status manifest_judge(struct check *check, struct key_id id,
                                    const struct standing *standing) {
    uint32_t references = tally_take(&check->manifests, id.bytes);
    bool counted = standing->extra + 1 == (int64_t)references;
    if (counted && (references > 0 || standing->is_candidate)) return status_ok();
    if (check->findings->repair) TRY(standing_mend(check, id, standing, references));
    if (references == 0) {
        findings_say(check->findings, FINDING_LEAK, check->findings->repair,
                     "bucket %s: nothing refers to a manifest, and it is not marked as garbage",
                     check->name);
    } else {
        findings_say(check->findings, FINDING_REFERENCE, check->findings->repair,
                     "bucket %s: a manifest has %u references, its counter says %lld", check->name,
                     references, (long long)standing->extra + 1);
    }
    return status_ok();
}

/* The parts of a manifest that is going are released one by one, the first ones first (O8). */
static struct status entry_manifest(struct check *check, struct slice key, struct slice value) {
    struct key_id id;
    struct record_manifest manifest;
    struct standing standing;
    bool right = is_ok(key_id_parse(key, 1, &id)) &&
                 is_ok(record_decode_manifest(value, &check->arena, &manifest));
    if (!right) return damaged(check, "a manifest", key);
    TRY(standing_read(check, id, &standing));
    for (size_t i = standing.extra < 0 ? standing.released : 0; i < manifest.count; i++) {
        const struct record_manifest_part *part = &manifest.parts[i];
        if (record_part_is_blob(part)) tally_add(&check->blobs, part->blob.bytes);
    }
    return manifest_judge(check, id, &standing);
}

static void manifests_missing(struct check *check) {
    size_t at = 0;
    for (const struct tally_entry *entry; (entry = tally_next(&check->manifests, &at));) {
        findings_say(check->findings, FINDING_LOST, false,
                     "bucket %s: the manifest of %u objects is not there", check->name,
                     entry->count);
    }
}

/* ---- counters ---- */

static struct status counter_check(struct check *check, struct kv_partition partition,
                                   const struct key *key, int64_t counted, const char *what) {
    struct slice value;
    int64_t count = 0;
    bool found;
    arena_reset(&check->arena);
    TRY(value_get(check, partition, key, &value, &found));
    if (found) TRY(kv_counter_parse(value, &count));
    if (count == counted) return status_ok();
    if (check->findings->repair) {
        struct kv_batch *batch = kv_batch_new();
        kv_batch_add(batch, key_slice(key), counted - count, INT64_MIN, INT64_MAX);
        TRY(batch_end(check, partition, &batch));
    }
    findings_say(check->findings, FINDING_COUNTER, check->findings->repair,
                 "%s: %lld are there, the counter says %lld", what, (long long)counted,
                 (long long)count);
    return status_ok();
}

static struct status counters_check(struct check *check) {
    const struct {
        enum key_counter which;
        int64_t counted;
        const char *what;
    } counters[] = {
        {KEY_COUNT_OBJECTS, check->sums.objects, "objects"},
        {KEY_COUNT_BYTES, check->sums.bytes, "bytes of objects"},
        {KEY_COUNT_VERSIONS, check->sums.versions, "noncurrent versions"},
        {KEY_COUNT_VERSION_BYTES, check->sums.version_bytes, "bytes of noncurrent versions"},
    };
    for (size_t i = 0; i < ARRAY_LEN(counters); i++) {
        char what[FINDINGS_TEXT_MAX / 2];
        struct key key = key_counter(counters[i].which);
        snprintf(what, sizeof what, "bucket %s: %s", check->name, counters[i].what);
        TRY(counter_check(check, check->partition, &key, counters[i].counted, what));
    }
    return status_ok();
}

/* ---- one partition ---- */

static struct status tables_walk(struct check *check) {
    static const struct {
        enum key_table table;
        struct status (*entry)(struct check *check, struct slice key, struct slice value);
    } tables[] = {
        {KEY_OBJECT, entry_object}, {KEY_VERSION, entry_version},   {KEY_UPLOAD, entry_upload},
        {KEY_PART, entry_part},     {KEY_MANIFEST, entry_manifest},
    };
    for (size_t i = 0; i < ARRAY_LEN(tables); i++) {
        struct key prefix = key_of_table(tables[i].table);
        TRY(table_walk(check, check->partition,
                       &(struct table){key_slice(&prefix), tables[i].entry}));
    }
    return status_ok();
}

/* A name for people: the bucket's, or the partition's id. */
static struct status name_find(struct check *check) {
    struct key key = key_epoch();
    struct record_epoch epoch;
    struct slice value;
    bool found;
    struct buf text;
    buf_init_fixed(&text, check->name, sizeof check->name - 1);
    hex_encode(&text, slice_of(check->partition.id, sizeof check->partition.id));
    check->name[text.len] = 0;
    arena_reset(&check->arena);
    TRY(value_get(check, check->partition, &key, &value, &found));
    if (!found) return status_ok();
    if (!is_ok(record_decode_epoch(value, check->partition, &epoch))) {
        return damaged(check, "the record of the bucket", key_slice(&key));
    }
    snprintf(check->name, sizeof check->name, "%.*s",
             SLICE_FMT(slice_take(epoch.bucket.name, NAME_TEXT_MAX)));
    return status_ok();
}

/* One that is being dropped loses its keys in any order, so only what holds then is compared. */
static struct status partition_check(struct check *check) {
    struct key pending = key_pending(check->partition);
    struct slice value;
    bool is_pending;
    check->sums = (struct sums){0};
    TRY(name_find(check));
    arena_reset(&check->arena);
    TRY(value_get(check, kv_partition_system, &pending, &value, &is_pending));
    if (is_pending) return status_ok();
    if (tally_take(&check->incarnations, check->partition.id) == 0) {
        findings_say(check->findings, FINDING_DIRECTORY, false,
                     "partition %s has records, and no name leads there", check->name);
    }
    TRY(tables_walk(check));
    manifests_missing(check);
    TRY(blob_check(check->kv, check->partition, &check->blobs, check->findings));
    return counters_check(check);
}

/* ---- the directory ---- */

/* The name of a bucket in its project: there is one of each bucket. */
static struct status entry_account_name(struct check *check, struct slice key, struct slice value) {
    struct kv_partition incarnation;
    struct record_epoch epoch;
    struct key epoch_key = key_epoch();
    struct slice raw;
    bool found;
    uint8_t hash[TALLY_ID_LEN];
    if (!is_ok(record_decode_name(value, &incarnation))) {
        return damaged(check, "a name in the directory", key);
    }
    TRY(value_get(check, incarnation, &epoch_key, &raw, &found));
    if (!found || !is_ok(record_decode_epoch(raw, incarnation, &epoch))) {
        findings_say(check->findings, FINDING_DIRECTORY, false,
                     "a name of the directory leads to a bucket that is not there");
        return status_ok();
    }
    tally_add(&check->incarnations, incarnation.id);
    tally_hash(epoch.bucket.project_id.ptr, epoch.bucket.project_id.len, hash);
    tally_add(&check->projects, hash);
    return status_ok();
}

static struct status entry_s3_name(struct check *check, struct slice key, struct slice value) {
    struct kv_partition incarnation;
    if (!is_ok(record_decode_name(value, &incarnation))) {
        return damaged(check, "a name in the directory", key);
    }
    if (tally_take(&check->incarnations, incarnation.id) > 0) return status_ok();
    findings_say(check->findings, FINDING_DIRECTORY, false,
                 "an S3 name leads to a bucket that no project has");
    return status_ok();
}

static struct status entry_bucket_count(struct check *check, struct slice key, struct slice value) {
    struct slice project = slice_skip(key, 2);
    struct key counter = key_bucket_count(project);
    char what[FINDINGS_TEXT_MAX / 2];
    uint8_t hash[TALLY_ID_LEN];
    (void)value;
    tally_hash(project.ptr, project.len, hash);
    snprintf(what, sizeof what, "project %.*s: buckets", SLICE_FMT(slice_take(project, 80)));
    return counter_check(check, kv_partition_system, &counter,
                         (int64_t)tally_take(&check->projects, hash), what);
}

static struct status directory_walk(struct check *check) {
    static const struct {
        enum key_directory table;
        struct status (*entry)(struct check *check, struct slice key, struct slice value);
    } tables[] = {
        {KEY_ACCOUNT_NAME, entry_account_name},
        {KEY_S3_NAME, entry_s3_name},
        {KEY_BUCKET_COUNT, entry_bucket_count},
    };
    snprintf(check->name, sizeof check->name, "(the directory)");
    for (size_t i = 0; i < ARRAY_LEN(tables); i++) {
        struct key prefix = key_of_directory(tables[i].table);
        TRY(table_walk(check, kv_partition_system,
                       &(struct table){key_slice(&prefix), tables[i].entry}));
    }
    return status_ok();
}

/* ---- the check ---- */

static struct status partitions_walk(struct check *check, struct object_partitions *partitions) {
    struct kv_partition partition = {{0}};
    for (;;) {
        bool found;
        TRY(partitions->find(partitions, &partition, &found));
        if (!found) return status_ok();
        check->partition = partition;
        if (!kv_partition_eq(partition, kv_partition_system)) {
            tally_init(&check->blobs);
            tally_init(&check->manifests);
            tally_init(&check->uploads);
            struct status s = partition_check(check);
            tally_fini(&check->blobs);
            tally_fini(&check->manifests);
            tally_fini(&check->uploads);
            TRY(s);
        }
        size_t i = KV_PARTITION_LEN;
        while (i > 0 && ++partition.id[i - 1] == 0) i--;
        if (i == 0) return status_ok();
    }
}

struct status object_check(struct kv *kv, struct object_partitions *partitions,
                           struct findings *findings) {
    struct check check = {.kv = kv, .findings = findings};
    arena_init(&check.arena, ARENA_BLOCK, ARENA_MAX);
    tally_init(&check.incarnations);
    tally_init(&check.projects);
    struct status s = directory_walk(&check);
    if (is_ok(s)) s = partitions_walk(&check, partitions);
    tally_fini(&check.incarnations);
    tally_fini(&check.projects);
    arena_fini(&check.arena);
    return s;
}
