"""Accounts, containers and objects through Swift, by the stock clients and by requests of our own."""
import json
import os
import subprocess
import sys
import uuid

import pytest
import requests
import swiftclient

from conftest import PASSWORD


@pytest.fixture
def connection(cloud):
    made = swiftclient.Connection(preauthurl=cloud.account, preauthtoken=cloud.token, retries=0)
    yield made
    made.close()


@pytest.fixture
def container(connection):
    """A container of one test's own, emptied and removed after it."""
    name = "Test_" + uuid.uuid4().hex[:12]
    connection.put_container(name)
    yield name
    for entry in connection.get_container(name, full_listing=True)[1]:
        connection.delete_object(name, entry["name"])
    connection.delete_container(name)


def test_an_object_comes_back_as_it_was_put(connection, container):
    etag = connection.put_object(container, "a/b ü", b"hello", content_type="text/x-test",
                                 headers={"X-Object-Meta-Colour": "blue",
                                          "Content-Disposition": "attachment"})
    assert etag == "5d41402abc4b2a76b9719d911017c592"
    headers, body = connection.get_object(container, "a/b ü")
    assert body == b"hello"
    assert headers["content-type"] == "text/x-test"
    assert headers["x-object-meta-colour"] == "blue"
    assert headers["content-disposition"] == "attachment"
    assert headers["etag"] == etag
    assert float(headers["x-timestamp"]) > 0
    assert headers["x-trans-id"] == headers["x-openstack-request-id"]


def test_a_post_replaces_metadata_and_touches(connection, container):
    connection.put_object(container, "o", b"x", content_type="text/a",
                          headers={"X-Object-Meta-One": "1"})
    before = connection.head_object(container, "o")
    connection.post_object(container, "o", {"X-Object-Meta-Two": "2"})
    after = connection.head_object(container, "o")
    assert "x-object-meta-one" not in after
    assert after["x-object-meta-two"] == "2"
    assert after["content-type"] == "text/a"
    assert after["etag"] == before["etag"]
    assert float(after["x-timestamp"]) > float(before["x-timestamp"])


def test_a_wrong_etag_leaves_nothing(connection, container):
    with pytest.raises(swiftclient.ClientException) as refused:
        connection.put_object(container, "o", b"hello", etag="0" * 32)
    assert refused.value.http_status == 422
    with pytest.raises(swiftclient.ClientException) as absent:
        connection.head_object(container, "o")
    assert absent.value.http_status == 404


def test_listings_go_both_ways_through_pages(connection, container):
    names = [f"{letter}/{number:03}" for letter in "abc" for number in range(150)]
    for name in names:
        connection.put_object(container, name, b"")
    listed = connection.get_container(container, full_listing=True, limit=70)[1]
    assert [entry["name"] for entry in listed] == names
    backwards, marker = [], None
    while True:
        page = connection.get_container(container, limit=70, marker=marker,
                                        query_string="reverse=true")[1]
        if not page:
            break
        backwards += [entry["name"] for entry in page]
        marker = backwards[-1]
    assert backwards == names[::-1]
    rolled = connection.get_container(container, delimiter="/", query_string="reverse=true")[1]
    assert rolled == [{"subdir": "c/"}, {"subdir": "b/"}, {"subdir": "a/"}]


def test_a_quota_is_exact_for_both_doors(cloud, connection, container, swift):
    connection.post_container(container, {"X-Container-Meta-Quota-Bytes": "10",
                                          "X-Container-Meta-Quota-Count": "2"})
    connection.put_object(container, "a", b"12345")
    connection.put_object(container, "b", b"12345")
    assert swift("PUT", f"{container}/b", data=b"123456").status_code == 413
    assert swift("PUT", f"{container}/b", data=b"1234").status_code == 201
    assert swift("PUT", f"{container}/c", data=b"").status_code == 413
    # A length that nobody knows before is caught where it is written.
    assert swift("PUT", f"{container}/b", data=iter([b"123", b"456"])).status_code == 413
    assert connection.get_object(container, "b")[1] == b"1234"
    assert swift("DELETE", f"{container}/a").status_code == 204
    assert swift("PUT", f"{container}/c", data=b"123456").status_code == 201


def test_public_containers_are_read_by_anybody(cloud, connection, container, swift):
    connection.put_object(container, "o", b"hello")
    assert swift("GET", f"{container}/o", anonymous=True).status_code == 401
    connection.post_container(container, {"X-Container-Read": ".r:*"})
    assert swift("GET", f"{container}/o", anonymous=True).content == b"hello"
    assert swift("GET", container, anonymous=True).status_code == 401
    connection.post_container(container, {"X-Container-Read": ".r:*,.rlistings"})
    assert swift("GET", container, anonymous=True).text == "o\n"
    assert swift("PUT", f"{container}/p", anonymous=True, data=b"x").status_code == 401


def test_who_brings_no_good_token_is_a_stranger(cloud, swift):
    wrong = swift("GET", headers={"X-Auth-Token": "nonsense"}, anonymous=True)
    assert wrong.status_code == 401
    assert wrong.headers["Www-Authenticate"] == f'Swift realm="AUTH_{cloud.project_id}"'
    assert wrong.text == ("<html><h1>Unauthorized</h1><p>This server could not verify that you are "
                          "authorized to access the document you requested.</p></html>")
    elsewhere = requests.get(cloud.account + "x", headers={"X-Auth-Token": cloud.token}, timeout=30)
    assert elsewhere.status_code == 403


def test_the_account_tells_what_it_holds(connection, container):
    before = connection.head_account()
    connection.put_object(container, "o", b"hello")
    after = connection.head_account()
    assert int(after["x-account-bytes-used"]) == int(before["x-account-bytes-used"]) + 5
    assert int(after["x-account-object-count"]) == int(before["x-account-object-count"]) + 1
    connection.post_account({"X-Account-Meta-Colour": "blue"})
    assert connection.head_account()["x-account-meta-colour"] == "blue"
    connection.post_account({"X-Remove-Account-Meta-Colour": "x"})
    assert "x-account-meta-colour" not in connection.head_account()


def test_information_is_true(cloud):
    told = requests.get(cloud.zone.endpoint + "/info", timeout=30).json()["swift"]
    assert told["max_container_name_length"] == 256
    assert {"gp.recurring"} == {p["name"] for p in told["policies"] if p.get("default")}
    assert requests.get(cloud.zone.endpoint + "/swift/info", timeout=30).json()["swift"] == told
    assert requests.get(cloud.zone.endpoint + "/healthcheck", timeout=30).text == "OK"


def test_both_paths_lead_to_the_account(cloud, container):
    for base in ("/v1", "/v1.0", "/swift/v1"):
        answer = requests.head(f"{cloud.zone.endpoint}{base}/AUTH_{cloud.project_id}/{container}",
                               headers={"X-Auth-Token": cloud.token}, timeout=30)
        assert answer.status_code == 204, base


def client(cloud, program, *words, ok=True, cwd=None, data=None):
    """Runs a stock client with the demo user's password, and gives what it printed."""
    env = {key: value for key, value in os.environ.items() if not key.startswith("OS_")}
    env.update(OS_AUTH_URL=cloud.zone.keystone, OS_USERNAME="demo", OS_PASSWORD=PASSWORD,
               OS_PROJECT_NAME="demo", OS_USER_DOMAIN_ID="default", OS_PROJECT_DOMAIN_ID="default",
               OS_IDENTITY_API_VERSION="3", OS_AUTH_VERSION="3")
    if program == "openstack":
        # The catalogue names the host of the configuration, which need not resolve here.
        env = {key: value for key, value in env.items() if not key.startswith("OS_")}
        env.update(OS_AUTH_TYPE="admin_token", OS_ENDPOINT=cloud.account, OS_TOKEN=cloud.token)
    path = os.path.join(os.path.dirname(sys.executable), program)
    storage = ["--os-storage-url", cloud.account] if program == "swift" else []
    done = subprocess.run([path, *storage, *words], env=env, cwd=cwd, input=data, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=120,
                          check=False)
    assert (done.returncode == 0) == ok, done.stdout
    return done.stdout


def test_the_swift_client_uploads_lists_and_downloads(cloud, tmp_path):
    name = "client-" + uuid.uuid4().hex[:8]
    (tmp_path / "file").write_bytes(os.urandom(100_000))
    client(cloud, "swift", "post", "-H", "X-Storage-Policy: hp.intensive", name)
    assert "hp.intensive" in client(cloud, "swift", "stat", name)
    client(cloud, "swift", "upload", name, "file", cwd=tmp_path)
    assert client(cloud, "swift", "list", name) == "file\n"
    client(cloud, "swift", "download", name, "file", "-o", "back", cwd=tmp_path)
    assert (tmp_path / "back").read_bytes() == (tmp_path / "file").read_bytes()
    client(cloud, "swift", "post", "-r", ".r:*", name)
    assert ".r:*" in client(cloud, "swift", "stat", name)
    client(cloud, "swift", "delete", name)
    assert name not in client(cloud, "swift", "list").splitlines()


def test_the_openstack_client_works_on_containers_and_objects(cloud, tmp_path):
    name = "osc-" + uuid.uuid4().hex[:8]
    (tmp_path / "file").write_bytes(b"hello")
    client(cloud, "openstack", "container", "create", name)
    client(cloud, "openstack", "object", "create", name, "file", cwd=tmp_path)
    listed = json.loads(client(cloud, "openstack", "object", "list", name, "-f", "json"))
    assert listed == [{"Name": "file"}]
    client(cloud, "openstack", "object", "save", name, "file", "--file", "back", cwd=tmp_path)
    assert (tmp_path / "back").read_bytes() == b"hello"
    client(cloud, "openstack", "container", "delete", "--recursive", name)
    names = [c["Name"] for c in json.loads(client(cloud, "openstack", "container", "list", "-f",
                                                  "json"))]
    assert name not in names
