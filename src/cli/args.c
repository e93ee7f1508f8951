#include "cli/args.h"

#include <string.h>

#include "base/check.h"
#include "base/date.h"
#include "cli/suggest.h"

enum { OPTIONS_MAX = 64 };

struct unit {
    const char *word;
    uint64_t factor;
};

static const struct unit size_units[] = {
    {"", 1},          {"B", 1},
    {"KiB", 1 << 10}, {"MiB", 1 << 20},
    {"GiB", 1 << 30}, {"kB", 1000},
    {"MB", 1000000},  {"GB", 1000000000},
    {"K", 1 << 10},   {"M", 1 << 20},
    {"G", 1 << 30},   {"TiB", UINT64_C(1) << 40},
    {"k", 1 << 10},   {"TB", 1000000000000},
};

static const struct unit duration_units[] = {
    {"ms", (uint64_t)NS_PER_MS},
    {"s", (uint64_t)NS_PER_S},
    {"m", 60 * (uint64_t)NS_PER_S},
    {"h", 3600 * (uint64_t)NS_PER_S},
};

static bool parse_with_unit(struct slice text, const struct unit *units, size_t count,
                            uint64_t *ret_value) {
    size_t digits = 0;
    while (digits < text.len && text.ptr[digits] >= '0' && text.ptr[digits] <= '9') digits++;
    uint64_t number;
    if (!slice_parse_u64(slice_take(text, digits), &number)) return false;
    for (size_t i = 0; i < count; i++) {
        if (!slice_eq(slice_skip(text, digits), slice_str(units[i].word))) continue;
        return !__builtin_mul_overflow(number, units[i].factor, ret_value);
    }
    return false;
}

bool args_parse_size(struct slice text, uint64_t *ret_bytes) {
    return parse_with_unit(text, size_units, ARRAY_LEN(size_units), ret_bytes);
}

bool args_parse_duration(struct slice text, int64_t *ret_ns) {
    uint64_t ns;
    if (!parse_with_unit(text, duration_units, ARRAY_LEN(duration_units), &ns)) return false;
    if (ns > INT64_MAX) return false;
    *ret_ns = (int64_t)ns;
    return true;
}

static struct status refuse_value(struct note *note, const struct args_option *option,
                                  const char *value, const char *expected) {
    return note_status(note, STATUS_INVALID, "%s: '%.80s' is not %s", option->name, value,
                       expected);
}

static struct status set_value(const struct args_option *option, const char *value, void *fields,
                               struct note *note) {
    void *field = (char *)fields + option->offset;
    switch (option->type) {
        case ARGS_FLAG:
            *(bool *)field = true;
            return status_ok();
        case ARGS_TEXT:
            if (value[0] == 0) return refuse_value(note, option, value, "a value");
            *(const char **)field = value;
            return status_ok();
        case ARGS_COUNT:
            if (slice_parse_u64(slice_str(value), field)) return status_ok();
            return refuse_value(note, option, value, "a whole number");
        case ARGS_SIZE:
            if (args_parse_size(slice_str(value), field)) return status_ok();
            return refuse_value(note, option, value, "a size, as in 4KiB or 1MB");
        case ARGS_DURATION:
            if (args_parse_duration(slice_str(value), field)) return status_ok();
            return refuse_value(note, option, value, "a duration, as in 10s or 500ms");
    }
    CHECK(!"a type of args_type");
    return status_ok();
}

static struct status refuse_unknown(const struct args_spec *spec, struct slice name,
                                    struct note *note) {
    const char *words[OPTIONS_MAX];
    size_t count = 0;
    for (size_t i = 0; i < spec->option_count; i++) words[count++] = spec->options[i].name;
    const char *near = suggest(name, words, count);
    return note_status(note, STATUS_INVALID, "unknown option %.*s%s%s%s",
                       SLICE_FMT(slice_take(name, 80)), near ? "; did you mean " : "",
                       near ? near : "", near ? "?" : "");
}

/* The words of one command line on their way. */
struct walk {
    const struct args_spec *spec;
    int argc;
    char **argv;
    int next;
    bool given[OPTIONS_MAX];
    void *fields;
    struct note *note;
};

static struct status take_option(struct walk *walk, const char *word) {
    struct slice name;
    struct slice rest;
    bool joined = slice_cut(slice_str(word), '=', &name, &rest);
    size_t index = 0;
    while (index < walk->spec->option_count &&
           !slice_eq(slice_str(walk->spec->options[index].name), name)) {
        index++;
    }
    if (index == walk->spec->option_count) return refuse_unknown(walk->spec, name, walk->note);
    const struct args_option *option = &walk->spec->options[index];
    if (walk->given[index]) {
        return note_status(walk->note, STATUS_INVALID, "%s is given twice", option->name);
    }
    walk->given[index] = true;
    if (option->type == ARGS_FLAG) {
        if (!joined) return set_value(option, "", walk->fields, walk->note);
        return note_status(walk->note, STATUS_INVALID, "%s takes no value", option->name);
    }
    if (joined) return set_value(option, rest.ptr, walk->fields, walk->note);
    if (walk->next == walk->argc) {
        return note_status(walk->note, STATUS_INVALID, "%s needs %s", option->name, option->value);
    }
    return set_value(option, walk->argv[walk->next++], walk->fields, walk->note);
}

static struct status take_positional(struct walk *walk, const char *word,
                                     struct args_result *result) {
    if (result->positional_count == walk->spec->positional_max) {
        return note_status(walk->note, STATUS_INVALID, "unexpected '%.80s'", word);
    }
    result->positional[result->positional_count++] = word;
    return status_ok();
}

static bool is_help(const char *word) {
    return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0;
}

struct status args_parse(const struct args_spec *spec, int argc, char **argv, struct note *note,
                         void *fields, struct args_result *ret_result) {
    CHECK(spec->option_count <= OPTIONS_MAX && spec->positional_max <= ARGS_POSITIONAL_MAX);
    struct walk walk = {.spec = spec, .argc = argc, .argv = argv, .fields = fields, .note = note};
    struct args_result result = {0};
    for (int i = 0; i < argc && strcmp(argv[i], "--") != 0; i++) {
        if (is_help(argv[i])) result.help = true;
    }
    bool only_words = false;
    while (!result.help && walk.next < argc) {
        const char *word = argv[walk.next++];
        if (!only_words && strcmp(word, "--") == 0) {
            only_words = true;
        } else if (!only_words && word[0] == '-' && word[1] != 0) {
            TRY(take_option(&walk, word));
        } else {
            TRY(take_positional(&walk, word, &result));
        }
    }
    *ret_result = result;
    return status_ok();
}

void args_help(const struct args_spec *spec, FILE *out) {
    fprintf(out, "Usage: %s\n\n%s\n", spec->usage, spec->about);
    if (spec->option_count == 0) return;
    int width = (int)strlen("--help");
    for (size_t i = 0; i < spec->option_count; i++) {
        const struct args_option *o = &spec->options[i];
        int len = (int)(strlen(o->name) + (o->value ? strlen(o->value) + 1 : 0));
        if (len > width) width = len;
    }
    fprintf(out, "\nOptions:\n");
    for (size_t i = 0; i < spec->option_count; i++) {
        const struct args_option *o = &spec->options[i];
        int len = fprintf(out, "  %s%s%s", o->name, o->value ? " " : "", o->value ? o->value : "");
        fprintf(out, "%*s%s\n", width + 4 - len, "", o->help);
    }
    fprintf(out, "  %-*s%s\n", width + 2, "--help", "say this");
}
