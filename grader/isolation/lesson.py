"""What a lesson imports, so that a parent can have it loaded before the first submission."""

import ast
from pathlib import Path

# what notebooks of any lab may import; a lesson's own imports come on top
LIBRARIES = (
    "numpy",
    "pandas",
    "matplotlib.pyplot",
    "matplotlib_inline.backend_inline",
    "matplotlib.backends.backend_agg",
    "IPython.core.pylabtools",
    "shapely",
    "geopandas",
)


def modules(lab: Path) -> tuple[str, ...]:
    """:data:`LIBRARIES` and the imports of the lesson in ``lab``, as ``module`` or ``module:name``."""
    try:
        tree = ast.parse((lab / "lab.py").read_text(encoding="utf-8"))
    except (OSError, ValueError, SyntaxError):
        return LIBRARIES
    found: dict[str, None] = dict.fromkeys(LIBRARIES)
    for node in tree.body:
        if isinstance(node, ast.Import):
            found.update((alias.name, None) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.update((f"{node.module}:{alias.name}", None) for alias in node.names)
    return tuple(found)
