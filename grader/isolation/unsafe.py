"""No sandbox at all: student code runs as the user who grades, with their files and network, and nothing certifies.

For a machine that cannot isolate, and for work on trusted answers. What stays are processes of their own, limits of
each process, and the controller's clocks.
"""

import shutil
import tempfile
from dataclasses import replace
from pathlib import Path

from grader.isolation.fonts import font_list
from grader.isolation.job import Ground
from grader.isolation.plan import Plan
from grader.isolation.view import View, checkout, package_folders

NAME = "unsafe"


def missing() -> str:
    """It can always be tried."""
    return ""


def command(plan: Plan) -> list[str]:
    """The program as it is, with its own environment."""
    return ["/usr/bin/env", "-i", *(f"{name}={value}" for name, value in plan.view.environment.items()), *plan.program]


class Room:
    """A folder that stands for a sandbox's own: for what jobs write, and what a view shows inside."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="practicum-unsafe-"))

    def view(self, view: View, ground: Ground) -> View:
        """The view's environment with this machine's own paths; there are no others."""
        fonts = font_list()
        paths = [str(checkout()), *map(str, package_folders())]
        own = {
            "HOME": str(self.folder),
            "TMPDIR": str(self.folder),
            "IPYTHONDIR": str(self.folder / "ipython"),
            "MPLCONFIGDIR": str(self.folder / "matplotlib"),
            "PRACTICUM_FONTS": str(fonts.parent if fonts else self.folder),
            "PRACTICUM_CACHE": str(ground.district.absolute().parent.parent),
            "PYTHONPATH": ":".join(paths),
        }
        return replace(view, environment=view.environment | own)

    def lab(self, ground: Ground) -> str:
        """Where the checker finds the lab."""
        return str(ground.lab.absolute())

    def close(self) -> None:
        """Remove the folder."""
        shutil.rmtree(self.folder, ignore_errors=True)
