"""Three copies of the metadata under a real server: one fails, vanishes, rots, is killed in the middle.

Writers go on all the time; nothing that they were told is lost, and no write is refused.
"""
import random
import re
import shutil
import signal
import subprocess
import threading
import time
import urllib.request

import pytest

from conftest import ROOT  # noqa: F401  (puts tests/s3 on the path)
from hinkserver import Server, free_port, hink_binary
from load import Writer, digest, losses, read
from s3client import client_for

BUCKET = "metadata"
WRITERS = 3
CONFIG = """
[server]
data = {folder}/data
admin_listen = 127.0.0.1:{admin}
[drive one]
path = {folder}/one
media = ssd
metadata = on
[drive two]
path = {folder}/two
media = ssd
metadata = on
[drive bulk]
path = {folder}/bulk
media = hdd
[policy standard]
media = hdd
copies = 1
[region us-east-1]
policies = standard
[endpoint default]
region = us-east-1
listen = 127.0.0.1:{port}
"""


def config_in(folder):
    port, admin = free_port(), free_port()
    path = folder / "hink.conf"
    path.write_text(CONFIG.format(folder=folder, port=port, admin=admin))
    return path, port, admin


STARTED = []


@pytest.fixture(autouse=True)
def stopped():
    """A test that fails leaves no server behind."""
    yield
    while STARTED:
        STARTED.pop().kill()


class Zone:
    """The server on three copies, and writers that never stop."""

    def __init__(self, folder, writers, args=(), **more):
        path, port, admin = config_in(folder)
        self.server = Server(["--config", path, *args], admin=f"127.0.0.1:{admin}", folder=folder,
                             env={"HINK_BUCKETS": BUCKET, **more.pop("env", {})}, **more)
        self.endpoint = f"http://127.0.0.1:{port}"
        self.admin = admin
        self.writers = writers
        self.errors = []
        self.stopping = False
        self.whole = True  # as it was seen last
        self.threads = [threading.Thread(target=self._write, args=(w,), daemon=True)
                        for w in writers]
        STARTED.append(self)
        check(self)  # what was in flight at a kill counts as it is found, before more is written
        for thread in self.threads:
            thread.start()

    def _write(self, writer):
        writer.s3 = client_for(self.endpoint)
        try:
            while not self.stopping:
                writer.step()
        except Exception as error:  # what was in flight is noted
            self.errors.append(error)

    def metrics(self):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.admin}/metrics", timeout=10) as page:
            return page.read().decode()

    def metric(self, name):
        return int(re.search(rf"^{re.escape(name)} (\d+)$", self.metrics(), re.M).group(1))

    def state(self, copy):
        return re.search(rf'copy_state{{copy="{copy}",state="(\w+)"}} 1', self.metrics()).group(1)

    def wait(self, what, seconds=60):
        deadline = time.monotonic() + seconds
        while not what():
            assert self.errors == [], self.errors
            assert time.monotonic() < deadline, self.metrics() + self.server.log()
            time.sleep(0.05)

    def wait_whole(self):
        self.wait(lambda: self.metric("hink_metadata_copies_serving") == 3)

    def rest(self):
        """Stops the writers; none of them has seen an error."""
        self.stopping = True
        for thread in self.threads:
            thread.join()
        assert self.errors == [], self.errors

    def kill(self):
        self.server.stop(signal.SIGKILL)
        self.stopping = True
        for thread in self.threads:
            thread.join()


def check(zone):
    """Everything acknowledged is there; what was in flight is settled."""
    s3 = client_for(zone.endpoint)
    lost = [line for writer in zone.writers for line in losses(s3, BUCKET, writer)]
    assert lost == []
    for writer in zone.writers:
        for key in writer.in_flight:
            body = read(s3, BUCKET, key)
            writer.acknowledged[key] = digest(body)
            writer.bodies[key] = body
        writer.in_flight = {}


def writers_new(seed):
    return [Writer(None, BUCKET, f"w{n}", seed * 100 + n) for n in range(WRITERS)]


def quiet(folder, writers, args=()):
    """A server whose writers rest: for looking at what is there."""
    zone = Zone(folder, [], args)
    zone.writers = writers
    return zone


def spoil(path, chance, count):
    with open(path, "r+b") as file:
        size = file.seek(0, 2)
        for _ in range(count):
            at = chance.randrange(size)
            file.seek(at)
            byte = file.read(1)
            file.seek(at)
            file.write(bytes([byte[0] ^ 1 << chance.randrange(8)]))


def test_a_copy_whose_sync_fails_is_dropped_and_filled_again(tmp_path, shim):
    (tmp_path / "shadow").mkdir()
    folder = tmp_path / "live"
    folder.mkdir()
    writers = writers_new(1)
    env = {"SHIM_ROOT": str(folder), "SHIM_SHADOW": str(tmp_path / "shadow"),
           "SHIM_FAIL": "file:one/meta/log:60+:5"}
    zone = Zone(folder, writers, env=env, preload=str(shim))
    zone.wait(lambda: zone.state("one") == "failed")
    assert zone.metric("hink_metadata_copies_serving") == 2
    before = sum(writer.acknowledgements for writer in writers)
    zone.wait(lambda: sum(writer.acknowledgements for writer in writers) > before + 30)
    zone.wait(lambda: "metadata copy one" in zone.server.log())
    zone.kill()

    zone = Zone(folder, writers)
    zone.wait_whole()
    zone.rest()
    check(zone)
    assert zone.server.stop() == 0


def test_a_copy_that_vanishes_comes_back(tmp_path):
    writers = writers_new(2)
    zone = Zone(tmp_path, writers)
    epoch = zone.metric("hink_metadata_epoch")
    time.sleep(0.5)
    shutil.rmtree(tmp_path / "two" / "meta")  # its files are still open, and take writes
    zone.wait(lambda: zone.metric("hink_metadata_epoch") >= epoch + 2)  # out, and in again
    zone.wait_whole()
    (tmp_path / "one").rename(tmp_path / "away")
    zone.wait(lambda: zone.state("one") == "absent")
    status = subprocess.run([hink_binary(), "status", "--config", tmp_path / "hink.conf"],
                            capture_output=True, text=True, timeout=60)
    assert "copy two: serving" in status.stdout, status.stdout + status.stderr
    assert "copy one: absent" in status.stdout
    time.sleep(0.5)
    (tmp_path / "away").rename(tmp_path / "one")
    zone.wait_whole()
    zone.rest()
    check(zone)
    assert zone.server.stop() == 0

    # Each copy alone has everything, if it is said that the others are gone for good.
    for name, gone in (("two", ["data", "one"]), ("one", ["data", "two"]), ("data", ["one", "two"])):
        for other in gone:
            shutil.rmtree(tmp_path / other / "meta")
        path, _, _ = config_in(tmp_path)
        refused = subprocess.run([hink_binary(), "serve", "--config", path], capture_output=True,
                                 text=True, timeout=60)
        assert refused.returncode == 2
        assert "1 of the 3 copies" in refused.stderr
        assert f"--accept-metadata-from {name}" in refused.stderr
        zone = quiet(tmp_path, writers, ["--accept-metadata-from", name])
        check(zone)
        zone.wait_whole()
        assert zone.server.stop() == 0


def test_a_rotten_copy_is_mended(tmp_path):
    writers = writers_new(3)
    chance = random.Random(3)
    zone = Zone(tmp_path, writers)
    time.sleep(2)
    zone.kill()
    for name, count in (("index", 3000), ("log", 3000)):
        spoil(tmp_path / "data" / "meta" / name, chance, count)
    zone = quiet(tmp_path, writers)
    check(zone)
    assert zone.server.stop() == 0
    # The log was put right at the start: the other copies may have lost it now.
    for other in ("one", "two"):
        spoil(tmp_path / other / "meta" / "log", chance, 3000)
    zone = Zone(tmp_path, writers)
    time.sleep(0.5)
    zone.rest()
    check(zone)
    assert zone.metric("hink_metadata_copies_serving") == 3
    assert zone.server.stop() == 0


def test_kill_in_the_middle_of_filling(tmp_path):
    writers = writers_new(4)
    chance = random.Random(4)
    zone = Zone(tmp_path, writers)
    time.sleep(0.5)
    for _ in range(6):
        zone.kill()
        victim = chance.choice(["data", "one", "two"])
        if zone.whole:
            shutil.rmtree(tmp_path / victim / "meta")
        zone = Zone(tmp_path, writers)
        time.sleep(chance.uniform(0.05, 1.0))
        zone.whole = zone.metric("hink_metadata_copies_serving") == 3
    zone.wait_whole()
    zone.rest()
    check(zone)
    assert zone.server.stop() == 0
