"""A student's cells in the instructor's notebook: what runs, in which order, and what no student's process sees."""

import copy
import json

import pytest

from grader.cohort.submission import read_submission
from grader.errors import GraderError
from grader.stock.hidden import hidden_lines, without_hidden, without_solution
from grader.stock.notebook import read_notebook
from grader.stock.placing import changed, model, place
from tests.grader.fixtures.stock_notebooks import FUNCTIONS, answer, code, graded, notebook


@pytest.fixture
def functions(tmp_path):
    (tmp_path / "functions.ipynb").write_text(json.dumps(FUNCTIONS))
    return read_notebook(tmp_path / "functions.ipynb")


def steps(own, body, folder):
    (folder / "own").mkdir()
    (folder / "own" / f"{own.name}.ipynb").write_text(json.dumps(body))
    return place(own, read_submission(folder, folder / "own" / f"{own.name}.ipynb", own.lesson))


def test_the_model_runs_every_cell_and_a_test_that_a_later_cell_needs(functions):
    found = model(functions)
    assert [step.id for step in found if not step.test] == [
        "imports",
        "helper",
        "area",
        "squares",
        "steps",
        "strict",
        "cell-12",
        "seen-test_sample",
        "uses_test",
    ]
    assert [step.id for step in found if step.test] == list(functions.points)


def test_hidden_tests_and_solutions_are_in_no_step_that_a_student_s_process_runs(functions, tmp_path):
    body = copy.deepcopy(FUNCTIONS)
    for cell in body["cells"]:
        cell["source"] = "pass"
    found = steps(functions, body, tmp_path)
    seen = "\n".join(step.source for step in found if not step.test)
    assert "HIDDEN" not in seen
    assert "19.63" not in seen
    assert "SOLUTION" not in seen
    assert "math.pi" not in seen


def test_tests_and_read_only_cells_are_the_instructor_s(functions, tmp_path):
    body = copy.deepcopy(FUNCTIONS)
    for cell in body["cells"]:
        cell["source"] = f"print({cell['metadata'].get('nbgrader', {}).get('grade_id', 'plain')!r})"
    found = {step.id: step.source for step in steps(functions, body, tmp_path)}
    assert found["imports"] == "import math"
    assert found["test_area"] == FUNCTIONS["cells"][4]["source"]
    assert found["area"] == "print('area')"


def test_own_cells_run_after_the_cell_they_follow(functions, tmp_path):
    body = copy.deepcopy(FUNCTIONS)
    body["cells"][3:3] = [code("mine = 1"), code("  "), code("also = mine")]
    body["cells"].append(code("last = 1"))
    found = [step.id for step in steps(functions, body, tmp_path)]
    assert found[:5] == ["imports", "helper", "own-3", "own-5", "area"]
    assert found[-1].startswith("own-")


def test_a_changed_order_and_missing_cells_change_nothing_of_the_instructor_s_order(functions, tmp_path):
    body = copy.deepcopy(FUNCTIONS)
    body["cells"] = [cell for cell in reversed(body["cells"]) if "import math" not in cell["source"]]
    found = [step.id for step in steps(functions, body, tmp_path)]
    assert [name for name in found if not name.startswith("own-")] == [step.id for step in model(functions)]


def test_names_that_cells_set_between_two_tests_are_known(functions):
    found = changed(model(functions))
    assert found["test_area"] == ["area", "close", "math", "total"]
    assert found["test_squares"] == ["squares", "total"]
    assert found["test_total"] == []
    assert "given_by_test" in found["test_uses_test"]


def test_two_cells_of_one_name_and_points_that_are_no_number_are_refused(tmp_path):
    path = tmp_path / "twice.ipynb"
    path.write_text(json.dumps(notebook(answer("a", "x = 1"), graded("a", 1, "assert x"))))
    with pytest.raises(GraderError, match="a stands twice"):
        read_notebook(path)
    path.write_text(json.dumps(notebook(graded("a", "many", "assert x"))))
    with pytest.raises(GraderError, match="points"):
        read_notebook(path)
    path.write_text("{}")
    with pytest.raises(GraderError, match="is no notebook"):
        read_notebook(path)


def test_what_a_student_gets_of_a_marked_text():
    hidden = "a\n  ### BEGIN HIDDEN TESTS\nb\n  ### END HIDDEN TESTS\nc"
    assert hidden_lines(hidden) == {2, 3, 4}
    assert without_hidden(hidden) == "a\nc"
    solution = "def f():\n    ### BEGIN SOLUTION\n    return 1\n    ### END SOLUTION\nf()"
    stub = "def f():\n    # YOUR CODE HERE\n    raise NotImplementedError()\nf()"
    assert without_solution(solution, code=True) == stub
    assert without_solution("all of it", code=False) == "YOUR ANSWER HERE"
