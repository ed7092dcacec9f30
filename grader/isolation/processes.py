"""What the processes of a sandbox use, read from outside."""

import os
from contextlib import suppress
from pathlib import Path

_TICKS_PER_S = os.sysconf("SC_CLK_TCK")


def descendants(pid: int) -> list[int]:
    """All processes below ``pid``, parents before children."""
    found: list[int] = []
    waiting = [pid]
    while waiting:
        parent = waiting.pop()
        with suppress(OSError):
            for task in Path(f"/proc/{parent}/task").iterdir():
                children = [int(child) for child in (task / "children").read_text().split()]
                found += children
                waiting += children
    return found


def private_bytes(pids: list[int], limit_bytes: int) -> int:
    """Memory of these processes together; shared pages count once where the cheap sum reaches the limit."""
    total = sum(_resident_bytes(pid) for pid in pids)
    if total <= limit_bytes:
        return total
    return sum(_proportional_bytes(pid) for pid in pids)


def cpu_s(pids: list[int]) -> float:
    """Processor seconds of these processes so far, with those of the children they have collected."""
    ticks = 0
    for pid in pids:
        with suppress(OSError, ValueError, IndexError):
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            ticks += sum(int(field) for field in fields[11:15])  # utime, stime, cutime, cstime
    return ticks / _TICKS_PER_S


def is_zombie(pid: int) -> bool:
    """Whether the process has ended and only waits to be collected."""
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in {"Z", "X"}
    return True


def _resident_bytes(pid: int) -> int:
    return _kib(f"/proc/{pid}/status", ("RssAnon:", "RssShmem:")) * 1024


def _proportional_bytes(pid: int) -> int:
    return _kib(f"/proc/{pid}/smaps_rollup", ("Pss_Anon:", "Pss_Shmem:")) * 1024 or _resident_bytes(pid)


def _kib(file: str, names: tuple[str, ...]) -> int:
    with suppress(OSError):
        lines = Path(file).read_text().splitlines()
        return sum(int(line.split()[1]) for line in lines if line.startswith(names))
    return 0
