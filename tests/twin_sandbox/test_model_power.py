"""The district's network behind the power engine: what it is made of, and its stories."""

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from twin_sandbox import Reality
from twin_sandbox.engines.power.engine import Power
from twin_sandbox.engines.power.switchgear import RECLOSE_S
from twin_sandbox.errors import TwinError
from twin_sandbox.world.models.power import TIME_OF_USE_CNY_KWH, power_model
from twin_sandbox.world.models.power_sun import clear_sky_share

EVENING = pd.Timestamp("2026-07-15 18:00+08:00")
PUMP_KW = 165.0


@pytest.fixture(scope="module")
def district(twin):
    return twin.district


@pytest.fixture(scope="module")
def fine(district):
    """Six hours of a summer evening in steps of 10 s."""
    return power_model(district, EVENING, 6 * 3600, step_s=10)


@pytest.fixture(scope="module")
def pumping(district):
    """The pumping station: codes of pumps, of its two boards and of the transformers that feed these."""
    pumps = list(district.entities["pumps"].index)
    services = district.entities["power_services"].set_index("consumer_code")
    boards = [str(services.loc[pumps[0], "bus_code"]), str(services.loc[pumps[0], "standby_bus_code"])]
    transformers = district.entities["transformers"].reset_index().set_index("to_code")["code"]
    return pumps, boards, [str(transformers[board]) for board in boards]


class Run:
    """An engine on the model, told things by code."""

    def __init__(self, model) -> None:
        self.engine = Power(model)
        self.last = self.engine.start()
        self.held: dict[str, np.ndarray] = {}

    def hold(self, quantity: str, **values: float) -> None:
        port = self.engine.takes[quantity]
        array = self.held.setdefault(quantity, np.full(len(port.codes), np.nan))
        for code, value in values.items():
            array[port.codes.index(code)] = value

    def to(self, until_s: float) -> "Run":
        self.last = self.engine.step(until_s, self.held)
        return self

    def of(self, quantity: str, *codes: str) -> list[float]:
        port = self.engine.gives[quantity]
        return [float(self.last.found[quantity][port.codes.index(code)]) for code in codes]


# --- what the model is made of


def test_ports_speak_of_the_district_s_entities(district, fine):
    engine = Power(fine)
    tables = district.entities
    assert engine.takes["load_kw"].codes == tuple(tables["power_services"]["consumer_code"])
    assert engine.takes["switch_closed"].codes == tuple(tables["power_switches"].index)
    assert engine.takes["charger_kw"].codes == tuple(tables["chargers"].index)
    assert set(engine.takes["site_depth_m"].codes) == {*tables["power_buses"].index, *tables["transformers"].index}
    assert engine.gives["energised"].codes == (*engine.takes["load_kw"].codes, *tables["signals"].index)
    assert engine.gives["diesel_kw"].codes == tuple(tables["generators"].index)


def test_a_flood_level_above_datum_becomes_a_depth_above_the_ground(district, fine):
    """Street cabinets stand on plinths of 0.3 to 0.6 m; a basement's board is reached over the ground floor's sill."""
    buses, buildings = district.entities["power_buses"], district.entities["buildings"]
    limits = dict(zip(fine.sites.codes, fine.sites.limit_m, strict=True))
    cabinets = buses.index[(buses["kind"] == "lv_cabinet") & (buses["building_code"] == "")]
    assert all(0.25 < limits[code] < 0.65 for code in cabinets)
    deep = [
        code
        for code, row in buses.iterrows()
        if row["building_code"] and row["flood_level_m"] < buildings["floor_m"][row["building_code"]] - 1
    ]
    assert len(deep) > 5
    assert all(0.05 <= limits[code] < 0.4 for code in deep)


def test_a_cabinet_is_cut_off_where_its_cable_begins(district, fine):
    """A board by the switches at its own bars; a cabinet, which has none, by the breaker of its cable at the board."""
    buses, switches = district.entities["power_buses"], district.entities["power_switches"]
    cut = dict(zip(fine.sites.codes, fine.sites.switches, strict=True))
    for code in buses.index[buses["kind"] == "lv_board"]:
        assert set(switches["bus_code"].iloc[cut[code]]) | set(switches["tie_bus_code"].iloc[cut[code]]) >= {code}
    for code in buses.index[buses["kind"] == "lv_cabinet"]:
        kinds = switches["kind"].iloc[cut[code]]
        assert list(kinds) == ["lv_breaker"]
    for code in buses.index[buses["kind"] == "lv_cabinet"][::20]:
        assert code in set(district.fed_by(str(switches["branch_code"].iloc[cut[code][0]]), "power").index)


def test_loads_run_from_hour_to_hour_into_the_day_of_rest(district):
    """From Friday 23:30: at midnight the profile of the day of rest begins, in the middle of an hour its mean."""
    friday = pd.Timestamp("2026-07-17 23:30+08:00")
    model = power_model(district, friday, 7200)
    services, profiles = district.entities["power_services"], district.facts["load_profiles"]
    shop = int(np.flatnonzero(services["profile"] == "shop")[0])
    summer = profiles[(profiles["profile"] == "shop") & (profiles["season"] == "summer")]
    share = summer.set_index(["day_kind", "hour"])["load_share"] * services["coincident_peak_kw"].iloc[shop]
    found = model.load_w.at(np.array([0.0, 1800.0, 5400.0]))[:, shop] / 1e3
    assert found[1] == share["restday", 0]
    assert found[0] == pytest.approx((share["workday", 23] + share["restday", 0]) / 2)
    assert found[2] == share["restday", 1]


def test_a_kind_of_day_is_one_of_the_table_s(district):
    holiday = power_model(district, EVENING, 3600, day_kind="holiday")
    sunday = power_model(district, EVENING + pd.Timedelta(days=4), 3600)
    assert np.array_equal(holiday.load_w.values, sunday.load_w.values)
    with pytest.raises(TwinError, match="power_model, day_kind: 'feast'"):
        power_model(district, EVENING, 3600, day_kind="feast")


def test_the_sun_stands_where_it_stands():
    """Equinox at 35.5° N, 120.9° E: noon at 11:56 Beijing time, cos z = cos 35.5° = 0.814 → 0.8 · 0.833 = 0.667."""
    share = clear_sky_share(pd.Timestamp("2026-03-21 00:00+08:00"), np.arange(0, 86400, 60.0))
    assert share.max() == pytest.approx(0.8 * 1.098 * 0.814 * np.exp(-0.057 / 0.814), rel=0.01)
    assert abs(int(share.argmax()) - 716) <= 2
    assert share[:330].max() == 0
    assert 11 < (share > 0).sum() / 60 < 12.2


@pytest.mark.parametrize("code", ["nonsense", "SB010410FEX0001X", ""])
def test_an_outage_of_what_is_no_power_asset_is_refused(district, code):
    with pytest.raises(TwinError, match=r"Reality\.outages: .* is no power asset"):
        power_model(district, EVENING, 3600, Reality(outages=((code, 0.0, 1.0),)))


@pytest.mark.parametrize("step_s", [0, -60, 7, 90])
def test_a_step_that_does_not_fit_a_minute_is_refused(district, step_s):
    with pytest.raises(TwinError, match="power_model, step_s"):
        power_model(district, EVENING, 3600, step_s=step_s)


# --- stories


def test_water_at_a_switchboard_takes_the_power_and_two_feeds_save_it(district, fine, pumping):
    """
    0 s      60 s           70 s                       600 s       after RECLOSE_S
    dry      pumps run      board 1 under water        water gone  board 1 back
                            its breakers open          still off
                            its consumers dark; pumps, which have two feeds, go over to board 2
    """
    pumps, boards, _ = pumping
    services = district.entities["power_services"].set_index("consumer_code")
    cabinet = district.entities["power_buses"].query("kind == 'lv_cabinet'").index[0]
    single = services.index[(services["bus_code"] == cabinet) & (services["standby_bus_code"] == "")][0]
    run = Run(fine)
    run.hold("load_kw", **dict.fromkeys(pumps, PUMP_KW))
    assert run.to(60).of("served_kw", *pumps) == pytest.approx([PUMP_KW] * 3)
    before = run.of("transformer_load", *fine.transformers)
    run.hold("site_depth_m", **{boards[0]: 0.9, cabinet: 0.9})
    run.to(70)
    assert run.of("voltage_pu", boards[0], cabinet) == [0, 0]
    assert run.of("energised", single) == [0]
    assert run.of("served_kw", single) == [0]
    assert run.of("served_kw", *pumps) == pytest.approx([PUMP_KW] * 3)
    other = int(np.flatnonzero(fine.bus_of("transformer", "to_node") == fine.buses.index(boards[1]))[0])
    assert run.last.found["transformer_load"][other] > before[other] + 0.2
    run.hold("site_depth_m", **{boards[0]: 0.0, cabinet: 0.0})
    run.to(600)
    assert run.of("energised", single) == [0]
    opened = [fine.switches.codes[k] for k in fine.sites.switches[fine.sites.codes.index(cabinet)]]
    run.hold("switch_closed", **dict.fromkeys(opened, 1.0))
    assert run.to(610).of("energised", single) == [1]
    assert run.of("voltage_pu", boards[0]) == [0]
    run.to(70 + RECLOSE_S + 600)
    assert run.of("voltage_pu", boards[0])[0] > 0.9


def test_water_holds_a_breaker_open_against_a_command(fine, pumping):
    _, boards, _ = pumping
    run = Run(fine)
    run.hold("site_depth_m", **{boards[0]: 0.9})
    run.hold("switch_closed", **dict.fromkeys(fine.switches.codes, 1.0))
    for tie in np.flatnonzero(~fine.switches.closed):
        run.held["switch_closed"][tie] = np.nan
    run.to(60)
    assert run.of("voltage_pu", boards[0]) == [0]


def test_with_both_feeds_gone_the_diesel_set_runs_after_its_time(district, fine, pumping):
    """
    60 s   both transformers of the pumping station under water: everything there is dark
    90 s   start_s = 30 s later the diesel set of 400 kW carries its board; of three pumps two fit
    600 s  water gone, breakers commanded closed: the mains are back, the set stops
    """
    pumps, boards, transformers = pumping
    sets = district.entities["generators"]
    diesel = str(sets.index[sets["bus_code"] == boards[0]][0])
    run = Run(fine)
    run.hold("load_kw", **dict.fromkeys(pumps, PUMP_KW))
    run.to(60)
    run.hold("site_depth_m", **dict.fromkeys(transformers, 0.9))
    for until_s in (70, 80):
        run.to(until_s)
        assert run.of("energised", *pumps) == [0, 0, 0]
        assert run.of("diesel_kw", diesel) == [0]
    run.to(90)
    assert sorted(run.of("served_kw", *pumps)) == pytest.approx([0, PUMP_KW, PUMP_KW])
    assert sorted(run.of("energised", *pumps)) == [0, 1, 1]
    assert 330 < run.of("diesel_kw", diesel)[0] < 400
    assert run.of("voltage_pu", boards[0])[0] == pytest.approx(1, abs=0.02)
    run.hold("site_depth_m", **dict.fromkeys(transformers, 0.0))
    shut = [k for code in transformers for k in fine.sites.switches[fine.sites.codes.index(code)]]
    run.to(590)
    run.hold("switch_closed", **{fine.switches.codes[k]: 1.0 for k in shut})
    run.to(600)
    assert run.of("diesel_kw", diesel) == [0]
    assert run.of("served_kw", *pumps) == pytest.approx([PUMP_KW] * 3)
    books = run.engine.finish().balances
    assert books["diesel_kwh"] == pytest.approx(2 * PUMP_KW * 510 / 3600, rel=0.05)
    assert books["balance_error"] < 1e-6


def test_a_drowned_diesel_set_does_not_run_and_an_empty_one_stops(district, fine, pumping):
    pumps, boards, transformers = pumping
    run = Run(fine)
    run.hold("load_kw", **dict.fromkeys(pumps, PUMP_KW))
    run.hold("site_depth_m", **dict.fromkeys((*boards, *transformers), 0.9))
    run.to(600)
    assert run.of("energised", *pumps) == [0, 0, 0]
    assert run.last.found["diesel_kw"].tolist() == [0, 0]
    dry = Run(fine)
    dry.hold("load_kw", **dict.fromkeys(pumps, PUMP_KW))
    dry.hold("site_depth_m", **dict.fromkeys(transformers, 0.9))
    dry.engine._standby.fuel_kwh[:] = 5.0
    dry.to(60)
    assert sum(dry.of("energised", *pumps)) == 2
    dry.to(300)
    assert sum(dry.of("energised", *pumps)) == 0


def test_a_heat_wave_lowers_voltages_until_the_tap_changers_act(district):
    """
    16:00  ordinary load
    to 18:00  every load rises to 1.5 times: the feeds' bars sink out of 1.015 ± 0.0125, boards with them
    then  each tap changer goes a tap of 1.25 % after its delay, and the bars are back in the band
    """
    model = power_model(district, pd.Timestamp("2026-07-15 16:00+08:00"), 4 * 3600)
    bars = [model.buses[k] for k in model.source_bus[: len(model.feeds)]]
    low = np.array([code for code, kv in district.entities["power_buses"]["kv"].items() if kv < 1])
    run = Run(model)
    lowest, taps, boards = [], [], []
    for until_s in range(60, 2 * 3600 + 1, 60):
        factor = 1 + 0.5 * until_s / 7200
        run.held["load_kw"] = model.load_w.at(np.array([float(until_s)]))[0] / 1e3 * factor
        run.to(until_s)
        lowest.append(min(run.of("voltage_pu", *bars)))
        taps.append(sum(run.of("tap_position", *model.feeds)))
        boards.append(min(run.of("voltage_pu", *low)))
    first = taps.index(1)
    assert taps[0] == 0
    assert min(lowest[:first]) > 1.015 - 0.0125 > lowest[first]
    assert all(later <= earlier + 1e-12 for earlier, later in pairwise(boards[:first]))
    assert taps[-1] == 2
    assert lowest[-1] > 1.015 - 0.0125
    assert max(np.diff(taps)) == 1
    assert run.engine.finish().balances["unserved_kwh"] == pytest.approx(0, abs=1e-6)


def test_outages_of_the_reality_are_obeyed_for_their_time(district):
    """The north feed from 0:30 to 1:00: half the district is dark until an operator closes the stations' couplers."""
    feed = str(district.entities["grid_feeds"].index[0])
    model = power_model(district, EVENING, 7200, Reality(outages=((feed, 0.5, 1.0),)))
    switches = district.entities["power_switches"]
    couplers = switches.index[(switches["kind"] == "bus_coupler") & (switches["rated_a"] == 1250)]
    run = Run(model).to(1740)
    assert run.last.found["energised"].all()
    run.to(1800)
    assert 200 < (run.last.found["energised"] == 0).sum() < 500
    assert run.of("feed_kw", feed) == [0]
    run.hold("switch_closed", **dict.fromkeys(couplers, 1.0))
    incoming = switches[(switches["kind"] == "breaker") & (switches["bus_code"] == model.buses[model.source_bus[0]])]
    run.hold("switch_closed", **dict.fromkeys(incoming.index, 0.0))
    run.to(1860)
    assert run.last.found["energised"].all()
    run.held.clear()
    run.to(3600)
    assert run.last.found["energised"].all()
    assert run.of("feed_kw", feed)[0] > 4500


@pytest.mark.parametrize("table", ["power_lines", "transformers", "power_buses", "pv_systems", "power_services"])
def test_every_kind_of_asset_can_fail(district, table):
    """The last row of each table is out for an hour from noon: what it gives or takes is none, then as before."""
    code = str(district.entities[table].index[-1])
    noon = pd.Timestamp("2026-07-15 12:00+08:00")
    run = Run(power_model(district, noon, 7200, Reality(outages=((code, 0.25, 0.5),))))
    own = power_model(district, noon, 7200)
    seen = {"power_lines": "line_load", "transformers": "transformer_load", "power_buses": "voltage_pu",
            "pv_systems": "pv_given_kw", "power_services": "served_kw"}[table]  # fmt: skip
    name = str(district.entities[table]["consumer_code"].iloc[-1]) if table == "power_services" else code
    assert run.to(60).of(seen, name)[0] > 0
    assert run.to(1020).of(seen, name) == [0]
    alone = Run(own).to(3600)
    assert run.to(3600).of(seen, name) == alone.of(seen, name)


def test_batteries_follow_the_tariff_and_never_sell(district):
    """Charge in the hours of the lowest price, discharge in the dearest, at most what their board draws."""
    run = Run(power_model(district, pd.Timestamp("2026-07-15 00:00+08:00"), 86400, step_s=300))
    for hour, price in enumerate(TIME_OF_USE_CNY_KWH):
        run.to(hour * 3600 + 1800)
        given = run.last.found["battery_given_kw"]
        if price == 0.35:
            assert (given <= 0).all()
        elif price == 1.0:
            assert (given >= 0).all()
        else:
            assert not given.any()
    books = run.engine.finish().balances
    assert books["battery_kwh"] < 0 or books["stored_kwh"] < 0


def test_without_a_tariff_batteries_keep_the_sun_for_their_board(district):
    """A clear day of rest in spring: what a board has too much at noon is taken in and given back in the evening."""
    model = power_model(district, pd.Timestamp("2026-05-17 00:00+08:00"), 86400, tariff_cny_kwh=(), step_s=300)
    run = Run(model)
    sunny = np.flatnonzero(model.panels.watts.at(np.array([43200.0]))[0])
    assert len(sunny)
    full = []
    for until_s in range(3600, 86401, 3600):
        run.to(until_s)
        full.append(run.last.found["battery_kwh"].copy())
        given = run.last.found["battery_given_kw"]
        load = model.load_w.at(np.array([float(until_s)]))[0]
        sun = model.panels.watts.at(np.array([float(until_s)]))[0]
        for k, (consumers, panels) in enumerate(zip(model.batteries.consumers, model.batteries.panels, strict=True)):
            surplus_kw = (sun[panels].sum() - load[consumers].sum()) / 1e3
            assert given[k] <= max(-surplus_kw, 0) + 1e-9
            assert given[k] >= -max(surplus_kw, 0) - 1e-9


@settings(max_examples=6, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), wet=st.floats(0, 0.5), heavy=st.floats(0.5, 5), moved=st.floats(0, 0.2))
def test_whatever_befalls_the_district_its_state_makes_sense(twin, seed, wet, heavy, moved):
    """Water, commands, loads and outages at random: power is balanced, and nobody dark is served."""
    rng = np.random.default_rng(seed)
    tables = ("power_lines", "transformers", "power_buses", "grid_feeds", "generators", "power_switches")
    assets = np.concatenate([twin.entities[name].index.to_numpy(str) for name in tables])
    outages = tuple((str(rng.choice(assets)), float(at), float(at) + 0.3) for at in rng.uniform(0, 0.5, 4))
    model = power_model(twin.district, EVENING, 1800, Reality(outages=outages), step_s=60)
    engine = Power(model)
    engine.start()
    for until_s in (60, 300, 1200, 1800):
        load_kw = model.load_w.at(np.array([float(until_s)]))[0] / 1e3 * rng.uniform(0, heavy)
        inputs = {
            "load_kw": np.where(rng.random(load_kw.size) < 0.3, np.nan, load_kw),
            "site_depth_m": np.where(rng.random(len(model.sites.codes)) < wet, rng.uniform(0, 2), 0.0),
            "switch_closed": np.where(rng.random(len(model.switches.codes)) < moved, rng.integers(0, 2), np.nan),
            "battery_kw": rng.uniform(-200, 200, 4),
            "charger_kw": np.where(rng.random(len(model.chargers)) < 0.5, rng.uniform(0, 5), np.nan),
        }
        found = engine.step(until_s, inputs).found
        assert all(np.isfinite(values).all() for values in found.values())
        dark = found["energised"][: len(model.consumers)] == 0
        assert np.abs(found["served_kw"][dark]).max(initial=0) < 1e-9
        assert (found["diesel_kw"] <= model.diesels.kw + 1e-6).all()
        assert ((found["battery_kwh"] >= -1e-9) & (found["battery_kwh"] <= model.batteries.kwh + 1e-9)).all()
    assert engine.finish().balances["balance_error"] < 1e-6
