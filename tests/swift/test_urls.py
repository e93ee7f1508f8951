"""Temporary URLs and forms: who has one reaches what it was signed for, and nothing else."""
import hashlib
import hmac
import json
import time
import uuid

import pytest


@pytest.fixture
def container(swift):
    name = "urls-" + uuid.uuid4().hex[:12]
    assert swift("PUT", name, headers={"X-Container-Meta-Temp-URL-Key": "of-it"}).status_code == 201
    assert swift("PUT", f"{name}/o", data=b"hello").status_code == 201
    assert swift("POST", headers={"X-Account-Meta-Temp-URL-Key": "of-all"}).status_code == 204
    return name


def query(cloud, key, method, path, digest="sha256"):
    expires = int(time.time()) + 60
    signed = f"{method}\n{expires}\n/v1/AUTH_{cloud.project_id}/{path}"
    word = hmac.new(key.encode(), signed.encode(), digest).hexdigest()
    return f"temp_url_sig={word}&temp_url_expires={expires}"


@pytest.mark.parametrize("key", ["of-it", "of-all"])
@pytest.mark.parametrize("digest", ["sha1", "sha256", "sha512"])
def test_gets_and_puts(cloud, swift, container, key, digest):
    path = f"{container}/o"
    signed = query(cloud, key, "GET", path, digest)
    answer = swift("GET", f"{path}?{signed}", anonymous=True)
    assert answer.content == b"hello"
    assert answer.headers["Content-Disposition"].startswith("attachment;")
    assert swift("HEAD", f"{path}?{signed}", anonymous=True).status_code == 200
    assert swift("PUT", f"{path}?{signed}", data=b"x", anonymous=True).status_code == 401
    assert swift("GET", f"{container}/other?{signed}", anonymous=True).status_code == 401
    signed = query(cloud, key, "PUT", f"{container}/new", digest)
    assert swift("PUT", f"{container}/new?{signed}", data=b"x", anonymous=True).status_code == 201


def test_an_upload_reads_nothing(cloud, swift, container):
    """What could lead to other bytes of the account cannot be put by a URL."""
    secret = container + "-secret"
    assert swift("PUT", secret).status_code == 201
    assert swift("PUT", f"{secret}/s", data=b"secret").status_code == 201
    path = f"{container}/new"
    signed = query(cloud, "of-all", "PUT", path)
    for header in ("X-Object-Manifest", "X-Symlink-Target", "X-Copy-From"):
        answer = swift("PUT", f"{path}?{signed}", headers={header: f"{secret}/s"}, data=b"",
                       anonymous=True)
        assert answer.status_code == 400, header
    listed = json.dumps([{"path": f"/{secret}/s"}])
    swift("PUT", f"{path}?{signed}&multipart-manifest=put", data=listed, anonymous=True)
    assert swift("GET", path).content == listed.encode()


def test_the_key_of_a_container_reaches_no_other(cloud, swift, container):
    secret = container + "-secret"
    assert swift("PUT", secret).status_code == 201
    assert swift("PUT", f"{secret}/s", data=b"secret").status_code == 201
    assert swift("PUT", f"{container}/slo?multipart-manifest=put",
                 data=json.dumps([{"path": f"/{secret}/s"}])).status_code == 201
    path = f"{container}/slo"
    signed = query(cloud, "of-all", "GET", path)
    assert swift("GET", f"{path}?{signed}", anonymous=True).content == b"secret"
    signed = query(cloud, "of-it", "GET", path)
    assert swift("GET", f"{path}?{signed}", anonymous=True).status_code in (401, 403)


def fields_of(cloud, key, path, digest="sha256", **limits):
    fields = {"redirect": "", "max_file_size": 100, "max_file_count": 2,
              "expires": int(time.time()) + 60, **limits}
    signed = "\n".join([f"/v1/AUTH_{cloud.project_id}/{path}", *(
        str(fields[name]) for name in ("redirect", "max_file_size", "max_file_count", "expires"))])
    return {**fields, "signature": hmac.new(key.encode(), signed.encode(), digest).hexdigest()}


def send_form(swift, path, fields, *files, **more):
    """Fields as a browser has them, and files: name, bytes, type."""
    parts = [(name, (None, str(value))) for name, value in fields.items()]
    parts += [(f"f{at}", file) for at, file in enumerate(files)]
    return swift("POST", path, files=parts, anonymous=True, allow_redirects=False, **more)


@pytest.mark.parametrize("key", ["of-it", "of-all"])
@pytest.mark.parametrize("digest", ["sha1", "sha256", "sha512"])
def test_a_form_puts_files(cloud, swift, container, key, digest):
    path = f"{container}/up/"
    later = int(time.time()) + 1000
    fields = {**fields_of(cloud, key, path, digest, max_file_size=300000), "x_delete_at": later}
    large = bytes(range(256)) * 1000
    answer = send_form(swift, path, fields, ("ü.txt", b"one", "text/x-one"), ("two", large, None))
    assert (answer.status_code, answer.text) == (201, "201 Created")
    one = swift("GET", path + "%C3%BC.txt")
    assert one.content == b"one" and one.headers["Content-Type"] == "text/x-one"
    assert one.headers["X-Delete-At"] == str(later)
    assert swift("GET", path + "two").content == large


def test_a_form_goes_to_the_container_itself(cloud, swift, container):
    for path in (container, container + "/"):
        fields = fields_of(cloud, "of-it", path)
        assert send_form(swift, path, fields, ("in", path.encode(), None)).status_code == 201
        assert swift("GET", f"{container}/in").content == path.encode()


def test_a_form_redirects_where_it_was_signed(cloud, swift, container):
    path = f"{container}/up-"
    to = 'http://example.com/"><b>?a=1'
    fields = fields_of(cloud, "of-it", path, redirect=to)
    answer = send_form(swift, path, fields, ("x", b"x", None))
    assert answer.status_code == 303
    assert answer.headers["Location"] == to + "&status=201&message="
    assert "<b>" not in answer.text
    many = [(name, b"x", None) for name in "xyz"]
    answer = send_form(swift, path, fields, *many)
    assert answer.headers["Location"].endswith("&status=400&message=Max%20File%20Count%20Exceeded")
    forged = {**fields, "redirect": "http://elsewhere.example/"}
    for files in ([], many[:1], many):
        answer = send_form(swift, path, forged, *files)
        assert answer.status_code == 401 and "Location" not in answer.headers


def test_a_form_is_held_to_its_limits(cloud, swift, container):
    path = f"{container}/up-"
    one = ("x", b"x" * 101, None)
    for wrong in ({"max_file_size": 1000}, {"max_file_count": 9}, {"expires": 4102444800},
                  {"signature": "0" * 64}):
        answer = send_form(swift, path, {**fields_of(cloud, "of-it", path), **wrong}, one)
        assert (answer.status_code, answer.text) == (401, "FormPost: Invalid Signature"), wrong
    fields = fields_of(cloud, "of-it", path)
    assert send_form(swift, path + "other", fields, one).status_code == 401
    answer = send_form(swift, path, fields, one)
    assert (answer.status_code, answer.text) == (400, "FormPost: max_file_size exceeded")
    answer = send_form(swift, path, fields_of(cloud, "of-it", path, expires=1000), one)
    assert (answer.status_code, answer.text) == (401, "FormPost: Form Expired")
    assert swift("GET", path + "x").status_code == 404


def test_headers_beside_a_form_mean_nothing(cloud, swift, container):
    path = f"{container}/up-"
    answer = send_form(swift, path, fields_of(cloud, "of-it", path), ("x", b"x", None), headers={
        "X-Object-Meta-Evil": "1", "X-Object-Manifest": f"{container}/", "X-Delete-After": "1"})
    assert answer.status_code == 201
    headers = swift("HEAD", path + "x").headers
    assert not {"X-Object-Meta-Evil", "X-Object-Manifest", "X-Delete-At"} & set(headers)


def test_a_form_of_a_container_reaches_no_other(cloud, swift, container):
    other = container + "-other"
    assert swift("PUT", other).status_code == 201
    fields = fields_of(cloud, "of-it", other + "/")
    assert send_form(swift, other + "/", fields, ("x", b"x", None)).status_code == 401
    gone = container + "-gone/"
    answer = send_form(swift, gone, fields_of(cloud, "of-all", gone), ("x", b"x", None))
    assert answer.status_code == 404


def test_a_form_that_stops_puts_nothing(cloud, swift, container):
    path = f"{container}/up-"
    text = "".join(f'--b\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
                   for name, value in fields_of(cloud, "of-it", path).items())
    text += '--b\r\nContent-Disposition: form-data; name="f"; filename="x"\r\n\r\nbytes'
    headers = {"Content-Type": "multipart/form-data; boundary=b"}
    for body in (text, text.split("name=")[0], "--other\r\n", ""):
        answer = swift("POST", path, headers=headers, data=body, anonymous=True)
        assert answer.status_code == 400 and answer.text.startswith("FormPost: "), body
    assert swift("GET", path + "x").status_code == 404
