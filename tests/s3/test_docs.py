"""The commands in docs/s3/*.md do what the pages say: each page's blocks are run as they stand, and
what is said there of `hink policy explain` is so."""
import json
import pathlib
import re
import sys

import pytest

from hinkserver import ACCESS_KEY, Bare, hink_binary
from s3client import client_for

PAGES = sorted((pathlib.Path(__file__).resolve().parents[2] / "docs" / "s3").glob("*.md"))
BIN = pathlib.Path(sys.executable).parent


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    one = Bare(tmp_path_factory.mktemp("docs"))
    yield one
    assert one.stop() == 0, one.log()


def blocks(page, language):
    return "".join(re.findall(rf"^```{language}\n(.*?)^```$", page.read_text(), re.M | re.S))


def test_there_are_pages():
    assert len(PAGES) >= 8


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_examples(run, server, tmp_path, page):
    env = {"AWS_ENDPOINT_URL": server.endpoint, "PATH": f"{BIN}:/usr/bin:/bin"}
    script, program = blocks(page, "sh"), blocks(page, "python")
    assert script or program
    # `!` lines must fail: bash does not stop at one that does not.
    strict = re.sub(r"^! (.*(?:\\\n.*)*)$", r"if \1; then exit 9; fi", script, flags=re.M)
    run("bash", "-euo", "pipefail", "-c", strict, env=env, cwd=tmp_path)
    run(sys.executable, "-c", program, env=env, cwd=tmp_path)


def test_a_denial_is_explained(run, server):
    """What a stranger is not told, whoever administers the running server is."""
    s3 = client_for(server.endpoint)
    s3.create_bucket(Bucket="explained")
    s3.put_bucket_policy(Bucket="explained", Policy=json.dumps({"Statement": [
        {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject",
         "Resource": "arn:aws:s3:::explained/*"},
        {"Sid": "NotFromThere", "Effect": "Deny", "Principal": "*", "Action": "s3:*",
         "Resource": "arn:aws:s3:::explained/*",
         "Condition": {"IpAddress": {"aws:SourceIp": "192.0.2.0/24"}}}]}))

    def explain(*words):
        said = run(hink_binary(), "policy", "explain", "s3:GetObject", "explained/a", "--json",
                   "--data", server.folder / "data", *words)
        return json.loads(said)

    assert explain()["decision"] == "allowed"
    denied = explain("--source-ip", "192.0.2.7")
    assert (denied["decision"], denied["statement"], denied["sid"]) == ("denied", 2, "NotFromThere")
    assert explain("--access-key", ACCESS_KEY)["reason"] == "the user administers the store"
