"""What the processes of a sandbox use, read from outside."""

import os
import time
from contextlib import suppress

_TICKS_PER_S = os.sysconf("SC_CLK_TCK")


def descendants(pid: int) -> list[int]:
    """All processes below ``pid``, parents before children."""
    found: list[int] = []
    waiting = [pid]
    while waiting:
        parent = waiting.pop()
        with suppress(OSError):
            for task in os.listdir(f"/proc/{parent}/task"):  # noqa: PTH208 - asked every 50 ms: no path objects
                children = [int(child) for child in _read(f"/proc/{parent}/task/{task}/children").split()]
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
    used_s = 0.0
    for pid in pids:
        with suppress(OSError, ValueError, IndexError):
            fields = _read(f"/proc/{pid}/stat").rpartition(b")")[2].split()
            # its own to the nanosecond by its clock (clock_getcpuclockid(3)), its children's in ticks
            used_s += time.clock_gettime(~pid << 3 | 2) + sum(map(int, fields[13:15])) / _TICKS_PER_S
    return used_s


def idle_s() -> float:
    """Seconds that all processors together have been idle; where it cannot be read, as if one always were."""
    with suppress(OSError, ValueError, IndexError):
        fields = _read("/proc/stat").partition(b"\n")[0].split()
        return (int(fields[4]) + int(fields[5])) / _TICKS_PER_S
    return time.monotonic()


def is_zombie(pid: int) -> bool:
    """Whether the process has ended and only waits to be collected."""
    with suppress(OSError):
        return _read(f"/proc/{pid}/stat").rpartition(b")")[2].split()[0] in {b"Z", b"X"}
    return True


def _resident_bytes(pid: int) -> int:
    return _kib(f"/proc/{pid}/status", (b"RssAnon:", b"RssShmem:")) * 1024


def _proportional_bytes(pid: int) -> int:
    return _kib(f"/proc/{pid}/smaps_rollup", (b"Pss_Anon:", b"Pss_Shmem:")) * 1024 or _resident_bytes(pid)


def _kib(file: str, names: tuple[bytes, ...]) -> int:
    with suppress(OSError):
        lines = _read(file).splitlines()
        return sum(int(line.split()[1]) for line in lines if line.startswith(names))
    return 0


def _read(file: str) -> bytes:
    number = os.open(file, os.O_RDONLY)
    try:
        return os.read(number, 1 << 16)
    finally:
        os.close(number)
