"""A water supply as an EPANET 2.2 input file, out and in.

EPANET itself reads the files (owa-epanet, the maintained edition of the toolkit; Rossman et al., EPANET 2.2 User
Manual, EPA/600/R-20/133), so a file that is refused here is refused there, with EPANET's own code.

Short names (``J001``) stand in the file, unified codes in its section [TAGS]; reading it restores the codes. What has
a column here is in metres, cubic metres a second and kilowatts, whatever the file's own units. The sections named in
`TEXTS` (options, times, controls, quality, energy …) are kept as the file has them and written as they were, in the
file's units. What EPANET has no place for (materials, depths, names) does not travel: use GeoPackage for those.
"""

import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from twin_sandbox.entities.code import is_valid
from twin_sandbox.errors import TwinError

if TYPE_CHECKING:
    import geopandas as gpd
    import pandas as pd

    from twin_sandbox.entities import District

TEXTS = (
    "TITLE",
    "CONTROLS",
    "RULES",
    "ENERGY",
    "EMITTERS",
    "LEAKAGE",
    "QUALITY",
    "SOURCES",
    "REACTIONS",
    "MIXING",
    "TIMES",
    "REPORT",
    "OPTIONS",
)
"""Sections that are carried as text."""
COLUMNS: dict[str, tuple[str, ...]] = {
    "junctions": ("elevation_m",),
    "sources": ("head_m", "pattern"),
    "tanks": (
        "elevation_m",
        "level_m",
        "min_level_m",
        "max_level_m",
        "diameter_m",
        "min_volume_m3",
        "volume_curve",
        "can_overflow",
    ),
    "pipes": ("from_code", "to_code", "length_m", "diameter_m", "roughness", "minor_loss", "status"),
    "pumps": ("from_code", "to_code", "head_curve", "power_kw", "speed", "pattern", "status"),
    "valves": ("from_code", "to_code", "kind", "diameter_m", "setting", "minor_loss", "curve", "status"),
}
"""Columns of each table beside epanet_id, tag and geometry.

A valve's setting is in m (prv, psv, pbv), m³/s (fcv) or the plain number (tcv, pcv). A pipe's roughness is Hazen and
Williams's C, Manning's n or Darcy and Weisbach's height in mm, as the file's head loss formula has it.
"""
NODES, LINKS = ("junctions", "sources", "tanks"), ("pipes", "pumps", "valves")
MOST_BYTES = 50_000_000

_FOOT_M = 0.3048
_FLOW_M3S = {
    "CFS": _FOOT_M**3,
    "GPM": 231 * 0.0254**3 / 60,
    "MGD": 231e6 * 0.0254**3 / 86400,
    "IMGD": 4546.09 / 86400,
    "AFD": 43560 * _FOOT_M**3 / 86400,
    "LPS": 1e-3,
    "LPM": 1e-3 / 60,
    "MLD": 1e3 / 86400,
    "CMH": 1 / 3600,
    "CMD": 1 / 86400,
    "CMS": 1.0,
}
_US = ("CFS", "GPM", "MGD", "IMGD", "AFD")
_PSI_M = _FOOT_M / 0.4333  # EPANET's own factors
_PRESSURE_M = {"PSI": _PSI_M, "KPA": _PSI_M / 6.895, "BAR": _PSI_M / 0.068948, "METERS": 1.0, "FEET": _FOOT_M}
_VALVES = {3: "prv", 4: "psv", 5: "pbv", 6: "fcv", 7: "tcv", 8: "gpv", 9: "pcv"}


@dataclass
class WaterNetwork:
    """What an EPANET input file says.

    Attributes:
        tables: GeoDataFrames by the names of `COLUMNS`, each indexed by ``code``: the unified code of the row's tag,
            or the short name where there is none. Columns: ``epanet_id``, ``tag`` (other than a code), those of
            `COLUMNS`, ``geometry`` (None where the file has no coordinates).
        demands: junction_code, pattern ("" for none), base_demand_m3s; one row a category that is not nought.
        patterns: pattern, step (0, 1, …), multiplier.
        curves: curve, x, y, in the units of the file.
        units: flow units of the file, e.g. ``"LPS"``; they decide its other units.
        pressure: pressure units of the file, "METERS", "PSI" …
        texts: lines of the sections of `TEXTS`.
    """

    tables: "dict[str, gpd.GeoDataFrame]"
    demands: "pd.DataFrame"
    patterns: "pd.DataFrame"
    curves: "pd.DataFrame"
    units: str = "LPS"
    pressure: str = "METERS"
    texts: dict[str, list[str]] = field(default_factory=dict)


@dataclass(frozen=True)
class _Units:
    """Factors from the file's units to metres, m³/s and kW."""

    flow: float
    length: float
    diameter: float
    pressure: float
    power: float

    @classmethod
    def of(cls, flow: str, pressure: str) -> "_Units":
        if flow in _US:
            return cls(_FLOW_M3S[flow], _FOOT_M, 0.0254, _PRESSURE_M[pressure], 0.7457)
        return cls(_FLOW_M3S[flow], 1.0, 1e-3, _PRESSURE_M[pressure], 1.0)

    def setting(self, kind: str) -> float:
        return {"prv": self.pressure, "psv": self.pressure, "pbv": self.pressure, "fcv": self.flow}.get(kind, 1.0)


# ---------------------------------------------------------------------------------------------------- the district


def district_network(district: "District", day_type: str = "weekday") -> WaterNetwork:
    """The district's supply, demands driven by pressure, for a day of hourly demands.

    Full demand from 20 m on, none at 0 m, by the square root between (Wagner 1988). Chlorine decays in the water by
    0.5 a day and at the walls by 0.05 m a day.

    Args:
        district: a built district.
        day_type: "weekday" or "weekend".

    Raises:
        TwinError: no such day type.
    """
    import geopandas as gpd
    import pandas as pd

    entities, patterns = district.entities, district.facts["demand_patterns"]
    if day_type not in set(patterns["day_type"]):
        raise TwinError("day type", repr(day_type), "Allowed: weekday, weekend")
    patterns = patterns[patterns["day_type"] == day_type].rename(columns={"hour": "step"})
    valves = entities["water_valves"]
    checked = set(valves.loc[valves["kind"] == "check", "pipe_code"])
    reducers = valves[valves["kind"] == "prv"]
    pipes = entities["water_pipes"].rename(columns={"roughness_hw": "roughness"})
    pipes = pipes.assign(minor_loss=0.0, status=["check" if code in checked else "open" for code in pipes.index])
    tables = {
        "junctions": entities["water_junctions"],
        "sources": entities["water_sources"].assign(pattern=""),
        "pipes": pipes,
        "valves": reducers.rename(columns={"setting_m": "setting"}).assign(
            minor_loss=0.0, curve="", status="active", geometry=None
        ),
    }
    empty = {name: gpd.GeoDataFrame({"geometry": []}, crs=district.crs) for name in COLUMNS}
    tables = {name: _tidy(tables[name].assign(tag="") if name in tables else empty[name], name) for name in COLUMNS}
    quality = [f" {row['epanet_id']} {row['chlorine_mg_l']:g}" for _, row in entities["water_sources"].iterrows()]
    start = float(entities["water_sources"]["chlorine_mg_l"].min())
    quality += [f" {name} {start:g}" for name in entities["water_junctions"]["epanet_id"]]
    texts = {
        "TITLE": [
            f"{district.name_en} water supply, {day_type}. A sample district, not a real place.",
            f"Coordinates: {district.crs}, easting and northing in metres.",
        ],
        "QUALITY": quality,
        "REACTIONS": [" Global Bulk -0.5", " Global Wall -0.05"],
        "TIMES": [
            " Duration 24:00",
            " Hydraulic Timestep 1:00",
            " Quality Timestep 0:05",
            " Pattern Timestep 1:00",
            " Report Timestep 1:00",
        ],
        "REPORT": [" Status No", " Summary No"],
        "OPTIONS": [
            " Units LPS",
            " Headloss H-W",
            " Demand Model PDA",
            " Minimum Pressure 0",
            " Required Pressure 20",
            " Pressure Exponent 0.5",
            " Trials 100",
            " Accuracy 0.00001",
            " Quality Chlorine mg/L",
        ],
    }
    return WaterNetwork(
        tables,
        district.facts["water_demands"].copy(),
        patterns[["pattern", "step", "multiplier"]].reset_index(drop=True),
        pd.DataFrame({"curve": [], "x": [], "y": []}),
        texts=texts,
    )


def _tidy(table: "gpd.GeoDataFrame", name: str) -> "gpd.GeoDataFrame":
    import geopandas as gpd

    kept = ["epanet_id", "tag", *COLUMNS[name], "geometry"]
    tidy = gpd.GeoDataFrame(table.reindex(columns=kept), geometry="geometry", crs=table.crs)
    tidy.index.name = "code"
    return tidy


# --------------------------------------------------------------------------------------------------------- writing


def write_epanet(network: WaterNetwork, path: Path | str) -> Path:
    """Write an EPANET input file; it is read back by EPANET before it takes its place.

    Raises:
        TwinError: EPANET refuses the network, or the file cannot be written.
    """
    path = Path(path)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        draft.write_text(epanet_text(network), encoding="utf-8", newline="\n")
        with _opened(draft, path):
            pass
        draft.replace(path)
    except OSError as reason:
        raise TwinError(f"file {path}", f"cannot be written: {reason.strerror}", then="Name another file.") from None
    finally:
        draft.unlink(missing_ok=True)
    return path


def epanet_text(network: WaterNetwork) -> str:
    """The text of an EPANET input file."""
    units = _Units.of(network.units, network.pressure)
    names = {code: str(row["epanet_id"]) for table in network.tables.values() for code, row in table.iterrows()}
    sections: dict[str, list[str]] = {"TITLE": network.texts.get("TITLE", [])}
    for name, section in (
        ("junctions", "JUNCTIONS"),
        ("sources", "RESERVOIRS"),
        ("tanks", "TANKS"),
        ("pipes", "PIPES"),
        ("pumps", "PUMPS"),
        ("valves", "VALVES"),
    ):
        line = globals()[f"_{name[:-1]}_line"]
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


def _junction_line(row: Any, _: dict[str, str], units: _Units) -> str:  # noqa: ANN401 - a row of a frame
    return _join(row["epanet_id"], row["elevation_m"] / units.length)


def _source_line(row: Any, _: dict[str, str], units: _Units) -> str:  # noqa: ANN401
    return _join(row["epanet_id"], row["head_m"] / units.length, row["pattern"])


def _tank_line(row: Any, _: dict[str, str], units: _Units) -> str:  # noqa: ANN401
    lengths = (row[name] / units.length for name in COLUMNS["tanks"][:5])
    overflow = ("*" if not row["volume_curve"] else "", "YES") if row["can_overflow"] else ("",)
    volume = row["min_volume_m3"] / units.length**3
    return _join(row["epanet_id"], *lengths, volume, row["volume_curve"], *overflow)


def _pipe_line(row: Any, names: dict[str, str], units: _Units) -> str:  # noqa: ANN401
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


def _pump_line(row: Any, names: dict[str, str], units: _Units) -> str:  # noqa: ANN401
    ends = names[row["from_code"]], names[row["to_code"]]
    drive = ("HEAD", row["head_curve"]) if row["head_curve"] else ("POWER", row["power_kw"] / units.power)
    pattern = ("PATTERN", row["pattern"]) if row["pattern"] else ()
    return _join(row["epanet_id"], *ends, *drive, "SPEED", row["speed"], *pattern)


def _valve_line(row: Any, names: dict[str, str], units: _Units) -> str:  # noqa: ANN401
    ends = names[row["from_code"]], names[row["to_code"]]
    setting = row["curve"] if row["kind"] == "gpv" else row["setting"] / units.setting(row["kind"])
    extra = (row["curve"],) if row["kind"] == "pcv" and row["curve"] else ()
    size = row["diameter_m"] / units.diameter
    return _join(row["epanet_id"], *ends, size, row["kind"].upper(), setting, row["minor_loss"], *extra)


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


# --------------------------------------------------------------------------------------------------------- reading


def read_epanet(path: Path | str, crs: str | None = None) -> WaterNetwork:
    """Read an EPANET input file, of the district or any other.

    Args:
        path: the file.
        crs: coordinate reference system of its coordinates, e.g. ``"EPSG:4549"``; the file does not say.

    Raises:
        TwinError: no such file, or EPANET refuses it: the message has EPANET's codes, lines and what they mean.
    """
    path = Path(path)
    with _opened(path, path) as project:
        texts = _texts(path)
        network = _Reader(project, path, crs, _tags(texts.pop("TAGS", []))).network()
    network.texts = texts
    return network


def epanet_error(code: int) -> str:
    """What one of EPANET's codes means, in EPANET's own words.

    Raises:
        TwinError: there is no such code.
    """
    import epanet.toolkit as en

    try:
        meaning = str(en.geterror(code)).strip()
    except Exception:  # noqa: BLE001 - the toolkit raises nothing else
        meaning = ""
    if not meaning:
        raise TwinError("EPANET code", f"{code} is none", "The user manual's appendix B lists them")
    return re.sub(rf"^(Error|WARNING:?)\s*{code}?:?\s*", "", meaning)


@contextmanager
def _opened(path: Path, name: Path) -> Iterator[Any]:
    """The file in a project of EPANET's toolkit, which writes its report elsewhere."""
    import epanet.toolkit as en

    try:
        size = path.stat().st_size
        text = path.read_bytes()
    except OSError as reason:
        raise TwinError(
            f"file {name}", f"cannot be read: {reason.strerror}", then="Name an EPANET .inp file."
        ) from None
    if size > MOST_BYTES:
        raise TwinError(f"file {name}", f"{size / 1e6:.0f} MB", f"At most {MOST_BYTES / 1e6:.0f} MB")
    if b"\0" in text or b"[" not in text:
        raise TwinError(f"file {name}", "is no text with [SECTIONS]", then="Name an EPANET .inp file, as text.")
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder, "report.txt")
        project = en.createproject()
        try:
            try:
                en.open(project, str(path), str(report), str(Path(folder, "results.bin")))
            except Exception as reason:  # noqa: BLE001 - the toolkit raises nothing else
                raise _refusal(name, str(reason), report) from None
            yield project
        finally:
            try:
                en.close(project)
            finally:
                en.deleteproject(project)


_FOUND = re.compile(r"Error (\d+): (.*)")


def _refusal(name: Path, reason: str, report: Path) -> TwinError:
    """EPANET's first complaints; its summary, error 200, only if there is no other."""
    lines = report.read_text("utf-8", errors="replace").splitlines() if report.is_file() else []
    found = []
    for k, line in enumerate(lines):
        match = _FOUND.search(line)
        if match and match[1] != "200":
            below = lines[k + 1].strip() if match[2].rstrip().endswith(":") and k + 1 < len(lines) else ""
            found.append(f"EPANET error {match[1]}, {match[2].rstrip(' :')}" + (f": {below[:80]!r}" if below else ""))
    shown = "; ".join(found[:3]) or f"EPANET: {reason}"
    more = f"; and {len(found) - 3} more" if len(found) > 3 else ""
    return TwinError(
        f"file {name}",
        shown + more,
        then="Mend these lines; the codes stand in appendix B of EPANET's user manual.",
    )


def _texts(path: Path) -> dict[str, list[str]]:
    """The lines of the sections that are carried as text. EPANET knows a section by its first letters."""
    texts: dict[str, list[str]] = {}
    section = ""
    for line in path.read_text("utf-8", errors="replace").splitlines():
        bare = line.strip()
        if bare.startswith("["):
            word = bare[1:].partition("]")[0].upper()
            section = next((name for name in (*TEXTS, "TAGS") if len(word) >= 3 and name.startswith(word[:4])), "")
        elif section and bare and not bare.startswith(";"):
            texts.setdefault(section, []).append(line.rstrip())
    return texts


def _tags(lines: list[str]) -> dict[tuple[str, str], str]:
    """The tag of each node and link by its short name; the toolkit's own call for it does not answer in Python."""
    words = [line.partition(";")[0].split(None, 2) for line in lines]
    return {(word[0].upper(), word[1]): word[2].strip() for word in words if len(word) == 3}


class _Reader:
    """Takes a network out of an open project, table by table."""

    def __init__(
        self,
        project: Any,  # noqa: ANN401 - the toolkit's handle
        path: Path,
        crs: str | None,
        tags: dict[tuple[str, str], str],
    ) -> None:
        import epanet.toolkit as en

        self.en, self.project, self.path, self.crs, self.tags = en, project, path, crs, tags
        flows = {getattr(en, name): name for name in _FLOW_M3S}
        pressures = {getattr(en, name): name for name in _PRESSURE_M}
        self.flow = flows[en.getflowunits(project)]
        self.pressure = pressures.get(int(en.getoption(project, en.PRESS_UNITS)), "METERS")
        self.units = _Units.of(self.flow, self.pressure)

    def network(self) -> WaterNetwork:
        """Everything that has a table."""
        import pandas as pd

        en, project = self.en, self.project
        self.patterns = [en.getpatternid(project, k + 1) for k in range(en.getcount(project, en.PATCOUNT))]
        self.curves = [en.getcurveid(project, k + 1) for k in range(en.getcount(project, en.CURVECOUNT))]
        nodes, links = en.getcount(project, en.NODECOUNT), en.getcount(project, en.LINKCOUNT)
        ids = [en.getnodeid(project, k + 1) for k in range(nodes)]
        tags = [self.tags.get(("NODE", name), "") for name in ids]
        self.codes = _codes(ids, tags)
        self.at = [self._point(k + 1) for k in range(nodes)]
        rows: dict[str, list[dict[str, Any]]] = {name: [] for name in COLUMNS}
        demands: list[dict[str, Any]] = []
        for k in range(nodes):
            name, row = self._node(k + 1)
            rows[name].append(self._common(ids[k], tags[k], self.codes[k], self.at[k]) | row)
            demands += self._demands(k + 1) if name == "junctions" else []
        ids = [en.getlinkid(project, k + 1) for k in range(links)]
        tags = [self.tags.get(("LINK", name), "") for name in ids]
        for k, code in enumerate(_codes(ids, tags)):
            name, row = self._link(k + 1)
            rows[name].append(self._common(ids[k], tags[k], code, self._line(k + 1)) | row)
        return WaterNetwork(
            {name: self._frame(name, rows[name]) for name in COLUMNS},
            pd.DataFrame(demands, columns=["junction_code", "pattern", "base_demand_m3s"]),
            pd.DataFrame(self._pattern_rows(), columns=["pattern", "step", "multiplier"]),
            pd.DataFrame(self._curve_rows(), columns=["curve", "x", "y"]),
            self.flow,
            self.pressure,
        )

    def _frame(self, name: str, rows: list[dict[str, Any]]) -> "gpd.GeoDataFrame":
        import geopandas as gpd

        columns = ["code", "epanet_id", "tag", *COLUMNS[name], "geometry"]
        table = gpd.GeoDataFrame(rows, columns=columns, geometry="geometry", crs=self.crs)
        return table.set_index("code")

    def _common(self, name: str, tag: str, code: str, shape: Any) -> dict[str, Any]:  # noqa: ANN401 - Point or None
        return {"code": code, "epanet_id": name, "tag": "" if code == tag else tag, "geometry": shape}

    def _finite(self, value: float, what: str) -> float:
        """The value in twelve digits: EPANET counts in feet, which leaves a trace in the sixteenth."""
        if not abs(value) < 1e12:  # also refuses nan
            raise TwinError(f"file {self.path}, {what}", f"{value}", "A finite number", "Mend the file.")
        return float(f"{value:.12g}")

    def _node_value(self, index: int, key: int, unit: float = 1.0) -> float:
        en = self.en
        value = en.getnodevalue(self.project, index, key) * unit
        return self._finite(value, f"node {en.getnodeid(self.project, index)}")

    def _link_value(self, index: int, key: int, unit: float = 1.0) -> float:
        en = self.en
        value = en.getlinkvalue(self.project, index, key) * unit
        return self._finite(value, f"link {en.getlinkid(self.project, index)}")

    def _name(self, names: list[str], index: float) -> str:
        return names[int(index) - 1] if 0 < index <= len(names) else ""

    def _point(self, index: int) -> Any:  # noqa: ANN401 - Point or None
        from shapely.geometry import Point

        try:
            x, y = self.en.getcoord(self.project, index)
        except Exception:  # noqa: BLE001 - EPANET's error 254: no coordinates
            return None
        return Point(self._finite(x, "[COORDINATES]"), self._finite(y, "[COORDINATES]"))

    def _line(self, index: int) -> Any:  # noqa: ANN401 - LineString or None
        from shapely.geometry import LineString

        en = self.en
        ends = [self.at[node - 1] for node in en.getlinknodes(self.project, index)]
        if None in ends:
            return None
        count = en.getvertexcount(self.project, index)
        middle = [en.getvertex(self.project, index, k + 1) for k in range(count)]
        points = [ends[0].coords[0], *middle, ends[1].coords[0]]
        return LineString([[self._finite(value, "[VERTICES]") for value in point] for point in points])

    def _node(self, index: int) -> tuple[str, dict[str, Any]]:
        en, metre = self.en, self.units.length
        sort = en.getnodetype(self.project, index)
        elevation = self._node_value(index, en.ELEVATION, metre)
        if sort == en.JUNCTION:
            return "junctions", {"elevation_m": elevation}
        if sort == en.RESERVOIR:
            pattern = self._name(self.patterns, self._node_value(index, en.PATTERN))
            return "sources", {"head_m": elevation, "pattern": pattern}
        return "tanks", {
            "elevation_m": elevation,
            "level_m": self._node_value(index, en.TANKLEVEL, metre),
            "min_level_m": self._node_value(index, en.MINLEVEL, metre),
            "max_level_m": self._node_value(index, en.MAXLEVEL, metre),
            "diameter_m": self._node_value(index, en.TANKDIAM, metre),
            "min_volume_m3": self._node_value(index, en.MINVOLUME, metre**3),
            "volume_curve": self._name(self.curves, self._node_value(index, en.VOLCURVE)),
            "can_overflow": bool(self._node_value(index, en.CANOVERFLOW)),
        }

    def _demands(self, index: int) -> Iterator[dict[str, Any]]:
        en, project = self.en, self.project
        for k in range(en.getnumdemands(project, index)):
            base = en.getbasedemand(project, index, k + 1) * self.units.flow
            base = self._finite(base, f"node {en.getnodeid(project, index)}")
            if base:
                pattern = self._name(self.patterns, en.getdemandpattern(project, index, k + 1))
                yield {
                    "junction_code": self.codes[index - 1],
                    "pattern": pattern,
                    "base_demand_m3s": base,
                }

    def _link(self, index: int) -> tuple[str, dict[str, Any]]:
        en, units, sort = self.en, self.units, self.en.getlinktype(self.project, index)
        start, end = (self.codes[node - 1] for node in en.getlinknodes(self.project, index))
        row: dict[str, Any] = {"from_code": start, "to_code": end}
        status = "open" if self._link_value(index, en.INITSTATUS) else "closed"
        if sort in (en.PIPE, en.CVPIPE):
            return "pipes", row | {
                "length_m": self._link_value(index, en.LENGTH, units.length),
                "diameter_m": self._link_value(index, en.DIAMETER, units.diameter),
                "roughness": self._link_value(index, en.ROUGHNESS),
                "minor_loss": self._link_value(index, en.MINORLOSS),
                "status": "check" if sort == en.CVPIPE else status,
            }
        if sort == en.PUMP:
            power = en.getpumptype(self.project, index) == en.CONST_HP
            curve = 0 if power else en.getheadcurveindex(self.project, index)
            return "pumps", row | {
                "head_curve": self._name(self.curves, curve),
                "power_kw": self._link_value(index, en.PUMP_POWER, units.power) if power else 0.0,
                "speed": self._link_value(index, en.INITSETTING),
                "pattern": self._name(self.patterns, self._link_value(index, en.LINKPATTERN)),
                "status": status,
            }
        kind = _VALVES[sort]
        curve_key = {"gpv": en.GPV_CURVE, "pcv": en.PCV_CURVE}.get(kind)
        setting = en.getlinkvalue(self.project, index, en.INITSETTING)
        fixed = abs(setting) > 1e8  # EPANET's mark for a valve whose status is held, so that its setting has no effect
        return "valves", row | {
            "kind": kind,
            "diameter_m": self._link_value(index, en.DIAMETER, units.diameter),
            "setting": 0.0 if fixed or kind == "gpv" else self._finite(setting * units.setting(kind), "[VALVES]"),
            "minor_loss": self._link_value(index, en.MINORLOSS),
            "curve": self._name(self.curves, self._link_value(index, curve_key)) if curve_key else "",
            "status": status if fixed else "active",
        }

    def _pattern_rows(self) -> Iterator[tuple[str, int, float]]:
        for index, name in enumerate(self.patterns, 1):
            for step in range(self.en.getpatternlen(self.project, index)):
                value = self.en.getpatternvalue(self.project, index, step + 1)
                yield name, step, self._finite(value, f"pattern {name}")

    def _curve_rows(self) -> Iterator[tuple[str, float, float]]:
        for index, name in enumerate(self.curves, 1):
            for k in range(self.en.getcurvelen(self.project, index)):
                x, y = self.en.getcurvevalue(self.project, index, k + 1)
                yield name, self._finite(x, f"curve {name}"), self._finite(y, f"curve {name}")


def _codes(ids: list[str], tags: list[str]) -> list[str]:
    """Unified codes from the tags; the short name where a tag is none or stands twice."""
    return [tag if is_valid(tag) and tags.count(tag) == 1 else name for name, tag in zip(ids, tags, strict=True)]
