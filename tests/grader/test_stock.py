"""A course made for stock nbgrader, graded here and by nbgrader: the same scores, and better ones where it errs."""

import copy
import json
import shutil

import pytest
from click.testing import CliRunner

from grader.cli import practicum
from grader.stock.course import open_stock_course
from grader.stock.grading import grade_stock
from tests.grader import stock_course as made
from tests.grader.fixtures.stock_notebooks import COURSE, HALF, code
from tests.grader.stock_course import book, cell_of, hand_in, hand_in_all, nbgrader, solved

BESIDE = {"tables": {"test_saved"}, "classes": {"test_account", "test_again", "test_loop", "test_hello", "test_ask"}}
ENGINE = """
c.Autograde.autograde_preprocessors = [
    "grader.stock.execute.SandboxedExecute",
    "nbgrader.preprocessors.SaveAutoGrades",
    "nbgrader.preprocessors.AssignLatePenalties",
    "nbgrader.preprocessors.CheckCellMetadata",
]
"""


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """The course with two honest students: one has some of everything right, one all of the first assignment."""
    folder = made.make_course(tmp_path_factory.mktemp("stock") / "course")
    hand_in_all(folder, "half", HALF)
    hand_in(folder, "right", "basics", {title: solved(folder, "basics", title) for title in COURSE["basics"]})
    return folder


@pytest.fixture(scope="module")
def theirs(course, tmp_path_factory):
    """What nbgrader gives them."""
    folder = tmp_path_factory.mktemp("theirs") / "course"
    shutil.copytree(course, folder)
    nbgrader(folder, *(["autograde", assignment] for assignment in COURSE))
    return {assignment: book(folder, assignment) for assignment in COURSE}


@pytest.fixture(scope="module")
def ours(course, theirs):
    """What this engine gives them."""
    return {assignment: grade_stock(open_stock_course(course), assignment, jobs=2) for assignment in COURSE}


@pytest.mark.parametrize("assignment", list(COURSE))
def test_honest_students_get_the_scores_that_nbgrader_gives(course, theirs, ours, assignment):
    assert ours[assignment].failed == {}
    assert book(course, assignment) == theirs[assignment]
    assert {score for score, _ in theirs[assignment].values() if score} != set()


def test_only_what_needs_the_student_s_process_runs_beside_it(ours):
    for summary in ours.values():
        for name, study in summary.studies.items():
            assert set(study.beside) == BESIDE.get(name, set())
            assert study.broken == {}


def test_a_score_with_a_test_beside_the_student_is_not_certifiable(ours):
    certifiable = {assignment: summary.outcomes["half"][0].certifiable for assignment, summary in ours.items()}
    # in the last, the answer is something that has not been waited for: no value
    assert certifiable == {"basics": True, "tables": False, "classes": False, "async": False}


def test_hidden_tests_stay_out_of_the_graded_notebook(course, ours):
    for student in ours["basics"].outcomes:
        page = (course / "autograded" / student / "basics" / "functions.ipynb").read_text()
        assert "larger one" not in page
        assert "19.63" not in page
    judged = ours["basics"].outcomes["half"][0].notebooks["functions"].judged
    assert judged["test_area"].verdict.message == "A hidden test of this cell did not pass."


def test_a_second_run_keeps_what_is_graded(course, ours):
    again = grade_stock(open_stock_course(course), "async")
    assert [fresh for _, fresh in again.outcomes.values()] == [False]
    assert {name: record for name, (record, _) in again.outcomes.items()} == {
        name: record for name, (record, _) in ours["async"].outcomes.items()
    }


def test_nbgrader_autograde_uses_the_engine_with_one_setting(course, theirs, tmp_path):
    folder = tmp_path / "course"
    shutil.copytree(course, folder, ignore=shutil.ignore_patterns("autograded", "journal"))
    made.forget_scores(folder)
    with (folder / "nbgrader_config.py").open("a") as config:
        config.write(ENGINE)
    nbgrader(folder, ["autograde", "async"])
    assert book(folder, "async") == theirs["async"]
    page = (folder / "autograded" / "half" / "async" / "async.ipynb").read_text()
    assert page.count("The tests of this cell pass.") == 2  # as text and as HTML


WARNS = """
import warnings
def root(x):
    warnings.warn('slow')
    if x < 0:
        raise ValueError
    return x ** 0.5
"""
DEAD = {"squares": "import os\nos._exit(1)"}
OWN = {"area": "total = 3\ndef area(radius):\n    return PI * radius ** 2"}
LAZY = {"squares": "squares = lambda n: [x * x for x in n]\ntotal = (14 for _ in '1')"}
EQUAL = {"area": "class Any:\n    __eq__ = lambda a, b: True\ntotal = Any()\narea = None"}


def unusual(course):
    """Functions notebooks that nbgrader grades badly or not at all, by student."""
    right = solved(course, "basics", "functions")
    renamed_cell = copy.deepcopy(right)
    cell_of(renamed_cell, "squares")["metadata"]["nbgrader"]["grade_id"] = "Squares!"
    own_cell = solved(course, "basics", "functions", OWN)
    own_cell["cells"].insert(2, code("PI = 3.141592653589793"))
    return {
        "warns": solved(course, "basics", "functions", {"strict": WARNS}),
        "dead": solved(course, "basics", "functions", DEAD),
        "split": made.split(right, "area", 1),
        "renamed_cell": renamed_cell,
        "own_cell": own_cell,
        "generator": solved(course, "basics", "functions", LAZY),
        "equal": solved(course, "basics", "functions", EQUAL),
    }


@pytest.fixture(scope="module")
def punished(course, tmp_path_factory):
    """Submissions that stock nbgrader punishes, or that punish it."""
    folder = tmp_path_factory.mktemp("punished") / "course"
    shutil.copytree(course, folder, ignore=shutil.ignore_patterns("submitted", "autograded", "journal"))
    words = solved(folder, "basics", "words")
    for student, body in unusual(folder).items():
        hand_in(folder, student, "basics", {"functions": body, "words": words})
    right = solved(folder, "basics", "functions")
    hand_in(folder, "renamed_file", "basics", {"functions (1)": right, "words": words})
    hand_in(folder, "one_missing", "basics", {"words": words})
    ran = CliRunner().invoke(practicum, ["grade", "basics", "--course", str(folder), "--json"])
    assert ran.exit_code == 0, ran.output
    return {one["student"]: one for one in json.loads(ran.stdout)["students"]}, book(folder, "basics")


FULL = {"test_area": 2.0, "test_squares": 1.0, "test_total": 2.0, "test_steps": 1.0, "test_strict": 3.0}


def points(punished, student):
    judged = punished[0][student]["notebooks"]["functions"]["judged"]
    return {cell: judged[cell]["verdict"]["score"] for cell in FULL}


@pytest.mark.parametrize("student", ["warns", "split", "own_cell", "renamed_cell", "renamed_file"])
def test_what_is_no_mistake_costs_nothing(punished, student):
    assert points(punished, student) == FULL


def test_a_cell_that_ends_the_process_costs_its_own_tests_alone(punished):
    assert points(punished, "dead") == FULL | {"test_squares": 0.0, "test_total": 0.0}


def test_the_report_says_what_was_found(punished):
    found = {
        student: {one["kind"] for one in (*note["findings"], *note["incidents"])}
        for student, record in punished[0].items()
        for note in [record["notebooks"]["functions"]]
    }
    assert "cell ended the process" in found["dead"]
    assert "cell twice" in found["split"]
    assert "cell missing" in found["renamed_cell"]
    assert "renamed" in found["renamed_file"]


def test_a_notebook_that_was_not_handed_in_earns_nothing_and_borrows_nothing(punished):
    # both notebooks have a cell called "area": the words' must not stand in for the functions'
    assert points(punished, "one_missing") == dict.fromkeys(FULL, 0.0)
    assert punished[0]["one_missing"]["notebooks"]["words"]["judged"]["test_area"]["verdict"]["score"] == 2.0


def test_an_answer_without_a_value_is_told_so_and_earns_nothing(punished):
    judged = punished[0]["generator"]["notebooks"]["functions"]["judged"]["test_total"]
    assert judged["verdict"]["score"] == 0.0
    assert "is a generator, which can be read only once. Make it a list" in judged["verdict"]["message"]


def test_an_object_that_equals_everything_waits_for_a_person(punished):
    judged = punished[0]["equal"]["notebooks"]["functions"]["judged"]
    assert judged["test_area"]["verdict"]["score"] == 0.0
    assert not punished[0]["equal"]["certifiable"]


def test_the_command_tells_an_instructor_what_runs_beside_the_student(course, ours):
    ran = CliRunner().invoke(practicum, ["grade", "classes", "--course", str(course)])
    assert ran.exit_code == 0, ran.output
    assert "test_ask: runs beside the submitted code (replaces something within the student's process)" in ran.output
    assert "kept from before" in ran.output
    unknown = CliRunner().invoke(practicum, ["grade", "nothing", "--course", str(course)])
    assert "Known: async, basics, classes, tables." in str(unknown.exception)
