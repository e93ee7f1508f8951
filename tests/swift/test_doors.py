"""The same objects through S3 and through Swift: what one writes the other reads and obeys."""
import json
import uuid

import pytest
import requests
from botocore.exceptions import ClientError


@pytest.fixture
def name(s3):
    """A bucket that S3 made, and a container for Swift."""
    made = "doors-" + uuid.uuid4().hex[:12]
    s3.create_bucket(Bucket=made)
    yield made
    s3.delete_bucket_policy(Bucket=made)
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=made):
        for entry in page.get("Versions", []) + page.get("DeleteMarkers", []):
            s3.delete_object(Bucket=made, Key=entry["Key"], VersionId=entry["VersionId"])
    s3.delete_bucket(Bucket=made)


def test_swift_reads_what_s3_wrote(s3, swift, name):
    s3.put_object(Bucket=name, Key="a/b", Body=b"hello", ContentType="text/x-test",
                  Metadata={"colour": "blue"}, CacheControl="max-age=3")
    got = swift("GET", f"{name}/a/b")
    assert got.content == b"hello"
    assert got.headers["Content-Type"] == "text/x-test"
    assert got.headers["X-Object-Meta-Colour"] == "blue"
    assert got.headers["Cache-Control"] == "max-age=3"
    assert got.headers["Etag"] == "5d41402abc4b2a76b9719d911017c592"
    listed = swift("GET", f"{name}?format=json").json()
    assert [(e["name"], e["bytes"], e["content_type"]) for e in listed] == [
        ("a/b", 5, "text/x-test")]


def test_s3_reads_what_swift_wrote(s3, swift, name):
    put = swift("PUT", f"{name}/a/b", data=b"hello", headers={
        "Content-Type": "text/x-test", "X-Object-Meta-Colour": "blue",
        "Content-Disposition": "attachment"})
    assert put.status_code == 201
    got = s3.get_object(Bucket=name, Key="a/b", ChecksumMode="ENABLED")
    assert got["Body"].read() == b"hello"
    assert got["ContentType"] == "text/x-test"
    assert got["Metadata"] == {"colour": "blue"}
    assert got["ContentDisposition"] == "attachment"
    assert got["ETag"] == '"5d41402abc4b2a76b9719d911017c592"'
    assert got["ChecksumCRC64NVME"]
    assert swift("POST", f"{name}/a/b", headers={"X-Object-Meta-Size": "9"}).status_code == 202
    assert s3.head_object(Bucket=name, Key="a/b")["Metadata"] == {"size": "9"}
    s3.delete_object(Bucket=name, Key="a/b")
    assert swift("HEAD", f"{name}/a/b").status_code == 404


def test_a_container_is_a_bucket_if_s3_could_name_it(s3, swift):
    good, odd = "doors-" + uuid.uuid4().hex[:8], "Doors_" + uuid.uuid4().hex[:8]
    for made in (good, odd):
        assert swift("PUT", made).status_code == 201
    assert good in [b["Name"] for b in s3.list_buckets()["Buckets"]]
    s3.put_object(Bucket=good, Key="o", Body=b"x")
    assert swift("DELETE", good).status_code == 409
    assert swift("DELETE", f"{good}/o").status_code == 204
    for made in (good, odd):
        assert swift("DELETE", made).status_code == 204


def test_a_denial_of_the_bucket_policy_is_final_through_swift(s3, swift, name):
    s3.put_object(Bucket=name, Key="open", Body=b"x")
    s3.put_object(Bucket=name, Key="shut", Body=b"x")
    assert swift("POST", name, headers={"X-Container-Read": ".r:*"}).status_code == 204
    deny = {"Effect": "Deny", "Principal": "*", "Action": "s3:GetObject",
            "Resource": f"arn:aws:s3:::{name}/shut"}
    s3.put_bucket_policy(Bucket=name, Policy=json.dumps({"Version": "2012-10-17",
                                                         "Statement": [deny]}))
    assert swift("GET", f"{name}/open", anonymous=True).status_code == 200
    assert swift("GET", f"{name}/shut", anonymous=True).status_code == 401
    assert swift("GET", f"{name}/shut").status_code == 403


def test_a_grant_of_either_door_lets_in_through_both(cloud, s3, swift, name):
    s3.put_object(Bucket=name, Key="o", Body=b"hello")
    by_s3 = f"{cloud.zone.endpoint}/{name}/o"
    assert requests.get(by_s3, timeout=30).status_code == 403
    swift("POST", name, headers={"X-Container-Read": ".r:*"})
    assert requests.get(by_s3, timeout=30).content == b"hello"
    swift("POST", name, headers={"X-Remove-Container-Read": "x"})
    assert requests.get(by_s3, timeout=30).status_code == 403
    allow = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject",
             "Resource": f"arn:aws:s3:::{name}/*"}
    s3.put_bucket_policy(Bucket=name, Policy=json.dumps({"Version": "2012-10-17",
                                                         "Statement": [allow]}))
    assert swift("GET", f"{name}/o", anonymous=True).content == b"hello"


def test_a_public_access_block_is_final_through_both(cloud, s3, swift, name):
    s3.put_object(Bucket=name, Key="o", Body=b"hello")
    swift("POST", name, headers={"X-Container-Read": ".r:*"})
    s3.put_public_access_block(Bucket=name, PublicAccessBlockConfiguration={
        "BlockPublicAcls": True, "IgnorePublicAcls": True, "BlockPublicPolicy": True,
        "RestrictPublicBuckets": True})
    assert swift("GET", f"{name}/o", anonymous=True).status_code == 401
    assert requests.get(f"{cloud.zone.endpoint}/{name}/o", timeout=30).status_code == 403
    assert swift("GET", f"{name}/o").content == b"hello"


def test_versions_of_s3_stay_when_swift_writes(s3, swift, name):
    s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    s3.put_object(Bucket=name, Key="o", Body=b"one")
    assert swift("PUT", f"{name}/o", data=b"two").status_code == 201
    assert swift("DELETE", f"{name}/o").status_code == 204
    assert swift("GET", f"{name}/o").status_code == 404
    versions = s3.list_object_versions(Bucket=name)
    assert len(versions["Versions"]) == 2 and len(versions["DeleteMarkers"]) == 1


def test_a_quota_of_swift_holds_for_s3(s3, swift, name):
    swift("POST", name, headers={"X-Container-Meta-Quota-Bytes": "4"})
    s3.put_object(Bucket=name, Key="o", Body=b"1234")
    with pytest.raises(ClientError) as refused:
        s3.put_object(Bucket=name, Key="p", Body=b"1")
    assert refused.value.response["Error"]["Code"] == "QuotaExceeded"
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403


def test_several_ranges_and_copies(s3, swift, name):
    s3.put_object(Bucket=name, Key="o", Body=b"0123456789", ContentType="text/plain")
    several = swift("GET", f"{name}/o", headers={"Range": "bytes=0-1,8-"})
    assert several.status_code == 206
    assert several.headers["Content-Type"].startswith("multipart/byteranges;boundary=")
    assert b"\r\nContent-Range: bytes 8-9/10\r\n\r\n89\r\n--" in several.content
    assert int(several.headers["Content-Length"]) == len(several.content)
    copied = swift("COPY", f"{name}/o", headers={"Destination": f"{name}/p",
                                                 "X-Object-Meta-New": "yes"})
    assert copied.status_code == 201
    assert s3.get_object(Bucket=name, Key="p")["Metadata"] == {"new": "yes"}
    part = swift("PUT", f"{name}/part", headers={"X-Copy-From": f"{name}/o", "Range": "bytes=2-4"})
    assert part.status_code == 201
    assert s3.get_object(Bucket=name, Key="part")["Body"].read() == b"234"
