/* The cache of signing keys always answers what the derivation would. */
#include "auth/key_cache.h"

#include <pthread.h>

#include "requests.h"

static void assert_key(struct key_cache *cache, const char *access_key, const char *secret,
                       const char *date, const char *region) {
    const struct sigv4_scope scope = {
        .access_key = slice_str(access_key),
        .date = slice_str(date),
        .region = slice_str(region),
    };
    unsigned char derived[SIGV4_DIGEST_LEN];
    unsigned char cached[SIGV4_DIGEST_LEN];
    sigv4_signing_key(slice_str(secret), &scope, derived);
    for (int i = 0; i < 3; i++) {
        bool found = key_cache_signing_key(cache, slice_str(secret), &scope, cached);
        assert_memory_equal(cached, derived, sizeof derived);
        if (!found) key_cache_keep(cache, slice_str(secret), &scope, cached);
    }
}

static void test_each_part_of_the_scope_counts(void **state) {
    (void)state;
    struct key_cache *cache = NULL;
    assert_true(is_ok(key_cache_new(16, &cache)));
    for (int round = 0; round < 2; round++) {
        assert_key(cache, "one", "secret", "20260301", "r");
        assert_key(cache, "two", "secret", "20260301", "r");
        assert_key(cache, "one", "secret", "20260302", "r");
        assert_key(cache, "one", "secret", "20260301", "s");
    }
    key_cache_free(&cache);
    assert_null(cache);
    key_cache_free(&cache);
}

static void test_only_what_is_kept_is_found(void **state) {
    (void)state;
    const struct sigv4_scope scope = {
        .access_key = SLICE("k"), .date = SLICE("20260301"), .region = SLICE("r")};
    struct key_cache *cache = NULL;
    unsigned char key[SIGV4_DIGEST_LEN];
    assert_true(is_ok(key_cache_new(16, &cache)));
    assert_false(key_cache_signing_key(cache, SLICE("secret"), &scope, key));
    assert_false(key_cache_signing_key(cache, SLICE("secret"), &scope, key));
    key_cache_keep(cache, SLICE("secret"), &scope, key);
    assert_true(key_cache_signing_key(cache, SLICE("secret"), &scope, key));
    assert_false(key_cache_signing_key(cache, SLICE("other"), &scope, key));
    key_cache_free(&cache);
}

static void test_a_changed_secret_gets_its_own_key(void **state) {
    (void)state;
    struct key_cache *cache = NULL;
    assert_true(is_ok(key_cache_new(1, &cache)));
    for (int round = 0; round < 3; round++) {
        assert_key(cache, "one", "secret", "20260301", "r");
        assert_key(cache, "one", "Secret", "20260301", "r");
        assert_key(cache, "one", "secret-and-more", "20260301", "r");
    }
    key_cache_free(&cache);
}

static void test_more_keys_than_places(void **state) {
    (void)state;
    struct key_cache *cache = NULL;
    assert_true(is_ok(key_cache_new(8, &cache)));
    for (int i = 0; i < 200; i++) {
        char name[16];
        snprintf(name, sizeof name, "key-%d", i % 50);
        assert_key(cache, name, "secret", "20260301", "r");
    }
    key_cache_free(&cache);
}

static void test_without_a_cache_or_room_in_it(void **state) {
    (void)state;
    struct key_cache *cache = NULL;
    char long_secret[301];
    char long_key[301];
    memset(long_secret, 's', 300);
    memset(long_key, 'k', 300);
    long_secret[300] = long_key[300] = '\0';
    assert_key(NULL, "one", "secret", "20260301", "r");
    assert_true(is_ok(key_cache_new(8, &cache)));
    assert_key(cache, "one", long_secret, "20260301", "r");
    assert_key(cache, long_key, "secret", "20260301", "r");
    key_cache_free(&cache);
}

static void *hammer(void *cache) {
    const char *const regions[] = {"a", "b", "c", "d", "e", "f", "g"};
    unsigned char key[SIGV4_DIGEST_LEN];
    unsigned char derived[ARRAY_LEN(regions)][SIGV4_DIGEST_LEN];
    uintptr_t wrong = 0;
    struct sigv4_scope scope = {.access_key = SLICE("k"), .date = SLICE("20260301")};
    for (size_t i = 0; i < ARRAY_LEN(regions); i++) {
        scope.region = slice_str(regions[i]);
        sigv4_signing_key(SLICE("secret"), &scope, derived[i]);
    }
    for (size_t i = 0; i < 20000; i++) {
        size_t at = i * 5 % ARRAY_LEN(regions);
        scope.region = slice_str(regions[at]);
        bool found = key_cache_signing_key(cache, SLICE("secret"), &scope, key);
        if (!found) key_cache_keep(cache, SLICE("secret"), &scope, key);
        wrong += memcmp(key, derived[at], sizeof key) != 0;
    }
    return (void *)wrong;
}

static void test_threads(void **state) {
    (void)state;
    struct key_cache *cache = NULL;
    pthread_t threads[4];
    assert_true(is_ok(key_cache_new(4, &cache)));
    for (size_t i = 0; i < ARRAY_LEN(threads); i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, hammer, cache), 0);
    }
    for (size_t i = 0; i < ARRAY_LEN(threads); i++) {
        void *wrong;
        assert_int_equal(pthread_join(threads[i], &wrong), 0);
        assert_null(wrong);
    }
    key_cache_free(&cache);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_part_of_the_scope_counts),
        cmocka_unit_test(test_only_what_is_kept_is_found),
        cmocka_unit_test(test_a_changed_secret_gets_its_own_key),
        cmocka_unit_test(test_more_keys_than_places),
        cmocka_unit_test(test_without_a_cache_or_room_in_it),
        cmocka_unit_test(test_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
