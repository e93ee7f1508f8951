"""Clients of Swift that nobody here wrote: rclone and duplicity."""
import os
import subprocess

import pytest

PASSWORD = "correct horse battery"


@pytest.fixture
def client(cloud, tmp_path):
    env = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "LANG": "C.UTF-8",
           "RCLONE_CONFIG_HINK_TYPE": "swift", "RCLONE_CONFIG_HINK_ENV_AUTH": "true",
           "OS_AUTH_URL": cloud.zone.keystone, "OS_USERNAME": "demo", "OS_PASSWORD": PASSWORD,
           "OS_PROJECT_NAME": "demo", "OS_USER_DOMAIN_NAME": "Default",
           "OS_PROJECT_DOMAIN_NAME": "Default", "OS_REGION_NAME": "europe-se-1",
           "SWIFT_USERNAME": "demo", "SWIFT_PASSWORD": PASSWORD, "SWIFT_AUTHURL": cloud.zone.keystone,
           "SWIFT_AUTHVERSION": "3", "SWIFT_TENANTNAME": "demo", "SWIFT_USER_DOMAIN_NAME": "Default",
           "SWIFT_PROJECT_DOMAIN_NAME": "Default", "SWIFT_REGIONNAME": "europe-se-1",
           "PASSPHRASE": "duplicity test"}

    def call(*words):
        done = subprocess.run([str(word) for word in words], env=env, cwd=tmp_path, timeout=300,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True)
        assert done.returncode == 0, f"{words}\n{done.stdout}"
        return done.stdout
    return call


def make_tree(folder):
    for number in range(30):
        place = folder / f"dir {number % 5}" / "ä"
        place.mkdir(parents=True, exist_ok=True)
        (place / f"file {number}").write_bytes(os.urandom(number * number * 211))
    (folder / "large").write_bytes(os.urandom(12 << 20))
    return folder


def same_tree(a, b):
    def read(root):
        return {p.relative_to(root): p.read_bytes() for p in root.rglob("*") if p.is_file()}
    return read(a) == read(b)


def test_rclone_syncs_both_ways(client, tmp_path):
    tree = make_tree(tmp_path / "tree")
    client("rclone", "sync", tree, "hink:rclone", "--swift-chunk-size", "5Mi")
    client("rclone", "check", tree, "hink:rclone")
    client("rclone", "sync", "hink:rclone", tmp_path / "back")
    assert same_tree(tree, tmp_path / "back")
    (tree / "large").unlink()
    client("rclone", "sync", tree, "hink:rclone")
    assert "large" not in client("rclone", "lsf", "-R", "hink:rclone").split()
    client("rclone", "purge", "hink:rclone")


def test_duplicity_backs_up_and_restores(client, tmp_path):
    tree = make_tree(tmp_path / "tree")
    client("duplicity", "full", "--no-encryption", "--volsize", "5", tree, "swift://duplicity")
    (tree / "added").write_bytes(b"since then")
    client("duplicity", "incremental", "--no-encryption", tree, "swift://duplicity")
    client("duplicity", "verify", "--compare-data", "--no-encryption", "swift://duplicity", tree)
    client("duplicity", "restore", "--no-encryption", "swift://duplicity", tmp_path / "back")
    assert same_tree(tree, tmp_path / "back")
