"""A hink for comparisons with Swift: one region with the policies gold and silver, and its users."""
import json
import pathlib
import subprocess
import sys

import requests

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "s3"))

from exchange import Service  # noqa: E402
from hinkserver import Server, free_port, hink_binary  # noqa: E402

PASSWORD = "correct horse battery"

# user of a scenario -> (user, role, project) here. TempAuth's users without groups may nothing in
# their account, which here is to have no role in it.
USERS = {
    "test:tester": ("tester", "member", "test"),
    "test:tester3": ("tester3", "member", "elsewhere"),
    "test2:tester2": ("tester2", "member", "test2"),
    "admin:admin": ("admin", "admin", "test"),
}

CONFIGURATION = """[server]
zone = differential
data = {folder}/data
admin_listen = 127.0.0.1:{admin}
keystone_listen = 127.0.0.1:{keystone}

[policy gold]
copies = 1

[policy silver]
copies = 1

[region swift]
policies = gold, silver
default_policy = gold

[endpoint swift]
region = swift
listen = 127.0.0.1:{port}
"""


class SwiftZone(Server):
    """A running hink with these users; `service` asks it."""

    def __init__(self, folder):
        folder = pathlib.Path(folder)
        ports = {name: free_port() for name in ("admin", "keystone", "port")}
        self.config = folder / "hink.conf"
        self.config.write_text(CONFIGURATION.format(folder=folder, **ports))
        super().__init__(["--config", self.config], admin=f"127.0.0.1:{ports['admin']}",
                         folder=folder)
        self.endpoint = f"http://127.0.0.1:{ports['port']}"
        self.keystone = f"http://127.0.0.1:{ports['keystone']}/v3"
        self._make_users()
        self.service = Service(self.endpoint, "/v1", {
            letter: "AUTH_" + json.loads(self.hink("project", "show", project, "--json"))["id"]
            for letter, project in (("A", "test"), ("B", "test2"))}, self.login)

    def hink(self, *words, typed=""):
        done = subprocess.run([hink_binary(), *words, "--config", str(self.config)],
                              input=typed + "\n", stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stdout
        return done.stdout

    def _make_users(self):
        for project in ("test", "test2", "elsewhere"):
            self.hink("project", "create", project)
        for user, role, project in USERS.values():
            if user == "admin":
                self.hink("user", "password", user, typed=PASSWORD)
            else:
                self.hink("user", "create", user, "--password", typed=PASSWORD)
            self.hink("role", "grant", role, "--user", user, "--project", project)

    def login(self, name):
        user, _, project = USERS[name]
        who = {"name": user, "domain": {"name": "default"}, "password": PASSWORD}
        scope = {"project": {"name": project, "domain": {"id": "default"}}}
        auth = {"identity": {"methods": ["password"], "password": {"user": who}}, "scope": scope}
        answer = requests.post(self.keystone + "/auth/tokens", json={"auth": auth}, timeout=30)
        assert answer.status_code == 201, answer.text
        return answer.headers["X-Subject-Token"]
