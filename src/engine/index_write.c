/* Writing the index: pages and large values one behind the other, and the map of what is in use. */
#include <stdlib.h>

#include "base/check.h"
#include "engine/index_inside.h"

enum { GROW_PAGES_MIN = 128, GROW_PAGES_MAX = 8192 };

void index_writer_init(struct index_writer *writer, struct index *index) {
    *writer = (struct index_writer){.index = index};
    writer->buffer = aligned_alloc(FS_DIRECT_ALIGN, INDEX_WRITE_BYTES);
    CHECK(writer->buffer);
}

void index_writer_fini(struct index_writer *writer) {
    free(writer->buffer);
    *writer = (struct index_writer){0};
}

static struct status pages_write(struct index *index, uint32_t page, const char *bytes,
                                 uint32_t count) {
    return fs_write(index->config.fs, index->fd, (uint64_t)page * PAGE_BYTES,
                    slice_of(bytes, (size_t)count * PAGE_BYTES));
}

/* Ends the page that large values are filling. */
static void value_page_end(struct index_writer *writer) {
    if (writer->value_used == 0) return;
    char *page = writer->buffer + (size_t)writer->used * PAGE_BYTES;
    memset(page + writer->value_used, 0, PAGE_BYTES - writer->value_used);
    uint32_t grains = index_grains(writer->value_used);
    space_map_trim(&writer->index->map,
                   (uint64_t)(writer->first + writer->used) * PAGE_GRAINS + grains,
                   PAGE_GRAINS - grains);
    writer->used++;
    writer->value_used = 0;
}

/* Writes the pages that are filled. */
static struct status filled_write(struct index_writer *writer) {
    if (writer->used == 0) return status_ok();
    TRY(pages_write(writer->index, writer->first, writer->buffer, writer->used));
    writer->first += writer->used;
    writer->reserved -= writer->used;
    writer->used = 0;
    return status_ok();
}

struct status index_writer_flush(struct index_writer *writer) {
    value_page_end(writer);
    TRY(filled_write(writer));
    space_map_trim(&writer->index->map, (uint64_t)writer->first * PAGE_GRAINS,
                   writer->reserved * PAGE_GRAINS);
    writer->reserved = 0;
    return status_ok();
}

static size_t chunk_total(const struct index *index) {
    return ((size_t)index->map.pages + SPACE_CHUNK_PAGES - 1) / SPACE_CHUNK_PAGES;
}

static void chunks_fit(struct index *index) {
    size_t total = chunk_total(index);
    if (total <= index->chunk_cap) return;
    index->chunks = reallocarray(index->chunks, 2 * total, sizeof *index->chunks);
    CHECK(index->chunks);
    memset(index->chunks + index->chunk_cap, 0,
           (2 * total - index->chunk_cap) * sizeof *index->chunks);
    index->chunk_cap = 2 * total;
}

/* Gives the file `pages` pages on the drive, or some more. Called under the grow lock. */
static struct status file_grow(struct index *index, uint64_t pages) {
    uint64_t step = index->allocated_pages / 16;
    if (step < GROW_PAGES_MIN) step = GROW_PAGES_MIN;
    if (step > GROW_PAGES_MAX) step = GROW_PAGES_MAX;
    uint64_t whole = index->allocated_pages + step;
    if (whole < pages) whole = pages;
    if (pages > UINT32_MAX) return status_of(STATUS_NO_SPACE);
    struct fs *fs = index->config.fs;
    struct status s = fs_preallocate(fs, index->fd, whole * PAGE_BYTES);
    if (status_is(s, STATUS_NO_SPACE) && whole > pages) {
        whole = pages;
        s = fs_preallocate(fs, index->fd, whole * PAGE_BYTES);
    }
    if (is_ok(s)) index->allocated_pages = whole;
    return s;
}

struct status index_grow(struct index *index, uint32_t pages) {
    uint64_t whole = (uint64_t)index->map.pages + pages;
    pthread_mutex_lock(&index->grow_lock);
    struct status s = status_ok();
    if (whole > index->allocated_pages) s = file_grow(index, whole);
    uint64_t step = index->map.pages / 16 > GROW_PAGES_MIN ? index->map.pages / 16 : GROW_PAGES_MIN;
    if (whole < index->map.pages + step) whole = index->map.pages + step;
    if (whole > index->allocated_pages) whole = index->allocated_pages;
    pthread_mutex_unlock(&index->grow_lock);
    TRY(s);
    space_map_grow(&index->map, (uint32_t)whole);
    chunks_fit(index);
    return status_ok();
}

void index_room_note(struct index *index) {
    pthread_mutex_lock(&index->grow_lock);
    index->mapped_pages = index->map.pages;
    index->room_pages = index->map.pages - index->map.live_pages;
    pthread_mutex_unlock(&index->grow_lock);
}

struct status index_room(struct index *index, uint64_t changes, uint64_t bytes,
                         uint64_t slack_pages, bool may_grow) {
    pthread_mutex_lock(&index->lock);
    uint64_t leaves = index->stats.leaves;
    pthread_mutex_unlock(&index->lock);
    /* Each change may be in a leaf of its own; new ones fill theirs to the half at least. */
    uint64_t touched = changes < leaves ? changes : leaves;
    uint64_t need = touched + touched / 16 + 2 * bytes / PAGE_BYTES + slack_pages +
                    3 * INDEX_WRITE_PAGES + PAGE_LEVELS_MAX;
    pthread_mutex_lock(&index->grow_lock);
    need += 2 * (index->allocated_pages / SPACE_CHUNK_PAGES + 2);
    uint64_t room = index->room_pages + index->allocated_pages - index->mapped_pages;
    struct status s = status_ok();
    if (need > room) {
        s = may_grow ? file_grow(index, index->allocated_pages + need - room)
                     : status_of(STATUS_NO_SPACE);
    }
    pthread_mutex_unlock(&index->grow_lock);
    return s;
}

/* Forgets what the cache has of pages that are about to be written. */
static void cache_forget(struct index *index, uint32_t page, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) cache_drop(index->cache, page + i);
}

/* Takes the next run, of at least `least` pages. */
static struct status pages_take(struct index_writer *writer, uint32_t least) {
    struct index *index = writer->index;
    uint32_t most = least > INDEX_WRITE_PAGES ? least : INDEX_WRITE_PAGES;
    uint32_t count;
    if (!space_map_take(&index->map, least, most, &writer->first, &count)) {
        TRY(index_grow(index, most));
        CHECK(space_map_take(&index->map, least, most, &writer->first, &count));
    }
    writer->reserved = count;
    cache_forget(index, writer->first, count);
    return status_ok();
}

/* Sees to it that there is a page in the buffer to be filled. */
static struct status page_ready(struct index_writer *writer) {
    bool full = writer->used == INDEX_WRITE_PAGES || writer->used == writer->reserved;
    if (full) TRY(filled_write(writer));
    return writer->reserved == 0 ? pages_take(writer, 1) : status_ok();
}

struct status index_writer_next(struct index_writer *writer, char **ret_page,
                                uint32_t *ret_number) {
    CHECK(writer->value_used == 0);
    TRY(page_ready(writer));
    *ret_page = writer->buffer + (size_t)writer->used * PAGE_BYTES;
    *ret_number = writer->first + writer->used;
    writer->used++;
    return status_ok();
}

struct status index_writer_value(struct index_writer *writer, struct slice value,
                                 struct page_value *ret_value) {
    size_t aligned = bytes_round_up(writer->value_used, PAGE_GRAIN_BYTES);
    size_t ahead = (size_t)(writer->reserved - writer->used) * PAGE_BYTES;
    if (aligned + value.len > ahead) {
        TRY(index_writer_flush(writer));
        TRY(pages_take(writer, (uint32_t)((value.len + PAGE_BYTES - 1) / PAGE_BYTES)));
        aligned = 0;
    }
    uint64_t grain =
        (uint64_t)(writer->first + writer->used) * PAGE_GRAINS + aligned / PAGE_GRAIN_BYTES;
    struct page_value where = {grain, (uint32_t)value.len,
                               page_value_sum(writer->index->id, grain, value)};
    while (value.len > 0) {
        if (aligned == PAGE_BYTES) {
            writer->used++;
            writer->value_used = aligned = 0;
        }
        if (writer->used == INDEX_WRITE_PAGES) TRY(filled_write(writer));
        char *page = writer->buffer + (size_t)writer->used * PAGE_BYTES;
        memset(page + writer->value_used, 0, aligned - writer->value_used);
        struct slice piece = slice_take(value, PAGE_BYTES - aligned);
        memcpy(page + aligned, piece.ptr, piece.len);
        writer->value_used = aligned = aligned + piece.len;
        value = slice_skip(value, piece.len);
    }
    if (writer->value_used == PAGE_BYTES) {
        writer->used++;
        writer->value_used = 0;
    }
    *ret_value = where;
    return status_ok();
}

/* ---- the stored map ---- */

/* New places for the pages of the map that change; taking and freeing them changes others. */
struct placing {
    struct index *index;
    struct index_writer *writer;
    uint32_t *places; /* by chunk; 0: stays where it is */
    uint32_t dir_places[INDEX_DIRS_MAX];
};

/* Takes one page and gives up the one that was there before. */
static struct status place(struct index *index, struct page_ref before, uint32_t *ret_page) {
    uint32_t count;
    if (!space_map_take(&index->map, 1, 1, ret_page, &count)) {
        TRY(index_grow(index, 1));
        CHECK(space_map_take(&index->map, 1, 1, ret_page, &count));
    }
    cache_drop(index->cache, *ret_page);
    if (before.number != 0) {
        space_map_free(&index->map, (uint64_t)before.number * PAGE_GRAINS, PAGE_GRAINS);
    }
    return status_ok();
}

/* One round; says whether anything got a place. */
static struct status place_round(struct placing *p, bool *ret_more) {
    struct index *index = p->index;
    *ret_more = false;
    for (size_t i = 0; i < chunk_total(index); i++) {
        if (!index->map.changed[i] || p->places[i] != 0) continue;
        TRY(place(index, index->chunks[i], &p->places[i]));
        *ret_more = true;
        size_t dir = i / INDEX_DIR_REFS;
        if (p->dir_places[dir] != 0) continue;
        TRY(place(index, index->dirs[dir], &p->dir_places[dir]));
    }
    return status_ok();
}

static struct status map_page_write(struct placing *p, char *page, uint32_t number,
                                    struct page_ref *ret_ref) {
    *ret_ref = page_seal(page, number);
    return pages_write(p->index, number, page, 1);
}

static struct status chunks_write(struct placing *p, char *page, uint64_t generation) {
    struct index *index = p->index;
    struct page_identity identity = {
        .index_id = index->id, .generation = generation, .kind = PAGE_MAP};
    for (size_t i = 0; i < chunk_total(index); i++) {
        if (p->places[i] == 0) continue;
        size_t first = i * SPACE_CHUNK_PAGES;
        size_t count = index->map.pages - first;
        if (count > SPACE_CHUNK_PAGES) count = SPACE_CHUNK_PAGES;
        memset(page, 0, PAGE_BYTES);
        page_build_map(page, &identity, first);
        memcpy(page + PAGE_HEADER_LEN, index->map.live + first, count);
        TRY(map_page_write(p, page, p->places[i], &index->chunks[i]));
        index->map.changed[i] = false;
    }
    return status_ok();
}

static struct status dirs_write(struct placing *p, char *page, uint64_t generation) {
    struct index *index = p->index;
    struct page_identity identity = {
        .index_id = index->id, .generation = generation, .kind = PAGE_MAP_DIR};
    for (size_t dir = 0; dir < INDEX_DIRS_MAX; dir++) {
        if (p->dir_places[dir] == 0) continue;
        memset(page, 0, PAGE_BYTES);
        page_build_map(page, &identity, dir * INDEX_DIR_REFS);
        for (size_t i = 0; i < INDEX_DIR_REFS; i++) {
            size_t chunk = dir * INDEX_DIR_REFS + i;
            if (chunk >= chunk_total(index)) break;
            char *at = page + PAGE_HEADER_LEN + i * PAGE_REF_LEN;
            bytes_put_u32(at, index->chunks[chunk].number);
            bytes_put_u32(at + 4, index->chunks[chunk].sum);
        }
        TRY(map_page_write(p, page, p->dir_places[dir], &index->dirs[dir]));
    }
    return status_ok();
}

struct status index_map_write(struct index *index, struct index_writer *writer,
                              uint64_t generation) {
    /* Nothing is taken or given back after the places are settled. */
    TRY(index_writer_flush(writer));
    struct placing p = {.index = index, .writer = writer};
    p.places = calloc(INDEX_DIRS_MAX * (size_t)INDEX_DIR_REFS, sizeof *p.places);
    char *page = aligned_alloc(FS_DIRECT_ALIGN, PAGE_BYTES);
    CHECK(p.places && page);
    bool more = true;
    struct status s = status_ok();
    chunks_fit(index);
    while (is_ok(s) && more) s = place_round(&p, &more);
    if (is_ok(s)) s = chunks_write(&p, page, generation);
    if (is_ok(s)) s = dirs_write(&p, page, generation);
    free(page);
    free(p.places);
    return s;
}

static struct status map_page_read(struct index *index, struct page_ref ref, enum page_kind kind,
                                   uint64_t first, char *page) {
    TRY(index_page_fetch(index, ref, page));
    bool right = page_kind_of(page) == kind && bytes_get_u64(page + 32) == first;
    return right ? status_ok() : status_of(STATUS_CORRUPT);
}

struct status index_map_read(struct index *index, uint32_t pages) {
    space_map_grow(&index->map, pages);
    chunks_fit(index);
    char *page = aligned_alloc(FS_DIRECT_ALIGN, PAGE_BYTES);
    CHECK(page);
    struct status s = status_ok();
    for (size_t i = 0; is_ok(s) && i < chunk_total(index); i++) {
        size_t dir = i / INDEX_DIR_REFS;
        if (i % INDEX_DIR_REFS == 0) {
            s = map_page_read(index, index->dirs[dir], PAGE_MAP_DIR, i, page);
            for (size_t j = 0; is_ok(s) && j < INDEX_DIR_REFS && i + j < chunk_total(index); j++) {
                const char *at = page + PAGE_HEADER_LEN + j * PAGE_REF_LEN;
                index->chunks[i + j] = (struct page_ref){bytes_get_u32(at), bytes_get_u32(at + 4)};
            }
        }
        if (is_ok(s))
            s = map_page_read(index, index->chunks[i], PAGE_MAP, i * SPACE_CHUNK_PAGES, page);
        if (!is_ok(s)) break;
        uint32_t first = (uint32_t)(i * SPACE_CHUNK_PAGES);
        uint32_t count = pages - first < SPACE_CHUNK_PAGES ? pages - first : SPACE_CHUNK_PAGES;
        space_map_load(&index->map, first, page + PAGE_HEADER_LEN, count);
    }
    free(page);
    return s;
}
