"""The water supply of the built district, and the drawing board's hydraulics."""

import numpy as np
import pytest

from twin_sandbox.entities import read_district
from twin_sandbox.errors import TwinError
from twin_sandbox.generate import build_district, sample_recipe
from twin_sandbox.generate.layers.water_demand import PATTERNS, service_head_m, size_booster
from twin_sandbox.generate.layers.water_flow import Pipe, steady_heads_m
from twin_sandbox.generate.recipe import read_recipe
from twin_sandbox.generate.sanity import water


@pytest.fixture(scope="module")
def sample():
    return read_district(build_district())


@pytest.fixture(scope="module")
def figures(sample):
    return {value.name: value for value in water.values(sample)}


def test_every_figure_of_the_supply_lies_in_its_range(figures):
    assert [f"{v.name} {v.value}" for v in figures.values() if not v.ok] == []
    assert len(figures) > 30


def test_what_feeds_a_house_is_found_up_to_a_source(sample):
    for row in sample.entities["water_services"].iloc[::80].itertuples():
        way = sample.feeds(row.building_code, "water")
        assert way["table"].iloc[-1] == "water_sources"
        assert "water_pipes" in set(way["table"])


def test_every_house_has_one_service_and_tall_ones_pumps_that_reach_the_top(sample):
    entities = sample.entities
    services = entities["water_services"].set_index("building_code")
    assert sorted(services.index) == sorted(entities["buildings"].index)
    pumped = services[services["booster_code"] != ""]
    boosters = entities["booster_pumps"].loc[pumped["booster_code"]]
    assert list(boosters["building_code"]) == list(pumped.index)
    assert (boosters["highest_storey"].to_numpy() == pumped["storeys"].to_numpy()).all()
    assert (boosters["lowest_storey"].to_numpy() == pumped["direct_storeys"].to_numpy() + 1).all()
    direct = services[services["booster_code"] == ""]
    assert (direct["direct_storeys"] == direct["storeys"]).all()
    assert direct["storeys"].max() <= 6


def test_demands_add_up_from_houses_to_junctions(sample):
    services, junctions = sample.entities["water_services"], sample.entities["water_junctions"]
    demands = sample.facts["water_demands"]
    by_pattern = demands.groupby("pattern")["base_demand_m3s"].sum()
    asked = services.groupby("pattern")["base_demand_m3s"].sum()
    assert dict(by_pattern.drop("leakage")) == pytest.approx(dict(asked), abs=1e-5)
    assert by_pattern["leakage"] == pytest.approx(junctions["leakage_m3s"].sum())
    share = sample.recipe["water"]["leakage_share"]
    assert by_pattern["leakage"] / by_pattern.sum() == pytest.approx(share, abs=1e-3)


def test_mains_lie_beside_the_sewers_not_on_them(sample):
    mains = sample.entities["water_pipes"]
    sewers = sample.entities["conduits"].geometry.union_all()
    beside = [line.intersection(sewers.buffer(1.0)).length for line in mains.geometry]
    assert sum(beside) < 0.08 * mains.length.sum()  # where they cross


def test_pipes_meet_their_ends_and_a_day_has_24_hours(sample):
    entities = sample.entities
    places = {**entities["water_junctions"].geometry, **entities["water_sources"].geometry}
    for row in entities["water_pipes"].itertuples():
        line = row.geometry.coords
        assert places[row.from_code].coords[0] == pytest.approx(line[0], abs=0.011)
        assert places[row.to_code].coords[0] == pytest.approx(line[-1], abs=0.011)
    patterns = sample.facts["demand_patterns"]
    assert (patterns.groupby(["pattern", "day_type"])["hour"].apply(list).map(lambda h: h == list(range(24)))).all()


@pytest.mark.parametrize("name", PATTERNS)
def test_a_working_days_pattern_has_mean_one(name):
    weekday, _ = PATTERNS[name]
    assert len(weekday) == 24
    assert sum(weekday) / 24 == pytest.approx(1.0, abs=0.002)


@pytest.mark.parametrize(("storeys", "head_m"), [(0, 0), (1, 10), (2, 12), (3, 16), (6, 28)])
def test_service_head_is_10_then_12_then_4_m_a_storey(storeys, head_m):
    assert service_head_m(storeys) == head_m


def test_a_booster_has_the_power_that_its_flow_and_head_need():
    """2 L/s on average: pumps for 5 L/s; 40 m up and 12 m more: 9.81 × 0.005 × 52 / 0.6 = 4.25 kW, × 1.15 = 4.9 kW."""
    pumps = size_booster(0.002, 40.0)
    assert pumps.rated_m3s == 0.005
    assert pumps.head_m == 52
    assert pumps.power_kw == 5.5
    assert pumps.tank_m3 == pytest.approx(0.2 * 0.002 * 86400, abs=0.5)


def test_a_single_pipe_loses_what_hazen_and_williams_say():
    """h = 10.667 L Q^1.852 / (C^1.852 d^4.871): 1 km of DN200, C 130, 30 L/s."""
    head = steady_heads_m([Pipe(0, 1, 1000.0, 0.2, 130.0)], np.array([0.0, 0.03]), {0: 50.0})
    loss = 10.667 * 1000 * 0.03**1.852 / (130**1.852 * 0.2**4.871)
    assert head[0] == 50.0
    assert head[1] == pytest.approx(50 - loss, abs=1e-5)


def test_two_equal_ways_share_the_flow_and_a_pipe_between_equals_stands_still():
    square = [Pipe(0, 1, 500.0, 0.15, 120.0), Pipe(0, 2, 500.0, 0.15, 120.0), Pipe(1, 2, 300.0, 0.15, 120.0),
              Pipe(1, 3, 500.0, 0.15, 120.0), Pipe(2, 3, 500.0, 0.15, 120.0)]  # fmt: skip
    head = steady_heads_m(square, np.array([0.0, 0.0, 0.0, 0.02]), {0: 40.0})
    half = 10.667 * 500 * 0.01**1.852 / (120**1.852 * 0.15**4.871)
    assert head[1] == pytest.approx(head[2], abs=1e-6)
    assert head[3] == pytest.approx(40 - 2 * half, abs=1e-4)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("zone_head_m = 44.5", "zone_head_m = 60"), r"water\.source\[0\]\.head_m"),
        (("leakage_share = 0.1", "leakage_share = 1"), r"water\.leakage_share"),
        (("supply_c = 120.0", "supply_c = 70.0"), r"heat\.return_c"),
        (("chlorine_mg_l = 0.5", "chlorine_mg_l = nan"), r"water\.source\[0\]\.chlorine_mg_l"),
    ],
)
def test_an_absurd_supply_is_refused_by_its_key(change, said, tmp_path):
    text = sample_recipe().read_text("utf-8")
    assert change[0] in text
    file = tmp_path / "recipe.toml"
    file.write_text(text.replace(*change), "utf-8")
    with pytest.raises(TwinError, match=said):
        read_recipe(file)
