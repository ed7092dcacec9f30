"""The drainage network as table rows: sewers, tank, pumps, gate, outfalls."""

from shapely.geometry import Point

from twin_sandbox.generate.draft import Draft
from twin_sandbox.generate.rows import Rows
from twin_sandbox.generate.station import GATE_M, Outlet

Host = tuple[str, Point]
"""Code and place of an entity that can carry a device."""


def add_network(draft: Draft, tables: dict[str, Rows], junctions: list[str]) -> dict[str, Host]:
    """Fill conduits, storages, pumps, gates, outfalls and the station's two chambers.

    Args:
        draft: the district.
        tables: rows by table name; they are added to.
        junctions: code of each manhole of the draft.

    Returns:
        ``"tank"``, ``"pump_1"`` …, ``"outfall_1"`` … with code and place.
    """
    sewers = draft.sewers
    for pipe in sewers.pipes:
        top, foot = sewers.manholes[pipe.start], sewers.manholes[pipe.end]
        street, size = draft.streets[top.street], f"DN{round(pipe.diameter_m * 1000)}"
        _conduit(
            draft,
            tables["conduits"],
            Outlet(pipe.line, pipe.diameter_m, pipe.inlet_m, pipe.outlet_m),
            (junctions[pipe.start], junctions[pipe.end]),
            (top.invert_m, foot.invert_m),
            (f"Sewer {size}, {street.name_en}", f"{street.name_zh}雨水管{size}"),
        )
    hosts, chambers = _station(draft, tables, junctions)
    _outfalls(draft, tables, junctions, chambers, hosts)
    return hosts


def _conduit(
    draft: Draft,
    rows: Rows,
    pipe: Outlet,
    ends: tuple[str, str],
    inverts_m: tuple[float, float],
    names: tuple[str, str],
) -> None:
    length = round(float(pipe.line.length), 1)
    rows.add(
        pipe.line,
        "storm sewer",
        *names,
        from_code=ends[0],
        to_code=ends[1],
        length_m=length,
        diameter_m=pipe.diameter_m,
        roughness_n=draft.recipe.number("drainage.roughness_n"),
        slope=round((pipe.inlet_m - pipe.outlet_m) / length, 5),
        inlet_offset_m=round(pipe.inlet_m - inverts_m[0], 3),
        outlet_offset_m=round(pipe.outlet_m - inverts_m[1], 3),
        is_trunk=pipe.diameter_m >= draft.recipe.number("drainage.trunk_diameter_m"),
        swmm_id=f"C{len(rows.rows) + 1:03d}",
    )


def _chamber(rows: Rows, at: tuple[float, float], names: tuple[str, str], invert_m: float, rim_m: float) -> str:
    """A junction of the station; what it might spill runs over the quay into the sea."""
    return rows.add(
        Point(at),
        "chamber",
        *names,
        invert_m=invert_m,
        rim_m=round(rim_m, 2),
        low_area="",
        overflow_to="",
        swmm_id=f"J{len(rows.rows) + 1:03d}",
    )


def _station(draft: Draft, tables: dict[str, Rows], junctions: list[str]) -> tuple[dict[str, Host], tuple[str, str]]:
    station, root = draft.station, draft.sewers.roots[0]
    tank = tables["storages"].add(
        Point(station.tank),
        "tank",
        f"{draft.recipe.value('district.name_en')} storage tank",
        f"{draft.recipe.value('district.name_zh')}调蓄池",
        invert_m=station.tank_invert_m,
        max_depth_m=station.tank_depth_m,
        area_m2=station.tank_area_m2,
        swmm_id="T1",
    )
    _conduit(
        draft,
        tables["conduits"],
        station.inlet,
        (junctions[root], tank),
        (draft.sewers.manholes[root].invert_m, station.tank_invert_m),
        ("Inlet culvert of the tank", "调蓄池进水管"),
    )
    rim = station.tank_invert_m + station.tank_depth_m
    discharge = _chamber(
        tables["junctions"],
        station.chamber,
        ("Pump discharge chamber", "泵站出水井"),
        station.pressure.inlet_m,
        rim + 0.6,
    )
    behind_gate = _chamber(
        tables["junctions"], station.gate_chamber, ("Tide gate chamber", "挡潮闸井"), station.gravity.inlet_m, rim
    )
    hosts: dict[str, Host] = {"tank": (tank, Point(station.tank))}
    for k, pump in enumerate(station.pumps):
        spot = Point(station.tank[0] + 3.0 * k - 3.0, station.tank[1] - 4.0)
        code = tables["pumps"].add(
            spot,
            "pump",
            f"Pump {k + 1}",
            f"{k + 1}号水泵",
            from_code=tank,
            to_code=discharge,
            rated_m3s=pump.rated_m3s,
            start_level_m=pump.start_level_m,
            stop_level_m=pump.stop_level_m,
            power_kw=pump.power_kw,
            swmm_id=f"P{k + 1}",
        )
        hosts[f"pump_{k + 1}"] = (code, spot)
    tables["gates"].add(
        Point(station.gate_chamber),
        "tide gate",
        "Tide gate",
        "挡潮闸",
        from_code=tank,
        to_code=behind_gate,
        sill_m=station.gravity.inlet_m,
        width_m=GATE_M[0],
        height_m=GATE_M[1],
        swmm_id="G1",
    )
    return hosts, (discharge, behind_gate)


def _outfalls(
    draft: Draft, tables: dict[str, Rows], junctions: list[str], chambers: tuple[str, str], hosts: dict[str, Host]
) -> None:
    station = draft.station
    ends = [
        (chambers[0], station.pressure, "Pumped outfall", "泵站排口"),
        (chambers[1], station.gravity, "Tide gate outfall", "挡潮闸排口"),
    ]
    for k, (root, outlet) in enumerate(zip(draft.sewers.roots[1:], draft.outlets, strict=True)):
        ends.append((junctions[root], outlet, f"Gravity outfall {k + 1}", f"{k + 1}号自流排口"))
    for k, (start, outlet, name_en, name_zh) in enumerate(ends):
        spot = Point(outlet.line.coords[-1])
        code = tables["outfalls"].add(
            spot, "outfall", name_en, name_zh, invert_m=outlet.outlet_m, tidal=True, swmm_id=f"OF{k + 1}"
        )
        _conduit(
            draft,
            tables["conduits"],
            outlet,
            (start, code),
            (outlet.inlet_m, outlet.outlet_m),
            (f"Pipe to {name_en[0].lower()}{name_en[1:]}", f"{name_zh}连接管"),
        )
        hosts[f"outfall_{k + 1}"] = (code, spot)
