"""Whatever a student hands in: the answers' text is read, the rest is not used, and what is odd is said in words."""

import json
import os
from pathlib import Path

import pytest

from grader import gradebook
from grader.cohort.submission import MAX_FILE_BYTES, Lesson, Submission, read_lesson, read_submission, read_timestamp
from grader.errors import GraderError
from grader.workshop.bank import compose, read_bank
from grader.workshop.lab import Lab
from grader.workshop.notebook import CODE_STUB, TEXT_STUB, write_source_notebook


@pytest.fixture(scope="module")
def lesson(tmp_path_factory: pytest.TempPathFactory, tiny_lab: Lab) -> Lesson:
    root = tmp_path_factory.mktemp("release")
    gradebook.write_config(root, "quay", CODE_STUB, TEXT_STUB)
    write_source_notebook(tiny_lab, root / "source")
    return read_lesson(gradebook.release(root, "tiny_lab"), "tiny_lab")


@pytest.fixture
def notebook(lesson: Lesson, tiny_lab: Lab) -> dict:
    return compose(lesson.notebook, read_bank(tiny_lab)["right_plain"].answers)


def place(root: Path) -> Path:
    path = root / "submitted" / "ada" / "tiny_lab" / "tiny_lab.ipynb"
    path.parent.mkdir(parents=True)
    return path


def read(root: Path, lesson: Lesson, content: object) -> Submission:
    path = place(root)
    path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    return read_submission(root, path, lesson)


def cell(notebook: dict, name: str) -> dict:
    return next(cell for cell in notebook["cells"] if cell["id"] == name)


def kinds(submission: Submission) -> list[str]:
    return [finding.kind for finding in submission.findings]


def test_answers_are_read_and_what_is_blank_is_known(tmp_path: Path, lesson: Lesson, notebook: dict):
    submission = read(tmp_path, lesson, notebook)
    assert submission.answers["doubled"] == "def doubled(number):\n    return number + number"
    assert submission.blank == {"note"}
    assert submission.findings == ()


def test_only_solution_cells_are_grafted(tmp_path: Path, lesson: Lesson, notebook: dict):
    cell(notebook, "setup")["source"] = "rain_mm = [0]  # mine"
    cell(notebook, "check_total")["source"] = "print(2.0)  # mine"
    notebook["cells"].insert(0, {"cell_type": "code", "id": "new", "metadata": {}, "source": "mine = 1", "outputs": []})
    submission = read(tmp_path, lesson, notebook)
    grafted = lesson.graft(submission.answers)
    assert [one.id for one in grafted] == ["setup", "total", "between", "doubled", "submit"]
    assert "mine" not in "".join(one.source for one in grafted)
    assert "total_mm += depth" in "".join(one.source for one in grafted)


def test_a_missing_cell_counts_as_blank_and_is_said(tmp_path: Path, lesson: Lesson, notebook: dict):
    notebook["cells"] = [one for one in notebook["cells"] if one["id"] != "total"]
    submission = read(tmp_path, lesson, notebook)
    assert kinds(submission) == ["cell missing"]
    assert submission.blank == {"total", "note"}
    assert "YOUR CODE HERE" in lesson.graft(submission.answers)[1].source


def test_a_split_cell_is_run_whole_and_in_order(tmp_path: Path, lesson: Lesson, notebook: dict):
    first = cell(notebook, "total")
    second = json.loads(json.dumps(first)) | {"id": "other", "source": "total_mm += 1"}
    notebook["cells"].insert(notebook["cells"].index(first) + 1, second)
    submission = read(tmp_path, lesson, notebook)
    assert kinds(submission) == ["cell twice"]
    assert submission.answers["total"].endswith("total_mm += depth\ntotal_mm += 1")


def test_a_blank_copy_of_an_answer_cell_does_no_harm(tmp_path: Path, lesson: Lesson, notebook: dict):
    notebook["cells"].append(next(one for one in lesson.notebook["cells"] if one["id"] == "total"))
    submission = read(tmp_path, lesson, notebook)
    assert "YOUR CODE HERE" not in submission.answers["total"]


def test_a_cell_that_lost_its_marks_is_known_by_its_id(tmp_path: Path, lesson: Lesson, notebook: dict):
    cell(notebook, "total")["metadata"] = {}
    assert read(tmp_path, lesson, notebook).answers["total"].startswith("total_mm = 0")


def test_a_foreign_schema_version_is_said_and_not_used(tmp_path: Path, lesson: Lesson, notebook: dict):
    cell(notebook, "total")["metadata"]["nbgrader"]["schema_version"] = 99
    submission = read(tmp_path, lesson, notebook)
    assert kinds(submission) == ["foreign schema version"]
    assert submission.answers["total"].startswith("total_mm = 0")


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"", "not JSON"),
        (b"PK\x03\x04 not a notebook", "not JSON"),
        (b"[" * 200_000, "not JSON"),
        (b"[1, 2]", "no notebook"),
        (b'{"worksheets": []}', "no notebook"),
        (b'{"cells": "none"}', "no notebook"),
        (b'{"cells": [], "metadata": {"practicum": {"lab": "storm_night"}}}', "another lab"),
        (b'{"cells": [{"cell_type": "code", "source": "1"}, 7, null]}', "another lab"),
    ],
)
def test_what_is_no_notebook_of_this_lab_is_refused_in_words(tmp_path: Path, lesson: Lesson, content: bytes, kind: str):
    submission = read(tmp_path, lesson, content)
    assert (submission.readable, kinds(submission)) == (False, [kind])
    assert (
        "hand it in again" in submission.findings[0].detail or "Hand in the notebook" in submission.findings[0].detail
    )


def test_odd_shapes_in_the_file_are_survived(tmp_path: Path, lesson: Lesson, notebook: dict):
    cell(notebook, "total")["source"] = ["total_mm = 1\n", 7, None, "# \ud800"]
    cell(notebook, "doubled")["source"] = {"not": "text"}
    notebook["cells"].append({"cell_type": "code", "metadata": {"nbgrader": {"grade_id": ["total"]}}, "source": "x"})
    notebook["metadata"] = []
    submission = read(tmp_path, lesson, notebook)
    assert submission.answers["total"] == "total_mm = 1\n# ?"
    assert submission.readable


def test_a_huge_file_is_refused_before_it_is_read(tmp_path: Path, lesson: Lesson):
    path = place(tmp_path)
    with path.open("wb") as file:
        file.truncate(MAX_FILE_BYTES + 1)
    assert kinds(read_submission(tmp_path, path, lesson)) == ["too large"]


def test_links_fifos_and_folders_are_not_read(tmp_path: Path, lesson: Lesson, notebook: dict):
    secret = tmp_path / "secret.ipynb"
    secret.write_text(json.dumps(notebook), encoding="utf-8")
    path = place(tmp_path)
    path.symlink_to(secret)
    assert kinds(read_submission(tmp_path, path, lesson)) == ["not a file"]
    path.unlink()
    os.mkfifo(path)
    assert kinds(read_submission(tmp_path, path, lesson)) == ["not a file"]
    path.unlink()
    path.mkdir()
    assert kinds(read_submission(tmp_path, path, lesson)) == ["not a file"]
    path.rmdir()
    path.parent.rmdir()
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "tiny_lab.ipynb").write_text(json.dumps(notebook), encoding="utf-8")
    path.parent.symlink_to(elsewhere)
    assert kinds(read_submission(tmp_path, path, lesson)) == ["not a file"]


def test_a_renamed_notebook_is_graded_all_the_same(tmp_path: Path, lesson: Lesson, notebook: dict):
    path = place(tmp_path)
    (path.parent / "tiny_lab (1).ipynb").write_text(json.dumps(notebook), encoding="utf-8")
    submission = read_submission(tmp_path, path, lesson)
    assert kinds(submission) == ["renamed"]
    assert submission.answers["total"].startswith("total_mm = 0")
    (path.parent / "another.ipynb").write_text("{}", encoding="utf-8")
    assert kinds(read_submission(tmp_path, path, lesson)) == ["nothing there"]


def test_own_cells_are_counted_but_not_run(tmp_path: Path, lesson: Lesson, notebook: dict):
    notebook["cells"].insert(3, {"cell_type": "code", "id": "mine", "metadata": {}, "source": "helper = 1"})
    notebook["cells"].insert(3, {"cell_type": "code", "id": "empty", "metadata": {}, "source": " "})
    assert read(tmp_path, lesson, notebook).own_cells == 1


@pytest.mark.parametrize(
    ("content", "time"),
    [
        (b"2026-11-21 10:00:00.000000 UTC\n", "2026-11-21T10:00:00+00:00"),
        (b"2026-11-21T18:00:00+08:00", "2026-11-21T10:00:00+00:00"),
        (b"2026-11-21 18:00:00.5 Asia/Shanghai", "2026-11-21T10:00:00.500000+00:00"),
        (b"2026-11-21 18:00:00 ../../etc/passwd", None),
        (b"the day after tomorrow", None),
        (b"\xff\xfe", None),
        (b"", None),
        (b"9" * 90, None),
    ],
)
def test_a_bad_timestamp_stops_nobody(tmp_path: Path, content: bytes, time: str | None):
    path = place(tmp_path).with_name("timestamp.txt")
    path.write_bytes(content)
    read = read_timestamp(tmp_path, path.parent)
    assert (read.isoformat() if read else None) == time
    path.unlink()
    assert read_timestamp(tmp_path, path.parent) is None
    os.mkfifo(path)
    assert read_timestamp(tmp_path, path.parent) is None


def test_a_lesson_that_is_not_released_is_refused_in_words(tmp_path: Path):
    with pytest.raises(GraderError, match="practicum lab release tiny_lab"):
        read_lesson(tmp_path / "nothing.ipynb", "tiny_lab")
    (tmp_path / "odd.ipynb").write_text("[]", encoding="utf-8")
    with pytest.raises(GraderError, match="is no notebook"):
        read_lesson(tmp_path / "odd.ipynb", "tiny_lab")
