/* Options by a table: what is taken, what is refused, what the help says. */
#include "cli/args.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
/* cmocka wants the above first */
#include <cmocka.h>

#include "base/check.h"
#include "cli/suggest.h"

struct fields {
    bool json;
    const char *user;
    uint64_t count;
    uint64_t size;
    int64_t duration;
};

static const struct args_option options[] = {
    {"--json", NULL, ARGS_FLAG, "print JSON", offsetof(struct fields, json)},
    {"--user", "USER", ARGS_TEXT, "whom", offsetof(struct fields, user)},
    {"--count", "N", ARGS_COUNT, "how many", offsetof(struct fields, count)},
    {"--size", "SIZE", ARGS_SIZE, "how large", offsetof(struct fields, size)},
    {"--duration", "TIME", ARGS_DURATION, "how long", offsetof(struct fields, duration)},
};

static const struct args_spec spec = {
    .usage = "hink test [OPTIONS] WORD",
    .about = "Tests.",
    .options = options,
    .option_count = ARRAY_LEN(options),
    .positional_max = 2,
};

/* Parses words, the last of which is followed by NULL. */
static struct status parse(struct fields *fields, struct args_result *result, struct note *note,
                           ...) {
    char *argv[16];
    int argc = 0;
    va_list words;
    va_start(words, note);
    for (char *word; (word = va_arg(words, char *)) != NULL;) argv[argc++] = word;
    va_end(words);
    return args_parse(&spec, argc, argv, note, fields, result);
}

static void test_every_type(void **state) {
    (void)state;
    struct fields f = {0};
    struct args_result r;
    struct note note = {0};
    assert_true(is_ok(parse(&f, &r, &note, "word", "--json", "--user=a=b", "--count", "7", "--size",
                            "4KiB", "--duration=1500ms", "--", "--user", NULL)));
    assert_true(f.json);
    assert_string_equal(f.user, "a=b");
    assert_int_equal(f.count, 7);
    assert_int_equal(f.size, 4096);
    assert_int_equal(f.duration, 1500000000);
    assert_int_equal(r.positional_count, 2);
    assert_string_equal(r.positional[0], "word");
    assert_string_equal(r.positional[1], "--user");
    assert_false(r.help);
}

static void test_defaults_stay(void **state) {
    (void)state;
    struct fields f = {.count = 3, .user = "before"};
    struct args_result r;
    struct note note = {0};
    assert_true(is_ok(parse(&f, &r, &note, NULL)));
    assert_int_equal(f.count, 3);
    assert_string_equal(f.user, "before");
    assert_int_equal(r.positional_count, 0);
}

static void test_help_wins_over_everything(void **state) {
    (void)state;
    struct fields f = {0};
    struct args_result r;
    struct note note = {0};
    assert_true(is_ok(parse(&f, &r, &note, "--nonsense", "-h", NULL)));
    assert_true(r.help);
    assert_true(is_ok(parse(&f, &r, &note, "--", "--help", NULL)));
    assert_false(r.help);
}

static void assert_refused(const char *word, const char *value, const char *expected) {
    struct fields f = {0};
    struct args_result r;
    struct note note = {0};
    assert_true(status_is(parse(&f, &r, &note, word, value, NULL), STATUS_INVALID));
    assert_string_equal(note.text, expected);
}

static void test_refusals(void **state) {
    (void)state;
    assert_refused("--usr", NULL, "unknown option --usr; did you mean --user?");
    assert_refused("--zzzzzzzz", NULL, "unknown option --zzzzzzzz");
    assert_refused("-x", NULL, "unknown option -x");
    assert_refused("--user", NULL, "--user needs USER");
    assert_refused("--user", "", "--user: '' is not a value");
    assert_refused("--json=yes", NULL, "--json takes no value");
    assert_refused("--json", "--json", "--json is given twice");
    assert_refused("--count", "-1", "--count: '-1' is not a whole number");
    assert_refused("--count=", NULL, "--count: '' is not a whole number");
    assert_refused("--size", "4 KiB", "--size: '4 KiB' is not a size, as in 4KiB or 1MB");
    assert_refused("--size", "99999999999TiB",
                   "--size: '99999999999TiB' is not a size, as in 4KiB or 1MB");
    assert_refused("--duration", "10", "--duration: '10' is not a duration, as in 10s or 500ms");
    struct fields f = {0};
    struct args_result r;
    struct note note = {0};
    assert_false(is_ok(parse(&f, &r, &note, "a", "b", "c", NULL)));
    assert_string_equal(note.text, "unexpected 'c'");
}

static void test_sizes_and_durations(void **state) {
    (void)state;
    uint64_t bytes;
    int64_t ns;
    assert_true(args_parse_size(SLICE("0"), &bytes) && bytes == 0);
    assert_true(args_parse_size(SLICE("5GiB"), &bytes) && bytes == UINT64_C(5) << 30);
    assert_true(args_parse_size(SLICE("1kB"), &bytes) && bytes == 1000);
    assert_false(args_parse_size(SLICE(""), &bytes));
    assert_false(args_parse_size(SLICE("KiB"), &bytes));
    assert_true(args_parse_duration(SLICE("2m"), &ns) && ns == INT64_C(120000000000));
    assert_false(args_parse_duration(SLICE("9999999999h"), &ns));
}

static void test_help_lists_every_option(void **state) {
    (void)state;
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    assert_non_null(out);
    args_help(&spec, out);
    fclose(out);
    assert_non_null(strstr(text, "Usage: hink test [OPTIONS] WORD\n\nTests.\n"));
    assert_non_null(strstr(text, "  --json           print JSON\n"));
    assert_non_null(strstr(text, "  --duration TIME  how long\n"));
    assert_non_null(strstr(text, "  --help           say this\n"));
    free(text);
}

static void test_suggestions(void **state) {
    (void)state;
    static const char *const words[] = {"serve", "user", "project", "check-config"};
    assert_string_equal(suggest(SLICE("sevre"), words, 4), "serve");
    assert_string_equal(suggest(SLICE("users"), words, 4), "user");
    assert_string_equal(suggest(SLICE("checkconfig"), words, 4), "check-config");
    assert_null(suggest(SLICE("x"), words, 4));
    assert_null(suggest(SLICE(""), words, 4));
    assert_null(suggest(SLICE("entirely-else"), words, 4));
    char longest[200];
    memset(longest, 'a', sizeof longest);
    assert_null(suggest(slice_of(longest, sizeof longest), words, 4));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_type),
        cmocka_unit_test(test_defaults_stay),
        cmocka_unit_test(test_help_wins_over_everything),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_sizes_and_durations),
        cmocka_unit_test(test_help_lists_every_option),
        cmocka_unit_test(test_suggestions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
