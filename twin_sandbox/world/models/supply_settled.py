"""Chlorine and age with which a run begins: those of a net that has run its usual days before.

A file alone begins with fresh water in every pipe, and its farthest taps need days to lose it. EPANET begins each pipe
with what its lower end is given, all along; so a junction is given the mean of the pipes above it: of the two ends'
chlorine the geometric mean (it decays by the first order), of their ages the arithmetic one.
"""

import re
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from twin_sandbox.engines.supply.epanet import Project, sums

SETTLED_H = 120
"""The net runs so long before, up to the same hour; a multiple of a day."""


def settled_text(text: str) -> str:
    """The input with the chlorine at the beginning that days of the same draught leave, in its section [QUALITY].

    Args:
        text: an input with chlorine, whose times are those of the run.
    """
    return _with_quality(text, _settled(_long_before(text), age=False))


def settled_age_h(text: str) -> dict[str, float]:
    """The water's age at the beginning by EPANET's name of the junction [h]; at most `SETTLED_H`."""
    return dict(_settled(_long_before(text), age=True))


def _long_before(text: str) -> str:
    text = re.sub(r"(?m)^ Duration .*$", f" Duration {SETTLED_H}:00", text)
    text = re.sub(r"(?m)^ Hydraulic Timestep .*$", " Hydraulic Timestep 1:00", text)
    return re.sub(r"(?m)^ Report Timestep .*$", " Report Timestep 1:00", text)


@lru_cache(maxsize=8)
def _settled(text: str, *, age: bool) -> tuple[tuple[str, float], ...]:
    project = Project(text, 3600, SETTLED_H * 3600, age=age)
    en = project.en
    try:
        passed_s = 0
        while passed_s < SETTLED_H * 3600:
            project.solve()
            passed_s += project.advance()
        quality = _of_the_pipes_above(project, geometric=not age)
        names = [project.call("getnodeid", k + 1) for k in range(project.nodes)]
        junction = project.node_types == en.JUNCTION
        return tuple((name, float(quality[k])) for k, name in enumerate(names) if junction[k])
    finally:
        project.close()


def _of_the_pipes_above(project: Project, *, geometric: bool) -> NDArray[np.float64]:
    """Mean quality of the pipes that bring a node water, weighted by their flows; its own if none does."""
    en = project.en
    own, flow = project.of_nodes(en.QUALITY), project.of_links(en.FLOW)
    ends = np.array([project.call("getlinknodes", k + 1) for k in range(project.links)], dtype=np.intp) - 1
    above, below = np.where(flow > 0, ends.T, ends.T[::-1])
    pairs = own[above], own[below]
    mean = np.sqrt(pairs[0] * pairs[1]) if geometric else (pairs[0] + pairs[1]) / 2
    brought = sums(below, np.abs(flow), project.nodes)
    mixed = sums(below, np.abs(flow) * mean, project.nodes)
    return np.asarray(np.where(brought > 0, mixed / np.where(brought > 0, brought, 1.0), own))


def _with_quality(text: str, at: tuple[tuple[str, float], ...]) -> str:
    head, _, rest = text.partition("[QUALITY]\n")
    own, gap, tail = rest.partition("\n\n[")
    known = {name for name, _ in at}
    lines = [line for line in own.splitlines() if line.split()[0] not in known]
    lines += [f" {name} {value:.6g}" for name, value in at]
    return f"{head}[QUALITY]\n" + "\n".join(lines) + f"{gap}{tail}"
