"""kill -9 in the middle of a load of writes, over and over, on one store.

HINK_KILLS says how often (default 6, hundreds in the soak).
"""
import os
import random
import signal
import threading
import time

import pytest

import conftest  # noqa: F401  (puts tests/s3 on the path)
from hinkserver import Bare, wrong_in
from load import Writer, digest, losses, read
from s3client import client_for

BUCKET = "kill"
WRITERS = 4


def write_until_it_ends(writer, endpoint):
    writer.s3 = client_for(endpoint)
    try:
        while True:
            writer.step()
    except Exception:
        return  # the server is gone; what was in flight is noted


def settle(writer, s3):
    """After a crash the write in flight may have happened: what is there counts from now on."""
    for key in writer.in_flight:
        body = read(s3, BUCKET, key)
        writer.acknowledged[key] = digest(body)
        writer.bodies[key] = body
    writer.in_flight = {}


def test_kill_in_the_middle_of_writes(tmp_path):
    kills = int(os.environ.get("HINK_KILLS", "6"))
    seed = int(os.environ.get("HINK_SEED", "1"))
    chance = random.Random(seed)
    writers = [Writer(None, BUCKET, f"w{number}", seed * 100 + number)
               for number in range(WRITERS)]
    for round_number in range(kills):
        server = Bare(tmp_path, env={"HINK_BUCKETS": BUCKET})
        threads = [threading.Thread(target=write_until_it_ends, args=(w, server.endpoint))
                   for w in writers]
        for thread in threads:
            thread.start()
        time.sleep(chance.uniform(0.2, 1.5))
        server.stop(signal.SIGKILL)
        for thread in threads:
            thread.join()
        assert wrong_in(tmp_path / "data") == "", f"round {round_number} of seed {seed}"
        server = Bare(tmp_path)
        try:
            s3 = client_for(server.endpoint)
            lost = [line for writer in writers for line in losses(s3, BUCKET, writer)]
            assert lost == [], f"round {round_number} of seed {seed}"
            for writer in writers:
                settle(writer, s3)
        finally:
            assert server.stop() == 0, server.log()
    total = sum(writer.acknowledgements for writer in writers)
    assert total > kills, "hardly anything was written"
    print(f"{kills} kills, {total} acknowledged writes, none lost")
