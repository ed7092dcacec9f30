"""``make stress``: of 2,000 generated notebooks none stops the grading, changes a neighbour or stays behind."""

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from grader.workshop.lab import load_lab
from tests.grader.conftest import FIXTURES
from tests.stress.notebooks import a_line, notebooks


def test_two_thousand_notebooks_stop_nothing(tmp_path):
    with a_line(tmp_path, load_lab(FIXTURES / "tiny_lab")) as line:
        # to make a failing one smaller would take as long again for each step
        @settings(max_examples=2_000, deadline=None, suppress_health_check=list(HealthCheck), phases=[Phase.generate])
        @given(st.data())
        def grade(data):
            line.grade(data.draw(notebooks(line.right)))

        grade()
        assert line.graded > 1_000
