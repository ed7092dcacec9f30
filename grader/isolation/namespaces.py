"""The second tier: the same confinement by the kernel's namespaces, called directly.

Started as a program of its own on the host. It leaves the host's namespaces, forks the first process of the new
ones, builds a fresh root there, and starts the launcher in it. Nothing here runs a student's code.
"""

import ctypes
import fcntl
import json
import os
import signal
import socket
import struct
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import grader
from grader.isolation.plan import DEVICE_LINKS, DEVICES, Plan

NAME = "namespaces"

_NEWNS, _NEWCGROUP, _NEWUTS, _NEWIPC = 0x00020000, 0x02000000, 0x04000000, 0x08000000
_NEWUSER, _NEWPID, _NEWNET = 0x10000000, 0x20000000, 0x40000000
_RDONLY, _NOSUID, _NODEV, _NOEXEC, _REMOUNT, _BIND, _REC, _PRIVATE = 1, 2, 4, 8, 32, 4096, 16384, 1 << 18
_DETACH = 2
_SYS_PIVOT_ROOT = {"x86_64": 155, "aarch64": 41}
_SYS_MOUNT_SETATTR = 442
_AT_FDCWD, _AT_RECURSIVE = -100, 0x8000
_PR_SET_PDEATHSIG = 1
_SIOCSIFFLAGS, _IFF_UP_RUNNING = 0x8914, 0x41
_OLD = "/.old"

_libc = ctypes.CDLL(None, use_errno=True)


def missing() -> str:
    """Why this tier cannot be tried on this machine; empty if it can."""
    if not sys.platform.startswith("linux"):
        return "namespaces exist on Linux only"
    return "" if os.uname().machine in _SYS_PIVOT_ROOT else f"no system call table for {os.uname().machine}"


def command(plan: Plan) -> list[str]:
    """The command line that starts ``plan``; the plan itself goes by a descriptor."""
    described = {
        "binds": [[str(bind.source), str(bind.inside)] for bind in plan.early_binds],
        "late_binds": [[str(bind.source), str(bind.inside)] for bind in plan.late_binds],
        "links": plan.view.links,
        "hidden": [str(folder) for folder in plan.view.hidden],
        "texts": plan.texts,
        "scratch": plan.scratch_options,
        "environment": plan.view.environment,
        "folder": plan.folder,
        "uid": plan.uid,
        "as_root": plan.as_root,
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
    _die_with_parent()
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
    flags = _NEWNS | _NEWPID | _NEWIPC | _NEWUTS | _NEWNET | _NEWCGROUP
    _done(_libc.unshare(flags if plan["as_root"] else flags | _NEWUSER), "new namespaces")
    if not plan["as_root"]:
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"{plan['uid']} {user} 1")
        Path("/proc/self/gid_map").write_text(f"{plan['uid']} {group} 1")


def _first_process(plan: dict[str, Any], gone: int) -> None:
    """Process 1 inside: builds the root, then becomes the launcher."""
    _build_root(plan)
    _loopback_up()
    socket.sethostname("sandbox")
    os.chdir(plan["folder"])
    _die_with_parent()
    if os.read(gone, 1) != b"x":  # the outer process went before the signal was armed
        os._exit(71)
    os.execve(plan["program"][0], plan["program"], plan["environment"])  # noqa: S606 - no shell is meant


def _build_root(plan: dict[str, Any]) -> None:
    _mount("none", "/", "", _REC | _PRIVATE)
    base = "/tmp"  # noqa: S108 - only a mount point, covered in this namespace alone
    _mount("tmpfs", base, "tmpfs", _NOSUID | _NODEV, "size=4m,nr_inodes=4096,mode=755")
    Path(base + _OLD).mkdir()
    os.chdir(base)
    number = _SYS_PIVOT_ROOT[os.uname().machine]
    _done(_libc.syscall(number, b".", base.encode() + _OLD.encode()), "new root")
    os.chdir("/")
    for source, inside in plan["binds"]:
        _bind(source, inside)
    for name, target in plan["links"].items():
        _make_folder(Path(name).parent)
        Path(name).symlink_to(target)
    for folder in plan["hidden"]:
        _mount("tmpfs", folder, "tmpfs", _NOSUID | _NODEV | _RDONLY, "size=4096,mode=755")
    for name, text in plan["texts"].items():
        _make_folder(Path(name).parent)
        Path(name).write_text(text)
        Path(name).chmod(0o644)
    _make_folder(Path("/dev"))
    for device in DEVICES:
        Path("/dev", device).touch()
        _mount(f"{_OLD}/dev/{device}", f"/dev/{device}", "", _BIND)
    for name, target in DEVICE_LINKS.items():
        Path("/dev", name).symlink_to(target)
    for folder, options in plan["scratch"].items():
        _make_folder(Path(folder))
        _mount("tmpfs", folder, "tmpfs", _NOSUID | _NODEV, options)
    for source, inside in plan["late_binds"]:
        _bind(source, inside)
    _make_folder(Path("/proc"))
    _mount("proc", "/proc", "proc", _NOSUID | _NODEV | _NOEXEC)
    _done(_libc.umount2(_OLD.encode(), _DETACH), "leaving the old root")
    Path(_OLD).rmdir()
    _mount("tmpfs", "/", "", _REMOUNT | _BIND | _RDONLY | _NOSUID | _NODEV)


def _bind(source: str, inside: str) -> None:
    outside, target = Path(_OLD + source), Path(inside)
    if outside.is_dir():
        _make_folder(target)
    else:
        _make_folder(target.parent)
        target.touch()
    _mount(str(outside), inside, "", _BIND | _REC)
    attributes = struct.pack("QQQQ", _RDONLY | _NOSUID | _NODEV, 0, 0, 0)
    _done(
        _libc.syscall(_SYS_MOUNT_SETATTR, _AT_FDCWD, inside.encode(), _AT_RECURSIVE, attributes, len(attributes)),
        f"read-only {inside}",
    )


def _make_folder(path: Path) -> None:
    for folder in (*reversed(path.parents), path):
        if not folder.exists():
            folder.mkdir(mode=0o755)


def _mount(source: str, target: str, kind: str, flags: int, options: str = "") -> None:
    done = _libc.mount(source.encode(), target.encode(), kind.encode() or None, flags, options.encode() or None)
    _done(done, f"mount {target}")


def _loopback_up() -> None:
    with socket.socket() as control:
        fcntl.ioctl(control, _SIOCSIFFLAGS, struct.pack("16sH14s", b"lo", _IFF_UP_RUNNING, b""))


def _die_with_parent() -> None:
    _done(_libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0), "parent death signal")


def _done(result: int, what: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


def _say(text: str) -> None:
    with suppress(OSError):
        os.write(2, text.encode() + b"\n")
