"""The page's session from its first line: a key by the openstack client, AWS CLI, Swift client."""
import json
import pathlib
import subprocess
import sys

import pytest

PASSWORD = "correct horse battery"
BIN = pathlib.Path(sys.executable).parent


@pytest.fixture
def shell(cloud, tmp_path):
    """Runs a command as the page's reader would, with nothing but the project's password."""
    base = {"PATH": f"{BIN}:/usr/bin:/bin", "HOME": str(tmp_path), "AWS_PAGER": "",
            "OS_AUTH_URL": cloud.zone.keystone, "OS_USERNAME": "demo", "OS_PASSWORD": PASSWORD,
            "OS_PROJECT_NAME": "demo", "OS_USER_DOMAIN_NAME": "Default",
            "OS_PROJECT_DOMAIN_NAME": "Default", "OS_IDENTITY_API_VERSION": "3",
            "OS_REGION_NAME": "europe-se-1", "AWS_EC2_METADATA_DISABLED": "true"}

    def call(*words, ok=True):
        done = subprocess.run([str(word) for word in words], env=base, cwd=tmp_path, timeout=120,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True)
        assert (done.returncode == 0) == ok, f"{words}\n{done.stdout}{done.stderr}"
        return done.stdout if ok else done.stdout + done.stderr
    return call


def test_from_the_key_to_both_clients(cloud, shell, tmp_path):
    made = json.loads(shell("openstack", "ec2", "credentials", "create", "-f", "json"))
    (tmp_path / ".aws").mkdir()
    (tmp_path / ".aws" / "credentials").write_text(
        f"[default]\naws_access_key_id = {made['access']}\naws_secret_access_key = {made['secret']}\n")

    def aws(*words, **more):
        return shell("aws", "--endpoint=" + cloud.zone.endpoint, "--region=us-east-1", *words, **more)

    listed = {bucket["Name"] for bucket in json.loads(aws("s3api", "list-buckets"))["Buckets"]}
    assert "page" not in listed
    aws("s3api", "create-bucket", "--bucket", "page", "--create-bucket-configuration",
        "LocationConstraint=europe-se-1:hp.intensive")
    (tmp_path / "file").write_bytes(b"what the page stores\n" * 100000)
    (tmp_path / "parts").write_bytes(bytes(range(256)) * 65536)
    aws("s3", "cp", "file", "s3://page/by-s3")
    aws("s3", "cp", "parts", "s3://page/in-parts")

    assert "X-Storage-Policy: hp.intensive" in shell("swift", "stat", "page")
    assert {"by-s3", "in-parts"} <= set(shell("swift", "list", "page").split())
    shell("swift", "download", "page", "in-parts", "--output", "back")
    assert (tmp_path / "back").read_bytes() == (tmp_path / "parts").read_bytes()
    shell("swift", "upload", "page", "file", "--object-name", "by-swift")
    aws("s3", "cp", "s3://page/by-swift", "back")
    assert (tmp_path / "back").read_bytes() == (tmp_path / "file").read_bytes()

    shell("swift", "post", "-H", "X-Storage-Policy: gp.archive", "page-swift")
    location = json.loads(aws("s3api", "get-bucket-location", "--bucket", "page-swift"))
    assert location["LocationConstraint"] == "europe-se-1"
    assert "by-s3" in shell("openstack", "object", "list", "page")
    shell("openstack", "object", "create", "page-swift", "file")
    assert "file" in aws("s3", "ls", "s3://page-swift")
    shell("openstack", "object", "delete", "page-swift", "file")
    shell("openstack", "container", "delete", "page-swift")

    assert "BucketNotEmpty" in aws("s3api", "delete-bucket", "--bucket", "page", ok=False)
    shell("swift", "delete", "page")
    listed = {bucket["Name"] for bucket in json.loads(aws("s3api", "list-buckets"))["Buckets"]}
    assert not {"page", "page-swift"} & listed
    shell("openstack", "ec2", "credentials", "delete", made["access"])
    assert "InvalidAccessKeyId" in aws("s3api", "list-buckets", ok=False)
