"""`practicum district`: each fault that can be put into a district is found by the figure that should find it."""

import json
import shutil
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from shapely.affinity import scale, translate
from shapely.geometry import Point, Polygon

from grader.cli.district import command
from twin_sandbox import Scenario, Storm, Tide, open_district
from twin_sandbox.entities import TABLES, District, Terrain, read_district
from twin_sandbox.entities.code import make_code
from twin_sandbox.entities.district import FILES, MANIFEST
from twin_sandbox.entities.schema.things import SPACES
from twin_sandbox.errors import TwinError
from twin_sandbox.generate import build_district
from twin_sandbox.generate.layers.things_kinds import KINDS
from twin_sandbox.generate.picture import draw_map
from twin_sandbox.generate.sanity import Value, check_district, drainage, history, things, town
from twin_sandbox.generate.sanity.things import LEAST


@pytest.fixture(scope="module")
def sample() -> District:
    return read_district(build_district())


@pytest.fixture
def district(sample):
    """The sample with tables of its own, to be spoilt."""
    mine = read_district(sample.folder)
    mine.entities = {name: sample.entities[name].copy() for name in TABLES}
    mine.stage_storage = {code: stages.copy() for code, stages in sample.stage_storage.items()}
    return mine


def test_the_sample_district_is_sane(sample):
    assert [value for value in check_district(sample) if not value.ok] == []


def test_a_value_that_cannot_be_computed_is_not_ok():
    value = Value("x", float("nan"), 0.0, 1.0, "m", "test")
    assert not value.ok
    assert value.as_json()["value"] is None


def _column(table, column, change, row=0):
    def spoil(district):
        frame = district.entities[table]
        frame.loc[frame.index[row], column] = change(frame[column].iloc[row])

    return spoil


def _fact(table, column, change, row=0):
    def spoil(district):
        frame = district.facts[table]
        frame.loc[frame.index[row], column] = change(frame[column].iloc[row])

    return spoil


def _rename_kind(kind):
    other = "street_depth" if kind == "rain_gauge" else "rain_gauge"
    return lambda district: district.entities["devices"].replace({"kind": {kind: other}}, inplace=True)  # noqa: PD002


def _rename_space(space):
    return lambda district: district.entities["devices"].replace({"space": {space: "nowhere"}}, inplace=True)  # noqa: PD002


def _shape(table, change, row=0):
    def spoil(district):
        frame = district.entities[table]
        shapes = list(frame.geometry)
        shapes[row] = change(shapes[row])
        district.entities[table] = frame.set_geometry(shapes, crs=frame.crs)

    return spoil


def _index(table, change):
    def spoil(district):
        frame = district.entities[table]
        codes = list(frame.index)
        codes[0] = change(codes)
        district.entities[table] = frame.set_axis(codes)

    return spoil


def _reverse_a_pipe(district):
    pipes = district.entities["conduits"]
    row = pipes.index[20]
    ends = pipes.loc[row, ["from_code", "to_code", "inlet_offset_m", "outlet_offset_m"]].tolist()
    pipes.loc[row, ["to_code", "from_code", "outlet_offset_m", "inlet_offset_m"]] = ends


def _cut_a_trunk(district):
    pipes = district.entities["conduits"]
    largest = pipes["diameter_m"].idxmax()
    pipes.loc[largest, "to_code"] = pipes.loc[largest, "from_code"]


def _lead_two_pipes_to_one_outfall(district):
    pipes, outfalls = district.entities["conduits"], district.entities["outfalls"].index
    pipes.loc[pipes["to_code"] == outfalls[0], "to_code"] = outfalls[1]


def _drop(table, count=1):
    def spoil(district):
        district.entities[table] = district.entities[table].iloc[count:]

    return spoil


def _build_on_a_street(district):
    street = district.entities["streets"].geometry.iloc[0]
    middle = street.interpolate(0.5, normalized=True)
    _shape("buildings", lambda _: middle.buffer(8.0))(district)


def _build_on_a_neighbour(district):
    other = district.entities["buildings"].geometry.iloc[1]
    _shape("buildings", lambda _: other)(district)


def _circle_of_spills(district):
    areas = district.entities["low_areas"]
    first, second = areas.index[:2]
    areas.loc[first, "spills_to"], areas.loc[second, "spills_to"] = second, first


def _wrong_stages(district):
    code = next(iter(district.stage_storage))
    district.stage_storage[code]["volume_m3"] *= 1.1


def _raise_the_ground(district):
    old = district.terrain
    district.terrain = Terrain(
        old.elevation_m + np.float32(1.0), old.land_cover, old.low_area, old.x_min_m, old.y_max_m, old.cell_m
    )


def _bury_the_parks_under_the_sea(district):
    old = district.terrain
    cover = np.where(old.land_cover == 2, 0, old.land_cover).astype("u1")
    district.terrain = Terrain(old.elevation_m, cover, old.low_area, old.x_min_m, old.y_max_m, old.cell_m)


NOWHERE = "SB010000FMH9999"
BOW_TIE = Polygon([(0, 0), (10, 10), (10, 0), (0, 10)])
FAULTS = {
    "codes_invalid": _index("streets", lambda codes: codes[0][:-1] + ("0" if codes[0][-1] != "0" else "1")),
    "codes_doubled": _index("streets", lambda codes: codes[1]),
    "codes_of_another_table": _index("streets", lambda _: make_code("SB01", 0, 2, "F", "PK", 99)),
    "codes_of_another_place": _index("streets", lambda _: make_code("SB01", 9, 9, "F", "RD", 999)),
    "geometries_invalid": _shape("parks", lambda shape: translate(BOW_TIE, *shape.centroid.coords[0])),
    "geometries_outside_the_frame": _shape("outfalls", lambda shape: translate(shape, -5000)),
    "buildings_on_streets": _build_on_a_street,
    "buildings_on_one_another": _build_on_a_neighbour,
    "buildings_in_the_sea": _bury_the_parks_under_the_sea,
    "residents": _column("buildings", "residents", lambda people: people + 1),
    "people_per_km2": lambda d: d.entities["buildings"].__setitem__("residents", 0),
    "streets_per_km2": _drop("streets", 80),
    "street_networks": _shape("streets", lambda line: scale(line, 0.5, 0.5), row=30),
    "buildings": _drop("buildings", 300),
    "residents_outside_homes": lambda d: d.entities["buildings"].__setitem__("use", "office"),
    "storeys_lower_than_2_6_m": _column("buildings", "storeys", lambda storeys: storeys + 20),
    "dwelling_floor_per_person": lambda d: d.entities["buildings"].__setitem__("storeys", 1),
    "ground_floor_above_ground_least": _column("buildings", "floor_m", lambda floor: floor - 3.0),
    "ground_floor_above_ground_median": _raise_the_ground,
    "pipes_that_do_not_fall": _reverse_a_pipe,
    "pipes_with_a_wrong_slope": _column("conduits", "slope", lambda slope: slope * 2),
    "pipes_below_their_manhole": _column("conduits", "inlet_offset_m", lambda offset: offset - 0.2),
    "pipe_slope_least": _column("conduits", "outlet_offset_m", lambda offset: offset + 5.0),
    "pipe_slope_greatest": _column("conduits", "inlet_offset_m", lambda offset: offset + 20.0),
    "full_bore_speed_least": _column("conduits", "roughness_n", lambda n: n * 3),
    "full_bore_speed_greatest": lambda d: d.entities["conduits"].__setitem__("roughness_n", 0.001),
    "diameter_least": _column("conduits", "diameter_m", lambda _: 0.1),
    "diameter_greatest": _column("conduits", "diameter_m", lambda _: 5.0),
    "pipes_narrower_than_those_above": lambda d: d.entities["conduits"].__setitem__(
        "diameter_m", d.entities["conduits"]["diameter_m"].max() - d.entities["conduits"]["diameter_m"] + 0.3
    ),
    "cover_at_manholes_least": _column("junctions", "rim_m", lambda rim: rim - 1.0),
    "cover_along_pipes_least": lambda d: d.entities["conduits"].__setitem__("diameter_m", 3.0),
    "rim_off_the_ground_greatest": _column("junctions", "rim_m", lambda rim: rim + 0.3),
    "links_to_unknown_nodes": _column("conduits", "to_code", lambda _: NOWHERE),
    "nodes_that_do_not_drain_to_an_outfall": _cut_a_trunk,
    "outfalls_without_exactly_one_pipe": _lead_two_pipes_to_one_outfall,
    "subcatchments_without_a_junction": _column("subcatchments", "outlet", lambda _: NOWHERE),
    "overflows_to_unknown_places": _column("junctions", "overflow_to", lambda _: NOWHERE),
    "storage_tanks": _drop("storages"),
    "pumps_to_five_year_peak": _column("pumps", "rated_m3s", lambda flow: flow * 4),
    "tank_volume_per_ha": _column("storages", "area_m2", lambda area: area * 3),
    "sump_seconds_of_largest_pump": _column("storages", "area_m2", lambda area: area / 100),
    "pumps_that_stop_above_their_start": _column("pumps", "stop_level_m", lambda level: level + 9),
    "pump_levels_outside_the_tank": _column("pumps", "stop_level_m", lambda level: level - 9),
    "pump_starts_per_hour_greatest": _column("storages", "area_m2", lambda area: area / 100),
    "tide_gates": _drop("gates"),
    "tidal_outfalls": lambda d: d.entities["outfalls"].__setitem__("tidal", False),
    "subcatchments_cover_of_land": _drop("subcatchments", 20),
    "subcatchments_overlap": _shape("subcatchments", lambda shape: shape.buffer(60.0), row=40),
    "subcatchment_areas_wrong": _column("subcatchments", "area_m2", lambda area: area + 100),
    "impervious_shares_absurd": _column("subcatchments", "impervious_share", lambda _: 1.2),
    "runoff_coefficient_mean": lambda d: d.entities["subcatchments"].__setitem__("runoff_coefficient", 0.1),
    "low_areas": _drop("low_areas", 8),
    "underpasses": lambda d: d.entities["low_areas"].__setitem__("kind", "street"),
    "underpass_depth": lambda d: d.entities["low_areas"].__setitem__(
        "sill_m", d.entities["low_areas"]["bottom_m"] + 0.5
    ),
    "street_low_area_depth_least": _column("low_areas", "sill_m", lambda sill: sill - 0.3),
    "street_low_area_depth_greatest": _column("low_areas", "sill_m", lambda sill: sill + 2.0),
    "spills_to_unknown_places": _column("low_areas", "spills_to", lambda _: NOWHERE),
    "spills_that_never_reach_the_sea": _circle_of_spills,
    "low_areas_of_unknown_streets": _column("low_areas", "street_code", lambda _: NOWHERE),
    "low_areas_without_a_manhole": lambda d: d.entities["junctions"].__setitem__("low_area", ""),
    "stage_tables_unlike_the_terrain": _wrong_stages,
    "devices": _drop("devices", 40),
    "device_kinds": lambda d: d.entities["devices"].__setitem__("kind", "gateway"),
    **{f"devices_{kind}": _rename_kind(kind) for kind in LEAST},
    "device_kinds_missing": _rename_kind("wave_buoy"),
    **{f"devices_{space.replace(' ', '_')}": _rename_space(space) for space in SPACES},
    "devices_on_the_wrong_ground": lambda d: d.entities["devices"].__setitem__("space", "water"),
    "devices_without_a_host": _column("devices", "host", lambda _: NOWHERE),
    "devices_without_a_gateway": _column("devices", "gateway", lambda _: NOWHERE),
    "devices_of_nobody": _column("devices", "owner", lambda _: ""),
    "device_states_wrong": _column("devices", "valid_to", lambda _: "2026-01-01"),
    "datastreams_doubled": _fact("datastreams", "datastream", lambda _: "tide-01"),
    "datastreams_of_no_device": _fact("datastreams", "device_code", lambda _: NOWHERE),
    "devices_without_a_datastream": _fact("datastreams", "device_code", lambda _: NOWHERE),
    "devices_without_resolution": _fact("datastreams", "resolution", lambda _: 0.0),
    "datastream_ranges_absurd": _fact("datastreams", "range_low", lambda _: 1e9),
    "observations_a_day": lambda d: d.facts["datastreams"].__setitem__("interval_s", 3600),
    "thing_descriptions_wrong": _fact("datastreams", "unit", lambda _: "furlong"),
    "wrong_connections": _drop("wrong_connections", 5),
    "share_of_foul_water_in_storm_sewers": lambda d: d.entities["wrong_connections"].__setitem__(
        "dry_weather_m3s", 0.0
    ),
    "wrong_connection_slope_least": _column("wrong_connections", "outlet_invert_m", lambda level: level + 5.0),
    "wrong_connections_below_their_manhole": _column("wrong_connections", "outlet_invert_m", lambda level: level - 9.0),
    "wrong_connections_that_miss_house_or_manhole": _column("wrong_connections", "junction_code", lambda _: NOWHERE),
}


HERE = (town, drainage, things)
"""The parts whose figures are tried here; the other parts have tests of their own."""


def test_every_figure_has_a_fault_that_it_finds(sample):
    assert {value.name for part in HERE for value in part.values(sample)} == set(FAULTS)


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_found_by_its_figure(district, name):
    FAULTS[name](district)
    assert any(value.name == name and not value.ok for part in HERE for value in part.values(district))


def test_a_pipe_older_than_what_it_runs_into_is_found(district):
    district.entities["junctions"]["valid_from"] = "2030-01-01"
    figures = {value.name: value for value in history.values(district)}
    assert figures["pipes_older_than_what_they_run_into"].value > 100
    assert not figures["pipes_older_than_what_they_run_into"].ok


def test_the_command_checks_the_sample_as_json():
    run = CliRunner().invoke(command, ["check", "--json"])
    report = json.loads(run.stdout)
    assert run.exit_code == 0
    assert report["ok"] is True
    assert report["residents"] == 12000
    assert report["devices"] == sum(report["device_kinds"].values())
    assert set(report["device_kinds"]) == {*LEAST, *KINDS}
    assert set(report["entities"]) == set(TABLES)
    assert {"name", "value", "low", "high", "unit", "source", "ok"} == set(report["values"][0])


def test_the_command_exits_1_for_a_district_that_is_not_sane(monkeypatch):
    bad = Value("pipes_that_do_not_fall", 1.0, 0.0, 0.0, "1", "test")
    monkeypatch.setattr("twin_sandbox.generate.sanity.check_district", lambda _: [bad])
    run = CliRunner().invoke(command, ["check"])
    assert run.exit_code == 1
    assert "BAD  pipes_that_do_not_fall" in run.output
    assert "1 of 1 values out of range" in run.output
    as_json = CliRunner().invoke(command, ["check", "--json"])
    assert as_json.exit_code == 1
    assert json.loads(as_json.stdout)["ok"] is False


def test_the_command_builds_and_shows(sample, tmp_path):
    run = CliRunner().invoke(command, ["build", "--json"])
    assert json.loads(run.stdout)["folder"] == str(sample.folder)
    picture = tmp_path / "map.png"
    run = CliRunner().invoke(command, ["show", str(sample.folder), "--map", str(picture)])
    assert run.exit_code == 0
    assert "does not exist" in run.output
    assert picture.read_bytes().startswith(b"\x89PNG")
    shown = json.loads(CliRunner().invoke(command, ["show", "--json"]).stdout)
    assert shown["residents"] == 12000
    assert shown["lowest_street_m"] < 2.5


def test_building_mends_a_damaged_district_in_the_cache_and_gives_the_same_bytes(sample, tmp_path, monkeypatch):
    monkeypatch.setenv("PRACTICUM_CACHE", str(tmp_path))
    copy = shutil.copytree(sample.folder, tmp_path / "districts" / sample.folder.name)
    (copy / "stage_storage.csv").write_text("")
    assert build_district() == copy
    assert CliRunner().invoke(command, ["build"]).exit_code == 0
    for name in (*FILES, MANIFEST):
        assert (copy / name).read_bytes() == (sample.folder / name).read_bytes(), name
    assert [entry.name for entry in copy.parent.iterdir()] == [copy.name]


def test_a_map_that_cannot_be_written_is_refused(sample, tmp_path):
    with pytest.raises(TwinError, match="cannot be written"):
        draw_map(sample, tmp_path / "nowhere" / "map.png")


def test_a_users_mistake_is_one_message_without_a_traceback(tmp_path):
    run = subprocess.run(
        [sys.executable, "-c", "from grader.cli import main; main()", "district", "check", str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 1
    assert run.stderr.startswith(f"Error: district {tmp_path}: not a built district")
    assert "Traceback" not in run.stderr


@pytest.mark.parametrize(("years", "surge_m"), [(3, 0.0), (100, 0.5)])
def test_a_common_storm_stays_below_the_kerb_and_a_rare_one_drowns_streets(sample, years, surge_m):
    """GB 50014-2021, 4.1: after 3 years a lane stays open (15 cm); after 100 years at high tide streets pond."""
    begin = pd.Timestamp("2026-07-20T18:00:00+08:00")
    tide = Tide(0.0, 3.4, begin + pd.Timedelta(hours=2), surge_m) if surge_m else Tide(0.0, 0.01, begin)
    storm = Storm.chicago(years, 120, 0.405, city="suzhou")
    depth = open_district(sample.folder).run(Scenario("check", begin, 5, storm, begin, tide)).water.street_depth_m.max()
    below = sample.entities["low_areas"]["kind"] == "underpass"
    if years == 3:
        assert depth.max() <= 0.15
    else:
        assert depth[below].min() > 1.0
        assert (depth[~below] > 0.2).sum() >= 6
        assert depth[~below].max() < 1.0


def test_the_points_of_a_tide_gauge_lie_in_the_sea(sample):
    devices = sample.entities["devices"]
    gauge = devices.loc[devices["kind"] == "tide_gauge", "geometry"].iloc[0]
    assert isinstance(gauge, Point)
    assert sample.terrain.land_cover[sample.terrain.cell(gauge.x, gauge.y)] == 0
