#include "server/config.h"

#include <ctype.h>
#include <errno.h>
#include <ini.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/codec.h"
#include "cli/suggest.h"
#include "server/config_load.h"

enum { ARENA_BLOCK_BYTES = 64 * 1024, ARENA_LIMIT_BYTES = 16 * 1024 * 1024 };

struct section_row {
    const char *word;
    bool named;
};

static const struct section_row sections[] = {
#define CONFIG_SECTION(NAME, word, type, named, help) {word, named},
#include "server/config.def"
};

static const char *const section_words[] = {
#define CONFIG_SECTION(NAME, word, type, named, help) word,
#include "server/config.def"
};

/* The struct behind each section, for the offsets of its fields. */
#define STRUCT_SERVER struct config_server
#define STRUCT_IDENTITY struct config_identity
#define STRUCT_TEMPAUTH struct config_tempauth
#define STRUCT_LIMITS struct config_limits
#define STRUCT_PROXY struct config_proxy
#define STRUCT_LOG struct config_log
#define STRUCT_DRIVE struct config_drive
#define STRUCT_POLICY struct config_policy
#define STRUCT_REGION struct config_region
#define STRUCT_ENDPOINT struct config_endpoint

static const struct config_row rows[] = {
#define CONFIG_KEY(SECTION, key, TYPE, field, initial, min, max, help) \
    {CONFIG_SECTION_##SECTION,                                         \
     key,                                                              \
     CONFIG_TYPE_##TYPE,                                               \
     offsetof(STRUCT_##SECTION, field),                                \
     initial,                                                          \
     min,                                                              \
     max},
#include "server/config.def"
};

_Static_assert(ARRAY_LEN(rows) <= CONFIG_KEYS_MAX, "config_block.key_lines is too short");

size_t config_row_count(void) {
    return ARRAY_LEN(rows);
}

const struct config_row *config_row_at(size_t index) {
    return &rows[index];
}

const char *config_section_word(enum config_section section) {
    return section_words[section];
}

struct status config_refuse(struct config_loader *loader, unsigned line, const char *format, ...) {
    if (loader->failed) return status_of(STATUS_INVALID);
    char text[NOTE_TEXT_MAX];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    loader->failed = true;
    if (loader->name == NULL) return note_status(loader->note, STATUS_INVALID, "%s", text);
    if (line == 0) return note_status(loader->note, STATUS_INVALID, "%s: %s", loader->name, text);
    return note_status(loader->note, STATUS_INVALID, "%s:%u: %s", loader->name, line, text);
}

unsigned config_line_of(const struct config_block *block, const char *key) {
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (rows[i].section != block->section || strcmp(rows[i].key, key) != 0) continue;
        return block->key_lines[i] != 0 ? block->key_lines[i] : block->line;
    }
    CHECK(!"a key of config.def");
    return 0;
}

const struct config_block *config_block_of(const struct config_loader *loader, const void *object) {
    for (size_t i = 0; i < loader->block_count; i++) {
        if (loader->blocks[i].object == object) return &loader->blocks[i];
    }
    CHECK(!"an object of the configuration");
    return NULL;
}

static void set_defaults(struct config_loader *loader, enum config_section section, void *object) {
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (rows[i].section != section || rows[i].initial == NULL) continue;
        struct status s = config_value_parse(&rows[i], slice_str(rows[i].initial),
                                             &loader->config->arena, NULL, object);
        CHECK(is_ok(s));
    }
}

static struct config_block *add_block(struct config_loader *loader, enum config_section section,
                                      const char *name, void *object, unsigned line) {
    CHECK(loader->block_count < CONFIG_BLOCKS_MAX);
    struct config_block *block = &loader->blocks[loader->block_count++];
    *block =
        (struct config_block){.section = section, .name = name, .object = object, .line = line};
    set_defaults(loader, section, object);
    return block;
}

static struct config_block *find_block(struct config_loader *loader, enum config_section section,
                                       struct slice name) {
    for (size_t i = 0; i < loader->block_count; i++) {
        struct config_block *block = &loader->blocks[i];
        if (block->section == section && slice_eq(slice_str(block->name), name)) return block;
    }
    return NULL;
}

/* Takes the next place in the array of a named section; NULL where it is full. */
static void *next_object(struct config *config, enum config_section section, const char *name) {
    switch (section) {
        case CONFIG_SECTION_DRIVE:
            if (config->drive_count == CONFIG_DRIVES_MAX) return NULL;
            config->drives[config->drive_count].name = name;
            return &config->drives[config->drive_count++];
        case CONFIG_SECTION_POLICY:
            if (config->policy_count == CONFIG_POLICIES_MAX) return NULL;
            config->policies[config->policy_count].name = name;
            return &config->policies[config->policy_count++];
        case CONFIG_SECTION_REGION:
            if (config->region_count == CONFIG_REGIONS_MAX) return NULL;
            config->regions[config->region_count].name = name;
            return &config->regions[config->region_count++];
        default:
            CHECK(section == CONFIG_SECTION_ENDPOINT);
            if (config->endpoint_count == CONFIG_ENDPOINTS_MAX) return NULL;
            config->endpoints[config->endpoint_count].name = name;
            return &config->endpoints[config->endpoint_count++];
    }
}

static void begin_named(struct config_loader *loader, enum config_section section,
                        struct slice name) {
    const char *word = sections[section].word;
    if (!config_name_is_valid(name)) {
        IGNORE_STATUS(config_refuse(loader, loader->line,
                                    "[%s NAME] needs a name of letters, digits, '.', '_' and '-'",
                                    word));
        return;
    }
    struct config_block *twin = find_block(loader, section, name);
    if (twin != NULL) {
        IGNORE_STATUS(config_refuse(loader, loader->line, "[%s %s] is there already, in line %u",
                                    word, twin->name, twin->line));
        return;
    }
    const char *copy = arena_cstr(&loader->config->arena, name);
    void *object = copy ? next_object(loader->config, section, copy) : NULL;
    if (object == NULL) {
        IGNORE_STATUS(config_refuse(loader, loader->line, "too many [%s NAME] sections", word));
        return;
    }
    loader->current = add_block(loader, section, copy, object, loader->line);
}

static void begin_single(struct config_loader *loader, enum config_section section,
                         struct slice name) {
    const char *word = sections[section].word;
    struct config_block *block = find_block(loader, section, SLICE(""));
    if (name.len != 0) {
        IGNORE_STATUS(config_refuse(loader, loader->line, "[%s] takes no name", word));
    } else if (block->line != 0) {
        IGNORE_STATUS(config_refuse(loader, loader->line, "[%s] is there already, in line %u", word,
                                    block->line));
    } else {
        block->line = loader->line;
        loader->current = block;
    }
}

static void begin_section(struct config_loader *loader, struct slice title) {
    struct slice word;
    struct slice name;
    slice_cut(slice_trim(title), ' ', &word, &name);
    for (size_t i = 0; i < ARRAY_LEN(sections); i++) {
        if (!slice_eq(word, slice_str(sections[i].word))) continue;
        if (sections[i].named) {
            begin_named(loader, (enum config_section)i, slice_trim(name));
        } else {
            begin_single(loader, (enum config_section)i, slice_trim(name));
        }
        return;
    }
    const char *near = suggest(word, section_words, ARRAY_LEN(section_words));
    IGNORE_STATUS(config_refuse(loader, loader->line, "unknown section [%.*s]%s%s%s",
                                SLICE_FMT(slice_take(title, 80)), near ? "; is it [" : "",
                                near ? near : "", near ? "]?" : ""));
}

static void refuse_key(struct config_loader *loader, struct slice key) {
    const char *words[ARRAY_LEN(rows)];
    size_t count = 0;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (rows[i].section == loader->current->section) words[count++] = rows[i].key;
    }
    const char *near = suggest(key, words, count);
    IGNORE_STATUS(config_refuse(loader, loader->line, "unknown key '%.*s' in [%s]%s%s%s",
                                SLICE_FMT(slice_take(key, 80)),
                                sections[loader->current->section].word, near ? "; is it '" : "",
                                near ? near : "", near ? "'?" : ""));
}

static void take_value(struct config_loader *loader, size_t row, struct slice value) {
    struct config_block *block = loader->current;
    unsigned before = block->key_lines[row];
    if (before != 0 && !config_type_is_list(rows[row].type)) {
        IGNORE_STATUS(config_refuse(loader, loader->line, "%s is there already, in line %u",
                                    rows[row].key, before));
        return;
    }
    struct note why = {0};
    struct status s =
        config_value_parse(&rows[row], value, &loader->config->arena, &why, block->object);
    if (!is_ok(s)) {
        IGNORE_STATUS(config_refuse(loader, loader->line, "%s: %s", rows[row].key,
                                    why.text[0] ? why.text : status_text(s.code)));
        return;
    }
    if (before == 0) block->key_lines[row] = loader->line;
}

/* libinih's handler: one key. Sections are seen by the reader, which knows empty ones too. */
static int take_key(void *user, const char *section, const char *key, const char *value) {
    struct config_loader *loader = user;
    (void)section;
    if (loader->failed) return 0;
    if (loader->current == NULL) {
        IGNORE_STATUS(config_refuse(loader, loader->line, "'%s' stands before any section", key));
        return 0;
    }
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (rows[i].section != loader->current->section || strcmp(rows[i].key, key) != 0) continue;
        take_value(loader, i, slice_str(value));
        return !loader->failed;
    }
    refuse_key(loader, slice_str(key));
    return 0;
}

/* What libinih reads from: the text of the file, line by line. */
struct reader {
    struct config_loader *loader;
    struct slice rest;
};

static bool line_is_text(struct slice line) {
    for (size_t i = 0; i < line.len; i++) {
        if ((unsigned char)line.ptr[i] < 0x20 && line.ptr[i] != '\t') return false;
        if (line.ptr[i] == 0x7f) return false;
    }
    return utf8_is_valid(line);
}

/* Looks at a line before libinih does: what it would cut off or misread silently is refused. */
static void inspect_line(struct config_loader *loader, struct slice line) {
    if (line.len > CONFIG_LINE_MAX) {
        IGNORE_STATUS(config_refuse(loader, loader->line, "the line is longer than %d bytes",
                                    (int)CONFIG_LINE_MAX));
    } else if (!line_is_text(line)) {
        IGNORE_STATUS(config_refuse(loader, loader->line, "the line is not UTF-8 text"));
    } else if (line.len > 0 && line.ptr[0] == '[') {
        struct slice title;
        struct slice rest;
        bool closed = slice_cut(slice_skip(line, 1), ']', &title, &rest);
        rest = slice_trim(rest);
        if (!closed || (rest.len > 0 && rest.ptr[0] != ';' && rest.ptr[0] != '#')) {
            IGNORE_STATUS(
                config_refuse(loader, loader->line, "a section is [WORD] or [WORD NAME]"));
        } else {
            begin_section(loader, title);
        }
    }
}

/*
 * libinih's reader, in the manner of fgets. Every line is handed over without the blanks in front,
 * which would make it the continuation of the one before, and ended by a line feed.
 */
static char *read_line(char *out, int cap, void *stream) {
    struct reader *reader = stream;
    if (reader->rest.len == 0 || reader->loader->failed) return NULL;
    struct slice line;
    slice_cut(reader->rest, '\n', &line, &reader->rest);
    if (slice_ends_with(line, SLICE("\r"))) line.len--;
    reader->loader->line++;
    line = slice_trim(line);
    inspect_line(reader->loader, line);
    if (reader->loader->failed) return NULL;
    /* A title is none of libinih's business any more; it has a shorter limit for it than we do. */
    if (line.len > 0 && line.ptr[0] == '[') line.len = 0;
    CHECK(cap > 1 && line.len < (size_t)cap - 1);
    memcpy(out, line.ptr, line.len);
    out[line.len] = '\n';
    out[line.len + 1] = 0;
    return out;
}

static struct status read_lines(struct config_loader *loader, struct slice text) {
    if (slice_starts_with(text, SLICE("\xef\xbb\xbf"))) text = slice_skip(text, 3);
    struct reader reader = {loader, text};
    int broken_line = ini_parse_stream(read_line, &reader, take_key, loader);
    if (loader->failed) return status_of(STATUS_INVALID);
    if (broken_line == 0) return status_ok();
    return config_refuse(loader, broken_line > 0 ? (unsigned)broken_line : 0,
                         "neither a [section] nor 'key = value'");
}

static struct status loader_begin(struct config_loader *loader) {
    struct config *config = loader->config;
    struct arena *arena = &config->arena;
    config->drives = arena_calloc(arena, CONFIG_DRIVES_MAX, sizeof *config->drives);
    config->policies = arena_calloc(arena, CONFIG_POLICIES_MAX, sizeof *config->policies);
    config->regions = arena_calloc(arena, CONFIG_REGIONS_MAX, sizeof *config->regions);
    config->endpoints = arena_calloc(arena, CONFIG_ENDPOINTS_MAX, sizeof *config->endpoints);
    loader->blocks = calloc(CONFIG_BLOCKS_MAX, sizeof *loader->blocks);
    if (loader->name != NULL) config->path = arena_cstr(arena, slice_str(loader->name));
    if (loader->blocks == NULL || !is_ok(arena_ok(arena))) return status_of(STATUS_NO_MEMORY);
    add_block(loader, CONFIG_SECTION_SERVER, "", &config->server, 0);
    add_block(loader, CONFIG_SECTION_IDENTITY, "", &config->identity, 0);
    add_block(loader, CONFIG_SECTION_TEMPAUTH, "", &config->tempauth, 0);
    add_block(loader, CONFIG_SECTION_LIMITS, "", &config->limits, 0);
    add_block(loader, CONFIG_SECTION_PROXY, "", &config->proxy, 0);
    add_block(loader, CONFIG_SECTION_LOG, "", &config->log, 0);
    return status_ok();
}

/* What is behind a name given on the command line instead of a line of a file. */
static struct status set_option(struct config_loader *loader, enum config_section section,
                                const char *name, const char *key, const char *option,
                                const char *value) {
    if (value == NULL) return status_ok();
    struct config_block *block = find_block(loader, section, slice_str(name));
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (rows[i].section != section || strcmp(rows[i].key, key) != 0) continue;
        struct note why = {0};
        struct status s = config_value_parse(&rows[i], slice_str(value), &loader->config->arena,
                                             &why, block->object);
        return is_ok(s) ? s : config_refuse(loader, 0, "%s: %s", option, why.text);
    }
    CHECK(!"a key of config.def");
    return status_ok();
}

static struct status set_options(struct config_loader *loader,
                                 const struct config_options *options) {
    const char *listen = options->listen ? options->listen : "127.0.0.1:9000";
    TRY(set_option(loader, CONFIG_SECTION_SERVER, "", "data", "--data", options->data_dir));
    TRY(set_option(loader, CONFIG_SECTION_SERVER, "", "admin_listen", "--admin-listen",
                   options->admin_listen));
    return set_option(loader, CONFIG_SECTION_ENDPOINT, "default", "listen", "--listen", listen);
}

/* What is loaded: a text, with options laid over it where there is no file. */
struct load_request {
    const char *name;
    struct slice text;
    const struct config_options *options;
    bool check_paths;
};

static struct status load_into(struct config_loader *loader, const struct load_request *request) {
    TRY(loader_begin(loader));
    TRY(read_lines(loader, request->text));
    if (request->options != NULL) TRY(set_options(loader, request->options));
    TRY(config_complete(loader));
    return request->check_paths ? config_check_paths(loader) : status_ok();
}

static struct status load(const struct load_request *request, struct note *note,
                          struct config **ret_config) {
    struct config *config = calloc(1, sizeof *config);
    if (config == NULL) return status_of(STATUS_NO_MEMORY);
    arena_init(&config->arena, ARENA_BLOCK_BYTES, ARENA_LIMIT_BYTES);
    struct config_loader loader = {.name = request->name, .config = config, .note = note};
    struct status s = load_into(&loader, request);
    free(loader.blocks);
    if (!is_ok(s)) {
        config_free(&config);
        return s;
    }
    *ret_config = config;
    return s;
}

struct status config_parse(const char *name, struct slice text, struct note *note,
                           struct config **ret_config) {
    struct load_request request = {.name = name, .text = text};
    return load(&request, note, ret_config);
}

struct status config_default(const struct config_options *options, struct note *note,
                             struct config **ret_config) {
    struct load_request request = {
        .text = SLICE("[policy standard]\ncopies = 1\n"
                      "[region us-east-1]\npolicies = standard\n"
                      "[endpoint default]\nregion = us-east-1\n"),
        .options = options,
        .check_paths = true,
    };
    return load(&request, note, ret_config);
}

static struct status note_errno(struct note *note, const char *path) {
    int error = errno;
    return note_status(note, status_from_errno(error).code, "%s: %s", path, strerrordesc_np(error));
}

static struct status read_file(const char *path, char *buffer, struct note *note, size_t *ret_len) {
    FILE *file = fopen(path, "re");
    if (file == NULL) return note_errno(note, path);
    size_t len = fread(buffer, 1, CONFIG_FILE_BYTES_MAX + 1, file);
    struct status s = ferror(file) ? note_errno(note, path) : status_ok();
    fclose(file);
    if (!is_ok(s)) return s;
    if (len > CONFIG_FILE_BYTES_MAX) {
        return note_status(note, STATUS_INVALID, "%s: larger than %d bytes", path,
                           (int)CONFIG_FILE_BYTES_MAX);
    }
    *ret_len = len;
    return status_ok();
}

struct status config_load(const char *path, struct note *note, struct config **ret_config) {
    char *text = malloc(CONFIG_FILE_BYTES_MAX + 1);
    if (text == NULL) return status_of(STATUS_NO_MEMORY);
    size_t len = 0;
    struct status s = read_file(path, text, note, &len);
    struct load_request request = {.name = path, .text = slice_of(text, len), .check_paths = true};
    if (is_ok(s)) s = load(&request, note, ret_config);
    free(text);
    return s;
}

void config_free(struct config **config) {
    if (*config == NULL) return;
    arena_fini(&(*config)->arena);
    free(*config);
    *config = NULL;
}

const struct config_policy *config_policy_find(const struct config *config, struct slice name) {
    for (size_t i = 0; i < config->policy_count; i++) {
        if (slice_eq(slice_str(config->policies[i].name), name)) return &config->policies[i];
    }
    return NULL;
}

const struct config_region *config_region_find(const struct config *config, struct slice name) {
    for (size_t i = 0; i < config->region_count; i++) {
        if (slice_eq(slice_str(config->regions[i].name), name)) return &config->regions[i];
    }
    return NULL;
}

bool config_region_offers(const struct config_region *region, struct slice policy) {
    for (size_t i = 0; i < region->policies.count; i++) {
        if (slice_eq(slice_str(region->policies.items[i]), policy)) return true;
    }
    return false;
}
