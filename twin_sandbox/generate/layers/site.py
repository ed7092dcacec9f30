"""What a layer works on."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from twin_sandbox.generate.draft import Draft
from twin_sandbox.generate.recipe import Recipe
from twin_sandbox.generate.rows import Rows


@dataclass(frozen=True)
class Site:
    """The district in the making.

    Attributes:
        recipe: the recipe.
        draft: streets, blocks, buildings, ground and sewers in local metres.
        tables: rows by entity table, those of the layers before included; ``tables[name].rows`` holds dicts with code
            and columns, geometry in map coordinates; ``tables[name].add`` takes local metres.
        facts: rows by fact table, plain dicts.
        rng: this layer's own stream of chance.
    """

    recipe: Recipe
    draft: Draft
    tables: dict[str, Rows]
    facts: dict[str, list[dict[str, Any]]]
    rng: np.random.Generator
