"""What the mini-twin refuses, in words a person can act on."""

from numbers import Integral


class TwinError(Exception):
    """A refusal that names the place, what was found, what is allowed and what to do next.

    Args:
        where: file, table, entity or parameter, e.g. ``"harbour.toml, terrain.cell_m"``.
        found: what was found there.
        allowed: what would have been accepted; empty if ``found`` says it all.
        then: what the reader can do next; empty if nothing.
    """

    def __init__(self, where: str, found: str, allowed: str = "", then: str = "") -> None:
        self.where, self.found, self.allowed, self.then = where, found, allowed, then
        super().__init__(_sentences(f"{where}: {found}", allowed, then))


def refuse_other(where: str, given: object, kind: type) -> None:
    """Refuse what is not of a kind.

    Raises:
        TwinError: it is something else.
    """
    if isinstance(given, bool) or not isinstance(given, Integral if kind is int else kind):
        wanted = "A whole number." if kind is int else f"A {kind.__name__}."
        raise TwinError(where, f"{given!r:.60}, a {type(given).__name__}", wanted)


def _sentences(*parts: str) -> str:
    """The parts that are not empty, a full stop between two unless the first brings its own."""
    text = ""
    for part in filter(None, parts):
        gap = "" if not text else " " if text.endswith((".", "!", "?", "…")) else ". "
        text += gap + part
    return text
