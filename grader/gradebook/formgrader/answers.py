"""What the formgrader's pages ask for, in a few statements a page however many students there are.

Each answer is the one that nbgrader's own ``NbGraderAPI`` gives; a test compares them.
"""

from datetime import datetime
from pathlib import Path
from typing import Any

from nbgrader.apps import NbGraderAPI
from nbgrader.utils import as_timezone, to_numeric_tz

from grader.cohort.submission import read_timestamp
from grader.gradebook.formgrader import totals
from grader.gradebook.formgrader.totals import ASSIGNMENT, KINDS, NOTEBOOK, STUDENT, submitted_notebooks

_SCORES = tuple(f"{sign}{kind}score" for kind in KINDS for sign in ("", "max_"))
_WHO = ("student", "first_name", "last_name")
Row = dict[str, Any]


class Answers(NbGraderAPI):  # type: ignore[misc]  # nbgrader publishes no types
    """nbgrader's answers, asked of the database all at once."""

    def get_submitted_timestamp(self, assignment_id: str, student_id: str) -> datetime | None:
        """When a submission was handed in, in UTC; a timestamp that says no time, or is no file, is none."""
        folder = self._folder(self.coursedir.submitted_directory, student_id, assignment_id)
        root = Path(self.coursedir.root)
        if not folder.is_relative_to(root):
            return None
        time = read_timestamp(root, folder)
        return time.replace(tzinfo=None) if time else None

    def get_submissions(self, assignment_id: str) -> list[Row]:
        """Every submission of an assignment, graded or not."""
        with self.gradebook as book:
            graded = _by_submission(submitted_notebooks(book.db, ASSIGNMENT.c.name == assignment_id))
            names = {row["id"]: row for row in totals.table(book.db, STUDENT)}
        submitted = self.get_submitted_students(assignment_id)
        waiting = {name for name in submitted if not self._is_current(graded.get((assignment_id, name)))}
        rows = [self._graded(row) for (_, student), row in graded.items() if student not in waiting]
        rows += [self._ungraded(assignment_id, name, names.get(name), submitted=True) for name in waiting]
        return sorted(rows, key=lambda row: str(row["student"]))

    def get_submission(
        self, assignment_id: str, student_id: str, ungraded: object = None, students: object = None
    ) -> Row:
        """One student's submission of an assignment."""
        del ungraded, students  # what nbgrader passes to save itself statements
        return self._of_student(student_id, [assignment_id])[0]

    def get_student_submissions(self, student_id: str) -> list[Row]:
        """One student's submissions of every assignment."""
        return self._of_student(student_id, sorted(self.get_source_assignments()))

    def get_assignments(self) -> list[Row]:
        """Every assignment with its averages."""
        with self.gradebook as book:
            known = {str(row["name"]): row for row in totals.table(book.db, ASSIGNMENT)}
            points = totals.points_by(book.db, ASSIGNMENT.c.id)
            most = totals.most_by_assignment(book.db)
            handed_in = totals.submissions_by_assignment(book.db)
        released = self.get_released_assignments()
        rows = []
        for name in self.get_source_assignments():
            entry = known.get(name, {"id": None, "duedate": None})
            number = handed_in.get(str(entry["id"]), 0)
            sums, full = points.get(str(entry["id"]), {}), most.get(str(entry["id"]), {})
            row = {"id": entry["id"], "name": name, "num_submissions": len(self.get_submitted_students(name))}
            row |= {f"average_{kind}score": sums.get(f"{kind}score", 0.0) / (number or 1) for kind in KINDS}
            row |= {f"max_{kind}score": full.get(f"max_{kind}score", 0.0) for kind in KINDS}
            rows.append(row | self._due(entry["duedate"]) | self._release(name, released))
        return sorted(rows, key=lambda row: (row["duedate"] or "None", row["name"]))

    def get_students(self) -> list[Row]:
        """Every student with their points in all."""
        with self.gradebook as book:
            known = {str(row["id"]): row for row in totals.table(book.db, STUDENT)}
            points = totals.points_by(book.db, STUDENT.c.id)
            full = sum(row["max_score"] for row in totals.most_by_assignment(book.db).values())
        blank = dict.fromkeys(("first_name", "last_name", "email", "lms_user_id"))
        rows = [
            row | {"score": points.get(name, {}).get("score", 0.0), "max_score": full} for name, row in known.items()
        ]
        rows += [
            {"id": name, **blank, "score": 0.0, "max_score": 0.0}
            for name in self.get_submitted_students("*") - set(known)
        ]
        return sorted(rows, key=lambda row: (row["last_name"] or "None", row["first_name"] or "None", row["id"]))

    def get_notebook_submissions(self, assignment_id: str, notebook_id: str) -> list[Row]:
        """Every submission of a notebook that there is a graded notebook of, with its place in the row."""
        rows = self._notebooks(assignment_id, notebook_id)
        names = ("id", "name", *_WHO, *_SCORES, "needs_manual_grade", "failed_tests", "flagged")
        return [{name: row[name] for name in names} | {"index": index} for index, row in enumerate(rows)]

    def get_notebook_submission_indices(self, assignment_id: str, notebook_id: str) -> dict[str, int]:
        """The place of each submission of a notebook in the row."""
        return {row["id"]: index for index, row in enumerate(self._notebooks(assignment_id, notebook_id))}

    def failed(self, assignment_id: str, notebook_id: str) -> set[str]:
        """Submissions of a notebook with a test that failed."""
        return {row["id"] for row in self._notebooks(assignment_id, notebook_id) if row["failed_tests"]}

    def _notebooks(self, assignment_id: str, notebook_id: str) -> list[Row]:
        with self.gradebook as book:
            rows = submitted_notebooks(book.db, ASSIGNMENT.c.name == assignment_id, NOTEBOOK.c.name == notebook_id)
        place = self.coursedir.autograded_directory
        there = [
            row
            for row in rows
            if (self._folder(place, row["student"], assignment_id) / f"{notebook_id}.ipynb").exists()
        ]
        return sorted(there, key=lambda row: str(row["id"]))

    def _of_student(self, student_id: str, assignments: list[str]) -> list[Row]:
        with self.gradebook as book:
            graded = _by_submission(submitted_notebooks(book.db, STUDENT.c.id == student_id))
            name = next((row for row in totals.table(book.db, STUDENT) if row["id"] == student_id), None)
        rows = []
        for assignment in assignments:
            row = graded.get((assignment, student_id))
            submitted = self._folder(self.coursedir.submitted_directory, student_id, assignment).is_dir()
            if row is not None and self._is_current(row):
                rows.append(self._graded(row))
            else:
                rows.append(self._ungraded(assignment, student_id, name, submitted=submitted))
        return rows

    def _is_current(self, row: Row | None) -> bool:
        """Whether what was graded is what was handed in."""
        if row is None:
            return False
        folder = self._folder(self.coursedir.autograded_directory, row["student"], row["name"])
        return folder.is_dir() and self.get_submitted_timestamp(row["name"], row["student"]) == row["timestamp"]

    def _graded(self, row: Row) -> Row:
        time = row["timestamp"]
        return row | self._told(time) | {"autograded": True, "submitted": True}

    def _ungraded(self, assignment: str, student: str, name: Row | None, *, submitted: bool) -> Row:
        time = self.get_submitted_timestamp(assignment, student) if submitted else None
        row = {"id": None, "name": assignment, "student": student, **dict.fromkeys(_SCORES, 0.0)}
        row |= {part: name[part] if name else None for part in ("first_name", "last_name")}
        return row | self._told(time) | {"needs_manual_grade": False, "autograded": False, "submitted": submitted}

    def _told(self, time: datetime | None) -> Row:
        if time is None:
            return {"timestamp": None, "display_timestamp": None}
        shown = as_timezone(time, self.timezone).strftime(self.timestamp_format)
        return {"timestamp": time.isoformat(), "display_timestamp": shown}

    def _due(self, time: datetime | None) -> Row:
        due: Row = {"duedate": None, "display_duedate": None, "duedate_notimezone": None}
        if time is not None:
            local = as_timezone(time, self.timezone)
            due = {
                "duedate": time.isoformat(),
                "display_duedate": local.strftime(self.timestamp_format),
                "duedate_notimezone": local.replace(tzinfo=None).isoformat(),
            }
        return due | {"duedate_timezone": to_numeric_tz(self.timezone)}

    def _release(self, assignment: str, released: set[str]) -> Row:
        functional = bool(self.exchange_is_functional)
        source = self._folder(self.coursedir.source_directory, ".", assignment)
        release = self._folder(self.coursedir.release_directory, ".", assignment)
        return {
            "releaseable": functional,
            "status": "released" if functional and assignment in released else "draft",
            "source_path": str(source.relative_to(self.coursedir.root)),
            "release_path": str(release.relative_to(self.coursedir.root)) if release.exists() else None,
        }

    def _folder(self, kind: str, student: str, assignment: str) -> Path:
        return Path(self.coursedir.format_path(kind, student, assignment))


def _by_submission(rows: list[Row]) -> dict[tuple[str, str], Row]:
    """Submissions by assignment and student: the sum of their notebooks."""
    made: dict[tuple[str, str], Row] = {}
    for row in rows:
        key = (row["assignment"], row["student"])
        one = made.get(key)
        if one is None:
            made[key] = {"id": row["submission"], "name": row["assignment"], "timestamp": row["timestamp"]}
            made[key] |= {name: row[name] for name in (*_WHO, *_SCORES, "needs_manual_grade")}
        else:
            for name in _SCORES:
                one[name] += row[name]
            one["needs_manual_grade"] |= row["needs_manual_grade"]
    return made
