"""The plug is pulled at the moment of an acknowledgement: everything unsynced is gone.

The server runs under a library (shim/) that keeps beside its directory what POSIX promises to
survive, and passes no sync on. As soon as a client has its answer, the durable tree is copied, and
a second server is started on the copy: it must have everything that was acknowledged. Then single
syncs are taken out, and the same check must notice.
"""
import fcntl
import os
import shutil
import signal

import pytest

from conftest import ROOT  # noqa: F401  (puts tests/s3 on the path)
from hinkserver import Bare, wrong_in
from load import Writer, losses
from s3client import client_for

BUCKET = "power"


class Cut:
    """A server under the shim, and what a power cut would leave of it."""

    def __init__(self, folder, shim, skip="", names=""):
        self.folder = folder
        self.shadow = folder / "shadow"
        self.shadow.mkdir(parents=True)
        self.root = folder / "live"
        self.root.mkdir()
        env = {"SHIM_ROOT": str(self.root), "SHIM_SHADOW": str(self.shadow), "SHIM_SKIP": skip,
               "SHIM_NAMES": names, "HINK_BUCKETS": BUCKET}
        self.server = Bare(self.root, env=env, preload=str(shim))
        self.count = 0

    def leave(self):
        """A copy of the durable tree, taken while nothing in it changes."""
        self.count += 1
        copy = self.folder / f"left-{self.count}"
        with open(self.shadow / "lock", "rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            shutil.copytree(self.shadow / "tree", copy)
        return copy

    def end(self):
        self.server.stop(signal.SIGKILL)


def found_after_cut(left, writers):
    """Starts a server on what was left and says what is missing."""
    try:
        server = Bare(left)
    except RuntimeError as error:
        return [f"the server does not start: {error}"]
    try:
        s3 = client_for(server.endpoint)
        try:
            return [line for writer in writers for line in losses(s3, BUCKET, writer)]
        except Exception as error:
            return [f"reading fails: {error}"]
    finally:
        server.stop(signal.SIGKILL)


def wrong_after_cut(left, writers):
    """The same, and what `hink check` finds."""
    wrong = wrong_in(left / "data")
    return [wrong] if wrong else found_after_cut(left, writers)


def run_history(cut, seed, steps, cuts):
    """Steps of one writer; after every (steps/cuts)-th acknowledgement the plug is pulled."""
    writer = Writer(client_for(cut.server.endpoint), BUCKET, "w", seed)
    for step in range(1, steps + 1):
        writer.step()
        if step % (steps // cuts) == 0:
            left = cut.leave()
            lost = wrong_after_cut(left, [writer])
            shutil.rmtree(left)
            if lost:
                return lost
    return []


@pytest.mark.parametrize("names", ["", "eager"])
@pytest.mark.parametrize("seed", [1, 2])
def test_acknowledged_means_durable(tmp_path, shim, seed, names):
    cut = Cut(tmp_path, shim, names=names)
    try:
        assert run_history(cut, seed, steps=48, cuts=12) == []
    finally:
        cut.end()


# Which syncs there are: a rule each. Taking any of them out must lose something acknowledged.
SYNCS = [rule for rule in (ROOT / "tests/fault/syncs.txt").read_text().splitlines()
         if rule and not rule.startswith("#")]


@pytest.mark.parametrize("rule", SYNCS)
def test_each_sync_is_needed(tmp_path, shim, rule):
    try:
        cut = Cut(tmp_path, shim, skip=rule)
    except RuntimeError as error:
        pytest.fail(f"without {rule} the server does not even start: {error}")
    try:
        assert run_history(cut, seed=3, steps=48, cuts=12) != [], f"nobody misses the sync {rule}"
    finally:
        cut.end()
