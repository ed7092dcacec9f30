"""A course's folder: nbgrader's own, with the roster, the keys and every student's reality beside it.

course.toml  roster.csv  nbgrader_config.py  gradebook.db
source/ release/ submitted/ autograded/ feedback/ exchange/     as nbgrader knows them
labs/<lab>/                     the released lab with its answer key, as it was at release
keys/course.key, journal.key    0600; whoever has them has the course
truth/<student>/<lab>.json      0600 (<lab>.drawn.json before the first grading)
bundles/<student>/<lab>/        what that student gets
attempts/<lab>/<student>/<n>/   a copy of each hand-in, as it was graded
journal/<lab>/<student>/        one durable record a graded submission
grading.toml                    attempts, due dates and lateness, where the course has rules of its own
"""

import os
import re
import secrets
import shutil
import tomllib
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from grader import gradebook
from grader.cohort import durable
from grader.cohort.roster import Student, read_roster, roster_text
from grader.errors import GraderError
from grader.workshop.lab import Lab, load_lab
from grader.workshop.notebook import CODE_STUB, TEXT_STUB, write_source_notebook

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")


@dataclass(frozen=True)
class Course:
    """One course.

    Args:
        root: its folder.
        id: the course's id; part of every derivation.
        name: in words.
        practice: a throw-away course of one machine: what it grades is practice and never certifies.
    """

    root: Path
    id: str
    name: str
    practice: bool = False

    @property
    def course_key(self) -> Path:
        """The key that derives every student's reality."""
        return self.root / "keys" / "course.key"

    @property
    def journal_key(self) -> Path:
        """The key that names and seals the journal's records."""
        return self.root / "keys" / "journal.key"

    def students(self) -> list[Student]:
        """The roster, in its order."""
        return read_roster(self.root / "roster.csv")

    def student(self, student_id: str) -> Student:
        """The student of that id.

        Raises:
            GraderError: the roster does not have them.
        """
        for student in self.students():
            if student.id == student_id:
                return student
        raise GraderError(
            f"{self.root / 'roster.csv'}", f"no student {student_id!r}", then="Add a line for them, then try again."
        )

    def lab(self, lab_id: str) -> Lab:
        """A released lab, as it was when it was released.

        Raises:
            GraderError: the course has not released it.
        """
        folder = self.root / "labs" / lab_id
        if not (folder / "lab.toml").is_file():
            known = ", ".join(self.released()) or "none"
            raise GraderError(
                f"{self.root}, {lab_id}",
                "is not released here",
                f"Released: {known}.",
                f"Release it: practicum lab release {lab_id} --course {self.root}",
            )
        return load_lab(folder)

    def released(self) -> list[str]:
        """Ids of the labs that the course has released."""
        return sorted(path.parent.name for path in (self.root / "labs").glob("*/lab.toml"))

    def release_notebook(self, lab_id: str) -> Path:
        """What students are given."""
        return self.root / "release" / lab_id / f"{lab_id}.ipynb"

    def submitted(self, student_id: str, lab_id: str) -> Path:
        """What a student handed in."""
        return self.root / "submitted" / student_id / lab_id / f"{lab_id}.ipynb"

    def autograded(self, student_id: str, lab_id: str) -> Path:
        """The graded notebook, for the formgrader."""
        return self.root / "autograded" / student_id / lab_id / f"{lab_id}.ipynb"

    def feedback(self, student_id: str, lab_id: str) -> Path:
        """The page a student reads."""
        return self.root / "feedback" / student_id / lab_id / f"{lab_id}.html"

    def truth(self, student_id: str, lab_id: str, attempt: int = 1) -> Path:
        """A student's hidden reality, with the hidden inputs of an attempt."""
        later = f".attempt-{attempt}" if attempt > 1 else ""
        return self.root / "truth" / student_id / f"{lab_id}{later}.json"

    def drawn(self, student_id: str, lab_id: str) -> Path:
        """A student's hidden reality as far as their bundle needs it: before the first grading."""
        return self.root / "truth" / student_id / f"{lab_id}.drawn.json"

    def bundle(self, student_id: str, lab_id: str) -> Path:
        """A student's own data, as the course gave it."""
        return self.root / "bundles" / student_id / lab_id

    def attempts(self, student_id: str, lab_id: str) -> Path:
        """Copies of a student's hand-ins."""
        return self.root / "attempts" / lab_id / student_id

    def journal(self, lab_id: str) -> Path:
        """Records of graded submissions of a lab."""
        return self.root / "journal" / lab_id


def create_course(
    root: Path, students: Sequence[Student], *, course_id: str = "", name: str = "", practice: bool = False
) -> Course:
    """Make a course: its folder, its roster, its keys, nbgrader's settings.

    Raises:
        GraderError: the folder holds something already, or cannot be written.
    """
    course_id = course_id or re.sub(r"[^A-Za-z0-9_-]+", "-", root.absolute().name).strip("-") or "course"
    if not _ID.fullmatch(course_id):
        raise GraderError("course id", repr(course_id), "Letters, digits, _ and -, at most 64.")
    name = name.replace("\n", " ")
    if any(unicodedata.category(sign) in ("Cc", "Cs") for sign in name):
        raise GraderError("course name", repr(name), "Text without control characters.")
    if root.exists() and (not root.is_dir() or any(root.iterdir())):
        then = "Choose a new folder; a course is never written over."
        raise GraderError(str(root), "is not empty" if root.is_dir() else "is a file", then=then)
    durable.make_folder(root, 0o700)
    for folder in ("source", "release", "submitted", "autograded", "feedback", "labs", "exchange"):
        durable.make_folder(root / folder)
    for folder in ("keys", "truth", "bundles", "journal"):
        durable.make_folder(root / folder, 0o700)
    for key in ("course.key", "journal.key"):
        durable.write(root / "keys" / key, secrets.token_hex(32).encode(), 0o600)
    durable.write(root / "roster.csv", roster_text(students).encode())
    gradebook.write_config(root, course_id, CODE_STUB, TEXT_STUB)
    facts = f"id = {_toml(course_id)}\nname = {_toml(name or course_id)}\npractice = {str(practice).lower()}\n"
    durable.write(root / "course.toml", facts.encode())
    return open_course(root)


def open_course(root: Path) -> Course:
    """The course in a folder.

    Raises:
        GraderError: the folder holds none, or its keys are open to others.
    """
    path = root / "course.toml"
    try:
        facts = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        then = f"Make one: practicum cohort init {root} --lab storm_night --sample 9"
        raise GraderError(str(root), "is no course (no course.toml)", then=then) from error
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise GraderError(str(path), f"cannot be read: {error}") from error
    course = Course(root.resolve(), str(facts.get("id", "")), str(facts.get("name", "")), bool(facts.get("practice")))
    if not _ID.fullmatch(course.id):
        raise GraderError(f"{path}, id", repr(course.id), "Letters, digits, _ and -, at most 64.")
    for key in (course.course_key, course.journal_key):
        _refuse_open_key(key)
    return course


def release_lab(course: Course, lab: Lab) -> Path:
    """Release a lab to a course: keep the lab as it is now, make nbgrader's notebooks, enter its cells.

    Raises:
        GraderError: the lesson is malformed, or nbgrader refuses.
    """
    try:
        return _release(course, lab)
    except OSError as error:
        raise durable.refusal(course.root, error) from error


def _release(course: Course, lab: Lab) -> Path:
    write_source_notebook(lab, course.root / "source")
    kept = course.root / "labs" / lab.id
    if kept.resolve() != lab.folder.resolve():
        fresh = kept.with_name(f".{lab.id}.new")
        shutil.rmtree(fresh, ignore_errors=True)
        shutil.copytree(lab.folder, fresh, ignore=shutil.ignore_patterns("__pycache__"))
        fresh.chmod(0o700)
        shutil.rmtree(kept, ignore_errors=True)
        fresh.rename(kept)
    path = gradebook.release(course.root, lab.id)
    gradebook.enter_students(course.root, [_gradebook_facts(student) for student in course.students()])
    return path


def _gradebook_facts(student: Student) -> dict[str, str]:
    first, _, last = student.name.partition(" ")
    return {"id": student.id, "first_name": first, "last_name": last, "email": student.email}


def _refuse_open_key(key: Path) -> None:
    try:
        facts = key.stat()
    except FileNotFoundError as error:
        then = "Restore it from the course's backup: without it nobody's reality can be derived again."
        raise GraderError(str(key), "is missing", then=then) from error
    if facts.st_mode & 0o077 and os.name == "posix":
        raise GraderError(
            str(key), f"is open to others (mode {facts.st_mode & 0o777:o})", "Mode 600.", f"chmod 600 {key}"
        )


def _toml(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
