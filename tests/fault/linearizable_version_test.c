/*
 * Concurrent calls on the versions of a key (puts under conditions, deletes, deletes of versions
 * and of markers, gets by version) answer as if they had come one after the other, with versioning
 * enabled and suspended; and what is listed in the end is in that order.
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/check.h"
#include "object/config.h"
#include "object/list.h"
#include "support/linear.h"
#include "support/loose_kv.h"
#include "support/upload.h"

enum {
    THREADS = 5,
    KEYS = 2,
    CALLS_EACH = 4, /* of a thread on a key; a get and a list follow */
    FIRST = 63,     /* the number of what was there before versioning: the null version */
    NUMBERS = 64,
    ENTRIES_MAX = LINEAR_STATE_MAX - 1,
    ROUNDS_MEM = 200,
    ROUNDS_ENGINE = 12,
    ROUNDS_BROKEN = 200 /* at most; the first few are enough */
};

_Static_assert(THREADS *CALLS_EACH < FIRST, "every call has a number of its own");
_Static_assert(THREADS *CALLS_EACH + 1 <= ENTRIES_MAX, "every version has its place");

/* ---- the model ------------------------------------------------------------------------------ */

enum kind {
    PUT,
    PUT_IF_ABSENT,
    PUT_IF_MATCH,
    DELETE, /* a marker */
    DELETE_IF_MATCH,
    DELETE_VERSION,
    DELETE_NULL,
    GET,
    GET_VERSION,
    GET_NULL,
    KIND_COUNT,
    LIST /* in the end, when nothing moves */
};

static const char *const kind_names[] = {"put",
                                         "put if absent",
                                         "put if match",
                                         "delete",
                                         "delete if match",
                                         "delete version",
                                         "delete null",
                                         "get",
                                         "get version",
                                         "get null",
                                         "",
                                         "list"};

/* A version: the number of the call that made it, and what it is. */
enum { NUMBER_BITS = 0x3f, MARKER = 0x40, NULL_ONE = 0x80 };

/* The versions of a key, the newest first. */
struct state {
    uint8_t count;
    uint8_t entries[ENTRIES_MAX];
};

struct call {
    struct linear_call linear;
    enum kind kind;
    int key;
    bool suspended;   /* the bucket's versioning is */
    uint8_t number;   /* what it makes, if it makes one */
    uint8_t expected; /* by a condition */
    uint8_t target;   /* the version that is named, by its number */
    struct status outcome;
    uint8_t seen; /* gets: the number, MARKER, or 0 for nothing; deletes: whether it was there */
    struct state found; /* LIST */
};

static bool answered(const struct call *call, enum status_code code) {
    return status_is(call->outcome, code);
}

static void remove_at(struct state *state, int at) {
    memmove(state->entries + at, state->entries + at + 1, (size_t)(state->count - at - 1));
    state->entries[--state->count] = 0;
}

/* Where the version is that has these bits, of those in `mask`; -1: nowhere. */
static int find(const struct state *state, uint8_t mask, uint8_t bits) {
    for (int i = 0; i < state->count; i++) {
        if ((state->entries[i] & mask) == bits) return i;
    }
    return -1;
}

/* With versioning suspended what is new takes the place of the null version, at the top. */
static void push(const struct call *call, struct state *state, uint8_t flags) {
    int null_at = find(state, NULL_ONE, NULL_ONE);
    if (call->suspended && null_at >= 0) remove_at(state, null_at);
    memmove(state->entries + 1, state->entries, state->count);
    state->entries[0] = (uint8_t)(call->number | flags | (call->suspended ? NULL_ONE : 0));
    state->count++;
}

/* The number of the object that there is; 0: none, or a marker is on top. */
static uint8_t current(const struct state *state) {
    bool is_object = state->count > 0 && (state->entries[0] & MARKER) == 0;
    return is_object ? state->entries[0] & NUMBER_BITS : 0;
}

static bool step_if_match(const struct call *call, struct state *state, uint8_t flags) {
    if (current(state) == 0) return answered(call, STATUS_NOT_FOUND);
    if (current(state) != call->expected) return answered(call, STATUS_PRECONDITION);
    push(call, state, flags);
    return answered(call, STATUS_OK);
}

static bool step_remove(const struct call *call, struct state *state, int at) {
    if (at >= 0) remove_at(state, at);
    return answered(call, STATUS_OK) && call->seen == (at >= 0);
}

static bool step_read(const struct call *call, const struct state *state, int at) {
    uint8_t there = at < 0 ? 0 : state->entries[at];
    there = (there & MARKER) != 0 ? MARKER : there & NUMBER_BITS;
    return answered(call, STATUS_OK) && call->seen == there;
}

static bool step(const struct linear_call *linear, void *opaque) {
    const struct call *call = (const struct call *)linear; /* its first member */
    struct state *state = opaque;
    switch (call->kind) {
        case PUT_IF_ABSENT:
            if (current(state) != 0) return answered(call, STATUS_PRECONDITION);
            push(call, state, 0);
            return answered(call, STATUS_OK);
        case PUT:
            push(call, state, 0);
            return answered(call, STATUS_OK);
        case PUT_IF_MATCH:
            return step_if_match(call, state, 0);
        case DELETE_IF_MATCH:
            return step_if_match(call, state, MARKER);
        case DELETE:
            push(call, state, MARKER);
            return answered(call, STATUS_OK);
        case DELETE_VERSION:
            return step_remove(call, state, find(state, NUMBER_BITS, call->target));
        case DELETE_NULL:
            return step_remove(call, state, find(state, NULL_ONE, NULL_ONE));
        case GET:
            return answered(call, STATUS_OK) && call->seen == current(state);
        case GET_VERSION:
            return step_read(call, state, find(state, NUMBER_BITS, call->target));
        case GET_NULL:
            return step_read(call, state, find(state, NULL_ONE, NULL_ONE));
        case LIST:
            return answered(call, STATUS_OK) && memcmp(&call->found, state, sizeof *state) == 0;
        case KIND_COUNT:
            break;
    }
    return false;
}

static const struct linear_model model = {sizeof(struct state), step};

/* ---- the calls ------------------------------------------------------------------------------ */

struct target {
    struct object_store *store;
    struct bucket bucket;
    bool suspended;
    char keys[KEYS][32];
    struct object_version_id ids[KEYS][NUMBERS];
    _Atomic uint64_t known[KEYS]; /* a bit for each number whose id stands in `ids` */
    _Atomic uint64_t ticks;
    pthread_barrier_t start;
};

static struct slice key_of(const struct target *target, const struct call *call) {
    return slice_str(target->keys[call->key]);
}

/* The ETag of a version, and its bytes, are its number as text. */
static struct slice text_of(uint8_t number, struct arena *arena) {
    return arena_printf(arena, "%u", number);
}

static uint8_t number_of(struct slice text) {
    uint64_t number;
    return slice_parse_u64(text, &number) && number < NUMBERS ? (uint8_t)number : NUMBERS;
}

/* The number of the marker with that id. */
static uint8_t number_of_id(struct target *target, int key, struct object_version_id id) {
    uint64_t known = atomic_load(&target->known[key]);
    for (uint8_t i = 0; i < NUMBERS; i++) {
        bool is_known = (known >> i & 1) != 0;
        if (is_known && memcmp(&target->ids[key][i], &id, sizeof id) == 0) return i;
    }
    return 0;
}

static void publish(struct target *target, const struct call *call, struct object_version_id id) {
    target->ids[call->key][call->number] = id;
    atomic_fetch_or(&target->known[call->key], UINT64_C(1) << call->number);
}

struct if_match {
    struct object_condition condition;
    struct slice etag;
};

static struct status judge_match(const struct object_condition *condition,
                                 const struct object_info *there) {
    if (!there) return status_of(STATUS_NOT_FOUND);
    const struct if_match *wanted = (const struct if_match *)condition; /* its first member */
    return slice_eq(there->etag, wanted->etag) ? status_ok() : status_of(STATUS_PRECONDITION);
}

static struct status judge_absent(const struct object_condition *condition,
                                  const struct object_info *there) {
    (void)condition;
    return there ? status_of(STATUS_PRECONDITION) : status_ok();
}

static struct status call_put(struct target *target, const struct call *call,
                              const struct object_condition *condition, struct arena *arena) {
    struct slice text = text_of(call->number, arena);
    const struct object_put wanted = {.key = key_of(target, call), .size_hint = text.len};
    const struct object_seal seal = {.etag = text, .condition = condition};
    struct object_info info;
    struct object_writer *writer;
    TRY(object_writer_begin(target->store, &target->bucket, &wanted, NULL, &writer));
    struct status s = object_writer_write(writer, text);
    if (!is_ok(s)) {
        object_writer_abort(&writer);
        return s;
    }
    TRY(object_writer_commit(&writer, &seal, arena, &info));
    publish(target, call, info.version);
    return status_ok();
}

static struct status call_delete(struct target *target, struct call *call,
                                 const struct object_version *version,
                                 const struct object_condition *condition) {
    struct object_deleted deleted = {0};
    const struct object_deletion deletion = {
        .key = key_of(target, call), .version = *version, .condition = condition};
    TRY(object_delete_version(target->store, &target->bucket, &deletion, &deleted));
    call->seen = deleted.found;
    bool makes = version->kind == OBJECT_VERSION_CURRENT;
    if (!makes) return status_ok();
    publish(target, call, deleted.version);
    return deleted.is_marker ? status_ok() : status_of(STATUS_MISMATCH);
}

/* Facts and bytes must be of one version. */
static struct status call_get(struct target *target, struct call *call,
                              const struct object_version *version, struct arena *arena) {
    struct object_info info;
    struct object_reader *reader = NULL;
    char bytes[8];
    struct status s = object_open_version(target->store, &target->bucket, key_of(target, call),
                                          version, arena, &info, &reader);
    call->seen = 0;
    if (status_is(s, STATUS_NOT_FOUND)) return status_ok();
    TRY(s);
    if (info.delete_marker) {
        call->seen = MARKER;
        return status_ok();
    }
    s = info.size <= sizeof bytes ? object_reader_read(reader, 0, bytes, info.size)
                                  : status_of(STATUS_MISMATCH);
    object_reader_close(&reader);
    TRY(s);
    call->seen = number_of(info.etag);
    return slice_eq(info.etag, slice_of(bytes, info.size)) ? s : status_of(STATUS_MISMATCH);
}

static struct status call_list(struct target *target, struct call *call, struct arena *arena) {
    struct version_list_query query = {.prefix = key_of(target, call), .max = ENTRIES_MAX};
    struct version_list_page page;
    TRY(list_versions(target->store, &target->bucket, &query, arena, &page));
    for (size_t i = 0; i < page.count; i++) {
        const struct object_info *info = &page.entries[i].info;
        uint8_t number = info->delete_marker ? number_of_id(target, call->key, info->version)
                                             : number_of(info->etag);
        call->found.entries[i] = (uint8_t)(number | (info->delete_marker ? MARKER : 0) |
                                           (info->null_version ? NULL_ONE : 0));
        if (page.entries[i].is_latest != (i == 0)) return status_of(STATUS_MISMATCH);
    }
    call->found.count = (uint8_t)page.count;
    return page.truncated ? status_of(STATUS_MISMATCH) : status_ok();
}

static struct status call_run(struct target *target, struct call *call, struct arena *arena) {
    const struct if_match match = {{judge_match}, text_of(call->expected, arena)};
    static const struct object_condition absent = {judge_absent};
    static const struct object_version newest = {.kind = OBJECT_VERSION_CURRENT};
    static const struct object_version null_one = {.kind = OBJECT_VERSION_NULL};
    const struct object_version named = {OBJECT_VERSION_ID, target->ids[call->key][call->target]};
    switch (call->kind) {
        case PUT:
            return call_put(target, call, NULL, arena);
        case PUT_IF_ABSENT:
            return call_put(target, call, &absent, arena);
        case PUT_IF_MATCH:
            return call_put(target, call, &match.condition, arena);
        case DELETE:
            return call_delete(target, call, &newest, NULL);
        case DELETE_IF_MATCH:
            return call_delete(target, call, &newest, &match.condition);
        case DELETE_VERSION:
            return call_delete(target, call, &named, NULL);
        case DELETE_NULL:
            return call_delete(target, call, &null_one, NULL);
        case GET:
            return call_get(target, call, &newest, arena);
        case GET_VERSION:
            return call_get(target, call, &named, arena);
        case GET_NULL:
            return call_get(target, call, &null_one, arena);
        case LIST:
            return call_list(target, call, arena);
        case KIND_COUNT:
            break;
    }
    return status_of(STATUS_UNSUPPORTED);
}

static void call_timed(struct target *target, struct call *call) {
    struct arena arena;
    arena_init(&arena, 16 * 1024, 64 * 1024 * 1024);
    call->linear.began = atomic_fetch_add(&target->ticks, 1);
    call->outcome = call_run(target, call, &arena);
    call->linear.ended = atomic_fetch_add(&target->ticks, 1);
    arena_fini(&arena);
}

/* ---- the threads ---------------------------------------------------------------------------- */

struct worker {
    struct target *target;
    int number;
    struct random_seeded random;
    struct call calls[KEYS * CALLS_EACH];
    uint8_t seen[KEYS]; /* the object that was met last */
};

/* Some version whose id is known; 0: none yet. */
static uint8_t choose_target(struct worker *worker, int key) {
    uint64_t known = atomic_load(&worker->target->known[key]);
    for (int tries = 0; tries < 64 && known != 0; tries++) {
        uint8_t number = (uint8_t)random_seeded_below(&worker->random, NUMBERS);
        if ((known >> number & 1) != 0) return number;
    }
    return 0;
}

/* Null versions have no id to be named by: where all are so, the null version is meant. */
static void choose(struct worker *worker, int number, struct call *call) {
    call->key = number % KEYS;
    call->suspended = worker->target->suspended;
    call->kind = (enum kind)random_seeded_below(&worker->random, KIND_COUNT);
    call->number = (uint8_t)(worker->number * CALLS_EACH + number / KEYS + 1);
    call->expected = worker->seen[call->key];
    bool names = call->kind == DELETE_VERSION || call->kind == GET_VERSION;
    if (!names) return;
    call->target = choose_target(worker, call->key);
    if (call->target != 0 && !call->suspended) return;
    call->kind = call->kind == GET_VERSION ? GET_NULL : DELETE_NULL;
}

static void *worker_run(void *argument) {
    struct worker *worker = argument;
    pthread_barrier_wait(&worker->target->start);
    for (int i = 0; i < KEYS * CALLS_EACH; i++) {
        struct call *call = &worker->calls[i];
        choose(worker, i, call);
        call_timed(worker->target, call);
        bool put = call->kind <= PUT_IF_MATCH && is_ok(call->outcome);
        if (put) worker->seen[call->key] = call->number;
        if (call->kind == GET) worker->seen[call->key] = call->seen;
    }
    return NULL;
}

/* ---- rounds --------------------------------------------------------------------------------- */

static void print_call(const struct call *call) {
    fprintf(stderr, "%6llu %6llu  %s number %u expected %u target %u: %s, %u [",
            (unsigned long long)call->linear.began, (unsigned long long)call->linear.ended,
            kind_names[call->kind], call->number, call->expected, call->target,
            status_text(call->outcome.code), call->seen);
    for (int i = 0; i < call->found.count; i++) fprintf(stderr, " %02x", call->found.entries[i]);
    fprintf(stderr, " ]\n");
}

/* Whether what happened to one key is explained; it is printed where not, unless `quiet`. */
static bool key_explained(const struct worker *workers, const struct call *last, int key,
                          bool quiet) {
    const struct linear_call *calls[LINEAR_CALLS_MAX];
    const struct state initial = {.count = 1, .entries = {FIRST | NULL_ONE}};
    size_t count = 0;
    for (int i = 0; i < THREADS; i++) {
        for (int j = 0; j < KEYS * CALLS_EACH; j++) {
            if (workers[i].calls[j].key == key) calls[count++] = &workers[i].calls[j].linear;
        }
    }
    for (int i = 0; i < 2; i++) calls[count++] = &last[2 * key + i].linear;
    if (linear_check(&model, calls, count, &initial)) return true;
    for (size_t i = 0; !quiet && i < count; i++) print_call((const struct call *)calls[i]);
    return false;
}

static void run_workers(struct target *target, struct worker *workers) {
    pthread_t ids[THREADS];
    CHECK(pthread_barrier_init(&target->start, NULL, THREADS) == 0);
    for (int i = 0; i < THREADS; i++) {
        CHECK(pthread_create(&ids[i], NULL, worker_run, &workers[i]) == 0);
    }
    for (int i = 0; i < THREADS; i++) pthread_join(ids[i], NULL);
    pthread_barrier_destroy(&target->start);
}

static void bucket_read(struct target *target, struct arena *arena) {
    CHECK(is_ok(bucket_find(target->store, target->bucket.region, target->bucket.project_id,
                            target->bucket.name, arena, NULL, &target->bucket)));
}

static void versioning_set(struct target *target, enum bucket_versioning versioning,
                           struct arena *arena) {
    CHECK(is_ok(bucket_versioning_set(target->store, &target->bucket, versioning)));
    bucket_read(target, arena);
}

/* Lets threads loose on keys of the round; whether everything they were told is explained. */
static bool round_run(struct target *target, int round, bool quiet) {
    struct worker workers[THREADS] = {0};
    struct call last[2 * KEYS];
    for (int i = 0; i < KEYS; i++) {
        snprintf(target->keys[i], sizeof target->keys[i], "r%04d-%d", round, i);
        target->known[i] = 0;
    }
    for (int i = 0; i < THREADS; i++) {
        workers[i].target = target;
        workers[i].number = i;
        for (int key = 0; key < KEYS; key++) workers[i].seen[key] = FIRST;
        random_seeded_init(&workers[i].random, (uint64_t)(round * THREADS + i + 1));
    }
    run_workers(target, workers);
    for (int i = 0; i < 2 * KEYS; i++) {
        last[i] = (struct call){.kind = i % 2 ? LIST : GET, .key = i / 2};
        call_timed(target, &last[i]);
    }
    bool explained = true;
    for (int i = 0; i < KEYS; i++) explained &= key_explained(workers, last, i, quiet);
    return explained;
}

/* What is there before versioning: a null version of every key. */
static void put_firsts(struct target *target, int rounds, struct arena *arena) {
    for (int i = 0; i < rounds * KEYS; i++) {
        struct call call = {.kind = PUT, .number = FIRST};
        snprintf(target->keys[0], sizeof target->keys[0], "r%04d-%d", i / KEYS, i % KEYS);
        CHECK(is_ok(call_put(target, &call, NULL, arena)));
    }
}

static bool rounds_run(enum test_driver driver, int rounds, bool suspended, bool broken) {
    struct upload_fixture fixture;
    struct loose_kv loose;
    struct target target;
    bool explained = true;
    upload_fixture_open(&fixture, driver);
    loose_kv_init(&loose, fixture.under.kv, broken);
    const struct object_store_config config = {.kv = &loose.kv,
                                               .blob = fixture.under.blob,
                                               .clock = clock_system(),
                                               .random = random_system(),
                                               .housekeeping = true};
    target = (struct target){.bucket = fixture.bucket, .suspended = suspended};
    CHECK(is_ok(object_store_open(&config, NULL, &target.store)));
    put_firsts(&target, rounds, &fixture.arena);
    versioning_set(&target, BUCKET_VERSIONING_ENABLED, &fixture.arena);
    if (suspended) versioning_set(&target, BUCKET_VERSIONING_SUSPENDED, &fixture.arena);
    for (int i = 0; i < rounds && explained; i++) explained = round_run(&target, i, broken);
    object_store_close(&target.store);
    upload_fixture_close(&fixture);
    return explained;
}

static void test_in_memory(void **state) {
    (void)state;
    assert_true(rounds_run(TEST_DRIVER_MEM, ROUNDS_MEM, false, false));
    assert_true(rounds_run(TEST_DRIVER_MEM, ROUNDS_MEM, true, false));
}

static void test_on_the_engine(void **state) {
    (void)state;
    assert_true(rounds_run(TEST_DRIVER_ENGINE, ROUNDS_ENGINE, false, false));
    assert_true(rounds_run(TEST_DRIVER_ENGINE, ROUNDS_ENGINE, true, false));
}

/* ---- the test of the test ------------------------------------------------------------------- */

static void test_a_store_without_guards_is_caught(void **state) {
    (void)state;
    assert_false(rounds_run(TEST_DRIVER_MEM, ROUNDS_BROKEN, false, true));
    assert_false(rounds_run(TEST_DRIVER_MEM, ROUNDS_BROKEN, true, true));
}

static bool explains(const struct call *calls, size_t count) {
    const struct linear_call *pointers[LINEAR_CALLS_MAX];
    const struct state initial = {.count = 1, .entries = {FIRST | NULL_ONE}};
    for (size_t i = 0; i < count; i++) pointers[i] = &calls[i].linear;
    return linear_check(&model, pointers, count, &initial);
}

#define EXPLAINS(...)                            \
    explains((const struct call[]){__VA_ARGS__}, \
             sizeof((const struct call[]){__VA_ARGS__}) / sizeof(struct call))
#define CALL(b, e, ...) ((struct call){.linear = {b, e}, __VA_ARGS__})

static void test_what_is_explained(void **state) {
    (void)state;
    /* A marker hides, and is removed again. */
    assert_true(EXPLAINS(CALL(0, 1, .kind = DELETE, .number = 1), CALL(2, 3, .kind = GET),
                         CALL(4, 5, .kind = DELETE_VERSION, .target = 1, .seen = 1),
                         CALL(6, 7, .kind = GET, .seen = FIRST)));
    /* Both orders of two puts at once, as the list has them. */
    for (uint8_t i = 1; i <= 2; i++) {
        assert_true(EXPLAINS(
            CALL(0, 3, .kind = PUT, .number = 1), CALL(1, 2, .kind = PUT, .number = 2),
            CALL(4, 5, .kind = LIST, .found = {3, {i, (uint8_t)(3 - i), FIRST | NULL_ONE}})));
    }
    /* Suspended, what is new replaces the null version. */
    assert_true(EXPLAINS(CALL(0, 1, .kind = PUT, .number = 1, .suspended = true),
                         CALL(2, 3, .kind = LIST, .found = {1, {1 | NULL_ONE}})));
}

static void test_what_is_not_explained(void **state) {
    (void)state;
    /* A version that was removed is met again; one that was not is gone; removed by two. */
    assert_false(EXPLAINS(CALL(0, 1, .kind = DELETE_NULL, .seen = 1),
                          CALL(2, 3, .kind = GET_NULL, .seen = FIRST)));
    assert_false(EXPLAINS(CALL(0, 1, .kind = PUT, .number = 1),
                          CALL(2, 3, .kind = GET_VERSION, .target = 1)));
    assert_false(EXPLAINS(CALL(0, 3, .kind = DELETE_NULL, .seen = 1),
                          CALL(1, 2, .kind = DELETE_NULL, .seen = 1)));
    /* An older one comes up although a marker is on top; order of ages against that of calls. */
    assert_false(
        EXPLAINS(CALL(0, 1, .kind = DELETE, .number = 1), CALL(2, 3, .kind = GET, .seen = FIRST)));
    assert_false(EXPLAINS(CALL(0, 1, .kind = PUT, .number = 1),
                          CALL(2, 3, .kind = PUT, .number = 2),
                          CALL(4, 5, .kind = LIST, .found = {3, {1, 2, FIRST | NULL_ONE}})));
    /* Two null versions. */
    assert_false(
        EXPLAINS(CALL(0, 1, .kind = PUT, .number = 1, .suspended = true),
                 CALL(2, 3, .kind = LIST, .found = {2, {1 | NULL_ONE, FIRST | NULL_ONE}})));
    /* A condition that holds for two. */
    assert_false(EXPLAINS(CALL(0, 3, .kind = PUT_IF_MATCH, .number = 1, .expected = FIRST),
                          CALL(1, 2, .kind = PUT_IF_MATCH, .number = 2, .expected = FIRST)));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_explained),
        cmocka_unit_test(test_what_is_not_explained),
        cmocka_unit_test(test_a_store_without_guards_is_caught),
        cmocka_unit_test(test_in_memory),
        cmocka_unit_test(test_on_the_engine),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
