"""Whether the living district looks as a specialist expects: each engine's figures with their range and source.

The figures come from runs of the engines, made for the purpose; `practicum twin check` prints them.
"""

from difflib import get_close_matches
from importlib import import_module
from typing import TYPE_CHECKING

from twin_sandbox.errors import TwinError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from matplotlib.figure import Figure

    from twin_sandbox.generate.sanity.value import Value
    from twin_sandbox.world.twin import Twin

PARTS = ("city_water", "surface_cases", "supply", "power", "traffic", "buildings", "sun", "heat", "people")
"""One module a part: ``values(twin)``, and ``PICTURES``, caption → what draws it."""


def _module(part: str) -> object:
    if part not in PARTS:
        close = get_close_matches(part, PARTS, 1)
        then = f"Did you mean {close[0]!r}?" if close else ""
        raise TwinError("twin check", f"no part {part!r}", f"{', '.join(PARTS)}.", then)
    return import_module(f"{__name__}.{part}")


def figures(twin: "Twin", part: str) -> "list[Value]":
    """The figures of one part.

    Raises:
        TwinError: no such part, or an engine refuses its model.
    """
    values = list(_module(part).values(twin))  # type: ignore[attr-defined]
    names = [value.name for value in values]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise TwinError(f"calibration, {part}", f"two figures are called {twice[0]!r}", "A name of its own for each.")
    return values


def pictures(part: str) -> "Mapping[str, Callable[[Twin], Figure]]":
    """What can be drawn of one part: caption → ``draw(twin)``.

    Raises:
        TwinError: no such part.
    """
    drawn: Mapping[str, Callable[[Twin], Figure]] = getattr(_module(part), "PICTURES", {})
    return drawn
