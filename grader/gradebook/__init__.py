"""nbgrader's part: the release of a lab, the gradebook, its flags for a person's work, the formgrader.

The only package that imports nbgrader. That import takes seconds and no first result waits for it: whatever a
command may need at once imports it inside functions.
"""

from grader.gradebook.book import CONFIG, DATABASE, BookError, place, template_folders, write_config
from grader.gradebook.deadlines import deadlines, enter_deadlines
from grader.gradebook.grades import Grades, Line, enter_grades, enter_person_score, lines
from grader.gradebook.releasing import enter_students, release

__all__ = [
    "CONFIG",
    "DATABASE",
    "BookError",
    "Grades",
    "Line",
    "deadlines",
    "enter_deadlines",
    "enter_grades",
    "enter_person_score",
    "enter_students",
    "lines",
    "place",
    "read_points",
    "release",
    "template_folders",
    "write_config",
]


def __getattr__(name: str) -> object:
    # nbgrader's settings name the class, and to define it nbgrader must be imported
    if name in ("SandboxedGrading", "read_points"):
        from grader.gradebook import preprocessor

        return getattr(preprocessor, name)
    raise AttributeError(name)
