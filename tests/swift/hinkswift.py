"""A hink for comparisons with Swift: one region with the policies gold and silver, and its users."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "s3"))

from exchange import Service  # noqa: E402
from hinkserver import Server, free_port  # noqa: E402

# As real_swift.py has them.
USERS = {
    "test:tester": ("testing", ".admin"),
    "test:tester3": ("testing3",),
    "test2:tester2": ("testing2", ".admin"),
    "admin:admin": ("admin", ".admin", ".reseller_admin"),
}

CONFIGURATION = """[server]
zone = differential
data = {folder}/data
admin_listen = 127.0.0.1:{admin}

[tempauth]
enabled = on
{users}

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
        ports = {name: free_port() for name in ("admin", "port")}
        users = "\n".join(f"user = {name} {' '.join(words)}" for name, words in USERS.items())
        self.config = folder / "hink.conf"
        self.config.write_text(CONFIGURATION.format(folder=folder, users=users, **ports))
        super().__init__(["--config", self.config], admin=f"127.0.0.1:{ports['admin']}",
                         folder=folder)
        self.endpoint = f"http://127.0.0.1:{ports['port']}"
        self.service = Service(self.endpoint, "/v1", {"A": "AUTH_test", "B": "AUTH_test2"},
                               self.login)

    def login(self, name):
        answer = self.service.send("GET", "/auth/v1.0",
                                   {"X-Auth-User": name, "X-Auth-Key": USERS[name][0]})
        assert answer.status == 200, answer.body
        return answer.headers["x-auth-token"]
