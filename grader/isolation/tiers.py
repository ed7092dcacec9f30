"""Which sandbox works on this machine: each is tried, not guessed."""

import os
from contextlib import closing
from dataclasses import dataclass
from functools import cache

from grader.errors import GraderError
from grader.isolation.job import Limits
from grader.isolation.pipe import Closed
from grader.isolation.view import bare_view
from grader.isolation.warm import TIERS, ParentLost, WarmParent

FORCE = "PRACTICUM_ISOLATION"
NAMES = tuple(TIERS)

WALLS = {
    "privileges": "an unprivileged user without capabilities, who cannot gain any",
    "processes": "sees its own processes only",
    "network": "no network but its own loopback",
    "files": "sees Python, its packages and what it was given, read-only",
    "settings": "cannot change the kernel's settings",
    "scratch": "writable folders with a size and a number of files",
    "calls": "a deny list of system calls",
}
ALWAYS = (
    "limits of processor time, address space, processes, open files and file size",
    "memory of the whole group, looked at every 50 ms",
    "wall time and bytes of output, kept by the controller",
)


@dataclass(frozen=True)
class Tier:
    """One sandbox and what a trial of it showed.

    Args:
        name: "bubblewrap" or "namespaces".
        works: whether every wall holds.
        enforces: what it enforces, a phrase each.
        lacks: what it does not, or why it could not be started.
    """

    name: str
    works: bool
    enforces: tuple[str, ...]
    lacks: tuple[str, ...]


@cache
def try_tier(name: str) -> Tier:
    """Start a parent in a sandbox of tier ``name``, and let a job forked from it try its walls."""
    why_not = TIERS[name].missing()
    if why_not:
        return Tier(name, works=False, enforces=(), lacks=(why_not,))
    try:
        with closing(WarmParent("probe", bare_view(), Limits(), name)) as parent:
            parent.ready()
            with parent.fork({}) as sandbox:
                held = sandbox.ready().header.get("held", {})
    except (GraderError, OSError, ParentLost, Closed) as refusal:
        found = refusal.found if isinstance(refusal, GraderError) else str(refusal) or "it ended while it started"
        return Tier(name, works=False, enforces=(), lacks=(found,))
    enforces = tuple(words for wall, words in WALLS.items() if held.get(wall) is True)
    lacks = tuple(words for wall, words in WALLS.items() if held.get(wall) is not True)
    return Tier(name, works=not lacks, enforces=(*enforces, *ALWAYS), lacks=lacks)


def tier(name: str = "") -> Tier:
    """The sandbox that grading uses here: ``name``, else ``$PRACTICUM_ISOLATION``, else the first that works.

    Raises:
        GraderError: none works; nothing may be graded here.
    """
    wanted = name or os.environ.get(FORCE, "")
    if wanted and wanted not in TIERS:
        raise GraderError(f"isolation {wanted!r}", "unknown", f"Allowed: {', '.join(TIERS)}.")
    tried = []
    for each in (wanted,) if wanted else TIERS:
        found = try_tier(each)
        if found.works:
            return found
        tried.append(f"{each}: {'; '.join(found.lacks)}")
    raise GraderError(
        "isolation",
        f"no sandbox works on this machine ({' | '.join(tried)})",
        "Grading needs Linux with user namespaces, or root; WSL 2 will do.",
        "Install bubblewrap, or allow user namespaces (sysctl kernel.unprivileged_userns_clone=1, "
        "kernel.apparmor_restrict_unprivileged_userns=0), then run `practicum doctor`.",
    )
