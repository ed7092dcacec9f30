"""``practicum doctor``: what this machine can do and what it lacks."""

import importlib.metadata
import json
import os
import platform
import shutil
import sys
from dataclasses import asdict, dataclass

import click

from grader.errors import GraderError
from grader.isolation import tiers
from twin_sandbox.data import cache_folder

_FREE_GIB = 3
_PACKAGES = ("nbgrader", "jupyterlab", "voila", "geopandas", "swmm-toolkit", "pydeck")
_BROWSERS = ("chromium", "chromium-browser", "google-chrome")


@dataclass(frozen=True)
class Line:
    """One thing looked at.

    Args:
        name: what.
        ok: whether it is there.
        found: what was found.
        then: what to do if it is not there.
        needed: whether the practicum is of no use without it.
        details: what it does, a phrase each.
    """

    name: str
    ok: bool
    found: str
    then: str = ""
    needed: bool = False
    details: tuple[str, ...] = ()


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
def command(*, as_json: bool) -> None:
    """Say what this machine can do and what it lacks."""
    lines, isolation = _look()
    ok = all(line.ok for line in lines if line.needed)
    if as_json:
        found = {"ok": ok, "isolation": isolation, "lines": [asdict(line) for line in lines]}
        click.echo(json.dumps(found, ensure_ascii=False, indent=2))
    else:
        for line in lines:
            mark = click.style("ok     ", fg="green") if line.ok else click.style("missing", fg="yellow")
            click.echo(f"{mark}  {line.name}: {line.found}")
            for detail in line.details:
                click.echo(f"           - {detail}")
            if not line.ok and line.then:
                click.echo(f"         {line.then}")
        click.echo("Everything that is needed is here." if ok else "Something that is needed is missing: see above.")
    if not ok:
        sys.exit(1)


def _look() -> tuple[list[Line], str]:
    try:
        active = tiers.tier().name
    except GraderError:
        active = ""
    lines = [_python(), _machine()]
    for name in tiers.NAMES:
        tier = tiers.try_tier(name)
        found = ("works, in use" if name == active else "works") if tier.works else f"lacks {'; '.join(tier.lacks)}"
        lines.append(Line(f"sandbox: {name}", tier.works, found, _advice(name), details=tier.enforces))
    lines.append(
        Line(
            "grading",
            bool(active),
            f"uses {active}" if active else "refused: no sandbox works here",
            "Grading needs Linux (or WSL 2) with user namespaces, or root. Labs can still be practised.",
            needed=True,
        )
    )
    return [*lines, _browser(), _disk(), _cache(), *map(_package, _PACKAGES)], active


def _python() -> Line:
    right = sys.version_info[:2] == (3, 11)
    return Line("python", right, platform.python_version(), "Python 3.11 is needed.", needed=True)


def _machine() -> Line:
    user = "root" if os.geteuid() == 0 else "an ordinary user"
    found = f"{platform.system()} {platform.release()}, {platform.machine()}, {os.cpu_count()} processors, as {user}"
    return Line("machine", ok=platform.system() == "Linux", found=found, then="Linux and WSL 2 are official.")


def _advice(name: str) -> str:
    if name == "bubblewrap" and not shutil.which("bwrap"):
        return "Install it (sudo apt-get install bubblewrap), or go on with the practicum's own namespaces."
    return (
        "Allow user namespaces: sudo sysctl kernel.unprivileged_userns_clone=1 or "
        "kernel.apparmor_restrict_unprivileged_userns=0, whichever this system knows; in a container, start it "
        "with them allowed."
    )


def _browser() -> Line:
    path = next(filter(None, map(shutil.which, _BROWSERS)), "")
    then = "Only the browser tests need it: sudo apt-get install chromium."
    return Line("chromium", bool(path), path or "not found", then)


def _disk() -> Line:
    folder = cache_folder()
    while not folder.exists():
        folder = folder.parent
    free_gib = shutil.disk_usage(folder).free / (1 << 30)
    then = f"Keep {_FREE_GIB} GiB free, or point PRACTICUM_CACHE at another disk."
    return Line("disk", free_gib >= _FREE_GIB, f"{free_gib:.1f} GiB free at {folder}", then)


def _cache() -> Line:
    folder = cache_folder()
    nearest = folder
    while not nearest.exists():
        nearest = nearest.parent
    writable = nearest.is_dir() and os.access(nearest, os.W_OK)
    then = "Make it writable, or set PRACTICUM_CACHE to a folder that is."
    return Line("cache", writable, f"{folder} {'is' if writable else 'is not'} writable", then, needed=True)


def _package(name: str) -> Line:
    try:
        version = importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return Line(name, ok=False, found="not installed", then="Run the set-up again: make up.", needed=True)
    return Line(name, ok=True, found=version)
