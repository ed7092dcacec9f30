"""``practicum twin run``, ``replay`` and ``check``: the living district from the command line."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from twin_sandbox.errors import TwinError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from twin_sandbox.generate.sanity.value import Value
    from twin_sandbox.world.result import Result

_DISTRICT = click.option(
    "--district", "folder", type=click.Path(path_type=Path), help="A built district; by default the sample district."
)
_JSON = click.option("--json", "as_json", is_flag=True, help="Print the figures as JSON.")


@click.command()
@click.argument("scenario_file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@_DISTRICT
@click.option("--out", type=click.Path(path_type=Path), help="Folder for what the run did and every value it found.")
@click.option(
    "--wiring", "wiring_file", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="What feeds what."
)
@click.option("--cut", multiple=True, metavar="WIRE", help="Leave a wire out, e.g. power.energised. May be repeated.")
@_JSON
def run(
    scenario_file: Path,
    folder: Path | None,
    out: Path | None,
    wiring_file: Path | None,
    cut: tuple[str, ...],
    *,
    as_json: bool,
) -> None:
    """Run a scenario file with the engines that it names, and print its key figures.

    A run whose engine fails in the middle ends with 1; what had been found until then is written all the same.
    """
    from twin_sandbox.formats.beside import refuse_folder
    from twin_sandbox.world.result import RunFailedError
    from twin_sandbox.world.scenario_file import read_scenario
    from twin_sandbox.world.session import Session
    from twin_sandbox.world.twin import open_district
    from twin_sandbox.world.wiring import read_wiring
    from twin_sandbox.world.written import RUN_FILES, save_result, written

    twin = open_district(folder)
    scenario = read_scenario(scenario_file, twin.district)
    wiring = read_wiring(wiring_file).among(scenario.engines).without(*cut)
    if out is not None:
        refuse_folder(out, *RUN_FILES)
    failed: TwinError | None = None
    with Session(twin.district, scenario, wiring=wiring, step_s=_stride_s(scenario.horizon_s)) as session:
        steps = range(scenario.horizon_s // session.step_s)
        try:
            with click.progressbar(steps, label=scenario.name, file=sys.stderr, hidden=as_json) as bar:
                for _ in bar:
                    session.step()
            result = session.result()
        except RunFailedError as error:
            failed, result = error, error.result
    told = written(result, wiring)
    # Said before it is written: a full disk must not take the figures along.
    if as_json:
        click.echo(json.dumps({**told, "kpis": _kpis(result)}, ensure_ascii=False, indent=1))
    else:
        for name, kpi in _kpis(result).items():
            click.echo(f"{name:<36} {kpi['value']:>12,.6g} {kpi['unit']:<8} {kpi['definition']}")
        for engine, balances in result.balances.items():
            errors = ", ".join(f"{name} {value:.2%}" for name, value in balances.items() if name.endswith("_error"))
            if errors:
                click.echo(f"{engine}: {errors}")
        click.echo(f"found {told['found_sha256'][:16]} from inputs {told['inputs_sha256'][:16]}")
    if out is not None:
        save_result(result, wiring, out)
    if failed is not None:
        raise failed


def _stride_s(horizon_s: int) -> int:
    """A step of the progress bar: a twentieth of the run, in whole hours, quarters or five minutes."""
    return next((s for s in (3600, 900, 300) if horizon_s % s == 0 and horizon_s // s >= 4), horizon_s)


def _kpis(result: "Result") -> dict[str, dict[str, object]]:
    from twin_sandbox.world.kpi import told

    return told(result)


@click.command()
@click.argument("run_folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@_DISTRICT
def replay(run_folder: Path, folder: Path | None) -> None:
    """Run what `practicum twin run --out` wrote once more, and say whether every value is the same; exit 1 if not."""
    from twin_sandbox.world.twin import open_district
    from twin_sandbox.world.written import found_hash, read_finished, run_again, versions

    told = read_finished(run_folder)
    result = run_again(open_district(folder).district, run_folder)
    if found_hash(result) == told["found_sha256"]:
        click.echo(f"The same: every value of {len(result.quantities)} quantities at {result.tracks.kept} moments.")
        return
    changed = [f"{name} {old}" for name, old in told["versions"].items() if versions().get(name) != old]
    raise TwinError(
        f"{run_folder}",
        "run again, it finds other values",
        then=f"It was run with {', '.join(changed)}."
        if changed
        else "The file was changed, or a library is not exact.",
    )


@click.command()
@click.argument("parts", nargs=-1)
@_DISTRICT
@click.option("--page", type=click.Path(path_type=Path), help="Write the figures, with pictures, to this HTML file.")
@_JSON
def check(parts: "Sequence[str]", folder: Path | None, page: Path | None, *, as_json: bool) -> None:
    """Run an ordinary day and four storms, and hold each engine's figures against what specialists expect.

    PARTS: engines to check, e.g. supply power; by default all of them. Exit 1 when a figure is out of its range.
    All of them take about a minute and a quarter, the page's pictures half a minute more.
    """
    from twin_sandbox.calibration import PARTS, figures, pictures
    from twin_sandbox.formats.beside import refuse_file
    from twin_sandbox.world.twin import open_district

    for part in parts:
        pictures(part)  # refuses one that there is not, before any is checked
    if page is not None:
        refuse_file(page)
    twin = open_district(folder)
    asked = list(parts) or list(PARTS)
    found: dict[str, list[Value]] = {}
    with click.progressbar(asked, label="Checking", file=sys.stderr, hidden=as_json) as bar:
        for part in bar:
            found[part] = figures(twin, part)
    values = [value for of in found.values() for value in of]
    ok = all(value.ok for value in values)
    if page is not None:
        from twin_sandbox.calibration.page import write_page

        write_page(twin, found, page)
    if as_json:
        told = [{**value.as_json(), "name": f"{part}: {value.name}"} for part, of in found.items() for value in of]
        click.echo(json.dumps({"ok": ok, "values": told}, ensure_ascii=False, indent=1))
    else:
        wide = max(len(value.name) for value in values)
        for part, of in found.items():
            click.echo(part)
            for value in of:
                mark = "ok " if value.ok else "BAD"
                span = f"{value.low:g} to {value.high:g}" if value.low != value.high else f"{value.low:g}"
                click.echo(
                    f"  {mark}  {value.name:<{wide}} {value.value:>10.4g} {value.unit:<9} {span:<18} {value.source}"
                )
        bad = sum(not value.ok for value in values)
        click.echo(f"{len(values)} values, all in range." if ok else f"{bad} of {len(values)} values out of range.")
    sys.exit(0 if ok else 1)
