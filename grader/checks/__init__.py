"""The kinds of check that a lab's answer key is written with, and the verdicts they give."""

from grader.checks.controller import controller
from grader.checks.decision import decision
from grader.checks.function import function
from grader.checks.number import number
from grader.checks.record import field, record
from grader.checks.series import series
from grader.checks.skill import skill_steps
from grader.checks.table import table
from grader.checks.tolerance import absolute, relative
from grader.checks.verdict import Verdict

__all__ = [
    "Verdict",
    "absolute",
    "controller",
    "decision",
    "field",
    "function",
    "number",
    "record",
    "relative",
    "series",
    "skill_steps",
    "table",
]
