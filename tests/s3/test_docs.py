"""The commands in docs/s3/*.md do what the pages say: each page's blocks are run as they stand."""
import pathlib
import re
import sys

import pytest

from hinkserver import Bare

PAGES = sorted((pathlib.Path(__file__).resolve().parents[2] / "docs" / "s3").glob("*.md"))
BIN = pathlib.Path(sys.executable).parent


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    one = Bare(tmp_path_factory.mktemp("docs"))
    yield one
    assert one.stop() == 0, one.log()


def blocks(page, language):
    return "".join(re.findall(rf"^```{language}\n(.*?)^```$", page.read_text(), re.M | re.S))


def test_there_are_pages():
    assert len(PAGES) >= 8


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_examples(run, server, tmp_path, page):
    env = {"AWS_ENDPOINT_URL": server.endpoint, "PATH": f"{BIN}:/usr/bin:/bin"}
    script, program = blocks(page, "sh"), blocks(page, "python")
    assert script or program
    # `!` lines must fail: bash does not stop at one that does not.
    strict = re.sub(r"^! (.*(?:\\\n.*)*)$", r"if \1; then exit 9; fi", script, flags=re.M)
    run("bash", "-euo", "pipefail", "-c", strict, env=env, cwd=tmp_path)
    run(sys.executable, "-c", program, env=env, cwd=tmp_path)
