"""The heat net of the built district."""

import numpy as np
import pytest

from twin_sandbox.entities import read_district
from twin_sandbox.generate import build_district
from twin_sandbox.generate.layers.heat import DENSITY_KG_M3, MOST_IN_BRANCHES_PA_M, ROUGHNESS
from twin_sandbox.generate.sanity import heat


@pytest.fixture(scope="module")
def sample():
    return read_district(build_district())


def test_every_figure_of_the_heat_net_lies_in_its_range(sample):
    figures = list(heat.values(sample))
    assert [f"{v.name} {v.value}" for v in figures if not v.ok] == []
    assert len(figures) > 20


def test_heat_balances_from_the_houses_to_the_station(sample):
    """Mass flow leaves the station for all loads: m = P / (4.2 × 60), and divides at each node without a rest."""
    entities = sample.entities
    pipes, services = entities["heat_pipes"], entities["heat_services"]
    station = entities["heat_sources"].index[0]
    out = pipes.loc[pipes["from_code"] == station, "design_kg_s"].sum()
    assert out == pytest.approx(services["design_load_kw"].sum() / (4.2 * 60), rel=1e-3)
    came, went = (pipes.groupby(end)["design_kg_s"].sum() for end in ("to_code", "from_code"))
    passed = came.index.intersection(went.index).difference(entities["heat_substations"]["node_code"])
    assert np.abs(came[passed] - went[passed]).max() < 0.01


def test_homes_and_public_houses_have_heat_villas_and_the_old_town_their_own(sample):
    buildings, services = sample.entities["buildings"], sample.entities["heat_services"]
    heated = buildings.index.isin(services["building_code"])
    assert heated[buildings["use"].isin(["school", "hospital"])].all()
    assert heated[(buildings["use"] == "residential") & (buildings["storeys"] > 5)].all()
    assert not heated[(buildings["use"] == "residential") & (buildings["storeys"] < 4)].any()
    assert not heated[buildings["use"] == "port"].any()


def test_what_heats_a_house_is_found_up_to_the_station(sample):
    for row in sample.entities["heat_services"].iloc[::40].itertuples():
        way = list(sample.feeds(row.building_code, "heat")["table"])
        assert way[0] == "heat_services"
        assert way[1] == "heat_substations"
        assert way[-1] == "heat_sources"


def test_friction_stays_economic_and_sizes_never_grow_away_from_the_station(sample):
    pipes = sample.entities["heat_pipes"]
    speed = pipes["design_kg_s"] / DENSITY_KG_M3 / (np.pi / 4 * pipes["diameter_m"] ** 2)
    friction_pa_m = ROUGHNESS / pipes["diameter_m"] * DENSITY_KG_M3 * speed**2 / 2
    assert friction_pa_m.max() <= MOST_IN_BRANCHES_PA_M + 1
    above = pipes.set_index("to_code")["diameter_m"]
    up = pipes["from_code"].map(above).dropna()
    assert (up >= pipes.loc[up.index, "diameter_m"]).all()


def test_substations_stand_clear_of_houses_and_water_mains(sample):
    entities = sample.entities
    houses = entities["buildings"].geometry.union_all()
    assert entities["heat_substations"].distance(houses).min() > 4.0
    along = entities["heat_pipes"].query("kind == 'heat main'").geometry.union_all()
    near = entities["water_pipes"].geometry.union_all().buffer(1.0).intersection(along).length
    assert near < 0.08 * along.length  # where they cross
