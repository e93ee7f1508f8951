"""Drives under a real server: three copies on four directories; one is spoiled, one is taken away."""
import hashlib
import random
import shutil
import signal

from conftest import ROOT  # noqa: F401  (puts tests/s3 on the path)
from hinkserver import Server, free_port
from s3client import client_for

BUCKET = "drives"
CONFIG = """
[server]
data = {folder}/data
admin_listen = 127.0.0.1:{admin}
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


def start(folder, count=4, copies=3):
    drives = "".join(f"[drive d{n}]\npath = {folder}/d{n}\nmedia = ssd\n" for n in range(count))
    port, admin = free_port(), free_port()
    config = folder / "hink.conf"
    config.write_text(CONFIG.format(folder=folder, drives=drives, port=port, admin=admin,
                                    copies=copies))
    server = Server(["--config", config], admin=f"127.0.0.1:{admin}", folder=folder)
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


def spoil(drive, chance):
    """Flips a byte in every 50 KB of the drive's volumes, but for their headers."""
    for volume in (drive / "volumes").iterdir():
        with open(volume, "r+b") as file:
            size = file.seek(0, 2)
            for at in range(4096 + chance.randrange(4096), size, 50000):
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
