"""The district's network as power-grid-model's input: in memory for a calculation, and as its JSON file, out and in.

power-grid-model (LF Energy) names its components by number; `PowerGrid.codes` keeps whose number it is. Balanced
three-phase: the unequal load of single phases and the neutral's current are left out.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from twin_sandbox.engines.power.flow import meaning
from twin_sandbox.entities import District
from twin_sandbox.errors import TwinError
from twin_sandbox.formats.beside import written_file

TABLES = ("power_buses", "power_lines", "power_switches", "transformers", "grid_feeds", "power_services", "pv_systems",
          "batteries", "generators")  # fmt: skip
"""The tables that a network is made of."""
_DELTA, _WYE_N, _CLOCK = 2, 1, 11  # Dyn11


@dataclass(frozen=True)
class PowerGrid:
    """power-grid-model's input dataset and whose number each id is.

    Attributes:
        components: structured arrays by component: node (buses), line, link (ties), transformer, source (feeds),
            sym_load (services), sym_gen (panels, batteries, diesel sets); V, A, W, var, Ω, F.
        codes: unified code by id.
    """

    components: dict[str, NDArray[Any]]
    codes: dict[int, str]

    def codes_of(self, component: str) -> list[str]:
        """Codes of a component's rows, in order."""
        return [self.codes[int(k)] for k in self.components[component]["id"]]


def loads_at(
    services: pd.DataFrame, profiles: pd.DataFrame, season: str, day_kind: str, hour: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """What each service draws at an hour of an ordinary day: kW and kvar, in the services' order.

    Raises:
        TwinError: no profile for that season, kind of day and hour.
    """
    hit = (profiles["season"] == season) & (profiles["day_kind"] == day_kind) & (profiles["hour"] == hour)
    rows = profiles[hit].set_index("profile")
    missing = sorted(set(services["profile"]) - set(rows.index))
    if missing:
        raise TwinError(
            "load_profiles",
            f"no row for {', '.join(missing)} in {season}, {day_kind}, hour {hour}",
            "seasons winter, spring, summer, autumn; kinds of day workday, restday; hours 0 to 23",
        )
    active = services["coincident_peak_kw"].to_numpy(float) * rows["load_share"].reindex(services["profile"]).to_numpy()
    return active, active * rows["kvar_per_kw"].reindex(services["profile"]).to_numpy()


def power_grid(
    district: District, season: str = "summer", day_kind: str = "workday", hour: int = 20, sun_share: float = 0.0
) -> PowerGrid:
    """The district's network at an hour of an ordinary day; panels give ``sun_share`` of their peak.

    Raises:
        TwinError: a table names a bus or a branch that is not there, or the hour has no profile.
    """
    tables = {name: district.entities[name] for name in TABLES}
    active, reactive = loads_at(tables["power_services"], district.facts["load_profiles"], season, day_kind, hour)
    return network(tables, active, reactive, sun_share)


def network(
    tables: Mapping[str, gpd.GeoDataFrame],
    active_kw: NDArray[np.float64],
    reactive_kvar: NDArray[np.float64],
    sun_share: float = 0.0,
) -> PowerGrid:
    """The network of `TABLES` with the services' loads, switches as they stand; batteries and diesel sets at rest.

    Raises:
        TwinError: a table names a bus or a branch that is not there.
    """
    codes: list[str] = []
    made: dict[str, NDArray[Any]] = {}

    def component(name: str, rows: pd.DataFrame, **columns: Any) -> None:  # noqa: ANN401 - a column or a constant
        from power_grid_model import initialize_array

        array = initialize_array("input", name, len(rows))
        array["id"] = np.arange(len(codes), len(codes) + len(rows))
        codes.extend(str(code) for code in rows.index)
        for column, value in columns.items():
            array[column] = value
        made[name] = array

    buses, lines, transformers = tables["power_buses"], tables["power_lines"], tables["transformers"]
    switches = tables["power_switches"]
    node = pd.Series(np.arange(len(buses)), index=buses.index)
    at = _Ends(node)
    component("node", buses, u_rated=buses["kv"].to_numpy() * 1e3)
    component(
        "line", lines, from_node=at("power_lines", lines, "from_code"), to_node=at("power_lines", lines, "to_code"),
        from_status=_closed(switches, lines, "from_code"), to_status=_closed(switches, lines, "to_code"),
        r1=lines["r_ohm"], x1=lines["x_ohm"], c1=lines["c_uf"] * 1e-6, i_n=lines["capacity_a"], tan1=0.0,
    )  # fmt: skip
    ties = switches[switches["tie_bus_code"] != ""]
    closed = ties["is_closed"].astype(bool)
    component(
        "link", ties, from_node=at("power_switches", ties, "bus_code"),
        to_node=at("power_switches", ties, "tie_bus_code"), from_status=closed, to_status=closed,
    )  # fmt: skip
    volts = transformers["primary_kv"].to_numpy() * 1e3
    component(
        "transformer", transformers, from_node=at("transformers", transformers, "from_code"),
        to_node=at("transformers", transformers, "to_code"), from_status=_closed(switches, transformers, "from_code"),
        to_status=_closed(switches, transformers, "to_code"), u1=volts, u2=transformers["secondary_kv"] * 1e3,
        sn=transformers["rated_kva"] * 1e3, uk=transformers["uk_percent"] / 100,
        pk=transformers["load_loss_kw"] * 1e3, i0=transformers["no_load_current_percent"] / 100,
        p0=transformers["no_load_loss_kw"] * 1e3, winding_from=_DELTA, winding_to=_WYE_N, clock=_CLOCK, tap_side=0,
        tap_pos=transformers["tap_pos"], tap_min=transformers["tap_min"], tap_max=transformers["tap_max"], tap_nom=0,
        tap_size=transformers["tap_step_percent"] / 100 * volts,
    )  # fmt: skip
    feeds, services = tables["grid_feeds"], tables["power_services"]
    component(
        "source", feeds, node=at("grid_feeds", feeds, "bus_code"), status=1, u_ref=feeds["voltage_pu"],
        sk=feeds["short_circuit_mva"] * 1e6, rx_ratio=feeds["rx_ratio"],
    )  # fmt: skip
    component(
        "sym_load", services, node=at("power_services", services, "bus_code"), status=1, type=0,
        p_specified=active_kw * 1e3, q_specified=reactive_kvar * 1e3,
    )  # fmt: skip
    names = ("pv_systems", "batteries", "generators")
    makers = pd.concat([tables[name][["bus_code"]].assign(table=name) for name in names])
    sun = np.minimum(tables["pv_systems"]["kwp"] * sun_share, tables["pv_systems"]["inverter_kw"])
    watts = np.concatenate([sun.to_numpy(float) * 1e3, np.zeros(len(makers) - len(sun))])
    component(
        "sym_gen", makers, node=at("feeding rows", makers, "bus_code"), status=(makers["table"] != "generators"),
        type=0, p_specified=watts, q_specified=0.0,
    )  # fmt: skip
    return PowerGrid(made, dict(enumerate(codes)))


class _Ends:
    """Numbers of buses by code; refuses a code that is no bus."""

    def __init__(self, node: "pd.Series[int]") -> None:
        self.node = node

    def __call__(self, table: str, rows: pd.DataFrame, column: str) -> NDArray[np.int64]:
        numbers = self.node.reindex(rows[column])
        lost = rows.index[numbers.isna().to_numpy()]
        if len(lost):
            found = f"row {lost[0]} names bus {rows[column].iloc[int(np.argmax(numbers.isna().to_numpy()))]!r}"
            raise TwinError(f"{table}, {column}", found, "a code of the table power_buses", "Build the district again.")
        return np.asarray(numbers.to_numpy(), np.int64)


def _closed(switches: pd.DataFrame, branches: pd.DataFrame, end: str) -> NDArray[np.int8]:
    """Whether each branch is connected at one end: it is unless a switch of it stands there and is open."""
    is_open = switches[(switches["branch_code"] != "") & ~switches["is_closed"].astype(bool)]
    ends = set(zip(is_open["branch_code"], is_open["bus_code"], strict=True))
    pairs = zip(branches.index, branches[end], strict=True)
    return np.array([(code, bus) not in ends for code, bus in pairs], np.int8)


def write_power_grid(grid: PowerGrid, file: Path | str) -> None:
    """Write power-grid-model's JSON (format 1.0); each row also carries its ``code``, which other readers skip.

    Raises:
        TwinError: the file cannot be written.
    """
    from power_grid_model.utils import json_serialize  # type: ignore[attr-defined]  # public, not declared so

    tree = json.loads(json_serialize(grid.components))
    for rows in tree["data"].values():
        for row in rows:
            row["code"] = grid.codes[row["id"]]
    with written_file(Path(file)) as draft:
        draft.write_text(json.dumps(tree, indent=1) + "\n", encoding="utf-8")


def read_power_grid(file: Path | str) -> PowerGrid:
    """Read what `write_power_grid` wrote, or any power-grid-model input without batches; a row without a code gets "".

    Raises:
        TwinError: the file cannot be read, is not power-grid-model's JSON, or its components do not fit together.
    """
    from power_grid_model import PowerGridModel
    from power_grid_model.errors import PowerGridError  # type: ignore[attr-defined]  # public, not declared so
    from power_grid_model.utils import json_deserialize  # type: ignore[attr-defined]  # likewise

    where = f"power grid {file}"
    try:
        text = Path(file).read_text(encoding="utf-8")
        tree = json.loads(text)
        rows = [row for part in tree["data"].values() for row in part]
        codes = {int(row["id"]): str(row.get("code", "")) for row in rows}
        loaded = json_deserialize(text)
        PowerGridModel(loaded)
    except OSError as reason:
        raise TwinError(
            where, f"cannot be read: {reason.strerror}", then="Name a JSON file of power-grid-model."
        ) from None
    except (ValueError, KeyError, TypeError, AttributeError) as reason:
        raise TwinError(where, f"not power-grid-model's JSON: {reason}", "Its input dataset, without batches") from None
    except PowerGridError as reason:
        raise TwinError(where, f"power-grid-model refuses it: {meaning(reason)}", then="Mend the file.") from None
    return PowerGrid({str(getattr(key, "value", key)): value for key, value in loaded.items()}, codes)
