"""matplotlib's list of fonts, made once a machine: inside a sandbox it would be made anew by each submission."""

import os
import subprocess
import sys
from functools import cache
from pathlib import Path


@cache
def font_list() -> Path | None:
    """The newest list in the user's cache, made now if there is none; nothing where that is impossible."""
    found = _newest()
    if found is None:
        # a process of its own: the grader itself does without matplotlib
        subprocess.run(
            [sys.executable, "-W", "ignore", "-c", "import matplotlib.font_manager"],
            check=False,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        found = _newest()
    return found


def _newest() -> Path | None:
    own = os.environ.get("MPLCONFIGDIR")
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = Path(own) if own else cache / "matplotlib"
    try:
        lists = sorted(folder.glob("fontlist-v*.json"), key=lambda path: path.stat().st_mtime)
    except OSError:
        return None
    return lists[-1] if lists and os.access(lists[-1], os.R_OK) else None
