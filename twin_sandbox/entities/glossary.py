"""The one list of quantities and units: what a public name measures, and in which unit (``glossary.toml``)."""

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path


@dataclass(frozen=True)
class Quantity:
    """A quantity by its English and Chinese name, its symbol ("" for none), units and definition."""

    name_en: str
    name_zh: str
    symbol: str
    units: tuple[str, ...]
    definition: str


@dataclass(frozen=True)
class Suffix:
    """How a public name shows its unit; the first unit is meant unless the quantity knows only another."""

    units: tuple[str, ...]
    quantity: str


@dataclass(frozen=True)
class Glossary:
    """Quantities by English name, unit suffixes, and names that end like a suffix but carry no unit."""

    quantities: dict[str, Quantity]
    suffixes: dict[str, Suffix]
    not_units: dict[str, str]

    def suffix_of(self, name: str) -> str:
        """The unit suffix that a public name ends in, "" for none: ``"rated_m3s"`` → ``"m3s"``."""
        if name in self.not_units:
            return ""
        words = name.split("_")
        tails = ("_".join(words[start:]) for start in range(len(words)))
        return next((tail for tail in tails if tail in self.suffixes), "")

    def looks_like_unit(self, name: str) -> bool:
        """Whether a number's name ends like a unit that is not listed: ``"depth_cm"``, ``"flow_ls"``."""
        *_, tail = name.split("_")
        short = len(tail) <= 3 or any(letter.isdigit() for letter in tail)
        return tail != name and short and name not in self.not_units and not self.suffix_of(name)

    def quantity_of(self, name: str) -> Quantity | None:
        """What a public name with a unit suffix measures: ``"start_level_m"`` → level; None if not listed."""
        suffix = self.suffix_of(name)
        words = name.removesuffix(suffix).strip("_").split("_")
        if words == [""]:
            return self.quantities.get(self.suffixes[suffix].quantity) if suffix else None
        tails = (" ".join(words[start:]) for start in range(len(words)))
        named = (name for tail in tails for name in (tail, tail.removesuffix("s")))  # levels_m: several of a level
        return next((self.quantities[name] for name in named if name in self.quantities), None)

    def unit_of(self, name: str) -> str:
        """The unit that a public name carries, "" for none."""
        suffix = self.suffix_of(name)
        if not suffix:
            return ""
        units, quantity = self.suffixes[suffix].units, self.quantity_of(name)
        return next((unit for unit in units if quantity and unit in quantity.units), units[0])


@cache
def read_glossary() -> Glossary:
    """The glossary, read once."""
    tree = tomllib.loads(Path(__file__).with_name("glossary.toml").read_text(encoding="utf-8"))
    quantities = {
        name: Quantity(name, line["zh"], line["symbol"], tuple(line["units"]), line["definition"])
        for name, line in tree["quantities"].items()
    }
    suffixes = {name: Suffix(tuple(line["units"]), line["quantity"]) for name, line in tree["suffixes"].items()}
    return Glossary(quantities, suffixes, dict(tree["not_units"]))


def unit_of(name: str) -> str:
    """The unit that a public name carries by its suffix, "" for none: ``"speed_kmh"`` → ``"km/h"``."""
    return read_glossary().unit_of(name)
