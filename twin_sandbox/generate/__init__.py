"""From a recipe and a seed to a district; `build_district` is the way in."""

from twin_sandbox.generate.build import build_district, sample_recipe

__all__ = ["build_district", "sample_recipe"]
