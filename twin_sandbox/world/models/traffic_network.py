"""The streets of a district as a SUMO network: plain XML, put together by SUMO's own netconvert.

Edges bear the codes of streets: ``<code>`` as the street is drawn, ``-<code>`` against it (SUMO's own custom). Traffic
lights bear the codes of signals. Cycle lanes are no part of it: bicycles and e-bikes ride there for themselves.
"""

import hashlib
import math
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from twin_sandbox.errors import TwinError

if TYPE_CHECKING:
    from shapely.geometry import LineString

    from twin_sandbox.entities import District

_PRIORITY = {"arterial": 3, "collector": 2, "underpass": 2, "local": 1}
_ALLOW = "passenger taxi delivery truck bus emergency"
"""A bus lane of the table keeps to the kerb where it runs straight on; to turn left a bus needs the other lane too."""
_STRAIGHT_DEG = 50.0
"""A change of direction below this goes straight on."""
_HEADING_M = 25.0
"""Over this length the direction of an arm is measured."""
_OPTIONS = (
    "--offset.disable-normalization", "true", "--no-turnarounds", "true", "--junctions.corner-detail", "0",
    "--junctions.internal-link-detail", "2", "--precision", "2", "--no-warnings", "true",
)  # fmt: skip


@dataclass(frozen=True)
class Edge:
    """One direction of a street.

    Args:
        code: of the street.
        start: index of the node at its beginning.
        end: index of the node at its end.
        lanes: general lanes, counted from the kerb.
        speed_m_s: the street's limit.
        line: middle of the street, in the direction of travel, local metres.
        rank: of the street's class; higher goes first.
        name: of the street.
    """

    code: str
    start: int
    end: int
    lanes: int
    speed_m_s: float
    line: "LineString"
    rank: int
    name: str


@dataclass(frozen=True)
class Turn:
    """One way over a junction: from an edge to the next; ``deg`` is positive to the left, 180 for a U-turn."""

    into: str
    out: str
    deg: float

    @property
    def kind(self) -> str:
        """``"straight"``, ``"left"``, ``"right"`` or ``"back"``."""
        if abs(self.deg) > 170.0:
            return "back"
        if abs(self.deg) < _STRAIGHT_DEG:
            return "straight"
        return "left" if self.deg > 0 else "right"


@dataclass(frozen=True)
class Streets:
    """The street graph of a district in local metres.

    Args:
        nodes: code, kind, x and y of each node.
        edges: SUMO's edge id → edge.
        turns: every way over a junction.
        signals: node index → row of the signal there.
        origin_m: what is added to local coordinates to get the map's.
        used: nodes at which edges meet; none: all.
    """

    nodes: tuple[tuple[str, str, float, float], ...]
    edges: dict[str, Edge]
    turns: tuple[Turn, ...]
    signals: dict[int, dict[str, object]]
    origin_m: tuple[float, float]
    used: frozenset[int] = frozenset()


def read_streets(district: "District") -> Streets:
    """The street graph of a district."""
    import shapely

    tables = district.entities
    x_m, y_m = (float(v) for v in np.floor(tables["streets"].total_bounds[:2]))
    node_table = tables["street_nodes"]
    nodes = tuple(
        (str(code), str(kind), round(point.x - x_m, 2), round(point.y - y_m, 2))
        for code, kind, point in zip(node_table.index, node_table["kind"], node_table.geometry, strict=True)
    )
    at = {code: k for k, (code, *_) in enumerate(nodes)}
    streets = tables["streets"]
    lanes = tables["lanes"]
    general = lanes[lanes["kind"] == "general_lane"].sort_values("lane_index", ascending=False)
    edges = {}
    for (code, direction), rows in general.groupby(["street_code", "direction"]):
        street = streets.loc[code]
        line = shapely.transform(street.geometry, lambda xy: np.round(xy - (x_m, y_m), 2))
        forward = direction == "forward"
        edges[code if forward else f"-{code}"] = Edge(
            str(code),
            at[rows["from_code"].iloc[0]],
            at[rows["to_code"].iloc[0]],
            len(rows),
            round(float(rows["speed_kmh"].min()) / 3.6, 2),
            line if forward else line.reverse(),
            _PRIORITY[street["street_class"]],
            str(street["name_en"]),
        )
    signals = {at[row["node_code"]]: {"code": code, **row} for code, row in tables["signals"].iterrows()}
    return Streets(nodes, edges, tuple(_turns(nodes, edges)), signals, (x_m, y_m))


def around(streets: Streets, signal: str) -> Streets:
    """One junction and the streets that meet there, on their own.

    Raises:
        TwinError: no such signal.
    """
    node = next((node for node, row in streets.signals.items() if row["code"] == signal), None)
    if node is None:
        known = ", ".join(sorted(str(row["code"]) for row in streets.signals.values()))
        raise TwinError("traffic model, junction", f"no signal {signal!r}", f"One of {known}.")
    edges = {name: edge for name, edge in streets.edges.items() if node in {edge.start, edge.end}}
    turns = tuple(turn for turn in streets.turns if turn.into in edges and streets.edges[turn.into].end == node)
    met = {end for edge in edges.values() for end in (edge.start, edge.end)}
    nodes = tuple(
        (code, "frame_edge" if k != node else kind, x, y) for k, (code, kind, x, y) in enumerate(streets.nodes)
    )
    return replace(
        streets, nodes=nodes, edges=edges, turns=turns, signals={node: streets.signals[node]}, used=frozenset(met)
    )


def _heading_deg(line: "LineString", *, at_end: bool) -> float:
    reach = min(_HEADING_M, line.length / 2)
    a, b = (line.interpolate(line.length - reach), line.interpolate(line.length)) if at_end else (
        line.interpolate(0.0), line.interpolate(reach))  # fmt: skip
    return math.degrees(math.atan2(b.y - a.y, b.x - a.x))


def _turns(nodes: tuple[tuple[str, str, float, float], ...], edges: dict[str, Edge]) -> list[Turn]:
    turns = []
    for into, one in edges.items():
        for out, other in edges.items():
            if one.end != other.start:
                continue
            if one.code == other.code:
                if nodes[one.end][1] == "closed_end":
                    turns.append(Turn(into, out, 180.0))
                continue
            deg = _heading_deg(other.line, at_end=False) - _heading_deg(one.line, at_end=True)
            turns.append(Turn(into, out, round((deg + 180.0) % 360.0 - 180.0, 1)))
    return turns


def links(streets: Streets) -> list[tuple[Turn, int, int]]:
    """The turns lane by lane: turn, lane that it leaves, lane that it enters (counted from the kerb).

    From a single lane all ways are open; of two, the one at the kerb goes right and straight on, the other left and
    straight on.
    """
    by_edge: dict[str, list[Turn]] = {}
    for turn in streets.turns:
        by_edge.setdefault(turn.into, []).append(turn)
    found = []
    for into, turns in by_edge.items():
        last = streets.edges[into].lanes - 1
        kinds = {turn.kind for turn in turns}
        for turn in sorted(turns, key=lambda turn: turn.deg):
            inner = streets.edges[turn.out].lanes - 1
            if turn.kind == "right":
                lanes = [(0, 0)]
            elif turn.kind in {"left", "back"}:
                lanes = [(last, inner)]
            else:
                lanes = [(lane, min(lane, inner)) for lane in range(last + 1)]
                if inner < last and "left" in kinds:
                    lanes = lanes[: inner + 1]
            if last and kinds == {turn.kind} and turn.kind != "straight":
                lanes = [(lane, min(lane, inner)) for lane in range(last + 1)]
            found += [(turn, *pair) for pair in lanes]
    return found


@dataclass(frozen=True)
class Stage:
    """What is green together: a state of SUMO's for green, and one for the yellow that follows."""

    name: str
    green_s: int
    green: str
    yellow: str


def stages(streets: Streets, node: int, at_node: list[tuple[Turn, int, int]]) -> list[Stage]:
    """The stages of a junction: main street; its left turns alone where the signal has three; the others.

    Left turns give way to those who come towards them, unless their own stage protects them.
    """
    signal = streets.signals[node]
    arms = {turn.into: streets.edges[turn.into] for turn, _, _ in at_node}
    names: dict[str, tuple[int, int]] = {}
    for arm in arms.values():
        rank, count = names.get(arm.name, (arm.rank, 0))
        names[arm.name] = (max(rank, arm.rank), count + 1)
    main = max(names, key=lambda name: (*names[name], name))
    on_main = [arms[turn.into].name == main for turn, _, _ in at_node]

    def opposed(turn: Turn) -> bool:
        return turn.kind == "left" and any(
            arms[other].name == arms[turn.into].name for other in arms if other != turn.into
        )

    def state(serve: list[bool], *, protect: bool = False) -> str:
        letters = []
        for (turn, _, _), served in zip(at_node, serve, strict=True):
            yields = opposed(turn) and not protect
            letters.append(("g" if yields else "G") if served else "r")
        return "".join(letters)

    found = [("main", "main_green_s", state(on_main))]
    if int(signal["phases"]) == 3:  # type: ignore[call-overload]
        lefts = [own and turn.kind == "left" for own, (turn, _, _) in zip(on_main, at_node, strict=True)]
        found.append(("left", "left_green_s", state(lefts, protect=True)))
    found.append(("side", "side_green_s", state([not own for own in on_main])))
    return [
        Stage(name, int(signal[column]), green, re.sub("[Gg]", "y", green))  # type: ignore[call-overload]
        for name, column, green in found
    ]


def plain_xml(streets: Streets) -> dict[str, str]:
    """The network as netconvert's four input files: nodes, edges, connections, traffic lights."""
    nodes, edges, connections, logics = [], [], [], []
    for k, (code, kind, x_m, y_m) in enumerate(streets.nodes):
        if streets.used and k not in streets.used:
            continue
        if k in streets.signals:
            nodes.append(
                f'<node id="{code}" x="{x_m}" y="{y_m}" type="traffic_light" tl="{streets.signals[k]["code"]}"/>'
            )
        else:
            sort = ' type="dead_end"' if kind == "frame_edge" else ' type="priority"'
            nodes.append(f'<node id="{code}" x="{x_m}" y="{y_m}"{sort}/>')
    for name, edge in streets.edges.items():
        shape = " ".join(f"{x:.2f},{y:.2f}" for x, y in edge.line.coords)
        edges.append(
            f'<edge id="{name}" from="{streets.nodes[edge.start][0]}" to="{streets.nodes[edge.end][0]}" '
            f'numLanes="{edge.lanes}" speed="{edge.speed_m_s}" priority="{edge.rank}" allow="{_ALLOW}" '
            f'shape="{shape}"/>'
        )
    every = links(streets)
    for turn, lane, into in every:
        connections.append(f'<connection from="{turn.into}" to="{turn.out}" fromLane="{lane}" toLane="{into}"/>')
    lit = []
    for node, signal in streets.signals.items():
        own = [link for link in every if streets.edges[link[0].into].end == node]
        red = "r" * len(own)
        phases = "".join(
            f'<phase duration="{stage.green_s}" state="{stage.green}" name="{stage.name}"/>'
            f'<phase duration="{signal["yellow_s"]}" state="{stage.yellow}"/>'
            f'<phase duration="{signal["all_red_s"]}" state="{red}"/>'
            for stage in stages(streets, node, own)
        )
        logics.append(
            f'<tlLogic id="{signal["code"]}" type="static" programID="0" offset="{signal["offset_s"]}">'
            f"{phases}</tlLogic>"
        )
        lit += [
            f'<connection from="{turn.into}" to="{turn.out}" fromLane="{lane}" toLane="{into}" '
            f'tl="{signal["code"]}" linkIndex="{k}"/>'
            for k, (turn, lane, into) in enumerate(own)
        ]
    return {
        "nod": _document("nodes", nodes),
        "edg": _document("edges", edges),
        "con": _document("connections", connections),
        "tll": _document("tlLogics", logics + lit),
    }


def _document(tag: str, rows: list[str]) -> str:
    return f"<{tag}>\n" + "\n".join(rows) + f"\n</{tag}>\n"


def netconvert(files: dict[str, str]) -> str:
    """SUMO's network of plain XML files; the same bytes for the same input.

    Raises:
        TwinError: netconvert refuses the input; its own words are in the message.
    """
    import sumo

    folder = Path(tempfile.mkdtemp(prefix="practicum-netconvert-"))
    flags = {"nod": "--node-files", "edg": "--edge-files", "con": "--connection-files", "tll": "--tllogic-files"}
    try:
        arguments = []
        for end, text in files.items():
            (folder / f"plain.{end}.xml").write_text(text, encoding="utf-8")
            arguments += [flags[end], f"plain.{end}.xml"]
        program = str(Path(sumo.SUMO_HOME, "bin", "netconvert"))
        done = subprocess.run(
            [program, *arguments, *_OPTIONS, "-o", "net.xml"], cwd=folder, capture_output=True, text=True, check=False
        )
        if done.returncode:
            told = [line for line in done.stderr.splitlines() if line.startswith("Error")]
            raise TwinError("street network (SUMO netconvert)", " ".join(told) or done.stderr.strip())
        text = (folder / "net.xml").read_text(encoding="utf-8")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    # the header names the day and the machine's folders
    return re.sub(r"<!--.*?-->\s*", "", text, flags=re.DOTALL)


def network(streets: Streets, beside: Path) -> str:
    """The network of these streets: the file kept in the folder ``beside``, or made and kept there if it may be."""
    files = plain_xml(streets)
    key = hashlib.sha256("\0".join((*files.values(), *_OPTIONS)).encode()).hexdigest()[:16]
    kept = beside / f"streets-{key}.net.xml"
    if kept.is_file():
        return kept.read_text(encoding="utf-8")
    text = netconvert(files)
    try:
        beside.mkdir(exist_ok=True)
        with tempfile.NamedTemporaryFile("w", dir=beside, delete=False, encoding="utf-8") as part:
            part.write(text)
        Path(part.name).chmod(0o644)  # a sandbox reads it as another user
        Path(part.name).replace(kept)
    except OSError:
        pass  # a sandbox shows the district read-only
    return text
