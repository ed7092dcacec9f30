"""Why an answer could not be had.

Each is a sentence for the student; :mod:`grader.isolation.answers` gives them to checks::

    AnswerFailure
    ├── Missing        the name is not defined
    ├── Unreadable     the answer is there, but has no value that can be checked
    │   └── CallFailed the student's function did not return a value
    └── Gone           the student's process is no longer there
"""

from typing import Literal

Failure = Literal["raised", "timed out", "died", "unreadable"]

_FAILURES: dict[Failure, str] = {
    "raised": "it stopped with an error. Call it yourself with a few inputs of the kind the task describes",
    "timed out": "it did not return in time. Look for a loop that cannot end, or work that can be done once, outside",
    "died": "it ended the whole process. Remove calls such as exit(), and arrays far larger than the task needs",
    "unreadable": "it returned something that cannot be read as a value. Return a number, a list, a dict or a table",
}


class AnswerFailure(Exception):  # noqa: N818 - the names below say what happened, not that it is an error
    """An answer that cannot be had; the text is for the student and quotes nothing of theirs or ours."""


class Missing(AnswerFailure):
    """The name is not defined; the text is the name."""

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(name)


class Unreadable(AnswerFailure):
    """There is an answer, but it has no value that a check can look at."""


class CallFailed(Unreadable):
    """The student's function returned no value; only the class of failure is known, never its text."""

    def __init__(self, name: str, kind: Failure) -> None:
        self.name, self.kind = name, kind
        super().__init__(f"{name} was called, but {_FAILURES[kind]}.")


class Gone(AnswerFailure):
    """The process that held the answers is no longer there."""
