"""The folders of a room: the student's own work, and what the practicum remembers of them."""

import hashlib
import os
from pathlib import Path

from grader.errors import GraderError

HOME = "PRACTICUM_HOME"


def workspace_folder() -> Path:
    """Where a student's work lies: ``$PRACTICUM_HOME``, else ``~/practicum``."""
    own = os.environ.get(HOME)
    return Path(own) if own else Path.home() / "practicum"


def state_folder() -> Path:
    """Where the practicum keeps what is not the student's work: practice course, JupyterLab's settings."""
    return Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state") / "practicum"


def make_workspace(folder: Path) -> Path:
    """The folder, made if it is missing; what lies in it is never touched.

    Raises:
        GraderError: it is a file, or cannot be written.
    """
    folder = folder.expanduser().absolute()
    if folder.exists() and not folder.is_dir():
        raise GraderError(
            str(folder), "is a file", "A folder for your work.", "Name another: practicum up --workspace DIR"
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / f".practicum-{os.getpid()}"
        probe.touch()
        probe.unlink()
    except OSError as reason:
        raise GraderError(
            str(folder),
            f"cannot be written ({reason.strerror})",
            "A folder of your own, on a disk with room.",
            "Name another: practicum up --workspace DIR",
        ) from None
    return folder


TOURS = ("tour", "living")
"""The tours: what the district holds, and the district set going. Their texts lie in ``curriculum/tour``."""


def tour_path(name: str) -> str:
    """Where a tour's notebook lies, below the workspace."""
    return f"tour/{name}.ipynb"


def put_tour(workspace: Path, source: Path) -> Path:
    """A tour as a notebook in the workspace; one that the student has changed is left alone.

    Args:
        workspace: the student's folder.
        source: the tour's text.

    Raises:
        GraderError: the text is damaged, or the workspace cannot be written.
    """
    from grader.workshop.notebook import notebook_bytes, reading_notebook

    path = workspace / tour_path(source.stem)
    mark = path.with_name(f".{source.stem}.handed-out")
    made = notebook_bytes(reading_notebook(source))
    given = hashlib.sha256(made).hexdigest()
    try:
        own = path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() != _text(mark)
        if not own:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(made)
            mark.write_text(given, encoding="ascii")
    except OSError as reason:
        raise GraderError(
            str(path), f"cannot be written ({reason.strerror})", then="Free space, then try again."
        ) from None
    return path


def _text(path: Path) -> str:
    return path.read_text(encoding="ascii").strip() if path.is_file() else ""
