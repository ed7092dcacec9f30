"""What is added to the drawn district, layer by layer: each from its own stream of chance, in this order."""

from twin_sandbox.generate.layers import heat, history, people, place, power, things, water, wrong_connections
from twin_sandbox.generate.layers.site import Site

LAYERS = (place, people, water, heat, power, things, history, wrong_connections)
"""Modules with ``add(site)``. A later one sees the rows of those before; a change to one leaves the others' chance."""

__all__ = ["LAYERS", "Site"]
