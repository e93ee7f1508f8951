"""Starts a real Keystone out of Debian's packages for a test: sqlite, a free port, stopped by its pid."""
import os
import pathlib
import shutil
import sqlite3
import subprocess
import time
import urllib.request

from hinkserver import free_port

PASSWORD = "adminpw"


def keystone_is_here():
    return bool(shutil.which("keystone-manage") and shutil.which("keystone-wsgi-public"))


class Keystone:
    """A Keystone with its user admin, as `keystone-manage bootstrap` makes it."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}/v3"
        self.process = None
        for name in ("log", "fernet-keys", "credential-keys"):
            (self.folder / name).mkdir(parents=True, mode=0o700)
        (self.folder / "keystone.conf").write_text(f"""[DEFAULT]
log_dir = {self.folder}/log
public_endpoint = http://127.0.0.1:{self.port}
[database]
connection = sqlite:///{self.folder}/keystone.db
[token]
provider = fernet
[fernet_tokens]
key_repository = {self.folder}/fernet-keys
[credential]
key_repository = {self.folder}/credential-keys
[cache]
enabled = false
""")
        user = str(os.geteuid()), str(os.getegid())
        self.manage("db_sync")
        for what in ("fernet_setup", "credential_setup"):
            self.manage(what, "--keystone-user", user[0], "--keystone-group", user[1])
        self.manage("bootstrap", "--bootstrap-password", PASSWORD, "--bootstrap-region-id",
                    "RegionOne", *(word for kind in ("admin", "internal", "public")
                                   for word in (f"--bootstrap-{kind}-url", self.url)))
        # Without it Keystone's own readers make some of its writes fail.
        sqlite3.connect(self.folder / "keystone.db").execute("pragma journal_mode=wal")
        self.start()

    def environment(self):
        return dict(os.environ, OS_KEYSTONE_CONFIG_DIR=str(self.folder) + "/")

    def manage(self, *words):
        subprocess.run(["keystone-manage", "--config-file", self.folder / "keystone.conf", *words],
                       env=self.environment(), check=True, timeout=300, stdout=subprocess.PIPE,
                       stderr=subprocess.STDOUT)

    def start(self):
        with open(self.folder / "log" / "server.log", "ab") as log:
            self.process = subprocess.Popen(
                ["keystone-wsgi-public", "--host", "127.0.0.1", "--port", str(self.port)],
                env=self.environment(), stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        deadline = time.monotonic() + 60
        while True:
            try:
                with urllib.request.urlopen(self.url, timeout=5) as answer:
                    if answer.status == 200:
                        return
            except OSError:
                if time.monotonic() > deadline or self.process.poll() is not None:
                    raise
            time.sleep(0.1)

    def stop(self):
        if self.process is not None:
            self.process.terminate()
            self.process.wait(timeout=30)
            self.process = None
