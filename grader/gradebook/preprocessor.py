"""Where nbgrader would run a submission in a plain kernel, the sandbox does; and nbgrader's own reading of points."""

import logging
import subprocess
import sys
from pathlib import Path
from typing import Any

import nbformat
from nbgrader import utils
from nbgrader.preprocessors import NbGraderPreprocessor


class SandboxedGrading(NbGraderPreprocessor):  # type: ignore[misc]  # nbgrader publishes no types
    """Stands where nbgrader would run a submission in a plain kernel."""

    def preprocess(self, nb: Any, resources: Any) -> tuple[Any, Any]:  # noqa: ANN401, ARG002 - nbgrader's signature
        """The notebook that ``practicum grade`` has made of this submission."""
        about = resources["nbgrader"]
        student, assignment = str(about["student"]), str(about["assignment"])
        course = Path.cwd()  # nbgrader works in the course's folder
        call = "from grader.cli import main; main()"
        graded = course / "autograded" / student / assignment / f"{assignment}.ipynb"
        # nbgrader has put the bare submission there: check cells without outputs would count as full points
        graded.unlink(missing_ok=True)
        command = ["grade", assignment, "--course", str(course), "--student", student, "--json"]
        ran = subprocess.run([sys.executable, "-c", call, *command], capture_output=True, text=True, check=False)
        if ran.returncode:
            raise RuntimeError(ran.stderr.strip() or "practicum grade failed")
        return nbformat.read(graded, as_version=4), resources  # type: ignore[no-untyped-call]


def read_points(notebook: Path, log: logging.Logger) -> dict[str, float | None]:
    """The points that stock nbgrader reads from a graded notebook's outputs, by grade cell."""
    cells = nbformat.read(notebook, as_version=4).cells  # type: ignore[no-untyped-call]  # nbformat types some of itself
    return {
        str(cell.metadata.nbgrader.grade_id): utils.determine_grade(cell, log)[0]
        for cell in cells
        if utils.is_grade(cell)
    }
