"""The first program inside a sandbox: gives up every privilege, then becomes the student's or the checker's process.

Called as ``python -m grader.isolation.enter SETTINGS`` with a JSON object of :class:`Settings`' fields, as process 1
of its namespace. It forks: the first process collects what others leave behind, the second does the work. Both are
locked in the same way, so that neither is a way round the other's walls. Until ``_lock`` has returned, nothing that
a student wrote has been read.
"""

import ctypes
import importlib
import json
import os
import resource
import select
import signal
import sys
from dataclasses import dataclass
from typing import NoReturn

from grader.isolation import seccomp

_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE, _PR_SET_NO_NEW_PRIVS, _PR_CAP_AMBIENT = 1, 4, 38, 47
_AMBIENT_CLEAR_ALL = 4
_MS_NOSUID, _MS_NODEV, _MS_REMOUNT = 2, 4, 32
_CAPABILITY_VERSION = 0x20080522
_MOST_FILES = 4096
_LOOK_MS = 20
_CONTROLLER_GONE = 72


@dataclass(frozen=True)
class Settings:
    """What the launcher is told.

    Args:
        role: "student", "checker" or "probe".
        uid: user and group to become; None where the user namespace has already done it.
        limits: resource name without ``RLIMIT_`` to number.
        scratch: writable folder to its mount options, where their number of files is still to be limited.
        pipe: descriptor of the control connection.
        truth: descriptor of the truth; -1 if there is none.
    """

    role: str
    uid: int | None
    limits: dict[str, int]
    scratch: dict[str, str]
    pipe: int
    truth: int = -1


def main() -> None:
    """Lock, then run the role's own module until its connection ends."""
    settings = Settings(**json.loads(sys.argv[1]))
    libc = ctypes.CDLL(None, use_errno=True)
    for folder, options in settings.scratch.items():
        flags = _MS_REMOUNT | _MS_NOSUID | _MS_NODEV
        _done(libc.mount(b"tmpfs", folder.encode(), b"tmpfs", flags, options.encode()), f"remount of {folder}")
    worker = os.fork()
    if worker:
        _keep(libc, settings, worker)
    _lock(libc, settings)
    module = importlib.import_module(f"grader.isolation.{settings.role}")
    module.main(settings)


def _keep(libc: ctypes.CDLL, settings: Settings, worker: int) -> NoReturn:
    os.closerange(3, settings.pipe)
    os.closerange(settings.pipe + 1, _MOST_FILES)
    _lock(libc, settings)
    _done(libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0), "dumpable")  # its memory and files are nobody's business
    # A frozen worker never notices that the controller is gone, and the death signal of a parent without the right
    # to signal our uid does not arrive: so the connection's other end is watched here. Nothing is read from it.
    connection = select.poll()
    connection.register(settings.pipe, 0)
    while True:
        ended, status = os.waitpid(-1, os.WNOHANG)
        if ended == worker:
            os._exit(max(os.waitstatus_to_exitcode(status), 0))
        if not ended and connection.poll(_LOOK_MS):
            os._exit(_CONTROLLER_GONE)


def _lock(libc: ctypes.CDLL, settings: Settings) -> None:
    if settings.uid is not None:
        os.setgroups([])
        os.setresgid(settings.uid, settings.uid, settings.uid)
        os.setresuid(settings.uid, settings.uid, settings.uid)
        _done(libc.prctl(_PR_SET_DUMPABLE, 1, 0, 0, 0), "dumpable")  # lost with the uid: /proc/self must stay ours
    _done(libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0), "parent death signal")
    _drop_capabilities(libc)
    for name, number in settings.limits.items():
        resource.setrlimit(getattr(resource, f"RLIMIT_{name}"), (number, number))
    os.umask(0o077)
    seccomp.load(seccomp.program())


def _drop_capabilities(libc: ctypes.CDLL) -> None:
    _done(libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no new privileges")
    _done(libc.prctl(_PR_CAP_AMBIENT, _AMBIENT_CLEAR_ALL, 0, 0, 0), "ambient capabilities")
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION, 0)
    _done(libc.capset(header, (ctypes.c_uint32 * 6)()), "capabilities")


def _done(result: int, what: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


if __name__ == "__main__":
    main()
