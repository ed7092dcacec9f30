"""Calls of the Linux kernel for which Python has no function, each raising OSError with what was tried."""

import ctypes
import fcntl
import os
import socket
import struct
import sys
from pathlib import Path

NEWNS, NEWCGROUP, NEWUTS, NEWIPC = 0x00020000, 0x02000000, 0x04000000, 0x08000000
NEWUSER, NEWPID, NEWNET = 0x10000000, 0x20000000, 0x40000000
RDONLY, NOSUID, NODEV, NOEXEC, REMOUNT, BIND, REC, PRIVATE = 1, 2, 4, 8, 32, 4096, 16384, 1 << 18
CAPABILITIES = (12, 21)  # network and mounts, to build walls: CAP_NET_ADMIN, CAP_SYS_ADMIN
ROOT_CAPABILITIES = (*CAPABILITIES, 5, 6, 7)  # to change to another user, and to signal it
PDEATHSIG, DUMPABLE, CHILD_SUBREAPER, NO_NEW_PRIVS = 1, 4, 36, 38

_AMBIENT, _AMBIENT_RAISE, _AMBIENT_CLEAR_ALL = 47, 2, 4
_CAPABILITY_VERSION = 0x20080522
_DETACH = 2
_SYS_PIVOT_ROOT = {"x86_64": 155, "aarch64": 41}
_SYS_MOUNT_SETATTR = 442
_AT_FDCWD, _AT_RECURSIVE = -100, 0x8000
_LARGE_PAGE, _MADV_COLLAPSE = 2 << 20, 25
_SIOCSIFFLAGS, _IFF_UP_RUNNING = 0x8914, 0x41

_libc = ctypes.CDLL(None, use_errno=True)


def missing() -> str:
    """Why these calls cannot be made on this machine; empty if they can."""
    if not sys.platform.startswith("linux"):
        return "namespaces exist on Linux only"
    return "" if os.uname().machine in _SYS_PIVOT_ROOT else f"no system call table for {os.uname().machine}"


def unshare(flags: int) -> None:
    """Leave the namespaces that ``flags`` name for new ones."""
    _done(_libc.unshare(flags), "new namespaces")


def join(namespace: int, kind: int) -> None:
    """Enter the namespace of an open descriptor."""
    _done(_libc.setns(namespace, kind), "a namespace")


def mount(source: str, target: str, kind: str, flags: int, options: str = "") -> None:
    """Mount, bind or remount."""
    done = _libc.mount(source.encode(), target.encode(), kind.encode() or None, flags, options.encode() or None)
    _done(done, f"mount {target}")


def make_read_only(folder: str) -> None:
    """Make a mount read-only with all that is mounted below it."""
    attributes = struct.pack("QQQQ", RDONLY | NOSUID | NODEV, 0, 0, 0)
    done = _libc.syscall(_SYS_MOUNT_SETATTR, _AT_FDCWD, folder.encode(), _AT_RECURSIVE, attributes, len(attributes))
    _done(done, f"read-only {folder}")


def pivot_root(new: str, old: str) -> None:
    """Make ``new`` the root; the present one is found at ``old``."""
    _done(_libc.syscall(_SYS_PIVOT_ROOT[os.uname().machine], new.encode(), old.encode()), "new root")


def detach(folder: str) -> None:
    """Take a mount out of the tree."""
    _done(_libc.umount2(folder.encode(), _DETACH), f"leaving {folder}")


def control(option: int, value: int) -> None:
    """Set one of this process's own attributes (prctl)."""
    _done(_libc.prctl(option, value, 0, 0, 0), f"process attribute {option}")


def keep_capabilities(kept: tuple[int, ...], *, through_exec: bool = False) -> None:
    """Give up every capability but ``kept``, of which none is gained anew.

    Args:
        kept: capabilities by number; all below 32.
        through_exec: keep them in the next program as well, whoever its user is.
    """
    _done(_libc.prctl(_AMBIENT, _AMBIENT_CLEAR_ALL, 0, 0, 0), "ambient capabilities")
    mask = sum(1 << number for number in kept)
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION, 0)
    sets = (ctypes.c_uint32 * 6)(mask, mask, mask if through_exec else 0, 0, 0, 0)
    _done(_libc.capset(header, sets), "capabilities")
    if through_exec:
        for number in kept:
            _done(_libc.prctl(_AMBIENT, _AMBIENT_RAISE, number, 0, 0), f"ambient capability {number}")


def use_large_pages() -> None:
    """Move this process's own memory into large pages where the kernel can: a fork then costs less."""
    for line in Path("/proc/self/maps").read_text().splitlines():
        span, rights, _, _, inode, *name = line.split()
        if rights.startswith("rw") and inode == "0" and name in ([], ["[heap]"]):
            first, last = (int(end, 16) for end in span.split("-"))
            first = -(-first // _LARGE_PAGE) * _LARGE_PAGE
            while first + _LARGE_PAGE <= last:
                _libc.madvise(ctypes.c_void_p(first), ctypes.c_size_t(_LARGE_PAGE), _MADV_COLLAPSE)  # or it is left
                first += _LARGE_PAGE


def loopback_up() -> None:
    """Switch on the loopback of this network namespace."""
    with socket.socket() as interface:
        fcntl.ioctl(interface, _SIOCSIFFLAGS, struct.pack("16sH14s", b"lo", _IFF_UP_RUNNING, b""))


def _done(result: int, what: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
