"""deck.gl as one JavaScript module: the copy inside the pydeck wheel, nothing to build and nothing to download."""

import gzip
from functools import cache
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path

# The wheel's file asks for an AMD loader or CommonJS first; a page may have either. As a module of its own it has
# neither, and leaves its classes in globalThis.deck. Its last line would make browsers look for a source map.
_BEFORE = "const define = undefined, module = {exports: {}}, exports = module.exports;\n"
_AFTER = "\nexport default globalThis.deck;\n"


def map_script() -> str:
    """Our own loader and drawing code."""
    return (Path(__file__).parent / "static" / "map.js").read_text(encoding="utf-8")


@cache
def packed_library() -> bytes:
    """The module, compressed (about 1.2 MB)."""
    script = (files("pydeck") / "nbextension" / "static" / "index.js").read_text(encoding="utf-8")
    script = script.rsplit("//# sourceMappingURL=", 1)[0]
    return gzip.compress((_BEFORE + script + _AFTER).encode(), 6, mtime=0)


def library_version() -> str:
    """Changes when the module does: a browser may keep it until then."""
    return version("pydeck")
