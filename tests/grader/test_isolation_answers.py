"""What checks see of a trusted notebook's namespace."""

import pytest

from grader.isolation.answers import CallFailed, LocalAnswers, Missing, Unreadable


def fails(_):
    raise ValueError("the hidden input is 42")


ANSWERS = LocalAnswers(
    {"volume_m3": 12.5, "double": lambda x: 2 * x, "fails": fails, "lazy": (i for i in (1, 2))},
)


def test_a_value_comes_as_it_is():
    assert ANSWERS.value("volume_m3") == 12.5


def test_a_missing_name_is_named():
    with pytest.raises(Missing, match=r"^level_m$"):
        ANSWERS.value("level_m")


@pytest.mark.parametrize(("name", "words"), [("double", "is a function"), ("lazy", "Make it a list")])
def test_a_thing_without_a_value_says_what_to_do(name, words):
    with pytest.raises(Unreadable, match=words):
        ANSWERS.value(name)


def test_a_call_returns_a_plain_value():
    with ANSWERS.branch() as branch:
        assert branch.call("double", 21) == 42


def test_a_failing_call_tells_its_class_and_never_its_text():
    with ANSWERS.branch() as branch, pytest.raises(CallFailed) as failed:
        branch.call("fails", 42)
    assert failed.value.kind == "raised"
    assert "42" not in str(failed.value)


def test_calling_a_number_says_that_a_function_is_wanted():
    with ANSWERS.branch() as branch, pytest.raises(Unreadable, match="should be a function"):
        branch.call("volume_m3")
