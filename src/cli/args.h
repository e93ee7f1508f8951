/*
 * args.h - the words of a command line, by a table
 *
 *     static const struct args_option options[] = {
 *         {"--user", "USER", ARGS_TEXT, "the user's name or id", offsetof(struct wanted, user)},
 *         {"--json", NULL, ARGS_FLAG, "print JSON", offsetof(struct wanted, json)},
 *     };
 *
 * Options are --name VALUE or --name=VALUE, in any order with the positional words; `--` ends
 * them. -h and --help are always there. Refusals are one line, with the nearest option where one is
 * likely meant.
 *
 * Threads: pure functions, but for args_help, which prints.
 */
#ifndef CLI_ARGS_H
#define CLI_ARGS_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/note.h"
#include "base/slice.h"

enum args_type {
    ARGS_FLAG,     /* bool; takes no value */
    ARGS_TEXT,     /* const char *; not empty */
    ARGS_COUNT,    /* uint64_t */
    ARGS_SIZE,     /* uint64_t bytes: 4KiB, 1MB, 100 */
    ARGS_DURATION, /* int64_t nanoseconds: 10s, 500ms */
};

struct args_option {
    const char *name;  /* with its dashes */
    const char *value; /* the word for its value in the help; NULL for flags */
    enum args_type type;
    const char *help;
    size_t offset; /* of the field in the struct that is filled */
};

/* What a command understands. */
struct args_spec {
    const char *usage; /* "hink key create --user USER …", without "Usage:" */
    const char *about; /* what the command does; may have several lines */
    const struct args_option *options;
    size_t option_count;
    size_t positional_max; /* words that are not options; at most ARGS_POSITIONAL_MAX */
};

enum { ARGS_POSITIONAL_MAX = 32 };

/* What came of args_parse, beside the fields. */
struct args_result {
    bool help; /* --help was there; nothing else was looked at */
    const char *positional[ARGS_POSITIONAL_MAX];
    size_t positional_count;
};

/*
 * Parses `argv[0..argc)` (the words behind the command) into `fields`, whose defaults stay where
 * an option is not given. An option may be given once.
 * Errors: INVALID, with one line in `note`.
 */
struct status args_parse(const struct args_spec *spec, int argc, char **argv, struct note *note,
                         void *fields, struct args_result *ret_result);

/* Prints usage, what it does and the options. */
void args_help(const struct args_spec *spec, FILE *out);

/* Each parses one value: "64KiB", "10s"; false on anything else or overflow. */
bool args_parse_size(struct slice text, uint64_t *ret_bytes);
bool args_parse_duration(struct slice text, int64_t *ret_ns);

#endif
