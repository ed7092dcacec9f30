"""The gradebook in SQLite and in PostgreSQL: the same answers, copies and marks; down and back, nothing lost."""

import csv
import io
import json
import os
import shutil
import sqlite3
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner
from sqlalchemy import Engine, event, inspect, text

from grader import gradebook
from grader.cli import practicum
from grader.cohort.course import Course, create_course, release_lab
from grader.cohort.marks import COLUMNS, csv_bytes, read_marks, write_marks
from grader.cohort.roster import Student
from grader.errors import GraderError
from grader.gradebook.book import open_book, read_config
from grader.gradebook.copies import back_up, restore
from grader.gradebook.indexes import INDEXES, add_indexes
from grader.gradebook.marks import Mark, enter_marks, marks
from tests.grader.formgrader_served import served
from tests.grader.full_course import build_course, fill_gradebook, score
from tests.grader.postgres import Postgres, running

STUDENTS, LABS = 30, 3


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    with running() as server:
        yield server


def use(course: Path, url: str) -> None:
    """Let a course's settings name another database."""
    path = course / gradebook.CONFIG
    lines = path.read_text(encoding="utf-8").splitlines()
    kept = [line for line in lines if "db_url" not in line]
    path.write_text("\n".join([*kept, f"c.CourseDirectory.db_url = {url!r}"]) + "\n", encoding="utf-8")


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def full(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A made-up course, its gradebook in one database or the other."""
    root = tmp_path_factory.mktemp(request.param) / "full"
    if request.param == "sqlite":
        return build_course(root, STUDENTS, LABS)
    url = request.getfixturevalue("postgres").url("full")
    build_course(root, STUDENTS, LABS)
    use(root, url)
    fill_gradebook(root, STUDENTS, LABS)
    return root


def both(full: Path) -> tuple[Any, Any]:
    """nbgrader's own answers, and ours."""
    from nbgrader.apps import NbGraderAPI
    from nbgrader.coursedir import CourseDirectory

    from grader.gradebook.formgrader.answers import Answers

    config = read_config(full)
    stock, quick = (kind(CourseDirectory(config=config), config=config) for kind in (NbGraderAPI, Answers))
    return stock, quick


@pytest.mark.parametrize(
    "ask",
    [
        lambda api: api.get_submissions("lab_00"),
        lambda api: api.get_students(),
        lambda api: [{k: v for k, v in row.items() if k != "max_task_score"} for row in api.get_assignments()],
        lambda api: api.get_notebook_submissions("lab_01", "lab_01"),
        lambda api: api.get_notebook_submission_indices("lab_01", "lab_01"),
        lambda api: api.get_student_submissions("sample-0003"),
        lambda api: api.get_submission("lab_02", "sample-0004"),
        lambda api: api.get_submission("lab_02", "sample-0005"),
        lambda api: api.get_submission("lab_02", "nobody"),
        lambda api: api.get_notebooks("lab_01"),
    ],
)
def test_quick_answers_are_nbgraders_own(full: Path, ask: Any, monkeypatch: pytest.MonkeyPatch):
    """Also of a submission that came again, one that lost its graded notebook, and one that nobody graded."""
    monkeypatch.chdir(full)
    newer = full / "submitted" / "sample-0004" / "lab_02" / "timestamp.txt"
    newer.write_text("2026-05-05 05:05:05.000000 UTC")
    shutil.rmtree(full / "autograded" / "sample-0005" / "lab_02", ignore_errors=True)
    (full / "submitted" / "stranger" / "lab_00").mkdir(parents=True, exist_ok=True)
    stock, quick = both(full)
    counted: list[str] = []
    event.listen(Engine, "before_cursor_execute", lambda *said: counted.append(said[2]))
    answer = ask(quick)
    selects = [one for one in counted if one.lstrip().upper().startswith("SELECT") and "FROM" in one]
    assert answer == ask(stock)
    assert len(selects) <= 25, "statements grow with the students"


def test_a_timestamp_that_is_none_holds_no_page_up(full: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(full)
    place = full / "submitted" / "sample-0006" / "lab_00" / "timestamp.txt"
    whole = place.read_text()
    _, quick = both(full)
    try:
        for spoil in (lambda: place.write_text("yesterday"), lambda: os.mkfifo(place)):
            place.unlink()
            spoil()
            rows = {row["student"]: row for row in quick.get_submissions("lab_00")}
            assert (len(rows) >= STUDENTS, rows["sample-0006"]["autograded"]) == (True, False)
    finally:
        place.unlink()
        place.write_text(whole)


def test_indexes_are_there_once_and_without_statistics(full: Path):
    with open_book(full) as book:
        for _ in range(2):
            add_indexes(book)
        found = inspect(book.engine)
        names = [one["name"] for table in found.get_table_names() for one in found.get_indexes(table)]
        assert sorted(name for name in names if name in INDEXES) == sorted(INDEXES)
        assert "sqlite_stat1" not in found.get_table_names()


def test_every_mark_is_there_and_sums_to_the_score(full: Path):
    found = marks(full)
    assert len(found) == STUDENTS * LABS * 9
    mine = [one for one in found if (one.student, one.assignment) == ("sample-0007", "lab_01")]
    assert sum(one.points or 0.0 for one in mine) == score(7, 1)
    assert {one.by for one in mine} <= {"machine", "person", ""}


def test_a_backup_brings_everything_back_into_either_database(full: Path, postgres: Postgres, tmp_path: Path):
    before = marks(full)
    count = back_up(full, tmp_path / "copy.db")
    assert (count, (tmp_path / "copy.db").stat().st_mode & 0o777) == (len(before), 0o600)
    assert list(tmp_path.iterdir()) == [tmp_path / "copy.db"]
    with pytest.raises(GraderError, match="exists already"):
        back_up(full, tmp_path / "copy.db")
    name = "again_" + ("sqlite" if (full / gradebook.DATABASE).stat().st_size and "sqlite" in str(full) else "pg")
    for number, url in enumerate((f"sqlite:///{tmp_path}/new.db", postgres.url(name))):
        other = tmp_path / f"other{number}"
        other.mkdir()
        shutil.copy(full / gradebook.CONFIG, other / gradebook.CONFIG)
        use(other, url)
        assert restore(tmp_path / "copy.db", other) == len(before)
        assert marks(other) == before
        with pytest.raises(GraderError, match="holds 90 submissions already"):
            restore(tmp_path / "copy.db", other)
        enter_marks(other, {("sample-0007", "lab_01", "essay_0"): 0.5})
        assert marks(other) != before
        restore(tmp_path / "copy.db", other, replace=True)
        assert marks(other) == before


SPOILT = {
    "no database": (b"[]" * 600, "no backup"),
    "another version": ("UPDATE alembic_version SET version_num = 'x'", "schema x"),
    "another course": ("UPDATE course SET id = 'other'", "course other"),
    "a score above": ("UPDATE grade SET auto_score = 2.5 WHERE auto_score = 2.0", "2.5"),
    "a score below": ("UPDATE grade SET manual_score = -1", "-1"),
    "no number": ("UPDATE grade SET auto_score = 'x' WHERE auto_score = 2.0", "'x'|no backup"),
    "no table": ("DROP TABLE grade", "no backup"),
}


@pytest.mark.parametrize("case", SPOILT)
def test_what_is_no_backup_changes_nothing(full: Path, tmp_path: Path, case: str):
    how, told = SPOILT[case]
    copy = tmp_path / "copy.db"
    if isinstance(how, bytes):
        copy.write_bytes(how)
    else:
        back_up(full, copy)
        with sqlite3.connect(copy) as connection:
            connection.execute(how)
        connection.close()
    before = marks(full)
    with pytest.raises(GraderError, match=told):
        restore(copy, full, replace=True)
    assert marks(full) == before


def test_an_export_that_comes_back_changes_nothing(full: Path, tmp_path: Path):
    before = marks(full)
    write_marks(tmp_path / "marks.csv", before)
    given = read_marks(tmp_path / "marks.csv", before)
    assert enter_marks(full, given) == 0
    assert marks(full) == before
    write_marks(tmp_path / "marks.parquet", before)
    table = pq.read_table(tmp_path / "marks.parquet")
    assert (table.column_names, table.num_rows, str(table.schema.field("points").type)) == (
        list(COLUMNS),
        len(before),
        "double",
    )
    assert table.column("points").null_count == sum(one.points is None for one in before) > 0
    with pytest.raises(GraderError, match=r"\.csv or \.parquet"):
        write_marks(tmp_path / "marks.xls", before)


def test_imported_points_are_a_persons(full: Path, tmp_path: Path):
    (tmp_path / "in.csv").write_text("task,student,assignment,points\nessay_0,sample-0008,lab_00,2.5\n")
    assert enter_marks(full, read_marks(tmp_path / "in.csv", marks(full))) == 1
    one = next(one for one in marks(full, "lab_00") if (one.student, one.task) == ("sample-0008", "essay_0"))
    assert (one.points, one.by) == (2.5, "person")


ROWS = {
    "nobody,lab_00,essay_0,1": "line 2: student 'nobody' has no submission",
    "sample-0001,lab_77,essay_0,1": "no assignment 'lab_77'",
    "sample-0001,lab_00,essay_9,1": "no task 'essay_9' \\(tasks of lab_00: check_0",
    "sample-0001,lab_00,essay_0,4.5": "points '4.5', a number from 0 to 4 is allowed",
    "sample-0001,lab_00,essay_0,-0.5": "from 0 to 4",
    "sample-0001,lab_00,essay_0,nan": "from 0 to 4",
    "sample-0001,lab_00,essay_0,inf": "from 0 to 4",
    "sample-0001,lab_00,essay_0,1_0": "from 0 to 4",
    "sample-0001,lab_00,essay_0,one": "from 0 to 4",
    "sample-0001,lab_00,essay_0,2,5": "line 2: 5 columns, 4 in the head",
    "sample-0001,lab_00,essay_0,1\nsample-0001,lab_00,essay_0,2": "line 3: .* stands in line 2 already",
    '"sample-0001': "cannot be read",
}


@pytest.mark.parametrize("row", ROWS)
def test_a_row_that_cannot_be_is_named_and_nothing_changes(full: Path, tmp_path: Path, row: str):
    before = marks(full)
    path = tmp_path / "in.csv"
    path.write_text(f"student,assignment,task,points\n{row}\nsample-0009,lab_00,essay_0,1\n")
    with pytest.raises(GraderError, match=ROWS[row]):
        enter_marks(full, read_marks(path, before))
    assert marks(full) == before


def test_a_file_without_the_columns_is_refused(tmp_path: Path):
    for head in ("student,task,points\n", "", "student,student,assignment,task,points\n"):
        (tmp_path / "in.csv").write_text(head)
        with pytest.raises(GraderError, match="missing or twice"):
            read_marks(tmp_path / "in.csv", [])
    (tmp_path / "in.csv").write_bytes(b"\xff\xfe")
    with pytest.raises(GraderError, match="cannot be read"):
        read_marks(tmp_path / "in.csv", [])


@pytest.mark.parametrize("score", [float("nan"), float("inf"), -0.5, 2.5, 1, True, "1"])
def test_points_that_are_no_plain_number_are_refused_at_the_book(full: Path, score: object):
    before = marks(full)
    with pytest.raises(GraderError, match="plain float from 0 to 2"):
        enter_marks(full, {("sample-0001", "lab_00", "check_0"): score})  # type: ignore[dict-item]
    assert marks(full) == before


@pytest.mark.parametrize("start", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", '=HYPERLINK("http://192.0.2.7")'])
def test_no_cell_of_an_export_is_a_formula(start: str):
    mark = Mark("ada", start, "lab", "note", 1.0, 4.0, "person", comment=start)
    rows = list(csv.reader(io.StringIO(csv_bytes([mark]).decode("utf-8-sig"), newline="")))
    assert [cell for row in rows for cell in row if cell.startswith(("=", "+", "-", "@", "\t", "\r"))] == []
    kept = Mark("ada", "Ada", "lab", "-note", 1.0, 4.0, "person")
    assert b"'-note" in csv_bytes([kept, replace(kept, task="x")])


@pytest.fixture(params=["sqlite", "postgresql"])
def own(request: pytest.FixtureRequest, tmp_path: Path, tiny_lab: Any) -> Course:
    """A real course of two, with the tiny lab."""
    course = create_course(tmp_path / "quay", [Student("ada", "Ada"), Student("ben", "Ben")])
    if request.param == "postgresql":
        use(course.root, request.getfixturevalue("postgres").url("own_" + os.urandom(4).hex()))
    release_lab(course, tiny_lab)
    return course


def test_grades_are_entered_all_or_none(own: Course):
    good = gradebook.Grades("ada", {"check_total": 1.5, "check_doubled": 3.0}, frozenset({"note"}))
    bad = gradebook.Grades("ben", {"check_total": 2.5})
    with pytest.raises(GraderError, match="ben, check_total"):
        gradebook.enter_grades(own.root, "tiny_lab", [good, bad])
    assert gradebook.lines(own.root, "tiny_lab") == []
    gradebook.enter_grades(own.root, "tiny_lab", [good, replace(bad, scores={"check_total": 0.0})])
    gradebook.enter_person_score(own.root, "tiny_lab", "ada", "note", 3.5)
    found = {line.student: (line.score, line.waits) for line in gradebook.lines(own.root, "tiny_lab")}
    assert found == {"ada": (8.0, False), "ben": (0.0, True)}
    with pytest.raises(GraderError, match="from 0 to 4"):
        gradebook.enter_person_score(own.root, "tiny_lab", "ada", "note", 4.5)


def test_a_database_that_is_down_is_told_and_filled_when_it_is_back(postgres: Postgres, tmp_path: Path, tiny_lab: Any):
    course = create_course(tmp_path / "quay", [Student("ada", "Ada")])
    use(course.root, postgres.url("down"))
    release_lab(course, tiny_lab)
    grades = [gradebook.Grades("ada", {"check_total": 1.5})]
    postgres.stop()
    try:
        with pytest.raises(gradebook.BookError, match="Nothing that is graded is lost") as refusal:
            gradebook.enter_grades(course.root, "tiny_lab", grades)
        assert "practicum:***@127.0.0.1" in str(refusal.value)
        assert "Connection refused" in str(refusal.value)
        told = CliRunner().invoke(practicum, ["cohort", "marks", "export", "x.csv", "--course", str(course.root)])
        assert isinstance(told.exception, gradebook.BookError)
    finally:
        postgres.start()
    gradebook.enter_grades(course.root, "tiny_lab", grades)
    assert [line.score for line in gradebook.lines(course.root, "tiny_lab")] == [1.5]


def test_the_formgrader_goes_on_when_its_database_is_back(postgres: Postgres, tmp_path: Path):
    root = tmp_path / "full"
    url = postgres.url("pages")
    build_course(root, 3, 1)
    use(root, url)
    fill_gradebook(root, 3, 1)
    state = tmp_path / "state"
    state.mkdir()
    with served(root, state) as server:

        def ask(path: str) -> tuple[int, str]:
            address = f"http://127.0.0.1:{server.port}/formgrader/{path}"
            told = {"Authorization": f"token {server.token}"}
            request = urllib.request.Request(address, headers=told)
            try:
                with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
                    return answer.status, answer.read().decode()
            except urllib.error.HTTPError as refusal:
                with refusal:
                    return refusal.code, refusal.read().decode()

        assert ask("api/students")[0] == 200
        postgres.stop()
        try:
            for path in ("api/students", "api/grades?submission_id=x", "submissions/x/"):
                code, said = ask(path)
                assert (code, "gradebook cannot be used" in said) == (503, True), (path, said)
        finally:
            postgres.start()
        code, said = ask("api/students")
        assert (code, len(json.loads(said))) == (200, 3)
        assert ask("manage_submissions/a%3Cb")[0] == 404


def test_a_database_that_goes_away_in_the_middle_has_all_or_nothing(
    postgres: Postgres, tmp_path: Path, tiny_lab: Any, monkeypatch: pytest.MonkeyPatch
):
    course = create_course(tmp_path / "quay", [Student("ada", "Ada")])
    use(course.root, postgres.url("middle"))
    release_lab(course, tiny_lab)
    real = gradebook.grades._Sheet.enter

    def cut(self: Any, submission: Any, one: gradebook.Grades) -> None:
        real(self, submission, one)
        self.book.db.flush()
        kill = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        kill += " WHERE pid <> pg_backend_pid() AND datname = 'middle'"
        with self.book.engine.connect() as other:
            other.execute(text(kill))

    monkeypatch.setattr(gradebook.grades._Sheet, "enter", cut)
    with pytest.raises(gradebook.BookError, match="Nothing that is graded is lost"):
        gradebook.enter_grades(course.root, "tiny_lab", [gradebook.Grades("ada", {"check_total": 1.5})])
    monkeypatch.undo()
    assert gradebook.lines(course.root, "tiny_lab") == []


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("no url", "is no database URL"),
        ("postgresql+nothing://u:secret@h/d", "cannot be opened"),
        ("postgresql+pg8000://u:secret@h/d", "psycopg2"),
        ("sqlite:////nowhere/at/all.db", "unable to open"),
    ],
)
def test_a_url_that_leads_nowhere_is_told_without_its_password(own: Course, url: str, told: str):
    use(own.root, url)
    with pytest.raises(GraderError, match=told) as refusal:
        marks(own.root)
    assert "secret" not in str(refusal.value)


def test_a_read_only_gradebook_is_told_and_whole(tmp_path: Path, tiny_lab: Any):
    course = create_course(tmp_path / "quay", [Student("ada", "Ada")])
    release_lab(course, tiny_lab)
    use(course.root, f"sqlite:///file:{course.root / gradebook.DATABASE}?mode=ro&uri=true")
    with pytest.raises(gradebook.BookError, match=r"readonly.*Nothing that is graded is lost"):
        gradebook.enter_grades(course.root, "tiny_lab", [gradebook.Grades("ada", {"check_total": 1.5})])
    assert gradebook.lines(course.root, "tiny_lab") == []


def test_the_commands_of_an_instructors_day(own: Course, tmp_path: Path):
    gradebook.enter_grades(own.root, "tiny_lab", [gradebook.Grades("ada", {"check_total": 1.5}, frozenset({"note"}))])

    def say(*words: str) -> str:
        done = CliRunner().invoke(
            practicum, ["cohort", "marks", *words, "--course", str(own.root)], catch_exceptions=False
        )
        assert done.exit_code == 0, done.output
        return done.output

    file, copy = tmp_path / "m.csv", tmp_path / "copy.db"
    assert "3 marks of 1 students" in say("export", str(file), "--lab", "tiny_lab")
    file.write_text(file.read_text(encoding="utf-8-sig").replace(",note,,", ",note,3.5,"), encoding="utf-8")
    assert "3 marks" in say("backup", str(copy))
    assert "1 marks changed, 1 were there" in say("import", str(file))
    assert gradebook.lines(own.root, "tiny_lab")[0].score == 5.0
    assert "3 marks" in say("restore", str(copy), "--replace")
    assert gradebook.lines(own.root, "tiny_lab")[0].score == 1.5
