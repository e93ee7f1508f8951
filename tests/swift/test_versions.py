"""Versions that both doors keep: made by one, read, restored and removed by the other."""
import uuid

import pytest


@pytest.fixture
def container(swift):
    name = "versions-" + uuid.uuid4().hex[:12]
    answer = swift("PUT", name, headers={"X-Versions-Enabled": "true"})
    assert answer.status_code == 201
    return name


def test_versions_are_the_same_through_both(swift, s3, container):
    assert s3.get_bucket_versioning(Bucket=container)["Status"] == "Enabled"
    first = swift("PUT", f"{container}/o", data=b"one").headers["X-Object-Version-Id"]
    second = s3.put_object(Bucket=container, Key="o", Body=b"two!")["VersionId"]
    assert swift("GET", f"{container}/o").headers["X-Object-Version-Id"] == second
    assert swift("GET", f"{container}/o?version-id={first}").content == b"one"
    assert s3.get_object(Bucket=container, Key="o", VersionId=first)["Body"].read() == b"one"
    listed = swift("GET", f"{container}?versions").json()
    assert [(entry["version_id"], entry["is_latest"]) for entry in listed] == \
        [(second, True), (first, False)]
    marker = swift("DELETE", f"{container}/o").headers["X-Object-Version-Id"]
    assert swift("GET", f"{container}/o").status_code == 404
    assert s3.list_object_versions(Bucket=container)["DeleteMarkers"][0]["VersionId"] == marker
    assert swift("GET", f"{container}/o?version-id={marker}").status_code == 404
    assert swift("PUT", f"{container}/o?version-id={first}", data=b"").status_code == 201
    assert s3.get_object(Bucket=container, Key="o")["Body"].read() == b"one"
    assert swift("DELETE", container).status_code == 409
    for entry in swift("GET", f"{container}?versions").json():
        gone = swift("DELETE", f"{container}/o?version-id={entry['version_id']}")
        assert gone.status_code == 204
    assert swift("DELETE", f"{container}/o?version-id={first}").status_code == 404
    assert swift("DELETE", container).status_code == 204


def test_suspending(swift, s3, container):
    assert swift("PUT", f"{container}/o", data=b"one").status_code == 201
    assert swift("POST", container, headers={"X-Versions-Enabled": "false"}).status_code == 204
    assert swift("HEAD", container).headers["X-Versions-Enabled"] == "False"
    assert s3.get_bucket_versioning(Bucket=container)["Status"] == "Suspended"
    assert "X-Object-Version-Id" not in swift("PUT", f"{container}/o", data=b"two").headers
    assert swift("GET", f"{container}/o?version-id=null").content == b"two"
    assert swift("GET", f"{container}/o?version-id=nonsense").status_code == 400


def test_pages_of_versions(swift, container):
    for i in range(5):
        swift("PUT", f"{container}/k", data=b"%d" % i)
    whole = swift("GET", f"{container}?versions").json()
    assert len(whole) == 5
    paged, marker = [], ""
    for _ in range(10):
        page = swift("GET", f"{container}?versions&limit=2{marker}").json()
        if not page:
            break
        paged += page
        marker = f"&marker=k&version_marker={page[-1]['version_id']}"
    assert paged == whole


def test_readers_of_a_container_do_not_remove_versions(swift, container):
    first = swift("PUT", f"{container}/o", data=b"one").headers["X-Object-Version-Id"]
    swift("POST", container, headers={"X-Container-Read": ".r:*,.rlistings"})
    assert swift("DELETE", f"{container}/o?version-id={first}",
                 anonymous=True).status_code == 401
    assert swift("GET", f"{container}/o?version-id={first}").content == b"one"


def test_versions_in_another_container(swift, s3):
    """What a PUT replaces is a container's object like any other, for S3 too."""
    name = "stack-" + uuid.uuid4().hex[:12]
    assert swift("PUT", name + "-old").status_code == 201
    assert swift("PUT", name, headers={"X-Versions-Location": name + "-old"}).status_code == 201
    for word in (b"one", b"two", b"three"):
        assert swift("PUT", f"{name}/o", data=word, headers={"X-Object-Meta-Word": word}
                     ).status_code == 201
    kept = [entry["Key"] for entry in s3.list_objects_v2(Bucket=name + "-old")["Contents"]]
    assert len(kept) == 2 and all(key.startswith("001o/") for key in kept)
    assert s3.get_object(Bucket=name + "-old", Key=kept[0])["Metadata"]["word"] == "one"
    for word in (b"two", b"one"):
        assert swift("DELETE", f"{name}/o").status_code == 204
        assert swift("GET", f"{name}/o").content == word
    assert swift("DELETE", f"{name}/o").status_code == 204
    assert swift("GET", f"{name}/o").status_code == 404
    assert swift("POST", name, headers={"X-Remove-Versions-Location": "x"}).status_code == 204
    assert "X-Versions-Location" not in swift("HEAD", name).headers
