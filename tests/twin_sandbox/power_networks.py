"""Small networks for tests of the power engine, made by hand."""

import numpy as np
from power_grid_model import initialize_array

from twin_sandbox.formats.power_grid import PowerGrid


def rows(component: str, first_id: int, count: int, **columns):
    """Rows of power-grid-model's input with ids from first_id on."""
    made = initialize_array("input", component, count)
    made["id"] = np.arange(first_id, first_id + count)
    for column, values in columns.items():
        made[column] = values
    return made


def street(loads_w=(50e3, 50e3), ohm: float = 0.02, rated_a: float = 400.0) -> PowerGrid:
    """A stiff feed of 400 V, then one cable after the other, each with a load at its end and no reactance."""
    count = len(loads_w)
    components = {
        "node": rows("node", 0, count + 1, u_rated=400.0),
        "line": rows(
            "line", 10, count, from_node=np.arange(count), to_node=np.arange(1, count + 1), from_status=1, to_status=1,
            r1=ohm, x1=1e-9, c1=0.0, tan1=0.0, i_n=rated_a,
        ),
        "source": rows("source", 20, 1, node=0, status=1, u_ref=1.0, sk=1e12, rx_ratio=0.1),
        "sym_load": rows(
            "sym_load", 30, count, node=np.arange(1, count + 1), status=1, type=0, p_specified=loads_w, q_specified=0.0
        ),
    }  # fmt: skip
    codes = {10 + k: f"cable {k + 1}" for k in range(count)} | {30 + k: f"house {k + 1}" for k in range(count)}
    corners = {k: f"corner {k}" for k in range(1, count + 1)}
    return PowerGrid(components, {0: "board", 20: "feed", **codes, **corners})
