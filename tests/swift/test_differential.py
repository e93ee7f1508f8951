"""hink's Swift API beside Swift's own answers: the same questions, and a list of differences."""
import fnmatch
import json
import pathlib

import pytest

from exchange import Scenario, differences
from hinkswift import SwiftZone
from scenarios import SCENARIOS

HERE = pathlib.Path(__file__).parent


def known_differences():
    """The words of differences.txt: (scenario, asked, what), as patterns, one for each "what"."""
    rows = []
    for line in (HERE / "differences.txt").read_text().splitlines():
        if not line or line.startswith("#"):
            continue
        scenario, asked, whats, why = (word.strip() for word in line.split("|", 3))
        assert why, line
        rows += [(scenario, asked, what.strip()) for what in whats.split(",")]
    return rows


KNOWN = known_differences()


def explains(row, name, at, asked, what):
    return (fnmatch.fnmatchcase(name, row[0]) and
            any(fnmatch.fnmatchcase(text, row[1]) for text in (asked, f"{at}: {asked}")) and
            fnmatch.fnmatchcase(what, row[2]))


def shown(value):
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) < 300 else text[:300] + "…"


@pytest.fixture(scope="module")
def zone(tmp_path_factory):
    made = SwiftZone(tmp_path_factory.mktemp("differential"))
    yield made
    assert made.stop() == 0, made.log()


@pytest.fixture(scope="module")
def used():
    """The rows that a difference needed; checked by the last test of this file."""
    return {"rows": set(), "scenarios": set()}


@pytest.mark.parametrize("name", sorted(SCENARIOS))
def test_scenario(name, zone, used):
    expected = json.loads((HERE / "recorded" / f"{name}.json").read_text())
    run = Scenario(zone.service, name)
    SCENARIOS[name](run)
    found = json.loads(json.dumps(run.steps))
    used["scenarios"].add(name)
    unexplained = []
    for at, what, want, got in differences(name, expected, found):
        asked = expected[min(at, len(expected) - 1)]["asked"]
        rows = [i for i, row in enumerate(KNOWN) if explains(row, name, at, asked, what)]
        used["rows"].update(rows)
        if not rows:
            more = expected[min(at, len(expected) - 1)]["with"]
            unexplained.append(f"{at}: {asked} {more or ''}\n    {what}\n"
                               f"      Swift {shown(want)}\n      hink  {shown(got)}")
    assert not unexplained, f"{len(unexplained)} differences\n" + "\n".join(unexplained)


def test_every_difference_listed_is_one(used):
    if used["scenarios"] != set(SCENARIOS):
        pytest.skip("only says something after all scenarios")
    unused = [" | ".join(row) for i, row in enumerate(KNOWN) if i not in used["rows"]]
    assert not unused, "differences.txt has lines that nothing needs:\n" + "\n".join(unused)
