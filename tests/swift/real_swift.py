"""OpenStack Swift itself, from Debian's packages, with one device and one copy, on loopback.

What hink is compared with. Needs the packages swift-proxy, swift-account, swift-container,
swift-object and memcached, and a temporary directory on a file system with user xattrs.
"""
import os
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request

SERVERS = ("account", "container", "object", "proxy")

# user -> (key, groups), as hink's side of the comparison has them too.
USERS = {
    "test:tester": ("testing", ".admin"),
    "test:tester3": ("testing3", ""),
    "test2:tester2": ("testing2", ".admin"),
    "admin:admin": ("admin", ".admin .reseller_admin"),
}

PIPELINE = ("catch_errors gatekeeper healthcheck cache listing_formats bulk tempurl formpost "
            "tempauth staticweb copy container-quotas account-quotas slo dlo versioned_writes "
            "symlink proxy-server")

PROXY = """[DEFAULT]
bind_ip = 127.0.0.1
bind_port = {port}
swift_dir = {folder}
workers = 0
user = {user}
log_address = {folder}/no-socket

[pipeline:main]
pipeline = {pipeline}

[app:proxy-server]
use = egg:swift#proxy
account_autocreate = true
allow_account_management = true

[filter:tempauth]
use = egg:swift#tempauth
{users}

[filter:cache]
use = egg:swift#memcache
memcache_servers = 127.0.0.1:{memcache}

[filter:versioned_writes]
use = egg:swift#versioned_writes
allow_versioned_writes = true
allow_object_versioning = true

[filter:tempurl]
use = egg:swift#tempurl
allowed_digests = sha1 sha256 sha512

[filter:slo]
use = egg:swift#slo
rate_limit_after_segment = 1000

[filter:staticweb]
use = egg:swift#staticweb
"""

BACKEND = """[DEFAULT]
bind_ip = 127.0.0.1
bind_port = {port}
swift_dir = {folder}
devices = {folder}/devices
mount_check = false
workers = 0
user = {user}
log_address = {folder}/no-socket

[pipeline:main]
pipeline = {kind}-server

[app:{kind}-server]
use = egg:swift#{kind}
"""

CONFIGURATION = """[swift-hash]
swift_hash_path_suffix = differential
swift_hash_path_prefix = differential

[storage-policy:0]
name = gold
default = yes

[storage-policy:1]
name = silver
"""

# The packaged programs read /etc/swift/swift.conf, wherever their own configuration lies.
LAUNCH = """
import sys
from swift.common import constraints, storage_policy, utils
utils.SWIFT_CONF_FILE = sys.argv[1]
constraints.reload_constraints()
storage_policy.reload_storage_policies()
utils.validate_hash_conf()
from swift.common.wsgi import run_wsgi
sys.exit(run_wsgi(sys.argv[2], sys.argv[3]))
"""


def is_installed():
    """Whether the packages are there."""
    programs = [f"swift-{kind}-server" for kind in SERVERS] + ["swift-ring-builder", "memcached"]
    return all(shutil.which(program) for program in programs)


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


class RealSwift:
    """A running Swift; `url` leads to its proxy."""

    def __init__(self, folder):
        self.folder = str(folder)
        self.processes = []
        self.ports = {kind: free_port() for kind in SERVERS}
        self.url = f"http://127.0.0.1:{self.ports['proxy']}"
        os.makedirs(os.path.join(self.folder, "devices", "d1"))
        self._configure()
        self._start()

    def _write(self, name, text):
        with open(os.path.join(self.folder, name), "w", encoding="utf-8") as out:
            out.write(text)

    def _configure(self):
        self.memcache = free_port()
        self._write("swift.conf", CONFIGURATION)
        facts = {"folder": self.folder, "user": os.environ.get("USER", "root")}
        for kind in ("account", "container", "object"):
            self._write(f"{kind}.conf", BACKEND.format(kind=kind, port=self.ports[kind], **facts))
            self._build_ring(kind, kind)
        self._build_ring("object-1", "object")
        users = "\n".join(f"user_{name.replace(':', '_')} = {key} {groups}"
                          for name, (key, groups) in USERS.items())
        extra = "".join(f"\n[filter:{name}]\nuse = egg:swift#{name.replace('-', '_')}\n"
                        for name in ("catch_errors", "gatekeeper", "healthcheck", "listing_formats",
                                     "bulk", "formpost", "copy", "container-quotas",
                                     "account-quotas", "dlo", "symlink"))
        self._write("proxy.conf", PROXY.format(port=self.ports["proxy"], memcache=self.memcache,
                                               pipeline=PIPELINE, users=users, **facts) + extra)

    def _build_ring(self, name, kind):
        builder = os.path.join(self.folder, f"{name}.builder")
        for words in (("create", "2", "1", "1"),
                      ("add", f"r1z1-127.0.0.1:{self.ports[kind]}/d1", "1"), ("rebalance",)):
            subprocess.run(["swift-ring-builder", builder, *words], check=True,
                           stdout=subprocess.DEVNULL)

    def _start(self):
        self._spawn("memcached", "-l", "127.0.0.1", "-p", str(self.memcache), "-u", "root")
        for kind in SERVERS:
            self._spawn("/usr/bin/python3", "-c", LAUNCH, os.path.join(self.folder, "swift.conf"),
                        os.path.join(self.folder, f"{kind}.conf"), f"{kind}-server")
        deadline = time.monotonic() + 60
        while not self._answers():
            if time.monotonic() > deadline:
                raise RuntimeError("Swift does not come up:\n" + self.log())
            time.sleep(0.2)

    def _spawn(self, *command):
        log = open(os.path.join(self.folder, "log"), "ab")
        self.processes.append(subprocess.Popen(command, stdout=log, stderr=log))
        log.close()

    def _answers(self):
        return all(self._answers_at(port) for port in self.ports.values())

    @staticmethod
    def _answers_at(port):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthcheck", timeout=5):
                return True
        except urllib.error.HTTPError:
            return True
        except (urllib.error.URLError, OSError):
            return False

    def log(self):
        with open(os.path.join(self.folder, "log"), encoding="utf-8", errors="replace") as lines:
            return lines.read()

    def stop(self):
        """Ends the processes that it started."""
        for process in reversed(self.processes):
            process.terminate()
        for process in self.processes:
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
