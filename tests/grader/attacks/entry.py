"""What an entry of the attack suite is: a notebook, what its student deserves, and what the report must say."""

from collections.abc import Mapping
from dataclasses import dataclass, field

ALL: Mapping[str, float] = {"level": 2.0, "depths": 2.0, "double": 2.0, "gate": 2.0}
NONE: Mapping[str, float] = dict.fromkeys(ALL, 0.0)

RIGHT = {
    "level": "level_m = 3.25",
    "depths": "depths_m = {'GQ-1': 0.5, 'GQ-2': 0.75}",
    "double": "def double(number):\n    return 2 * number",
    "gate": "gate = {'code': 'GQ-7', 'open': True}",
}
WRONG = {
    "level": "level_m = 0.0",
    "depths": "depths_m = {'GQ-1': 9.0, 'GQ-2': 9.0}",
    "double": "def double(number):\n    return 0",
    "gate": "gate = {'code': 'GQ-0', 'open': True}",
}
HIDDEN_INPUTS = (3, 1_415_926, 53_589_793)


@dataclass(frozen=True)
class Attack:
    """One attack, as a student's notebook.

    The cell ``attack`` runs before the four answers of a right or wrong notebook. It may use ``attempt(what, action)``,
    which prints LEAK where the action returns anything but None or False, and "held" where it does or raises. Names in
    capitals between double angle marks stand for things of the host, see ``conftest.py``.

    Args:
        name: a few words, as the guide lists it.
        source: the cell.
        answers: the answers that are given, if not the right ones.
        last: a cell after the answers.
        deserves: points by task, exactly.
        reports: kinds of incident that the report must have, exactly these, in any order.
        maybe: kinds that it may have besides, where the machine's load decides.
        attempts: at least so many lines "held" must be shown, so that it is seen to have been tried.
    """

    name: str
    source: str
    answers: Mapping[str, str] = field(default_factory=lambda: RIGHT)
    last: str = ""
    deserves: Mapping[str, float] = field(default_factory=lambda: ALL)
    reports: tuple[str, ...] = ()
    maybe: tuple[str, ...] = ()
    attempts: int = 0


def forges(name: str, source: str, **more: object) -> Attack:
    """An attack by someone who has no right answer, and shall get no point."""
    return Attack(name, source, **{"answers": WRONG, "deserves": NONE} | more)


TRY = """
import ctypes, os, sys
libc = ctypes.CDLL(None, use_errno=True)
def attempt(what, action):
    try:
        result = action()
    except BaseException as error:
        print("held", what, type(error).__name__, error)
    else:
        print("held" if result is None or result is False else "LEAK", what, result)
def call(number, *arguments):
    result = libc.syscall(number, *arguments)
    return None if result < 0 else f"returned {result}"
"""
