"""Large objects through both doors: segments by Swift, parts by S3, and the stock swift client."""
import hashlib
import json
import os
import pathlib
import time
import uuid

import pytest
import requests
from botocore.exceptions import ClientError

from s3client import client_for

MIB = 1024 * 1024
SWIFT = "/usr/bin/swift"


def md5(data):
    return hashlib.md5(data).hexdigest()


@pytest.fixture
def container(swift):
    name = "large-" + uuid.uuid4().hex[:12]
    assert swift("PUT", name).status_code == 201
    return name


def put_slo(swift, container, name, parts):
    listed = []
    for i, part in enumerate(parts):
        assert swift("PUT", f"{container}/seg/{name}/{i}", data=part).status_code == 201
        listed.append({"path": f"/{container}/seg/{name}/{i}", "etag": md5(part),
                       "size_bytes": len(part)})
    answer = swift("PUT", f"{container}/{name}?multipart-manifest=put", data=json.dumps(listed))
    assert answer.status_code == 201, answer.text
    return answer


def test_s3_multipart_is_a_static_large_object(swift, s3, container):
    parts = [os.urandom(5 * MIB), os.urandom(100)]
    upload = s3.create_multipart_upload(Bucket=container, Key="k")["UploadId"]
    done = [{"PartNumber": n, "ETag": s3.upload_part(Bucket=container, Key="k", UploadId=upload,
                                                     PartNumber=n, Body=part)["ETag"]}
            for n, part in enumerate(parts, 1)]
    etag = s3.complete_multipart_upload(Bucket=container, Key="k", UploadId=upload,
                                        MultipartUpload={"Parts": done})["ETag"]
    answer = swift("GET", f"{container}/k")
    assert answer.content == b"".join(parts)
    assert answer.headers["X-Static-Large-Object"] == "True"
    assert answer.headers["Etag"] == etag and etag.startswith('"')
    listed = swift("GET", f"{container}/k?multipart-manifest=get").json()
    assert [(entry["bytes"], entry["hash"]) for entry in listed] == \
        [(len(part), md5(part)) for part in parts]
    assert swift("DELETE", f"{container}/k?multipart-manifest=delete").status_code == 200
    assert swift("HEAD", f"{container}/k").status_code == 404


def test_slo_through_s3(swift, s3, container):
    parts = [b"one" * 100, b"two" * 100, b"three"]
    whole = b"".join(parts)
    put_slo(swift, container, "slo", parts)
    head = s3.head_object(Bucket=container, Key="slo")
    assert head["ContentLength"] == len(whole)
    expected = md5("".join(md5(part) for part in parts).encode())
    assert head["ETag"] == f'"{expected}-3"'
    assert s3.get_object(Bucket=container, Key="slo")["Body"].read() == whole
    piece = s3.get_object(Bucket=container, Key="slo", Range="bytes=298-602")
    assert piece["Body"].read() == whole[298:603]
    entry, = s3.list_objects_v2(Bucket=container, Prefix="slo")["Contents"]
    assert entry["Size"] == len(whole)
    s3.copy_object(Bucket=container, Key="copy", CopySource=f"{container}/slo")
    assert s3.get_object(Bucket=container, Key="copy")["Body"].read() == whole
    other = container + "-other"
    s3.create_bucket(Bucket=other)
    s3.copy_object(Bucket=other, Key="copy", CopySource=f"{container}/slo")
    assert s3.head_object(Bucket=other, Key="copy")["ContentLength"] == len(whole)
    # One that goes breaks what is made of it, but not what was copied byte for byte.
    assert swift("DELETE", f"{container}/seg/slo/1").status_code == 204
    with pytest.raises(ClientError) as failed:
        s3.get_object(Bucket=container, Key="slo")
    assert failed.value.response["ResponseMetadata"]["HTTPStatusCode"] == 409
    assert failed.value.response["Error"]["Code"] == "BrokenMPU"
    assert s3.get_object(Bucket=container, Key="slo", Range="bytes=0-10")["Body"].read() == \
        whole[:11]
    assert s3.get_object(Bucket=other, Key="copy")["Body"].read() == whole


def test_a_changed_segment_is_a_conflict(swift, container):
    put_slo(swift, container, "slo", [b"aaa", b"bbb"])
    assert swift("PUT", f"{container}/seg/slo/1", data=b"BBB").status_code == 201
    assert swift("GET", f"{container}/slo").status_code == 409
    assert swift("GET", f"{container}/slo", headers={"Range": "bytes=0-2"}).content == b"aaa"
    assert swift("HEAD", f"{container}/slo").status_code == 200


def test_segments_of_nobody_are_not_told(swift, container):
    """An anonymous reader of the container gets no segment of one that is not theirs."""
    secret = container + "-secret"
    assert swift("PUT", secret).status_code == 201
    assert swift("PUT", f"{secret}/s", data=b"secret").status_code == 201
    assert swift("PUT", f"{container}/slo?multipart-manifest=put",
                 data=json.dumps([{"path": f"/{secret}/s"}])).status_code == 201
    swift("POST", container, headers={"X-Container-Read": ".r:*"})
    answer = swift("GET", f"{container}/slo", anonymous=True)
    assert answer.status_code in (401, 403)
    assert b"secret" != answer.content


def test_heartbeat(swift, container):
    assert swift("PUT", f"{container}/s", data=b"x").status_code == 201
    answer = swift("PUT", f"{container}/slo?multipart-manifest=put&heartbeat=on",
                   data=json.dumps([{"path": f"/{container}/s"}]),
                   headers={"Accept": "application/json"})
    assert answer.status_code == 202
    said = json.loads(answer.text)
    assert said["Response Status"] == "201 Created"
    assert said["Etag"] == f'"{md5(md5(b"x").encode())}"'
    answer = swift("PUT", f"{container}/slo2?multipart-manifest=put&heartbeat=on",
                   data=json.dumps([{"path": f"/{container}/nothing"}]))
    assert answer.status_code == 202 and "404 Not Found" in answer.text
    assert swift("HEAD", f"{container}/slo2").status_code == 404


def test_dlo_through_both(swift, s3, container):
    for i in range(3):
        assert swift("PUT", f"{container}/p/{i}", data=b"%d" % i * 3).status_code == 201
    assert swift("PUT", f"{container}/dlo", data=b"",
                 headers={"X-Object-Manifest": f"{container}/p/"}).status_code == 201
    answer = swift("GET", f"{container}/dlo")
    assert answer.content == b"000111222"
    etag = md5("".join(md5(b"%d" % i * 3) for i in range(3)).encode())
    assert answer.headers["Etag"] == f'"{etag}"'
    assert s3.get_object(Bucket=container, Key="dlo")["Body"].read() == b"000111222"
    assert s3.head_object(Bucket=container, Key="dlo")["ContentLength"] == 9
    assert swift("PUT", f"{container}/p/3", data=b"!").status_code == 201
    assert swift("GET", f"{container}/dlo").content == b"000111222!"


def test_expired_objects_are_gone_through_both_doors(swift, s3, container):
    assert swift("PUT", f"{container}/o", data=b"x",
                 headers={"X-Delete-After": "2"}).status_code == 201
    assert "X-Delete-At" in swift("HEAD", f"{container}/o").headers
    assert s3.head_object(Bucket=container, Key="o")["ContentLength"] == 1
    time.sleep(2.1)
    assert swift("GET", f"{container}/o").status_code == 404
    with pytest.raises(ClientError):
        s3.head_object(Bucket=container, Key="o")
    assert "Contents" not in s3.list_objects_v2(Bucket=container)
    assert swift("DELETE", container).status_code == 204


@pytest.mark.skipif(not os.path.exists(SWIFT), reason="no swift client")
@pytest.mark.parametrize("words", [["--use-slo"], []], ids=["slo", "dlo"])
def test_the_stock_client_uploads_in_segments_and_verifies(run_swift, container, tmp_path, words):
    data = os.urandom(5 * MIB + 17)
    (tmp_path / "big").write_bytes(data)
    run_swift("upload", container, "big", "-S", str(MIB), *words, cwd=tmp_path)
    (tmp_path / "back").mkdir()
    run_swift("download", container, "big", "-o", "back/big", cwd=tmp_path)
    assert (tmp_path / "back/big").read_bytes() == data
    run_swift("delete", container, "big", cwd=tmp_path)


@pytest.mark.skipif(not os.path.exists(SWIFT), reason="no swift client")
def test_the_stock_client_verifies_what_s3_uploaded_in_parts(run_swift, s3, container, tmp_path):
    data = os.urandom(12 * MIB)
    (tmp_path / "big").write_bytes(data)
    s3.upload_file(str(tmp_path / "big"), container, "big")
    run_swift("download", container, "big", "-o", "back", cwd=tmp_path)
    assert (tmp_path / "back").read_bytes() == data
