"""Thirty of the stress run's two thousand generated notebooks, in every run of the tests."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.stress.notebooks import a_line, notebooks


def test_thirty_notebooks_stop_nothing(tmp_path, tiny_lab):
    with a_line(tmp_path, tiny_lab) as line:

        @settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
        @given(st.data())
        def grade(data):
            line.grade(data.draw(notebooks(line.right)))

        grade()
        assert line.graded > 10
