"""What a lab's notebook asks of its course: ``check(task)`` for a verdict, ``submit()`` to hand in.

Nothing here knows the truth: the course's service, a process of its own, judges. Where no service is
running, and while a submission is being graded, both say so and do nothing.
"""

import json
import os
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

__all__ = ["check", "submit"]

ADDRESS = "PRACTICUM_COURSE"
_CONNECT_S = 5.0
_GRADING_S = 900.0

_NO_SERVICE = (
    "No course service answers here, so nothing was checked. Your work is not affected.\n"
    "Start it with `make up` (or `practicum up`) and open the lab from there, then run this cell again."
)
_AT_GRADING = "Checks are made by the course when this notebook is graded."

# cell id → (source, time of the run): what the kernel ran last, to compare with the saved file
_ran: dict[str, tuple[str, float]] = {}


def check(task: str) -> None:
    """Ask the course for a verdict on ``task`` as the notebook stands now, and show it."""
    if _is_grading():
        print(_AT_GRADING)  # noqa: T201 - the notebook's own output
        return
    try:
        with _service() as connection:
            if _ask(connection, {"do": "check", "task": str(task), **_whereabouts()}).get("serve"):
                _serve(connection)
                _show(_read(connection))
    except _NoAnswer as no_answer:
        _say(str(no_answer))


def submit() -> None:
    """Hand in the saved notebook; shows the points and where the feedback lies."""
    if _is_grading():
        return
    try:
        with _service() as connection:
            ran = {cell: {"source": source, "at": at} for cell, (source, at) in _ran.items()}
            answer = _ask(connection, {"do": "submit", "ran": ran, **_whereabouts()})
            if answer.get("working"):
                print(answer["working"], flush=True)  # noqa: T201 - the notebook's own output
                connection.settimeout(_GRADING_S)
                _show(_read(connection))
    except _NoAnswer as no_answer:
        _say(str(no_answer))


class _NoAnswer(Exception):  # noqa: N818 - it is said, not raised further
    """The service did not answer; the text is for the student."""


def _is_grading() -> bool:
    """Whether this is no notebook of a person at work: then there is nobody to ask."""
    if os.environ.get("NBGRADER_EXECUTION"):
        # stock nbgrader would take a cell that ends well for full points
        raise RuntimeError("This lab's checks are made by `practicum grade`, not by running its check cells.")
    return not os.environ.get(ADDRESS) and "ipykernel" not in sys.modules


@contextmanager
def _service() -> Iterator[socket.socket]:
    address = os.environ.get(ADDRESS)
    if not address:
        raise _NoAnswer(_NO_SERVICE)
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        connection.settimeout(_CONNECT_S)
        connection.connect(address)
        connection.settimeout(_GRADING_S)
        yield connection
    except OSError:
        raise _NoAnswer(_NO_SERVICE) from None
    finally:
        connection.close()


def _ask(connection: socket.socket, request: dict[str, Any]) -> dict[str, Any]:
    connection.sendall(json.dumps(request).encode() + b"\n")
    answer = _read(connection)
    if not (answer.get("serve") or answer.get("working")):
        _show(answer)
    return answer


def _read(connection: socket.socket) -> dict[str, Any]:
    # byte by byte: what follows the line belongs to somebody else
    line = b""
    while not line.endswith(b"\n"):
        piece = connection.recv(1)
        if not piece:
            raise _NoAnswer("The course service stopped before it had answered. Run this cell again.")
        line += piece
    answer: dict[str, Any] = json.loads(line)
    return answer


def _serve(connection: socket.socket) -> None:
    """Answer the checker's questions from this notebook's variables until it has seen enough."""
    from grader.isolation.serving import serve

    connection.setblocking(True)
    try:
        serve(connection, _namespace())
    except ConnectionError:
        raise _NoAnswer("The course service went away while it was looking. Run this cell again.") from None
    connection.settimeout(_GRADING_S)


def _namespace() -> dict[str, object]:
    shell = _shell()
    if shell is not None:
        found: dict[str, object] = shell.user_ns
        return found
    main = sys.modules.get("__main__")
    return vars(main) if main else {}


def _whereabouts() -> dict[str, str]:
    """Where this notebook lies, as far as the kernel knows."""
    shell = _shell()
    path = os.environ.get("JPY_SESSION_NAME", "")
    if shell is not None:
        path = str(shell.user_ns.get("__vsc_ipynb_file__") or path)
    return {"folder": str(Path.cwd()), "notebook": path}


def _shell() -> Any:  # noqa: ANN401 - IPython publishes no types
    ipython = sys.modules.get("IPython")
    return ipython.get_ipython() if ipython else None


def _say(text: str) -> None:
    _show({"text": text, "html": ""})


def _show(answer: dict[str, Any]) -> None:
    text, page = str(answer.get("text", "")), str(answer.get("html", ""))
    if _shell() is None or not page:
        print(text)  # noqa: T201 - the notebook's own output
        return
    from IPython.display import display

    display({"text/html": page, "text/plain": text}, raw=True)  # type: ignore[no-untyped-call]


def _watch_cells() -> None:
    """Remember what the kernel runs, cell by cell, from now on."""
    shell = _shell()
    if shell is None or getattr(shell, "events", None) is None or getattr(shell, "_practicum_watches", False):
        return

    def remember(info: Any) -> None:  # noqa: ANN401 - IPython publishes no types
        cell = getattr(info, "cell_id", None)
        if cell:
            _ran[str(cell)] = (str(info.raw_cell), time.time())

    shell.events.register("pre_run_cell", remember)
    shell._practicum_watches = True  # noqa: SLF001 - a mark of ours, so that importing twice watches once


_watch_cells()
