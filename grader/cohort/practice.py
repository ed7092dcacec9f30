"""Practice on one machine: a local course service that answers ``check`` at once and grades ``submit``.

The service is a process of its own with a throw-away course (``practice = true``, key 0600 under the user's
state folder). The truth stays in it: a notebook's kernel hands over values and calls, and gets words back.
What it grades is marked as practice and never certifies.

``python -m grader.cohort.practice`` runs it; :func:`start_service` starts it and waits until it answers.
"""

import argparse
import getpass
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from grader.checks.verdict import Verdict
from grader.cohort import custody, durable
from grader.cohort.course import create_course, open_course, release_lab
from grader.cohort.desk import Desk
from grader.cohort.grading import Places
from grader.cohort.practice_grading import GradingProcess
from grader.cohort.practice_words import points_table, refusal
from grader.cohort.roster import Student
from grader.cohort.submission import Lesson, read_lesson, read_submission
from grader.cohort.verdict_box import verdict_html, verdict_text
from grader.errors import GraderError
from grader.isolation.job import Ground
from grader.isolation.pool import Pool
from grader.workshop.lab import Lab, find_labs, load_key

STUDENT = "me"
_START_S = 300.0
_REQUEST_BYTES = 4 << 20


@dataclass(frozen=True)
class Service:
    """A running practice service.

    Args:
        socket: where it answers; give it to kernels as ``PRACTICUM_COURSE``.
        workspace: where the labs' notebooks lie, ``<lab>/<lab>.ipynb`` with their ``data/``.
        process: the service.
    """

    socket: Path
    workspace: Path
    process: "subprocess.Popen[bytes]"

    def close(self) -> None:
        """End the service; what was graded stays."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        if self.process.stdout:
            self.process.stdout.close()
        shutil.rmtree(self.socket.parent, ignore_errors=True)


def start_service(state: Path, workspace: Path, labs: Path, datasets: Path, district: Path) -> Service:
    """Start the practice service and wait until it answers.

    Args:
        state: the practicum's folder in the user's state folder; holds the practice course.
        workspace: the student's own folder; notebooks that are there already are kept.
        labs: labs to practise.
        datasets: recipes and reference tables.
        district: the built district.

    Raises:
        GraderError: it could not start; its own message is given.
    """
    # a unix socket's path has room for about 100 bytes: not below a long state folder
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    short = runtime if runtime and len(runtime) < 50 and os.access(runtime, os.W_OK) else "/tmp"  # noqa: S108 - a folder of ours, 0700, is made in it
    address = Path(tempfile.mkdtemp(prefix="practicum-", dir=short)) / "course"
    arguments = [
        f"--{name}={value}"
        for name, value in (
            ("socket", address),
            ("state", state),
            ("workspace", workspace),
            ("labs", labs),
            ("datasets", datasets),
            ("district", district),
            ("parent", os.getpid()),
        )
    ]
    process = subprocess.Popen(
        [sys.executable, "-m", "grader.cohort.practice", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        start_new_session=True,  # Ctrl-C in the terminal is for JupyterLab; it ends this service when it ends
    )
    said = _first_line(process)
    if said.get("ready"):
        return Service(address, workspace, process)
    Service(address, workspace, process).close()
    refused = said.get("refused") or ["practice service", "did not start", "", "Its own message stands above."]
    raise GraderError(*refused)


def _first_line(process: "subprocess.Popen[bytes]") -> dict[str, Any]:
    assert process.stdout is not None  # noqa: S101 - made with a pipe above
    timer = threading.Timer(_START_S, process.kill)
    timer.start()
    try:
        line = process.stdout.readline()
        return dict(json.loads(line)) if line else {}
    except ValueError:
        return {}
    finally:
        timer.cancel()


class PracticeCourse:
    """The throw-away course and the workspace that belongs to it."""

    def __init__(self, state: Path, workspace: Path, labs: Path, places: Places) -> None:
        self.workspace, self.places = workspace, places
        self._pools: dict[str, Pool] = {}
        root = state / "practice"
        self.student = Student(STUDENT, _user_name())
        if (root / "course.toml").exists():
            self.course = open_course(root)
        else:
            durable.make_folder(state, 0o700)
            self.course = create_course(
                root, [self.student], course_id=f"practice-{secrets.token_hex(4)}", practice=True
            )
        self.labs = {lab.id: self._ready(lab) for lab in find_labs(labs)}
        self.lessons = {name: read_lesson(self.course.release_notebook(name), name) for name in self.labs}
        for name in self.labs:
            self._fill(name)

    def lab_at(self, folder: str, notebook: str) -> str:
        """The lab that a notebook in the workspace belongs to.

        Raises:
            GraderError: it is none of them.
        """
        for place in (Path(notebook).parent, Path(folder)):
            for name in self.labs:
                if place.resolve() == (self.workspace / name).resolve():
                    return name
        if len(self.labs) == 1:
            return next(iter(self.labs))
        raise GraderError(
            "this notebook", "does not lie in a lab's folder", then=f"Open the lab from {self.workspace}."
        )

    def desk(self, lab_id: str) -> Desk:
        """Where submissions of a lab are graded."""
        lab = self.labs[lab_id]
        if lab_id not in self._pools:
            self._pools[lab_id] = Pool(Ground(lab.folder, self.places.datasets, self.places.district))
        return Desk(self.course, lab, self.lessons[lab_id], self._pools[lab_id])

    def close(self) -> None:
        """End what grading has kept warm."""
        for pool in self._pools.values():
            pool.close()

    def _ready(self, lab: Lab) -> Lab:
        """Release a new or changed lab; derive the reality once for each version of it."""
        kept = self.course.root / "labs" / lab.id
        changed = not kept.is_dir() or self.course.lab(lab.id).digest() != lab.digest()
        if changed:
            release_lab(self.course, lab)
        if changed or not custody.is_prepared(self.course, self.student, lab.id):
            with custody.TruthProcess(self.course) as process:
                process.prepare(self.student, lab.id)
                if self.course.drawn(self.student.id, lab.id).is_file():
                    process.complete(self.student, lab.id)  # the first check shall not wait for it
        return self.course.lab(lab.id)

    def _fill(self, lab_id: str) -> None:
        """Put notebook and data into the workspace; work that is there stays."""
        home = self.workspace / lab_id
        durable.make_folder(home)
        notebook = home / f"{lab_id}.ipynb"
        if not notebook.exists():
            durable.write(notebook, self.course.release_notebook(lab_id).read_bytes())
        bundle = self.course.bundle(STUDENT, lab_id)
        durable.make_folder(home / "data")
        for path in bundle.iterdir():
            durable.write(home / "data" / path.name, path.read_bytes())


def _user_name() -> str:
    with suppress(OSError, KeyError, ImportError):
        return getpass.getuser()
    return "You"


class _Server:
    """Takes one request a connection; each is worked on in a fork that has the answer key loaded already."""

    def __init__(self, practice: PracticeCourse, listener: socket.socket, parent: int) -> None:
        self._practice, self._listener, self._parent = practice, listener, parent
        self._keys: dict[str, ModuleType] = {}
        self._attempts: dict[tuple[str, str], int] = {}
        self._grading = GradingProcess(self._grade, practice.close)

    def warm(self) -> None:
        """Load the answer keys and what they import, so that a check costs a fork."""
        import numpy as np  # noqa: F401 - every check reads numbers
        import pandas as pd  # noqa: F401 - and tables

        for name, lab in self._practice.labs.items():
            with suppress(GraderError):
                self._keys[name] = load_key(lab.folder)

    def run(self) -> None:
        """Answer until the process ends."""
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        while True:
            ready = _accepted(self._listener)
            _reap()
            if ready is None:
                if self._parent and os.getppid() != self._parent:
                    return  # whoever started the service is gone
                continue
            with ready as connection:
                request = _request(connection)
                if request is None:
                    continue
                if request.get("do") == "submit":
                    self._grading.hand_over(connection, request)
                    continue
                # counted here: a fork's memory is its own
                count = self._count(request)
                pid = os.fork()
                if pid == 0:
                    self._listener.close()
                    _finish(lambda: self._answer(connection, request, count))  # noqa: B023 - called at once, in this fork

    def _count(self, request: Mapping[str, Any]) -> int:
        if request.get("do") != "check":
            return 0
        asked = (str(request.get("folder")), str(request.get("task")))
        self._attempts[asked] = self._attempts.get(asked, 0) + 1
        return self._attempts[asked]

    def _grade(self, connection: socket.socket, request: Mapping[str, Any]) -> None:
        self._listener.close()
        try:
            self._answer(connection, request, 0)
        except Exception:  # noqa: BLE001 - the next one who hands in needs this process
            import traceback

            traceback.print_exc()

    def _answer(self, connection: socket.socket, request: Mapping[str, Any], count: int) -> None:
        connection.settimeout(60)
        try:
            lab_id = self._practice.lab_at(str(request.get("folder", "")), str(request.get("notebook", "")))
            if request.get("do") == "check":
                self._check(connection, lab_id, str(request.get("task")), count)
            elif request.get("do") == "submit":
                self._submit(connection, lab_id, request)
            else:
                _send(connection, refusal(GraderError("request", "is none that this service knows")))
        except GraderError as refused:
            _send(connection, refusal(refused))

    def _check(self, connection: socket.socket, lab_id: str, task: str, count: int) -> None:
        practice = self._practice
        lab = practice.labs[lab_id]
        if task not in lab.auto_points:
            known = ", ".join(lab.auto_points)
            raise GraderError(f"check({task!r})", "is no task of this lab", f"Its tasks are {known}.")
        truth = json.loads(custody.truth(practice.course, practice.student, lab_id))
        key = self._keys.get(lab_id) or load_key(lab.folder)
        _send(connection, {"serve": True})
        verdict = _judge(connection, key, truth, task, lab.auto_points[task])
        connection.settimeout(60)
        note = f"Check {count} of this task since you started." if count > 1 else ""
        shown = {
            "text": verdict_text(verdict, practice=True, note=note),
            "html": verdict_html(verdict, practice=True, note=note),
        }
        _send(connection, {"verdict": verdict.as_json(), **shown})

    def _submit(self, connection: socket.socket, lab_id: str, request: Mapping[str, Any]) -> None:
        practice = self._practice
        notebook = practice.workspace / lab_id / f"{lab_id}.ipynb"
        lesson = practice.lessons[lab_id]
        unsaved = unsaved_answers(notebook, lesson, request.get("ran"))
        if unsaved:
            tasks = {task.id: task.title for task in practice.labs[lab_id].tasks}
            titles = ", ".join(f"“{tasks.get(cell, cell)}”" for cell in unsaved)
            raise GraderError(
                "Not handed in yet",
                f"the saved notebook differs from what you ran in {titles}",
                then="Save the notebook (Ctrl+S), then run this cell again.",
            )
        target = practice.course.submitted(STUDENT, lab_id)
        try:
            durable.write(target, notebook.read_bytes())
        except FileNotFoundError as error:
            raise GraderError(str(notebook), "not found", then="Open the lab from its own folder.") from error
        _send(connection, {"working": "Handed in. Grading it in the sandbox …"})
        outcome = practice.desk(lab_id).grade(practice.student)
        feedback = practice.workspace / lab_id / "feedback.html"
        durable.write(feedback, practice.course.feedback(STUDENT, lab_id).read_bytes())
        _send(connection, points_table(practice.labs[lab_id], outcome.record, feedback))


def unsaved_answers(notebook: Path, lesson: Lesson, ran: object) -> list[str]:
    """Answer cells that the kernel ran in another form than the file has, later than the file was saved."""
    if not isinstance(ran, dict) or not notebook.is_file():
        return []
    saved_at = notebook.stat().st_mtime
    saved = read_submission(notebook.parent, notebook, lesson)
    found = []
    for cell in lesson.released:
        entry = ran.get(cell)
        if not isinstance(entry, dict) or not isinstance(entry.get("source"), str):
            continue
        differs = saved.answers.get(cell, "").strip() != entry["source"].strip()
        if differs and float(entry.get("at", 0)) > saved_at:
            found.append(cell)
    return found


def _judge(
    connection: socket.socket, key: ModuleType, truth: Mapping[str, Any], task: str, max_score: float
) -> Verdict:
    """Judge one task by what the kernel at the other end answers."""
    from grader.checks.judge import judge_all
    from grader.isolation.checker import PipedAnswers
    from grader.isolation.pipe import Closed, Garbled, Late, Pipe

    pipe = Pipe(connection)
    try:
        (verdict,) = judge_all(key, PipedAnswers(pipe), truth, {task: max_score})
    except (Closed, Garbled, Late):
        raise GraderError("check", "the notebook's kernel went away", then="Run the cell again.") from None
    except Exception as error:  # noqa: BLE001 - a check that fails is ours to mend; the notebook must hear something
        traced = f"{type(error).__name__} in the lab's own check"
        verdict = Verdict(task, 0.0, max_score, "could not be checked", f"{traced}. Your work is not affected.")
    with suppress(Closed, Late):
        pipe.send({"ask": "done"})
    connection.setblocking(True)
    return verdict


def _accepted(listener: socket.socket) -> socket.socket | None:
    try:
        connection, _ = listener.accept()
    except TimeoutError:
        return None
    return connection


def _request(connection: socket.socket) -> dict[str, Any] | None:
    connection.settimeout(10)
    text = b""
    with suppress(OSError, ValueError):
        while not text.endswith(b"\n") and len(text) < _REQUEST_BYTES:
            piece = connection.recv(1 << 16)
            if not piece:
                return None
            text += piece
        request = json.loads(text)
        return request if isinstance(request, dict) else None
    return None


def _send(connection: socket.socket, answer: Mapping[str, Any]) -> None:
    with suppress(OSError):
        connection.sendall(json.dumps(answer).encode() + b"\n")


def _finish(work: Callable[[], None]) -> None:
    """End this fork with its work, whatever that does."""
    try:
        work()
    except BaseException:  # noqa: BLE001 - the fork must not go on in the parent's loop
        import traceback

        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(0)


def _reap() -> None:
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def main() -> None:
    """Run the service; the first line on standard output says whether it is ready."""
    parser = argparse.ArgumentParser(prog="python -m grader.cohort.practice")
    for name in ("socket", "state", "workspace", "labs", "datasets", "district"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--parent", type=int, default=0)
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        places = Places(given.datasets, given.district)
        practice = PracticeCourse(given.state, given.workspace, given.labs, places)
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        listener.bind(str(given.socket))
        given.socket.chmod(0o600)
        listener.listen(16)
    except GraderError as refused:
        parts = [refused.where, refused.found, refused.allowed, refused.then]
        print(json.dumps({"refused": parts}), flush=True)  # noqa: T201 - the line that the starter reads
        sys.exit(1)
    print(json.dumps({"ready": True}), flush=True)  # noqa: T201 - likewise
    server = _Server(practice, listener, given.parent)
    server.warm()
    listener.settimeout(2)
    server.run()


if __name__ == "__main__":
    main()
