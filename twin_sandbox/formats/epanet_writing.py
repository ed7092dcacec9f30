"""A water network out to an EPANET 2.2 input file."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from twin_sandbox.entities.code import is_valid
from twin_sandbox.formats.beside import written_file
from twin_sandbox.formats.epanet_network import COLUMNS, LINKS, NODES, TEXTS, Units, WaterNetwork, engine_reads


def write_epanet(network: WaterNetwork, path: Path | str) -> Path:
    """Write an EPANET input file; it is read back by EPANET before it takes its place.

    Raises:
        TwinError: EPANET refuses the network, or the file cannot be written.
    """
    path = Path(path)
    with written_file(path) as draft:
        draft.write_text(epanet_text(network), encoding="utf-8", newline="\n")
        engine_reads(draft, path)
    return path


def epanet_text(network: WaterNetwork) -> str:
    """The text of an EPANET input file."""
    units = Units.of(network.units, network.pressure)
    names = {code: str(row["epanet_id"]) for table in network.tables.values() for code, row in table.iterrows()}
    sections: dict[str, list[str]] = {"TITLE": network.texts.get("TITLE", [])}
    for name, (section, line) in _LINES.items():
        sections[section] = [line(row, names, units) for _, row in network.tables[name].iterrows()]
    sections["STATUS"] = list(_status_lines(network))
    sections["DEMANDS"] = [
        _join(names[row["junction_code"]], row["base_demand_m3s"] / units.flow, row["pattern"])
        for _, row in network.demands.iterrows()
    ]
    sections["PATTERNS"] = [
        _join(name, *part["multiplier"].iloc[k : k + 6])
        for name, part in network.patterns.groupby("pattern", sort=False)
        for k in range(0, len(part), 6)
    ]
    sections["CURVES"] = [_join(row["curve"], row["x"], row["y"]) for _, row in network.curves.iterrows()]
    for name in TEXTS[1:]:
        sections[name] = network.texts.get(name, [])
    sections["TAGS"] = list(_tag_lines(network))
    sections["COORDINATES"], sections["VERTICES"] = _places(network)
    parts = [f"[{name}]\n" + "".join(f"{line}\n" for line in lines) for name, lines in sections.items() if lines]
    return "\n".join([*parts, "[END]\n"])


def _join(*values: object) -> str:
    return " " + " ".join(f"{value:.12g}" if isinstance(value, float | int) else str(value) for value in values)


def _junction_line(row: Any, _: dict[str, str], units: Units) -> str:  # noqa: ANN401 - a row of a frame
    return _join(row["epanet_id"], row["elevation_m"] / units.length)


def _source_line(row: Any, _: dict[str, str], units: Units) -> str:  # noqa: ANN401
    return _join(row["epanet_id"], row["head_m"] / units.length, row["pattern"])


def _tank_line(row: Any, _: dict[str, str], units: Units) -> str:  # noqa: ANN401
    lengths = (row[name] / units.length for name in COLUMNS["tanks"][:5])
    overflow = ("*" if not row["volume_curve"] else "", "YES") if row["can_overflow"] else ("",)
    volume = row["min_volume_m3"] / units.length**3
    return _join(row["epanet_id"], *lengths, volume, row["volume_curve"], *overflow)


def _pipe_line(row: Any, names: dict[str, str], units: Units) -> str:  # noqa: ANN401
    ends = names[row["from_code"]], names[row["to_code"]]
    status = {"open": "Open", "closed": "Closed", "check": "CV"}[row["status"]]
    return _join(
        row["epanet_id"],
        *ends,
        row["length_m"] / units.length,
        row["diameter_m"] / units.diameter,
        row["roughness"],
        row["minor_loss"],
        status,
    )


def _pump_line(row: Any, names: dict[str, str], units: Units) -> str:  # noqa: ANN401
    ends = names[row["from_code"]], names[row["to_code"]]
    drive = ("HEAD", row["head_curve"]) if row["head_curve"] else ("POWER", row["power_kw"] / units.power)
    pattern = ("PATTERN", row["pattern"]) if row["pattern"] else ()
    return _join(row["epanet_id"], *ends, *drive, "SPEED", row["speed"], *pattern)


def _valve_line(row: Any, names: dict[str, str], units: Units) -> str:  # noqa: ANN401
    ends = names[row["from_code"]], names[row["to_code"]]
    setting = row["curve"] if row["kind"] == "gpv" else row["setting"] / units.setting(row["kind"])
    extra = (row["curve"],) if row["kind"] == "pcv" and row["curve"] else ()
    size = row["diameter_m"] / units.diameter
    return _join(row["epanet_id"], *ends, size, row["kind"].upper(), setting, row["minor_loss"], *extra)


_LINES: dict[str, tuple[str, Callable[..., str]]] = {
    "junctions": ("JUNCTIONS", _junction_line),
    "sources": ("RESERVOIRS", _source_line),
    "tanks": ("TANKS", _tank_line),
    "pipes": ("PIPES", _pipe_line),
    "pumps": ("PUMPS", _pump_line),
    "valves": ("VALVES", _valve_line),
}


def _status_lines(network: WaterNetwork) -> Iterator[str]:
    """Pumps that stand still and valves that are held open or closed; a pipe's status stands in its own line."""
    for name in ("pumps", "valves"):
        table = network.tables[name]
        for _, row in table.iterrows():
            if row["status"] == "closed" or (name == "valves" and row["status"] == "open"):
                yield _join(row["epanet_id"], row["status"].capitalize())


def _tag_lines(network: WaterNetwork) -> Iterator[str]:
    for sort, tables in (("NODE", NODES), ("LINK", LINKS)):
        for name in tables:
            for code, row in network.tables[name].iterrows():
                tag = code if is_valid(str(code)) else row["tag"]
                if tag:
                    yield _join(sort, row["epanet_id"], tag)


def _places(network: WaterNetwork) -> tuple[list[str], list[str]]:
    coordinates, vertices = [], []
    for name in NODES:
        for _, row in network.tables[name].iterrows():
            if row.geometry is not None:
                coordinates.append(_join(row["epanet_id"], row.geometry.x, row.geometry.y))
    for name in LINKS:
        for _, row in network.tables[name].iterrows():
            if row.geometry is not None:
                vertices += [_join(row["epanet_id"], x, y) for x, y in list(row.geometry.coords)[1:-1]]
    return coordinates, vertices
