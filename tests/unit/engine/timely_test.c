/* Tasks run side by side, and one that does not end is given up. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/check.h"
#include "engine/timely.h"

static atomic_int dropped;

struct work {
    struct timely_task task;
    pthread_barrier_t *meet; /* all are there at once, or nobody goes on */
    int answer;
};

static void work_run(struct timely_task *task) {
    struct work *work = CONTAINER_OF(task, struct work, task);
    if (work->meet) pthread_barrier_wait(work->meet);
    work->answer = 42;
}

static void work_drop(struct timely_task *task) {
    atomic_fetch_add(&dropped, 1);
    free(CONTAINER_OF(task, struct work, task));
}

static struct work *work_new(pthread_barrier_t *meet) {
    struct work *work = calloc(1, sizeof *work);
    work->task.run = work_run;
    work->task.drop = work_drop;
    work->meet = meet;
    return work;
}

static void test_tasks_run_side_by_side(void **state) {
    (void)state;
    enum { COUNT = 8 };
    struct timely *pool = timely_new();
    pthread_barrier_t meet;
    pthread_barrier_init(&meet, NULL, COUNT);
    for (int round = 0; round < 50; round++) {
        struct work *works[COUNT];
        struct timely_task *tasks[COUNT];
        for (size_t i = 0; i < COUNT; i++) {
            works[i] = work_new(&meet);
            tasks[i] = &works[i]->task;
            timely_submit(pool, tasks[i]);
        }
        assert_int_equal(timely_wait(pool, tasks, COUNT, 0), 0);
        for (size_t i = 0; i < COUNT; i++) {
            assert_ptr_equal(tasks[i], &works[i]->task);
            assert_int_equal(works[i]->answer, 42);
            free(works[i]);
        }
    }
    assert_in_range(pool->thread_count, COUNT, COUNT + 8);
    assert_true(timely_free(&pool));
    pthread_barrier_destroy(&meet);
}

static void test_a_late_task_is_the_pools(void **state) {
    (void)state;
    struct timely *pool = timely_new();
    pthread_barrier_t meet;
    pthread_barrier_init(&meet, NULL, 2);
    struct work *stuck = work_new(&meet);
    struct work *quick = work_new(NULL);
    struct timely_task *tasks[] = {&stuck->task, &quick->task};
    timely_submit(pool, tasks[0]);
    timely_submit(pool, tasks[1]);
    assert_int_equal(timely_wait(pool, tasks, 2, 30000000), 1);
    assert_null(tasks[0]);
    assert_ptr_equal(tasks[1], &quick->task);
    assert_int_equal(quick->answer, 42);
    free(quick);
    assert_int_equal(atomic_load(&dropped), 0);
    pthread_barrier_wait(&meet); /* it ends after all */
    struct work *another = work_new(NULL);
    tasks[0] = &another->task;
    while (atomic_load(&dropped) == 0) {
        timely_submit(pool, tasks[0]);
        assert_int_equal(timely_wait(pool, tasks, 1, 0), 0);
    }
    free(another);
    assert_true(timely_free(&pool));
    assert_int_equal(atomic_load(&dropped), 1);
    pthread_barrier_destroy(&meet);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tasks_run_side_by_side),
        cmocka_unit_test(test_a_late_task_is_the_pools),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
