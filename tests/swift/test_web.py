"""Containers as web sites: what is shown to whom, and that names are text."""
import uuid
from urllib.parse import quote

import pytest
import requests

LISTED = {"X-Container-Meta-Web-Listings": "true"}
INDEXED = {"X-Container-Meta-Web-Index": "index.html", "X-Container-Meta-Web-Error": "error.html"}


@pytest.fixture
def site(swift):
    """Makes a container with headers and objects; everybody may read and list it."""
    def make(objects, headers, readers=".r:*,.rlistings"):
        name = "web-" + uuid.uuid4().hex[:12]
        sent = {"X-Container-Read": readers, **headers}
        assert swift("PUT", name, headers=sent).status_code == 201
        for key, data in objects.items():
            assert swift("PUT", f"{name}/{quote(key)}", data=data).status_code == 201
        return name
    return make


def look(swift, path, method="GET", **more):
    return swift(method, path, anonymous=True, allow_redirects=False, **more)


def test_index_and_error_page(swift, site):
    name = site({"index.html": b"home", "404error.html": b"lost", "d/index.html": b"d"}, INDEXED)
    assert look(swift, f"{name}/").text == "home"
    assert look(swift, f"{name}/d/").text == "d"
    for path in (name, f"{name}/d"):
        answer = look(swift, path)
        assert answer.status_code == 301 and answer.headers["Location"] == answer.url + "/"
    for headers in ({}, {"Range": "bytes=0-0"}, {"If-None-Match": "*"}):
        answer = look(swift, f"{name}/absent", headers=headers)
        assert (answer.status_code, answer.text) == (404, "lost"), headers
        assert "Content-Range" not in answer.headers
    assert look(swift, f"{name}/absent", "HEAD").status_code == 404
    part = look(swift, f"{name}/", headers={"Range": "bytes=0-1"})
    assert (part.status_code, part.text) == (206, "ho")


def test_who_has_a_token_sees_the_container(swift, site):
    name = site({"index.html": b"home"}, INDEXED)
    assert swift("GET", f"{name}/").text == "index.html\n"
    assert swift("GET", f"{name}/", headers={"X-Web-Mode": "true"}).text == "home"
    assert swift("GET", f"{name}/absent").status_code == 404
    plain = site({"o": b"o"}, {})
    assert look(swift, plain).text == "o\n"
    assert swift("GET", f"{plain}/", headers={"X-Web-Mode": "true"}).status_code == 404


def test_names_are_text_in_a_listing(swift, site):
    names = ["<script>x</script>", "a\"b'c&d", "javascript:alert(1)", "//evil.example/x", "ü"]
    name = site(dict.fromkeys(names, b"x"), LISTED)
    page = look(swift, f"{name}/")
    assert page.status_code == 200
    assert page.headers["Content-Type"] == "text/html; charset=UTF-8"
    assert "<script" not in page.text and 'href="/' not in page.text
    assert 'href="javascript:' not in page.text
    assert 'href="%3Cscript%3Ex%3C/">' in page.text and ">&lt;script&gt;x&lt;/</a>" in page.text
    assert 'href=".//">/</a>' in page.text
    assert 'href="%C3%BC">ü</a>' in page.text


def test_folders_are_listed(swift, site):
    headers = {**LISTED, "X-Container-Meta-Web-Listings-Label": "<mine>",
               "X-Container-Meta-Web-Listings-CSS": "look/style.css"}
    objects = {f"d/{at:04}": b"x" * 2000 for at in range(250)}
    name = site({**objects, "d/e/f": b"x"}, headers)
    page = look(swift, f"{name}/d/").text
    assert page.count('class="item type-') == 250 and ">2Ki<" in page
    assert 'href="e/">e/</a>' in page and 'href="../">' in page
    assert 'href="../look/style.css"' in page
    assert "Listing of &lt;mine&gt;/d/</title>" in page
    assert look(swift, f"{name}/d").status_code == 301
    assert look(swift, f"{name}/nothing/").status_code == 404
    assert look(swift, f"{name}/nothing").status_code == 404


def test_a_marker_is_a_folder(swift, site):
    name = site({"d/index.html": b"d"}, INDEXED)
    marker = {"Content-Type": "application/directory"}
    assert swift("PUT", f"{name}/d", headers=marker, data=b"").status_code == 201
    assert look(swift, f"{name}/d").status_code == 301
    assert swift("GET", f"{name}/d").status_code == 200


def test_a_site_shows_nobody_more(swift, site):
    private = site({"index.html": b"home", "d/x": b"x"}, {**INDEXED, **LISTED}, readers="")
    for path in ("", "/", "/index.html", "/d", "/d/", "/absent"):
        assert look(swift, private + path).status_code == 401, path
    unlisted = site({"d/x": b"x", "404error.html": b"lost"}, {**INDEXED, **LISTED}, readers=".r:*")
    assert look(swift, f"{unlisted}/d/x").text == "x"
    assert look(swift, f"{unlisted}/").status_code == 401
    assert look(swift, f"{unlisted}/d/").status_code == 401
    assert look(swift, f"{unlisted}/d").text == "lost"


def test_features_are_told(swift, cloud):
    told = requests.get(cloud.zone.endpoint + "/info", timeout=30).json()
    assert told["staticweb"] == {}
    assert told["formpost"] == {"allowed_digests": ["sha1", "sha256", "sha512"]}
