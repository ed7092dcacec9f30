"""The figures of people lie in their ranges, and the picture is drawn."""

from twin_sandbox.calibration import people


def test_the_figures_of_people_lie_in_their_ranges(twin):
    found = {value.name: value for value in people.values(twin)}
    assert [name for name, value in found.items() if not value.ok] == []
    assert found["people_lost_or_doubled"].value == 0.0
    assert len(found) == 14
    assert all(value.source for value in found.values())


def test_the_picture_shows_where_everyone_is(twin):
    """Two stacked days of the four places each, and the water of two uses with what was designed."""
    (draw,) = people.PICTURES.values()
    days, holiday, homes, offices = draw(twin).axes
    assert len(days.collections) == len(holiday.collections) == 4
    assert len(homes.lines) == len(offices.lines) == 3
