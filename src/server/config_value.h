/*
 * config_value.h - one value of the configuration file: its type, and how it is read
 *
 * The inner side of config.h; only config*.c includes it.
 *
 * Threads: pure functions.
 */
#ifndef SERVER_CONFIG_VALUE_H
#define SERVER_CONFIG_VALUE_H

#include "base/arena.h"
#include "base/note.h"

enum config_section {
#define CONFIG_SECTION(NAME, word, type, named, help) CONFIG_SECTION_##NAME,
#include "server/config.def"
    CONFIG_SECTION_COUNT
};

enum config_type {
    CONFIG_TYPE_ACCESS_FORMAT,
    CONFIG_TYPE_ADDRESSES,
    CONFIG_TYPE_BOOL,
    CONFIG_TYPE_COUNT,
    CONFIG_TYPE_DURATION,
    CONFIG_TYPE_ERASURE_CODE,
    CONFIG_TYPE_GROUP,
    CONFIG_TYPE_HOSTS,
    CONFIG_TYPE_IDENTITY_MODE,
    CONFIG_TYPE_LOG_LEVEL,
    CONFIG_TYPE_MEDIA,
    CONFIG_TYPE_NAME,
    CONFIG_TYPE_NAMES,
    CONFIG_TYPE_NETWORKS,
    CONFIG_TYPE_OWNERSHIP,
    CONFIG_TYPE_PATH,
    CONFIG_TYPE_PATH_OR_OFF,
    CONFIG_TYPE_SIZE,
    CONFIG_TYPE_TEMPAUTH_USERS,
    CONFIG_TYPE_TEXT,
    CONFIG_TYPE_URL,
    CONFIG_TYPE_USER,
};

/* A row of config.def. */
struct config_row {
    enum config_section section;
    const char *key;
    enum config_type type;
    size_t offset; /* of the field in the section's struct */
    const char *initial;
    int64_t min;
    int64_t max;
};

/* Whether values of the type are lists, so that the key may be repeated. */
bool config_type_is_list(enum config_type type);

/* Whether `name` can be the name of a zone, region, policy or endpoint: letters, digits, . _ - */
bool config_name_is_valid(struct slice name);

/*
 * Parses `text` into the row's field of `object`; a list is added to.
 * Owns: what the field points to lies in `arena`.
 * Errors: INVALID, with what is wrong about the value in `note`; NO_MEMORY.
 */
struct status config_value_parse(const struct config_row *row, struct slice text,
                                 struct arena *arena, struct note *note, void *object);

#endif
