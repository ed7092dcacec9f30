"""What a sandbox finds when it tries its own walls; runs inside, before anything is graded."""

import os
import socket
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from grader.isolation.pipe import Closed, Garbled

if TYPE_CHECKING:
    from grader.isolation.parent import Job, Settings


def warm(_: "Settings") -> None:
    """Nothing is needed."""


def main(_: object, job: "Job") -> None:
    """Send what was found, by the names of :data:`grader.isolation.tiers.WALLS`."""
    job.pipe.send({"ready": True, "held": {name: bool(test()) for name, test in _TESTS.items()}})
    with suppress(Closed, Garbled):
        job.pipe.receive()  # the controller looks for this process when it reads the answer


def _status(name: str) -> str:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(name + ":"):
            return line.split()[1]
    return ""


def _unprivileged() -> bool:
    return os.getuid() != 0 and int(_status("CapEff"), 16) == 0 and _status("NoNewPrivs") == "1"


def _processes() -> bool:
    return len([entry for entry in Path("/proc").iterdir() if entry.name.isdigit()]) <= 3


def _network() -> bool:
    return {name for _, name in socket.if_nameindex()} == {"lo"}


def _files() -> bool:
    seen = {entry.name for entry in Path("/").iterdir()}
    hidden = not seen & {"var", "srv", "mnt", "media", "boot", "sys", ".old"}
    with suppress(OSError):
        Path("/usr/practicum-probe").touch()
        return False
    with suppress(OSError):
        Path("/practicum-probe").touch()
        return False
    return hidden


def _settings() -> bool:
    with suppress(OSError):
        os.close(os.open("/proc/sys/kernel/core_pattern", os.O_WRONLY))
        return False
    return True


def _scratch() -> bool:
    return all(
        os.statvfs(folder).f_files <= 1_000_000 and os.statvfs(folder).f_blocks * 4096 <= 4 << 30
        for folder in ("/tmp", "/dev/shm", str(Path.home()))  # noqa: S108 - the sandbox's own
    )


def _calls() -> bool:
    return _status("Seccomp") == "2"


_TESTS = {
    "privileges": _unprivileged,
    "processes": _processes,
    "network": _network,
    "files": _files,
    "settings": _settings,
    "scratch": _scratch,
    "calls": _calls,
}
