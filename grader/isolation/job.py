"""What goes into a grading run and what comes out of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # the checks bring numpy along, which a sandbox's first process does without
    from grader.checks.verdict import Verdict


@dataclass(frozen=True)
class Cell:
    """One code cell of the instructor's notebook, with the student's solution grafted in.

    Args:
        id: the cell's id in the lab's source.
        source: Python, as IPython reads it.
    """

    id: str
    source: str


@dataclass(frozen=True)
class Limits:
    """What one submission may use.

    Args:
        memory_bytes: private memory of all its processes together.
        address_bytes: address space of one process.
        cpu_s: processor time of one process.
        processes: processes and threads at once.
        open_files: open files of one process.
        file_bytes: size of one file.
        scratch_bytes: all files in one writable folder together; likewise ``scratch_files``, their number.
        output_bytes: output kept of one cell.
        cell_s: time of one cell; ``run_s`` of all cells together. What a cell waits for a processor on a busy machine
            counts half at least.
        call_s: time of one call of a student's function, unless the check allows less.
        check_s: wall time of all checks, hidden replays included.
        repeats: how often the notebook is run again without a cell that ended the process.
    """

    memory_bytes: int = 2 << 30
    address_bytes: int = 4 << 30
    cpu_s: int = 180
    processes: int = 64
    open_files: int = 512
    file_bytes: int = 64 << 20
    scratch_bytes: int = 128 << 20
    scratch_files: int = 10_000
    output_bytes: int = 1 << 20
    cell_s: float = 30.0
    run_s: float = 240.0
    call_s: float = 5.0
    check_s: float = 240.0
    repeats: int = 3


@dataclass(frozen=True)
class Ground:
    """What all submissions of one lab share, shown read-only inside.

    Args:
        lab: the lab's folder with ``key.py``; only the checker sees it.
        datasets: the folder of recipes and reference tables.
        district: the built district.
        kernels: the twin's compiled kernels; None takes those that lie beside the built districts, if there are any.
    """

    lab: Path
    datasets: Path
    district: Path
    kernels: Path | None = None


@dataclass(frozen=True)
class Job:
    """One student's submission, ready to be graded.

    Args:
        cells: all code cells of the instructor's notebook in order, check cells left out.
        truth: the student's reality as JSON; only the checker gets it, by descriptor.
        bundle: the course's copy of what the student was given; seen as ``data/``.
        points: task id to points, in the order in which tasks are judged.
        places: task id to the number of cells that have run when its check looks, where a check is to see names as
            they were between two cells; every other task is judged by what there is after the last cell. All are
            judged when the last cell has run: nothing of a check comes back into the notebook.
    """

    cells: Sequence[Cell]
    truth: bytes
    bundle: Path
    points: Mapping[str, float]
    places: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Incident:
    """Something the instructor should know of a run; never shown to the student.

    Args:
        kind: "cell timed out", "cell ended the process", "memory", "leftover process", "output cut",
            "cell not run", "check failed", "answers lost" or "notebook given up".
        where: cell or task id, or "" for the whole run.
        detail: one sentence.
    """

    kind: str
    where: str
    detail: str


@dataclass
class Report:
    """What a grading run found.

    Args:
        outputs: cell id to nbformat outputs (version 4), untrusted: sanitise before showing.
        verdicts: task id to verdict, one for every task of the job.
        incidents: what the instructor should know.
        cpu_s: processor seconds: "student", "checker", and "replay", the part of the checker's that its hidden
            twins used.
        wall_s: seconds from start to end.
        tier: name of the isolation that was used.
    """

    outputs: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    verdicts: dict[str, "Verdict"] = field(default_factory=dict)
    incidents: list[Incident] = field(default_factory=list)
    cpu_s: dict[str, float] = field(default_factory=dict)
    wall_s: float = 0.0
    tier: str = ""
