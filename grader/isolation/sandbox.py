"""One sandboxed process group: started, watched, ended."""

import json
import os
import random
import resource
import select
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from types import ModuleType, TracebackType
from typing import Self

from grader.errors import GraderError
from grader.isolation import bubblewrap, namespaces
from grader.isolation.enter import Settings
from grader.isolation.job import Limits
from grader.isolation.kinds import MAX_BYTES
from grader.isolation.pipe import Closed, Frame, Garbled, Late, Pipe
from grader.isolation.plan import INSIDE_UID, REAL_UIDS, Plan, has_real_users
from grader.isolation.processes import ancestors, cpu_s, descendants, is_zombie, private_bytes
from grader.isolation.view import View, python_inside

TIERS: dict[str, ModuleType] = {tier.NAME: tier for tier in (bubblewrap, namespaces)}
_START_S = 60.0
_FREEING_S = 1.0  # what a killed process may take to give its memory back


class Sandbox:
    """A process group that can reach its control pipe and its own file tree, nothing else.

    Args:
        role: module of this package that runs inside: "student", "checker" or "probe".
        view: the file tree.
        limits: what the group may use.
        tier: name of a tier in ``TIERS``.
        truth: bytes that only this process can read, from an inherited descriptor.
        tick: called every 50 ms while something is awaited from it.
    """

    def __init__(
        self,
        role: str,
        view: View,
        limits: Limits,
        tier: str,
        truth: bytes | None = None,
        tick: Callable[[], None] | None = None,
    ) -> None:
        self.role, self._limits = role, limits
        self._lock, uid = _own_uid()
        ours, theirs = socket.socketpair()
        files = [theirs.fileno()]
        truth_file = -1
        if truth is not None:
            truth_file = os.memfd_create("truth", os.MFD_CLOEXEC)
            with os.fdopen(os.dup(truth_file), "wb") as file:
                file.write(truth)
            os.lseek(truth_file, 0, os.SEEK_SET)
            files.append(truth_file)
        plan = Plan(view, [], uid, limits, [])
        settings = Settings(
            role=role,
            uid=uid if plan.as_root else None,
            limits=_resource_limits(limits),
            scratch=plan.scratch_options if tier == bubblewrap.NAME else {},
            pipe=theirs.fileno(),
            truth=truth_file,
        )
        plan.program = [python_inside(), "-P", "-s", "-m", "grader.isolation.enter", json.dumps(asdict(settings))]
        self._errors, errors = os.pipe()
        os.set_blocking(self._errors, False)
        try:
            self._process = subprocess.Popen(
                TIERS[tier].command(plan),
                env={},
                stdin=subprocess.DEVNULL,
                stdout=errors,
                stderr=errors,
                pass_fds=[*files, *plan.files],
                start_new_session=True,
            )
        finally:
            os.close(errors)
            theirs.close()
            for file_number in [*plan.files, *files[1:]]:
                os.close(file_number)
        self.pipe = Pipe(ours, max_body=_max_body(role, limits), tick=tick, identify=True)
        self.pid = 0
        self.cpu_s = 0.0
        self.expendable: set[int] = set()  # forks that are ended before the whole group is
        self.ended_others = 0
        self.overrun = False  # ended for its memory
        self._patient_until = 0.0
        self._pidfd = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def ready(self) -> Frame:
        """Wait until the launcher has locked itself in.

        Raises:
            GraderError: it could not start here.
        """
        try:
            frame = self.pipe.receive(time.monotonic() + _START_S)
        except (Closed, Late, Garbled):
            words = self._last_words()
            self.close()
            raise GraderError(
                f"sandbox of the {self.role}",
                f"it did not start ({words or 'no message'})",
                then="Run `practicum doctor` to see what this machine lacks.",
            ) from None
        self.pid = frame.sender_pid
        with suppress(ProcessLookupError):
            self._pidfd = os.pidfd_open(self.pid)
        return frame

    def watch(self) -> None:
        """Look after the group once: one that uses more memory than it may is ended, a fork of it first."""
        group = descendants(self._process.pid)
        if private_bytes(group, self._limits.memory_bytes) <= self._limits.memory_bytes:
            return
        if self.expendable & set(group):
            for pid in (*self.expendable, *self.others()):
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            self.expendable.clear()
            self._patient_until = time.monotonic() + _FREEING_S
        elif time.monotonic() > self._patient_until:
            self.overrun = True
            self.kill()

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the main process inside."""
        if self._pidfd >= 0:
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._pidfd, number)

    def others(self) -> list[int]:
        """Processes of the group that are neither its main process nor the ones that keep the sandbox."""
        kept = {self.pid, *ancestors(self.pid)}
        return [pid for pid in descendants(self._process.pid) if pid not in kept and not is_zombie(pid)]

    def end_others(self) -> bool:
        """End all of :meth:`others`; whether none is left."""
        for _ in range(20):
            others = self.others()
            if not others:
                self.expendable.clear()
                return True
            self.ended_others += len(others)
            self.cpu_s += cpu_s(others)
            for pid in others:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            time.sleep(0.01)
        return False

    def kill(self) -> None:
        """End every process in it."""
        # the keeper's death takes process 1 along, and the kernel then ends all others in the namespace
        for pid in (*descendants(self._process.pid)[:1], self._process.pid):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def close(self) -> None:
        """End it and collect what it used."""
        if self._process.returncode is None:
            self.cpu_s += cpu_s([self._process.pid, *descendants(self._process.pid)])
            self.kill()
            self._process.wait()
        self.pipe.close()
        self._lock.close()
        for name in ("_pidfd", "_errors"):
            if getattr(self, name) >= 0:
                os.close(getattr(self, name))
                setattr(self, name, -1)

    def _last_words(self) -> str:
        select.select([self._errors], [], [], 1.0)
        with suppress(OSError):
            lines = os.read(self._errors, 65536).decode(errors="replace").strip().splitlines()
            return lines[-1][:300] if lines else ""
        return ""


def _max_body(role: str, limits: Limits) -> int:
    # a cell's outputs as JSON: a character outside ASCII takes up to twelve bytes
    return 12 * limits.output_bytes + (1 << 20) if role == "student" else MAX_BYTES + (1 << 20)


def _own_uid() -> tuple[socket.socket, int]:
    # the kernel counts processes by user: two sandboxes of one user would share the limit, so each takes a user
    # of its own, held by a name that vanishes with this process
    lock = socket.socket(socket.AF_UNIX)
    if not has_real_users():
        return lock, INSIDE_UID
    uids = list(REAL_UIDS)
    random.shuffle(uids)
    for uid in uids:
        with suppress(OSError):
            lock.bind(f"\0practicum-sandbox-{uid}")
            return lock, uid
    lock.close()
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
