#!/usr/bin/env python3
"""Asks OpenStack Swift the questions of scenarios.py and writes down what it answers.

    tests/swift/record.py [SCENARIO]…

The answers lie in tests/swift/recorded, and hink's are compared with them by test_differential.py.
"""
import json
import pathlib
import sys
import tempfile

from exchange import Scenario, Service
from real_swift import USERS, RealSwift, is_installed
from scenarios import SCENARIOS

RECORDED = pathlib.Path(__file__).with_name("recorded")
ACCOUNTS = {"A": "AUTH_test", "B": "AUTH_test2"}


def service_of(url):
    """A Service over TempAuth's users."""
    def login(user):
        answer = service.send("GET", "/auth/v1.0", {"X-Auth-User": user, "X-Auth-Key": USERS[user][0]})
        return answer.headers["x-auth-token"]

    service = Service(url, "/v1", ACCOUNTS, login)
    return service


def write(name, steps):
    RECORDED.mkdir(exist_ok=True)
    lines = ",\n".join(json.dumps(step, ensure_ascii=False) for step in steps)
    (RECORDED / f"{name}.json").write_text(f"[\n{lines}\n]\n")


def main(names):
    if not is_installed():
        sys.exit("record: needs the packages swift-proxy, swift-account, swift-container, "
                 "swift-object and memcached")
    with tempfile.TemporaryDirectory() as folder:
        swift = RealSwift(folder)
        try:
            for name in names or SCENARIOS:
                run = Scenario(service_of(swift.url), name)
                SCENARIOS[name](run)
                write(name, run.steps)
                print(f"{name}: {len(run.steps)} answers")
        finally:
            swift.stop()


if __name__ == "__main__":
    main(sys.argv[1:])
