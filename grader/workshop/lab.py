"""A lab's folder: its facts (``lab.toml``), where its parts lie, and its answer key."""

import hashlib
import importlib.util
import re
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from grader.errors import GraderError

KINDS = ("auto", "manual")
_ID = re.compile(r"[a-z][a-z0-9_]{0,47}")


@dataclass(frozen=True)
class Task:
    """One graded task of a lab, as ``lab.toml`` describes it.

    Args:
        id: names the answer cell, the check and the grade.
        title: in words, for tables and feedback.
        points: what it is worth, more than 0.
        kind: ``"auto"`` (a check judges it) or ``"manual"`` (a person reads it by the rubric).
        competency: ids of the competencies it is evidence for.
        blueprint: rows of the blueprint it covers.
        rubric: id of the rubric a person reads it by; empty for an auto task.
    """

    id: str
    title: str
    points: float
    kind: str
    competency: tuple[str, ...]
    blueprint: tuple[int, ...]
    rubric: str = ""


@dataclass(frozen=True)
class Lab:
    """One lab, as its folder holds it.

    Args:
        folder: where ``lab.toml``, ``lab.py``, ``key.py`` and ``bank/`` lie.
        cut: share of the autograded points that a certificate needs.
    """

    folder: Path
    id: str
    domain: str
    level: str
    title: str
    seat: str
    minutes: int
    cut: float
    tasks: tuple[Task, ...]
    title_zh: str = ""

    @property
    def source(self) -> Path:
        """The lesson, one percent-format text."""
        return self.folder / "lab.py"

    @property
    def key(self) -> Path:
        """The answer key; never shown to a student's process."""
        return self.folder / "key.py"

    @property
    def bank(self) -> Path:
        """Right and wrong answers that the checks are proven with."""
        return self.folder / "bank"

    @property
    def auto_points(self) -> dict[str, float]:
        """Points by task id, of the tasks that checks judge, in the lab's order."""
        return {task.id: task.points for task in self.tasks if task.kind == "auto"}

    @property
    def max_auto_score(self) -> float:
        """Points of all tasks that checks judge."""
        return sum(self.auto_points.values())

    @property
    def max_score(self) -> float:
        """Points of all tasks."""
        return sum(task.points for task in self.tasks)

    def task(self, task_id: str) -> Task:
        """The task of that id.

        Raises:
            GraderError: the lab has no such task.
        """
        for task in self.tasks:
            if task.id == task_id:
                return task
        raise GraderError(
            f"lab {self.id}", f"no task {task_id!r}", f"Its tasks are {', '.join(task.id for task in self.tasks)}."
        )

    def digest(self) -> str:
        """SHA-256 over every file of the lab's folder: a changed word is another lab."""
        digest = hashlib.sha256()
        for path in sorted(self.folder.rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                content = path.read_bytes()
                name = path.relative_to(self.folder).as_posix().encode()
                digest.update(b"%d:%b%d:" % (len(name), name, len(content)))
                digest.update(content)
        return digest.hexdigest()


def load_lab(folder: Path) -> Lab:
    """Read a lab's facts.

    Raises:
        GraderError: the folder holds no lab, or ``lab.toml`` says something that cannot be.
    """
    path = folder / "lab.toml"
    try:
        facts = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise GraderError(str(folder), "holds no lab (no lab.toml)", then="See `practicum lab list`.") from error
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise GraderError(str(path), f"cannot be read: {error}", then="Mend the file, then try again.") from error
    tasks = tuple(_task(path, position, entry) for position, entry in enumerate(facts.get("task", []), start=1))
    lab = Lab(
        folder=folder,
        id=_text(path, facts, "id"),
        domain=_text(path, facts, "domain"),
        level=_text(path, facts, "level"),
        title=_text(path, facts, "title"),
        seat=_text(path, facts, "seat"),
        minutes=int(_number(path, facts, "minutes")),
        cut=float(facts.get("cut", 0.7)),
        tasks=tasks,
        title_zh=str(facts.get("title_zh", "")),
    )
    _refuse_absurd(path, lab)
    return lab


def find_labs(root: Path) -> list[Lab]:
    """Every lab below ``root``, by domain and id."""
    return sorted((load_lab(path.parent) for path in root.glob("*/*/lab.toml")), key=lambda lab: (lab.domain, lab.id))


def find_lab(root: Path, name: str) -> Lab:
    """The lab that ``name`` means: a folder, or the id of a lab below ``root``.

    Raises:
        GraderError: there is none.
    """
    if (Path(name) / "lab.toml").is_file():
        return load_lab(Path(name).resolve())
    folders = [path.parent for path in sorted(root.glob("*/*/lab.toml"))]
    for folder in folders:
        if name in (folder.name, folder.relative_to(root).as_posix()):
            return load_lab(folder)
    known = ", ".join(folder.name for folder in folders) or "none"
    raise GraderError(f"lab {name!r}", "not found", f"Known labs: {known}.", "Or give the path of a lab's folder.")


def load_key(folder: Path) -> ModuleType:
    """The answer key of the lab in ``folder``, imported by path; leaves no compiled file beside it.

    Raises:
        GraderError: there is no key, or it has no ``checks``.
    """
    path = folder / "key.py"
    if not path.is_file():
        raise GraderError(str(path), "not found", "Each lab has an answer key.")
    spec = importlib.util.spec_from_file_location(f"practicum_key_{folder.name}", path)
    assert spec is not None  # noqa: S101 - a .py path always has a spec
    assert spec.loader is not None  # noqa: S101 - likewise
    module = importlib.util.module_from_spec(spec)
    writes, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    sys.modules[spec.name] = module  # dataclasses look their module up while it is being made
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[spec.name]
        raise
    finally:
        sys.dont_write_bytecode = writes
    if not isinstance(getattr(module, "checks", None), dict):
        raise GraderError(f"{path}, checks", "not found", "It is a dict of task id → check.")
    return module


def _task(path: Path, position: int, entry: dict[str, Any]) -> Task:
    where = f"{path}, task {position}"
    task = Task(
        id=_text(path, entry, "id", where),
        title=_text(path, entry, "title", where),
        points=_number(path, entry, "points", where),
        kind=_text(path, entry, "kind", where),
        competency=tuple(map(str, entry.get("competency", []))),
        blueprint=tuple(map(int, entry.get("blueprint", []))),
        rubric=str(entry.get("rubric", "")),
    )
    if not _ID.fullmatch(task.id):
        raise GraderError(f"{where}, id", repr(task.id), "Small letters, digits and _, a letter first.")
    if task.kind not in KINDS:
        raise GraderError(f"{where}, kind", repr(task.kind), f"It is one of {', '.join(KINDS)}.")
    if not 0 < task.points <= 1000:
        raise GraderError(f"{where}, points", f"{task.points:g}", "More than 0, at most 1000.")
    return task


def _text(path: Path, facts: dict[str, Any], name: str, where: str = "") -> str:
    value = facts.get(name)
    if not isinstance(value, str) or not value:
        raise GraderError(f"{where or path}, {name}", "missing" if value is None else repr(value), "It is a text.")
    return value


def _number(path: Path, facts: dict[str, Any], name: str, where: str = "") -> float:
    value = facts.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise GraderError(f"{where or path}, {name}", "missing" if value is None else repr(value), "It is a number.")
    return float(value)


def _refuse_absurd(path: Path, lab: Lab) -> None:
    if not _ID.fullmatch(lab.id):
        raise GraderError(f"{path}, id", repr(lab.id), "Small letters, digits and _, a letter first.")
    if not lab.tasks:
        raise GraderError(f"{path}, task", "missing", "A lab has at least one [[task]].")
    names = [task.id for task in lab.tasks]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise GraderError(f"{path}, task", f"{', '.join(twice)} stands twice", "Each task has an id of its own.")
    if not 0 < lab.cut <= 1:
        raise GraderError(f"{path}, cut", f"{lab.cut:g}", "More than 0, at most 1.")
