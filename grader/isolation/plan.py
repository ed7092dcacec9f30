"""One sandbox to be started, in terms that both tiers understand."""

import os
from dataclasses import dataclass, field
from pathlib import Path

from grader.isolation.job import Limits
from grader.isolation.kernel import CAPABILITIES, ROOT_CAPABILITIES
from grader.isolation.view import HOME, View, passwd

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
        limits: what it may use.
        files: descriptors to hand down; a tier adds its own, the sandbox closes them after the start.
    """

    view: View
    program: list[str]
    limits: Limits
    files: list[int] = field(default_factory=list)

    @property
    def as_root(self) -> bool:
        """Whether mounts are made by root itself rather than inside a user namespace."""
        return has_real_users()

    @property
    def capabilities(self) -> tuple[int, ...]:
        """What the warm parent keeps, to build each job's walls."""
        return ROOT_CAPABILITIES if self.as_root else CAPABILITIES

    @property
    def folder(self) -> str:
        """Working folder."""
        return str(HOME)

    @property
    def texts(self) -> dict[str, str]:
        """Small files with content of our own."""
        uids = REAL_UIDS if self.as_root else [INSIDE_UID]
        return {
            "/etc/passwd": passwd(uids),
            "/etc/group": "root:x:0:\n" + "".join(f"practicum:x:{uid}:\n" for uid in uids),
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
        above = {folder for bind in self.view.binds for folder in bind.inside.parents if folder != Path("/")}
        return [*sorted(above), Path("/etc")]
