"""A zone whose Swift API is asked with tokens, and by S3 with keys of the same project."""
import os
import pathlib
import subprocess
import sys

import pytest
import requests

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "s3"))

from hinkserver import Zone, hink_binary  # noqa: E402
from s3client import client_for  # noqa: E402

PASSWORD = "correct horse battery"


class Cloud:
    """A zone with a member of a project, whose account is asked."""

    def __init__(self, folder):
        self.zone = Zone(folder)
        self.hink("project", "create", "demo")
        self.hink("user", "create", "demo", "--password", typed=PASSWORD)
        self.hink("role", "grant", "member", "--user", "demo", "--project", "demo")
        scope = {"project": {"name": "demo", "domain": {"id": "default"}}}
        who = {"name": "demo", "domain": {"name": "default"}, "password": PASSWORD}
        answer = requests.post(self.zone.keystone + "/auth/tokens", timeout=30, json={
            "auth": {"identity": {"methods": ["password"], "password": {"user": who}},
                     "scope": scope}})
        assert answer.status_code == 201, answer.text
        self.token = answer.headers["X-Subject-Token"]
        token = answer.json()["token"]
        self.project_id = token["project"]["id"]
        self.account = f"{self.zone.endpoint}/v1/AUTH_{self.project_id}"
        made = requests.post(f"{self.zone.keystone}/users/{token['user']['id']}/credentials/OS-EC2",
                             json={"tenant_id": self.project_id}, timeout=30,
                             headers={"X-Auth-Token": self.token})
        assert made.status_code == 201, made.text
        self.key = made.json()["credential"]

    def hink(self, *words, typed=""):
        done = subprocess.run([hink_binary(), *words, "--config", str(self.zone.config)],
                              input=typed + "\n", stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, timeout=60)
        assert done.returncode == 0, done.stdout
        return done.stdout


@pytest.fixture(scope="session")
def cloud(tmp_path_factory):
    made = Cloud(tmp_path_factory.mktemp("cloud"))
    yield made
    assert made.zone.stop() == 0, made.zone.log()


@pytest.fixture
def swift(cloud):
    """Sends a request to the account: method, container and object with a query, headers, data."""
    def call(method, path="", anonymous=False, headers=None, **more):
        sent = dict(headers or {})
        if not anonymous:
            sent["X-Auth-Token"] = cloud.token
        url = f"{cloud.account}/{path}" if path else cloud.account
        return requests.request(method, url, headers=sent, timeout=60, **more)
    return call


@pytest.fixture
def s3(cloud):
    return client_for(cloud.zone.endpoint, cloud.key["access"], cloud.key["secret"])


@pytest.fixture
def run_swift(cloud):
    """Runs the stock swift client of python-swiftclient, which must succeed."""
    def call(*words, cwd=None):
        env = {key: value for key, value in os.environ.items()
               if not key.startswith(("OS_", "ST_", "PYTHON"))}
        env.update(OS_AUTH_URL=cloud.zone.keystone, OS_USERNAME="demo", OS_PASSWORD=PASSWORD,
                   OS_PROJECT_NAME="demo", OS_USER_DOMAIN_NAME="Default",
                   OS_PROJECT_DOMAIN_NAME="Default", OS_IDENTITY_API_VERSION="3",
                   OS_STORAGE_URL=cloud.account, OS_AUTH_TOKEN=cloud.token)
        done = subprocess.run(["/usr/bin/swift", *map(str, words)], env=env, cwd=cwd,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, timeout=300)
        assert done.returncode == 0, done.stdout
        return done.stdout
    return call
