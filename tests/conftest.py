"""What all tests share: hypothesis draws the same examples in every run; how tests share out the cores."""

import subprocess
import sys

import pytest
from hypothesis import settings

settings.register_profile("same", derandomize=True, database=None)
settings.load_profile("same")

# These use every core themselves and hold students' cells to a wall time: one after the other, never two at once.
# They take minutes and begin first: none is left for the end, when another core would have nothing to do.
EVERY_CORE = ("tests/labs/test_storm_night.py", "tests/test_demo.py")
LONGEST = (*EVERY_CORE, "tests/labs/test_tour.py")

# What many tests open, made once a machine; whoever came second would otherwise make it again beside the first.
MADE_ONCE = (
    "from twin_sandbox.generate import build_district; build_district()",
    "from twin_sandbox.engines.drainage.compiled import compile_kernels; compile_kernels()",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest files first, everything else as it was found."""
    place = {file: number for number, file in enumerate(LONGEST)}
    items.sort(key=lambda item: place.get(item.nodeid.partition("::")[0], len(place)))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> object:
    """Side by side (``-n 2``), a file stays whole on one core, so that its fixtures are made once."""
    from xdist.scheduler import LoadFileScheduling

    class Files(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file = super()._split_scope(nodeid)
            return "on every core" if file in EVERY_CORE else file

    config.option.loadscopereorder = False
    return Files(config, log)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_setupnodes() -> None:
    """Before tests run side by side, make what they would all make."""
    making = [subprocess.Popen([sys.executable, "-W", "ignore", "-c", text]) for text in MADE_ONCE]
    for process in making:
        process.wait()
