"""Many objects at once, out of archives and by lists, as clients send them."""
import io
import json
import tarfile
import uuid

import pytest

JSON = {"Accept": "application/json"}


@pytest.fixture
def container(swift):
    name = "bulk-" + uuid.uuid4().hex[:12]
    assert swift("PUT", name).status_code == 201
    return name


def archive(mode, members, **pax):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode, format=tarfile.PAX_FORMAT) as tar:
        for name, data in members:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            info.pax_headers = pax
            tar.addfile(info, io.BytesIO(data))
    return out.getvalue()


@pytest.mark.parametrize("kind,mode", [("tar", "w"), ("tar.gz", "w:gz"), ("tar.bz2", "w:bz2")])
def test_extracts(swift, container, kind, mode):
    members = [(f"d/{i}", b"%d" % i * 1000) for i in range(600)]
    answer = swift("PUT", f"{container}/below?extract-archive={kind}", headers=JSON,
                   data=archive(mode, members))
    assert answer.status_code == 200
    report = json.loads(answer.text)
    assert report["Response Status"] == "201 Created", report
    assert report["Number Files Created"] == 600 and report["Errors"] == []
    assert swift("GET", f"{container}/below/d/599").content == b"599" * 1000


def test_metadata_of_attributes(swift, container):
    data = archive("w", [("o", b"x")], **{"SCHILY.xattr.user.mime_type": "text/x-odd",
                                          "SCHILY.xattr.user.meta.Colour": "blue"})
    answer = swift("PUT", f"{container}?extract-archive=tar", data=data,
                   headers={**JSON, "X-Object-Meta-All": "yes", "X-Delete-After": "100"})
    assert answer.json()["Number Files Created"] == 1, answer.text
    head = swift("HEAD", f"{container}/o").headers
    assert head["Content-Type"] == "text/x-odd"
    assert head["X-Object-Meta-Colour"] == "blue" and head["X-Object-Meta-All"] == "yes"
    assert "X-Delete-At" in head


def test_strangers_extract_and_delete_nothing(swift, container):
    assert swift("PUT", f"{container}/o", data=b"x").status_code == 201
    answer = swift("PUT", f"{container}?extract-archive=tar", headers=JSON, anonymous=True,
                   data=archive("w", [("new", b"x")]))
    assert answer.json()["Number Files Created"] == 0
    answer = swift("POST", "?bulk-delete", data=f"{container}/o\n", anonymous=True,
                   headers={**JSON, "Content-Type": "text/plain"})
    assert answer.json()["Number Deleted"] == 0
    assert swift("GET", f"{container}/new").status_code == 404
    assert swift("GET", f"{container}/o").status_code == 200


def test_a_cut_archive_stores_no_part_of_a_file(swift, container):
    data = archive("w", [("whole", b"x" * 100), ("cut", b"y" * 100000)])
    answer = swift("PUT", f"{container}?extract-archive=tar", headers=JSON, data=data[:20000])
    assert answer.json()["Response Status"] == "400 Bad Request"
    assert swift("GET", f"{container}/whole").status_code == 200
    assert swift("GET", f"{container}/cut").status_code == 404


def test_deletes_many(swift, container):
    names = [f"{i}" for i in range(1200)]
    data = archive("w", [(name, b"x") for name in names])
    assert swift("PUT", f"{container}?extract-archive=tar", data=data).status_code == 200
    answer = swift("POST", "?bulk-delete", headers={**JSON, "Content-Type": "text/plain"},
                   data="".join(f"{container}/{name}\n" for name in names) + container)
    report = json.loads(answer.text)
    assert report["Number Deleted"] == 1201 and report["Errors"] == [], report
    assert swift("HEAD", container).status_code == 404
    too_many = "x/y\n" * 10001
    answer = swift("POST", "?bulk-delete", headers={**JSON, "Content-Type": "text/plain"},
                   data=too_many)
    assert answer.json()["Response Status"].startswith("413")
