"""One clock for all engines, with engines that can be followed by hand.

The spring gives 60 t L/s at minute t from each of its mouths A and B; the tanks are B and C. A minute of minute t's
flow is 60 s × 0.06 t m³/s = 3.6 t m³; so tank B holds 3.6 (1 + 2 + … + n) m³ after n minutes.
"""

import math

import numpy as np
import pandas as pd
import pytest

from tests.twin_sandbox.toy_engines import Spring, Tanks
from twin_sandbox.errors import TwinError
from twin_sandbox.world.clock import Clock, Effect
from twin_sandbox.world.units import factor
from twin_sandbox.world.wiring import Wire, Wiring, fit, order, read_wiring

FLOW = Wire("spring", "flow", "tanks", "inflow")
BACK = Wire("tanks", "full", "spring", "share")


def run(wires=(FLOW,), minutes=5, every_s=None, effects=(), **tanks):
    clock = Clock(
        {"spring": Spring(), "tanks": Tanks(**tanks)}, Wiring(tuple(wires), every_s), minutes * 60, 60, effects
    )
    clock.start()
    clock.advance(minutes * 60)
    return clock


def volumes(clock, column=0):
    return clock.tracks.array("tanks.volume")[:, column].tolist()


def test_a_wire_hands_over_what_its_source_found_for_the_same_instant_in_the_targets_unit():
    clock = run()
    assert volumes(clock) == pytest.approx([0, 3.6, 10.8, 21.6, 36.0, 54.0])
    assert volumes(clock, 1) == [0.0] * 6  # nobody feeds C


def test_with_the_coupling_cut_each_engine_gives_what_it_gives_alone():
    cut = run(Wiring((FLOW,)).without("spring.flow").wires)
    alone = Spring()
    assert volumes(cut) == [0.0] * 6
    flows = [alone.start().found["flow"], *(alone.step(60.0 * k, {}).found["flow"] for k in range(1, 6))]
    assert np.array_equal(cut.tracks.array("spring.flow"), np.array(flows, dtype=np.float32))


def test_a_delayed_wire_hands_over_what_was_found_so_long_before():
    delayed = Wire("spring", "flow", "tanks", "inflow", delay_s=120)
    assert volumes(run([delayed])) == pytest.approx([0, 0, 0, 3.6, 10.8, 21.6])


def test_a_slow_engine_steps_at_the_end_of_its_interval_and_its_value_is_held():
    clock = run(minutes=6, every_s={"tanks": 180})
    held = 180 * 0.06 * 3  # in minute 3 the tank takes minute 3's flow for the three minutes past
    assert volumes(clock) == pytest.approx([0, 0, 0, held, held, held, held + 180 * 0.06 * 6])


def test_a_ring_of_wires_needs_a_delay_and_then_feeds_back():
    with pytest.raises(TwinError, match=r"ring of wires without delay: .*spring.*tanks"):
        run([FLOW, BACK])
    back = Wire("tanks", "full", "spring", "share", delay_s=60)
    clock = run([FLOW, back], minutes=10)
    # While tank B is not over 100 m³ its state is 0, so the spring's mouth B is shut: nothing ever flows.
    assert volumes(clock) == [0.0] * 11
    assert clock.tracks.array("spring.flow")[1:, 0].tolist() == pytest.approx([60.0 * t for t in range(1, 11)])


def test_what_happens_outweighs_what_is_commanded_and_that_outweighs_the_wire():
    effect = Effect("tanks", "inflow", "B", 1.0, from_s=120, until_s=180)
    clock = Clock({"spring": Spring(), "tanks": Tanks()}, Wiring((FLOW,)), 300, 60, [effect])
    clock.start()
    clock.advance(60)
    clock.command("tanks", "inflow", {"B": 0.5})
    clock.advance(240)
    clock.command("tanks", "inflow", {"B": math.nan})  # given back to the wire
    clock.advance(300)
    assert volumes(clock) == pytest.approx([0, 3.6, 33.6, 93.6, 123.6, 141.6])


def test_an_engine_that_fails_leaves_what_had_been_kept():
    clock = Clock({"spring": Spring(), "tanks": Tanks(limit_m3=30.0)}, Wiring((FLOW,)), 600, 60)
    clock.start()
    with pytest.raises(TwinError, match="tanks: 36 m³"):
        clock.advance(600)
    assert clock.time_s == 180
    assert volumes(clock) == pytest.approx([0, 3.6, 10.8, 21.6])
    times = pd.date_range("2026-07-18", periods=11, freq="1min")
    assert clock.tracks.table("tanks.volume", times)["B"].iloc[-1] == pytest.approx(21.6)
    clock.close()
    assert all(engine.closed for engine in clock.engines.values())


class Brook(Spring):
    """A spring that counts how often it is asked."""

    seamless = True
    asked = 0

    def step(self, until_s, inputs):
        self.asked += 1
        return super().step(until_s, inputs)


@pytest.mark.parametrize(
    ("effects", "asked"), [((), 4), ((Effect("brook", "share", "A", 0.5, 60.0, 120.0),), 10)], ids=["quiet", "event"]
)
def test_a_seamless_engine_alone_is_asked_at_records_and_control_steps_alone(effects, asked):
    brook = Brook()
    clock = Clock({"brook": brook}, Wiring(()), 600, 300, effects)
    clock.start()
    for until_s in (240, 480, 600):  # records at 300 and 600 s
        clock.advance(until_s)
        assert clock.time_s == until_s
    assert brook.asked == asked
    assert clock.tracks.array("brook.flow")[:, 0].tolist() == [0.0, 300.0, 600.0]


def test_balances_come_with_the_end_and_the_same_run_gives_the_same_bytes():
    first, second = run(), run()
    assert first.finish()["tanks"].balances == {"stored_m3": pytest.approx(54.0)}
    assert first.tracks.block.tobytes() == second.tracks.block.tobytes()


def test_who_feeds_another_goes_first_and_ties_keep_their_order():
    wires = Wiring((Wire("c", "x", "a", "y"), Wire("a", "x", "b", "y", delay_s=60)))
    assert order(wires, ["a", "b", "c"]) == ("b", "c", "a")


@pytest.mark.parametrize(
    ("wires", "words"),
    [
        ([Wire("sprig", "flow", "tanks", "inflow")], "no engine 'sprig'.*Did you mean 'spring'"),
        ([Wire("spring", "flows", "tanks", "inflow")], "gives no 'flows'.*Did you mean 'flow'"),
        ([Wire("spring", "flow", "tanks", "outflow")], "takes no 'outflow'"),
        ([Wire("tanks", "volume", "spring", "share")], "one end counts in 'm³', the other in '1'"),
        ([FLOW, FLOW], "wire 2 .*feeds the same input"),
    ],
)
def test_a_wire_that_does_not_fit_is_named(wires, words):
    with pytest.raises(TwinError, match=words):
        fit(Wiring(tuple(wires)), {"spring": Spring(), "tanks": Tanks()})


def test_two_ends_without_an_entity_in_common_are_refused():
    with pytest.raises(TwinError, match="no entity in common"):
        fit(Wiring((FLOW,)), {"spring": Spring(("X",)), "tanks": Tanks()})


@pytest.mark.parametrize(
    ("effect", "words"),
    [
        (Effect("tank", "inflow", "B", 1.0), "no engine 'tank' in this run"),
        (Effect("tanks", "flow", "B", 1.0), "takes no 'flow'"),
        (Effect("tanks", "inflow", "A", 1.0), "no such entity"),
    ],
)
def test_an_effect_on_nothing_is_refused(effect, words):
    with pytest.raises(TwinError, match=words):
        run(effects=[effect])


def test_an_interval_that_does_not_divide_is_refused():
    with pytest.raises(TwinError, match=r"every_s, tanks: 90 s.*multiple of the engine's 60 s"):
        run(every_s={"tanks": 90})
    with pytest.raises(TwinError, match="divides the horizon"):
        run(every_s={"tanks": 240})


@pytest.mark.parametrize(
    ("given", "taken", "times"), [("L/s", "m³/s", 1e-3), ("mm", "m", 1e-3), ("%", "1", 0.01), ("MW", "kW", 1e3)]
)
def test_units_convert(given, taken, times):
    assert factor(given, taken, "here") == pytest.approx(times)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[[wire]\n", "no TOML .*line 1"),
        ('[[wire]]\nfrom = "a.b"\n', "wire 1, to"),
        ('[[wire]]\nfrom = "a.b"\nto = "c"\n', "engine.quantity"),
        ('[[wire]]\nfrom = "a.b"\nto = "c.d"\ndelay_s = -5\n', "delay_s: -5"),
        ('[[wire]]\nfrom = "a.b"\nto = "c.d"\ndelay = 5\n', "'delay'"),
        ("[every_s]\nsupply = 0\n", "whole seconds"),
        ("[wires]\n", "'wires'"),
        ("wire = 3\n", "no list of tables"),
    ],
)
def test_a_broken_wiring_file_is_refused_where_it_breaks(tmp_path, text, words):
    path = tmp_path / "wiring.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(TwinError, match=words):
        read_wiring(path)
    with pytest.raises(TwinError, match="cannot be read"):
        read_wiring(tmp_path / "none.toml")


def test_a_wire_that_is_not_there_cannot_be_cut():
    with pytest.raises(TwinError, match="spring.flow → tanks.inflow".replace(".", r"\.")):
        Wiring((FLOW,)).without("power.energised")
