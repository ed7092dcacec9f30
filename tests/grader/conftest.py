"""The tiny lab: two sums that need no twin, so that tests of the workshop and of grading take seconds."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from grader.workshop.lab import Lab, load_lab
from tests.grader.isolation_runs import close_pools

FIXTURES = Path(__file__).parent / "fixtures"


@pytest.fixture(scope="module", autouse=True)
def _no_pool_left() -> Iterator[None]:
    """Pools stay warm for the tests of one file."""
    yield
    close_pools()


@pytest.fixture(scope="session")
def tiny_lab() -> Lab:
    """The tiny lab where it lies; not to be written to."""
    return load_lab(FIXTURES / "tiny_lab")


@pytest.fixture
def own_tiny_lab(tmp_path: Path) -> Lab:
    """A copy of the tiny lab that a test may change."""
    folder = tmp_path / "labs" / "sensing" / "tiny_lab"
    shutil.copytree(FIXTURES / "tiny_lab", folder)
    return load_lab(folder)
