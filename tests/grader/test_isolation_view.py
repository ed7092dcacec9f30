"""What a sandbox shows, whichever way Python and the practicum are installed."""

import sys
from pathlib import Path

import pytest

from grader.errors import GraderError
from grader.isolation import view
from grader.isolation.view import INSIDE, Bind, bare_view, checker_view, student_view
from tests.grader.isolation_runs import LAB, a_ground


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """Python with the practicum installed into it, labs under its share folder."""
    prefix = tmp_path.resolve() / "python"
    packages = prefix / "lib" / "python3.11" / "site-packages"
    for folder in (
        prefix / "bin",
        packages / "grader",
        packages / "twin_sandbox",
        prefix / "share" / "practicum" / "labs",
    ):
        folder.mkdir(parents=True)
    monkeypatch.setattr(view, "python_inside", lambda: str(prefix / "bin" / "python"))
    monkeypatch.setattr(view, "package_folders", lambda: [packages])
    monkeypatch.setattr(sys, "prefix", str(prefix))
    return prefix


def test_an_installation_hides_our_packages_and_labs_wherever_they_are_shown(installed):
    packages = Path("lib", "python3.11", "site-packages")
    hidden = set(bare_view().hidden)
    for name in ("grader", "twin_sandbox"):
        assert {installed / packages / name, INSIDE / "site-packages" / name} <= hidden
    assert installed / "share" / "practicum" in hidden


def test_a_checkout_below_a_shown_folder_is_hidden(installed, monkeypatch):
    checkout = installed / "src"
    (checkout / "labs").mkdir(parents=True)
    monkeypatch.setattr(view, "_CHECKOUT", checkout)
    assert checkout in bare_view().hidden


def test_the_student_is_shown_no_lab_and_little_of_the_grader(tmp_path):
    shown = student_view(a_ground(tmp_path))
    inside = {bind.inside for bind in shown.binds}
    assert {path.name for path in inside if path.parent == INSIDE / "grader"} == {
        "__init__.py",
        "errors.py",
        "student.py",
        "isolation",
    }
    assert not any("labs" in path.parts or "curriculum" in path.parts for path in inside)
    assert not any(bind.inside.is_relative_to(view.HOME) for bind in shown.binds)


def test_the_checker_is_shown_the_lab_and_no_file_of_the_student(tmp_path):
    shown = checker_view(a_ground(tmp_path))
    assert Bind(LAB, INSIDE / "labs" / LAB.parent.name / LAB.name) in shown.binds
    assert not any(bind.inside.is_relative_to(view.HOME) for bind in shown.binds)


def test_nothing_of_the_callers_environment_goes_in(tmp_path, monkeypatch):
    monkeypatch.setenv("PRACTICUM_SECRET", "the secret")
    for shown in (student_view(a_ground(tmp_path)), checker_view(a_ground(tmp_path))):
        assert "the secret" not in str(shown.environment)


def test_a_missing_district_is_named(tmp_path):
    ground = a_ground(tmp_path)
    ground.district.rmdir()
    with pytest.raises(GraderError, match=r"district .*: not found"):
        student_view(ground)
