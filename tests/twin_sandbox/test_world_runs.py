"""Runs of the drains and streets of the sample district: balance, depths, sessions, what reaches whom."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import twin_sandbox
from twin_sandbox import Reality, Storm, TwinError, kpi

ALONE = "import sys; from swmm.toolkit.solver import swmm_run; swmm_run(*sys.argv[1:])"
SHORT = {"horizon_h": 2.5}
"""An hour before a storm, and all but the last of it."""


def all_on(_: dict) -> dict[str, float]:
    return {"pump_1": 1.0, "pump_2": 1.0, "pump_3": 1.0}


def test_opening_loads_no_engine():
    code = (
        "import sys, geopandas, time; t = time.perf_counter(); import twin_sandbox; twin_sandbox.open_district();"
        "print(time.perf_counter() - t);"
        "assert not {'swmm', 'numba', 'matplotlib', 'twin_sandbox.engines.drainage.city_water'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert float(done.stdout) < 0.3


def test_public_names_are_these():
    expected = "Reality Result Scenario Session Storm Tide Twin TwinError faults kpi open_district"
    assert sorted(twin_sandbox.__all__) == expected.split()
    for name in twin_sandbox.__all__:
        assert getattr(twin_sandbox, name) is not None
    with pytest.raises(AttributeError):
        twin_sandbox.nothing  # noqa: B018 - asking is the test


def test_every_run_keeps_its_water(twin, night):
    """What ran off = what left + what stands, within 0.5 %, whatever the sea, the station, the network."""
    conduits = twin.entities["conduits"]
    blocked = dict.fromkeys(conduits.index[conduits["is_trunk"]][::6], 0.3)
    low_water = pd.Timestamp("2026-07-19 02:00+08:00")
    cases = [
        (night(3, range_m=0.0, pumps="off", **SHORT), None),
        (night(10, tide=twin_sandbox.Tide(0, 2.8, low_water), **SHORT), None),
        # Full sewers that nobody empties, before a sea that lets nothing out: where a full pipe could hide water.
        (night(1.5, surge_m=1.0, pumps="off", **SHORT), None),
        (night(5, **SHORT), Reality(trunk_roughness_n=0.009, impervious_factor=1.3)),
        (night(50, **SHORT), Reality(blockage=blocked, inlet_factor=0.3, pump_efficiency=0.7)),
    ]
    with ThreadPoolExecutor(2) as pool:
        results = list(pool.map(lambda case: twin.run(*case), cases))
    for result in results:
        water = result.water
        assert abs(water.mass_error) < 0.005, result
        assert abs(water.runoff_error) < 0.01
        kept = water.runoff_m3 - water.outfall_m3 - water.stored_m3
        assert kept == pytest.approx(0.0, abs=0.005 * (water.rain_m3 + max(0.0, -water.outfall_m3)) + 50.0)
        assert 0.4 < water.runoff_m3 / water.rain_m3 < 1.0
        assert np.isfinite(water.levels_m.to_numpy()).all()


def test_an_ordinary_storm_stays_off_the_streets(twin, night):
    """GB 50014-2021: sewers for 2 to 5 years; a 3-year storm at mean tide leaves at most 15 cm anywhere."""
    result = twin.run(night(3, range_m=0.0, **SHORT))
    assert result.water.street_depth_m.to_numpy().max() <= 0.15
    # In cells of 10 m a house may stand beside a gutter: of the 400, hardly any.
    assert kpi.flooded_buildings(result) <= 4


def test_a_hundred_year_storm_at_high_tide_floods_low_streets_and_the_underpass(twin, night):
    result = twin.run(night(100, **SHORT))
    peak = result.water.street_depth_m.max()
    kind = twin.entities["low_areas"]["kind"]
    assert (peak[kind == "underpass"] > 1.0).all()
    assert ((peak[kind == "street"] > 0.2) & (peak[kind == "street"] < 0.95)).mean() > 0.7


def test_two_hours_without_rain_move_nothing_but_foul_water(twin, night):
    result = twin.run(night(storm=Storm.dry(), horizon_h=2.0, range_m=0.0))
    water, land = result.water, twin.terrain.low_area >= 0
    foul_m3 = twin.entities["wrong_connections"]["dry_weather_m3s"].sum() * 7200.0
    assert water.rain_m3 == 0.0
    assert water.runoff_m3 == pytest.approx(foul_m3, rel=0.02)
    assert abs(water.outfall_m3) <= foul_m3
    assert water.max_depth_map_m()[land].max() == 0.0
    assert kpi.flood_damage(result) == 0.0


def test_the_same_scenario_gives_the_same_bytes(twin, night, ten_year_night):
    again = twin.run(night(10, horizon_h=4.0))
    for quantity in again.quantities:
        assert again[quantity].to_numpy().tobytes() == ten_year_night[quantity].to_numpy().tobytes()
    assert again.water.mass_error == ten_year_night.water.mass_error


def test_a_session_without_commands_equals_a_run(twin, night, ten_year_night):
    with twin.session(night(10, horizon_h=4.0), step_s=600) as session:
        while not session.done:
            session.step()
        result = session.result()
    for quantity in result.quantities:
        pd.testing.assert_frame_equal(result[quantity], ten_year_night[quantity], check_exact=True)


def test_swmm_alone_works_the_station_as_the_twin_does_while_the_streets_are_dry(twin, night, tmp_path):
    """The exported file has the same sewers and standing rules. A light rain stays in them; what falls on a street goes
    straight to the manhole there, and over the carriageway here, so peaks agree within a tenth and no closer."""
    scenario = night(storm=Storm.from_series([12.0] * 18, step_s=300), range_m=0.0, **SHORT)
    files = [str(tmp_path / f"model.{end}") for end in ("inp", "rpt", "out")]
    (tmp_path / "model.inp").write_text(twin.drainage_input(scenario), encoding="utf-8")
    subprocess.run([sys.executable, "-c", ALONE, *files], check=True, stdout=subprocess.DEVNULL)
    flows, heads = read_out(tmp_path / "model.out")
    water = twin.run(scenario).water
    trunk = twin.entities["conduits"]["is_trunk"]
    trunk = list(trunk.index[trunk])
    assert flows[trunk].max().sum() == pytest.approx(water.flows_m3s[trunk].max().sum(), rel=0.1)
    tank = twin.entities["storages"].index[0]
    assert heads[tank].max() == pytest.approx(water.levels_m[tank].max(), abs=0.15)
    pumps = twin.entities["pumps"].index
    assert flows[pumps].sum(axis=1).sum() == pytest.approx(water.flows_m3s[pumps].sum(axis=1).sum(), rel=0.1)
    report = (tmp_path / "model.rpt").read_text(encoding="utf-8")
    errors = [float(line.split()[-1]) for line in report.splitlines() if "Continuity Error (%)" in line]
    assert len(errors) == 2
    assert max(map(abs, errors)) < 1.0


def read_out(path):
    """Flows and heads of SWMM's binary output, by unified code (layout: SWMM 5.2 reference manual, appendix)."""
    code = (
        "import sys, numpy as np; from swmm.toolkit import output as o;"
        "from swmm.toolkit.shared_enum import ElementType as E, LinkAttribute as L, NodeAttribute as N, Time;"
        "h = o.init(); o.open(h, sys.argv[1]); n = o.get_times(h, Time.NUM_PERIODS); s = o.get_proj_size(h);"
        "nodes, links = range(s[1]), range(s[2]);"
        "node = {o.get_elem_name(h, E.NODE, i): o.get_node_series(h, i, N.HYDRAULIC_HEAD, 0, n - 1) for i in nodes};"
        "link = {o.get_elem_name(h, E.LINK, i): o.get_link_series(h, i, L.FLOW_RATE, 0, n - 1) for i in links};"
        "np.savez(sys.argv[2], **{'n ' + k: v for k, v in node.items()}, **{'l ' + k: v for k, v in link.items()})"
    )
    target = path.with_suffix(".npz")
    subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code, str(path), str(target)], check=True, capture_output=True
    )
    with np.load(target) as series:
        by_name = {name: series[name].astype(np.float32) for name in series.files}
    from twin_sandbox.world.models.network import short_names

    entities = twin_sandbox.open_district().entities
    links = entities["conduits"]["swmm_id"].to_dict() | short_names(twin_sandbox.open_district().district)
    nodes = {code: own for table in ("junctions", "storages") for code, own in entities[table]["swmm_id"].items()}
    return tuple(
        pd.DataFrame({code: by_name[f"{letter} {own}"] for code, own in names.items()})
        for letter, names in (("l", links), ("n", nodes))
    )


def test_several_sessions_run_side_by_side(twin, night):
    scenario = night(5, horizon_h=3.0)
    with twin.session(scenario) as one, twin.session(scenario) as other:
        while not one.done:
            one.step({"pump_1": 1.0, "pump_2": 1.0, "pump_3": 1.0})
            other.step({"pump_1": 0.0, "pump_2": 0.0, "pump_3": 0.0})
        worked, idle = one.result(), other.result()
    assert kpi.pump_energy_kwh(idle) == 0.0
    assert worked.water.street_depth_m.max().max() < idle.water.street_depth_m.max().max()


def test_pumping_early_pays(twin, night):
    """The standing rules let the tank fill first; a policy that pumps from the start must do clearly better."""
    storm = night(5, horizon_h=4.0)
    rules, early, idle = twin.run(storm), twin.run(storm, controller=all_on), twin.run(replace(storm, pumps="off"))
    damage = [kpi.flood_damage(result) for result in (early, rules, idle)]
    assert damage[0] < 0.75 * damage[1] < 0.75 * damage[2]
    assert kpi.pump_starts(early) == 3
    assert kpi.night_cost(early) < kpi.night_cost(rules)


def test_measurements_are_plain_floats_and_named_with_units(twin, night):
    with twin.session(night(10, horizon_h=2.0)) as session:
        for _ in range(22):
            session.step()
        seen = session.measurements()
    assert seen.pop("time") == "2026-07-18T19:50:00+08:00"
    assert seen["minutes"] == 110.0
    assert {"rain_mm_h", "tide_m", "sump_m", "level_01_m", "depth_01_m", "pump_1", "gate_1_m3s"} <= set(seen)
    by_code = {name: seen.pop(name) for name in list(seen) if "." in name}
    assert set(by_code) == set(session.sees)
    for values in (seen, *by_code.values()):
        assert all(type(value) is float for value in values.values())
    assert seen["rain_mm_h"] > 50
    assert seen["level_01_m"] == seen["sump_m"]
    assert 0 < seen["forecast_rain_mm"] < 101


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"pump_9": 1.0}, "pump_9"),
        ({"pump_1": 1.5}, "pump_1"),
        ({"pump_1": float("inf")}, "pump_1"),
        ({"gate_1": "open"}, "gate_1"),
        ({"gate_1": "1"}, "gate_1"),
        ({"gate_1": None}, "gate_1"),
        ({3: 1.0}, "3"),
        ({("pump_1",): 1.0}, "pump_1"),
        ({3: {"pump_1": 1.0}}, "3"),
        ({"drainage.setting": {3: 1.0}}, "3"),
        ({"drainage.setting": 1.0}, "drainage.setting"),
        ([1, 2], "list"),
    ],
)
def test_settings_that_are_not_allowed_are_refused_before_the_step(twin, night, settings, named):
    with twin.session(night(5, horizon_h=1.5)) as session:
        with pytest.raises(TwinError, match=named):
            session.step(settings)
        assert session.time == session.scenario.start


def test_a_session_ends_at_its_horizon(twin, night):
    with twin.session(night(5, horizon_h=1.5), step_s=1800) as session:
        for _ in range(3):
            session.step()
        assert session.done
        with pytest.raises(TwinError, match="the run is over"):
            session.step()
        assert session.result()["drainage.level_m"].shape[0] == 19
    with pytest.raises(TwinError, match="step_s"):
        twin.session(night(5), step_s=7)


def test_the_gate_keeps_the_sea_out_and_lets_the_tank_out(twin, night):
    flood = night(100, pumps="off", horizon_h=4.0)
    result = twin.run(flood)
    gate = twin.entities["gates"].index[0]
    tank = twin.entities["storages"].index[0]
    flow, inside = result["drainage.flow_m3s"][gate], result["drainage.level_m"][tank]
    # One routing step and the water in the outlet pipe may let a breath through at the turn.
    assert flow.min() > -0.05
    shut = result["drainage.setting"]["gate_1"] == 0.0
    assert (inside[shut] <= result.water.tide_m[shut] + 0.05).all()
    assert flow[~shut].max() > 0.5
    kept = twin.run(flood, controller=lambda _: {"gate_1": 0.0})
    assert kept["drainage.flow_m3s"][gate].abs().max() == pytest.approx(0.0, abs=1e-6)
    assert kept["drainage.level_m"][tank].max() >= inside.max()


def test_a_sea_above_the_quay_runs_through_the_streets(twin, night):
    """Nothing rains; the water of the lowest streets comes from the sea, and the account holds it."""
    result = twin.run(night(storm=Storm.dry(), range_m=3.4, surge_m=2.2, horizon_h=2.5))
    assert result.water.street_depth_m.max().max() > 0.2
    assert result.finished["drainage"].balances["sea_m3"] < -100.0
    assert abs(result.water.mass_error) < 0.005


def test_a_blockage_of_no_conduit_is_refused(twin, night):
    with pytest.raises(TwinError, match="SB01NOWHERE"):
        twin.run(night(10, **SHORT), Reality(blockage={"SB01NOWHERE": 0.5}))


def test_rougher_trunks_show_in_the_levels(twin, night):
    """Calibration needs it: every level sensor up the trunk stands higher the rougher the trunks, by centimetres."""
    sensors = twin.things[twin.things["kind"] == "level_sensor"]["host"].iloc[2:]
    means = [
        twin.run(night(8, **SHORT), Reality(trunk_roughness_n=n)).water.levels_m[sensors].iloc[12:].mean()
        for n in (0.011, 0.017, 0.03)
    ]
    assert (means[0] + 0.015 < means[1]).all()
    assert (means[1] + 0.04 < means[2]).all()


def test_kpis_grow_with_the_storm(twin, night, ten_year_night):
    larger = twin.run(night(50, horizon_h=4.0))
    for measure in (kpi.flooded_street_length_m, kpi.flood_damage, kpi.pump_energy_kwh):
        assert 0 < measure(ten_year_night) < measure(larger)
    assert kpi.flooded_street_length_m(larger, above_m=0.5) < kpi.flooded_street_length_m(larger)
    assert isinstance(kpi.flooded_buildings(larger), int)
