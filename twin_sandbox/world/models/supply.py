"""The district's water supply as the model of the supply engine: EPANET's input, services, house pumps, valves.

What the file has: mains and feeds, demands by pattern for the days of the run, pressure-driven (Wagner et al. 1988: all
from 20 m on), reducing valves, leaks as emitters, chlorine as five such days leave it. What EPANET is not told: the
houses behind the junctions.
"""

import math
from collections import defaultdict
from typing import TYPE_CHECKING, Any

import numpy as np

from twin_sandbox.engines.supply.engine import Supply
from twin_sandbox.engines.supply.model import Booster, Model, Service, Valve
from twin_sandbox.errors import TwinError
from twin_sandbox.formats.epanet import district_network, epanet_text
from twin_sandbox.formats.epanet_network import WaterNetwork
from twin_sandbox.world.models.supply_settled import settled_age_h, settled_text
from twin_sandbox.world.reality import AS_DESIGNED, Reality

if TYPE_CHECKING:
    import geopandas as gpd
    import pandas as pd

    from twin_sandbox.entities import District
    from twin_sandbox.world.scenario import Scenario

STEP_S = 300
ROOF_TANK_S = 1800.0
"""A roof tank holds half an hour of its pumps' rated flow: half of a greatest hour (GB 50015-2019, 3.8)."""
ROOF_HEAD_M = 3.0
"""A roof tank stands so far above the uppermost tap."""
HOUSE_LOSS_M = 2.0
"""Head lost between the main and the uppermost tap, as the pumps are laid out with."""
PUMP_EFFICIENCY = 0.6
HYDRANT_LOSS = 5.0
"""Loss coefficient of branch, bend, valve and outlet of a hydrant, by the speed in its branch: rule of this project."""
LEAKAGE = "leakage"
REST = ("weekend", "holiday")
"""Kinds of day that draw by the patterns of a weekend."""
_MOST_DAYS = 31


def engine(district: "District", scenario: "Scenario", reality: Reality) -> Supply:
    """The supply engine of a run."""
    step_s = math.gcd(STEP_S, scenario.horizon_s)
    kind = scenario.day_kind
    return Supply(supply_model(district, scenario.start, scenario.horizon_s, reality, step_s=step_s, day_kind=kind))


def supply_model(
    district: "District",
    start: "pd.Timestamp",
    horizon_s: int,
    reality: Reality = AS_DESIGNED,
    *,
    step_s: int = STEP_S,
    day_kind: str | None = None,
    age: bool = False,
) -> Model:
    """The supply from a moment on.

    Args:
        district: a built district.
        start: begin of the run, with its time zone; its weekday and hour choose the demand patterns.
        horizon_s: length of the run [s].
        reality: `leak_coefficient`, `demand_factor` and `closed_valves` are obeyed.
        step_s: shortest exchange step [s].
        day_kind: kind of all days of the run by the district's table ``day_kinds``; None: by the calendar.
        age: also reckon the water's age.

    Raises:
        TwinError: a reality that names an unknown pipe, valve or use; a start without zone; a horizon of no length.
    """
    if start.tzinfo is None:
        raise TwinError("supply, start", f"{start}", "A moment with its time zone.")
    if step_s < 1 or not 0 < horizon_s <= _MOST_DAYS * 86400 or horizon_s % step_s:
        told = f"{horizon_s} s in steps of {step_s} s"
        raise TwinError("supply, horizon_s", told, f"Whole steps, at most {_MOST_DAYS} days.")
    entities = district.entities
    _refuse_unknown(district, reality)
    local = start.tz_convert("Asia/Shanghai")
    network = district_network(district, _day_type(local, day_kind))
    _days(network, district, local, horizon_s, day_kind)
    _clock(network, local, horizon_s, step_s)
    services = _services(district, network, reality)
    shut = set(reality.closed_valves)
    names = {table: network.tables[table]["epanet_id"].to_dict() for table in ("junctions", "sources", "pipes")}
    valves = _valves(entities["water_valves"], names["pipes"], shut, network)
    _leaks(network, names["junctions"], reality)
    text = epanet_text(network)
    first_age_h = settled_age_h(text) if age else {}
    return Model(
        settled_text(text),
        step_s,
        horizon_s,
        names["junctions"],
        names["pipes"],
        names["sources"],
        valves=tuple(valves),
        hydrants={code: names["junctions"][at] for code, at in entities["hydrants"]["junction_code"].items()},
        hydrant_loss=_hydrant_loss(entities["hydrants"]),
        services=services,
        boosters=tuple(_boosters(district)),
        leaks=dict(reality.leak_coefficient),
        leakage=LEAKAGE,
        quality="chlorine",
        age=age,
        first_age_h={code: first_age_h[name] for code, name in names["junctions"].items() if age},
    )


def _refuse_unknown(district: "District", reality: Reality) -> None:
    known = {
        "leak_coefficient": set(district.entities["water_pipes"].index),
        "closed_valves": set(district.entities["water_valves"].index),
        "demand_factor": set(district.entities["buildings"]["use"]),
    }
    for name, allowed in known.items():
        unknown = sorted(set(getattr(reality, name)) - allowed)
        if unknown:
            what = "A use of buildings" if name == "demand_factor" else "A code of the district's supply"
            raise TwinError(f"Reality.{name}", f"{unknown[0]!r}", f"{what}, e.g. {min(allowed)!r}.")


def _day_type(day: "pd.Timestamp", day_kind: str | None) -> str:
    rests = day_kind in REST if day_kind else day.dayofweek >= 5
    return "weekend" if rests else "weekday"


def _days(
    network: WaterNetwork, district: "District", local: "pd.Timestamp", horizon_s: int, day_kind: str | None
) -> None:
    """Patterns of all hours from the first day's midnight on; one day's if all days are of one type."""
    import pandas as pd

    midnight = local.normalize()
    count = int(((local - midnight).total_seconds() + horizon_s) // 86400) + 1
    types = [_day_type(midnight + pd.Timedelta(days=k), day_kind) for k in range(count)]
    if len(set(types)) == 1:
        return
    facts = district.facts["demand_patterns"].sort_values("hour").groupby(["day_type", "pattern"])["multiplier"]
    rows: list[dict[str, Any]] = []
    for pattern in network.patterns["pattern"].unique():
        whole = np.concatenate([facts.get_group((day, pattern)).to_numpy() for day in types])
        rows += [{"pattern": pattern, "step": k, "multiplier": value} for k, value in enumerate(whole)]
    network.patterns = pd.DataFrame(rows)


def _clock(network: WaterNetwork, local: "pd.Timestamp", horizon_s: int, step_s: int) -> None:
    def told(seconds: int) -> str:
        return f"{seconds // 3600}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"

    since_midnight = round((local - local.normalize()).total_seconds())
    network.texts["TIMES"] = [
        f" Duration {told(horizon_s)}",
        f" Hydraulic Timestep {told(step_s)}",
        " Quality Timestep 0:05",
        " Pattern Timestep 1:00",
        f" Pattern Start {told(since_midnight)}",
        f" Start ClockTime {told(since_midnight)}",
        f" Report Timestep {told(step_s)}",
    ]
    network.texts["OPTIONS"] += [" Unbalanced Continue 10", " Backflow Allowed No"]


def _services(district: "District", network: WaterNetwork, reality: Reality) -> tuple[Service, ...]:
    """Each service with its share of its junction's demand; the demands scaled by the reality."""
    entities = district.entities
    services, buildings = entities["water_services"], entities["buildings"]
    uses = buildings["use"].reindex(services["building_code"])
    factor = np.array([reality.demand_factor.get(use, 1.0) for use in uses])
    drawn = services["base_demand_m3s"].to_numpy()
    keys = list(zip(services["junction_code"], services["pattern"], strict=True))
    whole: dict[tuple[str, str], float] = defaultdict(float)
    real: dict[tuple[str, str], float] = defaultdict(float)
    for key, base, scale in zip(keys, drawn, factor, strict=True):
        whole[key] += base
        real[key] += base * scale
    demands = network.demands
    scale_of = [
        real[key] / whole[key] if whole.get(key) else 1.0
        for key in zip(demands["junction_code"], demands["pattern"], strict=True)
    ]
    network.demands = demands.assign(base_demand_m3s=demands["base_demand_m3s"] * scale_of)
    elevation = entities["water_junctions"]["elevation_m"]
    names = entities["water_junctions"]["epanet_id"]
    found = []
    for key, base, scale, row in zip(keys, drawn, factor, services.itertuples(), strict=True):
        house: Any = buildings.loc[row.building_code]
        tap = house["height_m"] * (row.storeys - 0.5) / row.storeys
        found.append(
            Service(
                building=str(row.building_code),
                junction=str(names[key[0]]),
                pattern=key[1],
                share=base * scale / real[key] if real[key] else 0.0,
                rise_m=float(house["floor_m"] - elevation[key[0]] + tap),
                loss_m=HOUSE_LOSS_M,
                factor=float(scale),
            )
        )
    return tuple(found)


def _boosters(district: "District") -> "list[Booster]":
    boosters, buildings = district.entities["booster_pumps"], district.entities["buildings"]
    found = []
    for row in boosters.itertuples():
        pumped = row.highest_storey - row.lowest_storey + 1
        storeys = int(buildings.loc[row.building_code, "storeys"])
        found.append(
            Booster(
                code=str(row.Index),
                building=str(row.building_code),
                lifted_share=pumped / storeys,
                rated_m3s=float(row.rated_m3s),
                head_m=float(row.head_m),
                lift_m=float(row.head_m) - 10.0,  # laid out for 10 m at the uppermost tap, losses apart
                break_tank_m3=float(row.tank_m3),
                roof_tank_m3=ROOF_TANK_S * float(row.rated_m3s),
                roof_head_m=ROOF_HEAD_M,
                efficiency=PUMP_EFFICIENCY,
            )
        )
    return found


def _valves(valves: "gpd.GeoDataFrame", pipes: dict[str, str], shut: set[str], network: WaterNetwork) -> "list[Valve]":
    """Gates, which shut their pipes, and the feeds' valves; the file has the shut ones closed.

    EPANET shuts no check valve by command: the reducing valve behind it, with no tap between, is shut in its place.
    """
    behind = {row.from_code: str(row.Index) for row in valves[valves["kind"] == "prv"].itertuples()}
    found = []
    for row in valves.itertuples():
        code = str(row.Index)
        if row.kind == "gate":
            table, key = "pipes", str(row.pipe_code)
        else:
            table, key = "valves", code if row.kind == "prv" else behind[row.junction_code]
        link = pipes[key] if table == "pipes" else str(network.tables[table].loc[key, "epanet_id"])
        found.append(Valve(code, link, code not in shut))
        if code in shut:
            network.tables[table].loc[key, "status"] = "closed"
    return found


def _hydrant_loss(hydrants: "gpd.GeoDataFrame") -> float:
    """From h = ζ v² / 2g in a branch of the hydrants' usual diameter: head by the square of the flow [m/(m³/s)²]."""
    area_m2 = math.pi / 4 * float(hydrants["diameter_m"].median()) ** 2
    return HYDRANT_LOSS / (2 * 9.81 * area_m2**2)


def _leaks(network: WaterNetwork, junctions: dict[str, str], reality: Reality) -> None:
    """Emitters at the downstream nodes of leaking pipes, in L/s/m^0.5."""
    at: dict[str, float] = defaultdict(float)
    ends = network.tables["pipes"]["to_code"]
    for pipe, coefficient in reality.leak_coefficient.items():
        at[junctions[ends[pipe]]] += coefficient
    if at:
        network.texts["EMITTERS"] = [f" {name} {value * 1000.0:.12g}" for name, value in at.items()]
