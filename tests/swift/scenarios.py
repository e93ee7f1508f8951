"""What is asked of both: Swift's own answers are recorded, hink's are compared with them.

A scenario is a function that asks through a `Scenario` (exchange.py); its containers carry its own
name, so that scenarios don't see each other's, but for those that ask about a whole account.
"""
import base64
import hashlib
import hmac
import io
import json
import tarfile
import time

SCENARIOS = {}

TESTER3 = "test:tester3"  # a user of account A without any right
TESTER2 = "test2:tester2"  # the owner of account B
ADMIN = "admin:admin"  # may everything everywhere
NOBODY = None


def scenario(function):
    SCENARIOS[function.__name__.replace("_", "-")] = function
    return function


def md5(data):
    return hashlib.md5(data).hexdigest()


def make(s, *names, account="A", headers=None):
    """Containers, without looking at the answers."""
    user = {"A": "test:tester", "B": TESTER2}[account]
    for name in names:
        s.ask("PUT", (account, s.container(name)), headers=headers, user=user, keep=False)


def put(s, container, name, body=b"content", headers=None):
    return s.ask("PUT", ("A", s.container(container), name), headers=headers, body=body, keep=False)


@scenario
def container_life(s):
    c = ("A", s.container("c"))
    s.ask("HEAD", c)
    s.ask("GET", c)
    s.ask("POST", c, {"X-Container-Meta-A": "b"})
    s.ask("DELETE", c)
    s.ask("PUT", c)
    s.ask("PUT", c)
    s.ask("HEAD", c)
    s.ask("GET", c)
    put(s, "c", "o")
    s.ask("DELETE", c)
    s.ask("DELETE", (*c, "o"))
    s.ask("DELETE", c)
    s.ask("DELETE", c)


@scenario
def container_names(s):
    for name in ("with space", "ümlaut", "UPPER", "dots..dots", "-dash", "percent%2fsign", "x" * 200):
        s.ask("PUT", ("A", s.container(name)))
        s.ask("HEAD", ("A", s.container(name)))
        s.ask("DELETE", ("A", s.container(name)))
    s.ask("PUT", ("A", s.container("x" * 257)))
    s.ask("PUT", s.path("A") + "/bad%FFname")
    s.ask("PUT", s.path("A") + "/")
    s.ask("PUT", s.path("A") + "//o")


@scenario
def container_metadata(s):
    c = ("A", s.container("c"))
    s.ask("PUT", c, {"X-Container-Meta-One": "1", "X-Container-Meta-Two": "zwei"})
    s.ask("HEAD", c)
    s.ask("POST", c, {"X-Container-Meta-One": "eins", "X-Container-Meta-Three": "3"})
    s.ask("HEAD", c)
    s.ask("POST", c, {"X-Remove-Container-Meta-One": "x", "X-Container-Meta-Two": ""})
    s.ask("HEAD", c)
    s.ask("PUT", c, {"X-Container-Meta-Four": "4"})
    s.ask("HEAD", c)
    s.ask("POST", c, {"X-Container-Meta-" + "n" * 129: "v"})
    s.ask("POST", c, {"X-Container-Meta-N": "v" * 257})
    s.ask("POST", c, {f"X-Container-Meta-{i}": "v" for i in range(91)})
    s.ask("POST", c, {f"X-Container-Meta-{i}": "v" * 250 for i in range(17)})
    s.ask("POST", c, {"X-Container-Meta-": "v"})
    s.ask("PUT", ("A", s.container("other")), {"X-Container-Meta-N": "v" * 257})
    s.ask("HEAD", c)


@scenario
def container_policy(s):
    c = ("A", s.container("c"))
    s.ask("PUT", c, {"X-Storage-Policy": "nonsense"})
    s.ask("PUT", c, {"X-Storage-Policy": "silver"})
    s.ask("HEAD", c)
    s.ask("PUT", c, {"X-Storage-Policy": "gold"})
    s.ask("PUT", c, {"X-Storage-Policy": "SILVER"})
    s.ask("PUT", c)
    s.ask("POST", c, {"X-Storage-Policy": "gold"})
    s.ask("HEAD", c)
    s.ask("PUT", ("A", s.container("default")))
    s.ask("HEAD", ("A", s.container("default")))


LISTED = ("a", "a/1", "a/2", "a/b/3", "b", "b/1", "c", "ü/1", "z z")


@scenario
def listing(s):
    make(s, "c", "empty")
    for name in LISTED:
        put(s, "c", name, name.encode(), {"Content-Type": "text/" + (name[0] if name[0] < "z" else "plain")})
    c = ("A", s.container("c"))
    for query in ("", "format=json", "format=xml", "format=plain", "format=nonsense", "limit=2",
                  "limit=2&marker=a/2", "marker=b", "end_marker=b", "marker=a&end_marker=b/1",
                  "prefix=a", "prefix=a/&delimiter=/", "delimiter=/", "delimiter=/&format=json",
                  "delimiter=/&format=xml", "delimiter=/&limit=1", "delimiter=/&marker=a/",
                  "delimiter=/&marker=a", "prefix=a&delimiter=/&format=json", "path=a", "path=",
                  "path=a/b&format=json", "path=a&delimiter=b", "reverse=true", "reverse=on&limit=3",
                  "reverse=true&marker=b/1", "reverse=true&end_marker=a/2", "reverse=false",
                  "reverse=true&marker=b/1&end_marker=a/1&format=json", "reverse=true&prefix=a/",
                  "reverse=true&delimiter=/", "reverse=true&delimiter=/&format=json",
                  "reverse=true&delimiter=/&marker=b", "limit=0", "limit=10001", "limit=nonsense",
                  "limit=-1", "delimiter=ab", "delimiter=", "prefix=nothing",
                  "prefix=nothing&format=json", "prefix=nothing&format=xml", "states=listing",
                  "prefix=%C3%BC", "prefix=%FF", "marker=%FF", "delimiter=%C3%BC"):
        s.ask("GET", c, query=query)
    for accept in ("application/json", "application/xml", "text/xml", "text/plain", "*/*",
                   "image/png", "text/plain;q=0.5, application/json;q=0.9", "text/*", "nonsense"):
        s.ask("GET", c, {"Accept": accept}, query="prefix=b")
    s.ask("HEAD", c, {"Accept": "application/json"})
    s.ask("HEAD", c, query="format=xml")
    s.ask("GET", ("A", s.container("empty")))
    s.ask("GET", ("A", s.container("empty")), query="format=json")
    s.ask("GET", ("A", s.container("empty")), query="format=xml")
    s.ask("GET", ("A", s.container("empty"), ""))


@scenario
def account_listing(s):
    for name in ("one", "one-a", "two", "two/".strip("/") + "x", "ümlaut"):
        make(s, name)
    put(s, "one", "o", b"12345")
    p = s.prefix
    for query in (f"prefix={p}", f"prefix={p}&format=json", f"prefix={p}&format=xml",
                  f"prefix={p}&limit=2", f"prefix={p}&marker={p}one-a", f"prefix={p}&end_marker={p}two",
                  f"prefix={p}&reverse=true", f"prefix={p}&reverse=true&limit=2&format=json",
                  f"prefix={p}&delimiter=-", f"prefix={p}one&delimiter=-&format=json",
                  f"prefix={p}one&delimiter=-&format=xml", f"prefix={p}&delimiter=-&reverse=true",
                  "limit=10001", "limit=x", "prefix=nothing", "prefix=nothing&format=json",
                  "prefix=nothing&format=xml", "prefix=%FF"):
        s.ask("GET", ("A",), query=query)
    s.ask("GET", ("A",), {"Accept": "application/json"}, query=f"prefix={p}one")
    s.ask("GET", ("A",), {"Accept": "image/png"}, query=f"prefix={p}one")
    s.ask("GET", ("A", ""), query=f"prefix={p}one")


@scenario
def account_metadata(s):
    a = ("A",)
    s.ask("POST", a, {"X-Account-Meta-Colour": "blue", "X-Account-Meta-Size": "9"})
    s.ask("POST", a, {"X-Account-Meta-Colour": "green"})
    got = s.ask("HEAD", a, keep=False)
    s.steps.append({"asked": "metadata", "with": {}, "status": got.status, "body": "",
                    "headers": {k: v for k, v in got.headers.items() if k.startswith("x-account-meta-")}})
    s.ask("POST", a, {"X-Remove-Account-Meta-Colour": "x", "X-Account-Meta-Size": ""})
    got = s.ask("HEAD", a, keep=False)
    s.steps.append({"asked": "metadata", "with": {}, "status": got.status, "body": "",
                    "headers": {k: v for k, v in got.headers.items() if k.startswith("x-account-meta-")}})
    s.ask("POST", a, {"X-Account-Meta-" + "n" * 129: "v"})
    s.ask("POST", a, {"X-Account-Meta-N": "v" * 257})
    s.ask("PUT", a)
    s.ask("DELETE", a)
    s.ask("COPY", a)
    s.ask("PATCH", a)


@scenario
def object_life(s):
    make(s, "c")
    o = ("A", s.container("c"), "o")
    s.ask("GET", o)
    s.ask("HEAD", o)
    s.ask("POST", o, {"X-Object-Meta-A": "b"})
    s.ask("DELETE", o)
    s.ask("PUT", o, body=b"hello")
    s.ask("GET", o)
    s.ask("HEAD", o)
    s.ask("PUT", o, {"Content-Type": "text/plain; charset=utf-8", "X-Object-Meta-Colour": "blue",
                     "Content-Encoding": "gzip", "Content-Disposition": "attachment; filename=x",
                     "Cache-Control": "max-age=3", "Content-Language": "sv",
                     "Expires": "Wed, 01 Jan 2031 00:00:00 GMT"}, body=b"hello again")
    s.ask("GET", o)
    s.ask("HEAD", o)
    s.ask("POST", o, {"X-Object-Meta-Size": "large"})
    s.ask("HEAD", o)
    s.ask("POST", o, {"Content-Type": "image/png"})
    s.ask("HEAD", o)
    s.ask("POST", o, {"X-Object-Meta-Empty": "", "Content-Encoding": "br", "X-Delete-At": ""})
    s.ask("HEAD", o)
    s.ask("DELETE", o)
    s.ask("DELETE", o)
    s.ask("PUT", ("A", s.container("absent"), "o"), body=b"x")
    s.ask("GET", ("A", s.container("absent"), "o"))
    s.ask("DELETE", ("A", s.container("absent"), "o"))
    s.ask("PATCH", o)
    s.ask("GET", o, {"X-Newest": "true"})


@scenario
def object_names(s):
    make(s, "c")
    for name in ("a/b/c", "/leading", "double//slash", "trailing/", "ü☃", "sp ace", "quo\"te", "per%cent",
                 "q?mark", "plus+", "x" * 1024, ".", "..", "a/../b"):
        s.ask("PUT", ("A", s.container("c"), name), body=b"x")
        s.ask("HEAD", ("A", s.container("c"), name))
    s.ask("PUT", ("A", s.container("c"), "x" * 1025), body=b"x")
    s.ask("PUT", s.path("A", s.container("c")) + "/%FF%FE", body=b"x")
    s.ask("PUT", s.path("A", s.container("c")) + "/nul%00", body=b"x")
    s.ask("GET", ("A", s.container("c")))


@scenario
def object_checks(s):
    make(s, "c")
    o = ("A", s.container("c"), "o")
    s.ask("PUT", o, {"ETag": md5(b"hello")}, body=b"hello")
    s.ask("PUT", o, {"ETag": '"' + md5(b"hello") + '"'}, body=b"hello")
    s.ask("PUT", o, {"ETag": md5(b"other")}, body=b"hello")
    s.ask("PUT", o, {"ETag": "nonsense"}, body=b"hello")
    s.ask("PUT", o, {"Transfer-Encoding": "chunked"}, body=[b"one", b"two"])
    s.ask("GET", o)
    s.ask("PUT", o, {"Content-Length": "nonsense"})
    s.ask("PUT", o, {"If-None-Match": "*"}, body=b"x")
    s.ask("PUT", o, {"If-None-Match": md5(b"onetwo")}, body=b"x")
    s.ask("PUT", ("A", s.container("c"), "new"), {"If-None-Match": "*"}, body=b"x")
    s.ask("PUT", o, {"X-Object-Meta-" + "n" * 129: "v"}, body=b"x")
    s.ask("PUT", o, {"X-Object-Meta-N": "v" * 257}, body=b"x")
    s.ask("PUT", o, {f"X-Object-Meta-{i}": "v" for i in range(91)}, body=b"x")
    s.ask("PUT", o, {f"X-Object-Meta-{i}": "v" * 250 for i in range(17)}, body=b"x")
    s.ask("PUT", o, {"X-Object-Meta-": "v"}, body=b"x")
    s.ask("POST", o, {"X-Object-Meta-N": "v" * 257})
    s.ask("PUT", o, {"X-Delete-At": "nonsense"}, body=b"x")
    s.ask("PUT", o, {"X-Delete-At": "1"}, body=b"x")
    s.ask("PUT", o, {"X-Delete-After": "nonsense"}, body=b"x")
    s.ask("PUT", o, {"X-Delete-After": "-5"}, body=b"x")
    s.ask("PUT", ("A", s.container("c"), "guess.html"), body=b"x")
    s.ask("HEAD", ("A", s.container("c"), "guess.html"))
    s.ask("PUT", ("A", s.container("c"), "guess.jpg"), {"X-Detect-Content-Type": "true",
                                                       "Content-Type": "text/plain"}, body=b"x")
    s.ask("HEAD", ("A", s.container("c"), "guess.jpg"))


@scenario
def expiry(s):
    make(s, "c")
    o = ("A", s.container("c"), "o")
    s.ask("PUT", o, {"X-Delete-At": "4102444800"}, body=b"x")
    s.ask("HEAD", o)
    s.ask("POST", o, {"X-Object-Meta-A": "b"})
    s.ask("HEAD", o)
    s.ask("POST", o, {"X-Delete-At": "4102444801"})
    s.ask("HEAD", o)
    s.ask("PUT", o, {"X-Delete-After": "1"}, body=b"x", keep=False)
    time.sleep(2.2)
    s.ask("GET", o)
    s.ask("HEAD", o)
    s.ask("POST", o, {"X-Object-Meta-A": "b"})
    s.ask("DELETE", o)
    s.ask("PUT", o, body=b"again")
    s.ask("GET", o)


@scenario
def ranges(s):
    make(s, "c")
    put(s, "c", "o", b"0123456789", {"Content-Type": "text/plain"})
    put(s, "c", "empty", b"", {"Content-Type": "text/plain"})
    o = ("A", s.container("c"), "o")
    for value in ("bytes=0-0", "bytes=2-4", "bytes=5-", "bytes=-3", "bytes=-30", "bytes=0-100",
                  "bytes=10-", "bytes=20-30", "bytes=-0", "bytes=4-2", "bytes=0-1,4-5",
                  "bytes=0-1, 4-5 ,-1", "bytes=0-1,20-30", "bytes=20-30,40-50", "bytes=0-5,3-8",
                  "nonsense", "bytes=", "bytes=a-b", "items=0-1", "bytes=0-1,nonsense", "bytes=5"):
        s.ask("GET", o, {"Range": value})
    s.ask("HEAD", o, {"Range": "bytes=2-4"})
    s.ask("GET", ("A", s.container("c"), "empty"), {"Range": "bytes=0-"})
    s.ask("GET", ("A", s.container("c"), "empty"), {"Range": "bytes=-1"})
    s.ask("GET", o, {"Range": "bytes=0-1", "If-Range": '"' + md5(b"0123456789") + '"'})
    s.ask("GET", o, {"Range": "bytes=0-1", "If-Range": '"other"'})


@scenario
def conditions(s):
    make(s, "c")
    put(s, "c", "o", b"hello", {"Content-Type": "text/plain"})
    o = ("A", s.container("c"), "o")
    etag = md5(b"hello")
    for method in ("GET", "HEAD"):
        for headers in ({"If-Match": etag}, {"If-Match": f'"{etag}"'}, {"If-Match": "other"},
                        {"If-Match": f'"other", "{etag}"'}, {"If-Match": "*"},
                        {"If-None-Match": etag}, {"If-None-Match": f'"{etag}"'},
                        {"If-None-Match": f"other, {etag}"}, {"If-None-Match": "other"},
                        {"If-None-Match": "*"}, {"If-None-Match": f'W/"{etag}"'},
                        {"If-Modified-Since": "Wed, 01 Jan 2031 00:00:00 GMT"},
                        {"If-Modified-Since": "Tue, 01 Jan 2019 00:00:00 GMT"},
                        {"If-Unmodified-Since": "Wed, 01 Jan 2031 00:00:00 GMT"},
                        {"If-Unmodified-Since": "Tue, 01 Jan 2019 00:00:00 GMT"},
                        {"If-Modified-Since": "nonsense"}, {"If-Unmodified-Since": "nonsense"},
                        {"If-None-Match": etag, "Range": "bytes=0-1"},
                        {"If-Match": "other", "If-None-Match": etag}):
            s.ask(method, o, headers)
    s.ask("GET", ("A", s.container("c"), "absent"), {"If-Match": "*"})
    s.ask("GET", ("A", s.container("c"), "absent"), {"If-None-Match": "*"})


@scenario
def copying(s):
    make(s, "c", "d")
    make(s, "x", account="B")
    put(s, "c", "o", b"hello", {"Content-Type": "text/plain", "X-Object-Meta-Colour": "blue"})
    c, d = s.container("c"), s.container("d")
    o = ("A", c, "o")
    s.ask("COPY", o, {"Destination": f"{d}/copied"})
    s.ask("HEAD", ("A", d, "copied"))
    s.ask("COPY", o, {"Destination": f"/{d}/slashed"})
    s.ask("COPY", o, {"Destination": d})
    s.ask("COPY", o, {"Destination": f"/{d}/"})
    s.ask("COPY", o)
    s.ask("COPY", o, {"Destination": s.container("absent") + "/o"})
    s.ask("COPY", ("A", c, "absent"), {"Destination": f"{d}/o"})
    s.ask("COPY", o, {"Destination": f"{d}/more", "X-Object-Meta-Size": "large"})
    s.ask("HEAD", ("A", d, "more"))
    s.ask("COPY", o, {"Destination": f"{d}/fresh", "X-Fresh-Metadata": "true",
                      "X-Object-Meta-Size": "large"})
    s.ask("HEAD", ("A", d, "fresh"))
    s.ask("COPY", o, {"Destination": f"{d}/type", "Content-Type": "image/png"})
    s.ask("HEAD", ("A", d, "type"))
    s.ask("PUT", ("A", d, "put"), {"X-Copy-From": f"/{c}/o"})
    s.ask("PUT", ("A", d, "put"), {"X-Copy-From": f"{c}/o"})
    s.ask("PUT", ("A", d, "put"), {"X-Copy-From": c})
    s.ask("PUT", ("A", d, "put"), {"X-Copy-From": f"/{c}/absent"})
    s.ask("PUT", ("A", d, "put"), {"X-Copy-From": f"/{c}/o"}, body=b"not empty")
    s.ask("PUT", ("A", d, "put"), {"X-Copy-From": f"/{c}/o", "If-None-Match": "*"})
    s.ask("PUT", ("A", d, "part"), {"X-Copy-From": f"/{c}/o", "Range": "bytes=1-2"})
    s.ask("GET", ("A", d, "part"))
    s.ask("COPY", o, {"Destination": f"{c}/o"})
    s.ask("COPY", o, {"Destination": f"{c}/%C3%BC"})
    s.ask("HEAD", ("A", c, "ü"))
    account_b = s.service.accounts["B"]
    s.ask("COPY", o, {"Destination": s.container("x") + "/o", "Destination-Account": account_b})
    s.ask("COPY", o, {"Destination": s.container("x") + "/o", "Destination-Account": account_b}, user=ADMIN)
    s.ask("PUT", ("B", s.container("x"), "p"), {"X-Copy-From": f"/{c}/o",
                                               "X-Copy-From-Account": s.service.accounts["A"]}, user=ADMIN)
    s.ask("PUT", ("B", s.container("x"), "p"), {"X-Copy-From": f"/{c}/o",
                                               "X-Copy-From-Account": s.service.accounts["A"]}, user=TESTER2)
    s.ask("COPY", o, {"Destination": s.container("x") + "/o", "Destination-Account": "bad/name"})
    s.ask("COPY", ("A", c), {"Destination": f"{d}/o"})


@scenario
def who_may(s):
    make(s, "c")
    put(s, "c", "o", b"hello", {"Content-Type": "text/plain"})
    c = ("A", s.container("c"))
    o = (*c, "o")
    for user in (NOBODY, TESTER3, TESTER2):
        for method, target in (("GET", ("A",)), ("HEAD", ("A",)), ("GET", c), ("HEAD", c),
                               ("PUT", (*c[:1], s.container("new"))), ("POST", c), ("DELETE", c),
                               ("GET", o), ("HEAD", o), ("PUT", o), ("POST", o), ("DELETE", o),
                               ("COPY", o)):
            s.ask(method, target, {"Destination": s.container("c") + "/p"} if method == "COPY" else {},
                  user=user)
    s.ask("GET", c, {"X-Auth-Token": "nonsense"}, user=NOBODY)
    s.blank(s.service.token("test:tester"), "TOKEN")
    s.ask("GET", c, {"X-Storage-Token": s.service.token("test:tester")}, user=NOBODY)


@scenario
def container_acl(s):
    make(s, "c")
    put(s, "c", "o", b"hello", {"Content-Type": "text/plain"})
    c = ("A", s.container("c"))
    o = (*c, "o")
    for acl in (".r:*", ".r:*,.rlistings", ".rlistings", ".r:.example.com", ".r:*,.r:-.example.com",
                ".r:www.example.com", "test2:tester2", "test2", "test:tester3", "*:*", "*:tester2"):
        s.ask("POST", c, {"X-Container-Read": acl})
        s.ask("HEAD", c)
        s.ask("HEAD", c, user=TESTER3)
        for user in (NOBODY, TESTER3, TESTER2):
            s.ask("GET", c, user=user)
            s.ask("GET", o, user=user)
            s.ask("GET", o, {"Referer": "http://www.example.com/page"}, user=user)
            s.ask("PUT", (*c, "p"), body=b"x", user=user)
    s.ask("POST", c, {"X-Container-Read": ""})
    s.ask("HEAD", c)
    s.ask("POST", c, {"X-Container-Write": "test2:tester2,test:tester3"})
    s.ask("HEAD", c)
    for user in (NOBODY, TESTER3, TESTER2):
        s.ask("PUT", (*c, "p"), body=b"x", user=user)
        s.ask("POST", (*c, "p"), {"X-Object-Meta-A": "b"}, user=user)
        s.ask("GET", (*c, "p"), user=user)
        s.ask("DELETE", (*c, "p"), user=user)
        s.ask("POST", c, {"X-Container-Meta-A": "b"}, user=user)
    s.ask("POST", c, {"X-Remove-Container-Write": "x"})
    s.ask("PUT", (*c, "p"), body=b"x", user=TESTER2)
    for acl in (".r:", ".r:-", ".nonsense", ".referrer:*", ".referer:*", ".ref:*", ".r : *",
                " test2 , test ", ".r:*.example.com", "test2:tester2:x"):
        s.ask("POST", c, {"X-Container-Read": acl})
        s.ask("HEAD", c)
    for acl in (".r:*", ".rlistings", ".nonsense", "test2:tester2"):
        s.ask("POST", c, {"X-Container-Write": acl})
    s.ask("HEAD", c)


@scenario
def container_quota(s):
    c = ("A", s.container("c"))
    s.ask("PUT", c, {"X-Container-Meta-Quota-Bytes": "10", "X-Container-Meta-Quota-Count": "2"})
    s.ask("HEAD", c)
    s.ask("PUT", (*c, "a"), body=b"12345")
    s.ask("PUT", (*c, "b"), body=b"123456")
    s.ask("PUT", (*c, "b"), body=b"12345")
    s.ask("PUT", (*c, "e"), body=b"")
    s.ask("POST", c, {"X-Container-Meta-Quota-Bytes": "nonsense"})
    s.ask("POST", c, {"X-Container-Meta-Quota-Count": "-1"})
    s.ask("PUT", ("A", s.container("d")), {"X-Container-Meta-Quota-Bytes": "x"})
    s.ask("POST", c, {"X-Remove-Container-Meta-Quota-Bytes": "x", "X-Container-Meta-Quota-Count": ""})
    s.ask("HEAD", c)
    s.ask("PUT", (*c, "f"), body=b"123456789012345")


@scenario
def account_quota(s):
    s.ask("POST", ("A",), {"X-Account-Meta-Quota-Bytes": "1000000"})
    s.ask("POST", ("B",), {"X-Account-Meta-Quota-Bytes": "nonsense"}, user=ADMIN)
    make(s, "c", account="B")
    s.ask("POST", ("B",), {"X-Account-Meta-Quota-Bytes": "1"}, user=ADMIN)
    s.ask("PUT", ("B", s.container("c"), "o"), body=b"hello", user=TESTER2)
    s.ask("PUT", ("B", s.container("c"), "o"), body=b"hello", user=ADMIN)
    s.ask("POST", ("B",), {"X-Account-Meta-Quota-Bytes": ""}, user=TESTER2)
    s.ask("POST", ("B",), {"X-Remove-Account-Meta-Quota-Bytes": "x"}, user=ADMIN)
    s.ask("PUT", ("B", s.container("c"), "o"), body=b"hello", user=TESTER2)


@scenario
def account_acl(s):
    acl = {"admin": [], "read-write": [], "read-only": ["test:tester3"]}
    s.ask("POST", ("A",), {"X-Account-Access-Control": "nonsense"})
    s.ask("POST", ("A",), {"X-Account-Access-Control": '{"nonsense": ["x"]}'})
    s.ask("POST", ("A",), {"X-Account-Access-Control": '{"admin": "x"}'})
    s.ask("POST", ("A",), {"X-Account-Access-Control": json.dumps(acl)})
    make(s, "c")
    put(s, "c", "o", b"hello")
    o = ("A", s.container("c"), "o")
    for granted in ("read-only", "read-write", "admin"):
        s.ask("POST", ("A",), {"X-Account-Access-Control": json.dumps({granted: ["test:tester3"]})},
              keep=False)
        s.ask("GET", o, user=TESTER3)
        s.ask("PUT", (*o[:2], "p"), body=b"x", user=TESTER3)
        s.ask("PUT", ("A", s.container("by-" + granted)), user=TESTER3)
        s.ask("POST", ("A",), {"X-Account-Meta-By": granted}, user=TESTER3)
        s.ask("GET", o, user=TESTER2)
    s.ask("POST", ("A",), {"X-Account-Access-Control": ""})
    s.ask("POST", ("A",), {"X-Remove-Account-Meta-By": "x"}, keep=False)
    s.ask("GET", o, user=TESTER3)


@scenario
def cors(s):
    c = ("A", s.container("c"))
    s.ask("PUT", c, {"X-Container-Meta-Access-Control-Allow-Origin": "http://a.example http://b.example",
                     "X-Container-Meta-Access-Control-Max-Age": "60",
                     "X-Container-Meta-Access-Control-Expose-Headers": "x-one x-two"})
    put(s, "c", "o", b"hello", {"Content-Type": "text/plain", "X-Object-Meta-Colour": "blue"})
    o = (*c, "o")
    s.ask("HEAD", c)
    for origin in ("http://a.example", "http://b.example", "http://c.example"):
        s.ask("GET", o, {"Origin": origin})
        s.ask("OPTIONS", o, {"Origin": origin, "Access-Control-Request-Method": "GET"}, user=NOBODY)
        s.ask("OPTIONS", o, {"Origin": origin, "Access-Control-Request-Method": "PUT",
                             "Access-Control-Request-Headers": "X-Auth-Token, X-Object-Meta-A"}, user=NOBODY)
        s.ask("OPTIONS", o, {"Origin": origin, "Access-Control-Request-Method": "NONSENSE"}, user=NOBODY)
    s.ask("OPTIONS", o, user=NOBODY)
    s.ask("OPTIONS", c, user=NOBODY)
    s.ask("OPTIONS", ("A",), user=NOBODY)
    s.ask("POST", c, {"X-Container-Meta-Access-Control-Allow-Origin": "*"})
    s.ask("GET", o, {"Origin": "http://c.example"})
    s.ask("GET", (*c, "absent"), {"Origin": "http://c.example"})
    s.ask("GET", o, {"Origin": "http://c.example"}, user=NOBODY)


@scenario
def odd_requests(s):
    s.ask("GET", "/nothing", user=NOBODY)
    s.ask("GET", s.service.prefix, user=NOBODY)
    s.ask("GET", s.service.prefix + "/", user=NOBODY)
    s.ask("GET", s.service.prefix + "/AUTH_", user=NOBODY)
    s.ask("GET", s.path("A") + "//", user="test:tester")
    s.ask("GET", s.path("A") + "/%zz", user="test:tester")
    s.ask("TRACE", s.path("A"))
    s.ask("GET", "/healthcheck", user=NOBODY)
    s.ask("PUT", (s.path("A", s.container("absent"))) + "/o?multipart-manifest=nonsense", body=b"x")


def segments(s, container="segments"):
    make(s, "c", container)
    bodies = {"1": b"11111", "2": b"2222222", "3": b"333"}
    for name, body in bodies.items():
        put(s, container, name, body, {"Content-Type": "text/plain"})
    return bodies


def entry(s, name, body, **more):
    return {"path": f"/{s.container('segments')}/{name}", "etag": md5(body), "size_bytes": len(body), **more}


@scenario
def slo(s):
    bodies = segments(s)
    manifest = [entry(s, name, body) for name, body in bodies.items()]
    o = ("A", s.container("c"), "slo")
    s.ask("PUT", o, {"Content-Type": "text/plain", "X-Object-Meta-A": "b"}, json.dumps(manifest),
          query="multipart-manifest=put")
    s.ask("HEAD", o)
    s.ask("GET", o)
    for value in ("bytes=0-2", "bytes=4-6", "bytes=3-12", "bytes=-4", "bytes=20-30", "bytes=0-1,8-9",
                  "bytes=14-"):
        s.ask("GET", o, {"Range": value})
    got = s.ask("HEAD", o, keep=False)
    etag = got.headers.get("etag", "").strip('"')
    for headers in ({"If-Match": f'"{etag}"'}, {"If-None-Match": f'"{etag}"'}, {"If-Match": '"other"'}):
        s.ask("GET", o, headers)
    s.ask("GET", o, query="multipart-manifest=get")
    s.ask("HEAD", o, query="multipart-manifest=get")
    s.ask("GET", o, query="multipart-manifest=get&format=raw")
    s.ask("GET", ("A", s.container("c")), query="format=json")
    s.ask("GET", ("A", s.container("c")))
    s.ask("HEAD", ("A", s.container("c")))
    s.ask("POST", o, {"X-Object-Meta-C": "d"})
    s.ask("HEAD", o)
    s.ask("COPY", o, {"Destination": s.container("c") + "/flat"})
    s.ask("HEAD", ("A", s.container("c"), "flat"))
    s.ask("GET", ("A", s.container("c"), "flat"))
    s.ask("COPY", o, {"Destination": s.container("c") + "/linked"}, query="multipart-manifest=get")
    s.ask("HEAD", ("A", s.container("c"), "linked"))
    s.ask("GET", ("A", s.container("c"), "linked"))
    s.ask("DELETE", o)
    s.ask("GET", ("A", s.container("segments"), "1"))
    put(s, "segments", "2", b"changed")
    s.ask("GET", ("A", s.container("c"), "linked"))
    s.ask("HEAD", ("A", s.container("c"), "linked"))
    s.ask("GET", ("A", s.container("c"), "linked"), {"Range": "bytes=0-1"})
    s.ask("DELETE", ("A", s.container("segments"), "2"), keep=False)
    s.ask("GET", ("A", s.container("c"), "linked"))
    s.ask("DELETE", ("A", s.container("c"), "linked"), query="multipart-manifest=delete")
    s.ask("GET", ("A", s.container("c"), "linked"))
    s.ask("GET", ("A", s.container("segments"), "1"))
    s.ask("DELETE", ("A", s.container("c"), "linked"), query="multipart-manifest=delete")


@scenario
def slo_refusals(s):
    bodies = segments(s)
    o = ("A", s.container("c"), "slo")

    def refused(manifest, headers=None, accept=None):
        text = manifest if isinstance(manifest, (str, bytes)) else json.dumps(manifest)
        more = {"Accept": accept} if accept else {}
        s.ask("PUT", o, {**(headers or {}), **more}, text, query="multipart-manifest=put")

    refused("nonsense")
    refused("")
    refused("[]")
    refused("{}")
    refused("[1]")
    refused([{}])
    refused([{"path": "nonsense"}])
    refused([{"path": "/" + s.container("segments")}])
    refused([{"path": 1}])
    refused([entry(s, "1", bodies["1"], nonsense=1)])
    refused([{**entry(s, "1", bodies["1"]), "etag": "other"}])
    refused([{**entry(s, "1", bodies["1"]), "size_bytes": 99}])
    refused([{**entry(s, "1", bodies["1"]), "size_bytes": "x"}])
    refused([{**entry(s, "1", bodies["1"]), "size_bytes": 0}])
    refused([entry(s, "absent", b"x")])
    refused([entry(s, "absent", b"x")], accept="application/json")
    refused([{**entry(s, "1", bodies["1"]), "etag": "other"}], accept="application/xml")
    refused([{**entry(s, "1", bodies["1"]), "range": "nonsense"}])
    refused([{**entry(s, "1", bodies["1"]), "range": "9-20"}])
    refused([{**entry(s, "1", bodies["1"]), "range": "0-1,2-3"}])
    refused([{"path": f"/{s.container('c')}/slo"}])
    refused([{"data": "nonsense!"}])
    refused([{"data": base64.b64encode(b"only").decode()}])
    refused([{"data": ""}, entry(s, "1", bodies["1"])])
    refused([entry(s, "1", bodies["1"])] * 1001)
    refused([entry(s, "1", bodies["1"])], {"ETag": "nonsense"})
    refused([entry(s, "1", bodies["1"])], {"ETag": md5(md5(bodies["1"]).encode())})
    refused([{"path": f"/{s.container('segments')}/1"}])
    refused([{"path": f"/{s.container('segments')}/1", "etag": None, "size_bytes": None}])
    s.ask("HEAD", o)
    s.ask("DELETE", ("A", s.container("segments"), "2"), query="multipart-manifest=delete")
    s.ask("GET", ("A", s.container("segments"), "1"), query="multipart-manifest=get")


@scenario
def slo_parts(s):
    bodies = segments(s)
    o = ("A", s.container("c"), "slo")
    inline = base64.b64encode(b"between").decode()
    manifest = [entry(s, "1", bodies["1"], range="1-3"), {"data": inline},
                entry(s, "2", bodies["2"], range="-2"), entry(s, "2", bodies["2"], range="5-")]
    s.ask("PUT", o, {"Content-Type": "text/plain"}, json.dumps(manifest), query="multipart-manifest=put")
    s.ask("GET", o)
    s.ask("HEAD", o)
    s.ask("GET", o, {"Range": "bytes=2-6"})
    s.ask("GET", o, query="multipart-manifest=get")
    s.ask("GET", o, query="multipart-manifest=get&format=raw")
    outer = ("A", s.container("c"), "outer")
    s.ask("PUT", outer, {"Content-Type": "text/plain"},
          json.dumps([{"path": f"/{s.container('c')}/slo"}, entry(s, "3", bodies["3"])]),
          query="multipart-manifest=put")
    s.ask("GET", outer)
    s.ask("HEAD", outer)
    s.ask("GET", outer, {"Range": "bytes=4-12"})
    s.ask("GET", outer, query="multipart-manifest=get")
    s.ask("PUT", ("A", s.container("c"), "ranged"), {"Content-Type": "text/plain"},
          json.dumps([{"path": f"/{s.container('c')}/slo", "range": "2-5"}, entry(s, "3", bodies["3"])]),
          query="multipart-manifest=put")
    s.ask("GET", ("A", s.container("c"), "ranged"))
    s.ask("GET", ("A", s.container("c"), "ranged"), {"Range": "bytes=1-4"})
    s.ask("DELETE", outer, query="multipart-manifest=delete")
    s.ask("GET", ("A", s.container("segments")))
    s.ask("GET", ("A", s.container("c")))


@scenario
def dlo(s):
    bodies = segments(s)
    for name, body in bodies.items():
        put(s, "segments", f"part/{name}", body, {"Content-Type": "text/plain"})
    o = ("A", s.container("c"), "dlo")
    s.ask("PUT", o, {"X-Object-Manifest": s.container("segments") + "/", "Content-Type": "text/plain"}, b"")
    s.ask("PUT", o, {"X-Object-Manifest": s.container("segments") + "/part", "Content-Type": "text/plain"}, b"")
    s.ask("GET", o)
    s.ask("HEAD", o)
    for value in ("bytes=0-2", "bytes=4-6", "bytes=-4", "bytes=20-30", "bytes=0-1,8-9"):
        s.ask("GET", o, {"Range": value})
    s.ask("GET", o, query="multipart-manifest=get")
    etag = md5("".join(md5(body) for body in bodies.values()).encode())
    s.ask("GET", o, {"If-None-Match": f'"{etag}"'})
    s.ask("GET", o, {"If-Match": '"other"'})
    put(s, "segments", "part/4", b"4444")
    s.ask("GET", o)
    s.ask("COPY", o, {"Destination": s.container("c") + "/flat"})
    s.ask("HEAD", ("A", s.container("c"), "flat"))
    s.ask("COPY", o, {"Destination": s.container("c") + "/linked"}, query="multipart-manifest=get")
    s.ask("HEAD", ("A", s.container("c"), "linked"))
    s.ask("POST", o, {"X-Object-Meta-A": "b"})
    s.ask("HEAD", o)
    s.ask("GET", o)
    s.ask("PUT", ("A", s.container("c"), "bad"), {"X-Object-Manifest": "nonsense"}, b"")
    s.ask("PUT", ("A", s.container("c"), "bad"), {"X-Object-Manifest": "c/o?x"}, b"")
    s.ask("PUT", ("A", s.container("c"), "void"), {"X-Object-Manifest": s.container("absent") + "/x"}, b"")
    s.ask("GET", ("A", s.container("c"), "void"))
    s.ask("HEAD", ("A", s.container("c"), "void"))
    s.ask("DELETE", o)
    s.ask("GET", ("A", s.container("segments"), "1"))


def signature(s, key, method, path, expires, digest="sha256", ip=None):
    text = f"{method}\n{expires}\n{path}"
    if ip:
        text = f"ip={ip}\n{text}"
    word = hmac.new(key.encode(), text.encode(), digest).hexdigest()
    s.blank(word, "SIGNATURE")
    return word


@scenario
def temporary_urls(s):
    make(s, "c")
    put(s, "c", "o", b"hello", {"Content-Type": "text/plain", "X-Object-Meta-Secret": "x",
                                "X-Object-Meta-Public-A": "y"})
    c = ("A", s.container("c"))
    o = (*c, "o")
    path = s.path(*o)
    s.ask("POST", ("A",), {"X-Account-Meta-Temp-URL-Key": "account", "X-Account-Meta-Temp-URL-Key-2": "second"},
          keep=False)
    s.ask("POST", c, {"X-Container-Meta-Temp-URL-Key": "container"}, keep=False)
    expires = 4102444800

    def ask(method, sig, query="", until=expires, target=o, body=None, headers=None):
        s.ask(method, target, headers, body, user=NOBODY,
              query=f"temp_url_sig={sig}&temp_url_expires={until}{query}")

    for key in ("account", "second", "container", "wrong"):
        ask("GET", signature(s, key, "GET", path, expires))
    for digest in ("sha1", "sha256", "sha512"):
        ask("GET", signature(s, "account", "GET", path, expires, digest))
    raw = hmac.new(b"account", f"GET\n{expires}\n{path}".encode(), "sha256").digest()
    for word in ("sha256:" + base64.urlsafe_b64encode(raw).decode(),
                 "sha256:" + base64.b64encode(raw).decode().replace("+", "%2B"), "md5:abcd"):
        s.blank(word, "SIGNATURE")
        ask("GET", word)
    ask("HEAD", signature(s, "account", "HEAD", path, expires))
    ask("HEAD", signature(s, "account", "GET", path, expires))
    ask("HEAD", signature(s, "account", "PUT", path, expires))
    ask("PUT", signature(s, "account", "GET", path, expires), body=b"x")
    ask("DELETE", signature(s, "account", "GET", path, expires))
    ask("POST", signature(s, "account", "GET", path, expires))
    ask("GET", signature(s, "account", "GET", path, 1000), until=1000)
    ask("GET", signature(s, "account", "GET", path, expires), until="nonsense")
    ask("GET", signature(s, "account", "GET", path, expires), until="2100-01-01T00:00:00Z")
    ask("GET", signature(s, "account", "GET", path, expires), until="2100-01-01")
    ask("GET", signature(s, "account", "GET", path, expires), query="&filename=other.txt")
    ask("GET", signature(s, "account", "GET", path, expires), query="&filename=a%22b%3B%C3%BC.txt")
    ask("GET", signature(s, "account", "GET", path, expires), query="&inline")
    ask("GET", signature(s, "account", "GET", path, expires), query="&inline&filename=x.txt")
    ask("GET", signature(s, "account", "GET", "prefix:" + s.path(*c, "o"), expires), query="&temp_url_prefix=o")
    ask("GET", signature(s, "account", "GET", "prefix:" + s.path(*c, "x"), expires), query="&temp_url_prefix=x")
    for ip in ("127.0.0.1", "127.0.0.0/8", "10.0.0.0/8", "nonsense"):
        ask("GET", signature(s, "account", "GET", path, expires, ip=ip), query=f"&temp_url_ip_range={ip}")
    new = (*c, "new")
    new_path = s.path(*new)
    ask("PUT", signature(s, "account", "PUT", new_path, expires), target=new, body=b"by url")
    ask("PUT", signature(s, "account", "PUT", new_path, expires), target=new, body=b"",
        headers={"X-Object-Manifest": "c/o"})
    ask("GET", signature(s, "account", "GET", new_path, expires), target=new)
    ask("DELETE", signature(s, "account", "DELETE", new_path, expires), target=new)
    ask("GET", signature(s, "account", "GET", new_path, expires), target=new)
    s.ask("GET", o, user=NOBODY, query="temp_url_sig=abcd")
    s.ask("GET", o, user=NOBODY, query=f"temp_url_expires={expires}")
    s.ask("GET", c, user=NOBODY, query=f"temp_url_sig=abcd&temp_url_expires={expires}")
    s.ask("GET", o, {"Range": "bytes=1-2"}, user=NOBODY,
          query=f"temp_url_sig={signature(s, 'account', 'GET', path, expires)}&temp_url_expires={expires}")
    s.ask("POST", ("A",), {"X-Remove-Account-Meta-Temp-URL-Key": "x",
                           "X-Remove-Account-Meta-Temp-URL-Key-2": "x"}, keep=False)


def form(fields, files, boundary="limit"):
    parts = []
    for name, value in fields:
        parts.append(f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode())
    for name, filename, kind, data in files:
        head = f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"; filename="{filename}"\r\n'
        if kind:
            head += f"Content-Type: {kind}\r\n"
        parts.append(head.encode() + b"\r\n" + data + b"\r\n")
    return b"".join(parts) + f"--{boundary}--\r\n".encode()


@scenario
def form_post(s):
    make(s, "c")
    c = ("A", s.container("c"))
    s.ask("POST", c, {"X-Container-Meta-Temp-URL-Key": "container"}, keep=False)
    expires = 4102444800
    path = s.path(*c) + "/up-"

    def post(files, redirect="", size=100, count=2, until=expires, key="container", extra=(), sig=None,
             digest="sha256"):
        text = f"{path}\n{redirect}\n{size}\n{count}\n{until}"
        word = sig or hmac.new(key.encode(), text.encode(), digest).hexdigest()
        fields = [("redirect", redirect), ("max_file_size", size), ("max_file_count", count),
                  ("expires", until), ("signature", word), *extra]
        s.ask("POST", path, {"Content-Type": "multipart/form-data; boundary=limit"}, form(fields, files),
              user=NOBODY)

    one = [("file1", "one.txt", "text/plain", b"first")]
    post(one)
    s.ask("GET", (*c, "up-one.txt"))
    post(one, redirect="http://example.com/done?x=1")
    post([*one, ("file2", "two.bin", None, b"second")])
    s.ask("GET", (*c, "up-two.bin"))
    post([*one, ("file2", "two.bin", None, b"second"), ("file3", "three", None, b"third")])
    post([("file1", "large", "text/plain", b"x" * 101)])
    post(one, until=1000)
    post(one, key="wrong")
    post(one, sig="nonsense")
    post(one, digest="sha1")
    post(one, digest="sha512")
    post(one, size="nonsense")
    post([])
    post(one, extra=[("x_delete_after", "1000")])
    post(one, extra=[("x_delete_at", "nonsense")])
    s.ask("GET", c)


def archive(mode, *members):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode) as tar:
        for name, data in members:
            info = tarfile.TarInfo(name)
            if data is None:
                info.type = tarfile.DIRTYPE
                tar.addfile(info)
            else:
                info.size = len(data)
                tar.addfile(info, io.BytesIO(data))
    return out.getvalue()


@scenario
def bulk_upload(s):
    make(s, "c")
    c = ("A", s.container("c"))
    members = (("a.txt", b"one"), ("dir", None), ("dir/b.html", b"two"), ("ü", b"three"))
    for kind, mode in (("tar", "w"), ("tar.gz", "w:gz"), ("tar.bz2", "w:bz2")):
        for accept in ("application/json", "text/plain", "application/xml"):
            s.ask("PUT", c, {"Accept": accept}, archive(mode, *members), query=f"extract-archive={kind}")
    s.ask("GET", c)
    s.ask("GET", (*c, "dir/b.html"))
    json_only = {"Accept": "application/json"}
    s.ask("PUT", (*c, "below"), json_only, archive("w", *members), query="extract-archive=tar")
    s.ask("GET", c, query="prefix=below")
    s.ask("PUT", ("A",), json_only, archive("w", (s.container("made") + "/o", b"x"), ("no-container", b"y")),
          query="extract-archive=tar")
    s.ask("GET", ("A", s.container("made")))
    s.ask("PUT", c, json_only, b"nonsense" * 100, query="extract-archive=tar")
    s.ask("PUT", c, json_only, archive("w", *members), query="extract-archive=tar.gz")
    s.ask("PUT", c, json_only, archive("w", *members), query="extract-archive=zip")
    s.ask("PUT", c, json_only, b"", query="extract-archive=tar")
    s.ask("PUT", c, json_only, archive("w", ("x" * 1100, b"x")), query="extract-archive=tar")


@scenario
def bulk_delete(s):
    make(s, "c", "full", "empty")
    for name in ("a", "b", "c c", "ü"):
        put(s, "c", name)
    put(s, "full", "o")
    c = s.container("c")
    a = ("A",)
    for accept in ("application/json", "text/plain", "application/xml", "text/xml", "image/png"):
        s.ask("POST", a, {"Accept": accept, "Content-Type": "text/plain"}, f"{c}/a\n{c}/absent\n",
              query="bulk-delete")
    headers = {"Accept": "application/json", "Content-Type": "text/plain"}
    s.ask("POST", a, headers, f"/{c}/b\n/{c}/c%20c\n\n{c}/%C3%BC", query="bulk-delete")
    s.ask("DELETE", a, headers, f"{c}/a\n", query="bulk-delete")
    s.ask("POST", a, headers, f"{s.container('empty')}\n{s.container('full')}\n", query="bulk-delete")
    s.ask("POST", a, headers, "", query="bulk-delete")
    s.ask("POST", a, headers, "\n\n", query="bulk-delete")
    s.ask("POST", a, headers, f"{c}/{'x' * 2000}\n", query="bulk-delete")
    s.ask("POST", a, headers, f"{c}/%FF\n", query="bulk-delete")
    s.ask("POST", a, {"Accept": "application/json", "Content-Type": "image/png"}, f"{c}/a\n", query="bulk-delete")
    s.ask("GET", ("A", c))


@scenario
def versions_location(s):
    make(s, "archive")
    c = ("A", s.container("c"))
    o = (*c, "o")
    s.ask("PUT", c, {"X-Versions-Location": s.container("archive")})
    s.ask("HEAD", c)
    s.ask("PUT", o, body=b"one")
    s.ask("PUT", o, body=b"two!")
    s.ask("PUT", o, body=b"three")
    s.ask("GET", o)
    s.ask("GET", ("A", s.container("archive")))
    s.ask("GET", ("A", s.container("archive")), query="format=json")
    s.ask("DELETE", o)
    s.ask("GET", o)
    s.ask("DELETE", o)
    s.ask("GET", o)
    s.ask("DELETE", o)
    s.ask("GET", o)
    s.ask("DELETE", o)
    s.ask("GET", ("A", s.container("archive")))
    s.ask("POST", c, {"X-Remove-Versions-Location": "x"})
    s.ask("HEAD", c)
    s.ask("POST", c, {"X-Versions-Location": "a/b"})
    s.ask("POST", c, {"X-Versions-Location": s.container("archive"), "X-History-Location": "other"})
    s.ask("POST", c, {"X-Versions-Location": s.container("absent")})
    s.ask("PUT", o, body=b"one")
    s.ask("PUT", o, body=b"two")


@scenario
def history_location(s):
    make(s, "archive")
    c = ("A", s.container("c"))
    o = (*c, "o")
    s.ask("PUT", c, {"X-History-Location": s.container("archive")})
    s.ask("HEAD", c)
    s.ask("PUT", o, body=b"one")
    s.ask("PUT", o, body=b"two!")
    s.ask("DELETE", o)
    s.ask("GET", o)
    s.ask("DELETE", o)
    s.ask("GET", ("A", s.container("archive")), query="format=json")
    s.ask("POST", c, {"X-Versions-Location": s.container("archive")})
    s.ask("HEAD", c)


@scenario
def versions_enabled(s):
    c = ("A", s.container("c"))
    o = (*c, "o")
    s.ask("PUT", c)
    s.ask("PUT", o, body=b"before")
    s.ask("POST", c, {"X-Versions-Enabled": "true"})
    s.ask("HEAD", c)
    ids = []
    for body in (b"one", b"two!"):
        got = s.ask("PUT", o, body=body)
        ids.append(got.headers.get("x-object-version-id", "absent"))
        s.blank(ids[-1], f"VERSION{len(ids)}")
    s.ask("GET", o)
    s.ask("HEAD", o)
    s.ask("GET", c, query="versions&format=json")
    s.ask("GET", c, query="versions")
    for version in (*ids, "null", "nonsense", "1234567890.00000"):
        s.ask("GET", o, query=f"version-id={version}")
        s.ask("HEAD", o, query=f"version-id={version}")
    got = s.ask("DELETE", o)
    s.blank(got.headers.get("x-object-version-id", "absent"), "MARKER")
    s.ask("GET", o)
    s.ask("GET", c, query="format=json")
    s.ask("GET", c, query="versions&format=json")
    s.ask("PUT", o, query=f"version-id={ids[0]}")
    s.ask("GET", o)
    s.ask("DELETE", o, query=f"version-id={ids[1]}")
    s.ask("DELETE", o, query=f"version-id={ids[1]}")
    s.ask("DELETE", o, query="version-id=null")
    s.ask("GET", c, query="versions&format=json")
    s.ask("HEAD", c)
    s.ask("POST", c, {"X-Versions-Enabled": "false"})
    s.ask("HEAD", c)
    s.ask("PUT", o, body=b"unversioned")
    s.ask("DELETE", c)
    s.ask("GET", c, query="versions&prefix=o&limit=1&format=json")
    s.ask("POST", c, {"X-Versions-Enabled": "nonsense"})


@scenario
def symlinks(s):
    make(s, "c", "t")
    put(s, "t", "o", b"target", {"Content-Type": "text/plain", "X-Object-Meta-Colour": "blue"})
    t = s.container("t")
    link = ("A", s.container("c"), "link")
    s.ask("PUT", link, {"X-Symlink-Target": f"{t}/o", "X-Object-Meta-Mine": "yes"}, b"")
    s.ask("GET", link)
    s.ask("HEAD", link)
    s.ask("GET", link, query="symlink=get")
    s.ask("HEAD", link, query="symlink=get")
    s.ask("GET", link, {"Range": "bytes=1-2"})
    s.ask("GET", ("A", s.container("c")), query="format=json")
    s.ask("POST", link, {"X-Object-Meta-A": "b"})
    s.ask("PUT", ("A", s.container("c"), "bad"), {"X-Symlink-Target": "nonsense"}, b"")
    s.ask("PUT", ("A", s.container("c"), "bad"), {"X-Symlink-Target": f"{t}/o"}, b"not empty")
    s.ask("PUT", ("A", s.container("c"), "bad"), {"X-Symlink-Target": f"{s.container('c')}/bad"}, b"")
    s.ask("PUT", ("A", s.container("c"), "bad"), {"X-Symlink-Target": f"{t}/o", "X-Symlink-Target-Account": "a/b"}, b"")
    s.ask("PUT", ("A", s.container("c"), "static"), {"X-Symlink-Target": f"{t}/o",
                                                    "X-Symlink-Target-Etag": md5(b"target")}, b"")
    s.ask("GET", ("A", s.container("c"), "static"))
    s.ask("HEAD", ("A", s.container("c"), "static"), query="symlink=get")
    s.ask("PUT", ("A", s.container("c"), "static2"), {"X-Symlink-Target": f"{t}/o",
                                                     "X-Symlink-Target-Etag": "0" * 32}, b"")
    s.ask("PUT", ("A", s.container("c"), "static3"), {"X-Symlink-Target": f"{t}/absent",
                                                     "X-Symlink-Target-Etag": "0" * 32}, b"")
    s.ask("PUT", ("A", s.container("c"), "void"), {"X-Symlink-Target": f"{t}/absent"}, b"")
    s.ask("GET", ("A", s.container("c"), "void"))
    c = s.container("c")
    s.ask("PUT", ("A", c, "l1"), {"X-Symlink-Target": f"{c}/link"}, b"")
    s.ask("GET", ("A", c, "l1"))
    s.ask("PUT", ("A", c, "l2"), {"X-Symlink-Target": f"{c}/l1"}, b"")
    s.ask("GET", ("A", c, "l2"))
    s.ask("COPY", link, {"Destination": f"{c}/copied"})
    s.ask("HEAD", ("A", c, "copied"))
    s.ask("COPY", link, {"Destination": f"{c}/linked"}, query="symlink=get")
    s.ask("HEAD", ("A", c, "linked"), query="symlink=get")
    put(s, "t", "o", b"changed")
    s.ask("GET", link)
    s.ask("GET", ("A", s.container("c"), "static"))
    s.ask("DELETE", link)
    s.ask("GET", ("A", t, "o"))


@scenario
def static_web(s):
    c = ("A", s.container("c"))
    s.ask("PUT", c, {"X-Container-Read": ".r:*,.rlistings"})
    for name, body in (("index.html", b"<p>home"), ("404error.html", b"<p>lost"), ("dir/index.html", b"<p>dir"),
                       ("dir/file.txt", b"text"), ("bare/file.txt", b"text")):
        put(s, "c", name, body)
    path = s.path(*c)
    s.ask("POST", c, {"X-Container-Meta-Web-Index": "index.html", "X-Container-Meta-Web-Error": "error.html"})
    for rest in ("", "/", "/index.html", "/dir", "/dir/", "/bare", "/bare/", "/absent", "/dir/file.txt"):
        s.ask("GET", path + rest, user=NOBODY)
        s.ask("HEAD", path + rest, user=NOBODY)
    s.ask("POST", c, {"X-Container-Meta-Web-Listings": "true", "X-Container-Meta-Web-Index": "",
                      "X-Container-Meta-Web-Listings-CSS": "style.css"})
    for rest in ("/", "/bare/", "/bare", "/absent/"):
        s.ask("GET", path + rest, user=NOBODY)
    s.ask("GET", path + "/", user="test:tester")
    s.ask("GET", path + "/", {"X-Web-Mode": "true"}, user="test:tester")
    s.ask("GET", path, user=NOBODY, query="format=json")


@scenario
def information(s):
    s.ask("POST", "/info", user=NOBODY)
    s.ask("OPTIONS", "/info", user=NOBODY)
    s.ask("HEAD", "/info", user=NOBODY)
