"""Who lives, works and travels in the sample district; and that its figures find what is wrong."""

import re
from types import SimpleNamespace

import numpy as np
import pytest

from twin_sandbox.entities import read_district
from twin_sandbox.errors import TwinError
from twin_sandbox.generate import build_district, sample_recipe
from twin_sandbox.generate.layers.people_trades import (
    FITS,
    GROUND,
    OFFICE,
    PORT,
    SECTORS,
    SUPPLIES,
    TRADES,
    UPPER,
    fits,
)
from twin_sandbox.generate.recipe import read_recipe
from twin_sandbox.generate.sanity import people


@pytest.fixture(scope="module")
def district():
    return read_district(build_district())


@pytest.fixture
def changed(district):
    """The district with one value of one table changed: `changed("residents", 0, "age", 12)`."""

    def change(table: str, row: int, column: str, value: object) -> SimpleNamespace:
        tables = {name: district.entities[name] for name in (*people_tables(), "buildings", "parks", "bus_lines")}
        facts = {name: district.facts[name] for name in ("households", "supply_links", "trips")}
        kept = facts if table in facts else tables
        kept[table] = kept[table].copy()
        kept[table].iloc[row, kept[table].columns.get_loc(column)] = value
        return SimpleNamespace(entities=tables, facts=facts, recipe=district.recipe)

    return change


def people_tables() -> tuple[str, ...]:
    return ("residents", "commuters", "enterprises", "vehicles")


def failing(district) -> set[str]:
    return {value.name for value in people.values(district) if not value.ok}


def test_every_figure_of_the_people_lies_in_its_range(district):
    values = list(people.values(district))
    assert [value for value in values if not value.ok] == []
    assert len({value.name for value in values}) == len(values) > 40


@pytest.mark.parametrize(
    ("table", "row", "column", "value", "found"),
    [
        ("residents", 5, "lives_in", "SB010000BBD00000", "buildings_with_other_residents_than_counted"),
        ("residents", 5, "household", "H99999", "persons_without_a_household"),
        ("residents", 5, "attends", "SB010000EEN00000", "schools_with_more_pupils_than_places"),
        ("households", 7, "size", 9, "households_of_another_size"),
        ("enterprises", 3, "employees", 999, "enterprises_with_other_workers_than_jobs"),
        ("enterprises", 3, "kind", "drainage depot", "enterprises_in_an_unfit_building"),
        ("enterprises", 3, "floor_area_m2", 1e6, "buildings_with_more_let_than_built"),
        ("enterprises", 3, "sector", "Z", "enterprises_of_unknown_sector"),
        ("vehicles", 0, "household", "H04000", "cars_driven_by_strangers"),
        ("vehicles", -1, "owner_code", "", "vehicles_without_an_owner"),
        ("vehicles", 0, "plate", "SB·S0002", "plates_doubled"),
        ("supply_links", 0, "from_code", "", "supply_links_to_unknown_enterprises"),
        ("trips", 100, "to_place", "S", "trips_to_unknown_places"),
        ("trips", 100, "to_place", "W", "days_that_do_not_chain"),
        ("trips", 100, "duration_s", 80000, "days_that_do_not_chain"),
        ("trips", 100, "person_code", "", "trips_of_unknown_people"),
    ],
)
def test_one_wrong_value_is_found(changed, table, row, column, value, found):
    assert found in failing(changed(table, row, column, value))


@pytest.mark.parametrize(
    ("mode", "found"), [("walk", "trips_driven_by_other_modes"), ("car", "trips_driven_without_a_car")]
)
def test_who_drives_without_a_car_is_found(district, changed, mode, found):
    trips, drivers = district.facts["trips"], district.entities["vehicles"]["driver_code"]
    residents = district.entities["residents"].index
    free = (trips["mode"] == mode) & trips["person_code"].isin(residents) & ~trips["person_code"].isin(drivers)
    assert found in failing(changed("trips", int(np.flatnonzero(free)[0]), "drives", True))


def test_a_person_outside_the_own_home_is_found(district, changed):
    other = district.entities["residents"].geometry.iloc[-1]
    assert "persons_outside_their_home" in failing(changed("residents", 0, "geometry", other))


def test_nobody_has_a_name_and_every_one_is_marked_as_a_sample(district):
    for table, english, chinese in (
        ("residents", "Sample resident", "样例居民"),
        ("commuters", "Sample commuter", "样例通勤者"),
    ):
        rows = district.entities[table]
        assert all(re.fullmatch(rf"{english} \d{{5}}", name) for name in rows["name_en"])
        assert all(re.fullmatch(rf"{chinese}\d{{5}}", name) for name in rows["name_zh"])
    plates = district.entities["vehicles"]["plate"]
    assert all(re.fullmatch(r"SB·S\d{4,5}", plate) for plate in plates)


def test_children_are_younger_than_their_parents_by_a_generation(district):
    """In households of pupils below 15 somebody is at least 16 years older than the youngest, in all but a few."""
    residents = district.entities["residents"]
    ages = residents.groupby("household")["age"].agg(["min", "max"])
    young = ages[ages["min"] < 15]
    assert len(young) > 1000
    assert ((young["max"] - young["min"]) >= 16).mean() > 0.99


def test_pupils_learn_and_workers_work_where_their_kind_does(district):
    residents, firms = district.entities["residents"], district.entities["enterprises"]
    learns = residents["attends"][residents["attends"] != ""].map(firms["kind"])
    ages = residents.loc[learns.index, "age"]
    assert set(learns) == {"school", "kindergarten"}
    assert ages[learns == "school"].between(6, 14).all()
    assert ages[learns == "kindergarten"].between(3, 5).all()
    assert (residents.loc[residents["works_at"] != "", "age"] >= 18).all()


def test_every_service_that_employs_people_has_its_enterprise(district):
    from twin_sandbox.generate.layers.people import SERVICES

    services, firms = district.entities["services"], district.entities["enterprises"]
    pairs = set(zip(firms["kind"], firms["building_code"], strict=True))
    wanted = {
        (SERVICES[kind], building)
        for kind, building in zip(services["kind"], services["building_code"], strict=True)
        if kind in SERVICES
    }
    assert wanted <= pairs


def test_boats_lie_in_the_basin_and_all_else_in_its_building(district):
    import shapely

    vehicles, buildings = district.entities["vehicles"], district.entities["buildings"]
    afloat = vehicles["building_code"] == ""
    assert set(vehicles["kind"][afloat]) == {"fishing boat", "patrol boat"}
    homes = buildings["geometry"].reindex(vehicles.loc[~afloat, "building_code"]).to_numpy()
    assert shapely.covers(homes, vehicles.loc[~afloat, "geometry"].to_numpy()).all()
    terrain = district.terrain
    sea = [terrain.land_cover[terrain.cell(spot.x, spot.y)] == 0 for spot in vehicles.geometry[afloat]]
    assert all(sea)


def test_who_drives_all_day_has_a_car_or_rides_in_one(district):
    """A car tour of somebody whose household has no car is by taxi: a small part."""
    residents, homes = district.entities["residents"], district.facts["households"].set_index("household")
    trips = district.facts["trips"]
    household = trips.loc[trips["mode"] == "car", "person_code"].map(residents["household"]).dropna()
    without = household.map(homes["cars"]) == 0
    assert 0 < without.mean() < 0.25


def test_each_trade_fits_somewhere_and_is_in_the_standards_sections():
    letters = {trade.sector for trade in TRADES.values()}
    assert letters <= set(SECTORS)
    for mix, use in ((GROUND, "shop"), (UPPER, "shop"), (OFFICE, "office"), (PORT, "port")):
        assert all(fits(use, trade) and trade in TRADES for trade in mix)
    assert all(trade in TRADES for trades in FITS.values() for trade in trades)
    assert all(seller in TRADES and buyer in TRADES for seller, buyer, _, _ in SUPPLIES)
    assert all(any(fits(use, trade) for use in ("shop", "office", *FITS)) for trade in TRADES)


@pytest.fixture
def written(tmp_path):
    def write(old: str, new: str):
        text = sample_recipe().read_text(encoding="utf-8")
        assert old in text
        (tmp_path / "recipe.toml").write_text(text.replace(old, new, 1), encoding="utf-8")
        return tmp_path / "recipe.toml"

    return write


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ("household_size = 2.62", "household_size = 0", "people.household_size"),
        ("works_inside_share = 0.36", "works_inside_share = nan", "people.works_inside_share"),
        ('{ trade = "boatyard", x = 1002', '{ trade = "boatyard", x = 1e9', r"people.enterprise\[3\].x"),
        ('{ trade = "boatyard", x', "{ trade = 4, x", r"people.enterprise\[3\]"),
        ('trade = "boatyard"', 'trade = "space port"', "space port"),
    ],
)
def test_an_absurd_recipe_is_refused_by_its_key(written, old, new, named):
    with pytest.raises(TwinError, match=named):
        read_recipe(written(old, new))


def test_the_data_sheet_names_each_column(district):
    import tomllib

    from twin_sandbox.entities import FACTS, TABLES
    from twin_sandbox.entities.schema import people as schema

    sheet = tomllib.loads((sample_recipe().parent / "sheets" / "people.toml").read_text(encoding="utf-8"))
    assert set(sheet) == {*schema.TABLES, *schema.FACTS}
    for name, table in sheet.items():
        kind = TABLES.get(name) or FACTS[name]
        assert tuple(table["columns"]) == kind.columns


def test_an_hour_later_somewhere_else(district):
    """No trip takes a moment or a day; the longest way is that of the farthest commuter."""
    trips = district.facts["trips"]
    assert trips["duration_s"].between(60, 4 * 3600).all()
    assert (trips["outside_distance_m"] <= trips["distance_m"]).all()
    assert np.isfinite(trips["distance_m"]).all()
