"""The district as a model of the supply engine: days, realities, houses, valves."""

import numpy as np
import pandas as pd
import pytest

from twin_sandbox.engines.supply.engine import Supply
from twin_sandbox.errors import TwinError
from twin_sandbox.formats.epanet import district_network, epanet_text, read_epanet
from twin_sandbox.world.models.supply import supply_model
from twin_sandbox.world.reality import Reality

WEDNESDAY = pd.Timestamp("2026-07-15 00:00", tz="Asia/Shanghai")
HOUR_S = 3600


def section(text, name):
    return text.partition(f"[{name}]\n")[2].partition("\n[")[0].strip().splitlines()


def at_start(model):
    engine = Supply(model)
    found = engine.start().found
    engine.close()
    return found


def test_the_file_is_the_districts_own_but_for_the_clock(twin):
    model = supply_model(twin.district, WEDNESDAY, 24 * HOUR_S)
    exported = epanet_text(district_network(twin.district))
    for name in ("JUNCTIONS", "RESERVOIRS", "PIPES", "VALVES", "DEMANDS", "PATTERNS", "REACTIONS", "TAGS"):
        assert section(model.text, name) == section(exported, name), name
    assert "Demand Model PDA" in model.text


def test_chlorine_begins_as_days_before_leave_it(twin):
    """The run begins where it ends a day later: within a tenth of a milligram where anybody draws water."""
    engine = Supply(supply_model(twin.district, WEDNESDAY, 24 * HOUR_S, age=True))
    served = (twin.entities["water_junctions"]["base_demand_m3s"] > 0).to_numpy()
    first = engine.start().found
    for second in range(300, 24 * HOUR_S + 1, 300):
        last = engine.step(second, {}).found
    engine.close()
    assert 0.05 < first["chlorine_mg_l"][served].min() < 0.3 < first["chlorine_mg_l"].max()
    assert np.abs(last["chlorine_mg_l"] - first["chlorine_mg_l"])[served].max() < 0.1
    assert np.median(np.abs(last["age_h"] - first["age_h"])[served]) < 0.25


def test_a_run_begins_at_its_hour_and_passes_into_the_weekend(twin):
    """Friday 22 h, six hours later Saturday 4 h: each moment draws what the table has for its hour and day."""
    facts, demands = twin.district.facts["demand_patterns"], twin.district.facts["water_demands"]
    base = demands.groupby("pattern")["base_demand_m3s"].sum()
    table = facts.pivot_table(index=["day_type", "hour"], columns="pattern", values="multiplier")
    engine = Supply(supply_model(twin.district, WEDNESDAY + pd.Timedelta(days=2, hours=22), 6 * HOUR_S))
    inflow = [engine.start().found["inflow_m3s"].sum()]
    inflow += [engine.step((k + 1) * HOUR_S, {}).found["inflow_m3s"].sum() for k in range(6)]
    engine.close()
    for k, found in enumerate(inflow):
        day, hour = ("weekday", 22 + k) if k < 2 else ("weekend", k - 2)
        assert found == pytest.approx((base * table.loc[(day, hour)]).sum(), rel=1e-3)
    assert table.loc[("weekday", 1), "home"] != table.loc[("weekend", 1), "home"]


def test_a_holiday_in_the_week_draws_like_a_weekend(twin):
    base = twin.district.facts["water_demands"].groupby("pattern")["base_demand_m3s"].sum()
    facts = twin.district.facts["demand_patterns"]
    for kind, day_type in (("holiday", "weekend"), ("exam_day", "weekday"), (None, "weekday")):
        row = facts[(facts["day_type"] == day_type) & (facts["hour"] == 10)].set_index("pattern")["multiplier"]
        found = at_start(supply_model(twin.district, WEDNESDAY + pd.Timedelta(hours=10), HOUR_S, day_kind=kind))
        assert found["inflow_m3s"].sum() == pytest.approx((base * row).sum(), rel=1e-3)


def test_another_zone_means_the_same_moment(twin):
    here = supply_model(twin.district, WEDNESDAY + pd.Timedelta(hours=9), HOUR_S)
    assert supply_model(twin.district, pd.Timestamp("2026-07-15 01:00", tz="UTC"), HOUR_S).text == here.text


def test_every_building_and_house_pump_is_there_once(twin):
    model = supply_model(twin.district, WEDNESDAY, HOUR_S)
    engine, entities = Supply(model), twin.entities
    assert sorted(engine.takes["demand_m3s"].codes) == sorted(entities["buildings"].index)
    assert list(engine.gives["booster_kw"].codes) == list(entities["booster_pumps"].index)
    assert list(engine.takes["powered"].codes) == list(entities["booster_pumps"].index)
    assert list(engine.takes["valve_open"].codes) == list(entities["water_valves"].index)
    assert list(engine.takes["fire_m3s"].codes) == list(entities["hydrants"].index)
    shares = pd.DataFrame([vars(service) for service in model.services])
    drawing = shares[shares["share"] > 0].groupby(["junction", "pattern"])["share"].sum()
    assert drawing.to_numpy() == pytest.approx(1.0)
    found = at_start(model)
    own = entities["water_services"].groupby("building_code")["base_demand_m3s"].sum()
    assert found["delivered_m3s"].sum() / own.sum() == pytest.approx(0.38, abs=0.1)  # midnight
    assert found["service_pressure_m"].min() >= 10.0 - 1e-9


def test_a_reality_changes_demand_leaks_and_valves_and_stands_in_the_file(twin, tmp_path):
    pipes, valves = twin.entities["water_pipes"], twin.entities["water_valves"]
    gate = valves.index[valves["kind"] == "gate"][7]
    pipe = pipes.index[30]
    noon = WEDNESDAY + pd.Timedelta(hours=12)
    designed = supply_model(twin.district, noon, HOUR_S)
    real = supply_model(
        twin.district,
        noon,
        HOUR_S,
        Reality(demand_factor={"office": 1.5}, leak_coefficient={pipe: 0.0005}, closed_valves=(gate,)),
    )
    before, after = at_start(designed), at_start(real)
    uses = twin.entities["buildings"]["use"].reindex(Supply(real).takes["demand_m3s"].codes)
    ratio = after["delivered_m3s"] / np.where(before["delivered_m3s"] > 0, before["delivered_m3s"], np.nan)
    pumped = {booster.building for booster in real.boosters}
    plain = ~np.isin(uses.index, list(pumped))
    assert ratio[(uses == "office").to_numpy() & plain & ~np.isnan(ratio)] == pytest.approx(1.5, rel=1e-3)
    assert ratio[(uses == "residential").to_numpy() & ~np.isnan(ratio)] == pytest.approx(1.0, rel=1e-3)
    k = list(real.pipes).index(pipe)
    end = list(real.junctions).index(pipes["to_code"][pipe])
    assert after["leak_m3s"][k] == pytest.approx(0.0005 * after["pressure_m"][end] ** 0.5, rel=1e-4)
    shut = list(real.pipes).index(valves["pipe_code"][gate])
    assert abs(before["flow_m3s"][shut]) > 1e-6 > abs(after["flow_m3s"][shut])
    path = tmp_path / "real.inp"
    path.write_text(real.text, encoding="utf-8")
    back = read_epanet(path)
    assert back.tables["pipes"]["status"][valves["pipe_code"][gate]] == "closed"
    assert len(back.texts["EMITTERS"]) == 1


def test_what_a_reality_shuts_a_command_opens(twin):
    valves = twin.entities["water_valves"]
    shut = (str(valves.index[valves["kind"] == "prv"][0]), str(valves.index[valves["kind"] == "check"][1]))
    model = supply_model(twin.district, WEDNESDAY, HOUR_S, Reality(closed_valves=shut))
    engine = Supply(model)
    assert engine.start().found["inflow_m3s"].sum() == pytest.approx(0.0, abs=1e-5)
    opened = engine.step(300, {"valve_open": np.ones(len(valves))}).found
    engine.close()
    usual = at_start(supply_model(twin.district, WEDNESDAY, HOUR_S))
    assert opened["inflow_m3s"] == pytest.approx(usual["inflow_m3s"], rel=1e-2)
    assert opened["pressure_m"] == pytest.approx(usual["pressure_m"], abs=0.05)


def test_a_demand_handed_over_is_what_is_designed_and_a_reality_multiplies_it(twin):
    code = twin.entities["water_services"].query("direct_storeys == storeys")["building_code"].iloc[4]
    use = twin.entities["buildings"]["use"][code]
    model = supply_model(twin.district, WEDNESDAY, HOUR_S, Reality(demand_factor={use: 2.0}))
    engine = Supply(model)
    k = engine.takes["demand_m3s"].codes.index(code)
    demand = np.full(len(engine.takes["demand_m3s"].codes), np.nan)
    demand[k] = 0.001
    engine.start()
    assert engine.step(300, {"demand_m3s": demand}).found["delivered_m3s"][k] == pytest.approx(0.002, rel=1e-3)
    engine.close()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"reality": Reality(closed_valves=("SB010002FWV0000X",))}, r"closed_valves: 'SB010002FWV0000X'"),
        ({"reality": Reality(leak_coefficient={"P001": 0.001})}, "leak_coefficient: 'P001'"),
        ({"reality": Reality(demand_factor={"castle": 2.0})}, r"demand_factor: 'castle'. A use of buildings"),
        ({"start": pd.Timestamp("2026-07-15")}, "with its time zone"),
        ({"horizon_s": 0}, "Whole steps"),
        ({"horizon_s": 1000}, "1000 s in steps of 300 s"),
        ({"step_s": 0}, "Whole steps"),
        ({"horizon_s": 90 * 86400}, "at most 31 days"),
    ],
)
def test_a_model_that_makes_no_sense_is_refused(twin, changes, said):
    given = {"start": WEDNESDAY, "horizon_s": HOUR_S} | changes
    with pytest.raises(TwinError, match=said):
        supply_model(twin.district, **given)
