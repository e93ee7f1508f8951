#!/usr/bin/env python3
"""Asks hink what Swift was asked, and shows where it answers otherwise.

    tests/swift/compare.py              counts, for each scenario
    tests/swift/compare.py SCENARIO…    each difference
"""
import json
import pathlib
import sys
import tempfile

from exchange import Scenario, differences
from hinkswift import SwiftZone
from scenarios import SCENARIOS

RECORDED = pathlib.Path(__file__).with_name("recorded")


def compare(zone, name):
    """The recorded steps, and what differs from them."""
    expected = json.loads((RECORDED / f"{name}.json").read_text())
    run = Scenario(zone.service, name)
    try:
        SCENARIOS[name](run)
    except OSError as error:
        print(f"{name}: {error!r} at step {len(run.steps)}")
    return expected, differences(name, expected, json.loads(json.dumps(run.steps)))


def show(expected, found):
    for at, what, want, got in found:
        step = expected[min(at, len(expected) - 1)]
        print(f"  {at}: {step['asked']} {step['with'] or ''} [{what}]\n"
              f"      Swift {json.dumps(want, ensure_ascii=False)[:400]}\n"
              f"      hink  {json.dumps(got, ensure_ascii=False)[:400]}")


def main(names):
    with tempfile.TemporaryDirectory() as folder:
        zone = SwiftZone(folder)
        try:
            for name in names or SCENARIOS:
                expected, found = compare(zone, name)
                print(f"{name}: {len({at for at, *_ in found})} of {len(expected)} answers differ")
                if names:
                    show(expected, found)
        finally:
            zone.stop()


if __name__ == "__main__":
    main(sys.argv[1:])
