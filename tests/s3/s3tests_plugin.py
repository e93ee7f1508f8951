"""What conformance.py adds to pytest: tests that are not started, halves of the suite, an alarm.

From the environment: HINK_SKIP, a file of names (test_s3::test_x) that are left out; HINK_SHARD,
"0/2" for every other test beginning with the first; HINK_TEST_SECONDS, how long a test, its
preparation or its cleaning may take before it is interrupted and fails.
"""
import os
import pathlib
import signal

import pytest


def name_of(item):
    return item.path.stem + "::" + item.name


def pytest_collection_modifyitems(config, items):
    skipped = set(pathlib.Path(os.environ["HINK_SKIP"]).read_text().split("\n"))
    index, count = map(int, os.environ["HINK_SHARD"].split("/"))
    left = [item for item in items if name_of(item) not in skipped]
    kept = left[index::count]
    config.hook.pytest_deselected(items=[item for item in items if item not in kept])
    items[:] = kept


def alarmed():
    def ring(number, frame):
        raise TimeoutError("the test took too long (HINK_TEST_SECONDS)")

    signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, float(os.environ["HINK_TEST_SECONDS"]), 5)
    try:
        return (yield)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup(item):
    return (yield from alarmed())


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item):
    return (yield from alarmed())


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item):
    return (yield from alarmed())
