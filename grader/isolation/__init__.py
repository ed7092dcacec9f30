"""Student code and answer keys in processes of their own; values and calls cross between them as data.

:class:`Pool` is the way in. Its parts: ``view`` and ``plan`` say what a sandbox is, ``bubblewrap`` and
``namespaces`` build it around a warm ``parent``, which forks the jobs; ``enter`` walls and locks each of them in,
``student`` and ``checker`` are what they do. ``warm``, ``controller``, ``notebook`` and ``frozen`` drive them from
outside over a ``pipe``, and ``values`` is the language spoken on it.
"""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from grader.isolation.job import Cell, Ground, Incident, Job, Limits, Report
    from grader.isolation.pool import Pool
    from grader.isolation.serving import serve
    from grader.isolation.tiers import Tier, tier

__all__ = ["Cell", "Ground", "Incident", "Job", "Limits", "Pool", "Report", "Tier", "serve", "tier"]

_HOMES = {
    "job": ("Cell", "Ground", "Incident", "Job", "Limits", "Report"),
    "pool": ("Pool",),
    "serving": ("serve",),
    "tiers": ("Tier", "tier"),
}


def __getattr__(name: str) -> object:
    # the sandbox's first process imports this package too, and must not load (or see) the controller for it
    for home, names in _HOMES.items():
        if name in names:
            return getattr(importlib.import_module(f"{__name__}.{home}"), name)
    raise AttributeError(name)
