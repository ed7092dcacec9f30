"""``practicum twin``: what the twin costs on this machine, and its scenarios."""

import json
import sys
from pathlib import Path

import click

from grader.cli.runs import check, replay, run


@click.group()
def command() -> None:
    """Run scenarios in the living district, check its figures, measure what it costs."""


for _verb in (run, replay, check):
    command.add_command(_verb)


@command.command()
@click.argument("folder", required=False, type=click.Path(path_type=Path))
@click.option("--storms", default=200, show_default=True, type=click.IntRange(2, 1000), help="Runs of the ensemble.")
@click.option("--json", "as_json", is_flag=True, help="Print the figures as JSON.")
def bench(folder: Path | None, storms: int, *, as_json: bool) -> None:
    """Time opening, ten times the entities, observations, a coupled day, a flood night, an ensemble; some minutes.

    FOLDER is a built district; without it, the sample district.
    """
    from twin_sandbox.bench import ingest, observations, opening_s, scale_costs
    from twin_sandbox.bench_runs import day_costs, ensemble_speedup, night_costs
    from twin_sandbox.world.twin import open_district

    twin = open_district(folder)
    district = twin.district
    with click.progressbar(length=6, label="Measuring", file=sys.stderr, hidden=as_json) as bar:
        figures: dict[str, object] = {"open_s": round(opening_s(district), 3)}
        bar.update(1)
        scale = {name: round(ratio, 2) for name, ratio in scale_costs(district).items()}
        figures |= {"scale_cost_10x": max(scale.values()), "scale_costs": scale}
        bar.update(1)
        figures |= {name: round(value, 3) for name, value in ingest(observations()).items()}
        bar.update(1)
        for costs in (day_costs(district), night_costs(district), ensemble_speedup(twin, storms)):
            figures |= {name: round(value, 3) for name, value in costs.items()}
            bar.update(1)
    if as_json:
        click.echo(json.dumps(figures))
        return
    for name, value in figures.items():
        shown = ", ".join(f"{part} {ratio:g}" for part, ratio in value.items()) if isinstance(value, dict) else value
        click.echo(f"{name:<16} {shown}")


@command.group()
def scenario() -> None:
    """Scenarios as YAML files."""


@scenario.command("check")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--district", "folder", type=click.Path(path_type=Path), help="A built district; by default the sample.")
@click.option("--no-codes", is_flag=True, help="Look up no code, so that no district is needed.")
@click.option("--json", "as_json", is_flag=True, help="Print the mistakes as JSON.")
def check_scenario(files: tuple[Path, ...], folder: Path | None, *, no_codes: bool, as_json: bool) -> None:
    """Name every mistake of scenario files: line, what was found, what is allowed, the fix."""
    from twin_sandbox.world.scenario_file import read_scenario
    from twin_sandbox.world.scenario_nodes import ScenarioFileError
    from twin_sandbox.world.twin import open_district

    district = None if no_codes else open_district(folder).district
    told: dict[str, list[dict[str, object]]] = {}
    for file in files:
        try:
            found = read_scenario(file, district)
        except ScenarioFileError as error:
            told[str(file)] = [one._asdict() for one in error.mistakes]
            if not as_json:
                click.echo(str(error), err=True)
            continue
        told[str(file)] = []
        if not as_json:
            rain = f"{found.storm.depth_mm:.0f} mm of rain" if found.rains else "dry"
            parts = (f"{found.start:%Y-%m-%d %H:%M}, {found.horizon_h:g} h", ", ".join(found.engines), rain)
            click.echo(f"{file}: {found.name}; {'; '.join(parts)}; {len(found.events)} events")
    if as_json:
        click.echo(json.dumps(told, ensure_ascii=False))
    if any(told.values()):
        sys.exit(1)
