"""Temporary URLs: who has one reaches what it was signed for, and nothing else."""
import hashlib
import hmac
import json
import time
import uuid

import pytest


@pytest.fixture
def container(swift):
    name = "urls-" + uuid.uuid4().hex[:12]
    assert swift("PUT", name, headers={"X-Container-Meta-Temp-URL-Key": "of-it"}).status_code == 201
    assert swift("PUT", f"{name}/o", data=b"hello").status_code == 201
    assert swift("POST", headers={"X-Account-Meta-Temp-URL-Key": "of-all"}).status_code == 204
    return name


def query(cloud, key, method, path, digest="sha256"):
    expires = int(time.time()) + 60
    signed = f"{method}\n{expires}\n/v1/AUTH_{cloud.project_id}/{path}"
    word = hmac.new(key.encode(), signed.encode(), digest).hexdigest()
    return f"temp_url_sig={word}&temp_url_expires={expires}"


@pytest.mark.parametrize("key", ["of-it", "of-all"])
@pytest.mark.parametrize("digest", ["sha1", "sha256", "sha512"])
def test_gets_and_puts(cloud, swift, container, key, digest):
    path = f"{container}/o"
    signed = query(cloud, key, "GET", path, digest)
    answer = swift("GET", f"{path}?{signed}", anonymous=True)
    assert answer.content == b"hello"
    assert answer.headers["Content-Disposition"].startswith("attachment;")
    assert swift("HEAD", f"{path}?{signed}", anonymous=True).status_code == 200
    assert swift("PUT", f"{path}?{signed}", data=b"x", anonymous=True).status_code == 401
    assert swift("GET", f"{container}/other?{signed}", anonymous=True).status_code == 401
    signed = query(cloud, key, "PUT", f"{container}/new", digest)
    assert swift("PUT", f"{container}/new?{signed}", data=b"x", anonymous=True).status_code == 201


def test_an_upload_reads_nothing(cloud, swift, container):
    """What could lead to other bytes of the account cannot be put by a URL."""
    secret = container + "-secret"
    assert swift("PUT", secret).status_code == 201
    assert swift("PUT", f"{secret}/s", data=b"secret").status_code == 201
    path = f"{container}/new"
    signed = query(cloud, "of-all", "PUT", path)
    for header in ("X-Object-Manifest", "X-Symlink-Target", "X-Copy-From"):
        answer = swift("PUT", f"{path}?{signed}", headers={header: f"{secret}/s"}, data=b"",
                       anonymous=True)
        assert answer.status_code == 400, header
    listed = json.dumps([{"path": f"/{secret}/s"}])
    swift("PUT", f"{path}?{signed}&multipart-manifest=put", data=listed, anonymous=True)
    assert swift("GET", path).content == listed.encode()


def test_the_key_of_a_container_reaches_no_other(cloud, swift, container):
    secret = container + "-secret"
    assert swift("PUT", secret).status_code == 201
    assert swift("PUT", f"{secret}/s", data=b"secret").status_code == 201
    assert swift("PUT", f"{container}/slo?multipart-manifest=put",
                 data=json.dumps([{"path": f"/{secret}/s"}])).status_code == 201
    path = f"{container}/slo"
    signed = query(cloud, "of-all", "GET", path)
    assert swift("GET", f"{path}?{signed}", anonymous=True).content == b"secret"
    signed = query(cloud, "of-it", "GET", path)
    assert swift("GET", f"{path}?{signed}", anonymous=True).status_code in (401, 403)
