"""Every case of every file beside this one, a connection each; a server for each set of settings."""
import pathlib

import pytest

import wire
from hinkserver import Zone

HERE = pathlib.Path(__file__).resolve().parent
FILES = {path: wire.parse(path) for path in sorted(HERE.glob("*.txt"))}
CASES = [pytest.param(path, case, id=f"{path.stem}: {case.name}")
         for path, (_, cases) in FILES.items() for case in cases]


@pytest.fixture(scope="session")
def servers(tmp_path_factory):
    running = {}

    def server_for(settings):
        key = tuple(settings)
        if key not in running:
            sections = {}
            for setting in settings:
                section, _, line = setting.partition(" ")
                sections.setdefault(section, []).append(line)
            extra = "".join(f"\n[{section}]\n" + "\n".join(lines) + "\n"
                            for section, lines in sections.items())
            running[key] = Zone(tmp_path_factory.mktemp("wire"), extra=extra,
                                env={"HINK_BUCKETS": wire.BUCKET})
        return running[key]

    yield server_for
    for server in running.values():
        assert server.stop() == 0, server.log()


def test_no_file_is_empty():
    assert [path.name for path, (_, cases) in FILES.items() if not cases] == []


@pytest.mark.parametrize("path, case", CASES)
def test_wire(servers, path, case):
    server = servers(FILES[path][0])
    host, _, port = server.endpoint.removeprefix("http://").partition(":")
    wire.play(path, case, host, int(port))
    assert server.process.poll() is None, server.log()
