"""How many of one unit are one of another: what a wire needs when two engines count differently."""

from twin_sandbox.errors import TwinError

_OF: dict[str, tuple[str, float]] = {
    "1": ("share", 1.0),
    "%": ("share", 0.01),
    "m": ("length", 1.0),
    "mm": ("length", 1e-3),
    "m³/s": ("flow", 1.0),
    "L/s": ("flow", 1e-3),
    "m³/h": ("flow", 1.0 / 3600.0),
    "kW": ("power", 1.0),
    "W": ("power", 1e-3),
    "MW": ("power", 1e3),
    "m/s": ("speed", 1.0),
    "km/h": ("speed", 1.0 / 3.6),
    "°C": ("temperature", 1.0),
}
"""Unit → what it measures, and how many of that quantity's first unit it is."""


def factor(given: str, taken: str, where: str) -> float:
    """By how much a value in ``given`` is multiplied to be one in ``taken``.

    Raises:
        TwinError: the two measure different things, or one is unknown and not the same as the other.
    """
    if given == taken:
        return 1.0
    first, second = _OF.get(given), _OF.get(taken)
    if first is None or second is None or first[0] != second[0]:
        same = [unit for unit, (quantity, _) in _OF.items() if second is not None and quantity == second[0]]
        raise TwinError(
            where,
            f"one end counts in {given!r}, the other in {taken!r}",
            f"The same unit, or one that converts: {', '.join(same) or taken}.",
            "Wire two quantities of one kind.",
        )
    return first[1] / second[1]
