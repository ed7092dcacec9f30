"""Which switches cut a place off: those at the border of everything that hangs on it without a switch between."""

from typing import Any

import numpy as np

from twin_sandbox.engines.power.model import Rows, Switches


def cutting_switches(tables: Any, switches: Switches) -> tuple[Rows, ...]:  # noqa: ANN401 - tables by name
    """For each bus, then each transformer: rows of the switches that cut it off.

    A board has switches of its own; a cabinet at the end of a cable is cut off by the breaker where the cable begins,
    together with what else hangs on that cable. Protection is taken as perfectly selective.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    buses = {code: k for k, code in enumerate(tables["power_buses"].index)}
    offset = {"line": len(buses), "transformer": len(buses) + len(tables["power_lines"])}
    count = offset["transformer"] + len(tables["transformers"])
    guarded = set(zip(switches.component, switches.rows.tolist(), switches.ends.tolist(), strict=True))
    begins, ends = [], []
    for component, name in (("line", "power_lines"), ("transformer", "transformers")):
        for end, column in enumerate(("from_code", "to_code")):
            for row, bus in enumerate(tables[name][column]):
                if (component, row, end) not in guarded:
                    begins.append(buses[bus])
                    ends.append(offset[component] + row)
    graph = coo_array((np.ones(len(begins), np.int8), (begins, ends)), shape=(count, count))
    zone = connected_components(graph, directed=False)[1]
    border: dict[int, set[int]] = {}
    rows = tables["power_switches"]
    for k, (bus, tie) in enumerate(zip(rows["bus_code"], rows["tie_bus_code"], strict=True)):
        component, row = switches.component[k], int(switches.rows[k])
        other = buses[tie] if component == "link" else offset[component] + row
        for node in (buses[bus], other):
            border.setdefault(int(zone[node]), set()).add(k)
    nodes = [*range(len(buses)), *range(offset["transformer"], count)]
    return tuple(np.array(sorted(border.get(int(zone[node]), ())), np.intp) for node in nodes)
