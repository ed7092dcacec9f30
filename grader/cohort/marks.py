"""Marks as files that other programs read, and back from a table that a person has edited."""

import csv
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import astuple, fields
from pathlib import Path

from grader.cohort import durable
from grader.errors import GraderError
from grader.gradebook.marks import Mark

COLUMNS = tuple(field.name for field in fields(Mark))
NEEDED = ("student", "assignment", "task", "points")
_SHOWN = 20
# A spreadsheet takes text that begins so for a formula, and runs it.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def write_marks(path: Path, marks: Sequence[Mark]) -> None:
    """Write marks as CSV or Parquet, by the name's ending.

    Raises:
        GraderError: another ending, or the file cannot be written.
    """
    if path.suffix == ".csv":
        durable.write(path, csv_bytes(marks))
    elif path.suffix == ".parquet":
        durable.write(path, _parquet_bytes(marks))
    else:
        raise GraderError(str(path), f"ends in {path.suffix or 'nothing'}", "A name that ends in .csv or .parquet.")


def csv_bytes(marks: Sequence[Mark]) -> bytes:
    """Marks as CSV in UTF-8 with its mark, as spreadsheets want it; no text in it begins a formula."""
    sheet = io.StringIO(newline="")
    table = csv.writer(sheet)
    table.writerow(COLUMNS)
    table.writerows([_guarded(value) for value in astuple(mark)] for mark in marks)
    return sheet.getvalue().encode("utf-8-sig")


def read_marks(path: Path, known: Sequence[Mark]) -> dict[tuple[str, str, str], float]:
    """Points by student, assignment and task, from a CSV file with at least the columns of :data:`NEEDED`.

    A row without points is left out: it still waits.

    Args:
        path: the file.
        known: every mark of the course.

    Raises:
        GraderError: any row that cannot be; all such rows are named, and nothing is given.
    """
    lines, columns = _table(path)
    most = {(mark.student, mark.assignment, mark.task): mark.max_points for mark in known}
    students, tasks = {mark.student for mark in known}, {(mark.assignment, mark.task) for mark in known}
    found: dict[tuple[str, str, str], float] = {}
    first: dict[tuple[str, str, str], int] = {}
    wrong: list[str] = []
    for number, line in lines:
        if len(line) != len(columns):
            wrong.append(f"line {number}: {len(line)} columns, {len(columns)} in the head")
            continue
        row = {name: _bare(value) for name, value in zip(columns, line, strict=True)}
        key = (row["student"], row["assignment"], row["task"])
        problem = _unknown(key, most, students, tasks) or _twice(key, first, number)
        if not problem and row["points"]:
            problem = _no_points(row["points"], most[key])
        if problem:
            wrong.append(f"line {number}: {problem}")
        elif row["points"]:
            found[key] = float(row["points"])
    if wrong:
        told = "; ".join(wrong[:_SHOWN]) + (f"; and {len(wrong) - _SHOWN} more" if len(wrong) > _SHOWN else "")
        raise GraderError(str(path), told, then="Nothing was changed. Mend these lines, then import the file again.")
    return found


def _table(path: Path) -> tuple[list[tuple[int, list[str]]], list[str]]:
    if not path.is_file():
        raise GraderError(str(path), "is no file", "A CSV file in UTF-8.")
    try:
        text = path.read_text(encoding="utf-8-sig")
        table = csv.reader(io.StringIO(text, newline=""), strict=True)
        lines = [(table.line_num, line) for line in table if any(cell.strip() for cell in line)]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise GraderError(str(path), f"cannot be read: {error}", "A CSV file in UTF-8.") from error
    columns = [cell.strip() for cell in lines[0][1]] if lines else []
    missing = [name for name in NEEDED if columns.count(name) != 1]
    if missing:
        allowed = f"A first line that names each of {', '.join(NEEDED)} once."
        raise GraderError(f"{path}, line 1", f"{', '.join(missing)} missing or twice", allowed)
    return lines[1:], columns


def _unknown(
    key: tuple[str, str, str],
    most: Mapping[tuple[str, str, str], float],
    students: set[str],
    tasks: set[tuple[str, str]],
) -> str:
    student, assignment, task = key
    if key in most:
        return ""
    if student not in students:
        return f"student {student!r} has no submission in the gradebook"
    if (assignment, task) not in tasks:
        names = sorted(name for lab, name in tasks if lab == assignment)
        allowed = f"tasks of {assignment}: {', '.join(names)}" if names else f"no assignment {assignment!r}"
        return f"no task {task!r} ({allowed})"
    return f"{student!r} has handed in no {assignment!r}"


def _twice(key: tuple[str, str, str], first: dict[tuple[str, str, str], int], number: int) -> str:
    before = first.setdefault(key, number)
    return "" if before == number else f"{', '.join(key)} stands in line {before} already"


def _no_points(text: str, most: float) -> str:
    try:
        points = float(text)
    except ValueError:
        points = math.nan
    within = math.isfinite(points) and 0.0 <= points <= most and "_" not in text
    return "" if within else f"points {text!r}, a number from 0 to {most:g} is allowed"


def _guarded(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return repr(value)
    text = str(value)
    return f"'{text}" if text.startswith(_FORMULA) else text


def _bare(text: str) -> str:
    text = text.strip()
    return text[1:] if text.startswith("'") and text[1:].startswith(_FORMULA) else text


def _parquet_bytes(marks: Sequence[Mark]) -> bytes:
    import pyarrow as pa
    from pyarrow import parquet

    kinds = {"points": pa.float64(), "max_points": pa.float64(), "extra_points": pa.float64()}
    schema = pa.schema([(name, kinds.get(name, pa.string())) for name in COLUMNS])
    sink = io.BytesIO()
    rows = [dict(zip(COLUMNS, astuple(mark), strict=True)) for mark in marks]
    parquet.write_table(pa.Table.from_pylist(rows, schema=schema), sink)
    return sink.getvalue()
