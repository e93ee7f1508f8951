"""The page's own session, line by line, with the AWS CLI and only the endpoint's address changed."""
import json
import pathlib
import sys

import pytest

from hinkserver import Zone

AWS = str(pathlib.Path(sys.executable).parent / "aws")


@pytest.fixture(scope="module")
def fresh(tmp_path_factory):
    server = Zone(tmp_path_factory.mktemp("page"))
    yield server
    assert server.stop() == 0, server.log()


@pytest.fixture
def aws(run, fresh):
    def call(*words, endpoint=None, ok=True):
        return run(AWS, "--endpoint=" + (endpoint or fresh.endpoint), *words, ok=ok)
    return call


def create(aws, bucket, constraint, **more):
    words = ["s3api", "create-bucket", "--bucket", bucket]
    if constraint is not None:
        words += ["--create-bucket-configuration", "LocationConstraint=" + constraint]
    return aws(*words, **more)


def names(aws, endpoint):
    listed = json.loads(aws("s3api", "list-buckets", endpoint=endpoint))
    return [bucket["Name"] for bucket in listed["Buckets"]]


def test_the_whole_session(aws, fresh, tmp_path):
    assert json.loads(aws("s3api", "list-buckets"))["Buckets"] == []

    create(aws, "first", "europe-se-1:hp.intensive")
    create(aws, "second", "europe-se-1")
    create(aws, "third", ":gp.archive")
    create(aws, "fourth", None)
    create(aws, "replicated", "europe-se-1-rep", endpoint=fresh.endpoint_rep)
    create(aws, "replicated-fast", "europe-se-1-rep:hp.intensive", endpoint=fresh.endpoint_rep)

    assert names(aws, fresh.endpoint) == ["first", "fourth", "second", "third"]
    assert names(aws, fresh.endpoint_rep) == ["replicated", "replicated-fast"]
    location = json.loads(aws("s3api", "get-bucket-location", "--bucket", "first"))
    assert location["LocationConstraint"] == "europe-se-1"
    location = json.loads(aws("s3api", "get-bucket-location", "--bucket", "replicated",
                              endpoint=fresh.endpoint_rep))
    assert location["LocationConstraint"] == "europe-se-1-rep"

    source = tmp_path / "file"
    source.write_bytes(b"what the page stores\n" * 1000)
    aws("s3", "cp", source, "s3://first/a/key")
    assert "a/key" in aws("s3", "ls", "s3://first", "--recursive")
    aws("s3", "cp", "s3://first/a/key", tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == source.read_bytes()

    assert "BucketNotEmpty" in aws("s3api", "delete-bucket", "--bucket", "first", ok=False)
    aws("s3", "rm", "s3://first/a/key")
    for bucket in ("first", "second", "third", "fourth"):
        aws("s3api", "delete-bucket", "--bucket", bucket)
    for bucket in ("replicated", "replicated-fast"):
        aws("s3api", "delete-bucket", "--bucket", bucket, endpoint=fresh.endpoint_rep)
    assert json.loads(aws("s3api", "list-buckets"))["Buckets"] == []


@pytest.mark.parametrize("constraint, rep, telling", [
    ("us-east-1", False, "europe-se-1"),
    ("europe-se-1-rep", False, "europe-se-1"),
    ("europe-se-1", True, "europe-se-1-rep"),
    ("europe-se-1:nosuch", False, "gp.recurring"),
    (":nosuch", False, "gp.recurring"),
    ("gp.archive", False, ":gp.archive"),
    ("europe-se-1-rep:gp.archive", True, "gp.recurring"),
    ("europe-se-1:gp.archive:x", False, "gp.archive"),
    ("nowhere:hp.intensive", False, "europe-se-1"),
])
def test_a_wrong_constraint_is_refused_and_says_what_would_be_right(aws, fresh, constraint, rep,
                                                                   telling):
    endpoint = fresh.endpoint_rep if rep else fresh.endpoint
    said = create(aws, "wrong", constraint, endpoint=endpoint, ok=False)
    assert "InvalidLocationConstraint" in said
    assert telling in said.split("InvalidLocationConstraint", 1)[1]
    assert names(aws, endpoint) == []


def test_a_trailing_colon_means_the_default_policy(aws):
    create(aws, "colon", "europe-se-1:")
    aws("s3api", "delete-bucket", "--bucket", "colon")


def test_the_same_bucket_again_by_its_owner(aws):
    create(aws, "again", "europe-se-1")
    assert "BucketAlreadyOwnedByYou" in create(aws, "again", "europe-se-1", ok=False)
    aws("s3api", "delete-bucket", "--bucket", "again")
