"""The folders of a stock nbgrader course: its assignments, their files, and what students handed in."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from grader.errors import GraderError
from grader.gradebook.book import read_config
from grader.stock.notebook import StockNotebook, read_notebook

_CONFIG = "nbgrader_config.py"
_FOLDERS = ("source", "release", "submitted", "autograded", "feedback")
_MOST_FILES_BYTES = 1 << 30


@dataclass(frozen=True)
class StockCourse:
    """A course folder as ``nbgrader quickstart`` makes it.

    Args:
        root: the folder.
        folders: nbgrader's name of a folder to where it is.
    """

    root: Path
    folders: dict[str, Path]

    def assignments(self) -> list[str]:
        """Names of the assignments that have a source."""
        return sorted(path.name for path in _below(self.folders["source"]) if any(path.glob("*.ipynb")))

    def notebooks(self, assignment: str) -> list[StockNotebook]:
        """The instructor's notebooks of an assignment.

        Raises:
            GraderError: there is no such assignment, or one of its notebooks cannot be read.
        """
        folder = self.folders["source"] / assignment
        paths = sorted(folder.glob("*.ipynb"))
        if assignment not in self.assignments():
            known = ", ".join(self.assignments()) or "none"
            raise GraderError(f"assignment {assignment!r}", f"no notebook in {folder}", f"Known: {known}.")
        release = self.folders["release"] / assignment
        return [read_notebook(path, release / path.name) for path in paths]

    def files(self, assignment: str) -> dict[str, Path]:
        """What lies beside the notebooks, by its name relative to them."""
        folder = self.folders["source"] / assignment
        return {name: path for name, path in _files(folder) if path.suffix != ".ipynb"}

    def students(self, assignment: str) -> list[str]:
        """Who handed something in."""
        return sorted(path.name for path in _below(self.folders["submitted"]) if (path / assignment).is_dir())

    def submitted(self, student: str, assignment: str) -> Path:
        """The folder that a student handed in."""
        return self.folders["submitted"] / student / assignment

    def submitted_files(self, student: str, assignment: str) -> dict[str, Path]:
        """What a student handed in beside the notebooks; links are left out, and so is what is too large."""
        found, room = {}, _MOST_FILES_BYTES
        for name, path in _files(self.submitted(student, assignment)):
            room -= path.stat().st_size
            if path.suffix != ".ipynb" and name != "timestamp.txt" and room > 0:
                found[name] = path
        return found


def is_stock_course(root: Path) -> bool:
    """Whether a folder is a course of stock nbgrader and none of this product's."""
    return not (root / "course.toml").exists() and (root / _CONFIG).is_file()


def open_stock_course(root: Path) -> StockCourse:
    """The stock course in ``root``.

    Raises:
        GraderError: there is none, or its settings cannot be read.
    """
    root = root.resolve()
    if not is_stock_course(root):
        raise GraderError(str(root), "is no course", "A folder with nbgrader_config.py.")
    named: Any = read_config(root).get("CourseDirectory", {})
    base = Path(str(named.get("root") or root))
    folders = {name: base / str(named.get(f"{name}_directory", name)) for name in _FOLDERS}
    return StockCourse(root, folders)


def _below(folder: Path) -> list[Path]:
    return [path for path in folder.iterdir() if path.is_dir()] if folder.is_dir() else []


def _files(folder: Path) -> Iterator[tuple[str, Path]]:
    for path in sorted(folder.rglob("*")):
        parts = path.relative_to(folder).parts
        linked = any(folder.joinpath(*parts[: number + 1]).is_symlink() for number in range(len(parts)))
        if path.is_file() and not linked and not any(part.startswith(".") or part == "__pycache__" for part in parts):
            yield path.relative_to(folder).as_posix(), path
