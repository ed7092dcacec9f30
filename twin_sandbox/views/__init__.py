"""What people see of the twin: maps of the district, charts, and the public apps.

Maps are pydeck's layers, drawn by one small widget without any request to another host.
"""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from twin_sandbox.views.maps import district_map
    from twin_sandbox.views.saved_page import embed
    from twin_sandbox.views.widget import MapWidget

__all__ = ["MapWidget", "district_map", "embed"]

_HOMES = {"MapWidget": "widget", "district_map": "maps", "embed": "saved_page"}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'twin_sandbox.views' has no attribute {name!r}")
    value: object = getattr(importlib.import_module(f"twin_sandbox.views.{_HOMES[name]}"), name)
    globals()[name] = value
    return value
