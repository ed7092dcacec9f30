"""The power network of the sample district, and what its check says of a broken one."""

import math

import pytest

from twin_sandbox.entities import read_district
from twin_sandbox.errors import TwinError
from twin_sandbox.generate import build_district, sample_recipe
from twin_sandbox.generate.layers.power_cables import choose_low, choose_rating
from twin_sandbox.generate.recipe import read_recipe
from twin_sandbox.generate.sanity import power

LV_KINDS = {"lv_board", "lv_cabinet"}


@pytest.fixture(scope="module")
def district():
    return read_district(build_district())


@pytest.fixture
def broken():
    """A district of one's own to break tables of."""
    return read_district(build_district())


def figures(district):
    return {value.name: value for value in power.values(district)}


def test_every_figure_of_the_sample_is_in_its_range(district):
    found = figures(district)
    assert [f"{v.name} = {v.value}" for v in found.values() if not v.ok] == []
    assert {"summer_low_voltage_least", "outages_resupplied_share", "back_feed_to_rating_most"} <= set(found)


def test_a_consumer_is_fed_from_service_to_feed(district):
    """Service, low-voltage bus, cables, transformer, 10 kV cables, busbar, feed: each step is one row."""
    tables = district.entities
    above = {}
    for name in ("power_lines", "transformers"):
        for code, row in tables[name].iterrows():
            assert row["to_code"] not in above
            above[row["to_code"]] = (name, code, row["from_code"])
    feeds = set(tables["grid_feeds"]["bus_code"])
    kinds = tables["power_buses"]["kind"]
    for bus in tables["power_services"]["bus_code"]:
        assert kinds[bus] in LV_KINDS
        passed, node = [], bus
        while node not in feeds:
            name, _, node = above[node]
            passed.append(name)
        assert passed.count("transformers") == 1
        assert kinds[node] == "feed_busbar"


def test_every_building_has_one_service_on_a_bus_of_its_voltage(district):
    services = district.entities["power_services"]
    own = services[services["consumer_code"].isin(district.entities["buildings"].index)]
    assert sorted(own["consumer_code"]) == sorted(district.entities["buildings"].index)
    assert (district.entities["power_buses"]["kv"].reindex(services["bus_code"]) == 0.38).all()
    assert (services["coincident_peak_kw"] <= services["connected_kw"] + 0.05).all()


def test_rings_run_between_two_sections_and_are_open_at_one_point(district):
    switches, buses = district.entities["power_switches"], district.entities["power_buses"]
    ties = switches[switches["is_normally_open"]]
    assert not ties["is_closed"].any()
    assert switches[~switches["is_normally_open"]]["is_closed"].all()
    rings = ties[ties["kind"] == "load_break_switch"]
    assert len(rings) == len(district.recipe["power"]["ring"])
    for row in rings.itertuples():
        feeders = {buses["feeder"][row.bus_code], buses["feeder"][row.tie_bus_code]}
        assert len(feeders) == 2
        assert len({feeder[:-2] for feeder in feeders}) == 1


def test_the_switching_stations_are_the_landmarks(district):
    buses, buildings = district.entities["power_buses"], district.entities["buildings"]
    stations = buildings[buildings["use"] == "substation"]
    sections = buses[buses["kind"] == "busbar"]
    assert sections.groupby("building_code").size().to_dict() == dict.fromkeys(stations.index, 2)


def test_the_drainage_pumps_hang_on_two_transformers_of_two_grid_feeds(district):
    tables = district.entities
    services = tables["power_services"]
    pumps = services[services["consumer_code"].isin(tables["pumps"].index)]
    boards = {*pumps["bus_code"]}
    assert len(boards) == 2
    assert (pumps["bus_code"] != pumps["standby_bus_code"]).all()
    assert {*pumps["standby_bus_code"]} == boards
    above = {
        row["to_code"]: row["from_code"]
        for name in ("power_lines", "transformers")
        for _, row in tables[name].iterrows()
    }
    tops = set()
    for bus in boards:
        node = bus
        while node in above:
            node = above[node]
        tops.add(node)
    assert len(tops) == 2
    transformers = tables["transformers"]
    rated = transformers.loc[transformers["to_code"].isin(boards), "rated_kva"]
    assert (rated * 0.88 >= tables["pumps"]["power_kw"].sum()).all()  # each carries all pumps at 0.88 power factor
    assert set(tables["generators"]["bus_code"]) & boards


def test_cabinets_stand_on_dry_plinths_and_some_in_low_areas(district):
    terrain, buses = district.terrain, district.entities["power_buses"]
    street = buses[buses["kind"] == "lv_cabinet"]
    ground = [terrain.elevation_m[terrain.cell(p.x, p.y)] for p in street.geometry]
    plinth = street["flood_level_m"] - ground
    assert plinth.between(0.28, 0.62).all()


def test_profiles_cover_every_hour_of_every_kind_of_day(district):
    profiles = district.facts["load_profiles"]
    per = profiles.groupby(["profile", "season", "day_kind"])["hour"].agg(["size", "nunique", "min", "max"])
    assert (per == [24, 24, 0, 23]).all().all()
    assert len(per) == profiles["profile"].nunique() * 8
    assert profiles["load_share"].between(0, 1).all()
    assert set(district.entities["power_services"]["profile"]) <= set(profiles["profile"])


def test_the_cable_to_a_building():
    """100 kW at 0.92: 100/0.92/(1.732·0.38) = 165 A; 1.4 · 165 = 231 A asks for 4x120 (255 A).

    Its drop over 50 m: 1.732 · 165 · 0.153 · 1.2 · 0.05 = 2.6 V of 380 V. Over 600 m it would be 31 V, above 3.5 %.
    """
    sort, count = choose_low(100.0, 50.0)
    assert (sort.name, count) == ("YJV22-0.6/1 4x120", 1)
    sort, count = choose_low(100.0, 600.0)
    assert math.sqrt(3) * 165 * sort.ohm_km * 1.2 * 0.6 / count <= 0.035 * 380
    assert count == 2


def test_the_transformer_for_a_load():
    """300 kW at 0.93 and 62 % of the rating: 300/0.93/0.62 = 520 kVA, so 630; nothing is above 1,250."""
    assert choose_rating(300.0).kva == 630.0
    assert choose_rating(5000.0).kva == 1250.0


def test_a_closed_open_point_is_reported_as_a_loop(broken):
    switches = broken.entities["power_switches"]
    code = switches.index[switches["is_normally_open"] & (switches["kind"] == "load_break_switch")][0]
    switches.loc[code, "is_closed"] = True
    found = figures(broken)
    assert found["power_loops_in_ordinary_operation"].value == 1
    assert found["open_points_closed"].value == 1
    assert not found["power_loops_in_ordinary_operation"].ok


def test_a_loop_of_low_voltage_cables_is_reported(broken):
    lines, buses = broken.entities["power_lines"], broken.entities["power_buses"]
    low = lines[lines["kv"] < 1]
    inner = low[low["from_code"].map(buses["kind"]) == "lv_cabinet"].iloc[0]
    first = low[low["to_code"] == inner["from_code"]].iloc[0]
    lines.loc[first.name, "from_code"] = inner["to_code"]
    found = figures(broken)
    assert found["power_loops_in_ordinary_operation"].value == 1
    assert found["buses_without_supply"].value >= 2
    assert math.isnan(found["low_voltage_way_most"].value)
    assert not found["low_voltage_way_most"].ok


def test_a_bus_that_is_not_there_is_reported_and_nothing_is_computed(broken):
    lines = broken.entities["power_lines"]
    lines.loc[lines.index[5], "to_code"] = "SB010000FEB00000"
    found = figures(broken)
    assert found["power_ends_unknown"].value == 1
    assert not found["power_flow_solved"].ok
    assert "summer_low_voltage_least" not in found


def test_a_building_without_a_service_is_reported(broken):
    services = broken.entities["power_services"]
    services.loc[services.index[0], "consumer_code"] = ""
    assert figures(broken)["buildings_without_power"].value == 1


def test_a_cable_out_of_use_leaves_its_feeder_dark(broken):
    switches, lines = broken.entities["power_switches"], broken.entities["power_lines"]
    head = lines[lines["kind"] == "ring"].index[0]
    switches.loc[switches["branch_code"] == head, "is_closed"] = False
    found = figures(broken)
    assert found["buses_without_supply"].value > 5
    assert found["summer_buses_dark"].value == found["buses_without_supply"].value


def test_pumps_on_one_feeder_are_reported(broken):
    transformers = broken.entities["transformers"]
    transformers["feeder"] = "Beach Ring A"
    assert figures(broken)["pumps_without_second_feed"].value == len(broken.entities["pumps"])


def test_a_load_without_a_profile_is_reported(broken):
    services = broken.entities["power_services"]
    services.loc[services.index[0], "profile"] = "siesta"
    assert not figures(broken)["power_flow_solved"].ok


TEXT = sample_recipe().read_text("utf-8")


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        ('from = ["Substation West", 1]', 'from = ["Substation South", 1]', "power.ring[0].from"),
        ('to = ["Substation Harbour", 2]', 'to = ["Substation Harbour", 3]', "power.ring[0].to"),
        ("short_circuit_mva = 165.0", 'short_circuit_mva = "strong"', "power.feed[0].short_circuit_mva"),
        ("offset_m = 3.2", "offset_m = nan", "power.ring[0].offset_m"),
        ('name_zh = "城北变电站", ', "", "power.feed[0].name_zh"),
    ],
)
def test_a_recipe_with_an_absurd_network_is_refused(tmp_path, old, new, key):
    assert old in TEXT
    file = tmp_path / "recipe.toml"
    file.write_text(TEXT.replace(old, new, 1), "utf-8")
    with pytest.raises(TwinError) as refusal:
        read_recipe(file)
    assert key in refusal.value.where
