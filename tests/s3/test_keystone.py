"""hink with the users of a real Keystone (Debian's packages), by the stock clients.

`make test-keystone` installs it and runs these; `make test` leaves them out, as they wait for things
to be noticed.
"""
import base64
import hashlib
import hmac
import json
import os
import pathlib
import sys
import time

import pytest
import requests

from hinkserver import Server, free_port, hink_binary
from keystoneserver import PASSWORD, Keystone, keystone_is_here
from s3client import client_for

pytestmark = pytest.mark.skipif("HINK_TEST_KEYSTONE" not in os.environ or not keystone_is_here(),
                                reason="make test-keystone runs these")

OPENSTACK = str(pathlib.Path(sys.executable).parent / "openstack")
REFRESH = 2
STALE_MAX = 6


class World:
    """A Keystone with a few people, and a hink that takes them for its own."""

    def __init__(self, folder):
        self.folder = folder
        self.keystone = Keystone(folder / "keystone")
        self.admin = self.token("admin", PASSWORD, "admin")
        self.ids = {}
        for project in ("service", "demo", "elsewhere"):
            self.make("project", project)
        for user in ("hink", "member", "reader", "nobody", "reseller"):
            self.make("user", user, password=PASSWORD)
        self.make("role", "ResellerAdmin")
        listed = self.call("GET", "/roles").json()["roles"]
        self.roles = {role["name"]: role["id"] for role in listed}
        self.grant("hink", "service", "admin")
        self.grant("member", "demo", "member")
        self.grant("reader", "demo", "reader")
        self.grant("nobody", "elsewhere", "member")
        self.grant("reseller", "elsewhere", "ResellerAdmin")
        self.endpoint, self.hink = self.start_hink()

    def start_hink(self, password=PASSWORD, url=None):
        port, admin = free_port(), f"127.0.0.1:{free_port()}"
        secret = self.folder / "service.password"
        secret.write_text(password + "\n")
        config = self.folder / f"hink-{port}.conf"
        config.write_text(f"""[server]
data = {self.folder}/data-{port}
admin_listen = {admin}
[identity]
mode = keystone
url = {url or self.keystone.url}
service_user = hink
service_password_file = {secret}
timeout = 20s
identity_refresh = {REFRESH}s
identity_stale_max = {STALE_MAX}s
[policy standard]
copies = 1
[region us-east-1]
policies = standard
[endpoint main]
region = us-east-1
listen = 127.0.0.1:{port}
""")
        folder = self.folder / f"log-{port}"
        folder.mkdir()
        server = Server(["--config", config], admin=admin, folder=folder)
        return f"http://127.0.0.1:{port}", server

    def token(self, user, password, project):
        domain = {"id": "default"}
        who = {"name": user, "domain": domain, "password": password}
        auth = {"identity": {"methods": ["password"], "password": {"user": who}},
                "scope": {"project": {"name": project, "domain": domain}}}
        answer = requests.post(self.keystone.url + "/auth/tokens", json={"auth": auth}, timeout=30)
        assert answer.status_code == 201, answer.text
        return answer.headers["X-Subject-Token"]

    def call(self, method, path, ok=True, **more):
        answer = requests.request(method, self.keystone.url + path, timeout=30,
                                  headers={"X-Auth-Token": self.admin}, **more)
        assert not ok or answer.ok, answer.text
        return answer

    def make(self, kind, name, **more):
        body = {"name": name, **more} if kind == "role" else {"name": name, "domain_id": "default",
                                                              **more}
        made = self.call("POST", f"/{kind}s", json={kind: body}).json()
        self.ids[name] = made[kind]["id"]

    def grant(self, user, project, role, method="PUT"):
        self.call(method, f"/projects/{self.ids[project]}/users/{self.ids[user]}"
                          f"/roles/{self.roles[role]}")

    def enable(self, kind, name, enabled):
        self.call("PATCH", f"/{kind}s/{self.ids[name]}", json={kind: {"enabled": enabled}})

    def key(self, user, project="demo"):
        path = f"/users/{self.ids[user]}/credentials/OS-EC2"
        made = self.call("POST", path, json={"tenant_id": self.ids[project]}).json()
        return made["credential"]["access"], made["credential"]["secret"]

    def s3(self, user, project="demo", endpoint=None):
        access, secret = self.key(user, project)
        return client_for(endpoint or self.endpoint, access=access, secret=secret)

    def close(self):
        try:
            assert self.hink.stop() == 0, self.hink.log()
        finally:
            self.keystone.stop()


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    made = World(tmp_path_factory.mktemp("keystone"))
    yield made
    made.close()


def eventually(holds, seconds=3 * REFRESH):
    """The time until it holds, which is within bounds."""
    began = time.monotonic()
    while not holds():
        assert time.monotonic() - began < seconds
        time.sleep(0.2)
    return time.monotonic() - began


def error_of(s3, call):
    try:
        call()
    except s3.exceptions.ClientError as error:
        code = error.response["ResponseMetadata"]["HTTPStatusCode"]
        return code, error.response["Error"]["Code"]
    return None


def test_the_pages_session(world, run):
    """From `openstack ec2 credentials create` on, as the page of the service has it."""
    env = {"OS_AUTH_URL": world.keystone.url, "OS_USERNAME": "member", "OS_PASSWORD": PASSWORD,
           "OS_PROJECT_NAME": "demo", "OS_USER_DOMAIN_ID": "default",
           "OS_PROJECT_DOMAIN_ID": "default", "OS_IDENTITY_API_VERSION": "3",
           "PYTHONWARNINGS": "ignore"}

    def openstack(*words, parse=True):
        text = run(OPENSTACK, *words, *(["-f", "json"] if parse else []), env=env)
        return json.loads(text) if parse else text

    assert openstack("token", "issue")["project_id"] == world.ids["demo"]
    assert [row["Type"] for row in openstack("catalog", "list")] == ["identity"]
    made = openstack("ec2", "credentials", "create")
    listed = [row["Access"] for row in openstack("ec2", "credentials", "list")]
    assert made["access"] in listed
    assert openstack("ec2", "credentials", "show", made["access"])["secret"] == made["secret"]
    digest = hashlib.sha256(made["access"].encode()).hexdigest()
    assert digest in [row["ID"] for row in openstack("credential", "list", "--type", "ec2")]
    keys = {"AWS_ACCESS_KEY_ID": made["access"], "AWS_SECRET_ACCESS_KEY": made["secret"]}
    aws = [str(pathlib.Path(sys.executable).parent / "aws"), "--endpoint-url", world.endpoint]
    assert json.loads(run(*aws, "s3api", "list-buckets", env=keys))["Buckets"] == []
    run(*aws, "s3api", "create-bucket", "--bucket", "page", "--create-bucket-configuration",
        "LocationConstraint=us-east-1:standard", env=keys)
    # In chunks that are signed each, as the SDKs upload.
    (world.folder / "large").write_bytes(b"x" * 9_000_000)
    run(*aws, "s3", "cp", "--no-progress", world.folder / "large", "s3://page/large", env=keys)
    assert "large" in run(*aws, "s3", "ls", "s3://page", env=keys)
    run(*aws, "s3", "rm", "s3://page/large", env=keys)
    run(*aws, "s3api", "delete-bucket", "--bucket", "page", env=keys)
    openstack("ec2", "credentials", "delete", made["access"], parse=False)
    s3 = client_for(world.endpoint, access=made["access"], secret=made["secret"])
    eventually(lambda: error_of(s3, s3.list_buckets) == (403, "InvalidAccessKeyId"))


def test_every_kind_of_signature(world):
    """What the service's own gateway can't do with Keystone's keys: presigned, form, SigV2."""
    access, secret = world.key("member")
    s3 = client_for(world.endpoint, access=access, secret=secret)
    s3.create_bucket(Bucket="kinds")
    url = s3.generate_presigned_url("put_object", Params={"Bucket": "kinds", "Key": "presigned"})
    assert requests.put(url, data=b"p", timeout=30).status_code == 200
    post = s3.generate_presigned_post("kinds", "form")
    answer = requests.post(post["url"], data=post["fields"], files={"file": b"f"}, timeout=30)
    assert answer.status_code == 204, answer.text
    date = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime())
    text = f"GET\n\n\n{date}\n/kinds/form".encode()
    sign = base64.b64encode(hmac.new(secret.encode(), text, hashlib.sha1).digest()).decode()
    got = requests.get(world.endpoint + "/kinds/form", timeout=30,
                       headers={"Date": date, "Authorization": f"AWS {access}:{sign}"})
    assert (got.status_code, got.content) == (200, b"f")
    for key in ("presigned", "form"):
        s3.delete_object(Bucket="kinds", Key=key)
    s3.delete_bucket(Bucket="kinds")


def test_roles(world):
    member, reader = world.s3("member"), world.s3("reader")
    member.create_bucket(Bucket="roles")
    member.put_object(Bucket="roles", Key="k", Body=b"v")
    assert reader.get_object(Bucket="roles", Key="k")["Body"].read() == b"v"
    put = lambda client: lambda: client.put_object(Bucket="roles", Key="l", Body=b"w")  # noqa: E731
    assert error_of(reader, put(reader)) == (403, "AccessDenied")
    # Keystone makes keys for projects in which the user has no role: they open nothing.
    nobody = world.s3("nobody")
    assert error_of(nobody, nobody.list_buckets) == (403, "AccessDenied")
    stranger = world.s3("nobody", "elsewhere")
    assert error_of(stranger, lambda: stranger.get_object(Bucket="roles", Key="k")) == (
        403, "AccessDenied")
    reseller = world.s3("reseller", "elsewhere")
    assert reseller.get_object(Bucket="roles", Key="k")["Body"].read() == b"v"
    # More and less of a role is noticed.
    world.grant("reader", "demo", "member")
    eventually(lambda: error_of(reader, put(reader)) is None)
    world.grant("reader", "demo", "member", "DELETE")
    eventually(lambda: error_of(reader, put(reader)) == (403, "AccessDenied"))
    for key in ("k", "l"):
        member.delete_object(Bucket="roles", Key=key)
    member.delete_bucket(Bucket="roles")


@pytest.mark.parametrize("kind, name", [("user", "member"), ("project", "demo")])
def test_what_is_disabled_is_noticed(world, kind, name):
    s3 = world.s3("member")
    eventually(lambda: error_of(s3, s3.list_buckets) is None)
    world.enable(kind, name, False)
    try:
        took = eventually(lambda: error_of(s3, s3.list_buckets) == (403, "AccessDenied"))
        assert took <= REFRESH + 1
        fresh = world.s3("member")
        assert error_of(fresh, fresh.list_buckets) == (403, "AccessDenied")
    finally:
        world.enable(kind, name, True)
    eventually(lambda: error_of(s3, s3.list_buckets) is None)


def test_delegated_keys_open_nothing(world):
    """A key made with an application credential has less than its user's rights."""
    access = hashlib.sha256(b"delegated").hexdigest()[:32]
    blob = json.dumps({"access": access, "secret": "s" * 32, "app_cred_id": "x" * 32})
    body = {"type": "ec2", "blob": blob, "user_id": world.ids["member"],
            "project_id": world.ids["demo"]}
    world.call("POST", "/credentials", json={"credential": body})
    s3 = client_for(world.endpoint, access=access, secret="s" * 32)
    assert error_of(s3, s3.list_buckets) == (403, "AccessDenied")


def test_strangers(world):
    for access in ("nosuchkey", "x" * 128, "../../users", "a b?c=d&e#f"):
        s3 = client_for(world.endpoint, access=access, secret="s" * 32)
        code, _ = error_of(s3, s3.list_buckets)
        assert code in (400, 403)
    access, _ = world.key("member")
    s3 = client_for(world.endpoint, access=access, secret="s" * 32)
    assert error_of(s3, s3.list_buckets) == (403, "SignatureDoesNotMatch")


def test_a_flood_of_unknown_keys_costs_others_little(world):
    s3 = world.s3("member")
    s3.list_buckets()
    unknown = client_for(world.endpoint, access="unknown-to-all", secret="s" * 32)
    before = world.hink.metric("hink_keystone_asks_total")
    for _ in range(50):
        assert error_of(unknown, unknown.list_buckets) == (403, "InvalidAccessKeyId")
    assert world.hink.metric("hink_keystone_asks_total") - before < 12


def test_commands_say_whose_users_they_are(world, run):
    config = next(world.folder.glob("hink-*.conf"))
    said = run(hink_binary(), "user", "list", "--config", config, ok=False)
    assert "those of the Keystone" in said


def test_a_wrong_service_user_is_told(world):
    endpoint, server = world.start_hink(password="wrong")
    try:
        s3 = world.s3("member", endpoint=endpoint)
        assert error_of(s3, s3.list_buckets)[0] == 503
        assert "answers 401 to the login of 'hink'" in server.log()
        assert "wrong" not in server.log()
    finally:
        assert server.stop() == 0


def test_keystone_goes_away_and_comes_back(world):
    """Last, as it takes the Keystone of all tests away for a while."""
    known, unknown = world.s3("member"), world.s3("member")
    known.list_buckets()
    world.keystone.stop()
    try:
        assert error_of(unknown, unknown.list_buckets)[0] == 503
        began = time.monotonic()
        while time.monotonic() - began < STALE_MAX - REFRESH - 1:
            assert error_of(known, known.list_buckets) is None
            time.sleep(0.2)
        eventually(lambda: error_of(known, known.list_buckets) == (503, "SlowDown"),
                   STALE_MAX + REFRESH)
        assert world.hink.metric("hink_keystone_up") == 0
    finally:
        world.keystone.start()
    eventually(lambda: error_of(known, known.list_buckets) is None)
    assert world.hink.metric("hink_keystone_up") == 1
    log = world.hink.log()
    assert log.count("Keystone answers again") == 1, log
