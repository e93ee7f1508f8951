"""What an operator does with drives, by command, against a server that serves meanwhile."""
import json
import random
import signal
import subprocess
import urllib.request

from conftest import ROOT  # noqa: F401  (puts tests/s3 on the path)
from hinkserver import hink_binary
from test_drives import BUCKET, check, put, spoil, start


class Commands:
    def __init__(self, folder):
        self.where = ["--config", str(folder / "hink.conf")]

    def run(self, *words, code=0):
        done = subprocess.run([hink_binary(), *map(str, words), *self.where], capture_output=True,
                              text=True, timeout=120, stdin=subprocess.DEVNULL)
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout + done.stderr

    def drives(self):
        reply = json.loads(self.run("drive", "list", "--json"))
        return {drive["number"]: drive for drive in reply["items"]}


def metrics(server):
    with urllib.request.urlopen(f"http://{server.admin}/metrics", timeout=10) as answer:
        return answer.read().decode()


def test_add_drain_replace_remove(tmp_path):
    chance = random.Random(7)
    hink = Commands(tmp_path)
    server, s3 = start(tmp_path, 3)
    s3.create_bucket(Bucket=BUCKET)
    sums = put(s3, chance, [f"a/{n}" for n in range(8)])

    # The fourth comes while the server runs, and two empties itself onto it.
    assert "in service" in hink.run("drive", "add", tmp_path / "new")
    assert "already" in hink.run("drive", "add", tmp_path / "new", code=1)
    hink.run("drive", "drain", tmp_path / "d1", "--wait")
    drives = hink.drives()
    assert drives[2]["state"] == "drained" and drives[2]["pieces"] == 0
    assert drives[4]["pieces"] == len(sums)
    check(s3, sums)
    assert "removed" in hink.run("drive", "remove", 2)
    assert "there is no drive" in hink.run("drive", "remove", 2, code=1)

    # The new one is known after a restart, though the configuration does not name it.
    assert server.stop(signal.SIGKILL) == -signal.SIGKILL
    server, s3 = start(tmp_path, 3)
    assert set(hink.drives()) == {1, 3, 4}
    check(s3, sums)
    sums |= put(s3, chance, [f"b/{n}" for n in range(4)])

    # One is lost; another takes its place and fills up by itself.
    assert server.stop() == 0
    (tmp_path / "d0").rename(tmp_path / "away")
    server, s3 = start(tmp_path, 3)
    drives = hink.drives()
    assert drives[1]["state"] == "missing" and drives[1]["pieces_short"] == len(sums)
    assert f"pieces_short {len(sums)}" in metrics(server)
    hink.run("drive", "replace", 1, tmp_path / "d9", "--wait")
    drives = hink.drives()
    assert 1 not in drives or drives[1]["pieces"] == 0
    assert drives[5]["pieces"] == len(sums)
    assert "pieces_short 0" in metrics(server)
    check(s3, sums)
    status = hink.run("status")
    assert "takes writes" in status and "0 are to be made again" in status
    assert server.stop() == 0


def test_a_removal_that_loses_something_says_so(tmp_path):
    chance = random.Random(8)
    hink = Commands(tmp_path)
    server, s3 = start(tmp_path, 2, copies=1)
    s3.create_bucket(Bucket=BUCKET)
    sums = put(s3, chance, [f"a/{n}" for n in range(8)])
    assert "can be read only with drive" in hink.run("drive", "remove", 1, code=1)
    check(s3, sums)
    assert "LOST" in hink.run("drive", "remove", "--help")
    hink.run("drive", "remove", 1, "--lose-data")
    assert 1 not in hink.drives()
    put(s3, chance, sums)  # overwriting what is lost is possible
    assert server.stop() == 0


def test_scrub(tmp_path):
    chance = random.Random(9)
    hink = Commands(tmp_path)
    server, s3 = start(tmp_path, 3)
    s3.create_bucket(Bucket=BUCKET)
    sums = put(s3, chance, [f"a/{n}" for n in range(8)])
    assert "never" in hink.run("scrub", "status")
    assert server.stop() == 0
    spoil(tmp_path / "d0", chance)
    server, s3 = start(tmp_path, 3)
    said = hink.run("scrub", "start", "--wait")
    assert "done" in said and f"{len(sums)} objects" in said and "0 objects damaged" in said
    scrub = json.loads(hink.run("scrub", "status", "--json"))["scrub"]
    assert scrub["repaired"] > 0
    assert hink.drives()[1]["errors"] > 0
    hink.run("scrub", "start", "--wait")
    assert json.loads(hink.run("scrub", "status", "--json"))["scrub"]["repaired"] == scrub["repaired"]
    check(s3, sums)
    assert server.stop() == 0
    assert "done" in hink.run("scrub", "status")
    assert "no server runs" in hink.run("scrub", "start", code=1)
