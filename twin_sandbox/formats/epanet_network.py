"""A water network as EPANET sees it, and EPANET itself as the judge of a file."""

import json
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from twin_sandbox.errors import TwinError

if TYPE_CHECKING:
    import geopandas as gpd
    import pandas as pd

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
"""Tables of nodes and of links."""
_MOST_BYTES = 50_000_000
_OPEN_WITHIN_S = 60.0

_FOOT_M = 0.3048
FLOW_M3S = {
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
PRESSURE_M = {"PSI": _PSI_M, "KPA": _PSI_M / 6.895, "BAR": _PSI_M / 0.068948, "METERS": 1.0, "FEET": _FOOT_M}


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
class Units:
    """Factors from the file's units to metres, m³/s and kW."""

    flow: float
    length: float
    diameter: float
    pressure: float
    power: float

    @classmethod
    def of(cls, flow: str, pressure: str) -> "Units":
        """The factors that flow units, which decide the others, and pressure units stand for."""
        if flow in _US:
            return cls(FLOW_M3S[flow], _FOOT_M, 0.0254, PRESSURE_M[pressure], 0.7457)
        return cls(FLOW_M3S[flow], 1.0, 1e-3, PRESSURE_M[pressure], 1.0)

    def setting(self, kind: str) -> float:
        """The factor of a valve's setting."""
        return {"prv": self.pressure, "psv": self.pressure, "pbv": self.pressure, "fcv": self.flow}.get(kind, 1.0)


def engine_reads(path: Path, name: Path) -> dict[str, Any]:
    """What EPANET reads in a file, in a process of its own: a damaged file may break EPANET.

    Args:
        path: the file.
        name: what messages call it.

    Returns:
        tables, demands, patterns, curves, units, pressure and texts, as in `WaterNetwork` but plain.

    Raises:
        TwinError: no such file, or EPANET refuses it.
    """
    try:
        text = path.read_bytes()
    except OSError as reason:
        raise TwinError(
            f"file {name}", f"cannot be read: {reason.strerror}", then="Name an EPANET .inp file."
        ) from None
    if len(text) > _MOST_BYTES:
        raise TwinError(f"file {name}", f"{len(text) / 1e6:.0f} MB", f"At most {_MOST_BYTES / 1e6:.0f} MB")
    if b"\0" in text or b"[" not in text:
        raise TwinError(f"file {name}", "is no text with [SECTIONS]", then="Name an EPANET .inp file, as text.")
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder, "report.txt")
        command = [sys.executable, "-m", "twin_sandbox.formats.epanet_opening", str(path.resolve()), str(report)]
        try:
            done = subprocess.run(command, capture_output=True, check=False, timeout=_OPEN_WITHIN_S, cwd=folder)
        except subprocess.TimeoutExpired:
            raise TwinError(f"file {name}", f"EPANET did not finish reading it in {_OPEN_WITHIN_S:g} s") from None
        if done.returncode:
            raise TwinError(f"file {name}", "EPANET broke down over it", then="Look for damaged lines; mend the file.")
        found: dict[str, Any] = json.loads(done.stdout)
        if "reason" in found:
            raise refusal(f"file {name}", found["reason"], report)
    if "refused" in found:
        where, what, allowed, then = found["refused"]
        raise TwinError(f"file {name}, {where}", what, allowed, then)
    if not found["tables"]["junctions"] or not (found["tables"]["sources"] or found["tables"]["tanks"]):
        raise TwinError(f"file {name}", "EPANET error 223 or 224, no junction or no reservoir and tank to feed one")
    return found


_FOUND = re.compile(r"Error (\d+): (.*)")


def refusal(where: str, reason: str, report: Path) -> TwinError:
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
        where,
        shown + more,
        then="Mend these lines; the codes stand in appendix B of EPANET's user manual.",
    )
