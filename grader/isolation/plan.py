"""One sandbox to be started, in terms that both tiers understand."""

import os
from dataclasses import dataclass, field
from pathlib import Path

from grader.isolation.job import Limits
from grader.isolation.view import HOME, Bind, View, passwd

INSIDE_UID = 61_000
REAL_UIDS = range(61_000, 61_184)  # nobody's, by systemd's table of user ids; one a sandbox at a time
DEVICES = ("null", "zero", "full", "random", "urandom")
DEVICE_LINKS = {
    "fd": "/proc/self/fd",
    "stdin": "/proc/self/fd/0",
    "stdout": "/proc/self/fd/1",
    "stderr": "/proc/self/fd/2",
}


def has_real_users() -> bool:
    """Whether this process is root and may become the sandbox's own users (in a rootless container it may not)."""
    if os.geteuid() != 0:
        return False
    ranges = [[int(part) for part in line.split()] for line in Path("/proc/self/uid_map").read_text().splitlines()]
    return any(first <= REAL_UIDS[0] and REAL_UIDS[-1] < first + count for first, _, count in ranges)


@dataclass
class Plan:
    """What a tier needs to know to build a sandbox.

    Args:
        view: the file tree.
        program: what to start inside.
        uid: the user it becomes: a real one if ``as_root``, else a name inside the user namespace.
        limits: what it may use.
        files: descriptors to hand down; a tier adds its own, the sandbox closes them after the start.
    """

    view: View
    program: list[str]
    uid: int
    limits: Limits
    files: list[int] = field(default_factory=list)

    @property
    def as_root(self) -> bool:
        """Whether mounts are made by root itself rather than inside a user namespace."""
        return has_real_users()

    @property
    def folder(self) -> str:
        """Working folder."""
        return str(HOME)

    @property
    def texts(self) -> dict[str, str]:
        """Small files with content of our own."""
        return {
            "/etc/passwd": passwd(self.uid),
            "/etc/group": f"root:x:0:\npracticum:x:{self.uid}:\n",
            "/etc/hosts": "127.0.0.1 localhost\n::1 localhost\n",
            "/etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files\n",
        }

    @property
    def scratch_bytes(self) -> dict[str, int]:
        """Writable folders and their sizes, each a file system in memory of its own."""
        size = self.limits.scratch_bytes
        return {"/tmp": size, "/dev/shm": size // 4, str(HOME): size}  # noqa: S108 - the sandbox's own

    @property
    def scratch_options(self) -> dict[str, str]:
        """The same folders with their full mount options."""
        return {
            folder: f"size={size},nr_inodes={self.limits.scratch_files},mode=1777"
            for folder, size in self.scratch_bytes.items()
        }

    @property
    def folders(self) -> list[Path]:
        """Folders above what is shown, to be made readable for all; outer ones first."""
        return [*_above(self.early_binds), Path("/etc")]

    @property
    def late_folders(self) -> list[Path]:
        """The same inside the writable folders."""
        scratch = [Path(folder) for folder in self.scratch_bytes]
        above = _above(self.late_binds)
        return [folder for folder in above if any(root in folder.parents for root in scratch)]

    @property
    def early_binds(self) -> list[Bind]:
        """Binds outside the writable folders."""
        return [bind for bind in self.view.binds if bind not in self.late_binds]

    @property
    def late_binds(self) -> list[Bind]:
        """Binds inside a writable folder: made after it."""
        return [
            bind for bind in self.view.binds if any(bind.inside.is_relative_to(folder) for folder in self.scratch_bytes)
        ]


def _above(binds: list[Bind]) -> list[Path]:
    return sorted({folder for bind in binds for folder in bind.inside.parents if folder != Path("/")})
