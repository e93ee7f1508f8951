#include "engine/page.h"

#include "base/check.h"
#include "engine/checksum.h"

enum {
    AT_KIND = 4,
    AT_LEVEL = 5,
    AT_COUNT = 6,
    AT_INDEX_ID = 8,
    AT_NUMBER = 16,
    AT_GENERATION = 24,
    AT_LOW_LEN = 32,
    AT_HIGH_LEN = 34,
    AT_PREFIX_LEN = 36,
    AT_SLOTS = 38,
    NO_HIGH = 0xffff,
    LARGE_FLAG = 0x8000,
    SLOT_ALIGN = 4,
};

static size_t common_len(struct slice a, struct slice b) {
    size_t max = a.len < b.len ? a.len : b.len;
    size_t n = 0;
    while (n < max && a.ptr[n] == b.ptr[n]) n++;
    return n;
}

struct page_range page_range_of(const char *page) {
    size_t low_len = bytes_get_u16(page + AT_LOW_LEN);
    size_t high_len = bytes_get_u16(page + AT_HIGH_LEN);
    const char *at = page + PAGE_HEADER_LEN;
    bool has_high = high_len != NO_HIGH;
    return (struct page_range){
        .low = slice_of(at, low_len),
        .high = slice_of(at + low_len, has_high ? high_len : 0),
        .has_high = has_high,
    };
}

struct slice page_prefix(const char *page) {
    return slice_of(page + PAGE_HEADER_LEN, bytes_get_u16(page + AT_PREFIX_LEN));
}

static const char *slot_at(const char *page, unsigned index) {
    return page + bytes_get_u16(page + AT_SLOTS) + (size_t)index * PAGE_SLOT_LEN;
}

struct slice page_suffix(const char *page, unsigned index) {
    const char *slot = slot_at(page, index);
    return slice_of(page + bytes_get_u16(slot + 4), bytes_get_u16(slot + 6));
}

struct slice page_value_at(const char *page, unsigned index, bool *ret_is_large) {
    struct slice suffix = page_suffix(page, index);
    const char *at = suffix.ptr + suffix.len;
    uint16_t len = bytes_get_u16(at);
    *ret_is_large = len & LARGE_FLAG;
    return slice_of(at + 2, len & ~LARGE_FLAG);
}

struct page_ref page_child(const char *page, unsigned index) {
    struct slice suffix = page_suffix(page, index);
    const char *at = suffix.ptr + suffix.len;
    return (struct page_ref){bytes_get_u32(at), bytes_get_u32(at + 4)};
}

size_t page_key_copy(const char *page, unsigned index, char *out) {
    struct slice prefix = page_prefix(page);
    struct slice suffix = page_suffix(page, index);
    memcpy(out, prefix.ptr, prefix.len);
    memcpy(out + prefix.len, suffix.ptr, suffix.len);
    return prefix.len + suffix.len;
}

/* The first four bytes as a number that sorts like them. */
static uint32_t head_of(struct slice suffix) {
    uint32_t head = 0;
    memcpy(&head, suffix.ptr, suffix.len < sizeof head ? suffix.len : sizeof head);
    return be32toh(head);
}

static int suffix_cmp(const char *page, const char *slot, uint32_t head, struct slice suffix) {
    uint32_t slot_head = bytes_get_u32(slot);
    if (slot_head != head) return slot_head < head ? -1 : 1;
    struct slice other = slice_of(page + bytes_get_u16(slot + 4), bytes_get_u16(slot + 6));
    size_t min = other.len < suffix.len ? other.len : suffix.len;
    int order = min > 0 ? memcmp(other.ptr, suffix.ptr, min) : 0;
    if (order != 0) return order;
    return other.len < suffix.len ? -1 : other.len > suffix.len;
}

unsigned page_lower_bound(const char *page, struct slice key, bool *ret_exact) {
    *ret_exact = false;
    struct slice prefix = page_prefix(page);
    size_t min = prefix.len < key.len ? prefix.len : key.len;
    int order = min > 0 ? memcmp(key.ptr, prefix.ptr, min) : 0;
    if (order < 0 || (order == 0 && key.len < prefix.len)) return 0;
    if (order > 0) return page_count(page);
    struct slice suffix = slice_skip(key, prefix.len);
    uint32_t head = head_of(suffix);
    const char *slots = slot_at(page, 0);
    unsigned low = 0;
    unsigned high = page_count(page);
    while (low < high) {
        unsigned middle = (low + high) / 2;
        int c = suffix_cmp(page, slots + (size_t)middle * PAGE_SLOT_LEN, head, suffix);
        if (c == 0) *ret_exact = true;
        if (c < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

unsigned page_child_for(const char *page, struct slice key) {
    bool exact;
    unsigned index = page_lower_bound(page, key, &exact);
    return exact || index == 0 ? index : index - 1;
}

size_t page_item_bytes(const struct page_item *item, enum page_kind kind) {
    return PAGE_SLOT_LEN + (kind == PAGE_LEAF ? 2 + item->value.len : (size_t)PAGE_REF_LEN);
}

size_t page_room(const struct page_range *range) {
    size_t ends = range->low.len + range->high.len;
    return PAGE_BYTES - bytes_round_up(PAGE_HEADER_LEN + ends, SLOT_ALIGN);
}

size_t page_prefix_len(const struct page_range *range) {
    return range->has_high ? common_len(range->low, range->high) : 0;
}

static void header_write(char *page, const struct page_identity *identity, size_t count) {
    memset(page, 0, PAGE_HEADER_LEN);
    page[AT_KIND] = (char)identity->kind;
    page[AT_LEVEL] = (char)identity->level;
    bytes_put_u16(page + AT_COUNT, (uint16_t)count);
    bytes_put_u64(page + AT_INDEX_ID, identity->index_id);
    bytes_put_u64(page + AT_GENERATION, identity->generation);
}

static void copy(char *out, struct slice bytes) {
    if (bytes.len > 0) memcpy(out, bytes.ptr, bytes.len);
}

/* Writes one entry at `at`; gives where the next one begins. */
static char *entry_write(char *at, const struct page_item *item, struct slice suffix,
                         enum page_kind kind) {
    copy(at, suffix);
    at += suffix.len;
    if (kind == PAGE_BRANCH) {
        bytes_put_u32(at, item->child.number);
        bytes_put_u32(at + 4, item->child.sum);
        return at + PAGE_REF_LEN;
    }
    bytes_put_u16(at, (uint16_t)(item->value.len | (item->is_large ? LARGE_FLAG : 0)));
    memcpy(at + 2, item->value.ptr, item->value.len);
    return at + 2 + item->value.len;
}

void page_build(char *page, const struct page_identity *identity, const struct page_range *range,
                const struct page_item *items, size_t count) {
    header_write(page, identity, count);
    size_t prefix_len = page_prefix_len(range);
    char *at = page + PAGE_HEADER_LEN;
    copy(at, range->low);
    copy(at + range->low.len, range->high);
    size_t slots = bytes_round_up(PAGE_HEADER_LEN + range->low.len + range->high.len, SLOT_ALIGN);
    bytes_put_u16(page + AT_LOW_LEN, (uint16_t)range->low.len);
    bytes_put_u16(page + AT_HIGH_LEN, range->has_high ? (uint16_t)range->high.len : NO_HIGH);
    bytes_put_u16(page + AT_PREFIX_LEN, (uint16_t)prefix_len);
    bytes_put_u16(page + AT_SLOTS, (uint16_t)slots);
    at = page + slots + count * PAGE_SLOT_LEN;
    for (size_t i = 0; i < count; i++) {
        struct slice suffix = slice_skip(items[i].key, prefix_len);
        char *slot = page + slots + i * PAGE_SLOT_LEN;
        bytes_put_u32(slot, head_of(suffix));
        bytes_put_u16(slot + 4, (uint16_t)(at - page));
        bytes_put_u16(slot + 6, (uint16_t)suffix.len);
        at = entry_write(at, &items[i], suffix, identity->kind);
        CHECK(at <= page + PAGE_BYTES);
    }
    memset(at, 0, (size_t)(page + PAGE_BYTES - at));
}

void page_build_map(char *page, const struct page_identity *identity, uint64_t first) {
    header_write(page, identity, 0);
    bytes_put_u64(page + AT_LOW_LEN, first);
}

struct page_ref page_seal(char *page, uint32_t number) {
    bytes_put_u64(page + AT_NUMBER, number);
    uint32_t sum = checksum_crc32c(0, page + AT_KIND, PAGE_BYTES - AT_KIND);
    bytes_put_u32(page, sum);
    return (struct page_ref){number, sum};
}

struct status page_check(const char *page, uint64_t index_id, struct page_ref ref) {
    if (page_sum(page) != ref.sum || bytes_get_u64(page + AT_NUMBER) != ref.number ||
        bytes_get_u64(page + AT_INDEX_ID) != index_id ||
        checksum_crc32c(0, page + AT_KIND, PAGE_BYTES - AT_KIND) != ref.sum) {
        return status_of(STATUS_CORRUPT);
    }
    return status_ok();
}

static bool entry_fits(const char *page, unsigned index) {
    struct slice suffix = page_suffix(page, index);
    size_t end = (size_t)(suffix.ptr - page) + suffix.len;
    if (page_prefix(page).len + suffix.len > PAGE_NAME_MAX) return false;
    if (page_kind_of(page) == PAGE_BRANCH) return end + PAGE_REF_LEN <= PAGE_BYTES;
    if (end + 2 > PAGE_BYTES) return false;
    bool is_large;
    struct slice value = page_value_at(page, index, &is_large);
    return end + 2 + value.len <= PAGE_BYTES && (!is_large || value.len == PAGE_VALUE_REF_LEN);
}

struct status page_check_entries(const char *page) {
    struct status damaged = status_of(STATUS_CORRUPT);
    unsigned level = page_level(page);
    enum page_kind kind = level == 0 ? PAGE_LEAF : PAGE_BRANCH;
    if (page_kind_of(page) != kind || level >= PAGE_LEVELS_MAX) return damaged;
    if (page_count(page) == 0) return damaged; /* none is built without entries */
    size_t slots = bytes_get_u16(page + AT_SLOTS);
    struct page_range range = page_range_of(page);
    size_t ends = PAGE_HEADER_LEN + range.low.len + range.high.len;
    if (range.low.len > PAGE_NAME_MAX || range.high.len > PAGE_NAME_MAX || ends > slots ||
        slots + (size_t)page_count(page) * PAGE_SLOT_LEN > PAGE_BYTES ||
        page_prefix(page).len != page_prefix_len(&range)) {
        return damaged;
    }
    for (unsigned i = 0; i < page_count(page); i++) {
        if (!entry_fits(page, i)) return damaged;
        if (i > 0 && slice_cmp(page_suffix(page, i - 1), page_suffix(page, i)) >= 0) return damaged;
    }
    return status_ok();
}

struct slice page_separator(struct slice before, struct slice after) {
    return slice_take(after, common_len(before, after) + 1);
}

void page_value_encode(const struct page_value *value, char *out) {
    bytes_put_u64(out, value->grain);
    bytes_put_u32(out + 8, value->len);
    bytes_put_u32(out + 12, value->sum);
}

struct page_value page_value_parse(const char *bytes) {
    return (struct page_value){bytes_get_u64(bytes), bytes_get_u32(bytes + 8),
                               bytes_get_u32(bytes + 12)};
}

uint32_t page_value_sum(uint64_t index_id, uint64_t grain, struct slice bytes) {
    char place[16];
    bytes_put_u64(place, index_id);
    bytes_put_u64(place + 8, grain);
    return checksum_crc32c(checksum_crc32c(0, place, sizeof place), bytes.ptr, bytes.len);
}
