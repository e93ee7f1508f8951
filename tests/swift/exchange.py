"""Requests to a Swift API, and answers made comparable: what changes from run to run is blanked."""
import http.client
import json
import re
import urllib.parse

# Not of the API, or of the moment: nobody's client looks at them.
IGNORED_HEADERS = {"date", "connection", "server", "transfer-encoding", "vary", "keep-alive",
                   "x-trans-id", "x-openstack-request-id", "content-security-policy",
                   "x-content-type-options", "strict-transport-security"}

# Lists in which the order says nothing.
SETS = {"allow", "access-control-allow-methods", "access-control-allow-headers",
        "access-control-expose-headers"}

BLANKS = (
    (re.compile(r"tx[0-9a-f]{21}-[0-9a-f]{10}"), "TXID"),
    (re.compile(r"\b\d{10}\.\d{5}(_[0-9a-f]+)?\b"), "TIMESTAMP"),
    (re.compile(r"\b\d{16}\.\d{5}\b"), "INVERTED"),
    (re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?Z?"), "ISODATE"),
    (re.compile(r"[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT"), "HTTPDATE"),
    (re.compile(r"\b127\.0\.0\.1:\d+\b"), "HOST"),
)


class Answer:
    """What came back; `headers` by lower-case name."""

    def __init__(self, status, headers, body):
        self.status = status
        self.headers = headers
        self.body = body

    def json(self):
        return json.loads(self.body)


class Service:
    """A Swift API at `url`; `prefix` leads to the accounts: /v1 or /swift/v1.

    `accounts` maps the letters of a scenario (A, B) to account names, `login(user)` makes a token.
    """

    def __init__(self, url, prefix, accounts, login):
        self.host = urllib.parse.urlsplit(url).netloc
        self.prefix = prefix
        self.accounts = accounts
        self.login = login
        self.tokens = {}

    def token(self, user):
        if user not in self.tokens:
            self.tokens[user] = self.login(user)
        return self.tokens[user]

    def send(self, method, path, headers=None, body=None):
        """Sends one request as it is and reads the whole answer."""
        connection = http.client.HTTPConnection(self.host, timeout=60)
        try:
            connection.putrequest(method, path, skip_accept_encoding=True)
            sent = dict(headers or {})
            chunked = sent.get("Transfer-Encoding") == "chunked"
            if not chunked and "Content-Length" not in sent and (body is not None or
                                                                 method in ("PUT", "POST")):
                sent["Content-Length"] = str(len(body or b""))
            for name, value in sent.items():
                connection.putheader(name, value.encode() if isinstance(value, str) else value)
            connection.endheaders()
            if chunked:
                for piece in body:
                    connection.send(b"%x\r\n%s\r\n" % (len(piece), piece))
                connection.send(b"0\r\n\r\n")
            elif body:
                connection.send(body)
            answer = connection.getresponse()
            return Answer(answer.status,
                          {name.lower(): value for name, value in answer.getheaders()},
                          answer.read())
        finally:
            connection.close()


class Scenario:
    """One scenario's way through a service: asks, and keeps each answer in its comparable form."""

    def __init__(self, service, name):
        self.service = service
        self.name = name
        self.steps = []
        self.words = {}
        self.prefix = f"{name}-"

    def container(self, name):
        """A container name that no other scenario has."""
        return self.prefix + name

    def path(self, account, *parts):
        """The path of an account, a container or an object, quoted."""
        quoted = [urllib.parse.quote(part) for part in parts]
        return "/".join([self.service.prefix, self.service.accounts[account], *quoted])

    def ask(self, method, target, headers=None, body=None, user="test:tester", query=None,
            keep=True):
        """One request; `target` is (account, container, object) or a path that is used as it is."""
        path = target if isinstance(target, str) else self.path(*target)
        if query is not None:
            path += "?" + (query if isinstance(query, str) else urllib.parse.urlencode(query))
        sent = dict(headers or {})
        if user is not None:
            sent["X-Auth-Token"] = self.service.token(user)
        if isinstance(body, str):
            body = body.encode()
        answer = self.service.send(method, path, sent, body)
        if keep:
            self.steps.append(self._comparable(method, target, query, headers, answer))
        return answer

    def blank(self, word, name):
        """Blanks a word that is another one each time, such as a signature or a version's id."""
        self.words[word] = name

    def _blanked(self, text):
        for word, name in self.words.items():
            text = text.replace(word, name)
        for letter, account in sorted(self.service.accounts.items(), key=lambda i: -len(i[1])):
            text = re.sub(re.escape(account) + r"(?![0-9A-Za-z])", f"ACCOUNT_{letter}", text)
        if self.service.prefix:
            text = text.replace(self.service.prefix + "/ACCOUNT", "/v1/ACCOUNT")
        for pattern, name in BLANKS:
            text = pattern.sub(name, text)
        return text

    def _body(self, answer):
        if answer.status == 500:
            return ""  # whatever the program that failed had to say
        text = answer.body.decode("utf-8", "backslashreplace")
        kind = answer.headers.get("content-type", "").lower()
        boundary = re.search(r"boundary=([^ ;]+)", kind)
        if boundary:
            text = re.sub(re.escape(boundary.group(1)), "BOUNDARY", text, flags=re.I)
        if kind.startswith("application/json") and text:
            try:
                return json.loads(self._blanked(text))
            except ValueError:
                pass
        return self._blanked(text)

    def _comparable(self, method, target, query, headers, answer):
        # The MD5 of a manifest that has times in it.
        if "x-manifest-etag" in answer.headers:
            self.blank(answer.headers["x-manifest-etag"].strip('"'), "MANIFEST")
        kept = {}
        for name, value in sorted(answer.headers.items()):
            if name in IGNORED_HEADERS:
                continue
            value = re.sub(r"boundary=[^ ;]+", "boundary=BOUNDARY", value)
            if name in SETS:
                value = ", ".join(sorted(re.split(r", *", value)))
            kept[name] = self._blanked(value)
        # RFC 9110 section 8.6 has none here, and lets it be left out of an answer to HEAD.
        if answer.status in (204, 304) or method == "HEAD" and answer.status >= 300:
            kept.pop("content-length", None)
        # An error's page has texts of the moment in it, and lengths with them.
        body = self._body(answer)
        if any(word in json.dumps(body) for word in ("TXID", "TIMESTAMP", "HOST", "ACCOUNT_")):
            kept.pop("content-length", None)
        shown = self._blanked(target if isinstance(target, str) else
                              "/" + "/".join((f"ACCOUNT_{target[0]}", *target[1:])))
        asked = f"{method} {shown}" + (f"?{self._blanked(str(query))}" if query else "")
        return {"asked": asked, "with": {k: self._blanked(str(v)) for k, v in (headers or {}).items()},
                "status": answer.status, "headers": kept, "body": body}


# What an account knows of its containers: Swift's hears of it some time later.
ACCOUNT_COUNTER = re.compile(r"x-account-(container-count|object-count|bytes-used)$")
ACCOUNT_POLICY = "x-account-storage-policy-"
WHOLE_ACCOUNT = re.compile(r"GET (/v1)?/ACCOUNT_[AB]/*(\?|$)")


def _settled_body(step, name):
    """A document as its reader has it, without what only the moment has decided."""
    body = step["body"]
    kind = step["headers"].get("content-type", "")
    if isinstance(body, list):
        rows = [dict(row) if isinstance(row, dict) else row for row in body]
        for row in (row for row in rows if isinstance(row, dict)):
            if "count" in row and "bytes" in row:
                row.update(count="COUNTED", bytes="COUNTED")
            # Swift gives an id to what was there before the first version, S3 and hink call it null.
            if not re.match(r"VERSION|MARKER", row.get("version_id", "VERSION")):
                row["version_id"] = "ID"
        return rows
    if not isinstance(body, str):
        return body
    if "xml" in kind:
        body = re.sub(r"<count>\d+</count><bytes>\d+</bytes>", "<count/><bytes/>", body)
        return re.sub(r"<(\w+)([^<>]*)></\1>", r"<\1\2 />", body)
    if step["status"] == 200 and WHOLE_ACCOUNT.match(step["asked"]):
        # Other scenarios' containers are nothing of this one.
        return "".join(row for row in body.splitlines(True) if row.startswith(f"{name}-"))
    return body


def _settled(step, name):
    headers = {}
    for header, value in step["headers"].items():
        if header.startswith(ACCOUNT_POLICY):
            continue  # one that any scenario has used
        if ACCOUNT_COUNTER.match(header):
            value = "COUNTED"
        if header == "x-timestamp":
            value = re.sub(r"^VERSION\d$", "TIMESTAMP", value)  # Swift's ids are times
        if header.endswith("-version-id") and not re.match(r"VERSION|null", value):
            value = "ID"
        headers[header] = value
    body = _settled_body(step, name)
    is_document = re.search("json|xml", headers.get("content-type", ""))
    if is_document or body != step["body"]:
        headers.pop("content-length", None)  # of the document as it was written
    return {**step, "headers": headers, "body": body}


def _is_framing(header, want, got):
    """Whether one says its length and the other sends pieces, each of which HTTP allows."""
    absent = header not in want["headers"] or header not in got["headers"]
    return header == "content-length" and absent and not want["asked"].startswith("HEAD ")


def differences(name, expected, found):
    """What differs between two lists of a scenario's steps: lines (step, what, expected, found)."""
    lines = []
    for at, (want, got) in enumerate(zip(expected, found)):
        want, got = _settled(want, name), _settled(got, name)
        if want["asked"] != got["asked"]:
            lines.append((at, "asked", want["asked"], got["asked"]))
            continue
        if want["status"] != got["status"]:
            lines.append((at, "status", want["status"], got["status"]))
        for header in sorted(set(want["headers"]) | set(got["headers"])):
            if _is_framing(header, want, got):
                continue
            if want["headers"].get(header) != got["headers"].get(header):
                lines.append((at, header, want["headers"].get(header), got["headers"].get(header)))
        if want["body"] != got["body"]:
            lines.append((at, "body", want["body"], got["body"]))
    if len(expected) != len(found):
        lines.append((min(len(expected), len(found)), "steps", len(expected), len(found)))
    return lines
