"""The network in a SWMM input file as tables in metres, and what is strange about it.

Sections read: OPTIONS (units, offsets), JUNCTIONS, OUTFALLS, STORAGE, CONDUITS, PUMPS, ORIFICES, WEIRS, XSECTIONS,
SUBCATCHMENTS, COORDINATES, VERTICES, POLYGONS, TAGS (EPA SWMM 5.2 User's Manual, appendix D). The others stay unread.
"""

import math
import re
from typing import TYPE_CHECKING, Any

from twin_sandbox.errors import TwinError

if TYPE_CHECKING:
    import pandas as pd

FOOT_M = 0.3048
ACRE_M2 = 4046.8564224
FLOW_M3S = {
    "CFS": FOOT_M**3,
    "GPM": 3.785411784e-3 / 60,
    "MGD": 3785.411784 / 86400,
    "CMS": 1.0,
    "LPS": 1e-3,
    "MLD": 1e3 / 86400,
}
"""SWMM's flow units [m³/s]; the first three go with feet and acres, the others with metres and hectares."""

_US = ("CFS", "GPM", "MGD")
_PIPES = ("conduits", "pumps")
_LINKS = (*_PIPES, "orifices", "weirs")
_NEEDS = {
    "JUNCTIONS": 2,
    "OUTFALLS": 3,
    "STORAGE": 5,
    "CONDUITS": 7,
    "PUMPS": 3,
    "ORIFICES": 5,
    "WEIRS": 5,
    "XSECTIONS": 3,
    "SUBCATCHMENTS": 7,
    "COORDINATES": 3,
    "VERTICES": 3,
    "POLYGONS": 3,
    "TAGS": 3,
}
"""Words that a line of each section has at least; a new town's file may leave out the rest."""

Words = list[str]


def sections_of(text: str) -> dict[str, list[Words]]:
    """The words of each line by section, comments left out."""
    found: dict[str, list[Words]] = {}
    section = ""
    for line in text.splitlines():
        body = line.split(";", 1)[0].strip()
        if body.startswith("["):
            section = body.strip("[]").upper()
            found.setdefault(section, [])
        elif body and section:
            found[section].append(body.split())
    return found


def tables(where: str, text: str, crs: str | None = None) -> "dict[str, Any]":
    """The network as tables, indexed by code (the tag of a file of this practicum) or else by SWMM's name.

    All have ``swmm_id`` and a geometry, None where the file draws none. Levels are above the file's datum:

    * junctions: ``invert_m``, ``rim_m``; outfalls: ``invert_m``, ``tidal``; storages: ``invert_m``, ``max_depth_m``;
    * conduits: ``from_code``, ``to_code``, ``length_m``, ``shape``, ``diameter_m`` (full height), ``roughness_n``,
      ``inlet_invert_m``, ``outlet_invert_m``, ``slope``; pumps, orifices, weirs: ``from_code``, ``to_code``;
    * subcatchments: ``outlet``, ``area_m2``, ``impervious_share``, ``width_m``, ``slope``.

    Raises:
        TwinError: no section of a network, a line that is cut off, no number where one is due, or an unknown name.
    """
    return _Network(where, text, crs).tables()


class _Network:
    def __init__(self, where: str, text: str, crs: str | None) -> None:
        self.where = where
        self.sections = sections_of(text)
        if not any(self.sections.get(name) for name in ("JUNCTIONS", "OUTFALLS", "STORAGE", "CONDUITS")):
            raise TwinError(where, "has no nodes and no conduits", "A SWMM input file with sections like [JUNCTIONS]")
        for name, least in _NEEDS.items():
            for words in self.sections.get(name, []):
                if len(words) < least:
                    raise TwinError(f"{where}, [{name}]", f"{' '.join(words)!r} is cut off", f"At least {least} words")
        options = {words[0].upper(): words[-1].upper() for words in self.sections.get("OPTIONS", [])}
        self.units = options.get("FLOW_UNITS", "CFS")
        if self.units not in FLOW_M3S:
            raise TwinError(f"{where}, [OPTIONS], FLOW_UNITS", repr(self.units), f"One of {', '.join(FLOW_M3S)}")
        self.foot = self.units in _US
        self.length_m = FOOT_M if self.foot else 1.0
        self.offsets_are_levels = options.get("LINK_OFFSETS", "DEPTH") == "ELEVATION"
        said = re.search(r"^;; CRS (\S+)", text, re.MULTILINE)
        self.crs = crs or (said.group(1) if said else None)
        self.codes = {(words[0].upper(), words[1]): words[2] for words in self.sections.get("TAGS", [])}
        self.points = {
            w[0]: (self._number("COORDINATES", w, 1), self._number("COORDINATES", w, 2))
            for w in self._lines("COORDINATES")
        }
        self.bends = self._many("VERTICES")
        self.inverts: dict[str, float] = {}

    def _lines(self, section: str) -> list[Words]:
        return self.sections.get(section, [])

    def _many(self, section: str) -> dict[str, list[tuple[float, float]]]:
        found: dict[str, list[tuple[float, float]]] = {}
        for words in self._lines(section):
            found.setdefault(words[0], []).append((self._number(section, words, 1), self._number(section, words, 2)))
        return found

    def _number(self, section: str, words: Words, at: int, default: float | None = None) -> float:
        if at >= len(words) and default is not None:
            return default
        try:
            value = float(words[at])
        except (ValueError, IndexError):
            value = math.nan
        if not math.isfinite(value):
            found = repr(words[at]) if at < len(words) else "nothing"
            raise TwinError(
                f"{self.where}, [{section}], {words[0]}", f"{found} is no number", f"A number as word {at + 1}"
            )
        return value

    def _code(self, kind: str, name: str) -> str:
        return self.codes.get((kind, name), name)

    def tables(self) -> dict[str, Any]:
        nodes = {"junctions": self._junctions(), "outfalls": self._outfalls(), "storages": self._storages()}
        known = {row["swmm_id"] for rows in nodes.values() for row in rows}
        links = {"conduits": self._conduits(known)}
        for name, section in (("pumps", "PUMPS"), ("orifices", "ORIFICES"), ("weirs", "WEIRS")):
            links[name] = [self._link(section, words, known) for words in self._lines(section)]
        found = {**nodes, **links, "subcatchments": self._subcatchments()}
        return {name: self._table(rows) for name, rows in found.items() if rows}

    def _table(self, rows: list[dict[str, Any]]) -> Any:  # noqa: ANN401 - a GeoDataFrame
        import geopandas as gpd
        import pyproj

        shapes = [row.pop("geometry") for row in rows]
        try:
            series = gpd.GeoSeries(shapes, crs=self.crs)
        except pyproj.exceptions.CRSError:
            raise TwinError(f"{self.where}, CRS", repr(self.crs), "e.g. EPSG:4549") from None
        return gpd.GeoDataFrame(rows, geometry=series).set_index("code")

    def _node(self, section: str, words: Words, **values: object) -> dict[str, Any]:
        import shapely

        name = words[0]
        if name in self.inverts:
            raise TwinError(f"{self.where}, [{section}]", f"node {name!r} stands there twice", "Each node once")
        self.inverts[name] = self._number(section, words, 1) * self.length_m
        point = self.points.get(name)
        return {
            "code": self._code("NODE", name),
            "swmm_id": name,
            "invert_m": self.inverts[name],
            **values,
            "geometry": None if point is None else shapely.Point(point),
        }

    def _junctions(self) -> list[dict[str, Any]]:
        rows = []
        for words in self._lines("JUNCTIONS"):
            row = self._node("JUNCTIONS", words)
            row["rim_m"] = row["invert_m"] + self._number("JUNCTIONS", words, 2, 0.0) * self.length_m
            rows.append(row)
        return rows

    def _outfalls(self) -> list[dict[str, Any]]:
        return [
            self._node("OUTFALLS", words, tidal=words[2].upper() in ("TIDAL", "TIMESERIES"))
            for words in self._lines("OUTFALLS")
        ]

    def _storages(self) -> list[dict[str, Any]]:
        return [
            self._node("STORAGE", words, max_depth_m=self._number("STORAGE", words, 2) * self.length_m)
            for words in self._lines("STORAGE")
        ]

    def _link(self, section: str, words: Words, known: set[str], **values: object) -> dict[str, Any]:
        import shapely

        name, start, end = words[:3]
        for node in (start, end):
            if node not in known:
                raise TwinError(f"{self.where}, [{section}], {name}", f"goes to {node!r}", "A node of the file")
        line = [
            at for at in (self.points.get(start), *self.bends.get(name, []), self.points.get(end)) if at is not None
        ]
        drawn = start in self.points and end in self.points
        return {
            "code": self._code("LINK", name),
            "swmm_id": name,
            "from_code": self._code("NODE", start),
            "to_code": self._code("NODE", end),
            **values,
            "geometry": shapely.LineString(line) if drawn else None,
        }

    def _conduits(self, known: set[str]) -> list[dict[str, Any]]:
        sizes = {words[0]: words for words in self._lines("XSECTIONS")}
        rows = []
        for words in self._lines("CONDUITS"):
            row = self._link("CONDUITS", words, known)
            length_m = self._number("CONDUITS", words, 3) * self.length_m
            inlet_m, outlet_m = (self._level(words, at, node) for at, node in ((5, words[1]), (6, words[2])))
            size = sizes.get(words[0])
            if size is None:
                raise TwinError(f"{self.where}, [XSECTIONS]", f"conduit {words[0]!r} has none", "One for each conduit")
            row |= {
                "length_m": length_m,
                "shape": size[1].upper(),
                "diameter_m": _first_number(size[2]) * self.length_m,
                "roughness_n": self._number("CONDUITS", words, 4),
                "inlet_invert_m": inlet_m,
                "outlet_invert_m": outlet_m,
                "slope": (inlet_m - outlet_m) / length_m if length_m > 0 else math.nan,
            }
            rows.append(row)
        return rows

    def _level(self, words: Words, at: int, node: str) -> float:
        """Level of a conduit's end [m]: "*" stands for the node's invert."""
        if words[at] == "*":
            return self.inverts[node]
        offset_m = self._number("CONDUITS", words, at) * self.length_m
        return offset_m if self.offsets_are_levels else self.inverts[node] + offset_m

    def _subcatchments(self) -> list[dict[str, Any]]:
        import shapely

        rings = self._many("POLYGONS")
        unit_m2 = ACRE_M2 if self.foot else 1e4
        rows = []
        for words in self._lines("SUBCATCHMENTS"):
            name, ring = words[0], rings.get(words[0], [])
            rows.append(
                {
                    "code": self._code("SUBCATCH", name),
                    "swmm_id": name,
                    "outlet": self._code("NODE", words[2]),
                    "area_m2": self._number("SUBCATCHMENTS", words, 3) * unit_m2,
                    "impervious_share": self._number("SUBCATCHMENTS", words, 4) / 100,
                    "width_m": self._number("SUBCATCHMENTS", words, 5) * self.length_m,
                    "slope": self._number("SUBCATCHMENTS", words, 6) / 100,
                    "geometry": shapely.Polygon(ring) if len(ring) > 2 else None,
                }
            )
        return rows


def _first_number(word: str) -> float:
    """The full height of a cross-section; NaN where the word names a transect or a street."""
    try:
        return float(word)
    except ValueError:
        return math.nan


def findings(read: "dict[str, pd.DataFrame]") -> "pd.DataFrame":
    """What is strange in a network that SWMM accepts: one row a finding, columns kind, code, text.

    * ``climbs``: a conduit whose outlet lies higher than its inlet;
    * ``cycle``: conduits and pumps that lead in a circle (allowed in SWMM, but a dendritic network has none);
    * ``undrained``: a node from which no link leads on and that is no outfall;
    * ``undrawn``: a node without coordinates.
    """
    import pandas as pd

    rows: list[tuple[str, str, str]] = []
    if "conduits" in read:
        for code, slope in read["conduits"]["slope"].items():
            if slope < 0:
                rows.append(("climbs", str(code), f"climbs by {-100 * slope:.2f} % from inlet to outlet"))
    circle = _cycle(_after(read, _PIPES))
    if circle:
        rows.append(("cycle", circle[0], " → ".join([*circle, circle[0]])))
    after = _after(read, _LINKS)
    for name in ("junctions", "storages"):
        if name in read:
            rows += [
                ("undrained", str(code), "no link leads on from it") for code in read[name].index if code not in after
            ]
    for name in ("junctions", "storages", "outfalls"):
        if name in read:
            rows += [
                ("undrawn", str(code), "has no coordinates") for code in read[name].index[read[name].geometry.isna()]
            ]
    return pd.DataFrame(rows, columns=["kind", "code", "text"])


def _after(read: "dict[str, pd.DataFrame]", names: tuple[str, ...]) -> dict[str, list[str]]:
    """Node → the nodes to which the links of some tables lead on from it."""
    after: dict[str, list[str]] = {}
    for name in names:
        if name in read:
            for start, end in read[name][["from_code", "to_code"]].itertuples(index=False):
                after.setdefault(start, []).append(end)
    return after


def _cycle(after: dict[str, list[str]]) -> list[str]:
    """Nodes of one circle, in the direction of flow; none if there is none."""
    done: set[str] = set()
    for root in after:
        way: list[str] = []
        on_way: set[str] = set()
        stack = [(root, iter(after.get(root, [])))] if root not in done else []
        while stack:
            node, ends = stack[-1]
            if node not in on_way:
                way.append(node)
                on_way.add(node)
            for end in ends:
                if end in on_way:
                    return way[way.index(end) :]
                if end not in done:
                    stack.append((end, iter(after.get(end, []))))
                    break
            else:
                stack.pop()
                way.pop()
                on_way.discard(node)
                done.add(node)
    return []
