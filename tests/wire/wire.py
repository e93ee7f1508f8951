"""Plays text files of bytes to send and patterns to receive against a real server.

    set SECTION KEY = VALUE  a line of the configuration of this file's server
    case NAME                a new connection
    > TEXT                   sends TEXT and CRLF; >| without the CRLF
    >* N TEXT                sends TEXT N times
    < STATUS [CODE]          receives one whole answer; CODE is the one of its error document
    <head STATUS             the same for an answer to HEAD
    header NAME REGEX        of the last answer; `noheader NAME`
    body REGEX               of the last answer
    continue                 receives exactly "100 Continue"
    silent MS                nothing comes for so long
    closed                   the server ends the connection, and nothing else comes
    abort                    the same, or it is cut
    shut                     we end our side
    pause MS                 we wait

TEXT knows the escapes of Python, {host} for the server's address, and {put KEY}, {get KEY},
{head KEY}, {post KEY?query} for a presigned target in the file's bucket; {put KEY name=value …} signs these headers,
which have to be sent too.
"""
import datetime
import hashlib
import hmac
import re
import socket
import time
import urllib.parse

from hinkserver import ACCESS_KEY, SECRET_KEY

BUCKET = "wire"
TIMEOUT = 10


class Mismatch(AssertionError):
    pass


class Case:
    def __init__(self, name):
        self.name = name
        self.steps = []


def parse(path):
    """The settings and the cases of a file."""
    settings, cases = [], []
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        word, _, rest = line.partition(" ")
        if word == "set":
            settings.append(rest)
        elif word == "case":
            cases.append(Case(rest))
        else:
            cases[-1].steps.append((number, word, rest))
    return settings, cases


def presign(method, host, target, headers, now=None):
    """A target with the query of AWS signature version 4, for 60 seconds."""
    now = now or datetime.datetime.now(datetime.timezone.utc)
    stamp, day = now.strftime("%Y%m%dT%H%M%SZ"), now.strftime("%Y%m%d")
    path, _, query = target.partition("?")
    signed = {"host": host, **headers}
    scope = f"{day}/us-east-1/s3/aws4_request"
    params = dict(urllib.parse.parse_qsl(query, keep_blank_values=True))
    params.update({"X-Amz-Algorithm": "AWS4-HMAC-SHA256", "X-Amz-Date": stamp,
                   "X-Amz-Credential": f"{ACCESS_KEY}/{scope}", "X-Amz-Expires": "60",
                   "X-Amz-SignedHeaders": ";".join(sorted(signed))})
    quoted = "&".join(f"{urllib.parse.quote(k, '-_.~')}={urllib.parse.quote(v, '-_.~')}"
                      for k, v in sorted(params.items()))
    payload = headers.get("x-amz-content-sha256", "UNSIGNED-PAYLOAD")
    canonical = "\n".join([method, path, quoted,
                           *(f"{k}:{signed[k]}" for k in sorted(signed)), "",
                           ";".join(sorted(signed)), payload])
    to_sign = "\n".join(["AWS4-HMAC-SHA256", stamp, scope,
                         hashlib.sha256(canonical.encode()).hexdigest()])
    key = ("AWS4" + SECRET_KEY).encode()
    for part in (day, "us-east-1", "s3", "aws4_request"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return f"{path}?{quoted}&X-Amz-Signature=" + hmac.new(
        key, to_sign.encode(), hashlib.sha256).hexdigest()


class Player:
    """One connection, on which a case is played."""

    def __init__(self, host, port):
        self.host = f"{host}:{port}"
        self.socket = socket.create_connection((host, port), timeout=TIMEOUT)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = b""
        self.answer = None

    def close(self):
        self.socket.close()

    # sending

    def expand(self, text):
        def signed(match):
            method, words = match.group(1).upper(), match.group(2).split()
            headers = dict(word.split("=", 1) for word in words[1:])
            return presign(method, self.host, f"/{BUCKET}/{words[0]}", headers)

        text = re.sub(r"\{(put|get|head|post|delete) ([^}]*)\}", signed, text)
        text = text.replace("{host}", self.host).replace("{bucket}", BUCKET)
        return text.encode("latin-1").decode("unicode_escape").encode("latin-1")

    def send(self, data):
        try:
            self.socket.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            pass  # what the server said before it hung up is checked by the steps that follow

    # receiving

    def more(self, timeout=TIMEOUT):
        """Receives something; False at the end of the connection."""
        self.socket.settimeout(timeout)
        try:
            data = self.socket.recv(65536)
        except ConnectionResetError:
            raise Mismatch("the connection was cut")
        self.buffer += data
        return data != b""

    def until(self, mark):
        while mark not in self.buffer:
            if not self.more():
                raise Mismatch(f"the connection ended after {self.buffer[:300]!r}")
        found, _, self.buffer = self.buffer.partition(mark)
        return found

    def exactly(self, count):
        while len(self.buffer) < count:
            if not self.more():
                raise Mismatch(f"the connection ended {count - len(self.buffer)} bytes early")
        found, self.buffer = self.buffer[:count], self.buffer[count:]
        return found

    def chunks(self):
        body = b""
        while size := int(self.until(b"\r\n"), 16):
            body += self.exactly(size)
            assert self.exactly(2) == b"\r\n"
        assert self.until(b"\r\n") == b""
        return body

    def receive(self, is_head):
        lines = self.until(b"\r\n\r\n").decode("latin-1").split("\r\n")
        match = re.match(r"HTTP/1\.1 (\d{3}) \S", lines[0])
        if not match:
            raise Mismatch(f"no status line: {lines[0]!r}")
        headers = {}
        for line in lines[1:]:
            name, _, value = line.partition(": ")
            if name.lower() in headers:
                raise Mismatch(f"the header {name} is there twice")
            headers[name.lower()] = value
        body, status = b"", int(match.group(1))
        if is_head or status in (204, 304):
            pass
        elif headers.get("transfer-encoding") == "chunked":
            body = self.chunks()
        elif "content-length" in headers:
            body = self.exactly(int(headers["content-length"]))
        else:
            while self.more():
                pass
            body, self.buffer = self.buffer, b""
        self.answer = (status, headers, body.decode("utf-8", "replace"))

    # the steps

    def expect_answer(self, rest, is_head):
        self.receive(is_head)
        status, headers, body = self.answer
        wanted, _, code = rest.partition(" ")
        found = re.search(r"<Code>(.*?)</Code>", body)
        if str(status) != wanted or (code and (not found or found.group(1) != code)):
            raise Mismatch(f"wanted {rest}, got {status} {body[:400]}")
        request_id = "x-trans-id" if "x-trans-id" in headers else "x-amz-request-id"
        for name in (request_id, "date", "server"):
            if name not in headers:
                raise Mismatch(f"the answer has no {name}")

    def expect_silence(self, milliseconds):
        if self.buffer:
            raise Mismatch(f"something came: {self.buffer[:300]!r}")
        try:
            ended = not self.more(milliseconds / 1000)
        except TimeoutError:
            return
        raise Mismatch("the connection ended" if ended else f"came: {self.buffer[:300]!r}")

    def expect_end(self, may_be_cut):
        try:
            while self.more():
                pass
        except TimeoutError:
            raise Mismatch("the connection stays open")
        except Mismatch:
            if not may_be_cut:
                raise
            return
        if self.buffer and not may_be_cut:
            raise Mismatch(f"more came before the end: {self.buffer[:300]!r}")

    def step(self, word, rest):
        if word == ">":
            self.send(self.expand(rest) + b"\r\n")
        elif word == ">|":
            self.send(self.expand(rest))
        elif word == ">*":
            count, _, text = rest.partition(" ")
            self.send(self.expand(text) * int(count))
        elif word == "<":
            self.expect_answer(rest, False)
        elif word == "<head":
            self.expect_answer(rest, True)
        elif word == "header":
            name, _, pattern = rest.partition(" ")
            value = self.answer[1].get(name.lower())
            if value is None or not re.fullmatch(pattern, value):
                raise Mismatch(f"header {name} is {value!r}")
        elif word == "noheader":
            if rest.lower() in self.answer[1]:
                raise Mismatch(f"there is a header {rest}")
        elif word == "body":
            if not re.search(rest, self.answer[2], re.S):
                raise Mismatch(f"the body is {self.answer[2][:400]!r}")
        elif word == "continue":
            got = self.until(b"\r\n\r\n")
            if got != b"HTTP/1.1 100 Continue":
                raise Mismatch(f"no 100 Continue: {got!r}")
        elif word == "silent":
            self.expect_silence(int(rest))
        elif word in ("closed", "abort"):
            self.expect_end(word == "abort")
        elif word == "shut":
            self.socket.shutdown(socket.SHUT_WR)
        elif word == "pause":
            time.sleep(int(rest) / 1000)
        else:
            raise Mismatch(f"no such step: {word}")


def play(path, case, host, port):
    player = Player(host, port)
    try:
        for number, word, rest in case.steps:
            try:
                player.step(word, rest)
            except (Mismatch, TimeoutError) as error:
                why = "nothing came in time" if isinstance(error, TimeoutError) else error
                raise AssertionError(f"{path.name}:{number}: {word} {rest}: {why}") from None
    finally:
        player.close()
