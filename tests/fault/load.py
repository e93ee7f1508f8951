"""A small load of writes whose every acknowledgement is noted, and its check after a crash.

One writer owns its keys, so what a key may hold after a crash is what its last acknowledged write
left, or what the one write in flight would have left, and nothing else.
"""
import hashlib
import random

from botocore.exceptions import ClientError

GONE = None
SIZES = [0, 1, 100, 4096, 70_000, 300_000, 2_500_000]


def body_of(seed, size):
    return random.Random(seed).randbytes(size)


def digest(body):
    return GONE if body is GONE else hashlib.sha256(body).hexdigest()


class Writer:
    """Writes, overwrites, copies, deletes and completes uploads under `prefix`."""

    def __init__(self, s3, bucket, prefix, seed, keys=8):
        self.s3 = s3
        self.bucket = bucket
        self.chance = random.Random(seed)
        self.keys = [f"{prefix}/{number}" for number in range(keys)]
        self.bodies = {}
        self.acknowledged = {key: GONE for key in self.keys}
        self.in_flight = {}
        self.serial = 0
        self.acknowledgements = 0

    def _fresh_body(self):
        self.serial += 1
        return body_of(f"{self.keys[0]}-{self.serial}", self.chance.choice(SIZES))

    def _apply(self, key, body, call):
        self.in_flight = {key: digest(body)}
        call()
        self.acknowledged[key] = digest(body)
        self.bodies[key] = body
        self.in_flight = {}
        self.acknowledgements += 1

    def put(self, key):
        body = self._fresh_body()
        self._apply(key, body, lambda: self.s3.put_object(Bucket=self.bucket, Key=key, Body=body))

    def delete(self, key):
        self._apply(key, GONE, lambda: self.s3.delete_object(Bucket=self.bucket, Key=key))

    def copy(self, key):
        sources = [k for k in self.keys if k != key and self.acknowledged[k] is not GONE]
        if not sources:
            return self.put(key)
        source = self.chance.choice(sources)
        return self._apply(key, self.bodies[source], lambda: self.s3.copy_object(
            Bucket=self.bucket, Key=key, CopySource={"Bucket": self.bucket, "Key": source}))

    def multipart(self, key):
        parts = [body_of(f"{key}-{self.serial}-1", 5 * 1024 * 1024), self._fresh_body() or b"x"]
        upload = self.s3.create_multipart_upload(Bucket=self.bucket, Key=key)["UploadId"]
        made = [{"PartNumber": number, "ETag": self.s3.upload_part(
            Bucket=self.bucket, Key=key, UploadId=upload, PartNumber=number, Body=part)["ETag"]}
            for number, part in enumerate(parts, 1)]
        self._apply(key, b"".join(parts), lambda: self.s3.complete_multipart_upload(
            Bucket=self.bucket, Key=key, UploadId=upload, MultipartUpload={"Parts": made}))

    def step(self):
        act = self.chance.choices([self.put, self.delete, self.copy, self.multipart],
                                  [70, 15, 12, 3])[0]
        act(self.chance.choice(self.keys))


def read(s3, bucket, key):
    try:
        return s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    except ClientError as error:
        if error.response["Error"]["Code"] == "NoSuchKey":
            return GONE
        raise


def losses(s3, bucket, writer):
    """What is not as the writer was told, one line each."""
    listed = {entry["Key"] for page in s3.get_paginator("list_objects_v2").paginate(
        Bucket=bucket, Prefix=writer.keys[0].rsplit("/", 1)[0] + "/")
        for entry in page.get("Contents", [])}
    for key in writer.keys:
        found = digest(read(s3, bucket, key))
        allowed = {writer.acknowledged[key], writer.in_flight.get(key, writer.acknowledged[key])}
        if found not in allowed:
            yield f"{key}: found {found}, acknowledged {writer.acknowledged[key]}"
        if (found is not GONE) != (key in listed):
            yield f"{key}: reads as {found}, but the listing {'has' if key in listed else 'lacks'} it"
