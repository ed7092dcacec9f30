"""The second tier: the same confinement by the kernel's namespaces, called directly.

Started as a program of its own on the host. It leaves the host's namespaces, forks the first process of the new
ones, builds a fresh root there, and starts the warm parent in it. Nothing here runs a student's code.
"""

import json
import os
import signal
import socket
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import grader
from grader.isolation import kernel
from grader.isolation.kernel import missing
from grader.isolation.plan import DEVICE_LINKS, DEVICES, INSIDE_UID, Plan

__all__ = ["NAME", "command", "main", "missing"]

NAME = "namespaces"

_HARDENED = kernel.NOSUID | kernel.NODEV
_OLD = "/.old"


def command(plan: Plan) -> list[str]:
    """The command line that starts ``plan``; the plan itself goes by a descriptor."""
    described = {
        "binds": [[str(bind.source), str(bind.inside)] for bind in plan.view.binds],
        "links": plan.view.links,
        "hidden": [str(folder) for folder in plan.view.hidden],
        "texts": plan.texts,
        "scratch": plan.scratch_options,
        "environment": plan.view.environment,
        "folder": plan.folder,
        "uid": INSIDE_UID,
        "as_root": plan.as_root,
        "capabilities": plan.capabilities,
        "program": plan.program,
    }
    file = os.memfd_create("plan", 0)
    os.write(file, json.dumps(described).encode())
    os.lseek(file, 0, os.SEEK_SET)
    plan.files.append(file)
    start = (
        f"import sys; sys.path.insert(0, {str(Path(grader.__file__).resolve().parent.parent)!r}); "
        f"from grader.isolation.namespaces import main; main({file})"
    )
    return [sys.executable, "-I", "-S", "-c", start]


def main(plan_file: int) -> None:
    """Leave the host's namespaces, fork the new ones' first process, and end when it does."""
    with os.fdopen(plan_file) as file:
        plan = json.load(file)
    os.umask(0o022)
    kernel.control(kernel.PDEATHSIG, signal.SIGKILL)
    _leave(plan)
    gone, alive = os.pipe()
    first = os.fork()
    if first == 0:
        os.close(alive)
        try:
            _first_process(plan, gone)
        except OSError as error:
            _say(f"namespaces: {error}")
        os._exit(70)
    os.close(gone)
    os.write(alive, b"x")
    _, status = os.waitpid(first, 0)
    os._exit(max(os.waitstatus_to_exitcode(status), 0))


def _leave(plan: dict[str, Any]) -> None:
    user, group = os.getuid(), os.getgid()
    flags = kernel.NEWNS | kernel.NEWPID | kernel.NEWIPC | kernel.NEWUTS | kernel.NEWNET | kernel.NEWCGROUP
    kernel.unshare(flags if plan["as_root"] else flags | kernel.NEWUSER)
    if not plan["as_root"]:
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"{plan['uid']} {user} 1")
        Path("/proc/self/gid_map").write_text(f"{plan['uid']} {group} 1")


def _first_process(plan: dict[str, Any], gone: int) -> None:
    """Process 1 inside: builds the root, then becomes the program, with the capabilities to build walls in it."""
    _build_root(plan)
    kernel.loopback_up()
    socket.sethostname("sandbox")
    os.chdir(plan["folder"])
    kernel.keep_capabilities(tuple(plan["capabilities"]), through_exec=True)
    kernel.control(kernel.PDEATHSIG, signal.SIGKILL)
    os.setsid()
    if os.read(gone, 1) != b"x":  # the outer process went before the signal was armed
        os._exit(71)
    os.execve(plan["program"][0], plan["program"], plan["environment"])  # noqa: S606 - no shell is meant


def _build_root(plan: dict[str, Any]) -> None:
    kernel.mount("none", "/", "", kernel.REC | kernel.PRIVATE)
    base = "/tmp"  # noqa: S108 - only a mount point, covered in this namespace alone
    kernel.mount("tmpfs", base, "tmpfs", _HARDENED, "size=4m,nr_inodes=4096,mode=755")
    Path(base + _OLD).mkdir()
    os.chdir(base)
    kernel.pivot_root(".", base + _OLD)
    os.chdir("/")
    for source, inside in plan["binds"]:
        _bind(source, inside)
    for name, target in plan["links"].items():
        _make_folder(Path(name).parent)
        Path(name).symlink_to(target)
    for folder in plan["hidden"]:
        kernel.mount("tmpfs", folder, "tmpfs", _HARDENED | kernel.RDONLY, "size=4096,mode=755")
    for name, text in plan["texts"].items():
        _make_folder(Path(name).parent)
        Path(name).write_text(text)
        Path(name).chmod(0o644)
    _make_folder(Path("/dev"))
    for device in DEVICES:
        Path("/dev", device).touch()
        kernel.mount(f"{_OLD}/dev/{device}", f"/dev/{device}", "", kernel.BIND)
    for name, target in DEVICE_LINKS.items():
        Path("/dev", name).symlink_to(target)
    for folder, options in plan["scratch"].items():
        _make_folder(Path(folder))
        kernel.mount("tmpfs", folder, "tmpfs", _HARDENED, options)
    _make_folder(Path("/proc"))
    kernel.mount("proc", "/proc", "proc", _HARDENED | kernel.NOEXEC)
    kernel.detach(_OLD)
    Path(_OLD).rmdir()
    kernel.mount("tmpfs", "/", "", kernel.REMOUNT | kernel.BIND | kernel.RDONLY | _HARDENED)


def _bind(source: str, inside: str) -> None:
    outside, target = Path(_OLD + source), Path(inside)
    if outside.is_dir():
        _make_folder(target)
    else:
        _make_folder(target.parent)
        target.touch()
    kernel.mount(str(outside), inside, "", kernel.BIND | kernel.REC)
    kernel.make_read_only(inside)


def _make_folder(path: Path) -> None:
    for folder in (*reversed(path.parents), path):
        if not folder.exists():
            folder.mkdir(mode=0o755)


def _say(text: str) -> None:
    with suppress(OSError):
        os.write(2, text.encode() + b"\n")
