"""A warm parent as the controller drives it: started in a tier's sandbox, asked for forks, started again."""

import json
import os
import random
import resource
import select
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from types import ModuleType

from grader.errors import GraderError
from grader.isolation import bubblewrap, namespaces, unsafe
from grader.isolation.job import Limits
from grader.isolation.parent import Settings
from grader.isolation.pipe import Closed, Garbled, Late, Pipe
from grader.isolation.plan import REAL_UIDS, Plan, has_real_users
from grader.isolation.sandbox import Sandbox
from grader.isolation.view import HOME, View, python_inside

TIERS: dict[str, ModuleType] = {tier.NAME: tier for tier in (bubblewrap, namespaces)}
_START_S = 120.0
_DOCTOR = "Run `practicum doctor` to see what this machine lacks."


class ParentLost(Exception):  # noqa: N818 - the finding
    """The warm parent ended, and every job of it."""


class WarmParent:
    """One role's parent process. Start it from a thread that outlives it: it dies with that thread.

    Args:
        role: module of this package that jobs run: "student", "checker" or "probe".
        view: the file tree.
        limits: what one job may use.
        tier: name of a tier in ``TIERS``.
        modules: what to load, as ``module`` or ``module:name``.
        lab: the lab's folder as seen inside.
        folder: where jobs work, if there is no sandbox.
    """

    def __init__(
        self,
        role: str,
        view: View,
        limits: Limits,
        tier: str,
        modules: Sequence[str] = (),
        lab: str = "",
        folder: Path | None = None,
    ) -> None:
        self.role, self.limits, self._sandboxed = role, limits, folder is None
        self._lock = threading.Lock()
        ours, theirs = socket.socketpair()
        plan = Plan(view, [], limits)
        settings = Settings(
            role=role,
            control=theirs.fileno(),
            walls={
                "limits": _resource_limits(limits),
                "scratch": plan.scratch_options,
                "home": str(folder or HOME),
                "sandboxed": folder is None,
            },
            output_bytes=limits.output_bytes,
            modules=tuple(modules),
            lab=lab,
        )
        plan.program = [python_inside(), "-P", "-s", "-m", "grader.isolation.parent", json.dumps(asdict(settings))]
        self._words = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the parent
        self._process = subprocess.Popen(
            (TIERS | {unsafe.NAME: unsafe})[tier].command(plan),
            env={},
            stdin=subprocess.DEVNULL,
            stdout=self._words,
            stderr=self._words,
            pass_fds=[theirs.fileno(), *plan.files],
            start_new_session=True,
        )
        theirs.close()
        for number in plan.files:
            os.close(number)
        self._pipe = Pipe(ours, identify=True)
        self._ready = False
        self.broken = ""
        self.pid = 0

    def ready(self) -> None:
        """Wait until it has loaded everything.

        Raises:
            GraderError: it cannot start here.
        """
        with self._lock:
            if self._ready:
                return
            try:
                frame = self._pipe.receive(time.monotonic() + _START_S)
            except (Closed, Late, Garbled):
                raise GraderError(
                    f"sandbox of the {self.role}", f"it did not start ({self._last_words()})", then=_DOCTOR
                ) from None
            self.pid = frame.sender_pid
            if frame.header.get("broken"):
                self.broken = frame.body.decode(errors="replace").strip()
            self._ready = True

    @property
    def lost(self) -> bool:
        """Whether it has ended."""
        hung_up = select.poll()
        hung_up.register(self._pipe.connection, 0)
        return bool(hung_up.poll(0))

    def fork(self, files: Mapping[str, int], tick: Callable[[], None] | None = None) -> Sandbox:
        """A fresh job; :meth:`Sandbox.ready` tells whether it stands.

        Args:
            files: descriptors for it by name, "truth" or "bundle"; they stay the caller's.
            tick: called every 50 ms while something is awaited from it.

        Raises:
            ParentLost: there is no parent any more.
        """
        user, uid = own_uid() if self._sandboxed else (socket.socket(socket.AF_UNIX), None)
        ours, theirs = socket.socketpair()
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)  # before the job can have spoken
        try:
            with self._lock, theirs:
                numbers = [theirs.fileno(), *files.values()]
                self._pipe.send({"uid": uid, "files": list(files)}, files=numbers)
        except (Closed, Late, ValueError):  # a closed pool's descriptors are none
            ours.close()
            user.close()
            raise ParentLost from None
        return Sandbox(self.role, ours, user, self.limits, tick)

    def close(self) -> None:
        """End it, and every job with it."""
        self._pipe.close()
        if self._process.poll() is None:
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(1.0)  # it ends by itself, and so counts what its jobs used
            self._process.kill()
            self._process.wait()
        self._words.close()

    def _last_words(self) -> str:
        self._words.seek(0)
        lines = self._words.read()[-65536:].decode(errors="replace").strip().splitlines()
        return lines[-1][:300] if lines else "no message"


def own_uid() -> tuple[socket.socket, int | None]:
    """A user for one job, held by the returned socket; none where jobs have user namespaces.

    The kernel counts processes by user: two jobs of one user would share the limit, so each takes a user of its
    own, held by a name that vanishes with this process.
    """
    held = socket.socket(socket.AF_UNIX)
    if not has_real_users():
        return held, None
    uids = list(REAL_UIDS)
    random.shuffle(uids)
    for uid in uids:
        with suppress(OSError):
            held.bind(f"\0practicum-sandbox-{uid}")
            return held, uid
    held.close()
    raise GraderError(
        "sandbox", f"all {len(REAL_UIDS)} sandbox users are taken", then="Grade with fewer workers at once."
    )


def _resource_limits(limits: Limits) -> dict[str, int]:
    wanted = {
        "AS": limits.address_bytes,
        "CPU": limits.cpu_s,
        "NPROC": limits.processes,
        "NOFILE": limits.open_files,
        "FSIZE": limits.file_bytes,
        "CORE": 0,
        "MEMLOCK": 64 << 10,
    }
    return {name: _allowed(name, number) for name, number in wanted.items()}


def _allowed(name: str, number: int) -> int:
    hard = resource.getrlimit(getattr(resource, f"RLIMIT_{name}"))[1]
    return number if hard == resource.RLIM_INFINITY else min(number, hard)
