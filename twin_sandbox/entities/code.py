"""The unified code of an entity: where it stands, what it is, which one, and a check character.

Sixteen uppercase alphanumerics without separators:
area (4) + grid square of 100 m, column and row (2 + 2) + class letter (1) + kind (2) + serial (4) + check (1).
The serial counts in base 36, so that a table may hold more than a million entities.
The check character is ISO 7064 MOD 37,36 over the other fifteen: it catches every single wrong character and
nearly every swap of two.
"""

import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from stdnum.iso7064 import mod_37_36

from twin_sandbox.errors import TwinError

_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
CLASSES = {"F": "facility", "V": "vehicle", "B": "building", "P": "person", "E": "enterprise"}
_SHAPE = re.compile(r"[0-9A-Z]{4}[0-9]{4}[FVBPE][A-Z]{2}[0-9A-Z]{4}[0-9A-Z]")


@dataclass(frozen=True)
class Code:
    """A unified code taken apart."""

    area: str
    column: int
    row: int
    letter: str
    kind: str
    serial: int

    @property
    def entity_class(self) -> str:
        """The class that the letter stands for, e.g. ``"facility"``."""
        return CLASSES[self.letter]


def make_code(area: str, column: int, row: int, letter: str, kind: str, serial: int) -> str:
    """Put a unified code together.

    Args:
        area: four characters, e.g. ``"SB01"``.
        column: grid square counted eastward from the frame's west edge, 0 to 99.
        row: grid square counted northward from the frame's south edge, 0 to 99.
        letter: class, one of F, V, B, P, E.
        kind: two capital letters, e.g. ``"MH"``.
        serial: 0 to 36⁴ − 1 = 1,679,615.

    Raises:
        TwinError: a part does not fit.
    """
    body = f"{area}{column:02d}{row:02d}{letter}{kind}{_base36(serial)}"
    if not _SHAPE.fullmatch(f"{body}0"):
        raise TwinError(
            "unified code",
            f"cannot be made of area {area!r}, grid {column},{row}, class {letter!r}, kind {kind!r}, serial {serial}",
            "Area: 4 capitals or digits. Grid: 0 to 99 each. Class: F, V, B, P or E. Kind: 2 capitals. "
            "Serial: 0 to 1679615",
        )
    return body + str(mod_37_36.calc_check_digit(body))


def make_codes(
    area: str,
    columns: NDArray[np.integer],
    rows: NDArray[np.integer],
    letter: str,
    kind: str,
    serials: NDArray[np.integer],
) -> list[str]:
    """As `make_code`, for many entities of one kind at once.

    Args:
        area: as in `make_code`.
        columns: n grid squares counted eastward.
        rows: n grid squares counted northward.
        letter: class of all.
        kind: kind of all.
        serials: n serials.

    Returns:
        n codes.

    Raises:
        TwinError: a part does not fit.
    """
    parts = np.column_stack([columns, rows, serials]).astype(np.int64)
    misfit = ((parts < 0) | (parts > [99, 99, 36**4 - 1])).any(axis=1)
    for column, row, serial in (parts[misfit] if misfit.any() else parts)[:1].tolist():
        make_code(area, column, row, letter, kind, serial)  # says what does not fit
    if not len(parts):
        return []
    body = np.empty((len(parts), 15), np.int64)
    body[:, :4] = [_ALPHABET.index(sign) for sign in area]
    body[:, 4:8] = np.column_stack([parts[:, :2] // 10, parts[:, :2] % 10])[:, [0, 2, 1, 3]]
    body[:, 8:11] = [_ALPHABET.index(sign) for sign in letter + kind]
    for place in range(4):
        body[:, 14 - place] = parts[:, 2] // 36**place % 36
    check = np.full(len(parts), 36)  # ISO 7064 MOD 37,36
    for place in range(15):
        check = (check + body[:, place]) % 36
        check = 2 * np.where(check == 0, 36, check) % 37
    signs = np.frombuffer(_ALPHABET.encode(), "S1")[np.column_stack([body, (1 - check) % 36])]
    codes: list[str] = np.ascontiguousarray(signs).view("S16").ravel().astype(str).tolist()
    return codes


def _base36(serial: int) -> str:
    if not 0 <= serial < 36**4:
        return "none"  # lower case: no code has this shape
    digits = ""
    for _ in range(4):
        serial, digit = divmod(serial, 36)
        digits = _ALPHABET[digit] + digits
    return digits


def is_valid(code: str) -> bool:
    """Whether ``code`` has the shape of a unified code and its check character is right."""
    return bool(_SHAPE.fullmatch(code)) and bool(mod_37_36.is_valid(code))


def parse_code(code: str) -> Code:
    """Take a unified code apart.

    Raises:
        TwinError: wrong shape or wrong check character.
    """
    if not _SHAPE.fullmatch(code):
        raise TwinError(
            "unified code",
            f"{code!r} has not the shape of one",
            "area (4) grid (4 digits) class (F, V, B, P, E) kind (2 letters) serial (4, base 36) check (1)",
            "Compare it with the table that it came from.",
        )
    if not mod_37_36.is_valid(code):
        raise TwinError(
            "unified code",
            f"{code!r} has a wrong check character",
            f"With these fifteen characters the last would be {mod_37_36.calc_check_digit(code[:-1])!r}",
            "A character was mistyped or two were swapped.",
        )
    return Code(code[:4], int(code[4:6]), int(code[6:8]), code[8], code[9:11], int(code[11:15], 36))
