import numpy as np
import pytest

from twin_sandbox.entities.code import make_code, make_codes
from twin_sandbox.errors import TwinError
from twin_sandbox.generate import sample_recipe
from twin_sandbox.generate.recipe import read_recipe
from twin_sandbox.generate.rows import Rows


def test_many_codes_at_once_are_those_made_one_by_one():
    chance = np.random.default_rng(5)
    columns, rows = chance.integers(0, 100, (2, 3000))
    serials = np.concatenate([[0, 36**4 - 1], chance.integers(0, 36**4, 2998)])
    parts = zip(columns.tolist(), rows.tolist(), serials.tolist(), strict=True)
    made = make_codes("SB01", columns, rows, "P", "PE", serials)
    assert made == [make_code("SB01", column, row, "P", "PE", serial) for column, row, serial in parts]
    assert make_codes("SB01", columns[:0], rows[:0], "P", "PE", serials[:0]) == []


@pytest.mark.parametrize(("place", "value"), [(0, 100), (1, -1), (2, 36**4)])
def test_one_part_that_does_not_fit_refuses_all(place, value):
    parts = np.ones((3, 5), int)
    parts[place, 3] = value
    with pytest.raises(TwinError, match="cannot be made"):
        make_codes("SB01", parts[0], parts[1], "P", "PE", parts[2])


def test_points_added_at_once_are_those_added_one_by_one():
    from shapely.geometry import Point

    recipe = read_recipe(sample_recipe())
    one, many = Rows(recipe, "devices"), Rows(recipe, "devices")
    x_m, y_m = np.array([-3.0, 250.123, 1099.999]), np.array([0.0, 400.126, 1000.0])
    names, hosts = ["a", "b", "c"], ["h", "", "h"]
    codes = [one.add(Point(x, y), "gauge", n, n, host=h) for x, y, n, h in zip(x_m, y_m, names, hosts, strict=True)]
    assert many.add_points(x_m, y_m, ["gauge"] * 3, (names, names), {"host": hosts}) == codes
    assert many.rows == one.rows
