"""A lesson's text becomes nbgrader's notebooks, the same bytes each time, and a wrong text is refused in words."""

import json
import re
from pathlib import Path

import nbformat
import pytest

from grader.errors import GraderError
from grader.workshop.bank import compose, read_bank
from grader.workshop.lab import Lab, find_lab, find_labs, load_key, load_lab
from grader.workshop.notebook import notebook_bytes, source_notebook, write_source_notebook
from grader.workshop.source import lesson, without_solution


def change(path: Path, before: str, after: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert before in text
    path.write_text(text.replace(before, after), encoding="utf-8")


def test_lab_facts(tiny_lab: Lab):
    assert tiny_lab.id == "tiny_lab"
    assert tiny_lab.auto_points == {"total": 2.0, "doubled": 3.0}
    assert (tiny_lab.max_auto_score, tiny_lab.max_score) == (5.0, 9.0)
    assert tiny_lab.task("note").rubric == "plain_words"


def test_a_changed_word_is_another_lab(own_tiny_lab: Lab):
    before = own_tiny_lab.digest()
    assert own_tiny_lab.digest() == before
    change(own_tiny_lab.key, "arithmetic", "sums")
    assert own_tiny_lab.digest() != before


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ('id = "total"', 'id = "Total mm"', "task 1, id"),
        ("points = 2", "points = -2", "task 1, points"),
        ("points = 2", 'points = "2"', "task 1, points"),
        ('kind = "auto"', 'kind = "robot"', "task 1, kind"),
        ('id = "doubled"', 'id = "total"', "stands twice"),
        ("cut = 0.7", "cut = 7", "cut"),
        ('title = "Two sums', "title = Two sums", "cannot be read"),
        ('seat = "apprentice, gauge room"', "", "seat"),
    ],
)
def test_absurd_lab_facts_are_refused_in_words(own_tiny_lab: Lab, before: str, after: str, told: str):
    change(own_tiny_lab.folder / "lab.toml", before, after)
    with pytest.raises(GraderError) as refusal:
        load_lab(own_tiny_lab.folder)
    assert told in str(refusal.value)


def test_labs_are_found_by_id_by_path_and_a_stranger_is_refused(own_tiny_lab: Lab, tmp_path: Path):
    root = tmp_path / "labs"
    assert [lab.id for lab in find_labs(root)] == ["tiny_lab"]
    assert find_lab(root, "tiny_lab").folder == own_tiny_lab.folder
    assert find_lab(root, "sensing/tiny_lab").folder == own_tiny_lab.folder
    assert find_lab(Path("/nowhere"), str(own_tiny_lab.folder)).id == "tiny_lab"
    with pytest.raises(GraderError, match="Known labs: tiny_lab"):
        find_lab(root, "big_lab")


def test_the_key_leaves_no_compiled_file(own_tiny_lab: Lab):
    assert set(load_key(own_tiny_lab.folder).checks) == {"total", "doubled"}
    assert list(own_tiny_lab.folder.rglob("*.pyc")) == []


def test_source_notebook_is_the_same_bytes_each_time_and_valid(tiny_lab: Lab, tmp_path: Path):
    first = write_source_notebook(tiny_lab, tmp_path / "a").read_bytes()
    assert write_source_notebook(tiny_lab, tmp_path / "b").read_bytes() == first
    notebook = nbformat.reads(first.decode(), as_version=4)
    nbformat.validate(notebook)
    assert (nbformat.writes(notebook) + "\n").encode() == first


def test_cells_carry_nbgraders_marks(tiny_lab: Lab):
    cells = {cell["id"]: cell for cell in source_notebook(tiny_lab)["cells"]}
    marks = {name: cell["metadata"].get("nbgrader") for name, cell in cells.items()}
    assert marks["setup"] is None
    assert (marks["total"]["solution"], marks["total"]["grade"]) == (True, False)
    assert (marks["check_total"]["grade"], marks["check_total"]["locked"]) == (True, True)
    assert marks["check_total"]["points"] == 2
    assert cells["check_total"]["source"] == ['check("total")']
    assert (marks["note"]["solution"], marks["note"]["grade"], marks["note"]["points"]) == (True, True, 4)


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ("points=2", "points=3", "lab.toml gives 2"),
        ('# %% check="total" points=2', "", "lab.toml lists the task 'total'"),
        ('# %% answer="total"', '# %% id="total_but_plain"', "A check needs a cell to judge"),
        ('rubric="plain_words"', 'rubric="other"', "plain_words"),
        ('# %% id="between"', '# %% id="setup"', "stands twice"),
        ('# %% id="between"', "# %%", "Every cell has an id"),
        ('# %% id="between"', '# %% id="between" marks=3', "the mark 'marks'"),
        ("    # END SOLUTION", "", "has no END SOLUTION"),
        (
            "# BEGIN SOLUTION\ntotal_mm = sum(rain_mm)  # solution-of-total\n# END SOLUTION",
            "total_mm = 1",
            "no solution",
        ),
        ('check="doubled" points=3', 'check="tripled" points=3', "doubled"),
    ],
)
def test_a_wrong_lesson_is_refused_in_words(own_tiny_lab: Lab, before: str, after: str, told: str):
    change(own_tiny_lab.source, before, after)
    with pytest.raises(GraderError) as refusal:
        lesson(own_tiny_lab)
    assert told in str(refusal.value)


def test_without_solution_keeps_what_stands_around_it():
    assert without_solution("a\n# BEGIN SOLUTION\nb\n# END SOLUTION\nc") == "a\nc"


def test_bank_entries_inherit_and_are_composed_into_submissions(tiny_lab: Lab):
    bank = read_bank(tiny_lab)
    assert set(bank) >= {"right_plain", "right_otherwise", "wrong_mean", "blank"}
    assert bank["wrong_mean"].answers["doubled"] == bank["right_plain"].answers["doubled"]
    assert (bank["wrong_mean"].score, bank["wrong_mean"].caught_by) == (3.0, ("total",))
    release = source_notebook(tiny_lab)
    notebook = compose(release, bank["wrong_mean"].answers)
    sources = {cell["id"]: "".join(cell["source"]) for cell in notebook["cells"]}
    assert sources["total"] == "total_mm = sum(rain_mm) / len(rain_mm)"
    assert notebook_bytes(compose(release, bank["blank"].answers)) == notebook_bytes(release)


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("expected.toml", "[ghost]\nscore = 1.0\n", "ghost"),
        ("expected.toml", "[ghost\n", "cannot be read"),
        ("right_plain.py", "# base: wrong_mean\n", "inherits from itself"),
        ("right_plain.py", '# %% answer="total" colour="red"\n', "colour"),
    ],
)
def test_a_wrong_bank_is_refused_in_words(own_tiny_lab: Lab, name: str, text: str, told: str):
    (own_tiny_lab.bank / name).write_text(text, encoding="utf-8")
    with pytest.raises(GraderError, match=re.escape(told)):
        read_bank(own_tiny_lab)


def test_an_answer_for_a_cell_that_is_not_there_is_refused(tiny_lab: Lab):
    with pytest.raises(GraderError, match="nothing_like_it"):
        compose(source_notebook(tiny_lab), {"nothing_like_it": "1"})
    json.dumps(source_notebook(tiny_lab))
