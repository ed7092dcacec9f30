"""How a fork of a warm parent becomes a job: namespaces and mounts of its own, then every privilege given up.

The fork is process 1 of its namespace, so its end is the end of everything that it started. It cannot stay behind:
the parent is process 1 of the namespace around it, watches the controller's connection, and ends with it, even where
the job is stopped. Until :func:`lock` has returned, nothing that a student wrote has been read.
"""

import os
import resource
import signal
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from grader.isolation import kernel, packing, seccomp


@dataclass(frozen=True)
class Walls:
    """What every job of a parent is held by.

    Args:
        limits: resource name without ``RLIMIT_`` to number.
        scratch: writable folder to its mount options.
        home: the working folder, one of them.
        sandboxed: whether there are namespaces, mounts and a filter of system calls at all.
    """

    limits: dict[str, int]
    scratch: dict[str, str]
    home: str
    sandboxed: bool = True
    filter_program: bytes = field(default_factory=seccomp.program)


def build(walls: Walls, uid: int | None, bundle: int) -> None:
    """In the job's process 1: its namespaces, mounts, network and user.

    Args:
        walls: what holds it.
        uid: the real user that it will become; None where it gets a user namespace.
        bundle: descriptor of packed files to be seen as ``data/``; -1 if there are none.
    """
    kernel.unshare(kernel.NEWNS | kernel.NEWIPC | kernel.NEWUTS | kernel.NEWNET | kernel.NEWCGROUP)
    kernel.mount("none", "/", "", kernel.REC | kernel.PRIVATE)
    hardened = kernel.NOSUID | kernel.NODEV
    for folder, options in walls.scratch.items():
        kernel.mount("tmpfs", folder, "tmpfs", hardened, options)
    kernel.mount("proc", "/proc", "proc", hardened | kernel.NOEXEC)
    if bundle >= 0:
        data = f"{walls.home}/data"
        Path(data).mkdir(mode=0o755)
        kernel.mount("tmpfs", data, "tmpfs", hardened, f"size={packing.room_bytes(bundle)},mode=755")
        packing.unpack(bundle, Path(data))
        kernel.mount("tmpfs", data, "", kernel.REMOUNT | kernel.BIND | kernel.RDONLY | hardened)
    kernel.loopback_up()
    os.chdir(walls.home)
    if uid is None:
        user, group = os.getuid(), os.getgid()
        kernel.unshare(kernel.NEWUSER)
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"{user} {user} 1")
        Path("/proc/self/gid_map").write_text(f"{group} {group} 1")


def work_in_the_open(walls: Walls, bundle: int) -> None:
    """In place of :func:`build` where there is no sandbox: a folder of the job's own."""
    kernel.control(kernel.CHILD_SUBREAPER, 1)  # what its children leave behind stays in its group
    folder = Path(tempfile.mkdtemp(dir=walls.home))
    if bundle >= 0:
        packing.unpack(bundle, folder / "data")
    os.chdir(folder)


def lock(walls: Walls, uid: int | None) -> None:
    """Become the job's user, without a privilege or a way to one, within the limits."""
    if uid is not None:
        os.setgroups([])
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)
    kernel.control(kernel.PDEATHSIG, signal.SIGKILL)
    kernel.control(kernel.NO_NEW_PRIVS, 1)
    if walls.sandboxed:
        kernel.keep_capabilities(())
    for name, number in walls.limits.items():
        if name == "NPROC" and not walls.sandboxed:
            continue  # it would count all that this user runs
        resource.setrlimit(getattr(resource, f"RLIMIT_{name}"), (number, number))
    os.umask(0o077)
    kernel.control(kernel.DUMPABLE, 1)  # lost with the user: /proc/self must stay the job's own
    if walls.sandboxed:
        seccomp.load(walls.filter_program)
