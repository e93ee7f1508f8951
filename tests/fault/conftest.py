import os
import pathlib
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "s3"))


@pytest.fixture(scope="session")
def shim():
    """The library that shows what a power cut would leave; beside the binary under test."""
    binary = pathlib.Path(os.environ.get("HINK", ROOT / "build" / "hink")).resolve()
    library = binary.parent / "libpower_shim.so"
    assert library.exists(), f"{library} is not built"
    return library
