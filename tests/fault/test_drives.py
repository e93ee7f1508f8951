"""Drives of a real server that go wrong, stopped and in the middle of a client's load.

What is tried, each with `verify_always` off and on, and with the page cache dropped before reading:

| what happens to one of four drives, three copies | test |
| --- | --- |
| gone, back elsewhere, an empty directory in its place (stopped) | test_spoiled_and_missing_drives |
| its writes fail: taken away (running) | test_a_fault_in_the_middle_of_a_load[gone] |
| its syncs fail (running) | test_a_fault_in_the_middle_of_a_load[syncs] |
| it turns read-only (running) | test_a_fault_in_the_middle_of_a_load[read-only] |
| it is full (running) | test_a_fault_in_the_middle_of_a_load[full] |
| bits flip in data and tables of checksums (running) | test_rot_in_the_middle_of_a_load |
| bits flip in the index and in the log (stopped) | test_rot_in_the_metadata |
| the only drive is full; it is emptied through S3 | test_a_full_disk_can_be_emptied |
| the one drive of a policy fails, or hangs; the other policy serves | test_the_other_policy_goes_on |

After each the client has lost nothing, every key is there, the store returns to full redundancy by
itself, and `hink check` finds nothing wrong. Failures of reads, torn writes and power cuts are the
simulator's (data_crash_test.c), several copies of the metadata test_metadata.py's.
"""
import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import threading
import time

import pytest
from botocore.exceptions import ClientError

from conftest import ROOT  # noqa: F401  (puts tests/s3 on the path)
from hinkserver import Server, free_port, hink_binary, wrong_in
from load import Writer, losses
from s3client import client_for

BUCKET = "drives"
CONFIG = """
[server]
data = {folder}/data
admin_listen = 127.0.0.1:{admin}
verify_always = {verify}
[limits]
scrub_rate = 0
{drives}
[policy standard]
media = ssd
copies = {copies}
same_device = on
allow_reduced_redundancy = on
[region us-east-1]
policies = standard
[endpoint default]
region = us-east-1
listen = 127.0.0.1:{port}
"""


def start(folder, count=4, copies=3, verify="off", **more):
    drives = "".join(f"[drive d{n}]\npath = {folder}/d{n}\nmedia = ssd\n" for n in range(count))
    port, admin = free_port(), free_port()
    config = folder / "hink.conf"
    config.write_text(CONFIG.format(folder=folder, drives=drives, port=port, admin=admin,
                                    copies=copies, verify=verify))
    server = Server(["--config", config], admin=f"127.0.0.1:{admin}", folder=folder,
                    **more)
    return server, client_for(f"http://127.0.0.1:{port}")


def put(s3, chance, names):
    sums = {}
    for name in names:
        body = chance.randbytes(chance.choice([70000, 300001, 1 << 20, 3000000]))
        s3.put_object(Bucket=BUCKET, Key=name, Body=body)
        sums[name] = hashlib.sha256(body).hexdigest()
    return sums


def check(s3, sums):
    for name, expected in sums.items():
        body = s3.get_object(Bucket=BUCKET, Key=name)["Body"].read()
        assert hashlib.sha256(body).hexdigest() == expected, name


def spoil(drive, chance, every=50000):
    """Flips a byte in every 50 KB of the drive's volumes, but for their headers."""
    for volume in (drive / "volumes").iterdir():
        with open(volume, "r+b") as file:
            size = file.seek(0, 2)
            for at in range(4096 + chance.randrange(4096), size, every):
                file.seek(at)
                byte = file.read(1)
                file.seek(at)
                file.write(bytes([byte[0] ^ 0x10]))


def test_spoiled_and_missing_drives(tmp_path):
    chance = random.Random(5)
    server, s3 = start(tmp_path)
    s3.create_bucket(Bucket=BUCKET)
    sums = put(s3, chance, [f"first/{n}" for n in range(12)])
    check(s3, sums)
    assert server.stop(signal.SIGKILL) == -signal.SIGKILL

    spoil(tmp_path / "d0", chance)
    server, s3 = start(tmp_path)
    check(s3, sums)
    assert server.stop() == 0

    # Another one is gone: what lay on it is on two others, of which one is spoiled.
    (tmp_path / "d1").rename(tmp_path / "away")
    server, s3 = start(tmp_path)
    assert "/d1: there is no such directory" in server.log()
    check(s3, sums)
    sums |= put(s3, chance, [f"second/{n}" for n in range(6)])
    check(s3, sums)
    assert server.stop(signal.SIGKILL) == -signal.SIGKILL

    # It is back, at another place, and in a third one's place is an empty directory.
    (tmp_path / "away").rename(tmp_path / "d4")
    shutil.rmtree(tmp_path / "d2" / "volumes")
    (tmp_path / "d2" / "drive").unlink()
    server, s3 = start(tmp_path, 5)
    assert "/d2: it is empty: is its drive mounted?" in server.log()
    check(s3, sums)
    for name in sums:
        s3.delete_object(Bucket=BUCKET, Key=name)
    sums = put(s3, chance, [f"third/{n}" for n in range(6)])
    check(s3, sums)
    assert server.stop() == 0


# in the middle of a load

WRITERS = 3
ENOSPC, EROFS, EIO = 28, 30, 5

FAULTS = {  # rules of the shim; a number of calls go well before
    "gone": f"write:d1/*:30+:{EIO};allocate:d1/*:3+:{EIO}",
    "syncs": f"file:d1/volumes/*:8+:{EIO}",
    "read-only": f"write:d1/*:25+:{EROFS};allocate:d1/*:3+:{EROFS};create:d1/volumes/*:2+:{EROFS}",
    "full": f"write:d1/*:25+:{ENOSPC};allocate:d1/*:2+:{ENOSPC}",
}


def drop_caches(folder):
    for path in folder.rglob("volumes/*"):
        with open(path, "rb") as file:
            os.fsync(file.fileno())
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def drives(folder):
    done = subprocess.run([hink_binary(), "drive", "list", "--json", "--config",
                           folder / "hink.conf"], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)["items"]


def wait_for_redundancy(folder, seconds=90):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if all(drive["pieces_short"] == 0 for drive in drives(folder)):
            return
        time.sleep(0.3)
    raise AssertionError(f"still short: {drives(folder)}")


def load(endpoint, seed, steps=40):
    """Writers side by side; gives them when they are through. Whatever fails, fails the test."""
    writers = [Writer(client_for(endpoint), BUCKET, f"w{seed}-{n}", seed * 10 + n)
               for n in range(WRITERS)]
    trouble = []

    def run(writer):
        try:
            for _ in range(steps):
                writer.step()
        except Exception as error:
            trouble.append(error)

    threads = [threading.Thread(target=run, args=(writer,)) for writer in writers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert trouble == []
    return writers


def expect_nothing_lost(s3, writers):
    assert [line for writer in writers for line in losses(s3, BUCKET, writer)] == []


@pytest.mark.parametrize("verify", ["off", "on"])
@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_in_the_middle_of_a_load(tmp_path, shim, fault, verify):
    folder = tmp_path / "live"
    shadow = tmp_path / "shadow"
    folder.mkdir()
    shadow.mkdir()
    server, s3 = start(folder, verify=verify, preload=str(shim), env={
        "SHIM_ROOT": str(folder), "SHIM_SHADOW": str(shadow), "SHIM_FAIL": FAULTS[fault]})
    s3.create_bucket(Bucket=BUCKET)
    writers = load(s3.meta.endpoint_url, seed=11)
    expect_nothing_lost(s3, writers)
    one = drives(folder)[1]
    assert one["path"].endswith("/d1")
    assert one["state"] == ("failed" if fault != "full" else one["state"]), one
    wait_for_redundancy(folder)
    drop_caches(folder)
    expect_nothing_lost(s3, writers)
    assert server.stop(signal.SIGKILL) == -signal.SIGKILL

    # The failed drive is well after the restart, with what it had; nothing is short for long.
    server, s3 = start(folder, verify=verify)
    expect_nothing_lost(s3, writers)
    assert drives(folder)[1]["state"] == "in service"
    wait_for_redundancy(folder)
    assert server.stop() == 0
    assert wrong_in("--config", folder / "hink.conf") == ""


@pytest.mark.parametrize("verify", ["off", "on"])
def test_rot_in_the_middle_of_a_load(tmp_path, verify):
    chance = random.Random(12)
    server, s3 = start(tmp_path, verify=verify)
    s3.create_bucket(Bucket=BUCKET)
    sums = put(s3, chance, [f"big/{n}" for n in range(6)])
    # Long enough for a table of checksums behind its first group, of 256 MiB.
    body = chance.randbytes(1 << 20) * 258
    s3.put_object(Bucket=BUCKET, Key="long", Body=body)
    sums["long"] = hashlib.sha256(body).hexdigest()
    writers = load(s3.meta.endpoint_url, seed=13, steps=20)
    drop_caches(tmp_path)
    spoil(tmp_path / "d1", chance, every=19000)
    drop_caches(tmp_path)
    check(s3, sums)
    expect_nothing_lost(s3, writers)
    more = load(s3.meta.endpoint_url, seed=14, steps=20)
    expect_nothing_lost(s3, more)
    assert drives(tmp_path)[1]["errors"] > 0
    subprocess.run([hink_binary(), "scrub", "start", "--wait", "--config", tmp_path / "hink.conf"],
                   check=True, capture_output=True)
    drop_caches(tmp_path)
    check(s3, sums)
    assert server.stop() == 0
    assert wrong_in("--config", tmp_path / "hink.conf") == ""


def flip(path, at):
    with open(path, "r+b") as file:
        file.seek(at)
        byte = file.read(1)
        if not byte:
            return
        file.seek(at)
        file.write(bytes([byte[0] ^ 0x04]))


def test_rot_in_the_metadata(tmp_path):
    """One copy of the metadata: damage is an error, or refuses the start; never an absent key."""
    chance = random.Random(15)
    folder = tmp_path / "live"
    folder.mkdir()
    server, s3 = start(folder)
    s3.create_bucket(Bucket=BUCKET)
    sums = {}
    for n in range(600):
        body = chance.randbytes(chance.choice([10, 900, 5000]))
        s3.put_object(Bucket=BUCKET, Key=f"k/{n}", Body=body)
        sums[f"k/{n}"] = hashlib.sha256(body).hexdigest()
    assert server.stop() == 0
    refused = served = 0
    for attempt in range(10):
        copy = tmp_path / f"copy{attempt}"
        shutil.copytree(folder, copy)
        name = "log" if attempt % 2 else "index"
        path = copy / "data" / "meta" / name
        with open(path, "rb") as file:  # where something is, mostly
            text = file.read()
        spots = [at for at in range(0, len(text), 512) if any(text[at:at + 512])]
        for _ in range(4):
            flip(path, chance.choice(spots) + chance.randrange(512))
        try:
            server, s3 = start(copy)
        except RuntimeError as error:
            assert "damaged" in str(error) or "log" in str(error) or "index" in str(error), error
            assert wrong_in("--config", copy / "hink.conf") != ""
            refused += 1
            continue
        served += 1
        for key in chance.sample(sorted(sums), 60):
            try:
                body = s3.get_object(Bucket=BUCKET, Key=key)["Body"].read()
                assert hashlib.sha256(body).hexdigest() == sums[key], key
            except ClientError as error:
                assert error.response["ResponseMetadata"]["HTTPStatusCode"] >= 500, (key, error)
        server.stop(signal.SIGKILL)
    print(f"{refused} starts refused, {served} served")
    assert refused > 0


def test_a_full_disk_can_be_emptied(tmp_path, shim):
    folder = tmp_path / "live"
    shadow = tmp_path / "shadow"
    folder.mkdir()
    shadow.mkdir()
    server, s3 = start(folder, count=1, copies=1, preload=str(shim), env={
        "SHIM_ROOT": str(folder), "SHIM_SHADOW": str(shadow),
        "SHIM_FAIL": f"allocate:d0/volumes/*:2+:{ENOSPC};create:d0/volumes/*:2+:{ENOSPC}"})
    s3.create_bucket(Bucket=BUCKET)
    chance = random.Random(16)
    sums = {}
    error = None
    while error is None and len(sums) < 2000:
        try:
            sums |= put(s3, chance, [f"n/{len(sums)}"])
        except ClientError as refused:
            error = refused
    assert error is not None and error.response["Error"]["Code"] == "InsufficientStorage"
    assert error.response["ResponseMetadata"]["HTTPStatusCode"] == 507
    check(s3, sums)
    for name in sums:
        s3.delete_object(Bucket=BUCKET, Key=name)
    deadline = time.monotonic() + 30
    again = {}
    while len(again) < 5:  # the housekeeping gives the space back
        try:
            again |= put(s3, chance, [f"again/{len(again)}"])
        except ClientError:
            assert time.monotonic() < deadline, "the space does not come back"
            time.sleep(0.2)
    check(s3, again)
    assert server.stop() == 0
    assert wrong_in("--config", folder / "hink.conf") == ""


TWO_POLICIES = """
[server]
data = {folder}/data
admin_listen = 127.0.0.1:{admin}
[drive d0]
path = {folder}/d0
media = ssd
[drive d1]
path = {folder}/d1
media = hdd
[policy well]
media = ssd
[policy ill]
media = hdd
[region us-east-1]
policies = well, ill
[endpoint default]
region = us-east-1
listen = 127.0.0.1:{port}
"""


def timed(call):
    """What came of a call, and after how many seconds."""
    begin = time.monotonic()
    try:
        call()
        return 200, time.monotonic() - begin
    except ClientError as error:
        return error.response["ResponseMetadata"]["HTTPStatusCode"], time.monotonic() - begin


@pytest.mark.parametrize("number", [EIO, 255], ids=["fails", "hangs"])
def test_the_other_policy_goes_on(tmp_path, shim, number):
    folder = tmp_path / "live"
    shadow = tmp_path / "shadow"
    folder.mkdir()
    shadow.mkdir()
    port, admin = free_port(), free_port()
    (folder / "hink.conf").write_text(TWO_POLICIES.format(folder=folder, port=port, admin=admin))
    server = Server(["--config", folder / "hink.conf"], admin=f"127.0.0.1:{admin}", folder=folder,
                    preload=str(shim), env={
                        "SHIM_ROOT": str(folder), "SHIM_SHADOW": str(shadow),
                        "SHIM_FAIL": f"write:d1/volumes/*:20+:{number}"})
    s3 = client_for(f"http://127.0.0.1:{port}", read_timeout=60)
    for name in ("well", "ill"):
        s3.create_bucket(Bucket=name, CreateBucketConfiguration={
            "LocationConstraint": f"us-east-1:{name}"})
    body = random.Random(17).randbytes(3 << 20)
    before = [timed(lambda: s3.put_object(Bucket="well", Key=f"a/{n}", Body=body))
              for n in range(10)]
    ill = []
    thread = threading.Thread(target=lambda: ill.extend(
        timed(lambda: s3.put_object(Bucket="ill", Key=f"a/{n}", Body=body)) for n in range(30)))
    thread.start()
    mine = client_for(f"http://127.0.0.1:{port}", read_timeout=60)
    during = []
    while thread.is_alive():
        n = len(during)
        during.append(timed(lambda: mine.put_object(Bucket="well", Key=f"b/{n}", Body=body)))
        during.append(timed(
            lambda: mine.get_object(Bucket="well", Key=f"b/{n}")["Body"].read()))
    thread.join()
    statuses = [status for status, _ in ill]
    print("ill:", statuses, f"slowest {max(seconds for _, seconds in ill):.3f} s")
    for name, times in (("before", before), ("during", during)):
        seconds = sorted(seconds for _, seconds in times)
        print(f"well {name}: {len(seconds)} requests, median {seconds[len(seconds) // 2]:.4f} s, "
              f"slowest {seconds[-1]:.4f} s")
    assert {status for status, _ in before + during} == {200}
    assert 200 in statuses and statuses[-1] == 503
    assert set(statuses) <= {200, 500, 503}
    kinds = {drive["path"][-2:]: drive["state"] for drive in drives(folder)}
    assert kinds == {"d0": "in service", "d1": "failed" if number == EIO else "hung"}
    server.stop(signal.SIGKILL)
    server = Server(["--config", folder / "hink.conf"], admin=f"127.0.0.1:{admin}", folder=folder)
    for n, status in enumerate(statuses):
        if status == 200:
            assert s3.get_object(Bucket="ill", Key=f"a/{n}")["Body"].read() == body
    assert server.stop() == 0
    assert wrong_in("--config", folder / "hink.conf") == ""
