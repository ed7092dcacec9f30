"""Which output feeds which input: read from a wiring file, checked against the engines' ports, put in order."""

import difflib
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from twin_sandbox.data import data_folder
from twin_sandbox.engines.protocol import Engine, Port
from twin_sandbox.errors import TwinError
from twin_sandbox.world.assemble import EVERY
from twin_sandbox.world.units import factor

_KEYS = {"from", "to", "delay_s", "why"}


@dataclass(frozen=True)
class Wire:
    """One output that feeds one input, where both speak of the same entity.

    Args:
        source: engine that gives.
        gives: quantity that it gives.
        target: engine that takes.
        takes: quantity that it takes.
        delay_s: the target sees what the source found so long before [s].
        why: what it stands for, for readers.
    """

    source: str
    gives: str
    target: str
    takes: str
    delay_s: int = 0
    why: str = ""

    def __str__(self) -> str:
        return f"{self.source}.{self.gives} → {self.target}.{self.takes}"


@dataclass(frozen=True)
class Wiring:
    """The wires of a world, and how often each engine exchanges values.

    Args:
        wires: in the order of the file.
        every_s: engine → its exchange interval [s]; who is not named exchanges at its own shortest step.
        origin: where it was read, for messages.
    """

    wires: tuple[Wire, ...] = ()
    every_s: Mapping[str, int] | None = None
    origin: str = "wiring"

    def without(self, *cut: str) -> "Wiring":
        """The same without some wires, named as they print or as ``engine.quantity`` of either end.

        Raises:
            TwinError: nothing of that name.
        """
        kept = self.wires
        for name in cut:
            gone = [w for w in kept if name in (str(w), f"{w.source}.{w.gives}", f"{w.target}.{w.takes}")]
            if not gone:
                raise TwinError(f"{self.origin}, without", repr(name), f"One of: {'; '.join(map(str, self.wires))}.")
            kept = tuple(wire for wire in kept if wire not in gone)
        return Wiring(kept, self.every_s, self.origin)

    def among(self, engines: Iterable[str]) -> "Wiring":
        """The wires whose two ends both take part.

        Raises:
            TwinError: a wire or an interval of an engine that there is nowhere.
        """
        there = set(engines)
        named = [name for wire in self.wires for name in (wire.source, wire.target)] + list(self.every_s or {})
        for name in named:
            if name not in there and name not in EVERY:
                known = sorted(there | set(EVERY))
                raise TwinError(self.origin, f"no engine {name!r}", f"{', '.join(known)}.", _like(name, known))
        wires = tuple(wire for wire in self.wires if {wire.source, wire.target} <= there)
        every = {name: seconds for name, seconds in (self.every_s or {}).items() if name in there}
        return Wiring(wires, every, self.origin)


def read_wiring(path: Path | str | None = None) -> Wiring:
    """The wiring in a TOML file; without a path, the practicum's own.

    Raises:
        TwinError: no such file, no TOML, an unknown key, a wire without two ends, a negative delay.
    """
    path = data_folder("datasets") / "wiring.toml" if path is None else Path(path)
    try:
        told = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise TwinError(f"{path}", f"cannot be read ({error.strerror})") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise TwinError(f"{path.name}", f"no TOML ({error})", then="Mend the line it names.") from error
    unknown = sorted(set(told) - {"wire", "every_s"})
    if unknown:
        raise TwinError(path.name, f"{unknown[0]!r}", "[[wire]] and [every_s].")
    every = told.get("every_s", {})
    if not isinstance(every, dict) or not all(type(s) is int and s > 0 for s in every.values()):
        raise TwinError(f"{path.name}, every_s", f"{every}", "Engine = whole seconds above 0.")
    wires = told.get("wire", [])
    if not isinstance(wires, list) or not all(isinstance(row, dict) for row in wires):
        raise TwinError(f"{path.name}, wire", "no list of tables", "[[wire]] with from and to.")
    return Wiring(tuple(_wire(f"{path.name}, wire {k}", row) for k, row in enumerate(wires, 1)), every, path.name)


def _wire(where: str, row: Mapping[str, object]) -> Wire:
    unknown = sorted(set(row) - _KEYS)
    if unknown:
        raise TwinError(where, f"{unknown[0]!r}", f"{', '.join(sorted(_KEYS))}.")
    ends: list[str] = []
    for key in ("from", "to"):
        parts = str(row.get(key, "")).split(".")
        if len(parts) != 2 or not all(parts):
            raise TwinError(f"{where}, {key}", f"{row.get(key)!r}", 'engine.quantity, e.g. "power.energised".')
        ends += parts
    delay = row.get("delay_s", 0)
    if type(delay) is not int or delay < 0:
        raise TwinError(f"{where}, delay_s", f"{delay!r}", "Whole seconds, 0 or more.")
    source, gives, target, takes = ends
    return Wire(source, gives, target, takes, delay, str(row.get("why", "")))


@dataclass(frozen=True)
class Joint:
    """A wire fitted to two ports: the values at ``at_source`` times ``factor`` go to ``at_target``."""

    wire: Wire
    at_source: NDArray[np.intp]
    at_target: NDArray[np.intp]
    factor: float


def fit(wiring: Wiring, engines: Mapping[str, Engine]) -> list[Joint]:
    """The wires fitted to the engines' ports.

    Raises:
        TwinError: an engine or a quantity that isn't there, units that don't convert, no entity in common, two wires
            into one input.
    """
    joints: list[Joint] = []
    for number, wire in enumerate(wiring.wires, start=1):
        where = f"{wiring.origin}, wire {number} ({wire})"
        source = _port(where, engines, wire.source, wire.gives, giving=True)
        target = _port(where, engines, wire.target, wire.takes, giving=False)
        place = {code: k for k, code in enumerate(source.codes)}
        pairs = [(place[code], k) for k, code in enumerate(target.codes) if code in place]
        if not pairs:
            raise TwinError(where, "the two ends have no entity in common", "At least one code that both ports have.")
        at_source, at_target = (np.array(side, dtype=np.intp) for side in zip(*pairs, strict=True))
        for other in joints:
            same = (other.wire.target, other.wire.takes) == (wire.target, wire.takes)
            if same and np.intersect1d(other.at_target, at_target).size:
                raise TwinError(where, f"{other.wire} feeds the same input", then="Keep one of the two.")
        joints.append(Joint(wire, at_source, at_target, factor(source.unit, target.unit, where)))
    return joints


def _port(where: str, engines: Mapping[str, Engine], name: str, quantity: str, *, giving: bool) -> Port:
    if name not in engines:
        raise TwinError(where, f"no engine {name!r}", f"{', '.join(engines)}.", _like(name, engines))
    ports = engines[name].gives if giving else engines[name].takes
    if quantity not in ports:
        does = "gives" if giving else "takes"
        raise TwinError(where, f"{name} {does} no {quantity!r}", f"{', '.join(ports)}.", _like(quantity, ports))
    return ports[quantity]


def _like(name: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(name, list(known), n=1)
    return f"Did you mean {close[0]!r}?" if close else ""


def order(wiring: Wiring, engines: Iterable[str]) -> tuple[str, ...]:
    """The engines in the order in which they step: who feeds another without delay goes first.

    Raises:
        TwinError: wires without delay form a ring.
    """
    names = list(engines)
    sorter: TopologicalSorter[str] = TopologicalSorter()
    for name in names:
        sorter.add(name)
    for wire in wiring.wires:
        if not wire.delay_s:
            sorter.add(wire.target, wire.source)
    try:
        sorter.prepare()
    except CycleError as error:
        ring = list(reversed(error.args[1]))
        raise TwinError(
            f"{wiring.origin}",
            f"a ring of wires without delay: {' → '.join(ring)}",
            then="Give one of these wires a delay_s: the target then sees what was found one exchange before.",
        ) from error
    ordered: list[str] = []
    while sorter.is_active():
        ready = sorted(sorter.get_ready(), key=names.index)
        ordered += ready
        sorter.done(*ready)
    return tuple(ordered)
