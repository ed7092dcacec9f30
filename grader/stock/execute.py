"""The engine inside ``nbgrader autograde``: stands where nbgrader would run a submission in a plain kernel.

One line in a course's ``nbgrader_config.py``::

    c.Autograde.autograde_preprocessors = [
        "grader.stock.execute.SandboxedExecute",
        "nbgrader.preprocessors.SaveAutoGrades",
        "nbgrader.preprocessors.AssignLatePenalties",
        "nbgrader.preprocessors.CheckCellMetadata",
    ]
"""

import atexit
from functools import cache
from pathlib import Path
from typing import Any

import nbformat
from nbconvert.preprocessors import Preprocessor
from traitlets import Bool

from grader.cohort.submission import cell_marks
from grader.stock.course import open_stock_course
from grader.stock.grading import StockAssignment


class SandboxedExecute(Preprocessor):
    """Gives nbgrader the notebook as this engine graded it: each test cell ends with its points as a plain number."""

    enabled = Bool(default_value=True).tag(config=True)

    def preprocess(self, nb: Any, resources: Any) -> tuple[Any, Any]:  # noqa: ANN401 - nbconvert's signature
        """The graded notebook; what ``nb`` says of the submission is not used, but nbgrader's marks on its cells are.

        Raises:
            GraderError: grading cannot be done here.
        """
        about = resources["nbgrader"]
        root = str(self.config.get("CourseDirectory", {}).get("root") or Path.cwd())  # nbgrader works in the course
        body, _ = _ready(root, str(about["assignment"])).graded(str(about["student"]), str(about["notebook"]))
        marks = {cell_marks(cell).get("grade_id"): cell_marks(cell) for cell in nb["cells"]}
        for cell in body["cells"]:
            name = cell_marks(cell).get("grade_id")
            if name is not None and name in marks:
                cell["metadata"]["nbgrader"] = marks[name]  # with the checksum that tells an answer from none
        return nbformat.from_dict(body), resources  # type: ignore[no-untyped-call]  # nbformat types some of itself


@cache
def _ready(root: str, assignment: str) -> StockAssignment:
    """The assignment's tests, made ready once for all submissions of a run."""
    ready = StockAssignment(open_stock_course(Path(root)), assignment).__enter__()
    atexit.register(ready.__exit__, None, None, None)
    return ready
