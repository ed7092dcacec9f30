"""Who is in a course: ``roster.csv``, one line a student."""

import csv
import io
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from grader.errors import GraderError

COLUMNS = ("id", "name", "email", "sample", "reality")
# An id names folders and nbgrader's exchange files.
_ID = re.compile(r"\w[\w.@-]{0,63}")


@dataclass(frozen=True)
class Student:
    """One line of the roster.

    Args:
        id: names the account that hands in, and folders.
        name: as it will stand on a certificate.
        sample: made up, for the demo and for tests.
        reality: what their hidden reality is derived from; stays when the id changes.
    """

    id: str
    name: str
    email: str = ""
    sample: bool = False
    reality: str = ""

    @property
    def derived_from(self) -> str:
        """The name that goes into the derivation of this student's secrets."""
        return self.reality or self.id


def sample_students(count: int) -> list[Student]:
    """``count`` made-up students, marked as samples."""
    if not 1 <= count <= 1000:
        raise GraderError("--sample", str(count), "From 1 to 1000 students.")
    width = max(2, len(str(count)))
    return [Student(f"sample-{n:0{width}d}", f"Sample Student {n}", sample=True) for n in range(1, count + 1)]


def read_roster(path: Path) -> list[Student]:
    """The students of a roster, in its order.

    Raises:
        GraderError: the file cannot be read, lacks a column, or an id is malformed or stands twice.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError as error:
        raise GraderError(str(path), "not found", f"A CSV file with the columns {', '.join(COLUMNS[:3])}.") from error
    except (OSError, UnicodeDecodeError) as error:
        raise GraderError(str(path), f"cannot be read: {error}", "A CSV file in UTF-8.") from error
    rows = csv.DictReader(io.StringIO(text))
    lacking = [column for column in ("id", "name") if column not in (rows.fieldnames or [])]
    if lacking:
        raise GraderError(str(path), f"lacks the column {', '.join(lacking)}", "Its first line names the columns.")
    students: list[Student] = []
    seen: dict[str, int] = {}
    realities: dict[str, int] = {}
    for row in rows:
        student = _student(f"{path}, line {rows.line_num}", row)
        folded = look(student.id)
        if folded in seen:
            told = f"the id {student.id!r} stands in line {seen[folded]} already"
            raise GraderError(f"{path}, line {rows.line_num}", told, "Each student has an id of their own.")
        seen[folded] = rows.line_num
        source = look(student.derived_from)
        if source in realities:
            told = f"the reality {student.derived_from!r} is that of line {realities[source]}"
            raise GraderError(f"{path}, line {rows.line_num}", told, "Each student has a reality of their own.")
        realities[source] = rows.line_num
        students.append(student)
    if not students:
        raise GraderError(str(path), "names no student", "One line a student below the line of columns.")
    return students


def look(student_id: str) -> str:
    """What an id looks like: the same for ids that differ in case, width or Unicode form alone."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", student_id).casefold())


def roster_text(students: Sequence[Student]) -> str:
    """The roster as a file's text."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    for one in students:
        writer.writerow([one.id, one.name, one.email, "yes" if one.sample else "", one.reality])
    return out.getvalue()


def _student(where: str, row: dict[str, str | None]) -> Student:
    facts = {name: unicodedata.normalize("NFC", (row.get(name) or "").strip()) for name in COLUMNS}
    if not _ID.fullmatch(facts["id"]):
        raise GraderError(where, f"the id {facts['id']!r}", "Letters, digits, _ . @ and -, a letter or digit first.")
    if facts["reality"] and not _ID.fullmatch(facts["reality"]):
        raise GraderError(f"{where}, reality", repr(facts["reality"]), "The id that this student had before.")
    if not facts["name"]:
        raise GraderError(where, f"{facts['id']} has no name", "The name that stands on a certificate.")
    sample = facts["sample"].lower() in ("yes", "true", "1")
    return Student(facts["id"], facts["name"], facts["email"], sample, facts["reality"])
