"""``practicum twin``: what the twin costs on this machine."""

import json
import sys
from pathlib import Path

import click


@click.group()
def command() -> None:
    """Measure the twin."""


@command.command()
@click.argument("folder", required=False, type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print the figures as JSON.")
def bench(folder: Path | None, *, as_json: bool) -> None:
    """Time opening, ten times the entities, and observations into the store; about a minute.

    FOLDER is a built district; without it, the sample district.
    """
    from twin_sandbox.bench import ingest, observations, opening_s, scale_costs
    from twin_sandbox.world.twin import open_district

    district = open_district(folder).district
    with click.progressbar(length=3, label="Measuring", file=sys.stderr, hidden=as_json) as bar:
        figures: dict[str, object] = {"open_s": round(opening_s(district), 3)}
        bar.update(1)
        scale = {name: round(ratio, 2) for name, ratio in scale_costs(district).items()}
        figures |= {"scale_cost_10x": max(scale.values()), "scale_costs": scale}
        bar.update(1)
        figures |= {name: round(value, 3) for name, value in ingest(observations()).items()}
        bar.update(1)
    if as_json:
        click.echo(json.dumps(figures))
        return
    for name, value in figures.items():
        shown = ", ".join(f"{part} {ratio:g}" for part, ratio in value.items()) if isinstance(value, dict) else value
        click.echo(f"{name:<16} {shown}")
