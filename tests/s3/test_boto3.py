"""boto3 as it comes: default checksums, trailers over HTTPS, and what programs do with it."""
import base64
import hashlib
import io
import os
import threading
import urllib.request

import boto3
import pytest
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from botocore.exceptions import ClientError

from hinkserver import ACCESS_KEY, SECRET_KEY
from s3client import client_for

MIB = 1 << 20
BUCKET = "boto3"


@pytest.fixture(scope="module")
def s3(service):
    client = client_for(service.endpoint, verify=str(service.ca) if service.ca else None)
    client.create_bucket(Bucket=BUCKET)
    return client


def refused(call, **words):
    with pytest.raises(ClientError) as error:
        call(Bucket=BUCKET, **words)
    return error.value.response["Error"]["Code"], \
        error.value.response["ResponseMetadata"]["HTTPStatusCode"]


def read(s3, key, **words):
    return s3.get_object(Bucket=BUCKET, Key=key, **words)["Body"].read()


ODD_KEYS = ["a b", "a+b", "å/ä/ö", "日本語", "?query=1&x", "100%", "%41", "a//b", "/lead", "trail/",
            "..", "./x/../y", "tab\there", "quote'\"", "<xml>&amp;", "~-._!$()*,;:@=", "\U0001f4a9",
            "k" * 1024, "#hash", "back\\slash", "line\nend", "\x7f", "{}[]|^`"]


@pytest.mark.parametrize("key", ODD_KEYS, ids=ascii)
def test_keys_with_odd_characters(s3, key):
    body = key.encode()
    s3.put_object(Bucket=BUCKET, Key=key, Body=body, Metadata={"a": "1"})
    assert read(s3, key) == body
    assert s3.head_object(Bucket=BUCKET, Key=key)["ContentLength"] == len(body)
    listed = s3.list_objects_v2(Bucket=BUCKET, Prefix=key)["Contents"]
    assert key in [entry["Key"] for entry in listed]
    s3.copy_object(Bucket=BUCKET, Key="copy of odd", CopySource={"Bucket": BUCKET, "Key": key})
    assert read(s3, "copy of odd") == body
    gone = s3.delete_objects(Bucket=BUCKET, Delete={"Objects": [{"Key": key}]})
    assert [entry["Key"] for entry in gone["Deleted"]] == [key]
    assert refused(s3.get_object, Key=key) == ("NoSuchKey", 404)


@pytest.mark.parametrize("size", [0, 1, 65535, 65536, 65537, 5 * MIB + 1])
def test_sizes_and_ranges(s3, size):
    body = os.urandom(size)
    put = s3.put_object(Bucket=BUCKET, Key="sized", Body=io.BytesIO(body))
    assert put["ETag"] == f'"{hashlib.md5(body).hexdigest()}"'
    assert put["ChecksumCRC32"]
    got = s3.get_object(Bucket=BUCKET, Key="sized", ChecksumMode="ENABLED")
    assert got["Body"].read() == body and got["ChecksumCRC32"] == put["ChecksumCRC32"]
    for first, last in ((0, 0), (0, size - 1), (size // 2, size + 10), (size - 1, size - 1)):
        if 0 <= first <= last and first < size:
            assert read(s3, "sized", Range=f"bytes={first}-{last}") == body[first:last + 1]
    if size:
        assert read(s3, "sized", Range="bytes=-1") == body[-1:]
    assert refused(s3.get_object, Key="sized", Range=f"bytes={size}-")[0] == "InvalidRange"


def crc(data, bits, polynomial):
    """A reflected CRC bit by bit, in base64; boto3 has CRC32 alone of its own."""
    value = mask = (1 << bits) - 1
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = (value >> 1) ^ (polynomial if value & 1 else 0)
    return base64.b64encode((value ^ mask).to_bytes(bits // 8, "big")).decode()


CHECKSUMS = {
    "CRC32": crc(b"checked", 32, 0xedb88320),
    "CRC32C": crc(b"checked", 32, 0x82f63b78),
    "CRC64NVME": crc(b"checked", 64, 0x9a6c9329ac4bc9b5),
    "SHA1": base64.b64encode(hashlib.sha1(b"checked").digest()).decode(),
    "SHA256": base64.b64encode(hashlib.sha256(b"checked").digest()).decode(),
}


@pytest.mark.parametrize("algorithm", CHECKSUMS)
def test_checksums(s3, algorithm):
    name, value = "Checksum" + algorithm, CHECKSUMS[algorithm]
    put = s3.put_object(Bucket=BUCKET, Key="summed", Body=b"checked", **{name: value})
    assert put[name] == value
    assert s3.head_object(Bucket=BUCKET, Key="summed", ChecksumMode="ENABLED")[name] == value
    assert refused(s3.put_object, Key="wrong", Body=b"chEcked", **{name: value}) \
        == ("BadDigest", 400)
    if algorithm in ("CRC32", "SHA1", "SHA256"):
        put = s3.put_object(Bucket=BUCKET, Key="summed", Body=b"checked", ChecksumAlgorithm=algorithm)
        assert put[name] == value
    assert refused(s3.get_object, Key="wrong")[0] == "NoSuchKey"


def test_content_md5(s3):
    assert refused(s3.put_object, Key="wrong", Body=b"x", ContentMD5="AAAAAAAAAAAAAAAAAAAAAA==") \
        == ("BadDigest", 400)
    assert refused(s3.put_object, Key="wrong", Body=b"x", ContentMD5="nonsense") \
        == ("InvalidDigest", 400)
    assert refused(s3.get_object, Key="wrong")[0] == "NoSuchKey"


def test_metadata_and_system_headers(s3):
    words = {"CacheControl": "max-age=9", "ContentDisposition": 'attachment; filename="x"',
             "ContentEncoding": "gzip", "ContentLanguage": "sv", "ContentType": "text/x-test",
             "Expires": "Thu, 01 Dec 2044 16:00:00 GMT"}
    s3.put_object(Bucket=BUCKET, Key="meta", Body=b"x", Metadata={"one": "1", "two": "a b"}, **words)
    head = s3.head_object(Bucket=BUCKET, Key="meta")
    assert head["Metadata"] == {"one": "1", "two": "a b"}
    for name in ("CacheControl", "ContentDisposition", "ContentEncoding", "ContentLanguage",
                 "ContentType"):
        assert head[name] == words[name]
    assert head["ExpiresString"] == words["Expires"]
    s3.copy_object(Bucket=BUCKET, Key="meta", CopySource=f"{BUCKET}/meta",
                   MetadataDirective="REPLACE", Metadata={"three": "3"})
    assert s3.head_object(Bucket=BUCKET, Key="meta")["Metadata"] == {"three": "3"}
    got = s3.get_object(Bucket=BUCKET, Key="meta", ResponseContentType="text/other")
    assert got["ContentType"] == "text/other"


def test_conditions(s3):
    s3.delete_object(Bucket=BUCKET, Key="cond")
    first = s3.put_object(Bucket=BUCKET, Key="cond", Body=b"1", IfNoneMatch="*")["ETag"]
    assert refused(s3.put_object, Key="cond", Body=b"2", IfNoneMatch="*") == ("PreconditionFailed", 412)
    assert refused(s3.put_object, Key="cond", Body=b"2", IfMatch='"0"') == ("PreconditionFailed", 412)
    second = s3.put_object(Bucket=BUCKET, Key="cond", Body=b"2", IfMatch=first)["ETag"]
    assert refused(s3.get_object, Key="cond", IfMatch=first) == ("PreconditionFailed", 412)
    assert refused(s3.get_object, Key="cond", IfNoneMatch=second) == ("304", 304)
    assert read(s3, "cond", IfMatch=second) == b"2"


def test_one_of_many_creators_wins(s3, service):
    s3.delete_object(Bucket=BUCKET, Key="race")
    outcomes = []

    def create(number):
        try:
            s3.put_object(Bucket=BUCKET, Key="race", Body=str(number).encode(), IfNoneMatch="*")
            outcomes.append(number)
        except ClientError as error:
            assert error.response["Error"]["Code"] in ("PreconditionFailed",
                                                       "ConditionalRequestConflict")

    threads = [threading.Thread(target=create, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(outcomes) == 1
    assert read(s3, "race") == str(outcomes[0]).encode()


@pytest.mark.parametrize("delimiter", ["", "/"])
def test_listings_page_by_page(s3, delimiter):
    names = [f"list/{folder}/{number}" for folder in "abc" for number in range(7)]
    for name in names:
        s3.put_object(Bucket=BUCKET, Key=name, Body=b"")
    found, prefixes = [], []
    words = {"Delimiter": delimiter} if delimiter else {}
    for page in s3.get_paginator("list_objects_v2").paginate(
            Bucket=BUCKET, Prefix="list/", PaginationConfig={"PageSize": 2}, **words):
        assert page["KeyCount"] <= 2
        found += [entry["Key"] for entry in page.get("Contents", [])]
        prefixes += [entry["Prefix"] for entry in page.get("CommonPrefixes", [])]
    if delimiter:
        assert found == [] and prefixes == ["list/a/", "list/b/", "list/c/"]
    else:
        assert found == sorted(names)
    old = s3.list_objects(Bucket=BUCKET, Prefix="list/", Marker="list/b/3", MaxKeys=3)
    assert [entry["Key"] for entry in old["Contents"]] == ["list/b/4", "list/b/5", "list/b/6"]
    assert old["IsTruncated"]
    after = s3.list_objects_v2(Bucket=BUCKET, Prefix="list/", StartAfter="list/c/5")
    assert [entry["Key"] for entry in after["Contents"]] == ["list/c/6"]


def test_transfer_manager(s3, tmp_path):
    body = os.urandom(13 * MIB + 7)
    config = TransferConfig(multipart_threshold=5 * MIB, multipart_chunksize=5 * MIB)
    s3.upload_fileobj(io.BytesIO(body), BUCKET, "transfer", Config=config)
    head = s3.head_object(Bucket=BUCKET, Key="transfer")
    assert head["ContentLength"] == len(body) and head["ETag"].endswith('-3"')
    assert s3.head_object(Bucket=BUCKET, Key="transfer", PartNumber=3)["ContentLength"] == 3 * MIB + 7
    back = io.BytesIO()
    s3.download_fileobj(BUCKET, "transfer", back, Config=config)
    assert back.getvalue() == body
    s3.copy({"Bucket": BUCKET, "Key": "transfer"}, BUCKET, "transferred", Config=config)
    assert read(s3, "transferred") == body


def test_multipart_by_hand(s3):
    key, part = "parts", os.urandom(5 * MIB)
    upload = s3.create_multipart_upload(Bucket=BUCKET, Key=key)["UploadId"]
    words = {"Bucket": BUCKET, "Key": key, "UploadId": upload}
    etags = [s3.upload_part(PartNumber=number, Body=part, **words)["ETag"] for number in (2, 1)]
    etags.append(s3.upload_part_copy(PartNumber=3, CopySource=f"{BUCKET}/transfer",
                                     CopySourceRange="bytes=0-99", **words)
                 ["CopyPartResult"]["ETag"])
    listed = s3.list_parts(**words)["Parts"]
    assert [entry["PartNumber"] for entry in listed] == [1, 2, 3]
    uploads = s3.list_multipart_uploads(Bucket=BUCKET)["Uploads"]
    assert upload in [entry["UploadId"] for entry in uploads]
    order = [{"PartNumber": 1, "ETag": etags[1]}, {"PartNumber": 2, "ETag": etags[0]},
             {"PartNumber": 3, "ETag": etags[2]}]
    complete = lambda parts, **more: s3.complete_multipart_upload(
        MultipartUpload={"Parts": parts}, **words, **more)
    with pytest.raises(ClientError, match="InvalidPartOrder"):
        complete(order[::-1])
    with pytest.raises(ClientError, match="InvalidPart"):
        complete([{"PartNumber": 1, "ETag": '"0"'}])
    first = complete(order)
    # The same request again, as after a lost answer, is the same success.
    assert complete(order)["ETag"] == first["ETag"]
    assert read(s3, key)[:10 * MIB] == part + part
    with pytest.raises(ClientError, match="NoSuchUpload"):
        s3.upload_part(PartNumber=4, Body=b"late", **words)
    with pytest.raises(ClientError, match="NoSuchUpload"):
        s3.abort_multipart_upload(Bucket=BUCKET, Key=key, UploadId="nonsense")


def test_presigned_urls(s3, service):
    import ssl
    context = ssl.create_default_context(cafile=str(service.ca)) if service.ca else None
    url = s3.generate_presigned_url("put_object", {"Bucket": BUCKET, "Key": "signed url"})
    request = urllib.request.Request(url, data=b"by url", method="PUT",
                                     headers={"Content-Type": "text/plain"})
    url = s3.generate_presigned_url("put_object", {"Bucket": BUCKET, "Key": "signed url",
                                                   "ContentType": "text/plain"})
    request.full_url = url
    assert urllib.request.urlopen(request, context=context).status == 200
    url = s3.generate_presigned_url("get_object", {"Bucket": BUCKET, "Key": "signed url"})
    assert urllib.request.urlopen(url, context=context).read() == b"by url"


def test_streams_without_a_known_length(s3, service):
    """The trailing checksum goes behind a body in AWS's chunks over HTTPS."""
    class Stream(io.RawIOBase):
        def __init__(self):
            self.left = 3 * MIB

        def readable(self):
            return True

        def readinto(self, buffer):
            size = min(len(buffer), self.left)
            buffer[:size] = b"s" * size
            self.left -= size
            return size

    s3.upload_fileobj(Stream(), BUCKET, "stream")
    assert s3.head_object(Bucket=BUCKET, Key="stream")["ContentLength"] == 3 * MIB


def test_default_settings_and_the_resource(service):
    """No option but what everybody has to give."""
    session = boto3.session.Session(aws_access_key_id=ACCESS_KEY, aws_secret_access_key=SECRET_KEY,
                                    region_name="europe-se-1")
    resource = session.resource("s3", endpoint_url=service.endpoint,
                                verify=str(service.ca) if service.ca else None)
    bucket = resource.create_bucket(
        Bucket="resource", CreateBucketConfiguration={"LocationConstraint": "europe-se-1"})
    bucket.put_object(Key="a", Body=b"1")
    bucket.Object("b").put(Body=b"2")
    assert sorted(entry.key for entry in bucket.objects.all()) == ["a", "b"]
    with pytest.raises(ClientError, match="BucketNotEmpty"):
        bucket.delete()
    bucket.objects.all().delete()
    bucket.delete()
    assert "resource" not in [b.name for b in resource.buckets.all()]


def test_virtual_host_addresses_through_a_proxy(service):
    """Names that nobody resolves, and targets in absolute form: the server is its own proxy."""
    if service.ca:
        pytest.skip("HTTPS goes through a tunnel")
    port = service.endpoint.rsplit(":", 1)[1]
    client = boto3.client("s3", endpoint_url=f"http://localhost:{port}", region_name="us-east-1",
                          aws_access_key_id=ACCESS_KEY, aws_secret_access_key=SECRET_KEY,
                          config=Config(s3={"addressing_style": "virtual"},
                                        proxies={"http": service.endpoint}))
    client.create_bucket(Bucket="virtual")
    client.put_object(Bucket="virtual", Key="a/b c", Body=b"by name")
    assert client.get_object(Bucket="virtual", Key="a/b c")["Body"].read() == b"by name"
    assert [e["Key"] for e in client.list_objects_v2(Bucket="virtual")["Contents"]] == ["a/b c"]
    client.delete_object(Bucket="virtual", Key="a/b c")
    client.delete_bucket(Bucket="virtual")


def test_public_access_block_of_the_account(service):
    """S3 Control puts the account in front of the endpoint's name, so here too it is the proxy."""
    if service.ca:
        pytest.skip("HTTPS goes through a tunnel")
    port = service.endpoint.rsplit(":", 1)[1]
    account = client_for(service.endpoint).list_buckets()["Owner"]["ID"]
    client = boto3.client("s3control", endpoint_url=f"http://localhost:{port}",
                          region_name="us-east-1", aws_access_key_id=ACCESS_KEY,
                          aws_secret_access_key=SECRET_KEY,
                          config=Config(proxies={"http": service.endpoint}))
    with pytest.raises(ClientError, match="NoSuchPublicAccessBlockConfiguration"):
        client.get_public_access_block(AccountId=account)
    block = {"BlockPublicAcls": True, "IgnorePublicAcls": False, "BlockPublicPolicy": True,
             "RestrictPublicBuckets": False}
    client.put_public_access_block(AccountId=account, PublicAccessBlockConfiguration=block)
    told = client.get_public_access_block(AccountId=account)["PublicAccessBlockConfiguration"]
    assert told == block
    client.delete_public_access_block(AccountId=account)
    with pytest.raises(ClientError, match="NoSuchPublicAccessBlockConfiguration"):
        client.get_public_access_block(AccountId=account)


def test_wrong_keys(service):
    verify = str(service.ca) if service.ca else None
    for words, code in (({"secret": "wrong-secret-0123"}, "SignatureDoesNotMatch"),
                        ({"access": "AKIANOBODY0000000000"}, "InvalidAccessKeyId")):
        client = client_for(service.endpoint, verify=verify, **words)
        with pytest.raises(ClientError, match=code):
            client.list_buckets()
