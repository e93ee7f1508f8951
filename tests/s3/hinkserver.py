"""Starts a real hink for a test: free loopback ports, a temporary directory, stopped by its pid."""
import os
import pathlib
import re
import signal
import socket
import subprocess
import tempfile
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
ACCESS_KEY = "AKIAHINKTEST00000001"
SECRET_KEY = "hinktestsecret/0123456789+abcdefghijklmn"


def hink_binary():
    return os.environ.get("HINK", str(ROOT / "build" / "hink"))


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def zone_config(source, folder, extra="", tls=None, user=None, server=""):
    """The shipped configuration `source` with its ports and data directory moved; the port map.

    `tls` is a pair (certificate file, key file) for every endpoint, `user` whom to become, `server`
    lines for the section [server].
    """
    text = (ROOT / "conf" / source).read_text()
    ports = {}

    def moved(match):
        port = ports.setdefault(match.group(2), str(free_port()))
        return match.group(1) + port

    text = re.sub(r"(127\.0\.0\.1:)(\d+)", moved, text)
    text = re.sub(r"(?m)^(data\s*=\s*).*$", r"\g<1>" + str(folder / "data"), text)
    if user:
        server += f"user = {user}\n"
    text = text.replace("[server]\n", "[server]\n" + server)
    if tls:
        lines = f"tls_certificate = {tls[0]}\ntls_key = {tls[1]}\n"
        text = re.sub(r"(?m)^(\[endpoint [^]]*\]\n)", r"\g<1>" + lines, text)
    path = folder / source
    path.write_text(text + extra)
    return path, ports


class Server:
    """A running `hink serve`; `args` are what follows the word serve."""

    def __init__(self, args, admin=None, env=None, folder=None, preload=None):
        self.folder = folder
        self.admin = admin
        self.log_path = pathlib.Path(folder or tempfile.mkdtemp()) / "hink.log"
        environment = dict(os.environ, HINK_ACCESS_KEY=ACCESS_KEY, HINK_SECRET_KEY=SECRET_KEY)
        environment.update(env or {})
        if preload:
            environment["LD_PRELOAD"] = preload
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen([hink_binary(), "serve", *map(str, args)],
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            env=environment)
        if admin:
            self.wait_ready()

    def wait_ready(self, seconds=30):
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise RuntimeError(f"hink ended with {self.process.returncode}:\n{self.log()}")
            try:
                with urllib.request.urlopen(f"http://{self.admin}/healthz/ready", timeout=5) as r:
                    if r.status == 200:
                        return
            except OSError:
                time.sleep(0.01)
        raise RuntimeError("hink did not become ready:\n" + self.log())

    def metric(self, name):
        """The value of a metric without labels."""
        with urllib.request.urlopen(f"http://{self.admin}/metrics", timeout=5) as answer:
            for line in answer.read().decode().splitlines():
                if line.startswith(name + " "):
                    return float(line.split()[1])
        raise KeyError(name)

    def log(self):
        return self.log_path.read_text(errors="replace")

    def stop(self, how=signal.SIGTERM, seconds=30):
        if self.process.poll() is None:
            self.process.send_signal(how)
        return self.process.wait(seconds)

    def rss_bytes(self):
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+) kB", status).group(1)) * 1024


class Zone(Server):
    """One of the page's zones, from its shipped configuration, on free ports."""

    def __init__(self, folder, source="europe-se-1a.conf", extra="", tls=None, user=None, server="",
                 **more):
        folder = pathlib.Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        self.config, self.ports = zone_config(source, folder, extra, tls, user, server)
        shift = {"europe-se-1a.conf": ("9000", "9001", "9090", "5000"),
                 "europe-se-1b.conf": ("9010", "9011", "9091", "5010")}[source]
        self.endpoint = "http://127.0.0.1:" + self.ports[shift[0]]
        self.endpoint_rep = "http://127.0.0.1:" + self.ports[shift[1]]
        self.keystone = "http://127.0.0.1:" + self.ports[shift[3]] + "/v3"
        super().__init__(["--config", self.config], admin="127.0.0.1:" + self.ports[shift[2]],
                         folder=folder, **more)


class Bare(Server):
    """`hink serve --data DIR`, without a configuration file."""

    def __init__(self, folder, args=(), **more):
        folder = pathlib.Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        self.port = free_port()
        admin = f"127.0.0.1:{free_port()}"
        self.endpoint = f"http://127.0.0.1:{self.port}"
        super().__init__(["--data", folder / "data", "--listen", f"127.0.0.1:{self.port}",
                          "--admin-listen", admin, *args], admin=admin, folder=folder, **more)


def wrong_in(*where):
    """What `hink check` finds in a store that is not served; an empty text: nothing."""
    done = subprocess.run([hink_binary(), "check", *map(str, where)], stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=300)
    return "" if done.returncode == 0 and done.stdout == "nothing is wrong\n" \
        else done.stdout + done.stderr
