"""Where the practicum's data folders lie, in a checkout and in an installation alike."""

import os
import sys
from pathlib import Path

from twin_sandbox.errors import TwinError

_ROOTS = (Path(__file__).parent.parent, Path(sys.prefix) / "share" / "practicum")


def data_folder(name: str) -> Path:
    """The folder ``curriculum``, ``labs`` or ``datasets``.

    Raises:
        TwinError: the installation is not complete.
    """
    for root in _ROOTS:
        if (root / name).is_dir():
            return root / name
    looked = ", ".join(str(root / name) for root in _ROOTS)
    raise TwinError(f"data folder {name!r}", f"not found (looked at {looked})", then="Install the practicum again.")


def cache_folder() -> Path:
    """Where built districts are kept: ``$PRACTICUM_CACHE``, else the user's cache folder."""
    own = os.environ.get("PRACTICUM_CACHE")
    if own:
        return Path(own)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "practicum"
