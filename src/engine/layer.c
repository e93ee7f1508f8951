#include "engine/layer.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "base/check.h"

enum {
    HEIGHT_MAX = 12,
    BRANCHING_BITS = 2, /* every fourth node reaches the next height */
    CHUNK_FIRST = 16 * 1024,
    CHUNK_MAX = 1024 * 1024,
    CHUNK_MAPPED_MIN = 256 * 1024, /* from here on its memory goes back to the system at the end */
    SLOTS_FIRST = 256,
    ALIGN = 8,
};

/* A value; `older` is what the name had before. */
struct version {
    uint64_t sequence;
    struct version *older;
    size_t len;
    char bytes[];
};

struct layer_node {
    struct version *_Atomic newest;
    uint32_t hash;
    uint16_t name_len;
    uint16_t height;
    struct layer_node *_Atomic next[]; /* `height` of them; the name lies behind */
};

/* Names by hash; a table that was outgrown stays until the end, as somebody may be reading it. */
struct table {
    struct table *older;
    size_t mask;
    struct layer_node *_Atomic slots[];
};

struct chunk {
    struct chunk *next;
    size_t size;
};

struct layer {
    struct layer_node *head;
    struct table *_Atomic table;
    struct chunk *chunks;
    char *at; /* free bytes of the newest chunk */
    size_t left;
    size_t chunk_size;
    uint64_t random;
    atomic_size_t count;
    atomic_size_t bytes;
};

/* Layers come and go by the dozen MiB: left to malloc, they would stay behind in its arenas. */
static struct chunk *chunk_new(size_t size) {
    if (size < CHUNK_MAPPED_MIN) return malloc(size);
    void *mapped = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return mapped == MAP_FAILED ? NULL : mapped;
}

static void chunk_free(struct chunk *chunk) {
    if (chunk->size < CHUNK_MAPPED_MIN) {
        free(chunk);
    } else {
        munmap(chunk, chunk->size);
    }
}

static void *chunk_add(struct layer *layer, size_t size) {
    struct chunk *chunk = chunk_new(sizeof *chunk + size);
    CHECK(chunk);
    chunk->size = sizeof *chunk + size;
    chunk->next = layer->chunks;
    layer->chunks = chunk;
    atomic_fetch_add_explicit(&layer->bytes, sizeof *chunk + size, memory_order_relaxed);
    return chunk + 1;
}

static void *take(struct layer *layer, size_t size) {
    size = (size + ALIGN - 1) & ~(size_t)(ALIGN - 1);
    if (size > layer->chunk_size / 4 && size > layer->left) return chunk_add(layer, size);
    if (size > layer->left) {
        layer->at = chunk_add(layer, layer->chunk_size);
        layer->left = layer->chunk_size;
        if (layer->chunk_size < CHUNK_MAX) layer->chunk_size *= 2;
    }
    void *bytes = layer->at;
    layer->at += size;
    layer->left -= size;
    return bytes;
}

static char *name_bytes(const struct layer_node *node) {
    return (char *)(uintptr_t)(node->next + node->height);
}

static struct layer_node *node_new(struct layer *layer, struct slice name, uint32_t height) {
    struct layer_node *node =
        take(layer, sizeof *node + height * sizeof(struct layer_node *) + name.len);
    atomic_init(&node->newest, NULL);
    node->hash = 0;
    node->name_len = (uint16_t)name.len;
    node->height = (uint16_t)height;
    for (uint32_t i = 0; i < height; i++) atomic_init(&node->next[i], NULL);
    if (name.len > 0) memcpy(name_bytes(node), name.ptr, name.len);
    return node;
}

/* Eight bytes at a time; only the table's shape depends on it. */
static uint32_t hash_of(struct slice name) {
    uint64_t hash = name.len * UINT64_C(0x9e3779b97f4a7c15);
    while (name.len > 0) {
        uint64_t word = 0;
        size_t n = name.len < sizeof word ? name.len : sizeof word;
        memcpy(&word, name.ptr, n);
        hash = (hash ^ word) * UINT64_C(0xff51afd7ed558ccd);
        hash ^= hash >> 32;
        name = slice_skip(name, n);
    }
    return (uint32_t)(hash ^ (hash >> 29));
}

static void slot_fill(struct table *table, struct layer_node *node) {
    size_t at = node->hash & table->mask;
    while (atomic_load_explicit(&table->slots[at], memory_order_relaxed)) {
        at = (at + 1) & table->mask;
    }
    atomic_store_explicit(&table->slots[at], node, memory_order_release);
}

static struct table *table_new(struct layer *layer, size_t slots) {
    struct table *table = calloc(1, sizeof *table + slots * sizeof table->slots[0]);
    CHECK(table);
    table->mask = slots - 1;
    table->older = atomic_load_explicit(&layer->table, memory_order_relaxed);
    for (struct layer_node *n = layer_first(layer); n; n = layer_next(n)) slot_fill(table, n);
    atomic_store_explicit(&layer->table, table, memory_order_release);
    atomic_fetch_add_explicit(&layer->bytes, slots * sizeof table->slots[0], memory_order_relaxed);
    return table;
}

/* The name's node, NULL if it is not there. */
static struct layer_node *node_find(const struct layer *layer, struct slice name, uint32_t hash) {
    const struct table *table = atomic_load_explicit(&layer->table, memory_order_acquire);
    for (size_t at = hash & table->mask;; at = (at + 1) & table->mask) {
        struct layer_node *node = atomic_load_explicit(&table->slots[at], memory_order_acquire);
        if (!node) return NULL;
        if (node->hash == hash && slice_eq(layer_node_name(node), name)) return node;
    }
}

struct layer *layer_new(void) {
    struct layer *layer = calloc(1, sizeof *layer);
    CHECK(layer);
    layer->chunk_size = CHUNK_FIRST;
    layer->random = 0x9e3779b97f4a7c15u;
    layer->head = node_new(layer, slice_of(NULL, 0), HEIGHT_MAX);
    table_new(layer, SLOTS_FIRST);
    return layer;
}

void layer_free(struct layer **layer) {
    struct layer *self = *layer;
    if (!self) return;
    while (self->chunks) {
        struct chunk *next = self->chunks->next;
        chunk_free(self->chunks);
        self->chunks = next;
    }
    struct table *table = atomic_load(&self->table);
    while (table) {
        struct table *older = table->older;
        free(table);
        table = older;
    }
    free(self);
    *layer = NULL;
}

/* Only the shape of the list depends on it. */
static uint32_t height_draw(struct layer *layer) {
    layer->random ^= layer->random << 13;
    layer->random ^= layer->random >> 7;
    layer->random ^= layer->random << 17;
    uint64_t bits = layer->random >> 20;
    uint32_t height = 1;
    while (height < HEIGHT_MAX && (bits & ((1u << BRANCHING_BITS) - 1)) == 0) {
        height++;
        bits >>= BRANCHING_BITS;
    }
    return height;
}

static struct layer_node *next_at(const struct layer_node *node, uint32_t level) {
    return atomic_load_explicit(&node->next[level], memory_order_acquire);
}

static int node_cmp(const struct layer_node *node, struct slice name) {
    size_t min = node->name_len < name.len ? node->name_len : name.len;
    int order = min > 0 ? memcmp(name_bytes(node), name.ptr, min) : 0;
    if (order != 0) return order;
    return node->name_len < name.len ? -1 : node->name_len > name.len;
}

/*
 * The last node before `name` (before or at it, if `or_at`), at every height; the head if there is
 * none. `befores` may be NULL.
 */
static struct layer_node *find_before(const struct layer *layer, struct slice name, bool or_at,
                                      struct layer_node **befores) {
    struct layer_node *node = layer->head;
    struct layer_node *beyond = NULL; /* known not to be before */
    for (uint32_t level = HEIGHT_MAX; level-- > 0;) {
        for (;;) {
            struct layer_node *next = next_at(node, level);
            if (!next || next == beyond) break;
            int order = node_cmp(next, name);
            if (order > 0 || (order == 0 && !or_at)) {
                beyond = next;
                break;
            }
            node = next;
        }
        if (befores) befores[level] = node;
    }
    return node;
}

/* Puts a node that has its value into list and table. */
static void node_link(struct layer *layer, struct layer_node *node) {
    struct layer_node *befores[HEIGHT_MAX];
    find_before(layer, layer_node_name(node), false, befores);
    for (uint32_t level = 0; level < node->height; level++) {
        atomic_store_explicit(&node->next[level], next_at(befores[level], level),
                              memory_order_relaxed);
        atomic_store_explicit(&befores[level]->next[level], node, memory_order_release);
    }
    size_t count = atomic_fetch_add_explicit(&layer->count, 1, memory_order_relaxed) + 1;
    struct table *table = atomic_load_explicit(&layer->table, memory_order_relaxed);
    if (2 * count > table->mask) {
        table_new(layer, 4 * (table->mask + 1)); /* takes the new node along */
    } else {
        slot_fill(table, node);
    }
}

void layer_set(struct layer *layer, uint64_t sequence, struct slice name, struct slice value) {
    uint32_t hash = hash_of(name);
    struct layer_node *node = node_find(layer, name, hash);
    bool there = node;
    if (!there) {
        node = node_new(layer, name, height_draw(layer));
        node->hash = hash;
    }
    struct version *version = take(layer, sizeof *version + value.len);
    version->sequence = sequence;
    version->older = atomic_load_explicit(&node->newest, memory_order_relaxed);
    version->len = value.len;
    if (value.len > 0) memcpy(version->bytes, value.ptr, value.len);
    atomic_store_explicit(&node->newest, version, memory_order_release);
    if (!there) node_link(layer, node);
}

bool layer_node_value(const struct layer_node *node, uint64_t sequence, struct slice *ret_value) {
    const struct version *version = atomic_load_explicit(&node->newest, memory_order_acquire);
    while (version && version->sequence > sequence) version = version->older;
    if (!version) return false;
    *ret_value = slice_of(version->bytes, version->len);
    return true;
}

void layer_node_values(const struct layer_node *node,
                       void (*show)(void *context, struct slice value), void *context) {
    const struct version *version = atomic_load_explicit(&node->newest, memory_order_acquire);
    for (; version; version = version->older) {
        show(context, slice_of(version->bytes, version->len));
    }
}

bool layer_get(const struct layer *layer, uint64_t sequence, struct slice name,
               struct slice *ret_value) {
    const struct layer_node *node = node_find(layer, name, hash_of(name));
    return node && layer_node_value(node, sequence, ret_value);
}

struct layer_node *layer_seek(const struct layer *layer, struct slice name, bool beyond) {
    return next_at(find_before(layer, name, beyond, NULL), 0);
}

struct layer_node *layer_seek_back(const struct layer *layer, struct slice name, bool beyond) {
    struct layer_node *node = find_before(layer, name, !beyond, NULL);
    return node == layer->head ? NULL : node;
}

struct layer_node *layer_next(const struct layer_node *node) {
    return next_at(node, 0);
}

struct layer_node *layer_first(const struct layer *layer) {
    return next_at(layer->head, 0);
}

struct slice layer_node_name(const struct layer_node *node) {
    return slice_of(name_bytes(node), node->name_len);
}

size_t layer_count(const struct layer *layer) {
    return atomic_load_explicit(&layer->count, memory_order_relaxed);
}

size_t layer_bytes(const struct layer *layer) {
    return atomic_load_explicit(&layer->bytes, memory_order_relaxed);
}
