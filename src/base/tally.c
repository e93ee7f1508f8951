#include "base/tally.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"

enum { CAP_FIRST = 64 };

void tally_init(struct tally *tally) {
    *tally = (struct tally){0};
}

void tally_fini(struct tally *tally) {
    free(tally->entries);
    *tally = (struct tally){0};
}

static uint64_t mix(uint64_t value) {
    value = (value ^ (value >> 32)) * UINT64_C(0x9e3779b97f4a7c15);
    return value ^ (value >> 29);
}

/* Where the id is, or would be. */
static struct tally_entry *place_of(const struct tally *tally, const uint8_t *id) {
    uint64_t words[2];
    memcpy(words, id, sizeof words);
    size_t at = (size_t)(mix(words[0]) ^ mix(words[1] + 1)) & (tally->cap - 1);
    while (tally->entries[at].count > 0 && memcmp(tally->entries[at].id, id, TALLY_ID_LEN) != 0) {
        at = (at + 1) & (tally->cap - 1);
    }
    return &tally->entries[at];
}

static void grow(struct tally *tally) {
    struct tally old = *tally;
    tally->cap = old.cap > 0 ? 2 * old.cap : CAP_FIRST;
    tally->entries = calloc(tally->cap, sizeof *tally->entries);
    CHECK(tally->entries);
    for (size_t i = 0; i < old.cap; i++) {
        if (old.entries[i].count > 0) *place_of(tally, old.entries[i].id) = old.entries[i];
    }
    free(old.entries);
}

void tally_add(struct tally *tally, const uint8_t id[TALLY_ID_LEN]) {
    if (4 * (tally->count + 1) > 3 * tally->cap) grow(tally);
    struct tally_entry *entry = place_of(tally, id);
    if (entry->count == 0) {
        memcpy(entry->id, id, TALLY_ID_LEN);
        tally->count++;
    }
    entry->count++;
}

uint32_t tally_take(struct tally *tally, const uint8_t id[TALLY_ID_LEN]) {
    if (tally->count == 0) return 0;
    struct tally_entry *entry = place_of(tally, id);
    entry->taken = entry->count > 0;
    return entry->count;
}

const struct tally_entry *tally_next(const struct tally *tally, size_t *at) {
    while (*at < tally->cap) {
        const struct tally_entry *entry = &tally->entries[(*at)++];
        if (entry->count > 0 && !entry->taken) return entry;
    }
    return NULL;
}

void tally_hash(const void *text, size_t len, uint8_t ret_id[TALLY_ID_LEN]) {
    uint64_t words[2] = {UINT64_C(0xcbf29ce484222325), UINT64_C(0x84222325cbf29ce4)};
    for (size_t i = 0; i < len; i++) {
        uint64_t byte = ((const uint8_t *)text)[i];
        words[0] = (words[0] ^ byte) * UINT64_C(0x100000001b3);
        words[1] = mix(words[1] ^ (byte + 1)) + len;
    }
    memcpy(ret_id, words, sizeof words);
}
