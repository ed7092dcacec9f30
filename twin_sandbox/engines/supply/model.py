"""What the water supply engine runs: EPANET's input, and which entity each of its names is."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True)
class Service:
    """How one building draws from the net.

    Args:
        building: code of the building.
        junction: EPANET's name of the junction that serves it.
        pattern: pattern of the junction's demand in which the building's is reckoned; None for all its demand.
        share: of that demand, the building's.
        rise_m: height of the uppermost tap above the junction; not asked where there are pumps [m].
        loss_m: head lost on the way to that tap [m].
        factor: real ÷ designed demand, by which a demand that is handed over is multiplied.
    """

    building: str
    junction: str
    pattern: str | None = None
    share: float = 1.0
    rise_m: float = 0.0
    loss_m: float = 0.0
    factor: float = 1.0


@dataclass(frozen=True)
class Booster:
    """Secondary pumps of a tall house: break tank, pumps, and a tank on the roof that the pumps keep full.

    Args:
        code: code of the pumps.
        building: code of the house.
        lifted_share: of the house's demand, that of the storeys that it lifts.
        rated_m3s: rated flow [m³/s].
        head_m: rated head, which the pumps keep [m].
        lift_m: height of the uppermost tap above the break tank [m].
        break_tank_m3: volume before the pumps, which bridges a want of water [m³].
        roof_tank_m3: volume above the taps, which bridges a want of power [m³].
        roof_head_m: pressure that the roof tank alone gives at the uppermost tap [m].
        efficiency: of pumps and motors.
    """

    code: str
    building: str
    lifted_share: float
    rated_m3s: float
    head_m: float
    lift_m: float
    break_tank_m3: float
    roof_tank_m3: float
    roof_head_m: float = 3.0
    efficiency: float = 0.6


@dataclass(frozen=True)
class Valve:
    """A valve that people turn.

    Args:
        code: its code.
        link: EPANET's name of the link that it shuts: the pipe in which it sits, or the valve itself.
        is_open: whether it stands open in the model.
    """

    code: str
    link: str
    is_open: bool = True


@dataclass(frozen=True)
class Model:
    """A water supply ready to run. Alone, the engine gives what EPANET gives on ``text``.

    Args:
        text: EPANET input, which starts when the run starts.
        step_s: shortest time over which values are exchanged [s].
        horizon_s: length of the run [s]; 0 for a single moment.
        junctions: code → EPANET's name.
        pipes: code → EPANET's name.
        sources: code → EPANET's name, reservoirs.
        tanks: code → EPANET's name, tanks of the net.
        pumps: code → EPANET's name, pumps of the net.
        valves: in the order of their port; several may shut one pipe.
        hydrants: code → EPANET's name of its junction.
        hydrant_loss: head that a hydrant and its branch take by the square of its flow [m/(m³/s)²].
        services: one or more a building.
        boosters: at most one a building.
        leaks: code of a pipe → C of the leak that ``text`` has on it, flow = C √head [m³/s/m^0.5].
        leakage: pattern whose demand is what the mains lose everywhere a little; empty for none.
        quality: what the text reckons: "chlorine", "age" or nothing.
        age: also reckon the water's age, on a second net that is driven alike (doubles the cost).
        first_age_h: code of a junction → the water's age at the start [h]; 0 where none is given.
    """

    text: str
    step_s: int
    horizon_s: int
    junctions: Mapping[str, str]
    pipes: Mapping[str, str]
    sources: Mapping[str, str] = field(default_factory=dict)
    tanks: Mapping[str, str] = field(default_factory=dict)
    pumps: Mapping[str, str] = field(default_factory=dict)
    valves: tuple[Valve, ...] = ()
    hydrants: Mapping[str, str] = field(default_factory=dict)
    hydrant_loss: float = 0.0
    services: tuple[Service, ...] = ()
    boosters: tuple[Booster, ...] = ()
    leaks: Mapping[str, float] = field(default_factory=dict)
    leakage: str = ""
    quality: Literal["chlorine", "age", ""] = ""
    age: bool = False
    first_age_h: Mapping[str, float] = field(default_factory=dict)
