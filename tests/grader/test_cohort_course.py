"""A course: its folder, its roster, its keys, its students' realities; a wrong one is refused in words."""

import errno
import json
import os
import stat
from pathlib import Path

import pytest

from grader.cohort import custody, durable
from grader.cohort.course import Course, create_course, open_course, release_lab
from grader.cohort.roster import Student, read_roster, roster_text, sample_students
from grader.errors import GraderError
from grader.workshop.lab import Lab


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory, tiny_lab: Lab) -> Course:
    course = create_course(tmp_path_factory.mktemp("courses") / "quay", sample_students(3), name="Quay 2026")
    release_lab(course, tiny_lab)
    return course


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_course_keeps_its_secrets_to_itself(course: Course):
    assert (mode(course.course_key), mode(course.journal_key)) == (0o600, 0o600)
    assert [mode(course.root / name) for name in (".", "keys", "truth", "bundles", "journal")] == [0o700] * 5
    assert len(bytes.fromhex(course.course_key.read_text(encoding="ascii"))) == 32
    assert course.course_key.read_bytes() != course.journal_key.read_bytes()


def test_a_course_is_found_again(course: Course):
    again = open_course(course.root)
    assert (again.id, again.name, again.practice) == ("quay", "Quay 2026", False)
    assert [student.id for student in again.students()] == ["sample-01", "sample-02", "sample-03"]
    assert all(student.sample for student in again.students())
    assert again.released() == ["tiny_lab"]
    assert again.lab("tiny_lab").digest() == course.lab("tiny_lab").digest()


def test_what_is_no_course_is_refused_in_words(course: Course, tmp_path: Path):
    with pytest.raises(GraderError, match="practicum cohort init"):
        open_course(tmp_path)
    with pytest.raises(GraderError, match="is not empty"):
        create_course(course.root, sample_students(1))
    with pytest.raises(GraderError, match="course id"):
        create_course(tmp_path / "new", sample_students(1), course_id="two words")
    with pytest.raises(GraderError, match="Released: tiny_lab"):
        course.lab("other_lab")
    with pytest.raises(GraderError, match="no student 'nobody'"):
        course.student("nobody")


def test_an_open_or_missing_key_is_refused(tmp_path: Path):
    course = create_course(tmp_path / "quay", sample_students(1))
    course.course_key.chmod(0o644)
    with pytest.raises(GraderError, match="chmod 600"):
        open_course(course.root)
    course.course_key.unlink()
    with pytest.raises(GraderError, match="backup"):
        open_course(course.root)


def test_each_students_reality_is_their_own_and_stays(course: Course):
    first, second, late = course.students()
    assert {one.id for one in custody.prepare_all(course, "tiny_lab", [first, second], jobs=2)} == {
        "sample-01",
        "sample-02",
    }
    rain = {one.id: json.loads(course.truth(one.id, "tiny_lab").read_bytes()) for one in (first, second)}
    assert rain["sample-01"] != rain["sample-02"]
    assert mode(course.truth("sample-01", "tiny_lab")) == 0o600
    given = json.loads((course.bundle("sample-01", "tiny_lab") / "rain.json").read_bytes())
    assert given == {"rain_mm": rain["sample-01"]["rain_mm"]}
    assert len(custody.commitment(course.bundle("sample-01", "tiny_lab"))) == 64
    # a late joiner moves nobody, and deriving again gives the same
    assert [one.id for one in custody.prepare_all(course, "tiny_lab", [first, second, late])] == ["sample-03"]
    assert json.loads(course.truth("sample-01", "tiny_lab").read_bytes()) == rain["sample-01"]
    assert list(custody.prepare_all(course, "tiny_lab", [first], afresh=True)) == [first]
    assert json.loads(course.truth("sample-01", "tiny_lab").read_bytes()) == rain["sample-01"]
    # nor does a changed id
    renamed = Student("ada", "Ada", reality="sample-01")
    assert list(custody.prepare_all(course, "tiny_lab", [renamed])) == [renamed]
    assert json.loads(course.truth("ada", "tiny_lab").read_bytes()) == rain["sample-01"]


def test_a_key_that_fails_is_told_without_the_truth(tmp_path: Path, own_tiny_lab: Lab):
    key = own_tiny_lab.key.read_text(encoding="utf-8")
    text = key.replace(
        'return {\n        "rain_mm"', 'raise ValueError(rain.random())\n    return {\n        "rain_mm"'
    )
    own_tiny_lab.key.write_text(text, encoding="utf-8")
    course = create_course(tmp_path / "quay", sample_students(1))
    (course.root / "labs").rmdir()
    (course.root / "labs").symlink_to(own_tiny_lab.folder.parent)
    with pytest.raises(GraderError) as refusal:
        list(custody.prepare_all(course, "tiny_lab", course.students()))
    assert "ValueError" in str(refusal.value)
    assert "0." not in str(refusal.value)


def test_a_bundle_that_is_not_there_is_refused_in_words(tmp_path: Path):
    with pytest.raises(GraderError, match="practicum cohort bundles"):
        custody.commitment(tmp_path)


def test_roster_round_trip(tmp_path: Path):
    students = [Student("ada", "Ada L"), Student("li.na@example.org", "李娜", "li.na@example.org", reality="7")]
    path = tmp_path / "roster.csv"
    path.write_text(roster_text(students), encoding="utf-8")
    assert read_roster(path) == students


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "lacks the column id, name"),
        ("id,email\nada,a@example.org\n", "lacks the column name"),
        ("id,name\n", "names no student"),
        ("id,name\n../x,Eve\n", "line 2"),
        ("id,name\n.hidden,Eve\n", "line 2"),
        ("id,name\na+b,Eve\n", "line 2"),
        ("id,name\nada,Ada\nADA,Ada\n", "line 2 already"),
        ("id,name\nada,\n", "has no name"),
    ],
)
def test_a_wrong_roster_is_refused_in_words(tmp_path: Path, text: str, told: str):
    path = tmp_path / "roster.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(GraderError) as refusal:
        read_roster(path)
    assert told in str(refusal.value)


def test_no_roster_and_absurd_numbers_of_samples_are_refused(tmp_path: Path):
    with pytest.raises(GraderError, match="not found"):
        read_roster(tmp_path / "roster.csv")
    with pytest.raises(GraderError, match="From 1 to 1000"):
        sample_students(0)


@pytest.mark.parametrize(
    ("number", "told"),
    [(errno.ENOSPC, "the disk is full"), (errno.EROFS, "read-only"), (errno.EIO, "cannot be written")],
)
def test_a_full_disk_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, told: str):
    path = tmp_path / "record.json"
    durable.write(path, b"before")

    def fails(*_: object) -> int:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "write", fails)
    with pytest.raises(GraderError, match=told):
        durable.write(path, b"after")
    assert path.read_bytes() == b"before"
    assert [entry.name for entry in tmp_path.iterdir()] == ["record.json"]


def test_a_full_disk_at_release_is_told(course: Course, tiny_lab: Lab, monkeypatch: pytest.MonkeyPatch):
    def fails(*_: object) -> None:
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr("grader.cohort.course.write_source_notebook", fails)
    with pytest.raises(GraderError, match="the disk is full"):
        release_lab(course, tiny_lab)


def test_a_folder_that_cannot_be_made_is_refused_in_words(tmp_path: Path):
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(GraderError, match="cannot be written"):
        durable.make_folder(tmp_path / "file" / "below")
