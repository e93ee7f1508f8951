#include "base/arena.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"

enum { ARENA_ALIGN = 16 };

struct arena_block {
    struct arena_block *next;
    size_t cap;
    size_t used;
    _Alignas(ARENA_ALIGN) char bytes[];
};

void arena_init(struct arena *arena, size_t block_size_bytes, size_t limit_bytes) {
    CHECK(block_size_bytes > 0 && block_size_bytes <= limit_bytes);
    *arena = (struct arena){.block_size_bytes = block_size_bytes, .limit_bytes = limit_bytes};
}

static void blocks_free(struct arena_block *block, const struct arena_block *stop) {
    while (block != stop) {
        struct arena_block *next = block->next;
        free(block);
        block = next;
    }
}

void arena_fini(struct arena *arena) {
    blocks_free(arena->blocks, NULL);
    *arena = (struct arena){0};
}

/* The block that stays over resets: the oldest one, if it is of the regular size. */
static struct arena_block *block_to_keep(const struct arena *arena) {
    struct arena_block *oldest = arena->blocks;
    while (oldest != NULL && oldest->next != NULL) oldest = oldest->next;
    return oldest != NULL && oldest->cap == arena->block_size_bytes ? oldest : NULL;
}

void arena_reset(struct arena *arena) {
    struct arena_block *kept = block_to_keep(arena);
    blocks_free(arena->blocks, kept);
    if (kept != NULL) kept->used = 0;
    arena->blocks = kept;
    arena->used_bytes = 0;
    arena->overflowed = false;
}

static struct arena_block *block_add(struct arena *arena, size_t cap) {
    struct arena_block *block = malloc(sizeof *block + cap);
    if (block == NULL) return NULL;
    block->next = arena->blocks;
    block->cap = cap;
    block->used = 0;
    arena->blocks = block;
    return block;
}

static struct arena_block *block_with_room(struct arena *arena, size_t size) {
#ifdef ARENA_EMULATE
    return block_add(arena, size);
#else
    struct arena_block *newest = arena->blocks;
    if (newest != NULL && newest->cap - newest->used >= size) return newest;
    return block_add(arena, size > arena->block_size_bytes ? size : arena->block_size_bytes);
#endif
}

static size_t aligned_size(size_t size) {
#ifdef ARENA_EMULATE
    return size; /* an overrun of one byte must hit the sanitizer's red zone */
#else
    return (size + ARENA_ALIGN - 1) & ~(size_t)(ARENA_ALIGN - 1);
#endif
}

static void *arena_overflow(struct arena *arena) {
    arena->overflowed = true;
    return NULL;
}

void *arena_alloc(struct arena *arena, size_t size) {
    if (arena->overflowed || size > arena->limit_bytes) return arena_overflow(arena);
    size = aligned_size(size);
    if (size > arena->limit_bytes - arena->used_bytes) return arena_overflow(arena);
    struct arena_block *block = block_with_room(arena, size);
    if (block == NULL) return arena_overflow(arena);
    void *at = block->bytes + block->used;
    block->used += size;
    arena->used_bytes += size;
    return at;
}

void *arena_calloc(struct arena *arena, size_t count, size_t size) {
    size_t total;
    if (__builtin_mul_overflow(count, size, &total)) return arena_overflow(arena);
    void *at = arena_alloc(arena, total);
    return at == NULL ? NULL : memset(at, 0, total);
}

char *arena_cstr(struct arena *arena, struct slice s) {
    char *copy = arena_alloc(arena, s.len + 1);
    if (copy == NULL) return NULL;
    if (s.len > 0) memcpy(copy, s.ptr, s.len);
    copy[s.len] = '\0';
    return copy;
}

struct slice arena_dup(struct arena *arena, struct slice s) {
    char *copy = arena_cstr(arena, s);
    return copy == NULL ? (struct slice){0} : slice_of(copy, s.len);
}

struct slice arena_printf(struct arena *arena, const char *format, ...) {
    va_list args;
    va_start(args, format);
    int len = vsnprintf(NULL, 0, format, args);
    va_end(args);
    CHECK(len >= 0);
    char *text = arena_alloc(arena, (size_t)len + 1);
    if (text == NULL) return (struct slice){0};
    va_start(args, format);
    vsnprintf(text, (size_t)len + 1, format, args);
    va_end(args);
    return slice_of(text, (size_t)len);
}

struct slice arena_join(struct arena *arena, const struct slice *parts, size_t count) {
    size_t total = 0;
    for (size_t i = 0; i < count; i++) total += parts[i].len;
    char *text = arena_alloc(arena, total + 1);
    if (text == NULL) return (struct slice){0};
    char *at = text;
    for (size_t i = 0; i < count; i++) {
        if (parts[i].len > 0) memcpy(at, parts[i].ptr, parts[i].len);
        at += parts[i].len;
    }
    *at = '\0';
    return slice_of(text, total);
}

struct status arena_ok(const struct arena *arena) {
    return status_of(arena->overflowed ? STATUS_NO_MEMORY : STATUS_OK);
}
