"""A lost course key comes back from its backup; nothing is written over; ids that look alike are refused."""

import json
import shutil
import stat
import unicodedata
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from grader.cli.cohort import command as cohort
from grader.cohort import backup, custody
from grader.cohort.course import Course, create_course, open_course, release_lab
from grader.cohort.roster import read_roster, sample_students
from grader.errors import GraderError
from grader.workshop.lab import Lab
from twin_sandbox.errors import TwinError

PASSPHRASE = "five words on a slip"  # noqa: S105 - a made-up one


@pytest.fixture
def course(tmp_path: Path, tiny_lab: Lab) -> Course:
    course = create_course(tmp_path / "quay", sample_students(2))
    release_lab(course, tiny_lab)
    assert len(list(custody.prepare_all(course, tiny_lab.id, course.students()))) == 2
    return course


def run(*arguments: object) -> Result:
    return CliRunner().invoke(cohort, [str(argument) for argument in arguments])


def test_a_lost_course_comes_back_with_the_same_realities(course: Course, tiny_lab: Lab, tmp_path: Path):
    secret, kept = tmp_path / "passphrase", tmp_path / "away" / "quay.backup"
    secret.write_text(PASSPHRASE + "\n", encoding="utf-8")
    made = run("backup", kept, "--course", course.root, "--passphrase-file", secret)
    assert made.exit_code == 0, made.output
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    key = course.course_key.read_bytes()
    for form in (key, bytes.fromhex(key.decode()), b"sample-01"):
        assert form not in kept.read_bytes()
    before = {one.id: course.truth(one.id, tiny_lab.id).read_bytes() for one in course.students()}
    shutil.rmtree(course.root)

    back = run("restore", kept, "--course", course.root, "--passphrase-file", secret)
    assert back.exit_code == 0, back.output
    again = open_course(course.root)
    assert again.course_key.read_bytes() == key
    assert stat.S_IMODE(again.course_key.stat().st_mode) == 0o600
    release_lab(again, tiny_lab)
    assert len(list(custody.prepare_all(again, tiny_lab.id, again.students()))) == 2
    assert {one.id: again.truth(one.id, tiny_lab.id).read_bytes() for one in again.students()} == before
    assert (
        "2 bundles there keep their commitments"
        in run("restore", kept, "--course", course.root, "--passphrase-file", secret).output
    )


def test_a_bundle_of_another_key_breaks_its_commitment(course: Course, tmp_path: Path):
    kept = tmp_path / "quay.backup"
    assert backup.back_up(course, kept, PASSPHRASE) == 2
    manifest = course.bundle("sample-01", "tiny_lab") / "manifest.json"
    facts = json.loads(manifest.read_bytes())
    manifest.write_text(json.dumps(facts | {"commitment": "0" * 64}), encoding="utf-8")
    again, commitments = backup.restore(kept, course.root, PASSPHRASE)
    assert backup.kept(again, commitments) == (2, ["sample-01/tiny_lab"])


def test_a_lost_key_alone_comes_back_and_what_is_there_stays(course: Course, tmp_path: Path):
    kept = tmp_path / "quay.backup"
    backup.back_up(course, kept, PASSPHRASE)
    key = course.course_key.read_bytes()
    course.course_key.unlink()
    (course.root / "roster.csv").write_text("id,name\nada,Ada\n", encoding="utf-8")
    backup.restore(kept, course.root, PASSPHRASE)
    assert course.course_key.read_bytes() == key
    assert [student.id for student in course.students()] == ["ada"]


def test_wrong_ways_to_back_up_and_restore_are_refused_in_words(course: Course, tmp_path: Path):
    kept = tmp_path / "quay.backup"
    with pytest.raises(GraderError, match="is short"):
        backup.back_up(course, kept, "secret")
    backup.back_up(course, kept, PASSPHRASE)
    with pytest.raises(GraderError, match="never written over"):
        backup.back_up(course, kept, PASSPHRASE)
    with pytest.raises(GraderError, match="does not open"):
        backup.restore(kept, tmp_path / "new", "another passphrase")
    assert not (tmp_path / "new").exists()
    other = create_course(tmp_path / "other", sample_students(1))
    with pytest.raises(GraderError, match="differs from the backup"):
        backup.restore(kept, other.root, PASSPHRASE)
    with pytest.raises(GraderError, match="is no backup"):
        backup.restore(course.root / "roster.csv", tmp_path / "new", PASSPHRASE)
    with pytest.raises(GraderError, match="cannot be read"):
        backup.restore(tmp_path / "nothing", tmp_path / "new", PASSPHRASE)
    kept.write_bytes(kept.read_bytes()[:-1] + b"x")
    with pytest.raises(GraderError, match="does not open"):
        backup.restore(kept, tmp_path / "new", PASSPHRASE)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Zoé", unicodedata.normalize("NFD", "Zoé")),
        ("ada", "ADA"),
        ("ada", "ａｄａ"),
        ("s-ﬁ", "s-fi"),
        ("straße", "STRASSE"),
    ],
)
def test_ids_that_look_alike_are_refused(tmp_path: Path, one: str, other: str):
    path = tmp_path / "roster.csv"
    path.write_text(f"id,name\n{one},One\n{other},Other\n", encoding="utf-8")
    with pytest.raises(GraderError, match="line 2 already"):
        read_roster(path)


def test_two_students_never_share_a_reality(tmp_path: Path):
    path = tmp_path / "roster.csv"
    path.write_text("id,name,reality\nada,Ada,bob\nbob,Bob,\n", encoding="utf-8")
    with pytest.raises(GraderError, match="a reality of their own"):
        read_roster(path)


def test_refusals_are_sentences_with_one_full_stop_between():
    for kind in (GraderError, TwinError):
        assert str(kind("x", "is short.", "Three.", "Try again.")) == "x: is short. Three. Try again."
        assert str(kind("x", "is short", "Three", "Try again.")) == "x: is short. Three. Try again."
        assert str(kind("x", "is it?", then="Try again.")) == "x: is it? Try again."
        assert str(kind("x", "is short")) == "x: is short"
