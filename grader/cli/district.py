"""``practicum district``: build, check and show the sample district."""

from pathlib import Path

import click

from twin_sandbox.entities import read_district
from twin_sandbox.generate import build_district


@click.group()
def command() -> None:
    """Build, check and show the sample district."""


@command.command()
@click.option("--out", type=click.Path(path_type=Path), help="Folder to write. Default: the user's cache.")
@click.option("--recipe", type=click.Path(path_type=Path), help="Recipe to build. Default: the sample district's.")
def build(out: Path | None, recipe: Path | None) -> None:
    """Build a district from its recipe."""
    folder = build_district(recipe, out)
    district = read_district(folder)
    click.echo(f"{district.name_en} {district.name_zh} lies in {folder}")
