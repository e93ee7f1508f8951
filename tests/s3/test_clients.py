"""Clients nobody here wrote, over HTTP and HTTPS: AWS CLI, s3cmd, rclone, restic."""
import hashlib
import os
import pathlib
import sys

import pytest

from hinkserver import ACCESS_KEY, SECRET_KEY

AWS = str(pathlib.Path(sys.executable).parent / "aws")
GIB = 1 << 30


@pytest.fixture
def client(run, service):
    def call(*words, **more):
        env = {"AWS_CA_BUNDLE": str(service.ca)} if service.ca else {}
        return run(*words, env=env, **more)
    return call


@pytest.fixture
def aws(client, service):
    return lambda *words, **more: client(AWS, "--endpoint-url", service.endpoint, *words, **more)


def write_noise(path, size):
    """A file that no compression and no deduplication makes smaller."""
    with open(path, "wb") as out:
        for _ in range(size >> 20):
            out.write(os.urandom(1 << 20))
        out.write(os.urandom(size & ((1 << 20) - 1)))


def digest_of(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def make_tree(folder, files=60):
    folder.mkdir()
    for number in range(files):
        place = folder / f"dir {number % 7}" / "sub"
        place.mkdir(parents=True, exist_ok=True)
        write_noise(place / f"file-{number}.bin", number * number * 37)
    (folder / "odd name ä+ö%20&=#.txt").write_text("odd")
    (folder / "empty").write_bytes(b"")
    return folder


def same_tree(a, b):
    def read(root):
        return {p.relative_to(root): p.read_bytes() for p in root.rglob("*") if p.is_file()}
    return read(a) == read(b)


def test_aws_cli_one_gibibyte_up_and_down(aws, tmp_path):
    write_noise(tmp_path / "big", GIB)
    aws("s3", "mb", "s3://cli-big")
    aws("s3", "cp", "--no-progress", tmp_path / "big", "s3://cli-big/big", seconds=600)
    aws("s3", "cp", "--no-progress", "s3://cli-big/big", tmp_path / "back", seconds=600)
    assert digest_of(tmp_path / "big") == digest_of(tmp_path / "back")
    (tmp_path / "big").unlink()
    (tmp_path / "back").unlink()
    aws("s3", "rb", "--force", "s3://cli-big")


def test_aws_cli_sync(aws, tmp_path):
    tree = make_tree(tmp_path / "tree")
    aws("s3", "mb", "s3://cli-sync")
    aws("s3", "sync", "--no-progress", tree, "s3://cli-sync/tree")
    assert aws("s3", "sync", "--no-progress", tree, "s3://cli-sync/tree").strip() == ""
    aws("s3", "sync", "--no-progress", "s3://cli-sync/tree", tmp_path / "back")
    assert same_tree(tree, tmp_path / "back")
    (tree / "empty").unlink()
    assert "delete" in aws("s3", "sync", "--no-progress", "--delete", tree, "s3://cli-sync/tree")
    aws("s3", "mv", "s3://cli-sync/tree/dir 1/sub/file-1.bin", "s3://cli-sync/moved")
    aws("s3", "rb", "--force", "s3://cli-sync")


@pytest.mark.parametrize("signature", ["v4", "v2"])
def test_s3cmd(client, service, tmp_path, signature):
    scheme, _, host = service.endpoint.partition("://")
    config = tmp_path / "s3cfg"
    config.write_text(f"""[default]
access_key = {ACCESS_KEY}
secret_key = {SECRET_KEY}
host_base = {host}
host_bucket = {host}
use_https = {scheme == "https"}
signature_v2 = {signature == "v2"}
multipart_chunk_size_mb = 5
check_ssl_certificate = {bool(service.ca)}
{"ca_certs_file = " + str(service.ca) if service.ca else ""}
""")
    s3cmd = lambda *words, **more: client("s3cmd", "-c", config, *words, **more)
    bucket = f"s3://s3cmd-{signature}"
    tree = make_tree(tmp_path / "tree", 20)
    write_noise(tmp_path / "large", 12 << 20)
    s3cmd("mb", bucket)
    s3cmd("put", tmp_path / "large", bucket + "/large file")
    s3cmd("get", bucket + "/large file", tmp_path / "large-back")
    assert digest_of(tmp_path / "large") == digest_of(tmp_path / "large-back")
    s3cmd("sync", str(tree) + "/", bucket + "/tree/")
    s3cmd("sync", bucket + "/tree/", str(tmp_path / "back") + "/")
    assert same_tree(tree, tmp_path / "back")
    assert "large file" in s3cmd("ls", bucket)
    s3cmd("cp", bucket + "/large file", bucket + "/copy")
    s3cmd("info", bucket + "/copy")
    s3cmd("del", "--recursive", "--force", bucket)
    s3cmd("rb", bucket)


def test_rclone(run, service, tmp_path):
    remote = (f":s3,provider=Other,access_key_id='{ACCESS_KEY}',"
              f"secret_access_key='{SECRET_KEY}',endpoint='{service.endpoint}',"
              f"chunk_size=5Mi,upload_cutoff=5Mi:")
    trust = ["--ca-cert", service.ca] if service.ca else []
    # Its --ca-cert and the variable for the AWS CLI exclude each other.
    rclone = lambda *words: run("rclone", "--config", "", *trust, *words)
    tree = make_tree(tmp_path / "tree")
    write_noise(tree / "large", 17 << 20)
    rclone("mkdir", remote + "rclone-test")
    rclone("sync", tree, remote + "rclone-test/tree")
    said = rclone("check", tree, remote + "rclone-test/tree")
    assert "0 differences found" in said
    rclone("check", "--download", tree, remote + "rclone-test/tree")
    rclone("copy", remote + "rclone-test/tree", tmp_path / "back")
    assert same_tree(tree, tmp_path / "back")
    rclone("copyto", remote + "rclone-test/tree/large", remote + "rclone-test/copied")
    rclone("purge", remote + "rclone-test")


def test_restic(client, service, tmp_path):
    repository = f"s3:{service.endpoint}/restic-test"
    trust = ["--cacert", service.ca] if service.ca else []
    restic = lambda *words, **more: client("restic", *trust, "-r", repository, *words, **more)
    tree = make_tree(tmp_path / "tree")
    restic("init")
    restic("backup", tree)
    (tree / "added").write_text("second snapshot")
    restic("backup", tree)
    restic("check", "--read-data")
    restic("restore", "latest", "--target", tmp_path / "back")
    assert same_tree(tree, tmp_path / "back" / tree.relative_to("/"))
    restic("forget", "--keep-last", "1", "--prune")
    restic("prune")
    restic("check", "--read-data")
