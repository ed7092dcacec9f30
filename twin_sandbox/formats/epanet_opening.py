"""The process in which EPANET opens a file: ``python -m twin_sandbox.formats.epanet_opening``.

Arguments: the input file, and a file for EPANET's report. A file that breaks EPANET ends this process, not the
reader's. Answers with one line of JSON: what the file holds, ``refused`` (a `TwinError`'s words) or ``reason``
(EPANET's).
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from twin_sandbox.entities.code import is_valid
from twin_sandbox.errors import TwinError
from twin_sandbox.formats.epanet_network import COLUMNS, FLOW_M3S, PRESSURE_M, TEXTS, Units

_VALVES = {3: "prv", 4: "psv", 5: "pbv", 6: "fcv", 7: "tcv", 8: "gpv", 9: "pcv"}
"""The toolkit's numbers of the kinds of valve."""


def contents(path: Path, report: Path) -> dict[str, Any]:
    """What a file holds, or why it is refused."""
    import epanet.toolkit as en

    project = en.createproject()
    try:
        en.open(project, str(path), str(report), str(report.with_suffix(".bin")))
    except Exception as reason:  # noqa: BLE001 - the toolkit raises nothing else
        en.close(project)  # writes the report out
        return {"reason": str(reason)}
    texts = _texts(path)
    tags, held = _tags(texts.pop("TAGS", [])), _held(texts.pop("STATUS", []))
    try:
        return _Reader(project, tags, held).contents() | {"texts": texts}
    except TwinError as refusal:
        return {"refused": [refusal.where, refusal.found, refusal.allowed, refusal.then]}


def _texts(path: Path) -> dict[str, list[str]]:
    """The lines of the sections that are carried as text. EPANET knows a section by its first letters."""
    texts: dict[str, list[str]] = {}
    section = ""
    raw = path.read_bytes()
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = raw.decode("latin-1")  # old files: only comments and titles hold such letters
    for line in text.splitlines():
        bare = line.strip()
        if bare.startswith("["):
            word = bare[1:].partition("]")[0].upper()
            section = next(
                (name for name in (*TEXTS, "TAGS", "STATUS") if len(word) >= 3 and name.startswith(word[:4])), ""
            )
        elif section and bare and not bare.startswith(";"):
            texts.setdefault(section, []).append(line.rstrip())
    return texts


def _tags(lines: list[str]) -> dict[tuple[str, str], str]:
    """The tag of each node and link by its short name; the toolkit's own call for it does not answer in Python."""
    words = [line.partition(";")[0].split(None, 2) for line in lines]
    return {(word[0].upper(), word[1]): word[2].strip() for word in words if len(word) == 3}


def _held(lines: list[str]) -> dict[str, str]:
    """Links held open or closed by their short names; of a valve, the toolkit does not tell it."""
    words = [line.partition(";")[0].split() for line in lines]
    return {word[0]: word[1].lower() for word in words if len(word) == 2 and word[1].lower() in {"open", "closed"}}


class _Reader:
    """Takes a network out of an open project, table by table, as plain values."""

    def __init__(
        self,
        project: Any,  # noqa: ANN401 - the toolkit's handle
        tags: dict[tuple[str, str], str],
        held: dict[str, str],
    ) -> None:
        import epanet.toolkit as en

        self.en, self.project, self.tags, self.held = en, project, tags, held
        flows = {getattr(en, name): name for name in FLOW_M3S}
        pressures = {getattr(en, name): name for name in PRESSURE_M}
        self.flow = flows[en.getflowunits(project)]
        self.pressure = pressures.get(int(en.getoption(project, en.PRESS_UNITS)), "METERS")
        self.units = Units.of(self.flow, self.pressure)

    def contents(self) -> dict[str, Any]:
        """Everything that has a table."""
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
        return {
            "tables": rows,
            "demands": demands,
            "patterns": list(self._pattern_rows()),
            "curves": list(self._curve_rows()),
            "units": self.flow,
            "pressure": self.pressure,
        }

    def _common(self, name: str, tag: str, code: str, shape: Any) -> dict[str, Any]:  # noqa: ANN401 - coordinates or None
        return {"code": code, "epanet_id": name, "tag": "" if code == tag else tag, "geometry": shape}

    def _finite(self, value: float, what: str) -> float:
        """The value in twelve digits: EPANET counts in feet, which leaves a trace in the sixteenth."""
        if not abs(value) < 1e12:  # also refuses nan
            raise TwinError(what, f"{value}", "A finite number", "Mend the file.")
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

    def _point(self, index: int) -> list[float] | None:
        try:
            place = self.en.getcoord(self.project, index)
        except Exception:  # noqa: BLE001 - EPANET's error 254: no coordinates
            return None
        return [self._finite(value, "[COORDINATES]") for value in place]

    def _line(self, index: int) -> list[list[float]] | None:
        en = self.en
        start, end = (self.at[node - 1] for node in en.getlinknodes(self.project, index))
        if start is None or end is None:
            return None
        count = en.getvertexcount(self.project, index)
        middle = [en.getvertex(self.project, index, k + 1) for k in range(count)]
        return [start, *([self._finite(value, "[VERTICES]") for value in point] for point in middle), end]

    def _node(self, index: int) -> tuple[str, dict[str, Any]]:
        en, metre = self.en, self.units.length
        sort = en.getnodetype(self.project, index)
        elevation = self._node_value(index, en.ELEVATION, metre)
        if sort == en.JUNCTION:
            return "junctions", {"elevation_m": elevation}
        if sort == en.RESERVOIR:
            if self._node_value(index, en.VOLCURVE):
                raise TwinError(
                    f"tank {en.getnodeid(self.project, index)}",
                    "has a volume curve and no diameter: EPANET's toolkit takes it for a reservoir",
                    then="Give it any diameter; the curve counts.",
                )
            pattern = self._name(self.patterns, self._node_value(index, en.PATTERN))
            return "sources", {"head_m": elevation, "pattern": pattern}
        return "tanks", {
            "elevation_m": elevation,
            "level_m": self._node_value(index, en.TANKLEVEL, metre),
            "min_level_m": self._node_value(index, en.MINLEVEL, metre),
            "max_level_m": self._node_value(index, en.MAXLEVEL, metre),
            "diameter_m": self._node_value(index, en.TANKDIAM, metre),
            "min_volume_m3": float(f"{self._node_value(index, en.MINVOLUME, metre**3):.9g}"),
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
        setting = 0.0 if kind == "gpv" else self._link_value(index, en.INITSETTING, units.setting(kind))
        return "valves", row | {
            "kind": kind,
            "diameter_m": self._link_value(index, en.DIAMETER, units.diameter),
            "setting": setting,
            "minor_loss": self._link_value(index, en.MINORLOSS),
            "curve": self._name(self.curves, self._link_value(index, curve_key)) if curve_key else "",
            "status": self.held.get(en.getlinkid(self.project, index), "active"),
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


if __name__ == "__main__":
    sys.stdout.write(json.dumps(contents(Path(sys.argv[1]), Path(sys.argv[2]))))
