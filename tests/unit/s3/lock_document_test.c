#include "s3/lock_document.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
/* After those it needs. */
#include <cmocka.h>

#include "base/check.h"
#include "base/date.h"

static struct arena arena;
static struct note note;
static enum lock_defect defect;

static int setup(void **state) {
    (void)state;
    arena_init(&arena, 16 * 1024, 1024 * 1024);
    note.text[0] = '\0';
    return 0;
}

static int teardown(void **state) {
    (void)state;
    arena_fini(&arena);
    return 0;
}

#define LOCK(rule)                                                                 \
    "<ObjectLockConfiguration><ObjectLockEnabled>Enabled</ObjectLockEnabled>" rule \
    "</ObjectLockConfiguration>"
#define RULE(content) "<Rule><DefaultRetention>" content "</DefaultRetention></Rule>"
#define GOVERNANCE "<Mode>GOVERNANCE</Mode>"
#define COMPLIANCE "<Mode>COMPLIANCE</Mode>"

static struct slice written(void (*write)(struct xml_writer *writer, const void *value),
                            const void *value) {
    static char bytes[4096];
    struct buf buf;
    struct xml_writer writer;
    buf_init_fixed(&buf, bytes, sizeof bytes);
    xml_writer_init(&writer, &buf);
    write(&writer, value);
    assert_true(is_ok(xml_end(&writer)));
    return buf_slice(&buf);
}

static void write_default(struct xml_writer *writer, const void *value) {
    lock_default_write(writer, value);
}

static void write_retention(struct xml_writer *writer, const void *value) {
    lock_retention_write(writer, value);
}

static void write_hold(struct xml_writer *writer, const void *value) {
    lock_hold_write(writer, *(const bool *)value);
}

static void test_defaults(void **state) {
    (void)state;
    struct lock_default rule;
    struct lock_default again;
    assert_true(is_ok(lock_default_parse(&arena, SLICE("" LOCK("")), &note, &defect, &rule)));
    assert_int_equal(rule.mode, LOCK_MODE_NONE);
    assert_true(is_ok(lock_default_parse(
        &arena, SLICE("" LOCK(RULE(COMPLIANCE "<Years>2</Years>"))), &note, &defect, &rule)));
    assert_int_equal(rule.mode, LOCK_MODE_COMPLIANCE);
    assert_int_equal(rule.years, 2);
    assert_true(lock_default_until_ns(&rule, 5) == 5 + 730 * INT64_C(86400) * NS_PER_S);
    assert_true(
        is_ok(lock_default_parse(&arena, written(write_default, &rule), &note, &defect, &again)));
    assert_memory_equal(&rule, &again, sizeof rule);
}

static void test_defaults_refused(void **state) {
    (void)state;
    static const struct {
        const char *text;
        enum lock_defect defect;
    } cases[] = {
        {"", LOCK_DEFECT_MALFORMED},
        {"<ObjectLockConfiguration/>", LOCK_DEFECT_MALFORMED},
        {LOCK("<Rule/>"), LOCK_DEFECT_MALFORMED},
        {LOCK(RULE("<Mode>governance</Mode><Days>1</Days>")), LOCK_DEFECT_MALFORMED},
        {LOCK(RULE(GOVERNANCE)), LOCK_DEFECT_MALFORMED},
        {LOCK(RULE(GOVERNANCE "<Days>1</Days><Years>1</Years>")), LOCK_DEFECT_MALFORMED},
        {LOCK(RULE(GOVERNANCE "<Days>0</Days>")), LOCK_DEFECT_PERIOD},
        {LOCK(RULE(GOVERNANCE "<Days>-1</Days>")), LOCK_DEFECT_PERIOD},
        {LOCK(RULE(GOVERNANCE "<Days>36501</Days>")), LOCK_DEFECT_PERIOD},
        {LOCK(RULE(GOVERNANCE "<Years>101</Years>")), LOCK_DEFECT_PERIOD},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct lock_default rule;
        struct status s =
            lock_default_parse(&arena, slice_str(cases[i].text), &note, &defect, &rule);
        if (!status_is(s, STATUS_INVALID)) fail_msg("taken: %s", cases[i].text);
        assert_int_equal(defect, cases[i].defect);
    }
}

static void test_retention(void **state) {
    (void)state;
    struct lock_retention retention;
    struct lock_retention again;
    struct slice text = SLICE("<Retention>" GOVERNANCE
                              "<RetainUntilDate>2030-01-01T00:00:00Z</RetainUntilDate>"
                              "</Retention>");
    assert_true(is_ok(lock_retention_parse(&arena, text, &note, &defect, &retention)));
    assert_int_equal(retention.mode, LOCK_MODE_GOVERNANCE);
    assert_true(is_ok(lock_retention_parse(&arena, written(write_retention, &retention), &note,
                                           &defect, &again)));
    assert_true(again.until_ns == retention.until_ns);
    assert_true(
        is_ok(lock_retention_parse(&arena, SLICE("<Retention/>"), &note, &defect, &retention)));
    assert_int_equal(retention.mode, LOCK_MODE_NONE);
    static const char *const wrong[] = {
        "",
        "<Hold/>",
        "<Retention>" GOVERNANCE "</Retention>",
        "<Retention><RetainUntilDate>2030-01-01T00:00:00Z</RetainUntilDate></Retention>",
        "<Retention>" GOVERNANCE "<RetainUntilDate>soon</RetainUntilDate></Retention>",
        ("<Retention><Mode>NONE</Mode><RetainUntilDate>2030-01-01T00:00:00Z</RetainUntilDate>"
         "</Retention>"),
    };
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        struct status s =
            lock_retention_parse(&arena, slice_str(wrong[i]), &note, &defect, &retention);
        if (!status_is(s, STATUS_INVALID)) fail_msg("taken: %s", wrong[i]);
    }
}

static void test_holds(void **state) {
    (void)state;
    for (int i = 0; i < 2; i++) {
        bool hold = i == 1;
        bool again = !hold;
        assert_true(
            is_ok(lock_hold_parse(&arena, written(write_hold, &hold), &note, &defect, &again)));
        assert_int_equal(again, hold);
    }
    bool hold;
    struct status s = lock_hold_parse(&arena, SLICE("<LegalHold><Status>on</Status></LegalHold>"),
                                      &note, &defect, &hold);
    assert_true(status_is(s, STATUS_INVALID));
}

static void test_versioning(void **state) {
    (void)state;
    static const struct {
        const char *text;
        bool fine;
        bool given;
        bool enabled;
    } cases[] = {
        {"<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>", true, true,
         true},
        {"<VersioningConfiguration><Status>Suspended</Status><MfaDelete>Disabled</MfaDelete>"
         "</VersioningConfiguration>",
         true, true, false},
        {"<VersioningConfiguration/>", true, false, false},
        {"<VersioningConfiguration><Status>enabled</Status></VersioningConfiguration>", false,
         false, false},
        {"<VersioningConfiguration><Status>Enabled</Status><MfaDelete>Enabled</MfaDelete>"
         "</VersioningConfiguration>",
         false, false, false},
        {"<Versioning/>", false, false, false},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        bool given = false;
        bool enabled = false;
        struct status s =
            versioning_parse(&arena, slice_str(cases[i].text), &note, &defect, &given, &enabled);
        assert_int_equal(is_ok(s), cases[i].fine);
        if (!cases[i].fine) continue;
        assert_int_equal(given, cases[i].given);
        assert_int_equal(enabled, cases[i].enabled);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_defaults, setup, teardown),
        cmocka_unit_test_setup_teardown(test_defaults_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(test_retention, setup, teardown),
        cmocka_unit_test_setup_teardown(test_holds, setup, teardown),
        cmocka_unit_test_setup_teardown(test_versioning, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
