/*
 * config_load.h - a configuration file on its way to being a configuration
 *
 * The inner side of config.h; only config*.c includes it. The loader remembers the line of every
 * section and key, so that whatever is wrong with them together is said with a line too.
 *
 * Threads: one.
 */
#ifndef SERVER_CONFIG_LOAD_H
#define SERVER_CONFIG_LOAD_H

#include "server/config.h"
#include "server/config_value.h"

enum {
    CONFIG_FILE_BYTES_MAX = 1024 * 1024,
    CONFIG_LINE_MAX = 198, /* what libinih takes, less the line's end and the NUL */
    CONFIG_KEYS_MAX = 128,
    CONFIG_BLOCKS_MAX =
        CONFIG_DRIVES_MAX + CONFIG_POLICIES_MAX + CONFIG_REGIONS_MAX + CONFIG_ENDPOINTS_MAX + 6
};

/* One section of the file: its struct, its line, and the line of each key (0: not there). */
struct config_block {
    enum config_section section;
    const char *name; /* of [word NAME]; "" for [word] */
    void *object;
    unsigned line;
    unsigned key_lines[CONFIG_KEYS_MAX];
};

struct config_loader {
    const char *name; /* of the file, for notes */
    struct config *config;
    struct note *note;
    struct config_block *blocks;
    size_t block_count;
    struct config_block *current; /* the section that keys now belong to; NULL before the first */
    unsigned line;
    bool failed; /* `note` has the reason */
};

/* The rows of config.def, in its order. */
size_t config_row_count(void);
const struct config_row *config_row_at(size_t index);

/* The word of a section, as in "endpoint". */
const char *config_section_word(enum config_section section);

/*
 * Refuses what stands on `line` (0: no line is to blame): writes "FILE:LINE: …" to the note,
 * unless something was refused before.
 */
struct status config_refuse(struct config_loader *loader, unsigned line, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The line of `key` in `block`, or that of the section where the key is not there. */
unsigned config_line_of(const struct config_block *block, const char *key);

/* The block of a section that is there once, whether the file has it or not; never NULL. */
const struct config_block *config_block_of(const struct config_loader *loader, const void *object);

/* Fills in what follows from other values, and refuses what does not fit together. */
struct status config_complete(struct config_loader *loader);

/* Refuses paths, users and groups that can't be used. */
struct status config_check_paths(struct config_loader *loader);

#endif
