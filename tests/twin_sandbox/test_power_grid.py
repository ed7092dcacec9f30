"""The network as power-grid-model's input: its physics by hand, its file out and in."""

import json

import numpy as np
import pytest
from power_grid_model import PowerGridModel

from twin_sandbox.entities import read_district
from twin_sandbox.errors import TwinError
from twin_sandbox.formats.power_grid import PowerGrid, loads_at, power_grid, read_power_grid, write_power_grid
from twin_sandbox.generate import build_district
from twin_sandbox.generate.sanity.power import solve


@pytest.fixture(scope="module")
def district():
    return read_district(build_district())


@pytest.fixture(scope="module")
def grid(district):
    return power_grid(district, "summer", "workday", 20)


@pytest.fixture(scope="module")
def result(grid):
    return PowerGridModel(grid.components).calculate_power_flow()


def test_what_the_feeds_give_is_what_loads_and_losses_take(result):
    given = result["source"]["p"].sum() + result["sym_gen"]["p"].sum()
    losses = sum((result[name]["p_from"] + result[name]["p_to"]).sum() for name in ("line", "transformer"))
    taken = result["sym_load"]["p"].sum()
    assert abs(given - taken - losses) / given < 1e-6
    assert 0 < losses < 0.05 * taken


def test_what_flows_into_each_bus_flows_out(grid, result):
    number = {int(k): n for n, k in enumerate(grid.components["node"]["id"])}
    balance = np.zeros(len(number))
    for name in ("line", "link", "transformer"):
        for end in ("from", "to"):
            nodes = [number[int(k)] for k in grid.components[name][f"{end}_node"]]
            np.subtract.at(balance, nodes, result[name][f"p_{end}"])
    for name, sign in (("source", 1), ("sym_gen", 1), ("sym_load", -1)):
        np.add.at(balance, [number[int(k)] for k in grid.components[name]["node"]], sign * result[name]["p"])
    assert np.abs(balance).max() < 1.0  # W, of 16 MW


def test_a_cable_loses_what_its_current_makes_of_its_resistance(district, grid, result):
    """P = 3 I² R of the busiest low-voltage cable, R as the table states it."""
    lines = district.entities["power_lines"]
    low = np.flatnonzero((lines["kv"] < 1).to_numpy())
    k = low[np.argmax(result["line"]["i_from"][low])]
    lost = result["line"]["p_from"][k] + result["line"]["p_to"][k]
    assert grid.codes_of("line")[k] == lines.index[k]
    assert lost == pytest.approx(3 * result["line"]["i_from"][k] ** 2 * lines["r_ohm"].iloc[k], rel=1e-6)


def test_a_transformer_loses_its_iron_and_its_share_of_copper(district, result):
    """P = P0 + Pk (S/Sn)², both as the table states them, to within what the voltage changes."""
    table = district.entities["transformers"]
    k = int(np.argmax(result["transformer"]["loading"]))
    lost = result["transformer"]["p_from"][k] + result["transformer"]["p_to"][k]
    row, loading = table.iloc[k], result["transformer"]["loading"][k]
    wanted = 1e3 * (row["no_load_loss_kw"] + row["load_loss_kw"] * loading**2)
    assert lost == pytest.approx(wanted, rel=0.08)


def test_the_tap_lowers_the_voltage_of_an_unloaded_network(district, grid):
    """Without load 1.02 · 10 kV at tap +1 of 2.5 %: 1.02/1.025 · 0.4/0.38 = 1.0475 of 380 V, charging aside."""
    bare = dict(grid.components)
    bare["sym_load"] = bare["sym_load"].copy()
    bare["sym_load"]["p_specified"] = bare["sym_load"]["q_specified"] = 0.0
    flow = solve(PowerGrid(bare, grid.codes))
    low = (district.entities["power_buses"]["kv"] < 1).to_numpy()
    assert flow.voltage_pu[low] == pytest.approx(1.0475, abs=0.003)


def test_loads_follow_their_profile(district):
    services, profiles = district.entities["power_services"], district.facts["load_profiles"]
    active, reactive = loads_at(services, profiles, "summer", "workday", 20)
    homes = (services["profile"] == "residential").to_numpy()
    assert active[homes].sum() == pytest.approx(services["coincident_peak_kw"][homes].sum())  # its peak hour
    assert reactive[homes] == pytest.approx(0.33 * active[homes])
    lamps = (services["profile"] == "street_lighting").to_numpy()
    assert loads_at(services, profiles, "summer", "workday", 12)[0][lamps].sum() == 0.0


def test_an_hour_without_a_profile_is_refused(district):
    with pytest.raises(TwinError, match="monsoon"):
        power_grid(district, "monsoon")


def test_panels_lighten_the_feeds_at_noon(district):
    dark, bright = (solve(power_grid(district, "spring", "restday", 12, sun)) for sun in (0.0, 0.8))
    panels = district.entities["pv_systems"]
    given = np.minimum(0.8 * panels["kwp"], panels["inverter_kw"]).sum() * 1e3
    assert dark.transformers_w.sum() - bright.transformers_w.sum() == pytest.approx(given, rel=0.03)


def test_an_open_switch_cuts_off_what_lies_behind(district):
    """An island is no error to power-grid-model: its buses are not energised and at 0 V; the tie brings them back."""
    switches, lines = district.entities["power_switches"], district.entities["power_lines"]
    before = switches["is_closed"].copy()
    ring = lines[lines["kind"] == "ring"]
    head = ring[ring["feeder"] == "Old Town Ring A"].index[0]
    try:
        switches.loc[switches["branch_code"] == head, "is_closed"] = False
        cut = solve(power_grid(district))
        assert 10 < (~cut.fed).sum() < 100
        assert (cut.voltage_pu[~cut.fed] == 0).all()
        assert cut.voltage_pu[cut.fed].min() > 0.9
        switches.loc[switches["name_en"] == "Old Town Ring, open point", "is_closed"] = True
        assert solve(power_grid(district)).fed.all()
    finally:
        switches["is_closed"] = before


def test_an_overload_has_no_solution_and_no_traceback(grid):
    heavy = dict(grid.components)
    heavy["sym_load"] = heavy["sym_load"].copy()
    heavy["sym_load"]["p_specified"] *= 60
    assert solve(PowerGrid(heavy, grid.codes)) is None


def test_the_file_comes_back_as_it_was(grid, tmp_path):
    file = tmp_path / "grid.json"
    write_power_grid(grid, file)
    again = read_power_grid(file)
    assert again.codes == grid.codes
    assert set(again.components) == set(grid.components)
    for name, rows in grid.components.items():
        for column in rows.dtype.names:
            np.testing.assert_array_equal(again.components[name][column], rows[column], f"{name}.{column}")
    assert (solve(again).voltage_pu == solve(grid).voltage_pu).all()


def test_another_programs_file_without_codes_is_read(grid, tmp_path):
    from power_grid_model.utils import json_serialize_to_file

    file = tmp_path / "plain.json"
    json_serialize_to_file(file, grid.components)
    again = read_power_grid(file)
    assert solve(again).fed.all()
    assert set(again.codes.values()) == {""}


def _without(tree, part):
    del tree["data"][part]
    return tree


def _stray(tree):
    tree["data"]["line"][0]["to_node"] = 999_999
    return tree


@pytest.mark.parametrize(
    "spoil",
    [
        lambda tree: [tree],
        lambda tree: {**tree, "data": []},
        lambda tree: {**tree, "version": 1, "type": "poem"},
        lambda tree: _without(tree, "node"),
        _stray,
        lambda tree: {**tree, "data": {"node": [{"u_rated": 10}]}},
        lambda tree: {**tree, "is_batch": True, "data": [tree["data"]]},
    ],
)
def test_a_spoilt_file_is_refused_in_words(grid, tmp_path, spoil):
    file = tmp_path / "grid.json"
    write_power_grid(grid, file)
    file.write_text(json.dumps(spoil(json.loads(file.read_text("utf-8")))), "utf-8")
    with pytest.raises(TwinError, match=r"grid\.json"):
        read_power_grid(file)


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00", b"not json", b"{}"])
def test_what_is_no_network_is_refused_in_words(tmp_path, content):
    file = tmp_path / "grid.json"
    file.write_bytes(content)
    with pytest.raises(TwinError, match=r"grid\.json"):
        read_power_grid(file)


def test_a_place_that_cannot_be_read_or_written_is_refused_in_words(grid, tmp_path):
    with pytest.raises(TwinError, match="cannot be read"):
        read_power_grid(tmp_path / "none.json")
    (tmp_path / "a file").touch()
    with pytest.raises(TwinError, match="cannot be written"):
        write_power_grid(grid, tmp_path / "a file" / "grid.json")
