#!/usr/bin/env python3
"""Writes botocore.txt: requests as botocore signs them, without sending any.

Usage: capture.py > botocore.txt. The form of the file is described in requests.h of
tests/unit/auth. Every request is signed with the time of the run, which is written beside it.
"""
import base64
import datetime
import email.utils
import io
import sys
import urllib.parse

import botocore
import botocore.config
import botocore.session
import botocore.awsrequest

KEY = "HINKTESTKEY000000001"
SECRET = "not/a+secret0123456789abcdefghijklmnopqr"
ODD_KEYS = ["a b", "a+b", "å/ä/ö", "a//b", "~tilde", "per%cent", "x=y&z", "dots/../up", "semi;colon,comma",
            "quote'\"<>", "snow☃man", "(paren)!*", "trailing/", "line\nbreak", "%41", "@:$"]


def client(endpoint="http://127.0.0.1:9000", version="s3v4", style="path", region="europe-se-1",
           **options):
    session = botocore.session.Session()
    session.set_credentials(KEY, SECRET)
    return session.create_client(
        "s3", region_name=region, endpoint_url=endpoint,
        config=botocore.config.Config(signature_version=version,
                                      s3={"addressing_style": style, **options}))


def now_of(request, url_query):
    headers = {k.lower(): text(v) for k, v in request.headers.items()}
    if "X-Amz-Date" in url_query:
        return url_query["X-Amz-Date"][0]
    if "x-amz-date" in headers:
        return headers["x-amz-date"]
    if "date" in headers:
        when = email.utils.parsedate_to_datetime(headers["date"])
        return when.strftime("%Y%m%dT%H%M%SZ")
    return datetime.datetime.now(datetime.timezone.utc).strftime("%Y%m%dT%H%M%SZ")


def text(value):
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)


def emit(name, request, kind, payload, bucket=""):
    url = urllib.parse.urlsplit(request.url)
    lines = [f"=== {name}", f"now {now_of(request, urllib.parse.parse_qs(url.query))}",
             f"key {KEY}", f"secret {SECRET}", f"expect {kind} {payload}"]
    if bucket:
        lines.append(f"bucket {bucket}")
    body = request.body
    if hasattr(body, "read"):
        body = body.read()
    if body:
        lines.append("body " + base64.b64encode(body if isinstance(body, bytes)
                                                else body.encode()).decode())
    target = url.path + ("?" + url.query if url.query else "")
    lines.append(f"> {request.method} {target} HTTP/1.1")
    if "Host" not in request.headers:
        lines.append(f"> Host: {url.netloc}")
    lines += [f"> {k}: {text(v)}" for k, v in request.headers.items()
              if k.lower() != "user-agent"]
    sys.stdout.buffer.write(("\n".join(lines) + "\n\n").encode("latin-1"))


def capture(made, operation, **parameters):
    caught = []

    def keep(request, **_):
        caught.append(request)
        return botocore.awsrequest.AWSResponse(request.url, 200, {}, io.BytesIO(b""))

    made.meta.events.register("before-send.s3", keep)
    try:
        getattr(made, operation)(**parameters)
    except Exception as error:  # the fake answer satisfies no parser
        if not caught:
            raise error
    return caught[0]


def presigned(name, made, kind, operation, bucket="", headers=(), method="GET", **parameters):
    url = made.generate_presigned_url(operation, Params=parameters, ExpiresIn=600,
                                      HttpMethod=method)
    request = botocore.awsrequest.AWSPreparedRequest(method, url, dict(headers), b"", False)
    emit(name, request, kind, "UNSIGNED", bucket)


def version_4():
    plain, tls = client(), client("https://127.0.0.1:9000")
    virtual = client("http://objects.example.org", style="virtual")

    def take(name, made, payload, operation, **parameters):
        emit(name, capture(made, operation, **parameters), "SIGV4_HEADER", payload)

    take("list-buckets", plain, "SHA256", "list_buckets")
    take("create-bucket", plain, "SHA256", "create_bucket", Bucket="bucket",
         CreateBucketConfiguration={"LocationConstraint": "europe-se-1:hp.intensive"})
    take("list-objects", plain, "SHA256", "list_objects_v2", Bucket="bucket", Prefix="a b/+å",
         Delimiter="/", StartAfter="x&y=z", MaxKeys=7)
    take("put-header-checksum", plain, "SHA256", "put_object", Bucket="bucket", Key="k", Body=b"hello")
    take("put-trailer", tls, "STREAMING_UNSIGNED_TRAILER", "put_object", Bucket="bucket", Key="k",
         Body=b"hello, trailer")
    take("put-trailer-empty", tls, "STREAMING_UNSIGNED_TRAILER", "put_object", Bucket="bucket",
         Key="k", Body=b"")
    take("put-trailer-crc32c", tls, "STREAMING_UNSIGNED_TRAILER", "put_object", Bucket="bucket",
         Key="k", Body=b"y" * 3000, ChecksumAlgorithm="SHA256", ContentEncoding="gzip")
    take("put-metadata", plain, "SHA256", "put_object", Bucket="bucket", Key="k", Body=b"",
         ContentType="text/plain; charset=utf-8", CacheControl="no-cache,  no-store",
         Metadata={"spaces": "a   b  c", "empty": "", "UPPER": "Case"}, ACL="public-read")
    take("copy", plain, "SHA256", "copy_object", Bucket="bucket", Key="to",
         CopySource={"Bucket": "other", "Key": "från / hit+"})
    take("upload-part", tls, "STREAMING_UNSIGNED_TRAILER", "upload_part", Bucket="bucket", Key="k",
         UploadId="u+/=", PartNumber=3, Body=b"part")
    take("delete-objects", plain, "SHA256", "delete_objects", Bucket="bucket",
         Delete={"Objects": [{"Key": "a"}, {"Key": "b"}]})
    take("get-range", plain, "SHA256", "get_object", Bucket="bucket", Key="k", Range="bytes=0-9",
         ResponseContentType="text/plain; x=\"y\"", IfNoneMatch="\"etag\"")
    take("us-east-1", client(region="us-east-1"), "SHA256", "list_buckets")
    emit("virtual-get", capture(virtual, "get_object", Bucket="bucket", Key="a b"), "SIGV4_HEADER",
         "SHA256", "bucket")
    for number, key in enumerate(ODD_KEYS):
        take(f"odd-key-{number}", plain, "SHA256", "get_object", Bucket="bucket", Key=key)
    presigned("presigned-get", plain, "SIGV4_QUERY", "get_object", Bucket="bucket", Key="a b+c",
              ResponseContentDisposition="attachment; filename=\"å.txt\"")
    presigned("presigned-put", plain, "SIGV4_QUERY", "put_object", Bucket="bucket", Key="k",
              method="PUT", headers={"Content-Type": "text/plain"}, ContentType="text/plain")
    presigned("presigned-virtual", virtual, "SIGV4_QUERY", "get_object", bucket="bucket",
              Bucket="bucket", Key="k")


def version_2():
    plain = client(version="s3")
    virtual = client("http://objects.example.org", version="s3", style="virtual")

    def take(name, made, operation, bucket="", **parameters):
        emit(name, capture(made, operation, **parameters), "SIGV2_HEADER", "UNSIGNED", bucket)

    take("v2-list-buckets", plain, "list_buckets")
    take("v2-put", plain, "put_object", Bucket="bucket", Key="å b", Body=b"hello",
         ContentType="text/plain", Metadata={"two": "b", "one": "a  a"}, ACL="private")
    take("v2-get", plain, "get_object", Bucket="bucket", Key="k", VersionId="v/+1",
         ResponseContentType="text/plain; charset=utf-8", ResponseCacheControl="no-cache")
    take("v2-upload-part", plain, "upload_part", Bucket="bucket", Key="k", UploadId="u+/=",
         PartNumber=3, Body=b"part")
    take("v2-list", plain, "list_objects", Bucket="bucket", Prefix="p", Delimiter="/")
    take("v2-acl", plain, "get_bucket_acl", Bucket="bucket")
    take("v2-virtual", virtual, "get_object", Bucket="bucket", Key="k", bucket="bucket")
    query = client(version="s3-query")
    presigned("v2-presigned-get", query, "SIGV2_QUERY", "get_object", Bucket="bucket", Key="a b",
              ResponseContentType="text/x")
    presigned("v2-presigned-put", query, "SIGV2_QUERY", "put_object", method="PUT",
              Bucket="bucket", Key="k", ACL="public-read", ContentType="text/plain",
              headers={"Content-Type": "text/plain"})


def anonymous():
    emit("anonymous-get", capture(client(version=botocore.UNSIGNED), "get_object", Bucket="bucket",
                                  Key="k"), "ANONYMOUS", "UNSIGNED")
    emit("anonymous-put", capture(client("https://127.0.0.1:9000", version=botocore.UNSIGNED),
                                  "put_object", Bucket="bucket", Key="k", Body=b"hello"),
         "ANONYMOUS", "STREAMING_UNSIGNED_TRAILER")


if __name__ == "__main__":
    version_4()
    version_2()
    anonymous()
