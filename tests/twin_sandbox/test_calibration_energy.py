"""The figures of rooms, heat loop and sun lie in their ranges, and their pictures are drawn."""

import pytest

from twin_sandbox.calibration import figures, pictures


@pytest.mark.parametrize(("part", "count"), [("sun", 9), ("heat", 11), ("buildings", 18)])
def test_the_figures_lie_in_their_ranges(twin, part, count):
    found = figures(twin, part)
    assert [f"{value.name} {value.value}" for value in found if not value.ok] == []
    assert len(found) == count
    assert all(value.source for value in found)


@pytest.mark.parametrize(("part", "lines"), [("sun", 3), ("heat", 2), ("buildings", 7)])
def test_the_pictures_show_what_they_say(twin, part, lines):
    """Sun with and without shade; two substations; two days, profiles, four classes of homes."""
    (draw,) = pictures(part).values()
    axes = draw(twin).axes
    assert sum(len(one.lines) for one in axes) >= lines
    assert all(one.get_title() or one.get_ylabel() for one in axes)
