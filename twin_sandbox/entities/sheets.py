"""Data sheets: what each table and column is, in which unit, from which source; and for what it may be used.

They are written as TOML beside the recipe (``datasets/<district>/sheets/*.toml``), one part of the city a file; the
built district carries them all as one JSON file.
"""

import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from twin_sandbox.errors import TwinError

COMMON_SHEET = "common"
"""The sheet of the columns that every table of entities has."""


@dataclass(frozen=True)
class Column:
    """What a column holds: described in English and Chinese; unit "" for texts, "1" for counts and shares."""

    en: str
    zh: str
    unit: str
    source: str


@dataclass(frozen=True)
class Sheet:
    """How a table came to be and what it may be used for, with its columns."""

    en: str
    zh: str
    source: str
    columns: Mapping[str, Column]


def gather_sheets(folder: Path) -> str:
    """All sheets of a folder as one JSON text, for the built district; ``"{}"`` if there is no such folder.

    Raises:
        TwinError: a file is not TOML, a table has two sheets, or a part of a sheet is missing.
    """
    tables: dict[str, Any] = {}
    for path in sorted(folder.glob("*.toml")):
        try:
            part = tomllib.loads(path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as reason:
            raise TwinError(f"data sheet {path}", f"not TOML: {reason}", then="Mend the file.") from None
        for name, sheet in part.items():
            if name in tables:
                raise TwinError(f"data sheet {path}, {name}", "a second sheet of this table", "One sheet a table")
            _check_sheet(f"data sheet {path}, {name}", sheet)
            tables[name] = sheet
    return json.dumps(tables, ensure_ascii=False, indent=1, sort_keys=True) + "\n"


def _check_sheet(where: str, sheet: Any) -> None:  # noqa: ANN401 - whatever TOML holds
    _check_texts(where, sheet, ("en", "zh", "source"))
    columns = sheet.get("columns", {})
    if not isinstance(columns, dict):
        raise TwinError(f"{where}.columns", "not a table", "name = { en = …, zh = …, unit = … }")
    for name, column in columns.items():
        _check_texts(f"{where}.columns.{name}", column, ("en", "zh", "unit"))


def _check_texts(where: str, values: Any, keys: tuple[str, ...]) -> None:  # noqa: ANN401 - whatever TOML holds
    for key in keys:
        if not isinstance(values, dict) or not isinstance(values.get(key), str):
            raise TwinError(f"{where}.{key}", "missing, or not a text", f"Texts: {', '.join(keys)}")


def parse_sheets(text: str) -> dict[str, Sheet]:
    """The sheets of a built district by table, from the JSON text that `gather_sheets` made."""
    return {
        name: Sheet(
            sheet["en"],
            sheet["zh"],
            sheet["source"],
            {
                column: Column(line["en"], line["zh"], line["unit"], line.get("source") or sheet["source"])
                for column, line in sheet.get("columns", {}).items()
            },
        )
        for name, sheet in json.loads(text).items()
    }
