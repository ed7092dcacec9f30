"""The process in which SWMM opens a file to say whether it can: ``python -m twin_sandbox.formats.swmm_opening``.

Arguments: the input file, and a folder for the report. Ends with 0 if SWMM opened it.
"""

import sys
from pathlib import Path


def main(path: str, folder: str) -> int:
    """Open and close; 1 if SWMM refuses."""
    from swmm.toolkit import solver

    try:
        solver.swmm_open(path, str(Path(folder) / "model.rpt"), str(Path(folder) / "model.out"))
    except Exception:  # noqa: BLE001 - the toolkit raises plain Exception; the report says why
        solver.swmm_close()
        return 1
    solver.swmm_close()
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
