"""The Identity API by the stock openstack client: passwords, tokens, the catalogue, EC2 credentials."""
import hashlib
import json
import pathlib
import subprocess
import sys

import pytest
import requests

from certificate import make_certificate
from hinkserver import Zone, hink_binary
from s3client import client_for

OPENSTACK = str(pathlib.Path(sys.executable).parent / "openstack")
PASSWORD = "correct horse battery"


class Cloud:
    """A zone with an administrator, two members of one project, and somebody elsewhere."""

    def __init__(self, folder, **more):
        self.zone = Zone(folder, **more)
        self.hink("user", "password", "admin", typed=PASSWORD)
        for user, project, role in (("demo", "demo", "member"), ("other", "demo", "reader"),
                                    ("boss", "demo", "admin"), ("stranger", "elsewhere", "member")):
            if user != "other" and user != "boss":
                self.hink("project", "create", project)
            self.hink("user", "create", user, "--password", typed=PASSWORD)
            self.hink("role", "grant", role, "--user", user, "--project", project)

    def hink(self, *words, typed="", ok=True):
        done = subprocess.run([hink_binary(), *words, "--config", str(self.zone.config)],
                              input=typed + "\n", stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, timeout=60)
        assert (done.returncode == 0) == ok, done.stdout
        return done.stdout

    def ids(self, noun, name):
        return json.loads(self.hink(noun, "show", name, "--json"))["id"]

    def login(self, user="demo", password=PASSWORD, project=None, **scope):
        scope = scope or {"project": {"name": project, "domain": {"id": "default"}}}
        who = {"name": user, "domain": {"name": "default"}, "password": password}
        auth = {"identity": {"methods": ["password"], "password": {"user": who}}, "scope": scope}
        return requests.post(self.zone.keystone + "/auth/tokens", json={"auth": auth}, timeout=30)

    def token(self, user="demo", project="demo"):
        answer = self.login(user, project=project)
        assert answer.status_code == 201, answer.text
        return answer.headers["X-Subject-Token"]

    def call(self, method, path, token=None, **more):
        headers = dict(more.pop("headers", {}))
        if token:
            headers["X-Auth-Token"] = token
        return requests.request(method, self.zone.keystone + path, headers=headers, timeout=30,
                                **more)


@pytest.fixture(scope="module")
def cloud(tmp_path_factory):
    made = Cloud(tmp_path_factory.mktemp("cloud"))
    yield made
    assert made.zone.stop() == 0, made.zone.log()


@pytest.fixture
def openstack(run, cloud):
    def call(*words, user="demo", project="demo", ok=True, parse=True):
        env = {"OS_AUTH_URL": cloud.zone.keystone, "OS_USERNAME": user, "OS_PASSWORD": PASSWORD,
               "OS_PROJECT_NAME": project, "OS_USER_DOMAIN_ID": "default",
               "OS_PROJECT_DOMAIN_NAME": "Default", "OS_IDENTITY_API_VERSION": "3",
               "PYTHONWARNINGS": "ignore"}
        text = run(OPENSTACK, *words, *(["-f", "json"] if parse and ok else []), env=env, ok=ok)
        return json.loads(text) if parse and ok else text
    return call


def test_token_and_catalog(openstack, cloud):
    token = openstack("token", "issue")
    assert token["project_id"] == cloud.ids("project", "demo")
    assert token["user_id"] == cloud.ids("user", "demo")
    catalog = {entry["Type"]: entry for entry in openstack("catalog", "list")}
    assert set(catalog) == {"identity", "s3", "object-store"}
    s3 = {end["region"]: end["url"] for end in catalog["s3"]["Endpoints"]
          if end["interface"] == "public"}
    assert set(s3) == {"europe-se-1", "europe-se-1-rep"}
    assert s3["europe-se-1"].endswith(":" + cloud.zone.ports["9000"])
    swift = [end["url"] for end in catalog["object-store"]["Endpoints"]]
    assert all(url.endswith("/swift/v1/AUTH_" + token["project_id"]) for url in swift)


def test_ec2_credentials(openstack, cloud):
    made = openstack("ec2", "credentials", "create")
    assert made["project_id"] == cloud.ids("project", "demo")
    listed = openstack("ec2", "credentials", "list")
    assert [made["access"], made["secret"]] in [[row["Access"], row["Secret"]] for row in listed]
    shown = openstack("ec2", "credentials", "show", made["access"])
    assert shown["secret"] == made["secret"]
    rows = openstack("credential", "list", "--type", "ec2")
    digest = hashlib.sha256(made["access"].encode()).hexdigest()
    assert digest in [row["ID"] for row in rows]

    s3 = client_for(cloud.zone.endpoint, access=made["access"], secret=made["secret"])
    s3.create_bucket(Bucket="made-with-openstack")
    s3.put_object(Bucket="made-with-openstack", Key="k", Body=b"v")
    assert s3.get_object(Bucket="made-with-openstack", Key="k")["Body"].read() == b"v"
    s3.delete_object(Bucket="made-with-openstack", Key="k")
    s3.delete_bucket(Bucket="made-with-openstack")

    openstack("ec2", "credentials", "delete", made["access"], parse=False)
    openstack("ec2", "credentials", "show", made["access"], ok=False)
    with pytest.raises(s3.exceptions.ClientError):
        s3.list_buckets()


def test_an_administrator_makes_keys_for_others(openstack, cloud):
    made = openstack("ec2", "credentials", "create", "--user", "demo", "--project", "demo",
                     user="admin", project="default")
    assert made["user_id"] == cloud.ids("user", "demo")
    shown = openstack("ec2", "credentials", "show", made["access"])
    assert shown["secret"] == made["secret"]
    openstack("ec2", "credentials", "delete", made["access"], "--user", "demo", user="admin",
              project="default", parse=False)


def test_whose_keys(cloud):
    demo = cloud.ids("user", "demo")
    project = cloud.ids("project", "demo")
    below = f"/users/{demo}/credentials/OS-EC2"
    made = cloud.call("POST", below, cloud.token(), json={"tenant_id": project}).json()["credential"]
    path = f"{below}/{made['access']}"
    digest = "/credentials/" + hashlib.sha256(made["access"].encode()).hexdigest()
    for user, where, status in (("demo", "demo", 200), ("boss", "demo", 200),
                                ("admin", "default", 200), ("other", "demo", 403),
                                ("stranger", "elsewhere", 403)):
        token = cloud.token(user, where)
        assert cloud.call("GET", path, token).status_code == status, user
        assert cloud.call("GET", below, token).status_code == status, user
        seen = cloud.call("GET", digest, token)
        assert seen.status_code == (200 if status == 200 else 404), user
        assert (made["secret"] in seen.text) == (status == 200)
        assert (made["secret"] in cloud.call("GET", "/credentials", token).text) == (status == 200)
    assert cloud.call("DELETE", path, cloud.token("stranger", "elsewhere")).status_code == 403
    assert cloud.call("GET", path).status_code == 401
    assert "Keystone uri=" in cloud.call("GET", path).headers["WWW-Authenticate"]
    # Nobody may make one in a project of others.
    elsewhere = cloud.ids("project", "elsewhere")
    assert cloud.call("POST", below, cloud.token(), json={"tenant_id": elsewhere}).status_code == 403
    assert cloud.call("DELETE", digest, cloud.token()).status_code == 204
    assert cloud.call("GET", path, cloud.token()).status_code == 404


def test_credentials_of_ones_own_making(cloud):
    project = cloud.ids("project", "demo")
    blob = json.dumps({"access": "chosen-access-key", "secret": "chosen-secret-key"})
    body = {"credential": {"type": "ec2", "blob": blob, "project_id": project}}
    token = cloud.token()
    made = cloud.call("POST", "/credentials", token, json=body)
    assert made.status_code == 201, made.text
    assert json.loads(made.json()["credential"]["blob"])["secret"] == "chosen-secret-key"
    assert cloud.call("POST", "/credentials", token, json=body).status_code == 409
    path = "/credentials/" + made.json()["credential"]["id"]
    s3 = client_for(cloud.zone.endpoint, access="chosen-access-key",
                    secret="chosen-secret-key")
    s3.list_buckets()
    # A key is worth what its user's role is worth.
    cloud.hink("role", "revoke", "member", "--user", "demo", "--project", "demo")
    s3.list_buckets()  # a reader still
    with pytest.raises(s3.exceptions.ClientError, match="AccessDenied"):
        s3.create_bucket(Bucket="not-by-a-reader")
    assert cloud.call("GET", path, token).status_code == 200
    cloud.hink("role", "revoke", "reader", "--user", "demo", "--project", "demo")
    with pytest.raises(s3.exceptions.ClientError, match="no role in its project"):
        s3.list_buckets()
    assert cloud.call("GET", path, token).status_code == 401
    cloud.hink("role", "grant", "member", "--user", "demo", "--project", "demo")
    s3.list_buckets()
    assert cloud.call("DELETE", path, token).status_code == 204


def test_a_reader_reads(cloud):
    project = cloud.ids("project", "demo")

    def client(user):
        body = {"tenant_id": project}
        made = cloud.call("POST", f"/users/{cloud.ids('user', user)}/credentials/OS-EC2",
                          cloud.token(user), json=body).json()["credential"]
        return client_for(cloud.zone.endpoint, access=made["access"], secret=made["secret"])

    member, reader = client("demo"), client("other")
    member.create_bucket(Bucket="to-be-read")
    member.put_object(Bucket="to-be-read", Key="k", Body=b"v")
    assert reader.get_object(Bucket="to-be-read", Key="k")["Body"].read() == b"v"
    assert [each["Name"] for each in reader.list_buckets()["Buckets"]] == ["to-be-read"]
    for call in (lambda: reader.put_object(Bucket="to-be-read", Key="l", Body=b"w"),
                 lambda: reader.delete_object(Bucket="to-be-read", Key="k"),
                 lambda: reader.copy_object(Bucket="to-be-read", Key="l",
                                            CopySource="to-be-read/k"),
                 lambda: reader.put_bucket_acl(Bucket="to-be-read", ACL="private"),
                 lambda: reader.delete_bucket(Bucket="to-be-read"),
                 lambda: reader.create_bucket(Bucket="of-a-reader")):
        with pytest.raises(reader.exceptions.ClientError, match="AccessDenied"):
            call()
    member.delete_object(Bucket="to-be-read", Key="k")
    member.delete_bucket(Bucket="to-be-read")


def test_tokens(cloud):
    token = cloud.token()
    headers = {"X-Subject-Token": token}
    shown = cloud.call("GET", "/auth/tokens", token, headers=headers)
    assert shown.status_code == 200
    body = shown.json()["token"]
    assert body["methods"] == ["password"] and body["user"]["name"] == "demo"
    assert {role["name"] for role in body["roles"]} == {"member", "reader"}
    head = cloud.call("HEAD", "/auth/tokens", token, headers=headers)
    assert head.status_code == 200 and head.text == ""
    # Others can't ask about it, administrators can.
    stranger = cloud.token("stranger", "elsewhere")
    assert cloud.call("GET", "/auth/tokens", stranger, headers=headers).status_code == 403
    admin = cloud.token("admin", "default")
    assert cloud.call("GET", "/auth/tokens", admin, headers=headers).status_code == 200
    # For a token there is another one, of another scope and no longer life.
    auth = {"identity": {"methods": ["token"], "token": {"id": token}}, "scope": "unscoped"}
    again = cloud.call("POST", "/auth/tokens", json={"auth": auth})
    assert again.status_code == 201
    assert again.json()["token"]["expires_at"] == body["expires_at"]
    assert "project" not in again.json()["token"] and "catalog" not in again.json()["token"]
    unscoped = again.headers["X-Subject-Token"]
    projects = cloud.call("GET", "/auth/projects", unscoped).json()["projects"]
    assert [project["name"] for project in projects] == ["demo"]
    assert cloud.call("GET", "/auth/catalog", unscoped).status_code == 403
    # Gone is gone.
    assert cloud.call("DELETE", "/auth/tokens", token, headers=headers).status_code == 204
    assert cloud.call("GET", "/auth/projects", token).status_code == 401
    assert cloud.call("GET", "/auth/tokens", admin, headers=headers).status_code == 404
    assert cloud.call("GET", "/auth/projects", "hink1." + "A" * 200).status_code == 401


def test_application_credentials(openstack, cloud, run):
    made = openstack("application", "credential", "create", "backup", "--role", "reader")
    assert made["Roles" if "Roles" in made else "roles"]
    listed = openstack("application", "credential", "list")
    assert [row["Name"] for row in listed] == ["backup"]
    shown = openstack("application", "credential", "show", "backup")
    assert (shown.get("id") or shown["ID"]) == (made.get("id") or made["ID"])
    made = {key.lower(): value for key, value in made.items()}
    env = {"OS_AUTH_TYPE": "v3applicationcredential", "OS_AUTH_URL": cloud.zone.keystone,
           "OS_APPLICATION_CREDENTIAL_ID": made["id"],
           "OS_APPLICATION_CREDENTIAL_SECRET": made["secret"], "OS_IDENTITY_API_VERSION": "3",
           "PYTHONWARNINGS": "ignore"}
    issued = json.loads(run(OPENSTACK, "token", "issue", "-f", "json", env=env))
    assert issued["project_id"] == cloud.ids("project", "demo")
    token = issued["id"]
    seen = cloud.call("GET", "/auth/tokens", token, headers={"X-Subject-Token": token}).json()
    assert [role["name"] for role in seen["token"]["roles"]] == ["reader"]
    assert seen["token"]["methods"] == ["application_credential"]
    # By name and user, too; and no more than its own.
    who = {"name": "backup", "secret": made["secret"],
           "user": {"name": "demo", "domain": {"id": "default"}}}
    auth = {"identity": {"methods": ["application_credential"], "application_credential": who}}
    assert cloud.call("POST", "/auth/tokens", json={"auth": auth}).status_code == 201
    below = f"/users/{cloud.ids('user', 'demo')}"
    body = {"application_credential": {"name": "child"}}
    assert cloud.call("POST", below + "/application_credentials", token,
                      json=body).status_code == 403
    assert cloud.call("POST", below + "/credentials/OS-EC2", token,
                      json={"tenant_id": issued["project_id"]}).status_code == 403
    assert cloud.call("GET", "/credentials", token).status_code == 403
    again = {"identity": {"methods": ["token"], "token": {"id": token}}, "scope": "unscoped"}
    assert cloud.call("POST", "/auth/tokens", json={"auth": again}).status_code == 403
    # Others' are not to be seen, more roles not to be had, rules not to be set.
    assert cloud.call("GET", below + "/application_credentials",
                      cloud.token("other")).status_code == 403
    path = below + "/application_credentials"
    for wrong in ({"roles": [{"name": "admin"}]}, {"access_rules": [{"path": "/v2.1/servers"}]},
                  {"expires_at": "2020-01-01T00:00:00"}, {"expires_at": "soon"}):
        answer = cloud.call("POST", path, cloud.token(),
                            json={"application_credential": {"name": "wrong", **wrong}})
        assert answer.status_code == 400, wrong
    run(OPENSTACK, "application", "credential", "create", "free", "--unrestricted", "--secret",
        "chosen by me", "--expiration", "2099-01-01T00:00:00", "-f", "json",
        env={**env, "OS_AUTH_TYPE": "password", "OS_USERNAME": "demo", "OS_PASSWORD": PASSWORD,
             "OS_PROJECT_NAME": "demo", "OS_USER_DOMAIN_ID": "default",
             "OS_PROJECT_DOMAIN_ID": "default", "OS_APPLICATION_CREDENTIAL_ID": "",
             "OS_APPLICATION_CREDENTIAL_SECRET": ""})
    openstack("application", "credential", "delete", "backup", parse=False)
    assert cloud.call("GET", "/auth/projects", token).status_code == 401
    assert cloud.call("POST", "/auth/tokens", json={"auth": auth}).status_code == 401
    openstack("application", "credential", "delete", "free", parse=False)


def test_refusals(cloud):
    assert cloud.login(password="wrong", project="demo").status_code == 401
    assert cloud.login("nobody", project="demo").status_code == 401
    assert cloud.login(project="elsewhere").status_code == 401
    assert cloud.login(project="nosuch").status_code == 401
    assert cloud.login(domain={"id": "default"}).status_code == 400
    for body in ("", "{", "[]", "{}", '{"auth":{"identity":{"methods":["saml2"]}}}'):
        answer = cloud.call("POST", "/auth/tokens", data=body)
        assert answer.status_code == 400, body
        assert answer.json()["error"]["code"] == 400
    assert cloud.call("POST", "/auth/tokens", data="x" * 70000).status_code == 413
    assert cloud.call("GET", "/nosuch", cloud.token()).status_code == 404
    assert cloud.call("PUT", "/auth/tokens").status_code == 405
    token = cloud.token()
    assert cloud.call("GET", "/users/" + cloud.ids("user", "admin"), token).status_code == 403
    assert cloud.call("GET", "/projects/" + cloud.ids("project", "elsewhere"),
                      token).status_code == 403


def test_guessing_is_slowed(cloud):
    cloud.hink("user", "create", "victim", "--password", typed=PASSWORD)
    answers = [cloud.login("victim", "guess %d" % i, unscoped={}) for i in range(12)]
    assert answers[0].status_code == 401
    assert answers[-1].status_code == 429
    assert int(answers[-1].headers["Retry-After"]) >= 1


def test_roles_by_the_client(openstack, cloud):
    cloud.hink("user", "create", "newcomer", "--password", typed=PASSWORD)
    words = ("--user", "newcomer", "--project", "demo", "member")
    openstack("role", "add", *words, user="admin", project="default", parse=False)
    assert cloud.login("newcomer", project="demo").status_code == 201
    openstack("role", "remove", *words, user="admin", project="default", parse=False)
    # What member included goes by its own name.
    cloud.hink("role", "revoke", "reader", "--user", "newcomer", "--project", "demo")
    assert cloud.login("newcomer", project="demo").status_code == 401
    openstack("role", "add", *words, ok=False)
    path = f"/projects/{cloud.ids('project', 'demo')}/users/{cloud.ids('user', 'newcomer')}/roles/"
    assert cloud.call("PUT", path + "admin", cloud.token("boss")).status_code == 403
    admin = cloud.token("admin", "default")
    assert cloud.call("PUT", path + "king", admin).status_code == 404
    assert cloud.call("HEAD", path + "member", admin).status_code == 404
    assert cloud.call("PUT", path + "member", admin).status_code == 204
    assert cloud.call("HEAD", path + "reader", admin).status_code == 204


def test_projects_and_users(openstack):
    assert [row["Name"] for row in openstack("project", "list")] == ["demo"]
    names = {row["Name"] for row in openstack("project", "list", user="admin", project="default")}
    assert {"default", "demo", "elsewhere"} <= names
    names = {row["Name"] for row in openstack("user", "list", user="admin", project="default")}
    assert {"admin", "demo", "stranger"} <= names
    assert openstack("user", "show", "demo")["name"] == "demo"


def test_a_restart_keeps_tokens_and_revocations(tmp_path):
    cloud = Cloud(tmp_path / "first")
    kept, revoked = cloud.token(), cloud.token()
    gone = {"X-Subject-Token": revoked}
    assert cloud.call("DELETE", "/auth/tokens", revoked, headers=gone).status_code == 204
    assert cloud.zone.stop() == 0
    from hinkserver import Server
    again = Server(["--config", cloud.zone.config], admin=cloud.zone.admin, folder=tmp_path)
    try:
        assert cloud.call("GET", "/auth/projects", kept).status_code == 200
        assert cloud.call("GET", "/auth/projects", revoked).status_code == 401
        cloud.hink("user", "password", "demo", typed="another password")
        assert cloud.call("GET", "/auth/projects", kept).status_code == 401
        assert cloud.login(project="demo").status_code == 401
        assert cloud.login(password="another password", project="demo").status_code == 201
    finally:
        assert again.stop() == 0, again.log()


def test_the_catalogue_behind_a_load_balancer(tmp_path):
    made = Cloud(tmp_path / "zone")
    assert made.zone.stop() == 0
    text = made.zone.config.read_text()
    first = text.index("[endpoint ")
    second = text.index("]\n", first) + 2
    made.zone.config.write_text(text[:second] + "url = https://objects.example.com/\n" + text[second:])
    from hinkserver import Server
    again = Server(["--config", made.zone.config], admin=made.zone.admin, folder=tmp_path)
    try:
        token = made.token()
        catalog = made.call("GET", "/auth/catalog", token).json()["catalog"]
        urls = {end["region"]: end["url"] for entry in catalog if entry["type"] == "s3"
                for end in entry["endpoints"]}
        assert "https://objects.example.com" in urls.values()
        with requests.get(f"http://{made.zone.admin}/metrics", timeout=5) as metrics:
            assert 'operation="identity:authenticate"' in metrics.text
            assert 'operation="identity:get_auth_catalog"' in metrics.text
    finally:
        assert again.stop() == 0, again.log()


def test_the_administrators_first_password(tmp_path):
    from hinkserver import Server
    zone = Zone(tmp_path / "zone")
    kept = tmp_path / "zone" / "data" / "admin.password"
    assert kept.stat().st_mode & 0o777 == 0o600
    first = kept.read_text().strip()
    made = object.__new__(Cloud)
    made.zone = zone
    assert made.login("admin", password=first, project="default").status_code == 201
    assert first not in zone.log()
    made.hink("user", "password", "admin", typed=PASSWORD)
    assert zone.stop() == 0
    again = Server(["--config", zone.config], admin=zone.admin, folder=tmp_path)
    try:  # What was set stays.
        assert made.login("admin", project="default").status_code == 201
        assert made.login("admin", password=first, project="default").status_code == 401
    finally:
        assert again.stop() == 0, again.log()


def test_tls_and_the_access_log(tmp_path):
    certificate, key = make_certificate(tmp_path)
    log = tmp_path / "access.log"
    cloud = Cloud(tmp_path / "zone", tls=(certificate, key),
                  server=f"keystone_certificate = {certificate}\nkeystone_key = {key}\n",
                  extra=f"\n[log]\naccess_log = {log}\n")
    cloud.zone.keystone = cloud.zone.keystone.replace("http:", "https:")
    who = {"name": "demo", "domain": {"id": "default"}, "password": PASSWORD}
    auth = {"identity": {"methods": ["password"], "password": {"user": who}}}
    answer = requests.post(cloud.zone.keystone + "/auth/tokens", json={"auth": auth}, timeout=30,
                           verify=certificate)
    assert answer.status_code == 201
    version = requests.get(cloud.zone.keystone, timeout=30, verify=certificate).json()["version"]
    assert version["links"][0]["href"].startswith("https://")
    assert cloud.zone.stop() == 0, cloud.zone.log()
    text = log.read_text()
    line = next(json.loads(each) for each in text.splitlines() if "identity:authenticate" in each)
    assert line["status"] == 201
    assert PASSWORD not in text and answer.headers["X-Subject-Token"] not in text
