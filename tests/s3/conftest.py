import os
import subprocess
import uuid

import pytest

from certificate import make_certificate
from hinkserver import ACCESS_KEY, SECRET_KEY, Zone
from s3client import client_for


@pytest.fixture(scope="session")
def zone(tmp_path_factory):
    """The page's zone europe-se-1a, shared by the tests that need no server of their own."""
    server = Zone(tmp_path_factory.mktemp("zone"))
    yield server
    assert server.stop() == 0, server.log()


@pytest.fixture(scope="session")
def s3(zone):
    return client_for(zone.endpoint)


@pytest.fixture
def bucket(s3):
    """A bucket of one test's own, emptied and removed after it."""
    name = "test-" + uuid.uuid4().hex[:12]
    s3.create_bucket(Bucket=name)
    yield name
    for upload in s3.list_multipart_uploads(Bucket=name).get("Uploads", []):
        s3.abort_multipart_upload(Bucket=name, Key=upload["Key"], UploadId=upload["UploadId"])
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=name):
        for entry in page.get("Contents", []):
            s3.delete_object(Bucket=name, Key=entry["Key"])
    s3.delete_bucket(Bucket=name)


@pytest.fixture
def client_env(tmp_path):
    """An environment in which a command-line client finds the test's keys and no one's settings."""
    env = {key: value for key, value in os.environ.items() if not key.startswith(("AWS_", "RCLONE_"))}
    env.update(AWS_ACCESS_KEY_ID=ACCESS_KEY, AWS_SECRET_ACCESS_KEY=SECRET_KEY,
               AWS_DEFAULT_REGION="us-east-1", AWS_EC2_METADATA_DISABLED="true",
               AWS_PAGER="", HOME=str(tmp_path), RESTIC_PASSWORD="restic-test",
               RESTIC_CACHE_DIR=str(tmp_path / "restic-cache"))
    return env


@pytest.fixture
def run(client_env):
    """Runs a command to its end; gives what it printed, fails where it fails."""
    def run_command(*command, ok=True, env=None, seconds=300, cwd=None):
        done = subprocess.run([str(word) for word in command], env={**client_env, **(env or {})},
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=seconds, text=True, cwd=cwd)
        if ok is not None:
            assert (done.returncode == 0) == ok, f"{command}\n{done.stdout}"
        return done.stdout
    return run_command


@pytest.fixture(scope="module", params=["http", "https"])
def service(request, tmp_path_factory):
    """A zone of its own; `service.endpoint` is plain or TLS."""
    folder = tmp_path_factory.mktemp(request.param)
    if request.param == "http":
        server = Zone(folder)
        server.ca = None
    else:
        certificate, key = make_certificate(folder)
        server = Zone(folder, tls=(certificate, key))
        server.ca = certificate
        server.endpoint = server.endpoint.replace("http://", "https://")
    yield server
    assert server.stop() == 0, server.log()
