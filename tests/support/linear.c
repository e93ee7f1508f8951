#include "support/linear.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"

/* A point of the search: which calls were taken, and what they came to. */
struct point {
    uint64_t taken;
    unsigned char state[LINEAR_STATE_MAX];
};

/* Points that were met before: a table with open addressing, at most half full. */
struct memory {
    struct point *points;
    bool *used;
    size_t cap;
    size_t count;
};

struct search {
    const struct linear_model *model;
    const struct linear_call *const *calls;
    size_t count;
    struct memory memory;
};

/* FNV-1a. */
static size_t point_hash(const struct point *point) {
    const unsigned char *bytes = (const unsigned char *)point;
    uint64_t hash = 14695981039346656037u;
    for (size_t i = 0; i < sizeof *point; i++) hash = (hash ^ bytes[i]) * 1099511628211u;
    return (size_t)(hash ^ hash >> 32);
}

/* The place of a point, its own or a free one. */
static size_t memory_place(const struct memory *memory, const struct point *point) {
    size_t at = point_hash(point) & (memory->cap - 1);
    while (memory->used[at] && memcmp(&memory->points[at], point, sizeof *point) != 0) {
        at = (at + 1) & (memory->cap - 1);
    }
    return at;
}

static void memory_init(struct memory *memory, size_t cap) {
    *memory = (struct memory){.cap = cap};
    memory->points = calloc(cap, sizeof *memory->points);
    memory->used = calloc(cap, sizeof *memory->used);
    CHECK(memory->points && memory->used);
}

static void memory_fini(struct memory *memory) {
    free(memory->points);
    free(memory->used);
}

/* Notes a point; false if it was there. */
static bool memory_add(struct memory *memory, const struct point *point) {
    if (2 * memory->count >= memory->cap) {
        struct memory larger;
        memory_init(&larger, 2 * memory->cap);
        for (size_t i = 0; i < memory->cap; i++) {
            if (memory->used[i]) memory_add(&larger, &memory->points[i]);
        }
        memory_fini(memory);
        *memory = larger;
    }
    size_t at = memory_place(memory, point);
    if (memory->used[at]) return false;
    memory->points[at] = *point;
    memory->used[at] = true;
    memory->count++;
    return true;
}

static bool is_taken(const struct point *point, size_t call) {
    return point->taken >> call & 1;
}

/* The first end of a call that was not taken: what begins behind it cannot come next. */
static uint64_t first_end(const struct search *search, const struct point *point) {
    uint64_t first = UINT64_MAX;
    for (size_t i = 0; i < search->count; i++) {
        if (!is_taken(point, i) && search->calls[i]->ended < first) first = search->calls[i]->ended;
    }
    return first;
}

static bool search_on(struct search *search, const struct point *point) {
    uint64_t end = first_end(search, point);
    if (end == UINT64_MAX) return true;
    if (!memory_add(&search->memory, point)) return false;
    for (size_t i = 0; i < search->count; i++) {
        if (is_taken(point, i) || search->calls[i]->began > end) continue;
        struct point next = *point;
        if (!search->model->step(search->calls[i], next.state)) continue;
        next.taken |= UINT64_C(1) << i;
        if (search_on(search, &next)) return true;
    }
    return false;
}

bool linear_check(const struct linear_model *model, const struct linear_call *const *calls,
                  size_t count, const void *initial) {
    CHECK(count <= LINEAR_CALLS_MAX && model->state_size <= LINEAR_STATE_MAX);
    struct search search = {.model = model, .calls = calls, .count = count};
    struct point start = {.taken = 0};
    memcpy(start.state, initial, model->state_size);
    memory_init(&search.memory, 1024);
    bool found = search_on(&search, &start);
    memory_fini(&search.memory);
    return found;
}
