"""A test cell's names: its own, the instructor's, the student's by value; and what it earns."""

from importlib.resources import files

import pytest

from grader.isolation.answers import LocalAnswers
from grader.stock import names, points
from grader.stock.checking import HIDDEN, PASSED, TestCell, run_test
from grader.stock.namespace import LazyNames

STUDENT = """
x = [1, 2]
calls = 0
def double(a, *, more=0):
    global calls
    calls += 1
    x.append(a)
    return 2 * a + more
def fails():
    raise KeyError("the student's words")
def endless():
    n = 0
    while True:
        yield n
        n += 1
class Account:
    pass
lazy = (n for n in x)
math = "a student's stand-in"
"""


@pytest.fixture
def answers():
    namespace = {}
    prelude = (files("grader.stock") / "prelude.py").read_text(encoding="utf-8")
    exec(prelude, namespace)  # noqa: S102 - as the sandbox runs it
    exec(STUDENT, namespace)  # noqa: S102 - likewise
    return LocalAnswers(namespace)


@pytest.fixture
def test_names(answers):
    own = {"twice": "def twice(z):\n    return double(double(z))"}
    return LazyNames(answers, {"math": "import math"}, own, frozenset({"x", "double"}))


def run(test_names, source, most=2.0):
    return run_test(TestCell("test", source), test_names, most)


@pytest.mark.parametrize(
    "source",
    [
        "assert x == [1, 2]",
        "assert double(3, more=1) == 7 and x == [1, 2, 3] and calls == 1",
        "assert [double(n) for n in x] == [2, 4]",
        "def local():\n    return double(4)\nassert local() == 8",
        "assert twice(3) == 12",
        "assert math.pi > 3",
        "try:\n    fails()\nexcept KeyError:\n    pass\nelse:\n    assert False",
        "assert 'double' in globals() and 'other' not in globals()",
        "assert callable(double) and double.__name__ == 'double'",
        "assert max(x) == 2",
    ],
)
def test_a_test_reads_and_calls_as_it_would_in_the_notebook(test_names, source):
    assert run(test_names, source) == (2.0, PASSED)
    assert test_names.opaque == ""


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("assert list(lazy) == [1, 2]", "lazy is a generator, which can be read only once. Make it a list."),
        ("mine = Account()", "Account is a class."),
        ("assert isinstance(1, Account)", "Account is a class."),
        ("assert next(endless()) == 0", "endless was called, and what it returned is a generator"),
        ("double(object())", "The test gives double something that"),
    ],
)
def test_what_has_no_value_refuses_and_says_so(test_names, source, told):
    score, _ = run(test_names, source)
    assert score == 0.0
    assert test_names.opaque.startswith(told)


def test_what_a_call_changed_is_seen_in_its_own_cell(test_names, answers):
    assert run(test_names, "double(1)\nassert calls >= 1 and 1 in x[2:]")[0] == 2.0
    test_names.begin(answers)
    assert run(test_names, "kept = 5\nassert kept == 5")[0] == 2.0
    test_names.begin(answers)
    assert run(test_names, "assert kept == 5")[0] == 2.0
    test_names.begin(answers, frozenset({"kept"}))
    assert run(test_names, "assert kept == 5") == (
        0.0,
        "line 1: assert kept == 5\nNameError: name 'kept' is not defined",
    )


def test_words_never_quote_a_hidden_test_or_what_a_student_raised(test_names):
    hidden = "### BEGIN HIDDEN TESTS\nassert double(41) == 0, 'secret'\n### END HIDDEN TESTS"
    assert run(test_names, hidden) == (0.0, HIDDEN)
    assert run(test_names, "fails()") == (0.0, "line 1: fails()\nyour code stopped with KeyError.")


@pytest.mark.parametrize(
    ("source", "score"),
    [
        ("1.5", 1.5),
        ("np.float64(0.5)", 0.5),
        ("float('nan')", 0.0),
        ("-1", 0.0),
        ("99", 2.0),
        ("None", 2.0),
        ("'all passed'", 2.0),
        ("[0.5]", 2.0),
        ("1.5;", 2.0),
        ("import sys\nprint('x', file=sys.stderr)", 2.0),
        ("import warnings\nwarnings.warn('careful')", 2.0),
        ("1 / 0", 0.0),
        ("raise SystemExit", 0.0),
        ("assert (", 0.0),
    ],
)
def test_points_are_plain_numbers_within_the_cell_s_range(answers, source, score):
    found, _ = run(LazyNames(answers, {"np": "import numpy as np"}), source)
    assert type(found) is float
    assert found == score


@pytest.mark.parametrize(
    ("outputs", "score"),
    [
        ([], 2.0),
        ([{"output_type": "stream", "name": "stderr", "text": "careful"}], 2.0),
        ([{"output_type": "error"}], 0.0),
        ([{"output_type": "execute_result", "data": {"text/plain": "0.5"}}], 0.5),
        ([{"output_type": "execute_result", "data": {"text/plain": "np.float64(0.0)"}}], 0.0),
        ([{"output_type": "execute_result", "data": {"text/plain": "nan"}}], 0.0),
        ([{"output_type": "execute_result", "data": {"text/plain": "'done'"}}], 2.0),
        ([{"output_type": "execute_result", "data": {}}], 2.0),
    ],
)
def test_outputs_earn_what_values_earn(outputs, score):
    assert points.of_outputs(outputs, 2.0) == score


def test_a_cell_is_read_for_what_it_sets_and_needs():
    found = names.read(
        "import numpy as np\nfor i in range(n):\n    y[i] = f(i)\nwith open(p) as file:\n    z, *rest = file\nw += 1"
    )
    assert found.bound == {"np", "i", "file", "z", "rest", "w"}
    assert found.loaded >= {"n", "y", "f", "p", "w"}
    assert names.read("def f():\n    inner = 1\n    global g\n    g = 2").bound == {"f", "g"}
    assert names.read("[k for k in v]").bound == frozenset()
    assert not names.read("1 +").valid
    assert names.read("%matplotlib inline\na = 1").bound == {"a"}


@pytest.mark.parametrize(
    "source",
    [
        "import inspect\ninspect.getsource(f)",
        "from unittest.mock import patch\nwith patch('a.b'):\n    f()",
        "with redirect_stdout(out):\n    f()",
        "%%capture out\nf()",
        "assert plt.gca().get_title()",
        "assert _ == 3",
        "await f()",
    ],
)
def test_what_needs_the_student_s_process_is_seen_in_the_text(source):
    assert names.read(source).beside != ""


def test_plain_tests_need_it_not():
    assert names.read("for _ in range(3):\n    assert f(3) == 9").beside == ""
