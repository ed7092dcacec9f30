"""Any network of power-grid-model's format as the power engine's model."""

import numpy as np

from twin_sandbox.engines.power.model import Panels, PowerModel, Switches, held
from twin_sandbox.errors import TwinError
from twin_sandbox.formats.power_grid import PowerGrid

STEP_S = 60


def grid_model(grid: PowerGrid, step_s: int = STEP_S) -> PowerModel:
    """Any network of power-grid-model's format, with the loads that stand in it; a row without a code is named.

    Raises:
        TwinError: the library's validator finds fault with the network; its own words and the component.
    """
    from power_grid_model.validation import validate_input_data

    faults = validate_input_data(grid.components)
    if faults:
        raise TwinError("power network", f"power-grid-model finds: {faults[0]}", then="Mend the network.")

    if not len(grid.components.get("source", ())):
        raise TwinError("power network", "it has no source", "At least one row of source.", "Add the feeding grid.")

    def codes(component: str) -> tuple[str, ...]:
        rows = grid.components.get(component)
        ids = [] if rows is None else rows["id"].tolist()
        return tuple(grid.codes.get(k, "") or f"{component}_{k}" for k in ids)

    loads, links = grid.components.get("sym_load"), grid.components.get("link")
    gens = grid.components.get("sym_gen")
    asked = np.zeros((2, 0)) if loads is None else np.stack([loads["p_specified"], loads["q_specified"]])
    given = np.zeros(0) if gens is None else gens["p_specified"]
    ties = np.arange(0 if links is None else len(links))
    closed = np.zeros(0, bool) if links is None else (links["from_status"] & links["to_status"]).astype(bool)
    return PowerModel(
        components=grid.components,
        buses=codes("node"),
        lines=codes("line"),
        transformers=codes("transformer"),
        feeds=codes("source"),
        consumers=codes("sym_load"),
        load_w=held(asked[0]),
        load_var=held(asked[1]),
        rank=np.zeros(asked.shape[1], np.intp),
        whole_w=np.zeros(asked.shape[1]),
        dual=np.full(asked.shape[1], -1),
        panels=Panels(codes("sym_gen"), np.arange(len(given)), held(given)),
        switches=Switches(codes("link"), ("link",) * len(ties), ties, np.full(len(ties), 2), closed),
        step_s=step_s,
    )
